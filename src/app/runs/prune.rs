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
use super::filter::filtered;

/// What a run's folder holds. Files that are not ours stay, and their folder with them.
const OURS: [&str; 11] = [
    "report.html",
    "report.md",
    "result.json",
    "junit.xml",
    "sign-off.html",
    "sign-off.md",
    "sign-off.pdf",
    "hpa.yaml",
    "keda.yaml",
    "events.jsonl",
    "run.jsonl",
];

/// Deletes runs, or lists those that it would delete.
pub(super) fn prune(args: &cli::PruneArgs, filter: &cli::RunFilterArgs) -> Result<Exit, Failure> {
    let mut kept_by_baseline = vec![];
    for path in &args.baseline {
        kept_by_baseline.extend(history::read_baseline(path)?.runs);
    }
    let runs: Vec<StoredRun> = filtered(filter)?.into_iter().map(|(run, _)| run).collect();
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
            write_out(&format!("{}\n", run.label()))?;
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

#[cfg(test)]
mod tests {
    use super::super::super::history::PROMOTED;
    use super::*;
    use crate::slo::gate::Baseline;

    /// A run log of nothing but its ends.
    fn write_run(out: &Path, day: u32, ended: bool) -> std::path::PathBuf {
        let folder = out.join("ais").join(format!("2026-05-{day:02}T00-00-00Z"));
        fs::create_dir_all(&folder).expect("a folder");
        let mut text = format!(
            "{{\"run\":{{\"schema\":\"plimsoll.run/1\",\"version\":\"0\",\"name\":\"ais\",\"workload\":\"w\",\
             \"started_utc\":\"2026-05-{day:02}T00:00:00Z\",\"target\":\"http://127.0.0.1:1\",\
             \"scenario_hash\":\"h\",\"seed\":{day},\"shard\":[0,1],\"model\":\"open\",\
             \"arrivals\":\"poisson\",\"stages\":[],\"steps\":[],\"scenarios\":[],\"objectives\":[],\
             \"workers\":1,\"max_vus\":1,\"conditions\":[]}}}}\n"
        );
        if ended {
            text.push_str("{\"end\":{\"at\":1000000000,\"reason\":\"finished\"}}\n");
        }
        fs::write(folder.join("run.jsonl"), text).expect("written");
        folder
    }

    fn ask(out: &Path, keep: usize, baseline: &[std::path::PathBuf], yes: bool) {
        let filter = cli::RunFilterArgs {
            folder: out.to_owned(),
            name: None,
            workload: None,
            verdict: vec![],
            since: None,
            before: None,
        };
        let args = cli::PruneArgs { filter, keep, baseline: baseline.to_vec(), yes };
        prune(&args, &args.filter).expect("prunes");
    }

    /// Goal: prove that whatever is asked, a run of a baseline, one that may still go on, and files that are
    /// not ours survive.
    #[test]
    fn prune_never_deletes_a_baseline_or_what_is_not_its_own() {
        let temporary = tempfile::tempdir().expect("a folder");
        let out = temporary.path();
        let [promoted, committed, unfinished, with_notes, plain, newest] =
            [1, 2, 3, 4, 5, 6].map(|day| write_run(out, day, day != 3));
        fs::write(promoted.join(PROMOTED), "").expect("written");
        fs::write(with_notes.join("notes.txt"), "mine").expect("written");
        let (log, _) = super::super::super::files::read_log(&committed).expect("a log");
        let file = out.join("baseline.json");
        fs::write(&file, Baseline::of(vec![RunSummary::of(&log)]).to_text()).expect("written");

        ask(out, 1, std::slice::from_ref(&file), false);
        assert!(plain.exists(), "nothing is deleted unasked");
        ask(out, 1, &[file], true);
        for kept in [&promoted, &committed, &unfinished, &newest] {
            assert!(kept.join("run.jsonl").exists(), "{}", kept.display());
        }
        assert!(with_notes.join("notes.txt").exists());
        assert!(!with_notes.join("run.jsonl").exists());
        assert!(!plain.exists());
    }
}
