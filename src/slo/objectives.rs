//! The rows of the SLO table: each measured over its scope, then held against target and max.

use super::measured::{CONFIDENCE, Measured};
use super::statistics::batches::{self, BatchPart};
use super::statistics::{order_statistics, proportion};
use super::times::{self, SecondDistributions};
use super::uptime::{self, UptimeCounts};
use super::window::JudgedWindow;
use super::{JudgedObjective, bounds, lasting, observed, recovery};
use crate::metrics::{
    CustomMeasure, Interval, Measure, Objective, Phase, RunHeader, ScenarioId, Scope,
    SparseDistribution, StepId,
};
use crate::units::{Quantity, Rate, Ratio};

/// Judges one row.
pub(super) fn judge(window: &JudgedWindow<'_>, objective: &Objective) -> JudgedObjective {
    let measured = measure(window, objective);
    let (status, note) = bounds::compare(objective, &measured, window.steady_length());
    let kind = measured.estimate;
    let quantity = |base: f64| kind.map_or(Quantity::Count(base), |kind| kind.with_base(base));
    JudgedObjective {
        objective: objective.clone(),
        estimate: measured.estimate,
        interval: measured.interval.map(|(lower, upper)| (quantity(lower), quantity(upper))),
        samples: measured.samples,
        status,
        note,
    }
}

/// Which requests a row speaks of.
enum RequestSelection {
    /// All steps that are requests.
    Run(Vec<StepId>),
    Steps(Vec<StepId>),
    Scenario(ScenarioId),
}

impl RequestSelection {
    /// `None` where the run has no such scenario, step or tag.
    fn of(scope: &Scope, header: &RunHeader) -> Option<Self> {
        let steps = |wanted: &dyn Fn(usize) -> bool| -> Vec<StepId> {
            (0..header.steps.len()).filter(|i| wanted(*i)).map(|i| StepId(i as u16)).collect()
        };
        let found = match scope {
            Scope::Run => return Some(Self::Run(steps(&|i| !header.steps[i].is_logical()))),
            Scope::Scenario(name) => {
                let at = header.scenarios.iter().position(|scenario| scenario.name == *name)?;
                return Some(Self::Scenario(ScenarioId(at as u16)));
            }
            Scope::Step(name) => steps(&|i| header.steps[i].name == *name),
            Scope::Tag(tag) => steps(&|i| header.steps[i].tags.contains(tag)),
        };
        (!found.is_empty()).then_some(Self::Steps(found))
    }

    fn response_times<'a>(&self, interval: &'a Interval) -> Vec<&'a SparseDistribution> {
        match self {
            Self::Run(ids) | Self::Steps(ids) => {
                ids.iter().filter_map(|id| Some(&interval.step(*id)?.response_time)).collect()
            }
            Self::Scenario(id) => interval
                .scenarios
                .get(id)
                .map(|scenario| &scenario.response_time)
                .into_iter()
                .collect(),
        }
    }

    fn phase<'a>(&self, interval: &'a Interval, phase: Phase) -> Vec<&'a SparseDistribution> {
        match self {
            Self::Run(ids) | Self::Steps(ids) => {
                ids.iter().filter_map(|id| interval.steps.get(id)?.phases.get(&phase)).collect()
            }
            Self::Scenario(_) => Vec::new(),
        }
    }

    fn iteration_times<'a>(&self, interval: &'a Interval) -> Vec<&'a SparseDistribution> {
        match self {
            Self::Run(_) | Self::Steps(_) => {
                interval.scenarios.values().map(|scenario| &scenario.iteration_time).collect()
            }
            Self::Scenario(id) => {
                let found = interval.scenarios.get(id);
                found.map(|scenario| &scenario.iteration_time).into_iter().collect()
            }
        }
    }

    fn counts(&self, interval: &Interval) -> UptimeCounts {
        let mut counts = UptimeCounts::default();
        match self {
            Self::Run(ids) | Self::Steps(ids) => {
                ids.iter().filter_map(|id| interval.step(*id)).for_each(|s| counts.add(s));
            }
            Self::Scenario(id) => {
                if let Some(scenario) = interval.scenarios.get(id) {
                    let (requests, failed) = (scenario.requests, scenario.failed_requests);
                    // The log does not tell why requests of one scenario failed.
                    counts = UptimeCounts { requests, failed, unserved: failed };
                }
            }
        }
        counts
    }
}

impl RequestSelection {
    /// Requests for the error rate, with failures of no single request as one more each: a poll that was
    /// given up and a script that broke are no better to its user than a failed request. Steps and tags count
    /// their own samples only.
    fn attempts(&self, interval: &Interval) -> UptimeCounts {
        let mut counts = self.counts(interval);
        let iteration_errors: u64 = match self {
            Self::Run(_) => interval.iteration_errors().map(|(_, count)| count).sum(),
            Self::Scenario(id) => interval
                .scenarios
                .get(id)
                .map_or(0, |scenario| scenario.iteration_errors.values().sum()),
            Self::Steps(_) => 0,
        };
        counts.requests += iteration_errors;
        counts.failed += iteration_errors;
        counts
    }
}

