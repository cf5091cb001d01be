//! The schedule that a log tells of.

use crate::metrics::{ArrivalProcess, RunHeader, StageInfo};
use crate::plan::{ArrivalLaw, Shard, Stage};
use crate::schedule::Schedule;
use crate::units::RunTime;

use super::shard_log::ShardLog;

/// How many arrivals the schedule of all shards has, and how many iterations they were to play of a closed model. A
/// recording's is not in the log.
pub(super) fn planned(logs: &[ShardLog]) -> Option<u64> {
    let header = &logs[0].header;
    if header.arrivals == ArrivalProcess::Closed {
        return logs.iter().map(|log| log.header.planned_arrivals).sum();
    }
    let schedule = schedule(header, Shard::WHOLE)?;
    Some(schedule.count_before(RunTime::NEVER) * plays(header))
}

/// The arrivals of `shard`; none of a closed model, and of a recording, which is not in the log.
pub(super) fn schedule(header: &RunHeader, shard: Shard) -> Option<Schedule> {
    let law = match header.arrivals {
        ArrivalProcess::Poisson if header.exact_arrivals => ArrivalLaw::Poisson,
        ArrivalProcess::Exponential => ArrivalLaw::Exponential,
        ArrivalProcess::Constant => ArrivalLaw::Constant,
        ArrivalProcess::Closed | ArrivalProcess::Poisson | ArrivalProcess::Recorded => return None,
    };
    let share = 1.0 / plays(header) as f64;
    let stage = |stage: &StageInfo| Stage {
        from: stage.from.times(share),
        to: stage.to.times(share),
        duration: stage.duration,
        judged: stage.judged,
    };
    let stages: Vec<Stage> = header.stages.iter().map(stage).collect();
    Some(Schedule::of_stages(&law, &stages, header.seed, shard))
}

/// How many users play each arrival.
pub(super) fn plays(header: &RunHeader) -> u64 {
    if header.split.as_ref().is_some_and(|split| split.duet) { 2 } else { 1 }
}
