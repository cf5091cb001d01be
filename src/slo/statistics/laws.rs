//! Quantiles and tails of the normal, Student's and the beta law.
//!
//! Arguments out of range are clamped into it, so that a degenerate sample never becomes NaN.

use statrs::function::beta::beta_reg;
use statrs::function::erf::{erfc, erfc_inv};

/// The standard deviation of a normal law over its median absolute deviation: 1/Φ⁻¹(0.75).
pub const MAD_TO_DEVIATION: f64 = 1.4826;

/// The closest that a probability comes to 0 or 1 here.
const TINY: f64 = 1e-15;

/// The value that a standard normal variable does not exceed with probability `p`.
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p.clamp(TINY, 1.0 - TINY))
}

/// The probability that a standard normal variable exceeds `z`.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// The value that a Student variable of `freedom` degrees does not exceed with probability `p`.
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    let p = p.clamp(TINY, 1.0 - TINY);
    if p < 0.5 {
        return -student_quantile(1.0 - p, freedom);
    }
    // P(|T| > t) falls from 1 to 0 over t ≥ 0; with 1 degree of freedom and p = 1 − 1e-15 t is 3e14.
    bisect(0.0, 1e16, |t| student_two_sided(t, freedom) > 2.0 * (1.0 - p))
}

/// The probability that a Student variable of `freedom` degrees is further from zero than `t`.
///
/// P(|T| > t) = `I_x(ν/2, 1/2)` with x = ν/(ν + t²) (Abramowitz and Stegun 26.7.1).
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    let freedom = freedom.max(1.0);
    if !t.is_finite() {
        return 0.0;
    }
    beta_reg(freedom / 2.0, 0.5, (freedom / (freedom + t * t)).clamp(0.0, 1.0))
}

/// The value that a beta variable with shapes `a` and `b` does not exceed with probability `p`.
/// A shape of zero puts all weight on its side.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if a <= 0.0 {
        return 0.0;
    }
    if b <= 0.0 {
        return 1.0;
    }
    bisect(0.0, 1.0, |x| beta_reg(a, b, x) < p)
}

/// The point between `low` and `high` where `is_below` turns false; it must turn once.
fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    // Widening intervals of tiny numbers need relative precision: 110 halvings reach it from 1e16.
    for _ in 0..110 {
        let middle = f64::midpoint(low, high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= 1e-13 * high {
            break;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found} ≠ {expected}");
    }

    /// Tables: Abramowitz and Stegun 26.5, 26.10; R's `qt`, `qbeta`.
    #[test]
    fn quantiles_match_the_tables() {
        assert_near(normal_quantile(0.975), 1.959_964);
        assert_near(normal_quantile(0.5), 0.0);
        assert_near(normal_tail(1.644_853_6), 0.05);
        assert_near(student_quantile(0.975, 1.0), 12.706_205);
        assert_near(student_quantile(0.975, 9.0), 2.262_157);
        assert_near(student_quantile(0.025, 29.0), -2.045_230);
        assert_near(student_two_sided(2.262_157, 9.0), 0.05);
        assert_near(beta_quantile(0.975, 1.0, 10.0), 0.308_497);
        assert_near(beta_quantile(0.95, 1.0, 300.0), 1.0 - 0.05_f64.powf(1.0 / 300.0));
    }

    #[test]
    fn degenerate_arguments_stay_finite() {
        assert!(normal_quantile(0.0).is_finite());
        assert!(student_quantile(1.0, 0.0).is_finite());
        assert_near(student_two_sided(f64::INFINITY, 3.0), 0.0);
        assert_near(beta_quantile(0.5, 0.0, 4.0), 0.0);
        assert_near(beta_quantile(0.5, 4.0, 0.0), 1.0);
    }
}
