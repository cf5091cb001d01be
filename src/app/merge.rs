//! `plimsoll merge`: the logs of all shards of a run as one run.
//!
//! Logs are read side by side, second by second, so that memory grows with their number but not with their length.
//! Shards are put in order first: the same logs give the same run, byte for byte, in whatever order they are named.

mod absence;
mod copies;
mod interleave;
mod likeness;
mod schedules;
mod shard_log;
mod summary;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli;
use crate::engine::raise_descriptor_limit;
use crate::metrics::{Event, EventKind, RunHeader, RunLine, ShardSummary};
use crate::units::RunTime;

use super::conclusion::{OutcomeFormat, conclude, strictness};
use super::exit::{Exit, Failure};
use super::files::{self, RunFolder};

pub(super) use likeness::facts;
use schedules::planned;
use shard_log::ShardLog;

/// Merges the logs that the command line names.
pub(super) fn merge(args: &cli::MergeArgs) -> Result<Exit, Failure> {
    let merged = ShardLogs::open(&args.runs, &args.without)?;
    let header = &merged.header;
    let started = header.started_utc.parse::<Timestamp>().unwrap_or_default();
    let mut folder = RunFolder::create(&args.out, &header.name, started)?;
    merged.write(&[], &mut |line| folder.append(line))?;
    folder.flush()?;
    let (log, path) = files::read_log(folder.path())?;
    let concluded = conclude(&log, &path, strictness(args.strict))?;
    concluded.print(&path, OutcomeFormat::of(false, args.format), concluded.exit)
}

/// The logs of all shards of one run, and what they come to.
pub(super) struct ShardLogs {
    /// The first line of the merged log.
    pub(super) header: RunHeader,
    logs: Vec<ShardLog>,
    /// Whether the one log is a merged one itself.
    is_merged: bool,
}

impl ShardLogs {
    /// Opens the logs, in whatever order, and sums up each of them. Those of the shards `without` are left out.
    ///
    /// # Errors
    /// Where one cannot be read, they are not of one run, or some are missing.
    pub(super) fn open(runs: &[PathBuf], without: &[u32]) -> Result<Self, Failure> {
        raise_descriptor_limit();
        let opened: Result<Vec<ShardLog>, Failure> =
            runs.iter().map(|path| ShardLog::open(path)).collect();
        let logs = likeness::sorted(opened?, without)?;
        let first = logs.first().ok_or_else(nothing_left)?;
        if first.header.shards.is_empty() {
            let header = header(&logs, summary::of_all(&logs)?, without);
            return Ok(Self { header, logs, is_merged: false });
        }
        if !without.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "error: of a merged run no shard can be left out\nhint: merge the logs of the shards themselves",
            ));
        }
        Ok(Self { header: first.header.clone(), logs, is_merged: true })
    }

    /// Hands on the lines of the merged log. `others` come before its last one.
    pub(super) fn write(
        mut self,
        others: &[RunLine],
        write: &mut (impl FnMut(&RunLine) -> Result<(), Failure> + ?Sized),
    ) -> Result<(), Failure> {
        write(&RunLine::Run(self.header.clone()))?;
        if !self.is_merged
            && let Some(event) = spread(&self.header.shards)
        {
            write(&RunLine::Event(event))?;
        }
        interleave::lines(&mut self.logs, write)?;
        others.iter().try_for_each(&mut *write)?;
        match interleave::end_of(&self.logs) {
            Some(end) => write(&RunLine::End(end)),
            None => Ok(()),
        }
    }
}

fn nothing_left() -> Failure {
    Failure::new(Exit::Usage, "error: `--without` leaves no shard to merge")
}

/// The first line of the merged log. Facts about the conditions are those of any shard, each once.
fn header(logs: &[ShardLog], shards: Vec<ShardSummary>, without: &[u32]) -> RunHeader {
    let first = &logs[0].header;
    let count = first.shard.1;
    let mut left_out: Vec<u32> = without.to_vec();
    left_out.retain(|number| (1..=count).contains(number));
    left_out.sort_unstable();
    left_out.dedup();
    let mut conditions: Vec<(String, String)> = vec![];
    for fact in logs.iter().flat_map(|log| &log.header.conditions) {
        if !conditions.contains(fact) {
            conditions.push(fact.clone());
        }
    }
    let starts = shards.iter().map(|shard| shard.started_utc.clone());
    RunHeader {
        started_utc: starts.min().unwrap_or_default(),
        shard: (0, 1),
        workers: shards.iter().map(|shard| shard.workers).sum(),
        conditions,
        clock_error: shards.iter().filter_map(|shard| shard.clock_error).max(),
        planned_arrivals: planned(logs).filter(|_| left_out.is_empty()),
        shards,
        without: left_out,
        ..first.clone()
    }
}

/// How far apart the shards began by their own clocks, where that could be seen in a second.
fn spread(shards: &[ShardSummary]) -> Option<Event> {
    let starts = shards.iter().filter_map(|shard| shard.started_utc.parse::<Timestamp>().ok());
    let starts: Vec<Timestamp> = starts.collect();
    let (first, last) = (starts.iter().min()?, starts.iter().max()?);
    let apart = (*last - *first).total(jiff::Unit::Second).ok()?;
    (apart >= 0.1).then(|| {
        let text = format!(
            "the shards began {apart:.1} s apart by their own clocks: a second of this run holds moments that lie \
             so far apart, and ramps are blurred by as much"
        );
        Event { at: RunTime::ZERO, kind: EventKind::Warning(text) }
    })
}
