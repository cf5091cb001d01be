//! Whether a limiter answered instead of the stack, and which limit that is.
//!
//! A limiter that has run out of credit lets requests through at exactly its rate, whatever is asked. What it
//! let through before that, beyond the rate, is its burst: a token bucket of rate r and burst b lets at most
//! b + 1 + r·t requests through in a time t, and exactly as many once it has been emptied (J.-Y. Le Boudec,
//! P. Thiran, *Network Calculus*, 2001, chapter 1: the arrival curve of a leaky bucket).

use super::super::statistics::{mean, variance};
use super::super::window::JudgedWindow;
use super::super::{Finding, ObservedRateLimit, ValidityTest};
use super::words::percent;
use plimsoll_metrics::{Counts, ErrorClass, Interval};
use plimsoll_units::{Quantity, Rate};

/// Above this share of all requests, throttled answers make up what was measured.
const THROTTLED_MAX: f64 = 0.1;
/// Below this share of all requests, throttled answers are noise.
const THROTTLED_MIN: f64 = 0.01;
/// The fewest seconds in a row that tell a rate.
const STRETCH_MIN: usize = 5;
/// The index of dispersion (variance over mean) of the requests let through in a second, below which something
/// meters them: of independent ones it is 1, and a queue only comes near 0 where service takes constant time.
const METERED: f64 = 0.25;
/// A stack idles if no tier uses more than this share of its CPU.
const IDLE: f64 = 0.5;

/// What was found about limits.
pub(super) struct Throttling {
    pub(super) finding: Finding,
    pub(super) limit: Option<ObservedRateLimit>,
    /// Whether the edge's limit was measured instead of the stack.
    pub(super) rate_limited: bool,
}

/// Looks for a limiter in the answers, and where there is a backlog in the rate that got through.
pub(super) fn examine(window: &JudgedWindow<'_>, counts: &Counts, overloaded: bool) -> Throttling {
    let throttled = counts.failed_by(ErrorClass::Throttled);
    let share = throttled as f64 / counts.requests.max(1) as f64;
    if throttled * 2 > counts.failed() && share > THROTTLED_MIN {
        return answered(window, share);
    }
    let backlog = overloaded || counts.arrivals.dropped > 0;
    if let Some(silent) = backlog.then(|| silent(window)).flatten() {
        return silent;
    }
    let message = format!("{throttled} answers were throttled");
    let finding = Finding::valid(ValidityTest::RateLimited, message);
    Throttling { finding, limit: None, rate_limited: false }
}

/// A limiter that says no.
fn answered(window: &JudgedWindow<'_>, share: f64) -> Throttling {
    let found = found_limit(window);
    let words = match &found {
        Some(limit) => limit.to_string(),
        None => format!("about {:.1} req/s got through", let_through(window)),
    };
    let message = format!(
        "RATE-LIMITED: {words}; {} of all answers were throttled: this is the edge's limit, not the \
         stack's capacity; spread the load with `source_ips` or raise the limit",
        percent(share)
    );
    let finding = if share > THROTTLED_MAX {
        Finding::not_valid(ValidityTest::RateLimited, message)
    } else {
        Finding::suspect(ValidityTest::RateLimited, message)
    };
    Throttling { finding, limit: found, rate_limited: true }
}

/// A limiter that holds requests back without a word: what gets through is metered while the stack idles.
fn silent(window: &JudgedWindow<'_>) -> Option<Throttling> {
    let busiest = busiest_tier(window)?;
    let rates: Vec<f64> =
        window.judged[window.warm_up..].iter().map(|interval| interval.requests() as f64).collect();
    let rate = mean(&rates);
    let metered = rates.len() >= STRETCH_MIN && rate >= 5.0 && variance(&rates) < METERED * rate;
    if busiest >= IDLE || !metered {
        return None;
    }
    let addresses = addresses(window);
    let limit =
        ObservedRateLimit { rate: Rate::per_second(rate), addresses, burst: None, quota: None };
    let message = format!(
        "RATE-LIMITED: {limit}, whatever was asked, while no tier used more than {} of its CPU: a limiter \
         that holds requests back, or one lock; not the stack's capacity",
        percent(busiest)
    );
    let finding = Finding::suspect(ValidityTest::RateLimited, message);
    Some(Throttling { finding, limit: Some(limit), rate_limited: true })
}

/// The mean CPU of the busiest tier, as a share of what it has; none where nothing observes it.
fn busiest_tier(window: &JudgedWindow<'_>) -> Option<f64> {
    let readings = window.steady().iter().flat_map(|interval| interval.readings.iter());
    let mut tiers: std::collections::BTreeMap<(&str, &str), Vec<f64>> =
        std::collections::BTreeMap::new();
    for reading in readings.filter(|reading| reading.metric == "cpu") {
        if let Some(Quantity::Share(share)) = reading.value {
            tiers.entry((reading.tier, reading.replica)).or_default().push(share.get());
        }
    }
    tiers.values().map(|shares| mean(shares)).max_by(f64::total_cmp)
}

/// The addresses that the load came from; one where the system chose it.
fn addresses(window: &JudgedWindow<'_>) -> u64 {
    let conditions = &window.log.header.conditions;
    let found = conditions.iter().find(|(name, _)| name == super::super::SOURCE_ADDRESSES);
    found.and_then(|(_, count)| count.parse().ok()).unwrap_or(1).max(1)
}

