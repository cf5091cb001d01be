//! Reads a run log line by line.

use std::sync::Arc;

use super::runlog::{LateReadings, RunHeader, RunLine, RunLog, RunLogError};
use super::sparse::{LogSource, reading};

impl RunLog {
    /// Reads a log. A torn last line, as `kill -9` leaves it, is noted and left out.
    ///
    /// # Errors
    /// Where there is no header or a line other than the last is broken.
    pub fn read(text: &str) -> Result<Self, RunLogError> {
        let mut reader = RunLogReader::new(None);
        for line in text.split_inclusive('\n') {
            reader.line(line, line.len())?;
        }
        reader.finish()
    }
}

/// Reads a log line by line.
#[derive(Debug)]
pub struct RunLogReader {
    log: Option<RunLog>,
    /// They may stand before the second that they belong to.
    late: Vec<LateReadings>,
    /// Lines so far, and bytes.
    number: usize,
    offset: u64,
    source: Option<Arc<dyn LogSource>>,
}

impl RunLogReader {
    /// Reads a log whose distributions stay in `source`, if there is one, until somebody asks for them.
    pub const fn new(source: Option<Arc<dyn LogSource>>) -> Self {
        Self { log: None, late: vec![], number: 0, offset: 0, source }
    }

    /// Reads the next line, with its line feed, which takes so many `bytes` in the log. Only the last one may lack a line
    /// feed, and may be torn then.
    ///
    /// # Errors
    /// Where the first line is no header, or another is broken.
    pub fn line(&mut self, line: &str, bytes: usize) -> Result<(), RunLogError> {
        let read = || serde_json::from_str::<RunLine>(line);
        let parsed = match &self.source {
            Some(source) => reading(line, self.offset, source, read),
            None => read(),
        };
        self.number += 1;
        self.offset += bytes as u64;
        let Some(log) = &mut self.log else {
            self.log = Some(RunLog::begun(header(parsed.map_err(RunLogError::NoHeader)?)?));
            return Ok(());
        };
        match parsed {
            Ok(RunLine::Readings(readings)) => self.late.push(readings),
            Ok(RunLine::Interval(interval)) if !interval.is_possible() => {
                return Err(RunLogError::Impossible { line: self.number });
            }
            Ok(parsed) => log.push(parsed),
            Err(_) if !line.ends_with('\n') => log.torn = true,
            Err(source) => return Err(RunLogError::BrokenLine { line: self.number, source }),
        }
        Ok(())
    }

    /// The log of all lines.
    ///
    /// # Errors
    /// Where there was none.
    pub fn finish(self) -> Result<RunLog, RunLogError> {
        let mut log = self.log.ok_or(RunLogError::Empty)?;
        for readings in &self.late {
            log.file(readings);
        }
        Ok(log)
    }
}

fn header(first: RunLine) -> Result<RunHeader, RunLogError> {
    let RunLine::Run(header) = first else { return Err(RunLogError::NotAHeader) };
    if header.schema == RunLog::SCHEMA {
        Ok(header)
    } else {
        Err(RunLogError::UnknownSchema { found: header.schema })
    }
}
