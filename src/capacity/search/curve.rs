//! Where the curve of response time over rate crosses the limit.
//!
//! For an M/M/1 queue the reciprocal of every quantile is a straight line in the rate, 1/q ∝ μ − λ; what
//! a request spends without waiting shifts it, 1/(q−s). The crossing is read from a weighted line through
//! 1/(q−s), in which levels far from it count less, and averaged over the shifts s that the levels
//! support. The interval resamples the levels' blocks and the shift.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::level::{Level, LevelReading, Resampling, is_near};
use super::rules::RULES;
use crate::regression::{Estimate, student_t};
use crate::slo_limits::SloLimit;
use crate::step::StepVerdict;
use plimsoll_units::{RandomStream, Seed};

/// One level on the curve.
#[derive(Debug, Clone, Copy)]
struct LevelPoint {
    rate: f64,
    /// The measured value of the SLO limit in seconds.
    value: f64,
    /// The standard error of its logarithm.
    error: f64,
    /// How much wider the error is than what resampling the level's blocks shows.
    widening: f64,
}

/// The curve with one shift: the crossing, how far each point counts, and how well it fits.
struct ShiftedCurve {
    shift: f64,
    crossing: f64,
    weights: Vec<f64>,
    likelihood: f64,
}

/// Where the curve crosses a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crossing {
    /// The rate with its 95 % interval, from resamples of the blocks.
    pub(super) rate: Estimate,
    /// The half-width that a claim reckons with, in logarithms: that of the interval, as far as the law of queues in heavy
    /// traffic leaves it open. Few blocks know little of their own scatter.
    pub(super) half_width: f64,
}

/// The highest rate within all SLO limits on response time, with its 95 % interval from `resamples`
/// resamples of the blocks. `None` until two steady levels lie on a falling line.
pub(super) fn crossing(
    levels: &[Level],
    slo_limits: &[SloLimit],
    seed: Seed,
    resamples: usize,
) -> Option<Crossing> {
    let found = slo_limits
        .iter()
        .filter_map(|slo_limit| slo_limit_crossing(levels, slo_limit, seed, resamples));
    found.reduce(|a, b| if b.rate.value < a.rate.value { b } else { a })
}

/// Where a limit on response time lies between `pass` and `fail`, for want of a curve: in the middle, and known as well as
/// the requests near it allow. `None` without such a limit.
pub(super) fn between(
    levels: &[Level],
    slo_limits: &[SloLimit],
    (pass, fail): (f64, f64),
) -> Option<Crossing> {
    let value = (pass * fail).sqrt();
    let timed = slo_limits.iter().filter(|slo_limit| slo_limit.limit().is_some());
    let error = timed.map(|slo_limit| {
        errors(levels.iter().filter(|level| level.is_steady()), slo_limit, value)[1]
    });
    let error = error.reduce(f64::max)?;
    let half_width = (1.96 * error).max((fail / pass).ln() / 2.0).min(RULES.trusted.ln());
    let (low, high) = (value * (-half_width).exp(), value * half_width.exp());
    Some(Crossing { rate: Estimate { value, low, high }, half_width })
}

fn slo_limit_crossing(
    levels: &[Level],
    slo_limit: &SloLimit,
    seed: Seed,
    resamples: usize,
) -> Option<Crossing> {
    let limit = slo_limit.limit()?;
    let steady: Vec<(&Level, LevelReading)> = levels
        .iter()
        .filter(|level| level.is_steady())
        .filter_map(|level| Some((level, level.reading(slo_limit)?)))
        .filter(|(level, reading)| !level.deceives(reading.value, limit))
        .collect();
    let points = points(&steady, limit);
    let curves = curves(&points, limit);
    let total: f64 = curves.iter().map(|curve| curve.likelihood).sum();
    if curves.is_empty() || total <= 0.0 {
        return None;
    }
    let log: f64 = curves.iter().map(|c| c.likelihood / total * c.crossing.ln()).sum();
    let value = log.exp();
    let resampling: Vec<Resampling> =
        steady.iter().map(|(level, _)| level.resampling(slo_limit)).collect();
    let mut random = seed.stream(RandomStream::Bootstrap, levels.len() as u64);
    let mut moves: Vec<f64> = (0..resamples)
        .map(|_| {
            let curve = pick(&curves, total, &mut random);
            let moved: Vec<LevelPoint> = points
                .iter()
                .zip(&resampling)
                .map(|(point, level)| point.resampled(level, (limit, value), &mut random))
                .collect();
            on_line(&moved, curve, limit).map_or(f64::INFINITY, |rate| (rate / value).ln().abs())
        })
        .collect();
    moves.sort_by(f64::total_cmp);
    let beyond = moves.get(resamples * 19 / 20).copied().unwrap_or(f64::INFINITY);
    // The variances come from few blocks; 12 degrees of freedom answer for it.
    let reach = beyond * student_t(0.975, 12.0) / 1.96;
    let near = steady.iter().map(|(level, _)| *level);
    let [least, most] = errors(near, slo_limit, value).map(|error| 1.96 * error);
    let reach = reach.max(least).min(RULES.trusted.ln());
    let wide = Estimate { value, low: value * (-reach).exp(), high: value * reach.exp() };
    let rate = if reach > RULES.certain { tightened(wide, levels, slo_limit) } else { wide };
    Some(Crossing { rate, half_width: reach.min(most) })
}

