//! Uptime: the share of seconds with service, of requests served, or of health probes up, whichever is worst.

use super::availability;
use super::measured::{CONFIDENCE, Measured};
use super::service::UptimeCounts;
use super::statistics::batches::{self, BatchPart, RatioEstimate};
use super::statistics::{order_statistics, proportion};
use super::window::JudgedWindow;
use plimsoll_metrics::{Interval, Objective, Scope};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// Mean completions in a second from which a second without any is an outage rather than chance: of 5
/// expected, none come once in 150 seconds.
const EXPECTED_MIN: f64 = 5.0;

/// Measures uptime over all judged intervals, warm-up included: an outage is one whenever it comes.
///
/// A second is up if at least one request was served in it, and down if requests ended without any being
/// served, or if requests were in flight and none of at least five to be expected ended. Requests are
/// served unless they failed for want of service. A run without an outage proves a share `u` with 95 %
/// confidence only after ln 0.05 / ln u seconds: 50 minutes for 99.9 %.
pub(super) fn measure(
    window: &JudgedWindow<'_>,
    objective: &Objective,
    counts: impl Fn(&Interval) -> UptimeCounts,
) -> Measured {
    let seconds: Vec<(&Interval, UptimeCounts)> =
        window.judged.iter().map(|interval| (*interval, counts(interval))).collect();
    let late = window.tail.iter().map(|interval| counts(interval));
    let all: Vec<UptimeCounts> = seconds.iter().map(|second| second.1).chain(late).collect();
    let requests: u64 = all.iter().map(|count| count.requests).sum();
    let served = batches::estimate(&all.iter().map(served_part).collect::<Vec<_>>());
    let expected = requests as f64 / seconds.len().max(1) as f64;
    let up: Vec<BatchPart> =
        seconds.iter().filter_map(|(interval, count)| up_part(interval, count, expected)).collect();
    let (Some(served), Some(time)) = (served, batches::estimate(&up)) else {
        return Measured::nothing(requests, format!("n/a (n={requests}): no request ended"));
    };
    let observed = up.len() as u64;
    let worse = if served.value < time.value { (served, requests) } else { (time, observed) };
    let worse = match probed(window, objective) {
        Some(probes) if probes.0.value < worse.0.value => probes,
        _ => worse,
    };
    let measured = with_interval(&worse.0, worse.1);
    if worse.0.value < 1.0 {
        return measured;
    }
    unproven_if_short(measured, objective, window.judged_length(), observed)
}

/// The share of health probes that were up, where the row speaks of the whole run and probes were sent.
fn probed(window: &JudgedWindow<'_>, objective: &Objective) -> Option<(RatioEstimate, u64)> {
    if objective.scope != Scope::Run {
        return None;
    }
    let part = |interval: &&Interval| {
        let (mut up, mut all) = (0.0, 0.0);
        for (_, is_up) in availability::answers(interval) {
            all += 1.0;
            up += f64::from(u8::from(is_up));
        }
        BatchPart { value: up, weight: all }
    };
    let parts: Vec<BatchPart> =
        window.judged.iter().map(part).filter(|part| part.weight > 0.0).collect();
    Some((batches::estimate(&parts)?, parts.len() as u64))
}

fn served_part(counts: &UptimeCounts) -> BatchPart {
    BatchPart { value: (counts.requests - counts.unserved) as f64, weight: counts.requests as f64 }
}

/// 1 for a second with service, 0 for one without, `None` where nothing tells.
fn up_part(interval: &Interval, counts: &UptimeCounts, expected: f64) -> Option<BatchPart> {
    let stalled = counts.requests == 0 && interval.in_flight_time > Nanos::ZERO;
    if counts.requests == 0 && !(stalled && expected >= EXPECTED_MIN) {
        return None;
    }
    let up = counts.requests > counts.unserved;
    Some(BatchPart { value: f64::from(u8::from(up)), weight: 1.0 })
}

fn with_interval(estimate: &RatioEstimate, count: u64) -> Measured {
    let interval = proportion::interval(estimate, count, CONFIDENCE);
    Measured::value(Quantity::Share(Ratio::new(estimate.value)), Some(interval), count)
}

/// Without any outage the question is only whether the run was long enough to prove the target.
fn unproven_if_short(
    mut measured: Measured,
    objective: &Objective,
    length: Nanos,
    observed: u64,
) -> Measured {
    let bounds = [objective.target, objective.limit];
    let Some(asked) = bounds.into_iter().flatten().map(Quantity::base).reduce(f64::max) else {
        return measured;
    };
    let needed = order_statistics::least_count(asked, CONFIDENCE);
    if asked >= 1.0 || observed < needed {
        measured.unproven = true;
        let proof = if asked >= 1.0 {
            "no run is long enough to prove it".to_owned()
        } else {
            format!("{} would", Nanos::from_secs(needed.div_ceil(60) * 60))
        };
        measured.note = format!(
            "no outage in {}, which does not prove {}; {proof}",
            Nanos::from_secs(length.as_secs_f64().round() as u64),
            Ratio::new(asked)
        );
    }
    measured
}
