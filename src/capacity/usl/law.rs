//! The Universal Scalability Law: how throughput bends as load or replicas are added.
//!
//! X(N) = γN / (1 + α(N−1) + βN(N−1)), with contention α and the cost of coherence β (N. Gunther,
//! *Guerrilla Capacity Planning*, 2007). All three parameters are fitted by Levenberg–Marquardt with
//! α, β ≥ 0; an interval comes from the profile of the sum of squares, because a Wald interval is invalid
//! where β stands on its bound.

use crate::regression::{Estimate, student_t};

/// A load and the throughput measured there.
pub type UslPoint = (f64, f64);

/// A fitted law.
#[derive(Debug, Clone, PartialEq)]
pub struct Usl {
    /// γ, throughput of one unit of load.
    pub gamma: f64,
    /// α ≥ 0, the share that is serialised.
    pub alpha: f64,
    /// β ≥ 0, the cost of keeping each pair coherent.
    pub beta: f64,
    /// Standard errors of γ, α, β from the curvature at the optimum.
    pub errors: [f64; 3],
    /// Sum of squared residuals.
    pub sse: f64,
    /// Points minus parameters.
    pub freedom: usize,
}

/// Why a law cannot be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UslError {
    /// Three parameters from so few loads would follow the noise.
    #[error(
        "the scalability law needs at least 6 different loads, found {found}; measure more steps"
    )]
    TooFewPoints {
        /// Different loads given.
        found: usize,
    },
    /// A load or a throughput that is not a positive number.
    #[error("loads and throughputs must be positive numbers")]
    NotPositive,
}

/// The fewest different loads from which three parameters may be fitted (DESIGN §8).
pub const USL_POINTS_MIN: usize = 6;

/// Which of γ, α, β may move; the others stay where the start has them.
type FreeParameters = [bool; 3];

impl Usl {
    /// Fits the law to at least [`USL_POINTS_MIN`] different loads.
    pub fn fit(points: &[UslPoint]) -> Result<Self, UslError> {
        check(points)?;
        let best = fit_bounded(points, [true; 3], start(points));
        let sse = sse(points, best);
        let freedom = points.len() - 3;
        let errors = standard_errors(points, best, sse / freedom as f64);
        let [gamma, alpha, beta] = best;
        Ok(Self { gamma, alpha, beta, errors, sse, freedom })
    }

    /// X(N).
    pub fn throughput(&self, load: f64) -> f64 {
        curve([self.gamma, self.alpha, self.beta], load)
    }

    /// The load of highest throughput, N* = √((1−α)/β); `None` where throughput never falls.
    pub fn peak(&self) -> Option<f64> {
        (self.beta > 1e-12 && self.alpha < 1.0).then(|| ((1.0 - self.alpha) / self.beta).sqrt())
    }

    /// 95 % profile-likelihood intervals of γ, α, β: the values for which the best fit of the other two
    /// is worse than the optimum by no more than t² residual variances.
    pub fn intervals(&self, points: &[UslPoint]) -> [Estimate; 3] {
        let best = [self.gamma, self.alpha, self.beta];
        let variance = self.sse / self.freedom as f64;
        let allowed = self.sse + student_t(0.975, self.freedom as f64).powi(2) * variance;
        std::array::from_fn(|index| {
            let inside = |value: f64| {
                let mut free = [true; 3];
                free[index] = false;
                let mut from = best;
                from[index] = value;
                sse(points, fit_bounded(points, free, from)) <= allowed
            };
            let step = self.errors[index].max(1e-9 * best[index].abs()).max(1e-12);
            let floor = if index == 0 { 1e-9 * best[0] } else { 0.0 };
            let low = edge(best[index], -step, floor, &inside);
            let high = edge(best[index], step, floor, &inside);
            Estimate { value: best[index], low, high }
        })
    }
}

