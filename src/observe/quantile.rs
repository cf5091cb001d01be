//! Quantiles from what sources keep instead of single times: histogram buckets, means and deviations.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

use super::series::{ScrapeWindow, Selector};

/// The `q` quantile of a histogram's growth, interpolated within its bucket as Prometheus's
/// `histogram_quantile` does; the lower bound of the last bucket where the quantile lies beyond it.
///
/// `None` without growth: nothing was measured in the time between.
pub(super) fn of_histogram(window: ScrapeWindow<'_>, histogram: &Selector, q: f64) -> Option<f64> {
    let mut counts: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (series, grown) in window.increases(&histogram.suffixed("_bucket"))? {
        let bound: f64 = series.label("le").parse().ok()?;
        // Bounds are not negative here, so the order of their bits is the order of the numbers.
        counts.entry(bound.max(0.0).to_bits()).or_insert((bound.max(0.0), 0.0)).1 += grown;
    }
    let (_, &(_, total)) = counts.last_key_value()?;
    if total <= 0.0 {
        return None;
    }
    let rank = q * total;
    let (mut lower, mut below) = (0.0, 0.0);
    for &(upper, cumulative) in counts.values() {
        if cumulative >= rank {
            let inside = cumulative - below;
            let share = if inside > 0.0 { (rank - below) / inside } else { 1.0 };
            return Some(if upper.is_finite() { lower + (upper - lower) * share } else { lower });
        }
        (lower, below) = (upper, cumulative);
    }
    Some(lower)
}

/// What one statement did between two scrapes.
struct Statement {
    calls: f64,
    /// Mean and standard deviation of log(seconds).
    log_mean: f64,
    log_deviation: f64,
}

impl Statement {
    /// A log-normal law with the given moments of the time in seconds.
    fn from_sums(calls: f64, seconds: f64, squares: f64) -> Option<Self> {
        let mean = seconds / calls;
        if !(calls > 0.0 && mean > 0.0) {
            return None;
        }
        let variance = (squares / calls - mean * mean).max(0.0);
        let log_variance = (variance / (mean * mean)).ln_1p();
        Some(Self {
            calls,
            log_mean: mean.ln() - log_variance / 2.0,
            log_deviation: log_variance.sqrt(),
        })
    }

    /// The share of calls that took at most `exp(log_seconds)`.
    fn share_below(&self, log_seconds: f64, normal: &Normal) -> f64 {
        let distance = log_seconds - self.log_mean;
        if self.log_deviation < 1e-9 {
            return if distance >= 0.0 { 1.0 } else { 0.0 };
        }
        normal.cdf(distance / self.log_deviation)
    }
}

/// Estimates the `q` quantile of statement times from `statement_calls`, `statement_seconds` and
/// `statement_square_seconds`, each labelled with `statement`.
///
/// `pg_stat_statements` keeps means and deviations, no distribution. Each statement is taken as log-normal
/// with its moments; the answer is the quantile of the mixture, weighted by calls. An estimate: it is exact
/// for statements that always take the same time, and misses two-humped ones.
pub(super) fn of_statements(window: ScrapeWindow<'_>, q: f64) -> Option<f64> {
    let mut sums: BTreeMap<&str, [f64; 3]> = BTreeMap::new();
    let names = ["statement_calls", "statement_seconds", "statement_square_seconds"];
    for (index, name) in names.into_iter().enumerate() {
        for (series, grown) in window.increases(&Selector::new(name))? {
            sums.entry(series.label("statement")).or_default()[index] += grown;
        }
    }
    let statements = sums
        .values()
        .filter_map(|&[calls, seconds, squares]| Statement::from_sums(calls, seconds, squares));
    mixture_quantile(&statements.collect::<Vec<_>>(), q)
}

