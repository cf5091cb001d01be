//! The rows of the SLO table: each measured over its scope, then held against target and max.

use std::borrow::Cow;

use super::estimates::{self, FailureCounts};
use super::measured::{CONFIDENCE, Measured};
use super::service::UptimeCounts;
use super::statistics::batches::{self, BatchPart};
use super::times::{self, SecondDistributions};
use super::uptime;
use super::window::JudgedWindow;
use super::{
    JudgedObjective, LagEffect, ObjectiveStatus, bounds, lasting, observed, pages, recovery,
};
use plimsoll_metrics::{
    Answers, Counts, CustomMeasure, Interval, Measure, Objective, PageFigure, Phase, ReadingRef,
    ResponseTimes, RunHeader, ScenarioId, Scope, Selection, SparseDistribution, StepId,
};
use plimsoll_units::{Nanos, Quantity, Rate, Ratio};

/// Judges one row.
pub(super) fn judge(window: &JudgedWindow<'_>, objective: &Objective) -> JudgedObjective {
    let mut measured = measure(window, objective);
    let mut compared = bounds::compare(objective, &measured, window.steady_length());
    if compared.status != ObjectiveStatus::Pass
        && measured.estimate.is_some()
        && let Some(reason) = busy_browsers(window, &objective.measure)
    {
        // What has passed all the same has passed.
        measured = Measured::nothing(measured.samples, reason);
        compared = bounds::compare(objective, &measured, window.steady_length());
    }
    let kind = measured.estimate;
    let quantity = |base: f64| kind.map_or(Quantity::Count(base), |kind| kind.with_base(base));
    JudgedObjective {
        objective: objective.clone(),
        by_default: false,
        estimate: measured.estimate,
        interval: measured
            .whole_interval()
            .map(|(lower, upper)| (quantity(lower), quantity(upper))),
        lag: measured.without_lag.map(|without| LagEffect {
            lower: quantity(without.estimate),
            decides: compared.by_lag,
        }),
        samples: measured.samples,
        status: compared.status,
        more_time: compared.more_time,
        note: compared.note,
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
            Scope::Page(_) => return None,
            Scope::Step(name) => steps(&|i| header.steps[i].name == *name),
            Scope::Tag(_) | Scope::Steps(_) => match Selection::of(scope, header)? {
                Selection::Steps(ids) => ids,
                Selection::Run | Selection::Scenario(_) | Selection::Side(..) => return None,
            },
        };
        (!found.is_empty()).then_some(Self::Steps(found))
    }

    fn times<'a>(&self, interval: &'a Interval) -> Vec<ResponseTimes<'a>> {
        match self {
            Self::Run(ids) | Self::Steps(ids) => {
                ids.iter().filter_map(|id| Some(interval.step(*id)?.times())).collect()
            }
            Self::Scenario(id) => {
                interval.scenarios.get(id).map(|scenario| scenario.times()).into_iter().collect()
            }
        }
    }

    fn phase<'a>(&self, interval: &'a Interval, phase: Phase) -> Vec<Cow<'a, SparseDistribution>> {
        let times = |id: &StepId| interval.steps.get(id)?.phases.get(&phase).map(Cow::Borrowed);
        match self {
            Self::Run(ids) | Self::Steps(ids) => ids.iter().filter_map(times).collect(),
            Self::Scenario(_) => Vec::new(),
        }
    }

    fn iteration_times<'a>(&self, interval: &'a Interval) -> Vec<Cow<'a, SparseDistribution>> {
        let all = interval.scenarios.iter();
        let wanted = all.filter(|(id, _)| match self {
            Self::Run(_) | Self::Steps(_) => true,
            Self::Scenario(wanted) => wanted == *id,
        });
        wanted.map(|(_, scenario)| Cow::Borrowed(&scenario.iteration_time)).collect()
    }

    fn tally(&self, interval: &Interval) -> Counts {
        match self {
            Self::Run(_) => Counts::of(interval),
            Self::Steps(ids) => Selection::Steps(ids.clone()).counts(interval),
            Self::Scenario(id) => Selection::Scenario(*id).counts(interval),
        }
    }

    fn counts(&self, interval: &Interval) -> UptimeCounts {
        UptimeCounts::of_requests(&self.tally(interval))
    }
}