/// Walks from `from` by growing steps until `inside` fails, then halves; never below `floor`.
fn edge(from: f64, step: f64, floor: f64, inside: &impl Fn(f64) -> bool) -> f64 {
    let (mut good, mut reach) = (from, step);
    let mut bad = loop {
        let next = (from + reach).max(floor);
        if !inside(next) {
            break next;
        }
        good = next;
        if next <= floor || reach.abs() > 1e9 * step.abs() {
            return next;
        }
        reach *= 2.0;
    };
    for _ in 0..40 {
        let middle = f64::midpoint(good, bad);
        if inside(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

pub(super) fn check(points: &[UslPoint]) -> Result<(), UslError> {
    if points.iter().any(|(n, x)| !(n.is_finite() && x.is_finite() && *n > 0.0 && *x > 0.0)) {
        return Err(UslError::NotPositive);
    }
    let mut loads: Vec<f64> = points.iter().map(|point| point.0).collect();
    loads.sort_by(f64::total_cmp);
    loads.dedup();
    if loads.len() < USL_POINTS_MIN {
        return Err(UslError::TooFewPoints { found: loads.len() });
    }
    Ok(())
}

pub(super) fn curve([gamma, alpha, beta]: [f64; 3], n: f64) -> f64 {
    gamma * n / (1.0 + alpha * (n - 1.0) + beta * n * (n - 1.0))
}

pub(super) fn sse(points: &[UslPoint], at: [f64; 3]) -> f64 {
    points.iter().map(|(n, x)| (x - curve(at, *n)).powi(2)).sum()
}

/// ∂X/∂(γ, α, β).
fn gradient([gamma, alpha, beta]: [f64; 3], n: f64) -> [f64; 3] {
    let below = 1.0 + alpha * (n - 1.0) + beta * n * (n - 1.0);
    let bend = -gamma * n / (below * below);
    [n / below, bend * (n - 1.0), bend * n * (n - 1.0)]
}

/// Gunther's transformation without its intercept forced: the best throughput per load stands for γ.
pub(super) fn start(points: &[UslPoint]) -> [f64; 3] {
    let gamma = points.iter().map(|(n, x)| x / n).fold(0.0, f64::max);
    [gamma, 0.01, 1e-4]
}

/// The optimum with α, β ≥ 0: where the free optimum leaves the bounds, the best fit on a face is it.
pub(super) fn fit_bounded(points: &[UslPoint], free: FreeParameters, from: [f64; 3]) -> [f64; 3] {
    let inner = levenberg_marquardt(points, free, from);
    if inner[1] >= 0.0 && inner[2] >= 0.0 {
        return inner;
    }
    let mut best: Option<[f64; 3]> = None;
    for pinned in [[false, true, false], [false, false, true], [false, true, true]] {
        if (1..3).any(|index| pinned[index] && !free[index]) {
            continue;
        }
        let mut from = from;
        let mut freed = free;
        for index in 1..3 {
            if pinned[index] {
                (from[index], freed[index]) = (0.0, false);
            }
        }
        let at = levenberg_marquardt(points, freed, from);
        let feasible = at[1] >= 0.0 && at[2] >= 0.0;
        if feasible && best.is_none_or(|best| sse(points, at) < sse(points, best)) {
            best = Some(at);
        }
    }
    best.unwrap_or([inner[0], inner[1].max(0.0), inner[2].max(0.0)])
}

/// Levenberg–Marquardt with Marquardt's scaling over the free parameters, bounds not applied.
fn levenberg_marquardt(points: &[UslPoint], free: FreeParameters, from: [f64; 3]) -> [f64; 3] {
    let (mut at, mut damping) = (from, 1e-3);
    let mut error = sse(points, at);
    for _ in 0..500 {
        let (normal, slope) = normal_equations(points, at, free);
        let mut damped = normal;
        for (index, row) in damped.iter_mut().enumerate() {
            row[index] += damping * normal[index][index].max(1e-300);
        }
        let Some(inverse) = invert(damped) else { break };
        let mut next = at;
        for (index, row) in inverse.iter().enumerate() {
            let step: f64 = row.iter().zip(slope).map(|(a, b)| a * b).sum();
            next[index] += if free[index] { step } else { 0.0 };
        }
        let found = sse(points, next);
        let sane = points.iter().all(|(n, _)| curve(next, *n) > 0.0);
        if sane && found <= error {
            let settled = error - found <= 1e-15 * error;
            (at, error, damping) = (next, found, (damping * 0.2).max(1e-12));
            if settled {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e15 {
                break;
            }
        }
    }
    at
}

type Matrix = [[f64; 3]; 3];

/// `JᵀJ` and `Jᵀr`; a pinned parameter gets a unit row, so that the matrix stays regular.
fn normal_equations(points: &[UslPoint], at: [f64; 3], free: FreeParameters) -> (Matrix, [f64; 3]) {
    let (mut normal, mut slope) = ([[0.0; 3]; 3], [0.0; 3]);
    for (n, x) in points {
        let row = gradient(at, *n);
        let off = x - curve(at, *n);
        for i in 0..3 {
            slope[i] += row[i] * off;
            for j in 0..3 {
                normal[i][j] += row[i] * row[j];
            }
        }
    }
    for i in 0..3 {
        if !free[i] {
            normal[i] = [0.0; 3];
            for row in &mut normal {
                row[i] = 0.0;
            }
            (normal[i][i], slope[i]) = (1.0, 0.0);
        }
    }
    (normal, slope)
}

fn standard_errors(points: &[UslPoint], at: [f64; 3], variance: f64) -> [f64; 3] {
    let (normal, _) = normal_equations(points, at, [true; 3]);
    invert(normal).map_or([f64::NAN; 3], |inverse| {
        std::array::from_fn(|index| (variance * inverse[index][index]).max(0.0).sqrt())
    })
}

/// Inverts a symmetric positive matrix after scaling its diagonal to one, since γ and β differ by 10⁷.
fn invert(matrix: Matrix) -> Option<Matrix> {
    let scale: [f64; 3] = std::array::from_fn(|i| matrix[i][i].sqrt());
    if scale.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
        return None;
    }
    let m: Matrix =
        std::array::from_fn(|i| std::array::from_fn(|j| matrix[i][j] / scale[i] / scale[j]));
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    (determinant.abs() > 1e-300).then(|| {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| minor(j, i) / determinant / scale[i] / scale[j])
        })
    })
}