/// The standard error of ln(crossing) that so many requests leave where services take equally long, and where they are
/// exponential.
///
/// A queue near its limit forgets slowly. In heavy traffic (reflected Brownian motion; W. Whitt, *Planning queueing
/// simulations*, Management Science 35, 1989) N requests tell the rate at which a statistic crosses its limit with the
/// variance a·(ca² + cs²)/N, where a is that of [`SloLimit::heavy_traffic_variance`]; of it ca²/N is known, since the
/// arrivals are counted.
fn errors<'a>(
    steady: impl Iterator<Item = &'a Level>,
    slo_limit: &SloLimit,
    crossing: f64,
) -> [f64; 2] {
    let near = steady.filter(|level| is_near(level.rate, crossing, RULES.near));
    let (requests, dispersion) = near.fold((0.0, 1.0_f64), |(requests, dispersion), level| {
        (requests + level.rate * level.seconds, dispersion.max(level.dispersion()))
    });
    let variance = slo_limit.heavy_traffic_variance();
    let of =
        |service: f64| ((variance - 1.0) * dispersion + variance * service) / requests.max(1.0);
    [of(0.0).sqrt(), of(1.0).sqrt()]
}

/// A wide interval ends at levels whose own data pass or fail beyond doubt.
fn tightened(wide: Estimate, levels: &[Level], slo_limit: &SloLimit) -> Estimate {
    let certain = |verdict| {
        let is_so = move |level: &&Level| level.verdict_on(|one| one == slo_limit) == verdict;
        levels.iter().filter(is_so).map(|level| level.rate)
    };
    let passed = certain(StepVerdict::Pass).filter(|rate| *rate <= wide.value);
    let failed = certain(StepVerdict::Fail).filter(|rate| *rate >= wide.value);
    Estimate {
        value: wide.value,
        low: passed.fold(wide.low, f64::max),
        high: failed.fold(wide.high, f64::min),
    }
}

fn pick<'a>(curves: &'a [ShiftedCurve], total: f64, random: &mut Pcg64Mcg) -> &'a ShiftedCurve {
    let mut left = random.random::<f64>() * total;
    let found = curves.iter().find(|curve| {
        left -= curve.likelihood;
        left <= 0.0
    });
    found.unwrap_or(&curves[curves.len() - 1])
}

/// The levels as points. A level that is fast by chance also scatters less by chance; weighed by its own
/// scatter it would pull the crossing up. So the levels near the limit share one variance per second.
fn points(steady: &[(&Level, LevelReading)], limit: f64) -> Vec<LevelPoint> {
    let is_near = |reading: &LevelReading| (reading.value / limit).ln().abs() < 0.7;
    let near = steady.iter().filter(|(_, reading)| is_near(reading));
    let (variance, seconds) = near.fold((0.0, 0.0), |(variance, seconds), (level, reading)| {
        let own = reading.log_error.powi(2) * level.seconds;
        (variance + own * level.seconds, seconds + level.seconds)
    });
    let drawn = drawn(steady, limit);
    let point = |(level, reading): &(&Level, LevelReading)| {
        let shared = (variance / seconds / level.seconds).sqrt();
        let error = if is_near(reading) { shared } else { reading.log_error };
        let widening = error / reading.log_scatter;
        LevelPoint { rate: level.drawn() / drawn, value: reading.value, error, widening }
    };
    steady.iter().map(point).collect()
}

/// How many requests came for each that was asked for, over all levels that kept up: not 1 where a journey makes more
/// or fewer of them than its scenario lets expect.
fn drawn(steady: &[(&Level, LevelReading)], limit: f64) -> f64 {
    let within = steady.iter().filter(|(_, reading)| reading.value <= limit);
    let (drawn, asked) = within.fold((0.0, 0.0), |(drawn, asked), (level, _)| {
        (drawn + level.drawn() * level.seconds, asked + level.rate * level.seconds)
    });
    if asked > 0.0 { drawn / asked } else { 1.0 }
}

