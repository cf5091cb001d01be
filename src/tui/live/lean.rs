//! Intervals as the live statuses need them: a fraction of what the log keeps.
//!
//! A second of 20,000 requests takes half a megabyte with all its histograms. The screen keeps minutes of
//! them, so it drops what no objective asks for and keeps two digits of the rest: 1 % off at the most.

use plimsoll_metrics::{
    Distribution, Interval, Measure, Objective, SparseDistribution, StepInterval, TimeParts,
};

/// `interval` without what `objectives` and the table of steps do not read.
pub(super) fn lean(mut interval: Interval, objectives: &[Objective]) -> Interval {
    let wants = |wanted: fn(&Measure) -> bool| objectives.iter().any(|row| wanted(&row.measure));
    let phases = wants(|measure| matches!(measure, Measure::Phase(..)));
    let iterations = wants(|measure| matches!(measure, Measure::IterationTime(_)));
    let mut scratch = Distribution::coarse();
    coarsen(&mut interval.schedule_lag, &mut scratch);
    for step in interval.steps.values_mut().chain(interval.logical.values_mut()) {
        lean_step(step, phases, &mut scratch);
    }
    for scenario in interval.scenarios.values_mut() {
        coarsen(&mut scenario.response_time, &mut scratch);
        lean_parts(&mut scenario.time_parts, &mut scratch);
        if iterations {
            coarsen(&mut scenario.iteration_time, &mut scratch);
        } else {
            scenario.iteration_time = SparseDistribution::default();
        }
    }
    interval
}

/// As coarse as the times that they are parts of, so that they still can be taken apart.
fn lean_parts(parts: &mut TimeParts, scratch: &mut Distribution) {
    let (late, late_failed) = (&mut parts.late, &mut parts.late_failed);
    let bounds = [&mut late.upper, &mut late.lower, &mut late_failed.upper, &mut late_failed.lower];
    bounds.into_iter().chain([&mut parts.failed]).for_each(|times| coarsen(times, scratch));
}

fn lean_step(step: &mut StepInterval, phases: bool, scratch: &mut Distribution) {
    coarsen(&mut step.response_time, scratch);
    lean_parts(&mut step.time_parts, scratch);
    // Little's law is checked on service times.
    coarsen(&mut step.service_time, scratch);
    if phases {
        step.phases.values_mut().for_each(|times| coarsen(times, scratch));
    } else {
        step.phases.clear();
    }
}

fn coarsen(times: &mut SparseDistribution, scratch: &mut Distribution) {
    scratch.clear();
    scratch.merge_sparse(times);
    *times = scratch.to_sparse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    #[test]
    fn lean_interval_keeps_counts_and_quantiles_within_one_per_cent() {
        let whole = fixture::log().intervals[20].clone();
        let lean = lean(whole.clone(), &[]);
        assert_eq!(lean.requests(), whole.requests());
        for (id, step) in &whole.steps {
            let (was, is) = (&step.response_time, &lean.steps[id].response_time);
            assert_eq!((is.count(), is.mean(), is.max()), (was.count(), was.mean(), was.max()));
            let ratio = is.quantile(0.95).as_secs_f64() / was.quantile(0.95).as_secs_f64();
            assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
        }
    }
}
