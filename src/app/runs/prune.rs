//! Deletes old runs. Whatever a baseline rests on stays, and so does a run that may still be going on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cli;
use crate::metrics::RunHeader;
use crate::slo::gate::RunSummary;

use super::super::exit::{Exit, Failure};
use super::super::history::{self, StoredRun};
use super::super::output::{say, write_out};
use super::filtered;

/// What a run's folder holds. Files that are not ours stay, and their folder with them.
const OURS: [&str; 5] = ["report.html", "report.md", "result.json", "junit.xml", "run.jsonl"];

/// Deletes runs, or tells which it would delete.
pub(super) fn prune(args: &cli::Prune) -> Result<Exit, Failure> {
    let mut kept_by_baseline = vec![];
    for path in &args.baseline {
        kept_by_baseline.extend(history::read_baseline(path)?.runs);
    }
    let runs: Vec<StoredRun> = filtered(&args.filter)?.into_iter().map(|(run, _)| run).collect();
    let mut deleted = 0;
    for run in beyond_newest(&runs, args.keep) {
        if run.is_promoted() || rests_on(&run.log.header, &kept_by_baseline) {
            say(&format!("kept: {} belongs to a baseline", run.label()));
        } else if run.log.end.is_none() {
            say(&format!("kept: {} has no end; it may still be going on", run.label()));
        } else {
            if args.yes {
                delete(&run.folder)?;
            }
            deleted += 1;
            write_out(&format!("{}\n", run.label()));
        }
    }
    if args.yes {
        say(&format!("deleted {deleted} of {} runs", runs.len()));
    } else {
        say(&format!("would delete {deleted} of {} runs; `--yes` does it", runs.len()));
    }
    Ok(Exit::Pass)
}

/// All but the newest `keep` of each system and workload. `runs` are in the order of time.
fn beyond_newest(runs: &[StoredRun], keep: usize) -> Vec<&StoredRun> {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut old: Vec<&StoredRun> = runs
        .iter()
        .rev()
        .filter(|run| {
            let header = &run.log.header;
            let count = seen.entry((&header.name, &header.workload)).or_default();
            *count += 1;
            *count > keep
        })
        .collect();
    old.reverse();
    old
}

/// Whether a baseline holds the summary of this run.
fn rests_on(header: &RunHeader, baseline: &[RunSummary]) -> bool {
    baseline.iter().any(|run| {
        run.started_utc == header.started_utc
            && run.conditions.name == header.name
            && run.conditions.workload == header.workload
            && run.conditions.seed == header.seed
    })
}

/// The log goes last: a run whose deletion breaks off is still found as one.
fn delete(folder: &Path) -> Result<(), Failure> {
    for name in OURS {
        let path = folder.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| {
                Failure::while_doing(&format!("cannot delete `{}`", path.display()), &error)
            })?;
        }
    }
    // Fails where something else is in it, which then is not ours to delete.
    if fs::remove_dir(folder).is_err() {
        say(&format!("kept: `{}` holds other files", folder.display()));
    }
    Ok(())
}
