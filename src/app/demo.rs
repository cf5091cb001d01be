//! `plimsoll demo`: a simulated system in a process of its own, load on it, a verdict and reports.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::cli;
use crate::units::Nanos;

use super::embedded;
use super::exit::{Exit, Failure};
use super::output::say;
use super::run::repeat::repeated;
use super::run::{RunRequest, run_scenario};
use super::simulate::{change, read_simulation, simulation_file};

/// The simulated stack, as a child process that ends with its owner.
pub(super) struct DemoStack {
    child: Child,
    pub(super) url: String,
}

/// A demo never lasts longer, whatever happens to its parent.
const LIFETIME: Nanos = Nanos::from_secs(3_600);

/// Starts the stack, runs the workload, reports.
pub(super) fn demo(args: &cli::DemoArgs) -> Result<Exit, Failure> {
    if args.capacity {
        return super::capacity::demo::demo(args);
    }
    // Each run gets a stack of its own: caches that the run before has filled would make the next one quicker.
    repeated(args.repeat, &args.load, |load| play(args, load))
}

fn play(args: &cli::DemoArgs, load: &cli::LoadArgs) -> Result<Exit, Failure> {
    let system = args.system.name();
    // What cannot be changed is told here, where it is heard, before the process of its own begins.
    let mut simulation = read_simulation(&simulation_file(&embedded::folder(system)))?;
    change(&mut simulation, &args.stack)?;
    let stack = DemoStack::start(system, &args.stack)?;
    if !args.output.quiet {
        say(&format!("demo {system}: a simulated stack answers at {}", stack.url));
    }
    let visitors = visitors();
    let mut tags = vec![("stack".to_owned(), "simulated".to_owned())];
    // What was changed is a condition of the run: runs of unlike stacks are not compared. A tier that was slowed
    // is what a comparison should find.
    let told = changes(&args.stack).into_iter().filter(|(option, _)| *option != "slow");
    tags.extend(told.map(|(option, value)| (option.to_owned(), value)));
    let asked = RunRequest {
        target: Some(stack.url.clone()),
        green: cli::SplitArgs::default(),
        settings: &visitors,
        shard: None,
        tags: &tags,
        preflight: true,
        may_load: &[],
        simulated: true,
    };
    let mut load = load.clone();
    load.workload.get_or_insert_with(|| "demo".to_owned());
    run_scenario(&embedded::folder(system), &asked, &load, (&args.output, &args.export))
}

/// Every visitor comes anew and from an address of its own, as in life: limits per address act on each.
pub(super) fn visitors() -> [(String, String); 2] {
    [
        ("http.source_ips".to_owned(), "[127.1.0.0/20]".to_owned()),
        ("http.connections".to_owned(), "per_iteration".to_owned()),
    ]
}

/// The changes as `simulate` takes them: options, each with its value.
fn changes(stack: &cli::StackChangeArgs) -> Vec<(&'static str, String)> {
    let counts = |option, counts: &[(String, u32)]| {
        let pair = |(tier, count): &(String, u32)| (option, format!("{tier}={count}"));
        counts.iter().map(pair).collect::<Vec<_>>()
    };
    let mut changes = counts("replicas", &stack.replicas);
    changes.extend(counts("cores", &stack.cores));
    changes.extend(stack.slow.iter().map(|(tier, longer)| ("slow", format!("{tier}={longer}"))));
    changes
        .extend(stack.token_ttl.iter().map(|(kind, ttl)| ("token-ttl", format!("{kind}={ttl}"))));
    changes.extend(stack.faults.iter().map(|name| ("faults", name.clone())));
    changes
}

impl DemoStack {
    /// Starts it, changed as asked, and awaits its address.
    pub(super) fn start(system: &str, stack: &cli::StackChangeArgs) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::while_doing("cannot start the simulated stack", error)
        };
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut child = Command::new(program)
            .arg("simulate")
            .arg(embedded::folder(system))
            .args(["--listen", "127.0.0.1:0", "--stop-after", &LIFETIME.to_string()])
            .args(changes(stack).iter().map(|(option, value)| format!("--{option}={value}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut url = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut url).map_err(|error| failed(&error))?;
        }
        let url = url.trim().to_owned();
        let stack = Self { child, url };
        if stack.url.is_empty() {
            return Err(failed(&"it ended before it said where it listens"));
        }
        Ok(stack)
    }
}

impl Drop for DemoStack {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