impl LevelPoint {
    /// How far the true curve may lie off the line here, as a share of the value: 3 % a tenth of the rate
    /// away from the crossing, 5 % where the value is half or twice the limit.
    fn discrepancy(&self, limit: f64, crossing: f64) -> f64 {
        let aside = (self.rate / crossing).ln().powi(2);
        let above = (self.value / limit).ln().powi(2);
        3.0 * aside + 0.1 * above
    }

    /// This point as another measurement might have shown it.
    fn resampled(
        &self,
        level: &Resampling,
        (limit, crossing): (f64, f64),
        random: &mut Pcg64Mcg,
    ) -> Self {
        let noise: f64 = StandardNormal.sample(random);
        let bend = self.discrepancy(limit, crossing).min(1.0) * noise;
        let moved = (level.resampled(random) / self.value).ln() * self.widening;
        Self { value: self.value * (moved + bend).clamp(-2.0, 2.0).exp(), ..*self }
    }
}

/// The line with every shift that gives a crossing.
fn curves(points: &[LevelPoint], limit: f64) -> Vec<ShiftedCurve> {
    let off = |point: &LevelPoint| (point.value / limit).ln().abs();
    let Some(nearest) = points.iter().min_by(|a, b| off(a).total_cmp(&off(b))) else {
        return Vec::new();
    };
    let fastest = points.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let tried =
        RULES.shifts.iter().map(|share| share * fastest).filter(|shift| *shift < 0.98 * limit);
    tried.filter_map(|shift| shifted(points, limit, shift, nearest.rate)).collect()
}

fn shifted(points: &[LevelPoint], limit: f64, shift: f64, from: f64) -> Option<ShiftedCurve> {
    let mut curve = ShiftedCurve { shift, crossing: from, weights: Vec::new(), likelihood: 0.0 };
    for _ in 0..12 {
        curve.weights = points.iter().map(|p| weight(p, limit, &curve)).collect();
        let next = on_line(points, &curve, limit)?;
        let moved = (next / curve.crossing).ln().abs();
        curve.crossing = next;
        if moved < 1e-6 {
            break;
        }
    }
    let (intercept, slope) = line(points, &curve)?;
    let surprise: f64 = points
        .iter()
        .map(|p| {
            let height = (intercept + slope * p.rate).max(1e-3 / limit);
            let off = (p.value / (shift + 1.0 / height)).ln();
            let variance = p.error.powi(2) + p.discrepancy(limit, curve.crossing).powi(2);
            off * off / variance + variance.ln()
        })
        .sum();
    curve.likelihood = (-surprise / 2.0).clamp(-600.0, 600.0).exp();
    Some(curve)
}

/// One over the variance of 1/(q−s), whose error is that of ln q times q/(q−s)².
fn weight(point: &LevelPoint, limit: f64, curve: &ShiftedCurve) -> f64 {
    let error = point.error.hypot(point.discrepancy(limit, curve.crossing));
    let waits = (point.value - curve.shift).max(0.01 * point.value);
    (waits * waits / point.value / error).powi(2)
}

/// Intercept and slope of the weighted line; `None` unless it falls.
fn line(points: &[LevelPoint], curve: &ShiftedCurve) -> Option<(f64, f64)> {
    let height = |p: &LevelPoint| {
        let waits = (p.value - curve.shift).max(0.01 * p.value);
        // The mean of a reciprocal is more than the reciprocal: by half the variance of a symmetrical logarithm.
        let more = ((p.error * p.value / waits).powi(2) / 2.0).min(RULES.reciprocal);
        1.0 / waits / (1.0 + more)
    };
    let total: f64 = curve.weights.iter().sum();
    let mean = |of: &dyn Fn(&LevelPoint) -> f64| {
        points.iter().zip(&curve.weights).map(|(p, weight)| weight * of(p)).sum::<f64>() / total
    };
    let (x, y) = (mean(&|p| p.rate), mean(&height));
    let (mut sxx, mut sxy) = (0.0, 0.0);
    for (p, weight) in points.iter().zip(&curve.weights) {
        sxx += weight * (p.rate - x).powi(2);
        sxy += weight * (p.rate - x) * (height(p) - y);
    }
    (sxx > 0.0 && sxy < 0.0).then(|| (y - sxy / sxx * x, sxy / sxx))
}

/// Where the line reaches the limit, at most [`RULES.trusted`](super::rules::SearchRules::trusted) times beyond the points.
fn on_line(points: &[LevelPoint], curve: &ShiftedCurve, limit: f64) -> Option<f64> {
    let lowest = points.iter().map(|p| p.rate).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|p| p.rate).fold(0.0, f64::max);
    let (intercept, slope) = line(points, curve)?;
    let at = (1.0 / (limit - curve.shift) - intercept) / slope;
    Some(at.clamp(lowest / RULES.trusted, highest * RULES.trusted))
}
