//! How far apart two means may be: intervals of their difference and of their ratio.
//!
//! Both rest on Student's t with the pooled variance of both sides, divisor n + m − 2. That of the ratio is the exact one of
//! E. Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16 (1954): all ratios ρ
//! for which m₂ − ρ m₁ is not further from zero than t allows.

use super::laws::student_quantile;
use super::{mean, variance};

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// 95 % intervals of what changed from one level to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeansInterval {
    /// Of the difference, the later mean less the earlier one, in their unit.
    pub difference: (f64, f64),
    /// Of the ratio, the later mean by the earlier one; none where the earlier one may be zero.
    pub ratio: Option<(f64, f64)>,
}

impl MeansInterval {
    /// The intervals of two samples; `None` where they hold fewer than three values, or a side none.
    pub fn between(before: &[f64], after: &[f64]) -> Option<Self> {
        let (n, m) = (before.len() as f64, after.len() as f64);
        let freedom = n + m - 2.0;
        if freedom < 1.0 || before.is_empty() || after.is_empty() {
            return None;
        }
        let pooled = ((n - 1.0) * variance(before) + (m - 1.0) * variance(after)) / freedom;
        let reach = student_quantile(f64::midpoint(1.0, CONFIDENCE), freedom) * pooled.sqrt();
        let (first, second) = (mean(before), mean(after));
        let half = reach * (1.0 / n + 1.0 / m).sqrt();
        let gap = second - first;
        Some(Self {
            difference: (gap - half, gap + half),
            ratio: ratio((first, n), (second, m), reach),
        })
    }
}

/// Fieller's interval of two means with their numbers of values; `reach` is t times the deviation of one value.
fn ratio((first, n): (f64, f64), (second, m): (f64, f64), reach: f64) -> Option<(f64, f64)> {
    let relative = reach / first;
    // The share of zero in the earlier mean: from 1 on, any ratio is possible.
    let g = relative * relative / n;
    if first <= 0.0 || !(0.0..1.0).contains(&g) {
        return None;
    }
    let estimate = second / first;
    let half = relative * (estimate * estimate / n + (1.0 - g) / m).sqrt();
    Some(((estimate - half) / (1.0 - g), (estimate + half) / (1.0 - g)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    /// R: `t.test(c(12, 14, 13, 15), c(10, 11, 9, 10, 10), var.equal = TRUE)`.
    #[test]
    fn difference_is_that_of_the_pooled_t_test() {
        let (before, after) = ([10.0, 11.0, 9.0, 10.0, 10.0], [12.0, 14.0, 13.0, 15.0]);
        let (low, high) = MeansInterval::between(&before, &after).expect("enough").difference;
        // Pooled variance 1, t = 2.364624 with 7 degrees of freedom, half 2.364624 · √(1/5 + 1/4).
        assert!(close(low, 3.5 - 1.586_245) && close(high, 3.5 + 1.586_245), "{low} … {high}");
    }

    /// Both ends of Fieller's interval are where the t statistic of m₂ − ρ m₁ is just as great as t allows.
    #[test]
    fn ends_of_the_ratio_are_where_the_statistic_equals_t() {
        let (before, after) = ([10.0, 11.0, 9.0, 10.0, 10.0], [12.0, 14.0, 13.0, 15.0]);
        let interval = MeansInterval::between(&before, &after).expect("enough");
        let (low, high) = interval.ratio.expect("far from zero");
        for end in [low, high] {
            let statistic = (13.5 - end * 10.0) / (0.25 + end * end / 5.0_f64).sqrt();
            assert!(close(statistic.abs(), 2.364_624), "{end}: {statistic}");
        }
        assert!(low < 1.35 && 1.35 < high);
    }

    #[test]
    fn too_few_values_have_no_interval_and_means_near_zero_no_ratio() {
        assert_eq!(MeansInterval::between(&[1.0], &[2.0]), None);
        assert_eq!(MeansInterval::between(&[], &[2.0, 3.0, 4.0]), None);
        let near_zero = MeansInterval::between(&[0.0, 0.1], &[5.0, 9.0]).expect("enough");
        assert_eq!(near_zero.ratio, None);
    }
}
