//! Several runs in a row, each with a seed of its own: the unit of a comparison is the run.

use crate::cli;
use crate::plan::DEFAULT_SEED;

use super::super::exit::{Exit, Failure};
use super::super::output::say;

/// Makes `times` runs and returns the worst of them; an interrupted one ends the series.
///
/// The seeds follow each other from the one asked for, so that a baseline and a candidate made by the same
/// command meet the same arrivals.
pub(in super::super) fn repeated(
    times: u32,
    load: &cli::LoadArgs,
    mut run: impl FnMut(&cli::LoadArgs) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    if times == 1 {
        return run(load);
    }
    let first = load.seed.unwrap_or(DEFAULT_SEED.get());
    let mut worst = Exit::Pass;
    for at in 0..times {
        say(&format!("run {} of {times}", at + 1));
        let seed = Some(first.wrapping_add(u64::from(at)));
        let exit = run(&cli::LoadArgs { seed, ..load.clone() })?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        worst = worst.worse(exit);
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_runs_take_seeds_in_a_row_and_tell_the_worst() {
        let mut seeds = vec![];
        let load = cli::LoadArgs { seed: Some(40), ..cli::LoadArgs::default() };
        let mut codes = [0, 99, 97].into_iter();
        let exit = repeated(3, &load, |load| {
            seeds.push(load.seed);
            Ok(Exit::Judged(codes.next().expect("three runs")))
        });
        assert_eq!(seeds, [Some(40), Some(41), Some(42)]);
        assert_eq!(exit.expect("ran").number(), 99);
    }

    #[test]
    fn interrupted_run_ends_the_series() {
        let mut count = 0;
        let exit = repeated(5, &cli::LoadArgs::default(), |_| {
            count += 1;
            Ok(Exit::Interrupted)
        });
        assert_eq!((count, exit.expect("ran").number()), (1, 130));
    }
}
