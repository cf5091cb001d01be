//! Whether the stack was in a steady state, so that its numbers would be the same tomorrow.
//!
//! A trend alone says little: queues wander, and one steady run in twenty drifts at the 5 % level. So a
//! trend counts only where it is both certain and large, by rules that leave fewer than 1 % of steady
//! runs with an alarm (see the simulations below).

use super::super::planned::is_closed;
use super::super::statistics::trend::{Trend, mann_kendall};
use super::super::statistics::{mean, median};
use super::super::window::{JudgedWindow, mean_response};
use super::super::{Finding, ValidityTest};
use super::generator::tightest_time;
use super::words::{percent, span};
use plimsoll_metrics::{Counts, Interval};
use plimsoll_units::Nanos;

/// Standard deviations that a backlog must exceed what chance alone piles up.
const BACKLOG_DEVIATIONS: f64 = 3.0;
/// How much the number in flight must grow, as a share of its median.
const BACKLOG_GROWTH: f64 = 0.5;
/// Confidence of the slope's interval for a drift of response times.
const DRIFT_CONFIDENCE: f64 = 0.999;
/// How much response times must change over the judged time, as a share of their median.
const DRIFT_MIN: f64 = 0.25;
/// How many times the level after the cut that before it must be to doubt that warm-up is over.
const UNSETTLED: f64 = 3.0;
/// Values that a trend is tested on: more only cost time, since neighbours depend on each other.
const VALUES_MAX: usize = 60;
/// Little's law may be off by this share.
const LITTLE_SUSPECT: f64 = 0.05;
/// Beyond this share the bookkeeping is broken.
const LITTLE_BROKEN: f64 = 0.2;

/// What the tests of steadiness found.
pub(super) struct Steadiness {
    /// All tests.
    pub(super) findings: Vec<Finding>,
    /// Requests pile up without end.
    pub(super) overloaded: bool,
}

/// Tests warm-up, trends and Little's law.
pub(super) fn examine(window: &JudgedWindow<'_>, counts: &Counts) -> Steadiness {
    let mut findings = vec![warm_up(window)];
    let overload = if is_closed(&window.log.header) { None } else { backlog(window) };
    let overloaded = overload.is_some();
    findings.push(overload.unwrap_or_else(|| drift(window)));
    findings.push(littles_law(window, counts));
    Steadiness { findings, overloaded }
}

fn warm_up(window: &JudgedWindow<'_>) -> Finding {
    let cut: Nanos = window.judged[..window.warm_up].iter().map(|i| i.length()).sum();
    let cut = cut.as_secs_f64();
    let (start, rest) = window.judged.split_at(window.warm_up);
    let level = |intervals: &[&Interval]| {
        median(&intervals.iter().filter_map(|i| mean_response(i)).collect::<Vec<f64>>())
    };
    let (before, after) = (level(start), level(rest));
    let first_stage = window.stages.first().map_or(0, ExactSizeIterator::len);
    let is_half = window.warm_up > 0 && window.warm_up * 2 + 10 > first_stage;
    if is_half && (before > UNSETTLED * after || after > UNSETTLED * before) {
        return Finding::suspect(
            ValidityTest::WarmUp,
            format!(
                "response times about {} in the first {cut:.0} s, about {} later: warm-up takes half \
                 of the stage and may not be over; run longer",
                span(before),
                span(after)
            ),
        );
    }
    Finding::valid(ValidityTest::WarmUp, format!("{cut:.0} s of warm-up left out"))
}

/// Whether requests pile up in a stage: the load exceeds what the stack carries.
///
/// Arrivals and departures each vary by about √n in n requests, so a stack right at its limit piles up
/// some √(2n) by chance. More than three times that, by Sen's slope over the stage, with a trend that
/// Mann–Kendall finds certain and at least half of the median, is an overload. The warm-up is not left
/// out, because a growing queue looks like one.
fn backlog(window: &JudgedWindow<'_>) -> Option<Finding> {
    window.stages.iter().find_map(|range| {
        let stage = &window.judged[range.clone()];
        let in_flight: Vec<f64> = stage.iter().map(|interval| mean_in_flight(interval)).collect();
        let requests: u64 = stage.iter().map(|interval| interval.requests()).sum();
        let (trend, growth) = growth(&in_flight, 0.99)?;
        let chance = BACKLOG_DEVIATIONS * (2.0 * requests as f64).sqrt();
        let certain = plain_tau_is_certain(&trend, in_flight.len());
        let grew = growth > chance && growth > BACKLOG_GROWTH * median(&in_flight);
        (certain && grew).then(|| {
            let seconds: f64 = stage.iter().map(|interval| interval.length().as_secs_f64()).sum();
            Finding::suspect(
                ValidityTest::Trend,
                format!(
                    "OVERLOADED: requests in flight grew by {growth:.0} in {seconds:.0} s (chance \
                     explains {chance:.0}): the load exceeds what the stack carries; lower the rate"
                ),
            )
        })
    })
}

