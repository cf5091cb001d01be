//! Files read and written by commands.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::metrics::{RunLine, RunLog};

use super::embedded;
use super::exit::{Exit, Failure};
use super::wall;

/// Reads a file of a scenario: from the disk, or from the systems that the program brings along.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    match embedded::read(path) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => fs::read(path),
    }
}

/// Looks up a variable of the environment.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and passed on")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder of one run, with its open log.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    log: File,
}

impl RunFolder {
    /// Makes `<out>/<name>/<time>/`. Where a run of the same second is there already, a number is added.
    pub(super) fn create(out: &Path, name: &str, started: Timestamp) -> Result<Self, Failure> {
        let parent = out.join(safe_name(name));
        let failed = |path: &Path, error: &io::Error| {
            Failure::while_doing(&format!("cannot create `{}`", path.display()), error)
        };
        fs::create_dir_all(&parent).map_err(|error| failed(&parent, &error))?;
        let stem = wall::folder_name(started);
        for attempt in 1..1_000 {
            let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
            let path = parent.join(format!("{stem}{suffix}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let file = path.join(LOG);
                    let log = File::create_new(&file).map_err(|error| failed(&file, &error))?;
                    return Ok(Self { path, log });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, &error)),
            }
        }
        Err(Failure::new(Exit::Error, format!("error: too many runs in `{}`", parent.display())))
    }

    /// Opens the log of an earlier run, to go on with it.
    pub(super) fn reopen(path: &Path) -> Result<Self, Failure> {
        let file = path.join(LOG);
        let log = File::options().append(true).open(&file).map_err(|error| {
            Failure::while_doing(&format!("cannot open `{}`", file.display()), &error)
        })?;
        Ok(Self { path: path.to_owned(), log })
    }

    /// Appends a line at once: what is written survives the end of this process.
    pub(super) fn append(&mut self, line: &RunLine) -> Result<(), Failure> {
        self.log
            .write_all(line.to_text().as_bytes())
            .map_err(|error| Failure::while_doing("cannot write the run log", &error))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The name of the run log in a run's folder.
pub(super) const LOG: &str = "run.jsonl";

/// Reads the log of a run, given its folder or the log itself. Returns the folder too.
pub(super) fn read_log(path: &Path) -> Result<(RunLog, PathBuf), Failure> {
    let file = if path.is_dir() { path.join(LOG) } else { path.to_owned() };
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let shown = file.display();
    let text = fs::read(&file).map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::NotFound {
            "\nhint: a run's folder looks like reports/ais/2026-01-31T12-00-00Z"
        } else {
            ""
        };
        Failure::new(Exit::Usage, format!("error: cannot read `{shown}`: {error}{hint}"))
    })?;
    // A torn last line may end inside a character.
    let log = RunLog::read(&String::from_utf8_lossy(&text))
        .map_err(|error| Failure::new(Exit::Usage, format!("error: `{shown}`: {error}")))?;
    Ok((log, folder))
}

/// The capacity result that a run's folder holds: `capacity.json`, or the object `capacity` of `result.json`.
pub(super) fn capacity_of(folder: &Path) -> Option<Value> {
    ["capacity.json", "result.json"].iter().find_map(|name| capacity_in(&folder.join(name)))
}

/// The capacity result of a file: its object `capacity`, or the file itself where it is one.
pub(super) fn capacity_in(file: &Path) -> Option<Value> {
    let value: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    match value.get("capacity") {
        Some(inner) => Some(inner.clone()).filter(|inner| !inner.is_null()),
        None => value.get("slo_max_per_s").is_some().then_some(value),
    }
}

/// Makes a folder and those above it.
pub(super) fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::while_doing(&format!("cannot create `{}`", folder.display()), &error)
    })
}

/// Writes the rendered reports into `folder`.
pub(super) fn write_reports(
    folder: &Path,
    files: &[(&'static str, Vec<u8>)],
) -> Result<(), Failure> {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| {
            Failure::while_doing(&format!("cannot write `{}`", path.display()), &error)
        })?;
    }
    Ok(())
}

/// Reads a report that was written before.
pub(super) fn read_report(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    fs::read_to_string(&path)
        .map_err(|error| Failure::while_doing(&format!("cannot read `{}`", path.display()), &error))
}

/// A system's name as the name of a folder.
fn safe_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .collect();
    if safe.is_empty() { "unnamed".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_stay_inside_their_parent() {
        assert_eq!(safe_name("../etc/passwd"), "---etc-passwd");
        assert_eq!(safe_name("AIS Aviation"), "AIS-Aviation");
        assert_eq!(safe_name(""), "unnamed");
    }

    #[test]
    fn runs_of_the_same_second_get_their_own_folders() {
        let out = tempfile::tempdir().expect("a folder");
        let first = RunFolder::create(out.path(), "x", Timestamp::UNIX_EPOCH).expect("made");
        let second = RunFolder::create(out.path(), "x", Timestamp::UNIX_EPOCH).expect("made");
        assert_ne!(first.path(), second.path());
    }
}
