//! Where a history of runs changed its level: E-divisive change points.
//!
//! The energy distance of D. Matteson and N. James, "A nonparametric approach for multiple change point
//! analysis of multivariate data", 2014, with the significance test and the windowing of M. Fleming et
//! al., "Hunter: using change point detection to hunt for performance regressions", 2023 (now Apache
//! Otava): a t-test instead of permutations, so that the answer is the same every time; candidates are
//! gathered in overlapping windows at ten times the p wanted, then the weakest are merged away.

use std::ops::Range;

use super::laws::student_two_sided;
use super::{mean, variance};

/// How change points are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// How many values are looked at together; at least 2.
    pub window: usize,
    /// The greatest p of a change point.
    pub p_max: f64,
    /// The least relative change, 0.05 for 5 %; 0 keeps all.
    pub magnitude_min: f64,
}

impl Default for Search {
    /// Otava's defaults: windows of 50 values, p ≤ 0.001, changes of any size.
    fn default() -> Self {
        Self { window: 50, p_max: 0.001, magnitude_min: 0.0 }
    }
}

/// A place where the level changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first value of the new level.
    pub index: usize,
    /// Two-sided p of Student's t-test between the levels.
    pub p: f64,
    /// The mean up to the change, from the change before.
    pub mean_before: f64,
    /// The mean from the change on, up to the next.
    pub mean_after: f64,
}

impl ChangePoint {
    /// The relative change: −0.1 for 10 % less. Zero where the old level is zero.
    pub fn change(&self) -> f64 {
        if self.mean_before == 0.0 { 0.0 } else { self.mean_after / self.mean_before - 1.0 }
    }

    /// The greater of the relative changes there and back.
    fn magnitude(&self) -> f64 {
        let back =
            if self.mean_after == 0.0 { 0.0 } else { self.mean_before / self.mean_after - 1.0 };
        self.change().abs().max(back.abs())
    }
}

/// The change points of `series`, in order.
pub fn find(series: &[f64], search: Search) -> Vec<ChangePoint> {
    let p_first = match search.p_max {
        p if p < 0.05 => p * 10.0,
        p if p < 0.5 => p * 2.0,
        p => p,
    };
    let weak = split(series, search.window.max(2), p_first);
    merge(weak, series, search)
}

/// Candidates from overlapping windows.
fn split(series: &[f64], window: usize, p_max: f64) -> Vec<usize> {
    let mut indexes: Vec<usize> = Vec::new();
    let mut start = 0;
    while start < series.len() {
        let end = (start + window).min(series.len());
        let found = divide(&series[start..end], p_max);
        indexes.extend(found.iter().map(|index| index + start));
        let last = found.last().map_or(0, |index| index + start);
        start = last.max(start + window / 2);
    }
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}

/// Splits one window at the best place, then the best of the parts, while the split is significant.
fn divide(series: &[f64], p_max: f64) -> Vec<usize> {
    let distances = Distances::between(series);
    let mut found: Vec<usize> = Vec::new();
    loop {
        let best = ranges(&found, series.len())
            .filter_map(|range| distances.best_split(&range).map(|best| (best, range)))
            .max_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let Some(((index, _), range)) = best else { return found };
        if compare(series, index, &range).p > p_max {
            return found;
        }
        found.push(index);
        found.sort_unstable();
    }
}

/// Removes the weakest point and tests its neighbours anew, until all hold.
fn merge(indexes: Vec<usize>, series: &[f64], search: Search) -> Vec<ChangePoint> {
    let mut kept = indexes;
    loop {
        let points: Vec<ChangePoint> = kept
            .iter()
            .enumerate()
            .map(|(at, &index)| {
                let start = if at == 0 { 0 } else { kept[at - 1] };
                let end = kept.get(at + 1).copied().unwrap_or(series.len());
                compare(series, index, &(start..end))
            })
            .collect();
        let insignificant = points
            .iter()
            .filter(|point| point.p >= search.p_max)
            .max_by(|a, b| a.p.total_cmp(&b.p));
        let weakest = insignificant.or_else(|| {
            points
                .iter()
                .filter(|point| point.magnitude() <= search.magnitude_min)
                .min_by(|a, b| a.magnitude().total_cmp(&b.magnitude()))
        });
        match weakest.map(|point| point.index) {
            Some(index) => kept.retain(|&other| other != index),
            None => return points,
        }
    }
}

/// The stretches between the change points found so far.
fn ranges(found: &[usize], len: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(found.iter().copied());
    let ends = found.iter().copied().chain(std::iter::once(len));
    starts.zip(ends).map(|(start, end)| start..end)
}

