//! Many tests at once: Holm's step-down correction.

/// Holm-adjusted p values, in the order given: each is the least family-wise error at which its test
/// still rejects.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", 1979: the i-th smallest of m
/// values is multiplied by m − i + 1, then made monotone.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        largest = largest.max((p_values[index] * remaining).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: `p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")` is 0.04 0.06 0.06 0.06.
    #[test]
    fn holm_agrees_with_r() {
        let adjusted = holm(&[0.03, 0.01, 0.04, 0.02]);
        for (found, expected) in adjusted.iter().zip([0.06, 0.04, 0.06, 0.06]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn holm_never_exceeds_one() {
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
