//! `plimsoll demo`: a simulated system in a process of its own, load on it, a verdict and reports.

use crate::cli;

use super::asked::RunRequest;
use super::embedded;
use super::exit::{Exit, Failure};
use super::output::say;
use super::run::repeat::{RepeatPlan, RunEnding, repeated};
use super::run::run_scenario;
use super::simulate::{change, read_simulation, simulation_file};
use super::simulated_stack::{DemoStack, changes, visitors};

/// Starts the stack, runs the workload, reports.
pub(super) fn demo(args: &cli::DemoArgs) -> Result<Exit, Failure> {
    if args.capacity {
        return super::capacity::demo::demo(args);
    }
    // Each run gets a stack of its own: caches that the run before has filled would make the next one quicker.
    let series = RepeatPlan { times: args.repeat, retries: args.retry_invalid };
    repeated(series, &args.load, |load| play(args, load))
}

fn play(args: &cli::DemoArgs, load: &cli::LoadArgs) -> Result<RunEnding, Failure> {
    let system = args.system.name();
    // What cannot be changed is refused here, before the simulator's process begins, where the message is seen.
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
