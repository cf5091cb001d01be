//! How load is offered: an open model of arrivals, or a closed one of users.

use std::sync::Arc;

use crate::metrics::ScenarioId;
use crate::units::{Nanos, Rate, RunTime};

/// Which part of all arrivals is ours: `index` of `count`, from 0. Arrival `n` belongs to shard `n mod count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// How load is offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// Arrivals at intended times, whatever the responses.
    Open(OpenLoad),
    /// A fixed number of users, each waiting for its responses.
    Closed(ClosedLoad),
}

impl Load {
    /// How long new iterations are started.
    pub fn duration(&self) -> Nanos {
        match self {
            Self::Open(open) => open.stages.iter().map(|stage| stage.duration).sum(),
            Self::Closed(closed) => closed.duration,
        }
    }

    /// The most users that may exist at once, over all shards.
    pub fn max_vus(&self) -> u32 {
        match self {
            Self::Open(open) => open.max_vus,
            Self::Closed(closed) => closed.vus,
        }
    }

    /// The highest rate asked for, iterations per second over all shards; zero for a closed model.
    pub fn peak(&self) -> Rate {
        match self {
            Self::Open(open) => open
                .stages
                .iter()
                .flat_map(|stage| [stage.from, stage.to])
                .fold(Rate::ZERO, |peak, rate| if rate > peak { rate } else { peak }),
            Self::Closed(_) => Rate::ZERO,
        }
    }
}

/// When arrivals come, and what each of them plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Intended starts, in order; at least one.
    pub times: Box<[RunTime]>,
    /// The scenario of each.
    pub scenarios: Box<[ScenarioId]>,
}

/// The law of the gaps between arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrivalLaw {
    /// Exponential gaps: independent users.
    Poisson,
    /// Equal gaps.
    Constant,
    /// Gaps as they were recorded. The stages tell their mean rates, and so how a change of rate moves them.
    Recorded(Arc<Recording>),
}

/// An open workload.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenLoad {
    /// The law of the gaps.
    pub arrivals: ArrivalLaw,
    /// In order; at least one.
    pub stages: Vec<Stage>,
    /// The most users that may exist at once, over all shards. Arrivals beyond it are dropped and counted.
    pub max_vus: u32,
}

/// A stage of an open workload. Rates are iterations per second over all shards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The rate at its beginning.
    pub from: Rate,
    /// The rate at its end; equal to `from` where it holds.
    pub to: Rate,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it.
    pub judged: bool,
}

/// The most stages that a recording is told in.
const RECORDED_STAGES: u64 = 60;

impl Stage {
    /// Stages whose mean rates are those of arrivals at `times`, which are in order. Each holds at least one
    /// arrival, so that none of them has a rate of zero; together they reach a little beyond the last one.
    pub fn of_recording(times: &[RunTime]) -> Vec<Self> {
        let last = times.last().copied().unwrap_or(RunTime::ZERO).since(RunTime::ZERO);
        // The last arrival is followed by an average gap, at least a millisecond.
        let tail = (last.get() / times.len().max(1) as u64).max(1_000_000);
        let whole = last.get() + tail;
        // Not below a second: reports have nothing finer.
        let length = (whole / RECORDED_STAGES).max(1_000_000_000);
        let mut stages: Vec<(u64, u64)> = vec![];
        let mut waiting = 0;
        let mut at = 0;
        for start in (0..whole).step_by(length as usize) {
            let end = if whole - start < 2 * length { whole } else { start + length };
            let count = times[at..].partition_point(|time| time.get() < end) as u64;
            at += count as usize;
            match stages.last_mut() {
                _ if count > 0 => stages.push((end - start + std::mem::take(&mut waiting), count)),
                Some((span, _)) => *span += end - start,
                None => waiting += end - start,
            }
            if end == whole {
                break;
            }
        }
        let stage = |(span, count): &(u64, u64)| {
            let duration = Nanos::new(*span);
            let rate = Rate::of(*count, duration);
            Self { from: rate, to: rate, duration, judged: true }
        };
        stages.iter().map(stage).collect()
    }
}

/// A closed workload.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedLoad {
    /// How many users, over all shards.
    pub vus: u32,
    /// The least time from one iteration's start to the next of the same user; zero for none.
    pub pace: Nanos,
    /// How long new iterations are started.
    pub duration: Nanos,
}

/// Something that happens to the stack while a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// When.
    pub at: RunTime,
    /// What the log says then.
    pub mark: String,
    /// The command for the shell, and how long it may take.
    pub run: Option<(String, Nanos)>,
}