fn mixture_quantile(statements: &[Statement], q: f64) -> Option<f64> {
    let total: f64 = statements.iter().map(|statement| statement.calls).sum();
    let normal = Normal::standard();
    // Eight deviations hold all but 1e-15 of every part.
    let edges =
        |sign: f64| statements.iter().map(move |one| one.log_mean + sign * 8.0 * one.log_deviation);
    let (mut low, mut high) = (edges(-1.0).reduce(f64::min)?, edges(1.0).reduce(f64::max)?);
    // 60 halvings bring any interval of logarithms below the precision of the result.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let below =
            statements.iter().map(|one| one.calls * one.share_below(middle, &normal)).sum::<f64>();
        if below / total >= q { high = middle } else { low = middle }
    }
    Some(high.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{MetricSeries, Scrape};
    use plimsoll_units::RunTime;

    fn scrape(seconds: u64, series: Vec<MetricSeries>) -> Scrape {
        Scrape { at: RunTime::new(seconds * 1_000_000_000), series }
    }

    fn buckets(counts: [f64; 3]) -> Vec<MetricSeries> {
        let bounds = ["0.1", "0.2", "+Inf"];
        let series = bounds.iter().zip(counts);
        series
            .map(|(bound, count)| MetricSeries::plain("t_bucket", count).with("le", *bound))
            .collect()
    }

    #[test]
    fn histogram_quantile_interpolates_within_the_growth() {
        let before = scrape(0, buckets([100.0, 100.0, 100.0]));
        let now = scrape(1, buckets([150.0, 200.0, 200.0]));
        let window = ScrapeWindow { before: Some(&before), now: &now };
        let p75 = of_histogram(window, &Selector::new("t"), 0.75).expect("it grew");
        assert!((p75 - 0.15).abs() < 1e-12, "{p75}");
    }

    #[test]
    fn histogram_quantile_beyond_the_last_bound_is_that_bound() {
        let (before, now) = (scrape(0, buckets([0.0; 3])), scrape(1, buckets([0.0, 0.0, 10.0])));
        let window = ScrapeWindow { before: Some(&before), now: &now };
        assert_eq!(of_histogram(window, &Selector::new("t"), 0.5), Some(0.2));
    }

    #[test]
    fn histogram_without_growth_has_no_quantile() {
        let (before, now) = (scrape(0, buckets([5.0; 3])), scrape(1, buckets([5.0; 3])));
        let window = ScrapeWindow { before: Some(&before), now: &now };
        assert_eq!(of_histogram(window, &Selector::new("t"), 0.5), None);
    }

    fn statement(name: &str, calls: f64, mean: f64, deviation: f64) -> Vec<MetricSeries> {
        let squares = calls * (mean * mean + deviation * deviation);
        let parts = [("calls", calls), ("seconds", calls * mean), ("square_seconds", squares)];
        let series =
            parts.map(|(part, value)| MetricSeries::plain(format!("statement_{part}"), value));
        series.map(|one| one.with("statement", name)).to_vec()
    }

    #[test]
    fn statements_of_fixed_times_give_the_exact_quantile() {
        let before = scrape(0, vec![]);
        let fast_and_slow =
            [statement("fast", 900.0, 0.001, 0.0), statement("slow", 100.0, 0.05, 0.0)];
        let now = scrape(1, fast_and_slow.concat());
        let window = ScrapeWindow { before: Some(&before), now: &now };
        let p = |q| of_statements(window, q).expect("statements ran");
        assert!((p(0.5) - 0.001).abs() < 1e-9 && (p(0.95) - 0.05).abs() < 1e-9);
    }

    #[test]
    fn one_log_normal_statement_gives_its_own_quantile() {
        // exp(N(0, 1)): mean e^0.5, variance (e − 1)·e; its 95 % quantile is exp(1.644854).
        let e = std::f64::consts::E;
        let now = scrape(1, statement("one", 1_000.0, e.sqrt(), ((e - 1.0) * e).sqrt()));
        let before = scrape(0, vec![]);
        let p95 =
            of_statements(ScrapeWindow { before: Some(&before), now: &now }, 0.95).expect("it ran");
        assert!((p95 - 1.644_853_6_f64.exp()).abs() < 1e-5, "{p95}");
    }
}