/// Whether Kendall's τ alone, without widening for dependence, is beyond chance: p < 0.001.
fn plain_tau_is_certain(trend: &Trend, count: usize) -> bool {
    let n = count.min(VALUES_MAX) as f64;
    // Standard deviation of τ: √(2(2n + 5) / 9n(n − 1)).
    trend.tau > 3.1 * (2.0 * (2.0 * n + 5.0) / (9.0 * n * (n - 1.0))).sqrt()
}

/// Whether response times still rise or fall within a stage.
fn drift(window: &JudgedWindow<'_>) -> Finding {
    let least = tightest_time(window).map_or(0.001, |time| (0.02 * time).max(0.001));
    for stage in window.steady_stages() {
        let times: Vec<f64> = stage.iter().filter_map(|interval| mean_response(interval)).collect();
        let Some((trend, growth)) = growth(&times, DRIFT_CONFIDENCE) else { continue };
        let middle = median(&times);
        if trend.is_significant() && growth.abs() > (DRIFT_MIN * middle).max(least) {
            let (word, advice) = if growth > 0.0 {
                ("rose", "something fills up or leaks; run longer to see where it ends")
            } else {
                ("fell", "warm-up is not over; run longer")
            };
            return Finding::suspect(
                ValidityTest::Trend,
                format!(
                    "response times {word} by {} in the stage, about a mean of {}: {advice}",
                    span(growth.abs()),
                    span(middle)
                ),
            );
        }
    }
    Finding::valid(
        ValidityTest::Trend,
        "neither response times nor requests in flight show a trend".to_owned(),
    )
}

/// The trend of a series, and what Sen's slope makes of it from the first value to the last.
fn growth(values: &[f64], confidence: f64) -> Option<(Trend, f64)> {
    let count = values.len().min(VALUES_MAX);
    let grouped: Vec<f64> = (0..count)
        .map(|at| mean(&values[at * values.len() / count..(at + 1) * values.len() / count]))
        .collect();
    let trend = mann_kendall(&grouped, confidence)?;
    Some((trend, trend.slope * (count - 1) as f64))
}

fn mean_in_flight(interval: &Interval) -> f64 {
    let length = interval.length().as_secs_f64();
    if length > 0.0 { interval.in_flight_time.as_secs_f64() / length } else { 0.0 }
}

/// N = X·R over the whole run: the area under the number in flight is the sum of all service times.
///
/// Over a run that begins and ends empty this holds exactly (J. Little, "Little's law as viewed on its
/// 50th anniversary", 2011), steady or not; service time, not response time, because a request is in
/// flight from its actual send. Requests never answered are allowed the mean time of the others.
fn littles_law(window: &JudgedWindow<'_>, counts: &Counts) -> Finding {
    let log = window.log;
    if let Some(step) = log.header.steps.iter().find(|step| {
        // Times within requests stand beside them and fill nothing.
        !step.is_logical() && !step.kind.is_single_request()
    }) {
        return Finding::valid(
            ValidityTest::LittlesLaw,
            format!("not tested: `{}` spans several requests", step.name),
        );
    }
    let area: f64 = log.intervals.iter().map(|i| i.in_flight_time.as_secs_f64()).sum();
    let busy: f64 = log
        .intervals
        .iter()
        .flat_map(|interval| interval.steps.values())
        .map(|step| step.service_time.sum_ns() as f64 / 1e9)
        .sum();
    let open = log.intervals.last().map_or(0, |interval| interval.in_flight);
    let length = log.duration().as_secs_f64();
    if area <= 0.0 || length <= 0.0 || counts.requests == 0 {
        return Finding::valid(
            ValidityTest::LittlesLaw,
            "not tested: nothing was in flight".to_owned(),
        );
    }
    let allowed_open = open as f64 * (busy / counts.requests as f64 + drain_length(window));
    let gap = ((area - busy).abs() - allowed_open).max(0.0) / area;
    let text = format!(
        "{:.3} requests in flight on average, throughput × service time makes {:.3}",
        area / length,
        busy / length
    );
    match gap {
        gap if gap <= LITTLE_SUSPECT => Finding::valid(ValidityTest::LittlesLaw, text),
        gap if gap <= LITTLE_BROKEN => {
            Finding::suspect(ValidityTest::LittlesLaw, format!("{text}: off by {}", percent(gap)))
        }
        gap => Finding::not_valid(
            ValidityTest::LittlesLaw,
            format!(
                "{text}: off by {}, so times or counts are wrong; please report this as a \
                     defect of plimsoll",
                percent(gap)
            ),
        ),
    }
}

/// Seconds from the last judged interval to the end of the log.
fn drain_length(window: &JudgedWindow<'_>) -> f64 {
    let end = window.log.intervals.last().map(|interval| interval.end).unwrap_or_default();
    window.judged.last().map_or(0.0, |last| end.since(last.end).as_secs_f64())
}
