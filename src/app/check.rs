//! `plimsoll check`: everything that is wrong with files, at once; and one look at real answers.

mod answer;
mod notes;

use std::path::Path;
use std::sync::Arc;

use crate::cli;
use crate::engine::RunOptions;
use crate::plan::{Overrides, Plan};
use crate::report::format;
use crate::scenario::load_from;
use crate::units::Seed;

use super::compiled::{permit_for, plan_of, tls_for};
use super::exit::{Exit, Failure};
use super::output::{say, write_out};
use super::preflight::look_ahead;
use super::proxies::unused_proxies;
use super::reach::out_of_reach;
use super::runtime::runtime;
use super::simulate::{read_simulation, simulation_file};
use super::sources::StackPrograms;
use super::{files, trace};

/// Checks every path; the exit code tells whether all is well.
pub(super) fn check(args: &cli::CheckArgs) -> Result<Exit, Failure> {
    let as_json = args.format == cli::ResultFormat::Json;
    let mut exit = Exit::Pass;
    let mut answers = vec![];
    for path in &args.paths {
        match check_one(path, args) {
            Ok((plan, merges)) => {
                if as_json {
                    answers.push(answer::good(path, plan.as_deref(), &merges));
                } else {
                    exit = exit.worse(say_well(path, plan, &merges, args)?);
                }
            }
            Err(failure) => {
                if as_json {
                    answers.push(answer::bad(path, &failure));
                } else {
                    say(&failure.message);
                }
                exit = exit.worse(failure.exit);
            }
        }
    }
    if as_json {
        write_out(&answer::document(&answers))?;
    }
    Ok(exit)
}

/// The plan of a path, and what to note of its files; a simulation alone has no plan.
fn check_one(
    path: &Path,
    args: &cli::CheckArgs,
) -> Result<(Option<Arc<Plan>>, Vec<String>), Failure> {
    let simulation = simulation_file(path);
    if simulation == path && path.ends_with("simulation.yaml") {
        read_simulation(path)?;
        return Ok((None, vec![]));
    }
    let loaded = load_from(path, &args.set, files::access(), &files::variable);
    let overrides = Overrides {
        target: args.target.clone(),
        seed: args.seed.map(Seed::new),
        ..Overrides::default()
    };
    let (plan, _) = plan_of(&loaded, &overrides, StackPrograms::Here)?;
    if path.is_dir() && simulation.exists() {
        read_simulation(&simulation)?;
    }
    let mut notes = notes::of_files(&loaded, &plan);
    notes.extend(unused_proxies(&plan, &files::variable));
    notes.extend(out_of_reach(&plan));
    Ok((Some(Arc::new(plan)), notes))
}

/// Says that a path is all right, and plays it once where that was asked for.
fn say_well(
    path: &Path,
    plan: Option<Arc<Plan>>,
    notes: &[String],
    args: &cli::CheckArgs,
) -> Result<Exit, Failure> {
    let Some(plan) = plan else {
        write_out(&format!("{}: ok\n", path.display()))?;
        return Ok(Exit::Pass);
    };
    write_out(&format!("{}: ok; {}\n", path.display(), describe(&plan)))?;
    for note in notes {
        say(&format!("note: {note}"));
    }
    if args.once { once(&plan, args) } else { Ok(Exit::Pass) }
}

pub(super) fn describe(plan: &Plan) -> String {
    format!(
        "{}, {}, {}",
        format::counted(plan.scenarios.len() as u64, "scenario"),
        format::counted(plan.steps.len() as u64, "step"),
        format::counted(plan.judged_objectives() as u64, "objective"),
    )
}

/// One iteration of each scenario, every exchange printed.
fn once(plan: &Arc<Plan>, args: &cli::CheckArgs) -> Result<Exit, Failure> {
    let permit = permit_for(plan, &args.i_may_load);
    let options = RunOptions { workers: 1, tls: tls_for(plan)?, permit, connections: u64::MAX };
    let runtime = runtime()?;
    let told = look_ahead(&runtime, plan, &options)?;
    for sentence in told {
        say(&format!("warning: {sentence}"));
    }
    let playing = trace::play_each(plan, &options, &args.i_may_load);
    let all_well = tokio::task::LocalSet::new().block_on(&runtime, playing)?;
    Ok(if all_well { Exit::Pass } else { Exit::Judged(99) })
}