impl RequestSelection {
    /// Attempts for the error rate: see [`Counts::attempts`].
    fn attempts(&self, interval: &Interval) -> UptimeCounts {
        UptimeCounts::of_attempts(&self.tally(interval))
    }

    /// What was served and what was not, for uptime.
    fn service(&self, interval: &Interval) -> UptimeCounts {
        UptimeCounts::of_service(&self.tally(interval))
    }
}

fn measure(window: &JudgedWindow<'_>, objective: &Objective) -> Measured {
    if let Measure::Page(figure, quantile) = &objective.measure {
        return pages::measure(window, &objective.scope, *figure, *quantile);
    }
    if let Some(figure) = front_end_figure(window, &objective.measure) {
        return pages::measure(window, &Scope::Run, figure, PageFigure::QUANTILE);
    }
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
        Measure::ResponseTime(p) => {
            response_time(window, &rows, objective.of, |s| times::quantile(s, *p))
        }
        Measure::MeanResponseTime => response_time(window, &rows, objective.of, |s| times::mean(s)),
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
        Measure::Uptime => {
            let measured = uptime::measure(window, objective, |i| rows.service(i));
            without_classes(window, &rows, measured)
        }
        Measure::Throughput => throughput(window, &rows),
        Measure::Custom(CustomMeasure::Failures) => failures(window, &rows),
        Measure::Custom(CustomMeasure::AchievedRate) => achieved(window),
        Measure::Custom(CustomMeasure::Goodput) => goodput(window, &rows, objective),
        Measure::Observed(..) | Measure::Page(..) | Measure::Custom(_) => {
            Measured::nothing(0, String::new())
        }
    }
}

/// Why a time of pages that has not passed proves nothing: their browsers were short of cores, which only makes pages
/// slower. Shifts are no times.
fn busy_browsers(window: &JudgedWindow<'_>, measure: &Measure) -> Option<String> {
    let figure = match measure {
        Measure::Page(figure, _) => Some(*figure),
        other => front_end_figure(window, other),
    };
    let is_time = figure.is_some_and(|figure| figure != PageFigure::Cls);
    let used = window.log.browsers.as_ref().filter(|used| is_time && used.is_short_of_cores())?;
    let busy = used.cores_busy.get() * 100.0;
    Some(format!("n/a: the browsers' cores were {busy:.0} % busy; pages may have waited for them"))
}

/// The figure of pages that a row `frontend.NAME` means, where browsers loaded pages and no source tells it.
fn front_end_figure(window: &JudgedWindow<'_>, measure: &Measure) -> Option<PageFigure> {
    let Measure::Observed(tier, metric) = measure else { return None };
    let has_source = |reading: ReadingRef<'_>| reading.tier == *tier && reading.metric == *metric;
    let is_told = || window.log.intervals.iter().any(|i| i.readings.iter().any(has_source));
    let is_meant = tier == PageFigure::TIER && !window.log.pages.is_empty() && !is_told();
    PageFigure::of_row(metric).filter(|_| is_meant)
}

