//! `plimsoll mark`: a word into a run that is under way, from another terminal or a script.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::transport::monotonic;

use super::exit::{Exit, Failure};
use super::files::{LOG, read_log};
use super::hooks::MARKS;
use super::output::say;

/// Marks a moment of a run.
pub(super) fn mark(args: &cli::MarkArgs) -> Result<Exit, Failure> {
    let now = monotonic();
    let folder = run_folder(&args.run)?;
    let (log, _) = read_log(&folder)?;
    if log.end.is_some() {
        let message = format!("error: the run in `{}` has ended", folder.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    let text = args.text.join(" ").replace(['\n', '\r'], " ");
    let file = folder.join(MARKS);
    let line = format!("@{} {text}\n", now.get());
    // One write of one line: others may be marking at the same moment.
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&file)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| {
            Failure::while_doing(&format!("cannot write `{}`", file.display()), &error)
        })?;
    say(&format!("marked in {}: {text}", folder.display()));
    Ok(Exit::Pass)
}

/// The run's own folder, or the newest below one that holds runs: `reports/ais`, `reports`.
fn run_folder(path: &Path) -> Result<PathBuf, Failure> {
    if path.join(LOG).is_file() {
        return Ok(path.to_owned());
    }
    newest(path, 2).ok_or_else(|| {
        let message = format!(
            "error: no run in `{}`\nhint: a run's folder looks like reports/ais/2026-01-31T12-00-00Z",
            path.display()
        );
        Failure::new(Exit::Usage, message)
    })
}

/// The newest run at most `depth` folders below; folders are named by time, so names tell.
fn newest(path: &Path, depth: u32) -> Option<PathBuf> {
    if path.join(LOG).is_file() {
        return Some(path.to_owned());
    }
    let entries = std::fs::read_dir(path).ok().filter(|_| depth > 0)?;
    let runs = entries.filter_map(|entry| newest(&entry.ok()?.path(), depth - 1));
    runs.max_by_key(|run| run.file_name().map(std::ffi::OsStr::to_owned))
}
