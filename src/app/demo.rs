//! `plimsoll demo`: a simulated system in a process of its own, load on it, a verdict and reports.

use crate::cli;

use super::asked::{FleetRole, RunRequest};
use super::embedded;
use super::exit::{Exit, Failure};
use super::output::say;
use super::run::repeat::{RepeatPlan, RunEnding, repeated};
use super::run::run_scenario;
use super::simulate::{change, read_simulation, simulation_file};
use super::simulated_stack::{DemoStack, changes, visitors};
use crate::simulator::Simulation;
use crate::simulator::model::{FaultAction, TierId};
use crate::units::{Nanos, RunTime};

/// The systems whose pages browsers open, beside their workload `pages`.
const WITH_PAGES: [cli::System; 3] = [cli::System::Ais, cli::System::Running, cli::System::Triple];

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
    if args.browsers && !WITH_PAGES.contains(&args.system) {
        let hint = "the demos of ais, running and triple have";
        let message = format!("error: {system} has no pages to open in browsers\nhint: {hint}");
        return Err(Failure::new(Exit::Usage, message));
    }
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
        of_url: None,
        tags: &tags,
        preflight: true,
        may_load: &[],
        simulated: true,
        role: FleetRole::Alone,
        browsers: args.browsers,
    };
    let mut load = load.clone();
    let workload = if args.browsers { "pages" } else { "demo" };
    load.workload.get_or_insert_with(|| workload.to_owned());
    load.mark.extend(fault_marks(&simulation));
    run_scenario(&embedded::folder(system), &asked, &load, (&args.output, &args.export))
}

/// What goes wrong in the stack as marks of the run, so that its charts show when. The stack's clock begins when it is
/// started, moments before the run's.
fn fault_marks(simulation: &Simulation) -> Vec<(String, Nanos)> {
    // What holds from the beginning is a condition and no event.
    let later = simulation.faults.iter().filter(|fault| fault.at > RunTime::ZERO);
    let name = |tier: TierId| {
        let known = simulation.tiers.get(tier.index());
        known.map_or("a tier", |tier| tier.name.as_str())
    };
    let words = |action: FaultAction| match action {
        FaultAction::Kill { tier, replica } => {
            format!("{}: replica {} dies", name(tier), replica + 1)
        }
        FaultAction::Revive { tier, replica } => {
            format!("{}: replica {} is back", name(tier), replica + 1)
        }
        FaultAction::Drain { tier, replica } => {
            format!("{}: replica {} gets no more requests", name(tier), replica + 1)
        }
        FaultAction::Slow { tier, factor } if factor <= 1.0 => {
            format!("{}: as fast as before", name(tier))
        }
        FaultAction::Slow { tier, factor } => format!("{}: takes {factor} × as long", name(tier)),
        FaultAction::Errors { tier, share, .. } if share <= 0.0 => {
            format!("{}: no more errors", name(tier))
        }
        FaultAction::Errors { tier, share, status } => {
            format!("{}: {} % fail with {status}", name(tier), share * 100.0)
        }
        FaultAction::Lag { tier, stops: true } => format!("{}: the standby stops", name(tier)),
        FaultAction::Lag { tier, stops: false } => format!("{}: the standby goes on", name(tier)),
        FaultAction::Freeze { span, every: None } => format!("everything stands still for {span}"),
        FaultAction::Freeze { span, every: Some(every) } => {
            format!("everything stands still for {span}, every {every}")
        }
    };
    later.map(|fault| (words(fault.action), fault.at.since(RunTime::ZERO))).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn systems_with_pages_are_those_whose_files_have_browsers() {
        for system in cli::System::value_variants() {
            let path = embedded::folder(system.name()).join("scenario.yaml");
            let text = std::str::from_utf8(embedded::read(&path).expect("a file")).expect("text");
            assert_eq!(text.contains("\nbrowsers:"), WITH_PAGES.contains(system), "{system:?}");
        }
    }

    #[test]
    fn death_of_a_replica_is_an_event_of_the_run() {
        let mut simulation =
            read_simulation(&simulation_file(&embedded::folder("ais"))).expect("a simulation");
        assert_eq!(fault_marks(&simulation), []);
        assert!(simulation.use_faults("replica_dies"));
        let marks = fault_marks(&simulation);
        let texts: Vec<&str> = marks.iter().map(|(text, _)| text.as_str()).collect();
        assert!(texts[0].ends_with("dies") && texts[1].ends_with("is back"), "{texts:?}");
        assert!(marks[0].1 < marks[1].1);
    }
}
