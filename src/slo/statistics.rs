//! The statistics that judgement rests on, as pure functions of numbers.
//!
//! Each file holds one method with its source. Nothing here knows of requests or runs.

pub mod batches;
pub mod change_points;
pub mod laws;
pub mod mover;
pub mod multiple_tests;
pub mod order_statistics;
pub mod paired;
pub mod permutation;
pub mod proportion;
pub mod rank_test;
pub mod shift;
pub mod trend;
pub mod two_means;
pub mod warm_up;

/// The arithmetic mean; zero of no values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The unbiased variance (divisor n − 1); zero of fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// The median; zero of no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The median of values in ascending order; zero of no values.
pub fn median_of_sorted(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
