//! Which part of a run is to be judged, as its plan says.

use plimsoll_metrics::{LoadModel, RunHeader, RunLog, StopReason};
use plimsoll_units::RunTime;

/// Whether no stage says when it is judged, so that all of the run is.
pub(super) fn judges_ramps(header: &RunHeader) -> bool {
    !header.stages.is_empty() && header.stages.iter().all(|stage| !stage.judged)
}

/// Where the judged stages begin and end; all of the load where there are none.
pub(super) fn planned_spans(log: &RunLog) -> Vec<(RunTime, RunTime)> {
    let stages = &log.header.stages;
    let stop = schedule_end(log);
    if stages.is_empty() {
        return vec![(RunTime::ZERO, stop)];
    }
    let all = judges_ramps(&log.header);
    let mut start = RunTime::ZERO;
    let mut spans = Vec::new();
    for stage in stages {
        let end = start + stage.duration;
        if (stage.judged || all) && start < stop {
            spans.push((start, end.min(stop)));
        }
        start = end;
    }
    spans
}

/// When the last arrival may fall due. A run that was stopped early drains from then on, although its
/// stages go on.
pub(super) fn schedule_end(log: &RunLog) -> RunTime {
    let last = log.intervals.iter().rfind(|interval| interval.arrivals.intended > 0);
    let stopped = last.map_or(RunTime::ZERO, |interval| interval.end);
    let planned = log.header.stages.iter().fold(RunTime::ZERO, |at, stage| at + stage.duration);
    match log.end.map(|end| end.reason) {
        _ if log.header.stages.is_empty() => stopped,
        // A number of iterations ends where the last of them does.
        Some(StopReason::Finished) if counts_iterations(&log.header) => planned.min(stopped),
        Some(StopReason::Finished) => planned,
        Some(StopReason::Interrupted | StopReason::Aborted | StopReason::UsedUp) | None => {
            planned.min(stopped)
        }
    }
}

/// Whether users of a closed model play a number of iterations together.
pub(super) fn counts_iterations(header: &RunHeader) -> bool {
    is_closed(header) && header.planned_arrivals.is_some()
}

/// Whether arrivals wait for responses.
pub(super) fn is_closed(header: &RunHeader) -> bool {
    matches!(header.model, LoadModel::Closed { .. })
}
