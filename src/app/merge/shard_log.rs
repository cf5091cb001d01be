//! The log of one shard, read line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::metrics::{Interval, LifecycleNote, RunEnd, RunHeader, RunLine, RunLog};

use super::super::exit::{Exit, Failure};
use super::super::files::LOG;

/// The log of one shard, of which one second is held.
pub(super) struct ShardLog {
    pub(super) path: PathBuf,
    pub(super) header: RunHeader,
    lines: BufReader<File>,
    number: usize,
    next: Option<Interval>,
    /// How it ended; none where it was cut off, or has not been read to its end.
    pub(super) end: Option<RunEnd>,
}

impl ShardLog {
    /// Opens the log at `path`, or in that folder, and reads its first line.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let path = if path.is_dir() { path.join(LOG) } else { path.to_owned() };
        let shown = path.display();
        let file = File::open(&path).map_err(|error| {
            Failure::new(Exit::Usage, format!("error: cannot read `{shown}`: {error}"))
        })?;
        let mut lines = BufReader::new(file);
        let mut first = String::new();
        let read = read_line(&mut lines, &mut first);
        match read.map_err(|error| error.to_string()).and_then(|_| parse(&first)) {
            Ok(RunLine::Run(header)) if header.schema == RunLog::SCHEMA => {
                Ok(Self { path, header, lines, number: 1, next: None, end: None })
            }
            Ok(RunLine::Run(header)) => Err(Failure::new(
                Exit::Usage,
                format!("error: `{shown}` has schema `{}`", header.schema),
            )),
            Ok(_) => {
                Err(Failure::new(Exit::Usage, format!("error: `{shown}` has no header in line 1")))
            }
            Err(error) => Err(Failure::new(Exit::Usage, format!("error: `{shown}`: {error}"))),
        }
    }

    /// The second that is held.
    pub(super) const fn next(&self) -> Option<&Interval> {
        self.next.as_ref()
    }

    /// Takes the second that is held and reads on to the one after it. Lines of other kinds go to `others`.
    pub(super) fn advance(
        &mut self,
        others: &mut Vec<RunLine>,
    ) -> Result<Option<Interval>, Failure> {
        let taken = self.next.take();
        let mut line = String::new();
        while self.next.is_none() {
            self.number += 1;
            let failed = |error: &dyn std::fmt::Display| {
                let place = format!("`{}`, line {}", self.path.display(), self.number);
                Failure::new(Exit::Usage, format!("error: {place}: {error}"))
            };
            // A log that was cut off by `kill -9` may end within a character.
            if !read_line(&mut self.lines, &mut line).map_err(|error| failed(&error))? {
                break;
            }
            match parse(&line) {
                Ok(RunLine::Interval(interval)) => self.next = Some(interval),
                Ok(RunLine::End(end)) => self.end = Some(end),
                Ok(RunLine::Run(_) | RunLine::Capacity(_)) => {}
                Ok(RunLine::Lifecycle(note)) => {
                    let shard = Some(self.header.shard.0 + 1);
                    others.push(RunLine::Lifecycle(LifecycleNote { shard, ..note }));
                }
                Ok(
                    other @ (RunLine::Event(_)
                    | RunLine::Readings(_)
                    | RunLine::Page(_)
                    | RunLine::Picture(_)
                    | RunLine::Browsers(_)),
                ) => others.push(other),
                Err(_) if !line.ends_with('\n') => break,
                Err(error) => return Err(failed(&error)),
            }
        }
        Ok(taken)
    }
}

/// No second of a run is longer, in bytes.
const LINE_MAX: u64 = 64 << 20;

/// Reads the next line; `false` at the end of the file.
fn read_line(lines: &mut impl BufRead, line: &mut String) -> io::Result<bool> {
    let mut bytes = vec![];
    lines.take(LINE_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 == LINE_MAX {
        return Err(io::Error::other(format!("a line is longer than {} MiB", LINE_MAX >> 20)));
    }
    line.clear();
    line.push_str(&String::from_utf8_lossy(&bytes));
    Ok(!bytes.is_empty())
}

fn parse(line: &str) -> Result<RunLine, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}
