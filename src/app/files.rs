//! Files read and written by commands.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use crate::capacity::output::CapacitySection;
use crate::metrics::{RunLine, RunLog};
use crate::scenario::{FILE_LIMIT, FileAccess};

use super::embedded;
use super::exit::{Exit, Failure};
use super::log_writer::LogWriter;
use super::{large_file, mask, stored_log, wall};

/// Reads a file of a scenario: from the disk, or from the systems that the program brings along.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if let Some(bytes) = embedded::read(path) {
        return Ok(bytes.to_vec());
    }
    let mut bytes = Vec::new();
    // A pipe is read as well, and one that never ends is not read for ever.
    File::open(path)?.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files of a scenario: large ones that are sent stay on the disk.
pub(super) fn access() -> FileAccess<'static> {
    FileAccess { read: &read, large: &large_file::open }
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
    log: LogWriter,
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
                    let log = File::create_new(&file)
                        .and_then(|log| LogWriter::start(log, 0))
                        .map_err(|error| failed(&file, &error))?;
                    return Ok(Self { path, log });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, &error)),
            }
        }
        Err(Failure::new(Exit::Error, format!("error: too many runs in `{}`", parent.display())))
    }

    /// Opens the log of an earlier run, to go on with it. A last line that was cut off is taken away, as reading
    /// leaves it out: with others behind it, it would be a broken line in the middle.
    pub(super) fn reopen(path: &Path) -> Result<Self, Failure> {
        let file = path.join(LOG);
        let log = File::options()
            .read(true)
            .append(true)
            .open(&file)
            .and_then(|mut log| {
                mend(&mut log)?;
                let length = log.metadata()?.len();
                LogWriter::start(log, length)
            })
            .map_err(|error| {
                Failure::while_doing(&format!("cannot open `{}`", file.display()), &error)
            })?;
        Ok(Self { path: path.to_owned(), log })
    }

    /// Appends a line, which a thread of its own writes at once: what is written survives the end of this process.
    ///
    /// # Errors
    /// Where an earlier line could not be written.
    pub(super) fn append(&mut self, line: &RunLine) -> Result<(), Failure> {
        let masked = mask::line(line);
        let text = masked.as_ref().unwrap_or(line).to_text();
        self.log.append(text).map_err(|why| log_failure(&why))
    }

    /// Puts another log in the place of this one: whole, or not at all.
    ///
    /// # Errors
    /// Where it cannot be written, or `fill` fails.
    #[cfg(feature = "fleet")]
    pub(super) fn replace(
        &mut self,
        fill: impl FnOnce(&mut dyn FnMut(&RunLine) -> Result<(), Failure>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let beside = self.path.join("run.jsonl.part");
        let failed = |error: io::Error| log_failure(&error.to_string());
        let mut log = io::BufWriter::new(File::create(&beside).map_err(failed)?);
        fill(&mut |line| {
            let masked = mask::line(line);
            let text = masked.as_ref().unwrap_or(line).to_text();
            log.write_all(text.as_bytes()).map_err(failed)
        })?;
        log.flush().map_err(failed)?;
        self.flush()?;
        fs::rename(&beside, self.path.join(LOG)).map_err(failed)?;
        *self = Self::reopen(&self.path)?;
        Ok(())
    }

    /// Waits until all lines are written.
    ///
    /// # Errors
    /// Where one of them could not be.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        self.log.flush().map_err(|why| log_failure(&why))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn log_failure(why: &str) -> Failure {
    Failure::while_doing("cannot write the run log", &why)
}

/// Takes away a last line that was cut off; one that lacks only its line feed gets it.
fn mend(log: &mut File) -> io::Result<()> {
    let whole = whole_lines(log)?;
    let mut last = Vec::new();
    log.seek(SeekFrom::Start(whole))?;
    log.read_to_end(&mut last)?;
    if serde_json::from_slice::<RunLine>(&last).is_ok() {
        return log.write_all(b"\n");
    }
    log.set_len(whole)
}

/// How many bytes a log's whole lines have.
fn whole_lines(log: &mut File) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = log.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut piece = Vec::new();
        log.seek(SeekFrom::Start(start))?;
        io::Read::by_ref(log).take(end - start).read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The name of the run log in a run's folder.
pub(super) const LOG: &str = "run.jsonl";

/// Reads the log of a run, given its folder or the log itself. Returns the folder too.
pub(super) fn read_log(path: &Path) -> Result<(RunLog, PathBuf), Failure> {
    let file = if path.is_dir() { path.join(LOG) } else { path.to_owned() };
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let shown = file.display();
    let opened = File::open(&file).map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::NotFound {
            "\nhint: a run's folder looks like reports/ais/2026-01-31T12-00-00Z"
        } else {
            ""
        };
        Failure::new(Exit::Usage, format!("error: cannot read `{shown}`: {error}{hint}"))
    })?;
    let log = stored_log::read(opened)
        .map_err(|why| Failure::new(Exit::Usage, format!("error: `{shown}`: {why}")))?;
    Ok((log, folder))
}

