//! How much one sample exceeds another: Hodges and Lehmann's estimate with an exact interval.

use super::median_of_sorted;
use super::rank_test::null_distribution;

/// A shift, or a ratio, between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The median over all pairs.
    pub estimate: f64,
    /// Where the true one lies; absent where the samples are too small for any interval.
    pub interval: Option<(f64, f64)>,
    /// The probability that the interval covers it: at least the confidence asked for.
    pub coverage: f64,
}

/// By how much `candidate` exceeds `baseline`: the median of all differences. `None` if a side is empty.
///
/// J. Hodges and E. Lehmann 1963; the interval inverts the exact Mann–Whitney test (as R's
/// `wilcox.test(conf.int = TRUE)`), so it needs no law of the values.
pub fn difference(baseline: &[f64], candidate: &[f64], confidence: f64) -> Option<Shift> {
    if baseline.is_empty() || candidate.is_empty() {
        return None;
    }
    let mut pairs: Vec<f64> =
        candidate.iter().flat_map(|c| baseline.iter().map(move |b| c - b)).collect();
    pairs.sort_by(f64::total_cmp);
    let (below, coverage) = cut(baseline.len(), candidate.len(), confidence);
    let interval = below.map(|k| (pairs[k], pairs[pairs.len() - 1 - k]));
    Some(Shift { estimate: median_of_sorted(&pairs), interval, coverage })
}

/// How many times `candidate` is `baseline`: the difference of logarithms. `None` if a side is empty or
/// a value is not positive.
pub fn ratio(baseline: &[f64], candidate: &[f64], confidence: f64) -> Option<Shift> {
    let logs = |values: &[f64]| -> Option<Vec<f64>> {
        values.iter().map(|&v| (v > 0.0 && v.is_finite()).then(|| v.ln())).collect()
    };
    let shift = difference(&logs(baseline)?, &logs(candidate)?, confidence)?;
    Some(Shift {
        estimate: shift.estimate.exp(),
        interval: shift.interval.map(|(lower, upper)| (lower.exp(), upper.exp())),
        coverage: shift.coverage,
    })
}

/// How many of the sorted pairs lie outside on each side, and the coverage that remains.
fn cut(m: usize, n: usize, confidence: f64) -> (Option<usize>, f64) {
    let tail = (1.0 - confidence) / 2.0;
    // 60 a side: beyond it the normal approximation of U is right to three digits.
    if m.max(n) > 60 {
        let (m, n) = (m as f64, n as f64);
        let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
        let rank = m * n / 2.0 - super::laws::normal_quantile(1.0 - tail) * deviation;
        return (Some((rank.floor() - 1.0).max(0.0) as usize), confidence);
    }
    let distribution = null_distribution(m, n);
    match distribution.iter().take_while(|&&p| p <= tail).count() {
        0 => (None, 0.0),
        count => (Some(count - 1), 1.0 - 2.0 * distribution[count - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        x: Vec<f64>,
        y: Vec<f64>,
        hodges_lehmann: f64,
    }

    #[test]
    fn estimate_matches_the_published_examples() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/data/mann_whitney.json"))
                .expect("valid");
        for case in cases {
            let found = difference(&case.y, &case.x, 0.95).expect("not empty");
            assert!((found.estimate - case.hodges_lehmann).abs() < 1e-9);
        }
    }

    /// R: `wilcox.test(x, y, conf.int = TRUE)` with 5 values a side drops two pairs on each side.
    #[test]
    fn interval_of_five_a_side_covers_96_8_per_cent() {
        let baseline = [1.0, 2.0, 3.0, 4.0, 5.0];
        let candidate = [11.0, 12.0, 13.0, 14.0, 15.0];
        let found = difference(&baseline, &candidate, 0.95).expect("not empty");
        assert!((found.coverage - (1.0 - 8.0 / 252.0)).abs() < 1e-12);
        assert_eq!(found.interval, Some((7.0, 13.0)));
    }

    #[test]
    fn three_a_side_have_no_interval() {
        let found = difference(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.95).expect("not empty");
        assert_eq!(found.interval, None);
    }

    #[test]
    fn ratio_of_scaled_values_is_the_scale() {
        let baseline = [90.0, 100.0, 110.0, 95.0, 105.0];
        let candidate = baseline.map(|value| value * 1.1);
        let found = ratio(&baseline, &candidate, 0.95).expect("positive");
        assert!((found.estimate - 1.1).abs() < 1e-9);
        assert_eq!(ratio(&[0.0, 1.0], &[1.0, 2.0], 0.95), None);
    }
}