/// Times of requests, unless none of them was answered as expected: a refusal is no response.
fn response_time(
    window: &JudgedWindow<'_>,
    rows: &RequestSelection,
    of: Answers,
    estimate: impl Fn(&SecondDistributions<'_>) -> Measured,
) -> Measured {
    let upper = |i| rows.times(i).iter().map(|times| times.upper(of)).collect();
    let measured = estimate(&times::seconds(window, upper));
    let is_late = |i: &&Interval| rows.times(i).iter().any(|times| times.has_lag(of));
    let measured = if window.steady().iter().chain(&window.tail).any(is_late) {
        let lower = |i| rows.times(i).iter().map(|times| times.lower(of)).collect();
        measured.down_to(&estimate(&times::seconds(window, lower)))
    } else {
        measured
    };
    let is_untold = |i: &&Interval| rows.times(i).iter().any(|times| !times.tells_failures());
    let untold =
        of == Answers::Successes && window.steady().iter().chain(&window.tail).any(is_untold);
    let measured = if untold {
        measured
            .with_note("the log does not tell times of failures apart: all are judged".to_owned())
    } else {
        measured
    };
    let measured = without_bounds(window, measured);
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

/// Says of a log that keeps no classes of a scenario's failures how many are taken for want of service.
fn without_classes(
    window: &JudgedWindow<'_>,
    rows: &RequestSelection,
    measured: Measured,
) -> Measured {
    let all = window.judged.iter().chain(&window.tail);
    let untold: u64 = all.map(|interval| rows.tally(interval).errors_untold).sum();
    if untold == 0 {
        return measured;
    }
    let said = format!(
        "the log does not tell why {untold} requests of the scenario failed: all count as not served"
    );
    let before = std::iter::once(measured.note.clone()).filter(|note| !note.is_empty());
    let note = before.chain([said]).collect::<Vec<_>>().join("; ");
    measured.with_note(note)
}

/// How much of a time, as a share, lag may be before a log that does not tell it apart has to say so.
const LAG_TOLD: f64 = 0.02;

/// Says of a log without lower bounds that lag was not told apart, where it was enough to matter.
fn without_bounds(window: &JudgedWindow<'_>, measured: Measured) -> Measured {
    let Some(estimate) = measured.estimate.filter(|_| !window.log.header.lag_bounds) else {
        return measured;
    };
    let lags = window.steady().iter().chain(&window.tail).map(|i| i.schedule_lag.max());
    let longest = lags.max().unwrap_or(Nanos::ZERO);
    if longest.as_secs_f64() <= LAG_TOLD * estimate.base() {
        return measured;
    }
    let said = format!(
        "the log does not tell what the generator's lag, up to {:.1} ms, may have added: judged as recorded",
        longest.as_millis_f64()
    );
    let before = std::iter::once(measured.note.clone()).filter(|note| !note.is_empty());
    let note = before.chain([said]).collect::<Vec<_>>().join("; ");
    measured.with_note(note)
}

/// Failed requests among all, over all judged intervals: an error is one also while warming up.
fn error_rate(
    window: &JudgedWindow<'_>,
    rows: &RequestSelection,
    objective: &Objective,
) -> Measured {
    let failures = |interval: &&Interval| {
        let counts = rows.attempts(interval);
        FailureCounts { failed: counts.failed, attempts: counts.requests }
    };
    let seconds: Vec<FailureCounts> =
        window.judged.iter().chain(&window.tail).map(failures).collect();
    estimates::error_rate(&seconds, objective.limit.map(Quantity::base))
}

/// Iterations that kept every step's max and did not fail, among those that ended, over all judged intervals.
fn goodput(window: &JudgedWindow<'_>, rows: &RequestSelection, objective: &Objective) -> Measured {
    let missed = |interval: &&Interval| {
        let arrivals = rows.tally(interval).arrivals;
        let attempts = arrivals.completed + arrivals.failed;
        FailureCounts { failed: arrivals.failed + arrivals.slow, attempts }
    };
    let seconds: Vec<FailureCounts> =
        window.judged.iter().chain(&window.tail).map(missed).collect();
    let max = objective.limit.map(|min| 1.0 - min.base());
    let measured = estimates::error_rate(&seconds, max).complement();
    match (measured.samples, measured.unproven) {
        (0, _) => Measured::nothing(0, "n/a (n=0): no iteration ended".to_owned()),
        (all, true) => {
            let note = format!("all of {all} iterations kept to it, too few to prove the min");
            measured.with_note(note)
        }
        _ => measured,
    }
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

/// Arrivals that started among those that fell due. A count, so that chance has no part in it.
fn achieved(window: &JudgedWindow<'_>) -> Measured {
    let all = window.log.intervals.iter().map(|interval| interval.arrivals);
    let (started, due) = all.fold((0, 0), |(started, due), arrivals| {
        (started + arrivals.started, due + arrivals.intended)
    });
    if due == 0 {
        return Measured::nothing(0, "n/a (n=0): no arrival fell due".to_owned());
    }
    let share = Ratio::of(started, due);
    Measured::value(Quantity::Share(share), Some((share.get(), share.get())), due)
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
