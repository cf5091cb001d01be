//! How load is offered: an open model of arrivals, or a closed one of users.

use std::sync::Arc;

use super::{ClosedLoad, ScenarioMix};
use plimsoll_metrics::ScenarioId;
use plimsoll_units::{Nanos, Rate, RunTime};

/// Which part of all arrivals is ours: `index` of `count`, from 0.
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

    /// How many of `count` users belong to worker `index` of `workers` of this shard.
    ///
    /// They are spread over the shards first and over a shard's workers then, so that shards with unlike numbers of
    /// workers have every user once; [`Self::number_of`] tells which.
    pub const fn share_of(self, count: u32, (index, workers): (u32, u32)) -> u32 {
        let ours = share(count, (self.index, self.count));
        share(ours, (index, workers))
    }

    /// The number among all of the run, from 0, of this shard's `nth` of something.
    pub const fn nth(self, nth: u64) -> u64 {
        nth * self.count as u64 + self.index as u64
    }

    /// The number among all users of the run, from 0, of the `local`-th user of worker `index` of `workers`.
    pub fn number_of(self, local: u32, (index, workers): (u32, u32)) -> u64 {
        let of_shard = u64::from(local) * u64::from(workers) + u64::from(index);
        of_shard * u64::from(self.count) + u64::from(self.index)
    }
}

/// Part `index` of `parts` of `count` things that differ by one at most.
const fn share(count: u32, (index, parts): (u32, u32)) -> u32 {
    count / parts + (index < count % parts) as u32
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

    /// The users that begin at once; none of an open model.
    pub fn users(&self) -> u64 {
        match self {
            Self::Open(_) => 0,
            Self::Closed(closed) => u64::from(closed.vus),
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
    /// The data set that it stands in: each arrival has the row of its number.
    pub dataset: u16,
}

/// The law of the gaps between arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrivalLaw {
    /// Independent users, as many in each stage as its rate asks for: a Poisson process given its counts.
    Poisson,
    /// Exponential gaps: independent users, whose number varies as a Poisson process lets it.
    Exponential,
    /// Equal gaps.
    Constant,
    /// Gaps as they were recorded. The stages tell their mean rates, and so how a change of rate moves them.
    Recorded(Arc<Recording>),
}

impl ArrivalLaw {
    /// Whether each stage has as many arrivals as its rate asks for.
    pub const fn is_exact(&self) -> bool {
        match self {
            Self::Poisson | Self::Constant => true,
            Self::Exponential | Self::Recorded(_) => false,
        }
    }
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
    /// What arrivals play, where that changes over time; by the scenarios' weights where not.
    pub mix: Option<ScenarioMix>,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Goal: prove that every user exists once, whatever the shards and however many workers each of them has.
        #[test]
        fn users_are_disjoint_and_complete_over_unlike_machines(
            count in 0_u32..500, workers in prop::collection::vec(1_u32..6, 1..8),
        ) {
            let shards = workers.len() as u32;
            let mut numbers = vec![];
            for (index, &workers) in (0..).zip(&workers) {
                let shard = Shard { index, count: shards };
                for worker in 0..workers {
                    let share = shard.share_of(count, (worker, workers));
                    numbers.extend((0..share).map(|local| shard.number_of(local, (worker, workers))));
                }
            }
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..u64::from(count)).collect::<Vec<_>>());
        }
    }
}
