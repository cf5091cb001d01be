//! The application: commands, wiring, files, the wall clock and the exit code.
//!
//! Everything else is given what it needs; only here are the environment, the clock on the wall and the
//! file system asked. Data goes to stdout, talk to stderr.

mod abort;
mod asked;
mod audience;
mod browsing;
mod capacity;
mod check;
mod compare;
mod compiled;
mod conclusion;
mod conditions;
mod cores;
mod demo;
mod deploy;
mod drive;
mod embedded;
mod exit;
mod export;
mod files;
#[cfg(feature = "fleet")]
mod fleet;
mod gate;
mod guard;
mod header;
mod help;
mod history;
mod hooks;
mod import;
mod init;
mod large_file;
mod lifecycle;
mod log_writer;
mod look;
mod manual;
mod mark;
mod mask;
mod merge;
mod observing;
mod output;
mod page_trial;
mod panics;
mod preflight;
mod prepare;
mod problems;
mod progress;
mod prove;
mod proxies;
mod reach;
mod report;
mod run;
mod runs;
mod runtime;
mod sign_off;
mod signals;
mod simulate;
mod simulated_stack;
mod sources;
mod stored_log;
mod talk;
mod trace;
#[cfg(feature = "tui")]
mod tui;
mod url;
mod wall;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, CliCommand, SchemaKind};
use crate::report::schemas::OutputSchema;
use crate::scenario::format::json_schema::json_schema;
use crate::scenario::format::reference::reference_page;

use exit::{Exit, Failure};
use output::{say, write_out};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    panics::say_panics();
    let cli = Cli::parse();
    look::choose(look::TerminalChoice {
        theme: cli.theme,
        ascii: cli.ascii,
        no_mouse: cli.no_mouse,
    });
    let Some(command) = cli.command else { return ended(without_command()) };
    ended(match command {
        CliCommand::Demo(demo) => demo::demo(&demo),
        CliCommand::Check(check) => check::check(&check),
        CliCommand::Init(args) => init::init(&args),
        CliCommand::Run(run) => run::run(&run),
        CliCommand::Capacity(args) => capacity::capacity(&args),
        CliCommand::Report(report) => report::report(&report),
        CliCommand::Merge(merge) => merge::merge(&merge),
        #[cfg(feature = "fleet")]
        CliCommand::Agent(args) => fleet::agent(&args),
        #[cfg(not(feature = "fleet"))]
        CliCommand::Agent(_) => Err(Failure::without_fleet()),
        CliCommand::Deploy(args) => deploy::deploy(&args),
        CliCommand::Gate(gate) => gate::gate(&gate),
        CliCommand::Compare(compare) => compare::compare(&compare),
        CliCommand::Runs(runs) => runs::runs(&runs),
        CliCommand::Mark(mark) => mark::mark(&mark),
        CliCommand::Simulate(simulate) => simulate::simulate(&simulate),
        CliCommand::Import(args) => import::import(&args),
        CliCommand::Schema { of, reference } => {
            write_out(&schema(of, reference)).map(|()| Exit::Pass)
        }
        CliCommand::Prove(args) => prove::prove(&args),
        CliCommand::Man { out } => manual::manual(out.as_deref()),
        CliCommand::Help(args) => help::help(&args),
        CliCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "plimsoll", &mut script);
            write_out(&String::from_utf8_lossy(&script)).map(|()| Exit::Pass)
        }
    })
}

/// The schema of files or of what is written; of files, the page of the reference instead.
fn schema(of: SchemaKind, reference: bool) -> String {
    let of_file = |format| {
        if reference { reference_page(format) } else { format!("{:#}\n", json_schema(format)) }
    };
    match of {
        SchemaKind::Scenario => of_file(&crate::scenario::SCENARIO_FILE),
        SchemaKind::Stack => of_file(&crate::scenario::STACK_FILE),
        SchemaKind::Simulation => of_file(&crate::simulator::SIMULATION_FILE),
        SchemaKind::Result => OutputSchema::Result.text().to_owned(),
        SchemaKind::Capacity => OutputSchema::Capacity.text().to_owned(),
        SchemaKind::Gate => OutputSchema::Gate.text().to_owned(),
        SchemaKind::Events => OutputSchema::Events.text().to_owned(),
        SchemaKind::Check => OutputSchema::Check.text().to_owned(),
        SchemaKind::Prove => OutputSchema::Prove.text().to_owned(),
    }
}

/// The exit code of a command, and what there is to say about it.
fn ended(outcome: Result<Exit, Failure>) -> ExitCode {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(Failure { exit, message, .. }) => {
            if !message.is_empty() {
                say(&message);
            }
            exit
        }
    };
    let exit = if stored_log::has_changed() {
        say("error: a run log changed while it was read: what was made of it is wrong");
        exit.worse(Exit::Error)
    } else {
        exit
    };
    talk::wait();
    exit.code()
}

/// `plimsoll` alone: the launcher on a terminal, the help elsewhere.
fn without_command() -> Result<Exit, Failure> {
    #[cfg(feature = "tui")]
    if tui::is_possible() {
        return tui::launcher();
    }
    let help = Cli::command().render_help();
    Err(Failure::new(Exit::Usage, format!("{help}")))
}
