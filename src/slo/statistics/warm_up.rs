//! Where the warm-up ends: MSER-5.

use super::mean;

/// How many values make a batch in MSER-5.
pub const BATCH: usize = 5;

/// How many of the first values to leave out so that the mean of the rest is known best; a multiple of
/// [`BATCH`], at most half of the values.
///
/// K. White, "An effective truncation heuristic for bias reduction in simulation output", 1997: the cut
/// d minimises Σ (x − mean)² / (n − d)² over the values kept, taken here over means of five.
pub fn mser5(values: &[f64]) -> usize {
    let batches: Vec<f64> = values.chunks_exact(BATCH).map(mean).collect();
    let mut best = (f64::INFINITY, 0);
    for cut in 0..=batches.len() / 2 {
        let kept = &batches[cut..];
        if kept.is_empty() {
            break;
        }
        let centre = mean(kept);
        let spread: f64 = kept.iter().map(|value| (value - centre).powi(2)).sum();
        let score = spread / (kept.len() as f64).powi(2);
        if score < best.0 {
            best = (score, cut);
        }
    }
    best.1 * BATCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decaying_start_is_cut() {
        let values: Vec<f64> = (0..60)
            .map(|second| 20.0 + 180.0 * (-f64::from(second) / 3.0).exp() + f64::from(second % 3))
            .collect();
        let cut = mser5(&values);
        assert!((5..=20).contains(&cut), "{cut}");
    }

    #[test]
    fn level_values_are_kept() {
        let values: Vec<f64> = (0..60).map(|second| f64::from(second % 5)).collect();
        assert_eq!(mser5(&values), 0);
    }

    #[test]
    fn cut_never_exceeds_half() {
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(mser5(&rising) <= 20);
        assert_eq!(mser5(&[1.0, 2.0]), 0);
        assert_eq!(mser5(&[]), 0);
    }
}
