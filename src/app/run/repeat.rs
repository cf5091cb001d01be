//! Several runs in a row, each with a seed of its own: the unit of a comparison is the run.

use std::path::PathBuf;

use crate::cli;
use crate::plan::DEFAULT_SEED;

use super::super::exit::{Exit, Failure};
use super::super::files;
use super::super::history::DISCARDED;
use super::super::output::say;

/// How one run of a series ended.
pub(in super::super) struct RunEnding {
    pub(in super::super) exit: Exit,
    pub(in super::super) folder: PathBuf,
    /// Why the measurement is not valid; none where it can support a verdict.
    pub(in super::super) not_valid: Option<String>,
}

/// How often a series is played.
#[derive(Clone, Copy)]
pub(in super::super) struct RepeatPlan {
    /// So many runs.
    pub(in super::super) times: u32,
    /// Each is played again up to so often where it is not valid.
    pub(in super::super) retries: u32,
}

/// Makes the runs and returns the worst of them; an interrupted one ends the series.
///
/// The seeds follow each other from the one asked for, so that a baseline and a candidate made by the same
/// command meet the same arrivals. A run that is not valid is discarded and played again with its seed, where
/// the series allows it; it stays on the disk, marked, and says nothing of the target.
pub(in super::super) fn repeated(
    series: RepeatPlan,
    load: &cli::LoadArgs,
    mut run: impl FnMut(&cli::LoadArgs) -> Result<RunEnding, Failure>,
) -> Result<Exit, Failure> {
    let RepeatPlan { times, retries } = series;
    let first = load.seed.unwrap_or(DEFAULT_SEED.get());
    let mut worst = Exit::Pass;
    for at in 0..times {
        let mut again = 0;
        let seed = Some(first.wrapping_add(u64::from(at)));
        let load =
            cli::LoadArgs { seed: if times == 1 { load.seed } else { seed }, ..load.clone() };
        let exit = loop {
            if times > 1 {
                say(&format!("run {} of {times}", at + 1));
            }
            let ending = run(&load)?;
            match &ending.not_valid {
                Some(reason) if again < retries && ending.exit != Exit::Interrupted => {
                    again += 1;
                    discard(&ending, reason, (again, retries))?;
                }
                _ => break ending.exit,
            }
        };
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        worst = worst.worse(exit);
    }
    Ok(worst)
}

/// Marks a run so that no comparison takes it, and says why.
fn discard(ending: &RunEnding, reason: &str, (again, most): (u32, u32)) -> Result<(), Failure> {
    let shown = ending.folder.display();
    say(&format!(
        "not valid, so it is discarded and played again ({again} of at most {most}): {reason}"
    ));
    say(&format!("discarded: {shown}"));
    let note = format!("not valid, and played again; comparisons leave this run out: {reason}\n");
    files::write_reports(&ending.folder, &[(DISCARDED, note.into_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: u8, folder: &std::path::Path, not_valid: Option<&str>) -> RunEnding {
        let not_valid = not_valid.map(str::to_owned);
        RunEnding { exit: Exit::Judged(code), folder: folder.to_owned(), not_valid }
    }

    #[test]
    fn repeated_runs_take_seeds_in_a_row_and_tell_the_worst() {
        let mut seeds = vec![];
        let load = cli::LoadArgs { seed: Some(40), ..cli::LoadArgs::default() };
        let mut codes = [0, 99, 97].into_iter();
        let exit = repeated(RepeatPlan { times: 3, retries: 0 }, &load, |load| {
            seeds.push(load.seed);
            Ok(ended(codes.next().expect("three runs"), "nowhere".as_ref(), None))
        });
        assert_eq!(seeds, [Some(40), Some(41), Some(42)]);
        assert_eq!(exit.expect("ran").number(), 99);
    }

    #[test]
    fn interrupted_run_ends_the_series() {
        let mut count = 0;
        let exit = repeated(RepeatPlan { times: 5, retries: 2 }, &cli::LoadArgs::default(), |_| {
            count += 1;
            Ok(RunEnding { exit: Exit::Interrupted, ..ended(0, "nowhere".as_ref(), Some("cut")) })
        });
        assert_eq!((count, exit.expect("ran").number()), (1, 130));
    }

    #[test]
    fn run_that_is_not_valid_is_kept_marked_and_played_again_with_its_seed() {
        let out = tempfile::tempdir().expect("a folder");
        let mut seeds = vec![];
        let load = cli::LoadArgs { seed: Some(7), ..cli::LoadArgs::default() };
        let mut reasons = [None, Some("late"), Some("late"), None].into_iter();
        let exit = repeated(RepeatPlan { times: 2, retries: 3 }, &load, |load| {
            let folder = out.path().join(seeds.len().to_string());
            std::fs::create_dir(&folder).expect("a folder");
            seeds.push(load.seed);
            let reason = reasons.next().expect("four runs");
            Ok(ended(if reason.is_some() { 97 } else { 0 }, &folder, reason))
        });
        assert_eq!(seeds, [Some(7), Some(8), Some(8), Some(8)]);
        assert_eq!(exit.expect("ran").number(), 0, "what was discarded does not count");
        let marked = |at: usize| out.path().join(at.to_string()).join(DISCARDED).exists();
        assert_eq!([0, 1, 2, 3].map(marked), [false, true, true, false]);
    }

    #[test]
    fn run_that_stays_not_valid_counts_once_no_retry_is_left() {
        let out = tempfile::tempdir().expect("a folder");
        let mut count = 0;
        let exit =
            repeated(RepeatPlan { times: 1, retries: 1 }, &cli::LoadArgs::default(), |load| {
                assert_eq!(load.seed, None, "a single run keeps the seed of the file");
                count += 1;
                Ok(ended(97, out.path(), Some("late")))
            });
        assert_eq!((count, exit.expect("ran").number()), (2, 97));
    }
}
