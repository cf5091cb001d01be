//! Run logs as they are read from the disk: line by line, and of a long one no more than memory should hold.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::metrics::{LogSource, RunLog, RunLogReader};

/// Of a log of so many bytes, distributions stay on the disk until somebody asks for them. Shorter ones take up to
/// seven times as much memory as they are long.
const LONG: u64 = 16 << 20;
/// No second of a run is longer.
const LINE_MAX: u64 = 64 << 20;

/// Whether a log changed after it was read, so that what was made of it is wrong.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// A long log, open for as long as anything refers to it.
#[derive(Debug)]
struct StoredLog(File);

impl LogSource for StoredLog {
    fn read(&self, offset: u64, length: usize) -> Option<String> {
        let mut text = vec![0; length];
        self.0.read_exact_at(&mut text, offset).ok()?;
        String::from_utf8(text).ok()
    }

    fn changed(&self) {
        CHANGED.store(true, Ordering::Relaxed);
    }
}

/// Whether a log changed after it was read.
pub(super) fn has_changed() -> bool {
    CHANGED.load(Ordering::Relaxed)
}

/// Reads the log that `file` holds, or says why it is none.
pub(super) fn read(file: File) -> Result<RunLog, String> {
    read_from(file, LONG).map_err(|error| error.to_string())
}

fn read_from(file: File, long: u64) -> Result<RunLog, Box<dyn std::error::Error>> {
    let is_long = file.metadata()?.len() >= long;
    let source = is_long.then(|| file.try_clone()).transpose()?;
    let source = source.map(|file| Arc::new(StoredLog(file)) as Arc<dyn LogSource>);
    let mut reader = RunLogReader::new(source);
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(reader.finish()?);
        }
        if line.len() as u64 == LINE_MAX {
            return Err(format!("a line is longer than {} MiB", LINE_MAX >> 20).into());
        }
        // A torn last line may end inside a character.
        reader.line(&String::from_utf8_lossy(&line), line.len())?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;
    use crate::metrics::{
        Collector, ErrorClass, Outcome, Recorder, RunHeader, RunLine, Sample, ScenarioId, StepId,
    };
    use crate::report::{Report, ReportExtras, render_all};
    use crate::slo::{Strictness, judge};
    use crate::units::{Nanos, Rate, RunTime};

    /// A log of twelve seconds, in which some requests fail.
    fn log() -> String {
        let header = RunHeader::holding(Rate::per_second(300.0), Nanos::from_secs(12));
        let (mut recorder, mut collector) = (Recorder::new(0, 1, 1), Collector::new(1));
        let mut text = RunLine::Run(header).to_text();
        for n in 0..3_600_u64 {
            let from = RunTime::ZERO + Nanos::from_micros(n * 3_333);
            let until = from + Nanos::from_micros(500 + n * n % 90_000);
            let failed = n % 7 == 0;
            let outcome = if failed { Outcome::Failed(ErrorClass::Http5xx) } else { Outcome::Ok };
            recorder.arrival_due(ScenarioId(0));
            recorder.arrival_started(ScenarioId(0), Nanos::new(n * 20));
            recorder.request_started(from, from);
            let sample = Sample::of_time(StepId(0), (from, from), until, outcome);
            recorder.record(ScenarioId(0), &sample);
            recorder.iteration_ended(ScenarioId(0), failed, until.since(from));
            if n % 300 == 299 {
                let end = RunTime::ZERO + Nanos::from_secs(n / 300 + 1);
                collector.absorb(&recorder.take_part(end));
                for interval in collector.drain_complete() {
                    text += &RunLine::Interval(interval).to_text();
                }
            }
        }
        text
    }

    fn stored(text: &str) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        file.seek(SeekFrom::Start(0)).expect("rewound");
        file
    }

    /// Goal: prove that a log whose distributions stay on the disk is the log that is in memory, and comes to the same.
    #[test]
    fn long_log_comes_to_the_same_as_one_in_memory() {
        for text in [log(), log()[..40_000].to_owned()] {
            let here = RunLog::read(&text).expect("a log");
            let there = read_from(stored(&text), 0).expect("a log");
            assert_eq!(here, there);
            let reports = [here, there].map(|log| {
                let report = Report::new(&log, &judge(&log, Strictness::Normal));
                render_all(&report, &ReportExtras::default()).expect("rendered")
            });
            assert!(reports[0] == reports[1]);
        }
    }

    #[test]
    fn log_that_is_cut_while_it_is_read_is_noticed() {
        let text = log();
        let file = stored(&text);
        let log = read_from(file.try_clone().expect("a handle"), 0).expect("a log");
        file.set_len(2_000).expect("cut");
        assert!(!log.intervals[11].steps[&StepId(0)].response_time.buckets().any(|_| true));
        assert!(has_changed());
    }

    #[test]
    fn line_without_end_is_refused_before_it_fills_the_memory() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(LINE_MAX + 2).expect("a hole");
        let error = read_from(file, LONG).expect_err("no line");
        assert_eq!(error.to_string(), "a line is longer than 64 MiB");
    }
}