/// The capacity result that a run's folder holds: `capacity.json`, or the object `capacity` of `result.json`.
///
/// # Errors
/// Where one is there but of another version.
pub(super) fn capacity_of(folder: &Path) -> Result<Option<CapacitySection>, Failure> {
    for name in ["capacity.json", "result.json"] {
        if let Some(found) = capacity_in(&folder.join(name))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The capacity result of a file: its object `capacity`, or the file itself where it is one.
///
/// # Errors
/// Where one is there but of another version.
pub(super) fn capacity_in(file: &Path) -> Result<Option<CapacitySection>, Failure> {
    let read = |file| serde_json::from_slice::<Value>(&fs::read(file).ok()?).ok();
    let Some(value) = read(file) else { return Ok(None) };
    let inner = value.get("capacity").filter(|inner| !inner.is_null());
    let is_one = value.get("slo_max_per_s").is_some();
    let Some(found) = inner.or_else(|| is_one.then_some(&value)) else { return Ok(None) };
    CapacitySection::deserialize(found).map(Some).map_err(|error| {
        let why = format!(
            "error: the capacity result in `{}` has another version: {error}\nhint: `plimsoll \
             report` makes it anew from the log of its search",
            file.display()
        );
        Failure::new(Exit::Usage, why)
    })
}

/// Makes a folder and those above it.
pub(super) fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::while_doing(&format!("cannot create `{}`", folder.display()), &error)
    })
}

/// Writes the rendered reports into `folder`, each whole or not at all. One that cannot be written keeps none of the
/// others from being.
///
/// # Errors
/// What kept the first of them.
pub(super) fn write_reports(
    folder: &Path,
    files: &[(&'static str, Vec<u8>)],
) -> Result<(), Failure> {
    let written = files.iter().map(|(name, bytes)| write_file(&folder.join(name), bytes));
    // All of them are tried before the first failure is told.
    written.collect::<Vec<_>>().into_iter().collect()
}

/// Writes a file beside its place and moves it there: whoever reads it finds all of it, or what was there before.
///
/// # Errors
/// Where it cannot be written, or not all of it.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: &io::Error| {
        Failure::while_doing(&format!("cannot write `{}`", path.display()), error)
    };
    // A pipe or a device takes the bytes where it is.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return fs::write(path, bytes).map_err(|error| failed(&error));
    }
    // A file behind a link is replaced, and the link stays.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut beside = place.clone().into_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &place)).map_err(|error| {
        // What there is of it helps nobody.
        let _ = fs::remove_file(&beside);
        failed(&error)
    })
}

/// Reads a report that was written before.
pub(super) fn read_report(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    fs::read_to_string(&path)
        .map_err(|error| Failure::while_doing(&format!("cannot read `{}`", path.display()), &error))
}

/// A system's name as the name of a folder.
pub(super) fn safe_name(name: &str) -> String {
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
    fn log_that_was_cut_off_in_a_line_goes_on_behind_the_last_whole_one() {
        let out = tempfile::tempdir().expect("a folder");
        let file = out.path().join(LOG);
        // Longer than what is looked at in one step.
        let whole = format!("one\n{}\n", "x".repeat(200_000));
        for torn in ["", "{\"interv", &"y".repeat(150_000)] {
            fs::write(&file, format!("{whole}{torn}")).expect("written");
            let mut folder = RunFolder::reopen(out.path()).expect("a log");
            let end = RunLine::Capacity(crate::metrics::CapacityLine::of(&1));
            folder.append(&end).expect("taken");
            folder.flush().expect("written");
            let text = fs::read_to_string(&file).expect("a log");
            assert!(text == format!("{whole}{}", end.to_text()), "{} bytes", text.len());
        }
    }

    #[test]
    fn report_that_cannot_be_written_leaves_the_old_one_and_keeps_none_of_the_others() {
        let out = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(out.path().join("a.md/inside")).expect("a folder in its place");
        let files = [("a.md", b"new".to_vec()), ("b.md", b"new".to_vec())];
        let failure = write_reports(out.path(), &files).expect_err("it is a folder");
        assert!(failure.message.contains("a.md"), "{}", failure.message);
        assert_eq!(fs::read(out.path().join("b.md")).expect("written"), b"new");
        assert_eq!(fs::read_dir(out.path()).expect("a folder").count(), 2, "nothing else is left");
    }

    #[test]
    fn report_behind_a_link_is_replaced_and_the_link_stays() {
        let out = tempfile::tempdir().expect("a folder");
        let (link, file) = (out.path().join("link"), out.path().join("file"));
        fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write_file(&link, b"new").expect("written");
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).expect("a file"), b"new");
    }

    #[test]
    fn runs_of_the_same_second_get_their_own_folders() {
        let out = tempfile::tempdir().expect("a folder");
        let first = RunFolder::create(out.path(), "x", Timestamp::UNIX_EPOCH).expect("made");
        let second = RunFolder::create(out.path(), "x", Timestamp::UNIX_EPOCH).expect("made");
        assert_ne!(first.path(), second.path());
    }
}
