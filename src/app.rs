//! The application: commands, wiring, files, the wall clock and the exit code.
//!
//! Everything else is given what it needs; only here are the environment, the clock on the wall and the
//! file system asked. Data goes to stdout, talk to stderr.

mod asked;
mod audience;
mod capacity;
mod check;
mod compare;
mod compiled;
mod conclusion;
mod conditions;
mod demo;
mod drive;
mod embedded;
mod exit;
mod export;
mod files;
mod gate;
mod guard;
mod header;
mod history;
mod hooks;
mod import;
mod log_writer;
mod mark;
mod mask;
mod merge;
mod observing;
mod output;
mod panics;
mod preflight;
mod prepare;
mod progress;
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
mod wall;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, CliCommand, FileKind};
use crate::scenario::format::json_schema::json_schema;
use crate::scenario::format::reference::reference_page;

use exit::{Exit, Failure};
use output::{say, write_out};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    panics::say_panics();
    let cli = Cli::parse();
    let Some(command) = cli.command else { return ended(without_command()) };
    ended(match command {
        CliCommand::Demo(demo) => demo::demo(&demo),
        CliCommand::Check(check) => check::check(&check),
        CliCommand::Run(run) => run::run(&run),
        CliCommand::Capacity(args) => capacity::capacity(&args),
        CliCommand::Report(report) => report::report(&report),
        CliCommand::Merge(merge) => merge::merge(&merge),
        CliCommand::Gate(gate) => gate::gate(&gate),
        CliCommand::Compare(compare) => compare::compare(&compare),
        CliCommand::Runs(runs) => runs::runs(&runs),
        CliCommand::Mark(mark) => mark::mark(&mark),
        CliCommand::Simulate(simulate) => simulate::simulate(&simulate),
        CliCommand::Import(args) => import::import(&args),
        CliCommand::Schema { of, reference } => {
            let format = match of {
                FileKind::Scenario => &crate::scenario::SCENARIO_FILE,
                FileKind::Stack => &crate::scenario::STACK_FILE,
                FileKind::Simulation => &crate::simulator::SIMULATION_FILE,
            };
            let text = if reference {
                reference_page(format)
            } else {
                format!("{:#}\n", json_schema(format))
            };
            write_out(&text).map(|()| Exit::Pass)
        }
        CliCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "plimsoll", &mut script);
            write_out(&String::from_utf8_lossy(&script)).map(|()| Exit::Pass)
        }
    })
}

/// The exit code of a command, and what there is to say about it.
fn ended(outcome: Result<Exit, Failure>) -> ExitCode {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(Failure { exit, message }) => {
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
