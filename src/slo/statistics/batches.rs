//! How well a ratio is known when neighbouring values depend on each other: batch means.
//!
//! Requests that follow each other meet the same queue, so a thousand of them say less than a thousand
//! independent ones. Whole stretches of the run (batches) depend on each other much less.
//! Everything judged here is a ratio of sums over time: a mean is time over requests, an error rate
//! failures over requests, a throughput requests over seconds, and the share of requests that a
//! quantile leaves below it likewise. So one estimator serves all.

use super::laws::student_quantile;

/// How many batches to make, best first. B. Schmeiser, "Batch size effects in the analysis of simulation
/// output", 1982: between 10 and 30, more batches make intervals hardly narrower, while fewer and longer
/// ones depend on each other less.
const COUNTS: [usize; 2] = [20, 10];
/// Below this, no interval is given: Student's factor exceeds 2.8.
pub const LEAST: usize = 5;
/// Batches whose neighbours correlate less than this count as independent.
const CORRELATION_MAX: f64 = 0.1;

/// An error of many times the value says nothing; this keeps its interval finite.
const LOG_REACH_MAX: f64 = 20.0;

/// One stretch of time, usually a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BatchPart {
    /// What is summed above the line: failures, seconds of response time, …
    pub value: f64,
    /// What is summed below it: requests, seconds, …
    pub weight: f64,
}

/// A ratio of sums and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioEstimate {
    /// Σ value / Σ weight.
    pub value: f64,
    /// Its standard error; absent of fewer than [`LEAST`] parts.
    pub error: Option<f64>,
    /// How many batches stand behind the error.
    pub batches: usize,
}

impl RatioEstimate {
    /// Degrees of freedom of the error.
    pub fn freedom(&self) -> f64 {
        self.batches.saturating_sub(1).max(1) as f64
    }

    /// Student's interval at `confidence`; absent where there is no error.
    ///
    /// Of a positive value it is taken on the logarithm, because times are skewed to the right: a run that
    /// met few slow stretches underrates both the mean and its error.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let error = self.error?;
        let factor = student_quantile(f64::midpoint(1.0, confidence), self.freedom());
        if self.value > 0.0 {
            let reach = (factor * error / self.value).min(LOG_REACH_MAX).exp();
            return Some((self.value / reach, self.value * reach));
        }
        Some((self.value - factor * error, self.value + factor * error))
    }
}

/// Estimates Σ value / Σ weight over `parts`, which follow each other in time; `None` without weight.
///
/// The parts are grouped into the greatest number of batches whose residuals do not correlate; where
/// even ten do, the variance is widened by (1 + r) / (1 − r) for their lag-1 correlation r.
pub fn estimate(parts: &[BatchPart]) -> Option<RatioEstimate> {
    let total = sum(parts);
    if total.weight <= 0.0 {
        return None;
    }
    let value = total.value / total.weight;
    if parts.len() < LEAST {
        return Some(RatioEstimate { value, error: None, batches: parts.len() });
    }
    let mut candidates = COUNTS.iter().copied().filter(|&count| count <= parts.len());
    let mut count = candidates.next().unwrap_or(parts.len());
    let mut residuals = residuals(parts, count, value);
    let mut correlation = lag_one(&residuals);
    while correlation > CORRELATION_MAX
        && let Some(fewer) = candidates.next()
    {
        count = fewer;
        residuals = self::residuals(parts, count, value);
        correlation = lag_one(&residuals);
    }
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let k = count as f64;
    let r = correlation.clamp(0.0, 0.6);
    let variance = squares * k / (k - 1.0) / total.weight.powi(2) * (1.0 + r) / (1.0 - r);
    Some(RatioEstimate { value, error: Some(variance.sqrt()), batches: count })
}

fn sum(parts: &[BatchPart]) -> BatchPart {
    parts.iter().fold(BatchPart::default(), |total, part| BatchPart {
        value: total.value + part.value,
        weight: total.weight + part.weight,
    })
}

/// What each of `count` batches adds to value − ratio · weight.
fn residuals(parts: &[BatchPart], count: usize, ratio: f64) -> Vec<f64> {
    (0..count)
        .map(|batch| {
            let range = batch * parts.len() / count..(batch + 1) * parts.len() / count;
            let part = sum(&parts[range]);
            part.value - ratio * part.weight
        })
        .collect()
}

/// Correlation of neighbours about zero, corrected for its downward bias of about 1/k.
fn lag_one(residuals: &[f64]) -> f64 {
    let spread: f64 = residuals.iter().map(|residual| residual * residual).sum();
    if spread <= 0.0 {
        return 0.0;
    }
    let product: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    product / spread + 1.0 / residuals.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(values: impl IntoIterator<Item = f64>) -> Vec<BatchPart> {
        values.into_iter().map(|value| BatchPart { value, weight: 1.0 }).collect()
    }

    #[test]
    fn level_parts_are_known_exactly() {
        let found = estimate(&parts([3.0; 60])).expect("weight");
        assert!((found.value - 3.0).abs() < 1e-12);
        assert_eq!(found.error, Some(0.0));
        assert_eq!(found.batches, 20);
    }

    #[test]
    fn slow_waves_are_gathered_into_fewer_batches() {
        let wave = (0..120).map(|second| (f64::from(second) / 12.0).sin());
        let found = estimate(&parts(wave)).expect("weight");
        assert!(found.batches == 10, "{}", found.batches);
    }

    #[test]
    fn few_parts_have_no_error_and_none_no_estimate() {
        assert_eq!(estimate(&parts([1.0, 2.0])).expect("weight").error, None);
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[BatchPart { value: 1.0, weight: 0.0 }]), None);
    }
}