fn measure(window: &JudgedWindow<'_>, objective: &Objective) -> Measured {
    if let Measure::Observed(tier, metric) = &objective.measure {
        return observed::measure(window, objective, |reading| {
            reading.tier == *tier
                && observed::tells(reading, metric, objective.limit.or(objective.target))
        });
    }
    match &objective.measure {
        Measure::Custom(CustomMeasure::RebufferRatio) => {
            return lasting::ratio(window, &objective.scope);
        }
        Measure::Custom(CustomMeasure::MessageRate) => {
            return lasting::message_rate(window, &objective.scope);
        }
        Measure::Custom(CustomMeasure::Recover) => return recovery::measure(window.log),
        _ => {}
    }
    let Some(rows) = RequestSelection::of(&objective.scope, &window.log.header) else {
        return Measured::nothing(0, format!("n/a: the run has no {}", objective.scope));
    };
    match &objective.measure {
        Measure::ResponseTime(p) => response_time(window, &rows, |s| times::quantile(s, *p)),
        Measure::MeanResponseTime => response_time(window, &rows, times::mean),
        Measure::Phase(phase, _) if matches!(rows, RequestSelection::Scenario(_)) => {
            Measured::nothing(
                0,
                format!("n/a: {} is measured by step, not by scenario", phase.name()),
            )
        }
        Measure::Phase(phase, p) => {
            times::quantile(&times::seconds(window, |i| rows.phase(i, *phase)), *p)
        }
        Measure::IterationTime(p) => {
            times::quantile(&times::seconds(window, |i| rows.iteration_times(i)), *p)
        }
        Measure::ErrorRate => error_rate(window, &rows, objective),
        Measure::Uptime => uptime::measure(window, objective, |i| rows.counts(i)),
        Measure::Throughput => throughput(window, &rows),
        Measure::Custom(CustomMeasure::Failures) => failures(window, &rows),
        Measure::Observed(..) | Measure::Custom(_) => Measured::nothing(0, String::new()),
    }
}

/// Times of requests, unless none of them was answered as expected: a refusal is no response.
fn response_time(
    window: &JudgedWindow<'_>,
    rows: &RequestSelection,
    estimate: impl Fn(&SecondDistributions<'_>) -> Measured,
) -> Measured {
    let measured = estimate(&times::seconds(window, |i| rows.response_times(i)));
    let (mut requests, mut failed) = (0, 0);
    for interval in window.steady().iter().chain(&window.tail) {
        let counts = rows.counts(interval);
        requests += counts.requests;
        failed += counts.failed;
    }
    if requests > 0 && failed == requests {
        return Measured::nothing(requests, format!("n/a: all {requests} requests failed"));
    }
    if failed * 2 > requests {
        let share = Ratio::of(failed * 1_000 / requests, 1_000);
        return measured.with_note(format!("{share} of these requests failed"));
    }
    measured
}

/// Failed requests among all, over all judged intervals: an error is one also while warming up.
fn error_rate(
    window: &JudgedWindow<'_>,
    rows: &RequestSelection,
    objective: &Objective,
) -> Measured {
    let counts: Vec<UptimeCounts> =
        window.judged.iter().chain(&window.tail).map(|i| rows.attempts(i)).collect();
    let parts: Vec<BatchPart> = counts
        .iter()
        .map(|c| BatchPart { value: c.failed as f64, weight: c.requests as f64 })
        .collect();
    let requests: u64 = counts.iter().map(|c| c.requests).sum();
    let failed: u64 = counts.iter().map(|c| c.failed).sum();
    let Some(found) = batches::estimate(&parts) else {
        return Measured::nothing(0, "n/a (n=0): no request ended".to_owned());
    };
    let interval = proportion::interval(&found, requests, CONFIDENCE);
    let estimate = Quantity::Share(Ratio::new(found.value));
    let mut measured = Measured::value(estimate, Some(interval), requests);
    let limit = objective.limit.map(Quantity::base);
    if failed == 0 && limit.is_some_and(|limit| limit <= 0.0) {
        // "No error at all" speaks of this run; no run could prove it of all others.
        measured.interval = None;
        return measured;
    }
    if let Some(limit) = limit.filter(|limit| failed == 0 && interval.1 > *limit) {
        let needed = order_statistics::least_count(1.0 - limit, CONFIDENCE);
        measured.unproven = true;
        measured.note = format!(
            "none of {requests} failed, which does not prove {}; {needed} requests would",
            Ratio::new(limit)
        );
    }
    measured
}

/// Failed requests a second, over all judged intervals.
fn failures(window: &JudgedWindow<'_>, rows: &RequestSelection) -> Measured {
    let mut failed = 0;
    let parts: Vec<BatchPart> = window
        .judged
        .iter()
        .map(|interval| {
            let counts = rows.counts(interval);
            failed += counts.failed;
            BatchPart { value: counts.failed as f64, weight: interval.length().as_secs_f64() }
        })
        .collect();
    match batches::estimate(&parts) {
        Some(found) => {
            let interval = found.interval(CONFIDENCE).map(|(lower, upper)| (lower.max(0.0), upper));
            Measured::value(Quantity::Rate(Rate::per_second(found.value)), interval, failed)
        }
        None => Measured::nothing(0, "n/a: no second was judged".to_owned()),
    }
}

/// Requests a second that were served, over the steady intervals.
fn throughput(window: &JudgedWindow<'_>, rows: &RequestSelection) -> Measured {
    let mut served = 0;
    let parts: Vec<BatchPart> = window
        .steady()
        .iter()
        .map(|interval| {
            let counts = rows.counts(interval);
            served += counts.requests - counts.unserved;
            BatchPart {
                value: (counts.requests - counts.unserved) as f64,
                weight: interval.length().as_secs_f64(),
            }
        })
        .collect();
    match batches::estimate(&parts) {
        Some(found) => {
            let interval = found.interval(CONFIDENCE).map(|(lower, upper)| (lower.max(0.0), upper));
            Measured::value(Quantity::Rate(Rate::per_second(found.value)), interval, served)
        }
        None => Measured::nothing(0, "n/a: no second was judged".to_owned()),
    }
}
