//! What this generator would have carried, where the rate was more than it could send.

use super::super::highest_rate::{HighestRate, RateBasis};
use super::super::overload::GENERATOR_CPU_MAX;
use super::super::planned::is_closed;
use super::super::window::JudgedWindow;
use plimsoll_metrics::Interval;
use plimsoll_units::{Nanos, Rate, RunTime};

/// How far the achieved load may be off the one asked for.
pub(super) const TOLERANCE: f64 = 0.01;

/// The least length in seconds of an interval that tells a rate; the last one of a run may be shorter.
const LENGTH_MIN_S: f64 = 0.5;
/// A generator that has time to spare sends most arrivals within this; what a machine takes from it now and then makes
/// some of them late, and a rate beyond it makes all of them so.
const PUNCTUAL: Nanos = Nanos::from_millis(1);
/// Lowering the rate is an advice only between these shares of what was asked: seconds with less were hardly loaded, and
/// more is no change. An estimate from the CPU of a request holds at any share, and on cores of its own a generator may
/// carry more than was asked.
const ADVISABLE: std::ops::RangeInclusive<f64> = 0.1..=0.9;
/// Seconds at this share of a rate or more are near it.
const NEAR: f64 = 0.9;

/// What the seconds of a run say about its generator.
pub(super) struct CarriedLoad {
    /// The highest valid rate, where anything tells it, and asking for it would be another run. None where seconds
    /// failed that asked for no more: then the rate is not the cause.
    pub(super) highest: Option<HighestRate>,
}

/// One second of load.
struct LoadSecond {
    /// Requests that ended, a second.
    rate: f64,
    /// Requests that the stages ask for, a second; those that ended, where there are no stages to tell.
    asked: f64,
    /// Whether it kept to every limit of the generator.
    kept: bool,
    /// The share of a core that the busiest worker used.
    cpu: f64,
    /// The share of the second in which it was ready to run, with a core or without.
    ready: f64,
    length_s: f64,
}

impl CarriedLoad {
    /// Looks at all seconds with load, ramps included.
    pub(super) fn of(window: &JudgedWindow<'_>) -> Self {
        let seconds = seconds(window);
        let measured = measured(&seconds);
        let failed: Vec<f64> = seconds.iter().filter(|s| !s.kept).map(|s| s.asked).collect();
        let reached = measured.map_or(f64::INFINITY, |highest| highest.rate.get());
        let below = failed.iter().filter(|asked| **asked <= reached).count();
        let fails_below = measured.is_some() && below * 2 > failed.len();
        let highest = measured.or_else(|| estimated(&seconds));
        let asked = seconds.iter().map(|second| second.asked).fold(0.0, f64::max);
        let helps = |highest: &HighestRate| {
            let share = highest.rate.get() / asked;
            match highest.basis {
                RateBasis::Measured { .. } => ADVISABLE.contains(&share),
                RateBasis::Estimated { .. } => !(*ADVISABLE.end()..=1.0).contains(&share),
            }
        };
        Self { highest: highest.filter(|highest| !fails_below && helps(highest)) }
    }
}

fn seconds(window: &JudgedWindow<'_>) -> Vec<LoadSecond> {
    let closed = is_closed(&window.log.header);
    let log = window.log;
    let long = log.intervals.iter().filter(|one| one.length().as_secs_f64() >= LENGTH_MIN_S);
    let loaded = long.filter(|one| closed || one.arrivals.intended > 0);
    loaded
        .map(|interval| {
            let length_s = interval.length().as_secs_f64();
            let rate = interval.requests() as f64 / length_s;
            LoadSecond {
                rate,
                asked: asked(window, interval).unwrap_or(rate),
                kept: kept(interval),
                cpu: interval.generator.worker_cpu.get(),
                ready: interval.generator.worker_cpu.get() + interval.generator.waited.get(),
                length_s,
            }
        })
        .collect()
}

/// Whether a second kept to the limits of lag, arrivals and CPU.
fn kept(interval: &Interval) -> bool {
    let arrivals = interval.arrivals;
    interval.requests() > 0
        && interval.generator.worker_cpu.get() < GENERATOR_CPU_MAX
        && arrivals.intended.abs_diff(arrivals.started) as f64
            <= TOLERANCE * arrivals.intended as f64
        && interval.schedule_lag.quantile(0.5) <= PUNCTUAL
}

/// Requests a second that the stages ask of this generator in the middle of an interval.
fn asked(window: &JudgedWindow<'_>, interval: &Interval) -> Option<f64> {
    let header = &window.log.header;
    // A closed workload asks for no rate.
    if window.log.steered() || is_closed(header) {
        return None;
    }
    let each = header.requests_per_iteration();
    // Nobody can tell how many requests an iteration makes.
    if each <= 0.0 {
        return None;
    }
    let at = interval.start + Nanos::new(interval.length().get() / 2);
    let mut start = RunTime::ZERO;
    for stage in &header.stages {
        let end = start + stage.duration;
        if at < end {
            let part = at.since(start).as_secs_f64() / stage.duration.as_secs_f64();
            let rate = stage.from.get() + (stage.to.get() - stage.from.get()) * part;
            return Some(rate * each / f64::from(header.shard.1.max(1)));
        }
        start = end;
    }
    None
}

/// The highest rate at which most seconds kept to the limits.
fn measured(seconds: &[LoadSecond]) -> Option<HighestRate> {
    let mut rates: Vec<f64> = seconds.iter().filter(|s| s.kept).map(|s| s.rate).collect();
    rates.sort_by(|a, b| b.total_cmp(a));
    rates.into_iter().find_map(|rate| {
        let near = seconds.iter().filter(|s| (NEAR * rate..=rate).contains(&s.rate));
        let (kept, all) = near.fold((0, 0), |(kept, all), s| (kept + u64::from(s.kept), all + 1));
        let basis = RateBasis::Measured { kept, seconds: all };
        (kept * 2 > all).then(|| HighestRate { rate: Rate::per_second(rate.floor()), basis })
    })
}

/// What would take 80 % of the busiest worker's core: its requests and its CPU in the seconds in which it had
/// work for more than that. None where it never had, because then it was not its own work that made it late.
///
/// Batches make a request cheaper the more there are at once, so the truth lies rather below.
fn estimated(seconds: &[LoadSecond]) -> Option<HighestRate> {
    let busy = || seconds.iter().filter(|second| second.ready >= GENERATOR_CPU_MAX);
    let requests: f64 = busy().map(|second| second.rate * second.length_s).sum();
    let cpu_s: f64 = busy().map(|second| second.cpu * second.length_s).sum();
    if requests < 1.0 {
        return None;
    }
    let each = cpu_s / requests;
    Some(HighestRate {
        rate: Rate::per_second(two_digits(GENERATOR_CPU_MAX / each)),
        basis: RateBasis::Estimated { cpu_per_request: Nanos::from_secs_f64(each) },
    })
}

/// Rounds down to two significant digits: an estimate is worth no more.
fn two_digits(rate: f64) -> f64 {
    let step = 10_f64.powf((rate.max(10.0).log10() - 1.0).floor());
    (rate / step).floor() * step
}

#[cfg(test)]
mod tests;
