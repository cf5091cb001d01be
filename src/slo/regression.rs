//! Whether a candidate is slower than its baseline: the unit is the run, not the request.
//!
//! Requests within a run share its luck (placement, caches, neighbours), so ten thousand of them are one
//! observation of what a deployment does. Five runs a side are the least with which a one-sided exact
//! test reaches p ≤ 0.02; three can never reach 0.05.

use serde::{Deserialize, Serialize};

use super::statistics::laws::normal_quantile;
use super::statistics::shift::Shift;
use super::statistics::{rank_test, shift, variance};

/// The least runs a side.
pub const RUNS_MIN: usize = 5;
/// The greatest one-sided p of a regression.
pub const P_MAX: f64 = 0.02;
/// The least ratio that counts as a regression: 5 % more.
pub const RATIO_MIN: f64 = 1.05;
/// Confidence of the ratio's interval.
const CONFIDENCE: f64 = 0.95;
/// How often an effect must be found to call it one that the runs could have shown.
const POWER: f64 = 0.95;
/// Asymptotic efficiency of the rank test against Student's for normal values: 3/π.
const EFFICIENCY: f64 = 0.955;
/// More runs than this are not asked for.
const RUNS_MAX: usize = 100;

/// Whether there is a regression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegressionVerdict {
    /// The candidate is worse, certainly and by more than 5 %.
    Regressed,
    /// The candidate is certainly less than 5 % worse.
    NotRegressed,
    /// The runs cannot tell.
    NeedMoreRuns {
        /// How many more runs a side would probably tell.
        more: u32,
        /// The smallest effect that these runs would have shown 19 times in 20, 0.1 for 10 % more; absent
        /// where there are too few runs to show any.
        smallest_effect: Option<f64>,
    },
}

/// A comparison of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// The answer.
    pub verdict: RegressionVerdict,
    /// Candidate over baseline: Hodges and Lehmann's estimate; absent where a value is not positive.
    pub ratio: Option<f64>,
    /// Its interval, covering at least 95 %; absent of fewer than four runs a side.
    pub interval: Option<(f64, f64)>,
    /// Exact one-sided p that the candidate is not greater.
    pub p: f64,
}

/// Compares one number a run, of which greater is worse: response times, sizes.
///
/// Regressed when p ≤ 0.02 (exact one-sided Mann–Whitney) and the ratio exceeds 1.05; not regressed when
/// the interval's upper end is below 1.05; otherwise more runs are needed.
pub fn compare(baseline: &[f64], candidate: &[f64]) -> Regression {
    compare_at(baseline, candidate, None)
}

/// As [`compare`], with a p that was adjusted for many comparisons in place of the plain one.
pub fn compare_at(baseline: &[f64], candidate: &[f64], adjusted_p: Option<f64>) -> Regression {
    let p = adjusted_p.unwrap_or_else(|| rank_test::compare(baseline, candidate).p_greater);
    let ratio = shift::ratio(baseline, candidate, CONFIDENCE);
    let few = baseline.len().min(candidate.len());
    let verdict = match ratio {
        _ if few < RUNS_MIN => {
            RegressionVerdict::NeedMoreRuns { more: (RUNS_MIN - few) as u32, smallest_effect: None }
        }
        // Without logarithms there is no ratio; a certain rise from nothing is one of any size.
        None if p <= P_MAX => RegressionVerdict::Regressed,
        None => RegressionVerdict::NotRegressed,
        Some(ratio) => verdict_of(&ratio, p, baseline, candidate),
    };
    Regression {
        verdict,
        ratio: ratio.map(|found| found.estimate),
        interval: ratio.and_then(|found| found.interval),
        p,
    }
}

fn verdict_of(ratio: &Shift, p: f64, baseline: &[f64], candidate: &[f64]) -> RegressionVerdict {
    if p <= P_MAX && ratio.estimate > RATIO_MIN {
        return RegressionVerdict::Regressed;
    }
    if ratio.interval.is_some_and(|(_, upper)| upper < RATIO_MIN) {
        return RegressionVerdict::NotRegressed;
    }
    let spread = pooled_log_deviation(baseline, candidate);
    let runs = (baseline.len().min(candidate.len())) as f64;
    RegressionVerdict::NeedMoreRuns {
        more: more_runs(ratio.estimate, spread, runs),
        smallest_effect: Some(smallest_effect(spread, baseline.len(), candidate.len())),
    }
}

/// Standard deviation of the logarithms within the sides: close to the coefficient of variation.
fn pooled_log_deviation(baseline: &[f64], candidate: &[f64]) -> f64 {
    let logs = |values: &[f64]| values.iter().map(|v| v.ln()).collect::<Vec<f64>>();
    let (m, n) = (baseline.len() as f64 - 1.0, candidate.len() as f64 - 1.0);
    let squares = m * variance(&logs(baseline)) + n * variance(&logs(candidate));
    (squares / (m + n).max(1.0)).sqrt()
}

