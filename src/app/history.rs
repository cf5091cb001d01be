//! Runs found on the disk, and what is kept beside them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::metrics::RunLog;
use crate::slo::gate::{Baseline, RunSummary};

use super::exit::{Exit, Failure};
use super::files::{self, LOG};
use super::log_writer::LogWriter;
use super::output::say;

/// A run on the disk.
#[derive(Debug)]
pub(super) struct StoredRun {
    /// Its folder as the user would write it.
    pub(super) folder: PathBuf,
    pub(super) log: RunLog,
    /// Whether the process that plays it still writes.
    pub(super) is_going_on: bool,
}

impl StoredRun {
    fn read(path: &Path) -> Result<Self, Failure> {
        let (log, folder) = files::read_log(path)?;
        let is_going_on = log.end.is_none() && LogWriter::writes(&folder.join(LOG));
        Ok(Self { folder, log, is_going_on })
    }

    /// How it is called in reports.
    pub(super) fn label(&self) -> String {
        self.folder.display().to_string()
    }

    /// Whether it was promoted.
    pub(super) fn is_promoted(&self) -> bool {
        self.folder.join(PROMOTED).exists()
    }
}

/// Stands in the folder of a promoted run; such a run is never pruned.
pub(super) const PROMOTED: &str = "baseline";

/// Stands in the folder of a run that was not valid and played again; it counts only where it is named itself.
pub(super) const DISCARDED: &str = "discarded";

/// A folder of this name holds samples: other people's runs, which count only where the folder itself is named.
const SAMPLES: &str = "samples";

/// How deep runs are looked for: `reports/NAME/TIME`, and one more for `reports` of several branches.
const DEPTH: usize = 3;

/// The folders of runs at or below `path`, by name, which is by time within a system.
fn run_folders(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    fn walk(path: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        if path.join(LOG).is_file() {
            found.insert(path.to_owned());
            return Ok(());
        }
        if depth == 0 {
            return Ok(());
        }
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Links are not followed: they could lead in a circle.
            if entry.file_type()?.is_dir() && entry.file_name() != SAMPLES {
                walk(&entry.path(), depth - 1, found)?;
            }
        }
        Ok(())
    }
    let mut found = BTreeSet::new();
    walk(path, DEPTH, &mut found).map_err(|error| {
        let mut message = format!("error: cannot read `{}`: {error}", path.display());
        if error.kind() == io::ErrorKind::NotFound {
            message.push_str("\nhint: `plimsoll demo` makes a first run below `reports`; `--in DIR` looks elsewhere");
        }
        Failure::new(Exit::Usage, message)
    })?;
    Ok(found.into_iter().collect())
}

/// The runs that the user named: each a run's folder, its log, or a folder that holds runs.
///
/// # Errors
/// Where one cannot be read or holds no run.
pub(super) fn named(paths: &[PathBuf]) -> Result<Vec<StoredRun>, Failure> {
    let mut runs = vec![];
    for path in paths {
        let mut folders = if path.is_dir() { run_folders(path)? } else { vec![path.clone()] };
        folders.retain(|folder| folder == path || !folder.join(DISCARDED).exists());
        if folders.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "error: there is no run in `{}`\nhint: a run's folder holds a {LOG}",
                    path.display()
                ),
            ));
        }
        for folder in folders {
            runs.push(StoredRun::read(&folder)?);
        }
    }
    Ok(runs)
}

/// All runs below `path`, oldest first. Logs that cannot be read are told and left out.
pub(super) fn all(path: &Path) -> Result<Vec<StoredRun>, Failure> {
    let mut runs = vec![];
    for folder in run_folders(path)? {
        match StoredRun::read(&folder) {
            Ok(run) => runs.push(run),
            Err(failure) => {
                let why = failure.message.trim_start_matches("error: ").to_owned();
                say(&format!("warning: left out: {why}"));
            }
        }
    }
    runs.sort_by(|a, b| a.log.header.started_utc.cmp(&b.log.header.started_utc));
    Ok(runs)
}

/// Summaries of what the user named: runs, or baseline files.
pub(super) fn summaries(paths: &[PathBuf]) -> Result<Vec<RunSummary>, Failure> {
    let mut summaries = vec![];
    for path in paths {
        if is_baseline(path) {
            summaries.extend(read_baseline(path)?.runs);
        } else {
            let runs = named(std::slice::from_ref(path))?;
            summaries.extend(runs.iter().map(|run| RunSummary::of(&run.log)));
        }
    }
    Ok(summaries)
}

/// Whether a path means a baseline file.
pub(super) fn is_baseline(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// Reads a baseline file.
pub(super) fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        let hint = "hint: `plimsoll runs promote RUN…` writes one";
        Failure::new(Exit::Usage, format!("error: cannot read `{shown}`: {error}\n{hint}"))
    })?;
    Baseline::read(&text)
        .map_err(|error| Failure::new(Exit::Usage, format!("error: `{shown}`: {error}")))
}
