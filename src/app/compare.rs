//! `plimsoll compare`: two sides set against each other, without an SLO verdict.

use std::path::Path;
use std::slice;

use crate::cli;
use crate::plan::DEFAULT_SEED;
use crate::report::gate::GateReport;
use crate::report::terminal;
use crate::report::terminal::TerminalStyle;
use crate::slo::Strictness;
use crate::slo::gate::RunSummary;

use super::asked::{FleetRole, RunRequest};
use super::exit::{Exit, Failure};
use super::gate::{compare_sides, compared_times, page, print};
use super::output::say;
use super::run::play;
use super::{files, history};

/// Runs of both sides: baseline and candidate.
type RunSides = [Vec<RunSummary>; 2];

/// Compares as the command line asks; the exit code tells whether B regressed against A.
pub(super) fn compare(args: &cli::CompareArgs) -> Result<Exit, Failure> {
    let sides = match &args.interleave.scenario {
        Some(scenario) => match in_turns(scenario, args)? {
            Some(sides) => sides,
            None => return Ok(Exit::Interrupted),
        },
        None => stored(args)?,
    };
    let [baseline, candidate] = sides;
    let compared = compare_sides(&baseline, &candidate, &args.rules)?;
    let conditions = candidate.first().or(baseline.first()).map(|run| &run.conditions);
    let report = GateReport {
        system: conditions.map(|of| of.name.clone()).unwrap_or_default(),
        workload: conditions.map(|of| of.workload.clone()).unwrap_or_default(),
        strictness: Strictness::Normal,
        runs: vec![],
        compared,
    };
    print(&report, args.format, args.rules.all)?;
    if let Some(file) = &args.html {
        let times = match args.interleave.scenario {
            Some(_) => None,
            None => {
                compared_times(slice::from_ref(&args.baseline), slice::from_ref(&args.candidate))?
            }
        };
        files::write_file(file, page(&report, times.as_ref())?.as_bytes())?;
        say(&format!("comparison: {}", file.display()));
    }
    Ok(Exit::Judged(report.exit_code()))
}

fn stored(args: &cli::CompareArgs) -> Result<RunSides, Failure> {
    let asked = &args.interleave;
    if asked.load != cli::LoadArgs::default()
        || !asked.set.is_empty()
        || !asked.i_may_load.is_empty()
    {
        let message = "error: options that shape load need `--interleave SCENARIO`";
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok([
        history::summaries(slice::from_ref(&args.baseline))?,
        history::summaries(slice::from_ref(&args.candidate))?,
    ])
}

/// Loads both targets in turns, A B B A A B …, each pair with a seed of its own; none where a signal ended it.
///
/// Each target comes first as often as second: drift over the whole hits both sides alike.
fn in_turns(scenario: &Path, args: &cli::CompareArgs) -> Result<Option<RunSides>, Failure> {
    let targets = [url(&args.baseline)?, url(&args.candidate)?];
    let first = args.interleave.load.seed.unwrap_or(DEFAULT_SEED.get());
    let mut sides: RunSides = [vec![], vec![]];
    for pair in 0..args.interleave.repeat {
        let seed = first.wrapping_add(u64::from(pair));
        for side in turns(pair) {
            say(&format!(
                "pair {} of {}: {}, {}",
                pair + 1,
                args.interleave.repeat,
                ["A", "B"][side],
                targets[side]
            ));
            match one(scenario, &args.interleave, &targets[side], seed)? {
                Some(summary) => sides[side].push(summary),
                None => return Ok(None),
            }
        }
    }
    Ok(Some(sides))
}

/// Which side is loaded first and which second.
const fn turns(pair: u32) -> [usize; 2] {
    if pair.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

/// One run; none where a signal ended it.
fn one(
    scenario: &Path,
    asked: &cli::InterleaveArgs,
    target: &str,
    seed: u64,
) -> Result<Option<RunSummary>, Failure> {
    let how = RunRequest {
        target: Some(target.to_owned()),
        green: cli::SplitArgs::default(),
        settings: &asked.set,
        shard: None,
        of_url: None,
        tags: &[],
        preflight: true,
        may_load: &asked.i_may_load,
        browsers: false,
        simulated: false,
        role: FleetRole::Alone,
    };
    let load = cli::LoadArgs { seed: Some(seed), ..asked.load.clone() };
    let output = cli::OutputArgs {
        out: asked.out.clone(),
        strict: false,
        quiet: true,
        format: cli::ResultFormat::Text,
    };
    let played = play(scenario, &how, &load, (&output, &cli::ExportArgs::default()))?;
    if played.exit == Exit::Interrupted {
        return Ok(None);
    }
    say(&terminal::answer_line(&played.concluded.report, TerminalStyle::Plain));
    Ok(Some(RunSummary::of(&files::read_log(&played.folder)?.0)))
}

/// A target as the user named it.
fn url(named: &Path) -> Result<String, Failure> {
    let text = named.display().to_string();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text);
    }
    Err(Failure::new(
        Exit::Usage,
        format!(
            "error: with `--interleave`, A and B are targets such as http://127.0.0.1:8080, which `{text}` is not"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_comes_first_as_often_as_second() {
        let order: Vec<usize> = (0..4).flat_map(turns).collect();
        assert_eq!(order, [0, 1, 1, 0, 0, 1, 1, 0]);
    }
}
