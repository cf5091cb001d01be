//! A small histogram of response times on round edges.

use plimsoll_metrics::Distribution;
use plimsoll_units::{Nanos, Quantity};

use super::format;

/// Most bars.
const MOST_BARS: usize = 14;

/// One bar: values above the previous edge and up to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HistogramBar {
    pub(super) up_to: Nanos,
    pub(super) count: u64,
}

/// Bars on edges of 1, 2 and 5 times powers of ten; on equal steps where the values lie close together.
/// Empty for no values.
pub(super) fn bars(times: &Distribution) -> Vec<HistogramBar> {
    if times.is_empty() {
        return vec![];
    }
    let (low, high) = (times.min().get().max(1), times.max().get().max(1));
    let mut edges = if high / low >= 8 { decades(low, high) } else { steps(low, high) };
    while edges.len() > MOST_BARS {
        // Every second edge, the last kept: counts stay exact because bars only join.
        edges = edges.iter().rev().step_by(2).rev().copied().collect();
    }
    let mut below = 0;
    edges
        .into_iter()
        .map(|edge| {
            let at_most =
                if edge >= high { times.count() } else { times.count_at_most(Nanos::new(edge)) };
            let bar =
                HistogramBar { up_to: Nanos::new(edge), count: at_most.saturating_sub(below) };
            below = at_most;
            bar
        })
        .collect()
}

/// The range of a bar: `≤ 1 ms` for the first, `1 … 2 ms` for one above another.
pub(super) fn label(above: Option<Nanos>, up_to: Nanos) -> String {
    let told = |edge| format::bound(Quantity::Time(edge));
    let Some(low) = above.map(told) else { return format!("≤ {}", told(up_to)) };
    let high = told(up_to);
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

fn decades(low: u64, high: u64) -> Vec<u64> {
    let powers = (0..19).map(|exponent| 10_u64.pow(exponent));
    let all: Vec<u64> =
        powers.flat_map(|power| [1, 2, 5].map(|step| power.saturating_mul(step))).collect();
    let last = all.iter().position(|&edge| edge >= high).unwrap_or(all.len() - 1);
    let first = all.iter().position(|&edge| edge >= low).unwrap_or(0).min(last);
    all[first..=last].to_vec()
}

fn steps(low: u64, high: u64) -> Vec<u64> {
    let rough = ((high - low) / 8).max(1);
    let power = 10_u64.pow(rough.ilog10());
    let step = [1, 2, 5, 10].iter().map(|step| step * power).find(|&step| step >= rough);
    let step = step.unwrap_or(rough);
    let first = low.div_ceil(step).max(1);
    (first..=high.div_ceil(step)).map(|index| index * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_both_ends_of_a_range() {
        let [low, high] = [500, 1_000].map(Nanos::from_micros);
        assert_eq!(label(None, low), "≤ 500 µs");
        assert_eq!(label(Some(low), high), "500 µs … 1 ms");
        assert_eq!(label(Some(high), Nanos::from_millis(2)), "1 … 2 ms");
    }

    #[test]
    fn bars_hold_every_value_once() {
        for spread in [1, 3, 1_000] {
            let mut times = Distribution::new();
            for n in 1..=500_u64 {
                times.record(Nanos::from_micros(700 + n * spread));
            }
            let bars = bars(&times);
            assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 500);
            assert!(
                bars.len() <= MOST_BARS
                    && bars.windows(2).all(|pair| pair[0].up_to < pair[1].up_to)
            );
        }
    }

    #[test]
    fn no_values_make_no_bars() {
        assert_eq!(bars(&Distribution::new()), vec![]);
    }
}
