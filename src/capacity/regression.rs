//! Robust straight lines: the demand of a tier from what it used at each rate.
//!
//! cores used = b + D·X (the utilisation law with a background load b). One step disturbed by a backup or
//! a neighbour must not move D, so the line is Huber's M-estimate (P. Huber, E. Ronchetti, *Robust
//! Statistics*, 2nd ed., §7), by iteratively reweighted least squares from a Theil–Sen start.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best single value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// A value known without doubt.
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// The standard error that a normal law with this interval would have.
    pub fn standard_error(&self) -> f64 {
        (self.high - self.low) / (2.0 * 1.96)
    }
}

/// y = intercept + slope·x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegressionLine {
    /// y at x = 0.
    pub intercept: f64,
    /// Rise per unit of x, with its interval.
    pub slope: Estimate,
    /// Points whose weight was reduced because they lie off the line.
    pub outliers: usize,
}

/// Huber's constant: 95 % efficiency where the errors are normal.
const HUBER_K: f64 = 1.345;
/// A median absolute deviation times this is a normal law's standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The Huber line through `points` (x, y). `None` with fewer than two different x.
///
/// The slope's interval is Student's t with n−2 degrees of freedom over Huber's asymptotic covariance;
/// with two points, which leave no freedom, it is the value itself.
pub fn robust_line(points: &[(f64, f64)]) -> Option<RegressionLine> {
    let start = theil_sen(points)?;
    let (mut intercept, mut slope) = start;
    let mut weights = vec![1.0; points.len()];
    for _ in 0..100 {
        let scale = residual_scale(points, intercept, slope);
        for (weight, (x, y)) in weights.iter_mut().zip(points) {
            let off = (y - intercept - slope * x).abs();
            *weight = if off <= HUBER_K * scale { 1.0 } else { HUBER_K * scale / off };
        }
        let (next_intercept, next_slope) = weighted_line(points, &weights)?;
        let moved = (next_slope - slope).abs() + (next_intercept - intercept).abs();
        (intercept, slope) = (next_intercept, next_slope);
        if moved <= 1e-12 * (slope.abs() + intercept.abs()) {
            break;
        }
    }
    let error = slope_error(points, (intercept, slope), &weights);
    let reach = student_t(0.975, points.len() as f64 - 2.0) * error;
    let outliers = weights.iter().filter(|weight| **weight < 1.0).count();
    let slope = Estimate { value: slope, low: slope - reach, high: slope + reach };
    Some(RegressionLine { intercept, slope, outliers })
}

/// The `p`-quantile of Student's t; zero where no freedom is left to judge the scatter.
pub(super) fn student_t(p: f64, freedom: f64) -> f64 {
    if freedom < 1.0 {
        return 0.0;
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(0.0, |law| law.inverse_cdf(p))
}

/// The median of `values`, which it sorts; zero if there are none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Theil–Sen: the median slope of all pairs, then the median intercept. Breaks down at 29 % of outliers.
fn theil_sen(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let mut slopes = Vec::new();
    for (index, a) in points.iter().enumerate() {
        for b in &points[index + 1..] {
            if (a.0 - b.0).abs() > f64::EPSILON * a.0.abs() {
                slopes.push((b.1 - a.1) / (b.0 - a.0));
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let slope = median(&mut slopes);
    let mut intercepts: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    Some((median(&mut intercepts), slope))
}

fn residual_scale(points: &[(f64, f64)], intercept: f64, slope: f64) -> f64 {
    let mut off: Vec<f64> = points.iter().map(|(x, y)| (y - intercept - slope * x).abs()).collect();
    let largest = points.iter().map(|(_, y)| y.abs()).fold(0.0, f64::max);
    // Two parameters pass through two points exactly; the median leaves those out.
    off.sort_by(f64::total_cmp);
    let rest = off.len().min(2);
    (MAD_TO_SIGMA * median(&mut off[rest..])).max(1e-12 * largest).max(f64::MIN_POSITIVE)
}

fn weighted_line(points: &[(f64, f64)], weights: &[f64]) -> Option<(f64, f64)> {
    let total: f64 = weights.iter().sum();
    let mean = |pick: fn(&(f64, f64)) -> f64| {
        points.iter().zip(weights).map(|(point, weight)| weight * pick(point)).sum::<f64>() / total
    };
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let (mut sxx, mut sxy) = (0.0, 0.0);
    for ((x, y), weight) in points.iter().zip(weights) {
        sxx += weight * (x - mean_x).powi(2);
        sxy += weight * (x - mean_x) * (y - mean_y);
    }
    (sxx > 0.0).then(|| (mean_y - sxy / sxx * mean_x, sxy / sxx))
}

/// Huber's asymptotic standard error: s²·Σψ²/(n−2) / (Σψ'/n)² / Σ(x−x̄)².
fn slope_error(points: &[(f64, f64)], line: (f64, f64), weights: &[f64]) -> f64 {
    let n = points.len() as f64;
    if n < 3.0 {
        return 0.0;
    }
    let psi2: f64 = points
        .iter()
        .zip(weights)
        .map(|((x, y), weight)| (weight * (y - line.0 - line.1 * x)).powi(2))
        .sum();
    let inside = weights.iter().filter(|weight| **weight >= 1.0).count() as f64 / n;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let sxx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    (psi2 / (n - 2.0)).sqrt() / inside.max(0.5) / sxx.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{RandomStream, Seed};
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn robust_line_ignores_a_step_disturbed_by_a_neighbour() {
        let mut points: Vec<(f64, f64)> =
            (1..=8).map(|i| (f64::from(i) * 10.0, 0.3 + 0.04 * f64::from(i) * 10.0)).collect();
        points[5].1 += 3.0;
        let line = robust_line(&points).expect("a line");
        assert!((line.slope.value - 0.04).abs() < 0.000_4, "{line:?}");
        assert!((line.intercept - 0.3).abs() < 0.02, "{line:?}");
        assert_eq!(line.outliers, 1);
    }

    #[test]
    fn robust_line_through_one_rate_is_none() {
        assert_eq!(robust_line(&[(5.0, 1.0), (5.0, 2.0)]), None);
    }

    /// Goal: the slope's 95 % interval covers the truth in 95 of 100 data sets, within sampling error.
    #[test]
    fn robust_line_interval_covers_the_true_slope() {
        let mut covered = 0;
        for index in 0..400 {
            let mut random = Seed::new(11).stream(RandomStream::Bootstrap, index);
            let points: Vec<(f64, f64)> = (1..=8)
                .map(|i| {
                    let noise: f64 = StandardNormal.sample(&mut random);
                    (f64::from(i), 0.2 + 0.5 * f64::from(i) + 0.05 * noise)
                })
                .collect();
            let slope = robust_line(&points).expect("a line").slope;
            covered += u32::from(slope.low <= 0.5 && 0.5 <= slope.high);
        }
        assert!((364..=396).contains(&covered), "{covered} of 400");
    }
}
