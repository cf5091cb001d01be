//! Intervals for a share of requests that depend on each other.

use super::batches::RatioEstimate;
use super::laws::{beta_quantile, student_quantile};

/// The interval at `confidence` of a share estimated from `count` requests.
///
/// E. Korn and B. Graubard, "Confidence intervals for proportions with small expected number of positive
/// counts", 1998: Clopper and Pearson's exact interval for as many independent requests as the batches
/// show the dependent ones to be worth. Never narrower than for independent requests. Without an error
/// (too few batches) requests count as independent. Where the share is 0 or 1 one side is certain, and
/// the other carries all of the error: 0 failures in n bound the rate by about 3/n (the rule of three).
pub fn interval(share: &RatioEstimate, count: u64, confidence: f64) -> (f64, f64) {
    if count == 0 {
        return (0.0, 1.0);
    }
    let p = share.value.clamp(0.0, 1.0);
    let n = count as f64;
    let tail = (1.0 - confidence) / 2.0;
    if p <= 0.0 {
        return (0.0, beta_quantile(confidence, 1.0, n));
    }
    if p >= 1.0 {
        return (beta_quantile(1.0 - confidence, n, 1.0), 1.0);
    }
    let effective = effective_count(share, p, n, tail);
    let hits = p * effective;
    (
        beta_quantile(tail, hits, effective - hits + 1.0),
        beta_quantile(1.0 - tail, hits + 1.0, effective - hits),
    )
}

/// How many independent requests would know the share as well, lessened for few batches.
fn effective_count(share: &RatioEstimate, p: f64, n: f64, tail: f64) -> f64 {
    let Some(error) = share.error.filter(|error| *error > 0.0) else { return n };
    let worth = p * (1.0 - p) / (error * error);
    let freedom = share.freedom();
    let factor =
        student_quantile(1.0 - tail, (n - 1.0).max(1.0)) / student_quantile(1.0 - tail, freedom);
    (worth * factor * factor).clamp(1.0, n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn independent(value: f64) -> RatioEstimate {
        RatioEstimate { value, error: None, batches: 0 }
    }

    #[test]
    fn no_failure_is_bounded_by_the_rule_of_three() {
        let (lower, upper) = interval(&independent(0.0), 300, 0.95);
        assert!(lower.abs() < 1e-12);
        assert!((upper - (1.0 - 0.05_f64.powf(1.0 / 300.0))).abs() < 1e-9, "{upper}");
        assert!(upper < 0.01);
    }

    /// R: `binom.test(10, 100)$conf.int` is 0.04900469 0.17622260.
    #[test]
    fn independent_requests_get_clopper_and_pearson() {
        let (lower, upper) = interval(&independent(0.1), 100, 0.95);
        assert!((lower - 0.049_004_69).abs() < 1e-6 && (upper - 0.176_222_60).abs() < 1e-6);
    }

    #[test]
    fn dependence_widens_but_never_narrows() {
        let exact = interval(&independent(0.1), 1_000, 0.95);
        let clumped = RatioEstimate { value: 0.1, error: Some(0.03), batches: 20 };
        let even = RatioEstimate { value: 0.1, error: Some(0.000_1), batches: 20 };
        let (lower, upper) = interval(&clumped, 1_000, 0.95);
        assert!(lower < exact.0 && upper > exact.1);
        let same = interval(&even, 1_000, 0.95);
        assert!((same.0 - exact.0).abs() < 1e-12 && (same.1 - exact.1).abs() < 1e-12);
        assert_eq!(interval(&independent(0.0), 0, 0.95), (0.0, 1.0));
    }
}