/// The effect found with [`POWER`] by so many runs: it must be certain (p) and large enough (ratio).
fn smallest_effect(spread: f64, m: usize, n: usize) -> f64 {
    let error = spread * ((1.0 / m as f64 + 1.0 / n as f64) / EFFICIENCY).sqrt();
    let certain = (normal_quantile(1.0 - P_MAX) + normal_quantile(POWER)) * error;
    let large = RATIO_MIN.ln() + normal_quantile(POWER) * error;
    certain.max(large).exp() - 1.0
}

/// How many more runs a side until, with this ratio and spread, the answer is probably clear.
fn more_runs(ratio: f64, spread: f64, runs: f64) -> u32 {
    let gap = if ratio > RATIO_MIN { ratio.ln() } else { (RATIO_MIN / ratio).ln() };
    let level = if ratio > RATIO_MIN { P_MAX } else { (1.0 - CONFIDENCE) / 2.0 };
    let needed = if gap > 0.0 {
        let factor = (normal_quantile(1.0 - level) + normal_quantile(0.8)) * spread / gap;
        2.0 * factor * factor / EFFICIENCY
    } else {
        f64::INFINITY
    };
    let missing = (needed - runs).ceil().clamp(1.0, RUNS_MAX as f64);
    missing as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Seed, Stream};
    use rand_distr::{Distribution as _, LogNormal};

    /// p99 of `runs` runs about 100 ms with coefficient of variation `cv`.
    fn side(rng: &mut rand_pcg::Pcg64Mcg, runs: usize, cv: f64, factor: f64) -> Vec<f64> {
        let sigma = (1.0 + cv * cv).ln().sqrt();
        let law = LogNormal::new((100.0 * factor).ln(), sigma).expect("valid");
        (0..runs).map(|_| law.sample(rng)).collect()
    }

    fn share_regressed(runs: usize, cv: f64, factor: f64) -> f64 {
        const TRIALS: u64 = 1_000;
        let found = (0..TRIALS).filter(|&trial| {
            let mut rng = Seed::new(7).stream(Stream::Bootstrap, trial);
            let baseline = side(&mut rng, runs, cv, 1.0);
            let candidate = side(&mut rng, runs, cv, factor);
            compare(&baseline, &candidate).verdict == RegressionVerdict::Regressed
        });
        found.count() as f64 / TRIALS as f64
    }

    /// Goal: prove the bar: +10 % on p99 is found in 95 % of cases, with 2 % false alarms at the most.
    /// Method: 1,000 trials each in virtual time, one lognormal p99 a run.
    #[test]
    #[expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants")]
    fn ten_per_cent_more_is_found_and_nothing_else() {
        for (runs, cv) in [(5, 0.03), (10, 0.05)] {
            let found = share_regressed(runs, cv, 1.1);
            let false_alarms = share_regressed(runs, cv, 1.0);
            println!(
                "+10 % p99, run-to-run CV {:.0} %, {runs} runs a side: found in {:.1} %, false \
                 alarms {:.1} %",
                cv * 100.0,
                found * 100.0,
                false_alarms * 100.0
            );
            assert!(found >= 0.95, "{found}");
            assert!(false_alarms <= 0.02, "{false_alarms}");
        }
    }

    #[test]
    fn equal_and_steady_sides_are_not_regressed() {
        let baseline = [100.0, 101.0, 99.0, 100.5, 99.5];
        let found = compare(&baseline, &baseline.map(|value| value * 1.01));
        assert_eq!(found.verdict, RegressionVerdict::NotRegressed);
        assert!(found.interval.expect("five a side").1 < 1.05);
    }

    #[test]
    fn certain_but_small_rise_is_not_a_regression() {
        let baseline = [100.0, 100.1, 100.2, 100.3, 100.4];
        let found = compare(&baseline, &baseline.map(|value| value * 1.03));
        assert!(found.p < 0.01);
        assert_eq!(found.verdict, RegressionVerdict::NotRegressed);
    }

    #[test]
    fn noisy_sides_need_more_runs_and_say_how_many() {
        let found = compare(&[80.0, 120.0, 95.0, 105.0, 110.0], &[90.0, 125.0, 100.0, 112.0, 98.0]);
        let RegressionVerdict::NeedMoreRuns { more, smallest_effect } = found.verdict else {
            panic!("{found:?}")
        };
        assert!(more >= 5, "{more}");
        assert!(smallest_effect.expect("five a side") > 0.2);
    }

    #[test]
    fn fewer_than_five_runs_never_tell() {
        let found = compare(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]);
        let expected = RegressionVerdict::NeedMoreRuns { more: 2, smallest_effect: None };
        assert_eq!(found.verdict, expected);
        let none = compare(&[], &[]);
        assert_eq!((none.ratio, none.p), (None, 1.0));
    }

    /// Goal: prove that the effect called "smallest" is the one found 19 times in 20.
    #[test]
    fn smallest_effect_is_found_nineteen_times_in_twenty() {
        let effect = smallest_effect(0.05, 10, 10);
        let found = share_regressed(10, 0.05, 1.0 + effect);
        assert!((found - 0.95).abs() < 0.03, "{effect}: {found}");
    }
}