/// Student's t-test with pooled variance between both sides of `index` within `range`.
fn compare(series: &[f64], index: usize, range: &Range<usize>) -> ChangePoint {
    let (left, right) = (&series[range.start..index], &series[index..range.end]);
    let (mean_before, mean_after) = (mean(left), mean(right));
    let (n, m) = (left.len() as f64, right.len() as f64);
    let freedom = n + m - 2.0;
    let p = if freedom < 1.0 {
        1.0
    } else {
        let pooled = ((n - 1.0) * variance(left) + (m - 1.0) * variance(right)) / freedom;
        let error = (pooled * (1.0 / n + 1.0 / m)).sqrt();
        let gap = (mean_after - mean_before).abs();
        match (gap > 0.0, error > 0.0) {
            (false, _) => 1.0,
            (true, false) => 0.0,
            (true, true) => student_two_sided(gap / error, freedom),
        }
    };
    ChangePoint { index, p, mean_before, mean_after }
}

/// Sums of distances over any block of pairs in constant time.
struct Distances {
    len: usize,
    /// Entry (i, j): Σ distances over a < i, b < j.
    sums: Vec<f64>,
}

impl Distances {
    fn between(series: &[f64]) -> Self {
        let len = series.len();
        let mut sums = vec![0.0; (len + 1) * (len + 1)];
        for i in 0..len {
            let mut row = 0.0;
            for j in 0..len {
                row += (series[i] - series[j]).abs();
                sums[(i + 1) * (len + 1) + j + 1] = sums[i * (len + 1) + j + 1] + row;
            }
        }
        Self { len, sums }
    }

    fn block(&self, rows: Range<usize>, columns: Range<usize>) -> f64 {
        let at = |i: usize, j: usize| self.sums[i * (self.len + 1) + j];
        at(rows.end, columns.end) - at(rows.start, columns.end) - at(rows.end, columns.start)
            + at(rows.start, columns.start)
    }

    /// The split of `range` with the greatest scaled energy distance Q, over all ends of the right side
    /// (Matteson and James, equation 7, with α = 1); `None` of fewer than two values.
    fn best_split(&self, range: &Range<usize>) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for split in range.start + 1..range.end {
            for end in split + 1..=range.end {
                let q = self.energy(range.start, split, end);
                if best.is_none_or(|(_, most)| q > most) {
                    best = Some((split, q));
                }
            }
        }
        best
    }

    /// 2/(n+m) Σ|x−y| − 2m/((n+m)(n−1)) Σ|x−x'| − 2n/((n+m)(m−1)) Σ|y−y'|, pairs counted once.
    fn energy(&self, start: usize, split: usize, end: usize) -> f64 {
        let (n, m) = ((split - start) as f64, (end - split) as f64);
        let between = self.block(start..split, split..end) * 2.0 / (n + m);
        let within = |range: Range<usize>, own: f64, other: f64| {
            if own < 2.0 {
                return 0.0;
            }
            let once = self.block(range.clone(), range) / 2.0;
            once * 2.0 * other / ((n + m) * (own - 1.0))
        };
        between - within(start..split, n, m) - within(split..end, m, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        series: Vec<f64>,
        window: usize,
        p_max: f64,
        indexes: Vec<usize>,
        change: Option<f64>,
    }

    /// Apache Otava's own test series with the indices it finds.
    #[test]
    fn change_points_match_otava() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/data/change_points.json"))
                .expect("valid");
        assert_eq!(cases.len(), 3);
        for case in cases {
            let search = Search { window: case.window, p_max: case.p_max, magnitude_min: 0.0 };
            let found = find(&case.series, search);
            let indexes: Vec<usize> = found.iter().map(|point| point.index).collect();
            assert_eq!(indexes, case.indexes);
            if let Some(change) = case.change {
                assert!((found[0].change() * 100.0 - change).abs() < 0.05);
            }
        }
    }

    #[test]
    fn level_and_short_series_have_none() {
        assert!(find(&[5.0; 40], Search::default()).is_empty());
        assert!(find(&[], Search::default()).is_empty());
        assert!(find(&[1.0, 9.0], Search::default()).is_empty());
    }

    #[test]
    fn small_changes_are_merged_away_on_request() {
        let series: Vec<f64> =
            (0..40).map(|i| if i < 20 { 100.0 } else { 102.0 } + f64::from(i % 3) * 0.1).collect();
        assert_eq!(find(&series, Search::default()).len(), 1);
        let search = Search { magnitude_min: 0.05, ..Search::default() };
        assert!(find(&series, search).is_empty());
    }
}
