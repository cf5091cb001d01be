//! The difference of two estimates, each of which has its interval already.
//!
//! G. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach",
//! *Statistics in Medicine* 27, 2008 ("MOVER": the variance of each side is recovered from its own limits near
//! the limit that is sought); with dependent sides, G. Zou, "Toward using confidence intervals to compare
//! correlations", *Psychological Methods* 12, 2007. Of two shares with Wilson's intervals it is R. Newcombe's
//! method 10 (*Statistics in Medicine* 17, 1998). It keeps what the intervals know: that they are lopsided, and
//! how much the requests behind them depend on each other.

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalEstimate {
    /// The lower end.
    pub lower: f64,
    /// The estimate.
    pub value: f64,
    /// The upper end.
    pub upper: f64,
}

impl IntervalEstimate {
    /// The same on the scale of `of`, which must not fall.
    #[must_use]
    pub fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self { lower: of(self.lower), value: of(self.value), upper: of(self.upper) }
    }
}

/// The interval of `one` − `other`, whose errors correlate by `correlation`.
pub fn difference(
    one: IntervalEstimate,
    other: IntervalEstimate,
    correlation: f64,
) -> IntervalEstimate {
    let value = one.value - other.value;
    let reach = |a: f64, b: f64| {
        let (a, b) = (a.max(0.0), b.max(0.0));
        (a * a + b * b - 2.0 * correlation * a * b).max(0.0).sqrt()
    };
    IntervalEstimate {
        lower: value - reach(one.value - one.lower, other.upper - other.value),
        value,
        upper: value + reach(one.upper - one.value, other.value - other.lower),
    }
}

/// Batches to correlate: fewer tell nothing, more are shorter than what they share.
const BATCHES: usize = 20;

/// How much of the error of two sides is the same, from what each second adds to it; 0 to 0.95.
///
/// A correlation of few batches is known badly, and one that is believed too great makes intervals too short. So
/// it is taken one standard error lower (R. Fisher's z, 1921).
pub fn shared_error(one: &[f64], other: &[f64]) -> f64 {
    let seconds = one.len().min(other.len());
    let count = seconds.min(BATCHES);
    if count < super::batches::LEAST {
        return 0.0;
    }
    let batched = |residuals: &[f64]| -> Vec<f64> {
        (0..count)
            .map(|at| {
                residuals[at * seconds / count..(at + 1) * seconds / count].iter().sum::<f64>()
            })
            .collect()
    };
    let (one, other) = (batched(one), batched(other));
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let scale = (squares(&one) * squares(&other)).sqrt();
    if scale <= 0.0 {
        return 0.0;
    }
    let products: f64 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
    let found = (products / scale).clamp(-0.999, 0.999);
    let error = 1.0 / (count as f64 - 1.0).sqrt();
    (found.atanh() - error).tanh().clamp(0.0, 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998, table II, method 10 (score intervals): 56/70 − 48/80 = 0.2000, 95 % interval 0.0524 to 0.3339.
    #[test]
    fn two_shares_with_wilsons_intervals_get_newcombes_difference() {
        let wilson = |hits: f64, n: f64| {
            let z = 1.959_964_f64;
            let p = hits / n;
            let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
            let reach = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
            IntervalEstimate { lower: middle - reach, value: p, upper: middle + reach }
        };
        let found = difference(wilson(56.0, 70.0), wilson(48.0, 80.0), 0.0);
        assert!((found.value - 0.2).abs() < 1e-9);
        assert!((found.lower - 0.0524).abs() < 1e-4, "{found:?}");
        assert!((found.upper - 0.3339).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn what_both_sides_share_cancels() {
        let side = IntervalEstimate { lower: 0.8, value: 1.0, upper: 1.2 };
        let apart = difference(side, side, 0.0);
        let alike = difference(side, side, 0.9);
        assert!(alike.upper - alike.lower < 0.5 * (apart.upper - apart.lower));
    }

    #[test]
    fn disturbance_of_both_is_seen_and_chance_is_not() {
        let wave: Vec<f64> = (0..60).map(|second| (f64::from(second) / 4.0).sin()).collect();
        let louder: Vec<f64> = wave.iter().map(|value| value * 3.0).collect();
        assert!(shared_error(&wave, &louder) > 0.9);
        let other: Vec<f64> = (0..60).map(|second| (f64::from(second) * 2.7).cos()).collect();
        assert!(shared_error(&wave, &other) < 0.1);
        assert!(shared_error(&wave[..3], &louder[..3]).abs() < f64::EPSILON);
    }
}
