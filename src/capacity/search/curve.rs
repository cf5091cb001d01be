//! Where the curve of response time over rate crosses the limit.
//!
//! For an M/M/1 queue the reciprocal of every quantile is a straight line in the rate, 1/q ∝ μ − λ, and
//! near the knee of other stations almost so. The crossing is therefore read from a weighted line
//! through 1/q, in which levels far from it count less, since the line is only locally true.

use rand_distr::{Distribution, StandardNormal};

use super::level::{Level, Reading, Resampling};
use crate::capacity::regression::{Estimate, student_t};
use crate::capacity::step::Goal;
use crate::units::{Seed, Stream};

/// One level on the curve: the rate, 1/q, and the error of it.
#[derive(Debug, Clone, Copy)]
struct Point {
    rate: f64,
    height: f64,
    error: f64,
    /// How much wider the error is than what resampling the level's blocks shows.
    widening: f64,
}

/// The highest rate within all goals about response time, with its 95 % interval from `resamples`
/// resamples of the blocks. `None` until two steady levels lie on a falling line.
pub(super) fn crossing(
    levels: &[Level],
    goals: &[Goal],
    seed: Seed,
    resamples: u64,
) -> Option<Estimate> {
    let found = goals.iter().filter_map(|goal| goal_crossing(levels, goal, seed, resamples));
    found.reduce(|a, b| if b.value < a.value { b } else { a })
}

fn goal_crossing(levels: &[Level], goal: &Goal, seed: Seed, resamples: u64) -> Option<Estimate> {
    let target = 1.0 / goal.limit()?;
    let steady: Vec<(&Level, Reading)> = levels
        .iter()
        .filter(|level| level.is_steady())
        .filter_map(|level| Some((level, level.reading(goal)?)))
        .collect();
    let points = points(&steady, target);
    let value = line_crossing(&points, target, nearest(&points, target)?)?;
    let mut random = seed.stream(Stream::Bootstrap, levels.len() as u64);
    let resampling: Vec<Resampling> =
        steady.iter().map(|(level, _)| level.resampling(goal)).collect();
    let mut logs = Vec::new();
    for _ in 0..resamples {
        let moved: Vec<Point> = points
            .iter()
            .zip(&resampling)
            .map(|(point, level)| {
                let noise: f64 = StandardNormal.sample(&mut random);
                let bend = (discrepancy(point, target, value) / point.height).min(1.0) * noise;
                let moved = -(level.resampled(&mut random) * point.height).ln() * point.widening;
                Point { height: point.height * (moved + bend).clamp(-2.0, 2.0).exp(), ..*point }
            })
            .collect();
        if let Some(rate) = line_crossing(&moved, target, value) {
            logs.push((rate / value).ln());
        }
    }
    let square = logs.iter().map(|log| log * log).sum::<f64>() / logs.len().max(1) as f64;
    // The variances come from few blocks; 20 degrees of freedom answer for it.
    let reach = student_t(0.975, 20.0) * square.sqrt();
    Some(Estimate { value, low: value * (-reach).exp(), high: value * reach.exp() })
}

/// The levels as points. A level that is fast by chance also scatters less by chance; weighed by its own
/// scatter it would pull the crossing up. So the levels near the target share one variance per second.
fn points(steady: &[(&Level, Reading)], target: f64) -> Vec<Point> {
    let near = steady.iter().filter(|(_, r)| (r.value * target).ln().abs() < 0.7);
    let (variance, seconds) = near.fold((0.0, 0.0), |(variance, seconds), (level, reading)| {
        let own = reading.log_error.powi(2) * level.seconds;
        (variance + own * level.seconds, seconds + level.seconds)
    });
    steady
        .iter()
        .map(|(level, reading)| {
            let height = 1.0 / reading.value;
            let shared = (variance / seconds / level.seconds).sqrt();
            let is_near = (reading.value * target).ln().abs() < 0.7;
            let log_error = if is_near { shared } else { reading.log_error };
            Point {
                rate: level.rate,
                height,
                error: log_error * height,
                widening: log_error / reading.log_scatter,
            }
        })
        .collect()
}

/// The rate of the level whose height is nearest to the target.
fn nearest(points: &[Point], target: f64) -> Option<f64> {
    let off = |point: &Point| (point.height / target).ln().abs();
    points.iter().min_by(|a, b| off(a).total_cmp(&off(b))).map(|point| point.rate)
}

/// How far the true curve may lie off the line at a point: 3 % of the height a tenth of the rate away,
/// 7 % where the height is half or twice the target.
fn discrepancy(point: &Point, target: f64, crossing: f64) -> f64 {
    let aside = (point.rate / crossing).ln().powi(2);
    let above = (point.height / target).ln().powi(2);
    point.height * (3.0 * aside + 0.15 * above)
}

fn line_crossing(points: &[Point], target: f64, from: f64) -> Option<f64> {
    let lowest = points.iter().map(|p| p.rate).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|p| p.rate).fold(0.0, f64::max);
    let mut at = from;
    for _ in 0..12 {
        let weight = |p: &Point| 1.0 / (p.error.powi(2) + discrepancy(p, target, at).powi(2));
        let total: f64 = points.iter().map(weight).sum();
        let mean = |of: fn(&Point) -> f64| {
            points.iter().map(|p| weight(p) * of(p)).sum::<f64>() / total
        };
        let (x, y) = (mean(|p| p.rate), mean(|p| p.height));
        let sxx: f64 = points.iter().map(|p| weight(p) * (p.rate - x).powi(2)).sum();
        let sxy: f64 = points.iter().map(|p| weight(p) * (p.rate - x) * (p.height - y)).sum();
        if sxx <= 0.0 || sxy >= 0.0 {
            return None;
        }
        // A line is not trusted further than half as much again beyond what was measured.
        let next = (x + (target - y) * sxx / sxy).clamp(lowest / 1.5, highest * 1.5);
        let moved = (next / at).ln().abs();
        at = next;
        if moved < 1e-6 {
            break;
        }
    }
    Some(at)
}
