//! Whether a series rises or falls: Mann–Kendall with Sen's slope.

use super::laws::{normal_quantile, normal_tail};
use super::{mean, median_of_sorted};

/// What a series of equally spaced values does over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Kendall's τ: 1 if every later value is greater, −1 if every later value is smaller.
    pub tau: f64,
    /// Two-sided p of no trend.
    pub p: f64,
    /// Sen's slope: the median change from one value to the next.
    pub slope: f64,
    /// The interval of the slope.
    pub interval: (f64, f64),
}

impl Trend {
    /// Whether the slope's interval leaves zero out.
    pub fn is_significant(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// The trend of `values`, with an interval of the slope at `confidence`; `None` of fewer than 8 values,
/// where the normal approximation of S fails.
///
/// H. Mann 1945, M. Kendall 1975, P. Sen 1968 (interval by ranks of the pairwise slopes). Neighbouring
/// values that resemble each other imitate trends, so the variance of S is widened by the lag-1
/// correlation r of the residuals about Sen's line: (1 + r) / (1 − r) (S. Yue and C. Wang 2004).
pub fn mann_kendall(values: &[f64], confidence: f64) -> Option<Trend> {
    let n = values.len();
    if n < 8 {
        return None;
    }
    let mut score = 0.0;
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for (early, &before) in values.iter().enumerate() {
        for (late, &after) in values.iter().enumerate().skip(early + 1) {
            let change = after - before;
            score += f64::from(change.partial_cmp(&0.0).map_or(0, |order| order as i8));
            slopes.push(change / (late - early) as f64);
        }
    }
    slopes.sort_by(f64::total_cmp);
    let slope = median_of_sorted(&slopes);
    let pairs = slopes.len() as f64;
    let deviation = (score_variance(values) * correlation_factor(values, slope)).sqrt();
    if deviation <= 0.0 {
        return Some(Trend { tau: 0.0, p: 1.0, slope: 0.0, interval: (0.0, 0.0) });
    }
    // Continuity correction: S moves in steps of two.
    let z = (score.abs() - 1.0).max(0.0) / deviation;
    let reach = normal_quantile(f64::midpoint(1.0, confidence)) * deviation;
    let rank = |r: f64| slopes[(r.round().max(0.0) as usize).min(slopes.len() - 1)];
    let interval = (rank((pairs - reach) / 2.0 - 1.0), rank(f64::midpoint(pairs, reach)));
    Some(Trend { tau: score / pairs, p: (2.0 * normal_tail(z)).min(1.0), slope, interval })
}

/// The variance of S, with ties taken out.
fn score_variance(values: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 =
        sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|group| term(group.len() as f64)).sum();
    (term(values.len() as f64) - ties) / 18.0
}

/// (1 + r) / (1 − r) for the lag-1 correlation r ≥ 0 of the residuals about the line.
fn correlation_factor(values: &[f64], slope: f64) -> f64 {
    let residuals: Vec<f64> =
        values.iter().enumerate().map(|(index, value)| value - slope * index as f64).collect();
    let r = lag_one_correlation(&residuals).clamp(0.0, 0.9);
    (1.0 + r) / (1.0 - r)
}

/// The correlation of neighbours, corrected for its downward bias of about 1/n; zero where all values
/// are equal.
pub fn lag_one_correlation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let spread: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    if spread <= 0.0 || values.is_empty() {
        return 0.0;
    }
    let product: f64 = values.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
    product / spread + 1.0 / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_line_has_its_slope_and_tau_of_one() {
        let line: Vec<f64> = (0..20).map(|x| 3.0 + 0.5 * f64::from(x)).collect();
        let trend = mann_kendall(&line, 0.99).expect("enough values");
        assert!((trend.tau - 1.0).abs() < 1e-12);
        assert!((trend.slope - 0.5).abs() < 1e-12);
        assert!(trend.is_significant() && trend.p < 1e-6);
    }

    /// Gilbert 1987, example 16.1 style: S = 4 of 8 values with var(S) = 8·7·21/18.
    #[test]
    fn score_variance_matches_the_formula() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert!((score_variance(&values) - 8.0 * 7.0 * 21.0 / 18.0).abs() < 1e-9);
    }

    #[test]
    fn level_and_short_series_have_no_trend() {
        assert!(!mann_kendall(&[5.0; 12], 0.95).expect("enough values").is_significant());
        assert_eq!(mann_kendall(&[1.0, 2.0, 3.0], 0.95), None);
        let saw: Vec<f64> = (0..30).map(|x| f64::from(x % 2)).collect();
        assert!(!mann_kendall(&saw, 0.95).expect("enough values").is_significant());
    }
}