/// One second: how long it was, what was let through in it, and what was not.
#[derive(Debug, Clone, Copy)]
struct ThrottledSecond {
    length: f64,
    passed: f64,
    throttled: f64,
}

impl ThrottledSecond {
    fn of(interval: &Interval) -> Self {
        let throttled = interval.steps.values();
        let throttled: u64 =
            throttled.filter_map(|step| step.errors.get(&ErrorClass::Throttled)).sum();
        Self {
            length: interval.length().as_secs_f64(),
            passed: (interval.requests() - throttled) as f64,
            throttled: throttled as f64,
        }
    }
}

/// Requests a second that were let through in the steady part of the run.
fn let_through(window: &JudgedWindow<'_>) -> f64 {
    let seconds: Vec<ThrottledSecond> =
        window.steady().iter().map(|i| ThrottledSecond::of(i)).collect();
    let length: f64 = seconds.iter().map(|second| second.length).sum();
    seconds.iter().map(|second| second.passed).sum::<f64>() / length.max(f64::MIN_POSITIVE)
}

/// Rate and burst from the longest stretch of seconds in each of which something was throttled.
fn found_limit(window: &JudgedWindow<'_>) -> Option<ObservedRateLimit> {
    // Behind the last arrival nothing is asked, and so little is refused.
    let asked = window.log.intervals.iter().rposition(|interval| interval.arrivals.started > 0)?;
    let seconds: Vec<ThrottledSecond> =
        window.log.intervals[..=asked].iter().map(ThrottledSecond::of).collect();
    let (from, to) = longest_stretch(&seconds)?;
    let addresses = addresses(window);
    let share = addresses as f64;
    let passed_before: f64 = seconds[..=from].iter().map(|second| second.passed).sum();
    let passed: f64 = seconds[from + 1..to].iter().map(|second| second.passed).sum();
    if passed < share {
        let quota = Some((passed_before / share).round() as u64);
        return Some(ObservedRateLimit { rate: Rate::ZERO, addresses, burst: None, quota });
    }
    // Three digits are known, and limits are round numbers: the rest would only blur the burst.
    let rate = three_digits(slope(&seconds[from + 1..to])?);
    let burst = burst(&seconds[..to], from + 1, rate, share);
    Some(ObservedRateLimit {
        rate: Rate::per_second(rate),
        addresses,
        burst: (burst >= 1.0).then_some(burst as u64),
        quota: None,
    })
}

/// First and last + 1 of the longest run of seconds with throttled answers; none if it is too short.
fn longest_stretch(seconds: &[ThrottledSecond]) -> Option<(usize, usize)> {
    let mut best = (0, 0);
    let mut from = 0;
    for (at, second) in seconds.iter().enumerate() {
        if second.throttled == 0.0 {
            from = at + 1;
        } else if at + 1 - from > best.1 - best.0 {
            best = (from, at + 1);
        }
    }
    // The first second still empties the bucket.
    (best.1 - best.0 > STRETCH_MIN).then_some(best)
}

/// Requests let through a second: the slope of a straight line through their running sum (least squares), which
/// the whole numbers of single seconds disturb least.
fn slope(seconds: &[ThrottledSecond]) -> Option<f64> {
    let (mut at, mut sum) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for second in seconds {
        at += second.length;
        sum += second.passed;
        points.push((at, sum));
    }
    let times: Vec<f64> = points.iter().map(|point| point.0).collect();
    let spread = variance(&times);
    let (middle, level) =
        (mean(&times), mean(&points.iter().map(|point| point.1).collect::<Vec<_>>()));
    let covariance: f64 = points.iter().map(|(t, n)| (t - middle) * (n - level)).sum::<f64>()
        / (points.len() - 1) as f64;
    (spread > 0.0).then(|| covariance / spread)
}

fn three_digits(value: f64) -> f64 {
    let unit = 10_f64.powf(value.abs().max(f64::MIN_POSITIVE).log10().floor() - 2.0);
    (value / unit).round() * unit
}

/// What one address was let through beyond the rate, from the moment that the bucket was full until it was empty.
///
/// The running sum of requests let through less r·t stays at b + 1 while the bucket is empty, less the credit
/// that is not spent: half a request on average, because there are no halves, and what comes in until the next
/// request asks for it, a gap between arrivals. The very first request came one gap after the beginning as well.
fn burst(seconds: &[ThrottledSecond], emptied: usize, rate: f64, addresses: f64) -> f64 {
    let excess = |from: usize| {
        let mut sum = 0.0;
        let mut beyond = vec![];
        for (at, second) in seconds.iter().enumerate().skip(from) {
            sum += second.passed - rate * second.length;
            if at >= emptied {
                beyond.push(sum);
            }
        }
        mean(&beyond)
    };
    let greatest = (0..=emptied).map(excess).fold(0.0, f64::max);
    let asked = seconds[emptied].passed + seconds[emptied].throttled;
    let gap = rate / asked.max(1.0);
    (greatest / addresses - 0.5 + 2.0 * gap).round()
}

#[cfg(test)]
mod tests;
