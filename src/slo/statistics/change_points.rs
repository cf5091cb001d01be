//! Where a history of runs changed its level: E-divisive change points.
//!
//! The energy distance of D. Matteson and N. James, "A nonparametric approach for multiple change point
//! analysis of multivariate data", 2014, with the significance test and the windowing of M. Fleming et
//! al., "Hunter: using change point detection to hunt for performance regressions", 2023: a t-test instead
//! of permutations, so that the answer is the same every time; candidates are gathered in overlapping
//! windows at ten times the p wanted, then the weakest are merged away.
//!
//! The answers are those of that method's reference implementation (Apache Otava 0.8), so that a team that
//! uses both reads the same history. Two of its habits matter for that and are kept: its t-test takes each
//! side's deviation with divisor n, which finds somewhat more than Student's would; and once a point is
//! merged away, the two points after it are tested anew, the one before it is not.

use std::ops::Range;

use super::laws::student_two_sided;
use super::mean;
use super::two_means::MeansInterval;

/// How change points are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePointSearch {
    /// How many values are looked at together; at least 2.
    pub window: usize,
    /// The greatest p of a change point.
    pub p_max: f64,
    /// The least relative change, 0.05 for 5 %; 0 keeps all.
    pub magnitude_min: f64,
}

impl Default for ChangePointSearch {
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
    /// Two-sided p of the t-test between the levels, when they were last tested.
    pub p: f64,
    /// The mean up to the change, from the one before.
    pub mean_before: f64,
    /// The mean from the change on, up to the next that was still a candidate when this one was last tested.
    pub mean_after: f64,
    /// How far apart the levels may be; none where a side varies too much, or has one value.
    pub interval: Option<MeansInterval>,
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
pub fn find(series: &[f64], search: ChangePointSearch) -> Vec<ChangePoint> {
    let p_first = match search.p_max {
        p if p < 0.05 => p * 10.0,
        p if p < 0.5 => p * 2.0,
        p => p,
    };
    let weak = split(series, search.window.max(2), p_first);
    merge(&weak, series, search)
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
        let best = first_max(
            ranges(&found, series.len())
                .filter_map(|range| distances.best_split(&range).map(|best| (best, range))),
            |((_, energy), _)| *energy,
        );
        let Some(((index, _), range)) = best else { return found };
        if compare(series, index, &range).p > p_max {
            return found;
        }
        found.push(index);
        found.sort_unstable();
    }
}

/// Removes the weakest point and tests what followed it anew, until all hold.
fn merge(indexes: &[usize], series: &[f64], search: ChangePointSearch) -> Vec<ChangePoint> {
    let mut points: Vec<ChangePoint> = ranges(indexes, series.len())
        .zip(ranges(indexes, series.len()).skip(1))
        .map(|(left, right)| compare(series, left.end, &(left.start..right.end)))
        .collect();
    while let Some(weakest) = weakest(&points, search) {
        points.remove(weakest);
        let indexes: Vec<usize> = points.iter().map(|point| point.index).collect();
        for at in weakest..points.len().min(weakest + 2) {
            let start = if at == 0 { 0 } else { indexes[at - 1] };
            let end = indexes.get(at + 1).copied().unwrap_or(series.len());
            points[at] = compare(series, indexes[at], &(start..end));
        }
    }
    points
}

/// The point to merge away: the least significant if that is not enough, else the smallest if that is too small.
fn weakest(points: &[ChangePoint], search: ChangePointSearch) -> Option<usize> {
    let by_p = first_max(points.iter().enumerate(), |(_, point)| point.p)?;
    if by_p.1.p >= search.p_max {
        return Some(by_p.0);
    }
    let by_size = first_max(points.iter().enumerate(), |(_, point)| -point.magnitude())?;
    (by_size.1.magnitude() <= search.magnitude_min).then_some(by_size.0)
}

/// The first of the items whose key is the greatest.
fn first_max<T>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> f64) -> Option<T> {
    items.reduce(|best, item| if key(&item) > key(&best) { item } else { best })
}

/// The stretches between the change points found so far.
fn ranges(found: &[usize], len: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(found.iter().copied());
    let ends = found.iter().copied().chain(std::iter::once(len));
    starts.zip(ends).map(|(start, end)| start..end)
}

/// The t-test with pooled variance between both sides of `index` within `range`.
fn compare(series: &[f64], index: usize, range: &Range<usize>) -> ChangePoint {
    let (left, right) = (&series[range.start..index], &series[index..range.end]);
    let (mean_before, mean_after) = (mean(left), mean(right));
    let (n, m) = (left.len() as f64, right.len() as f64);
    let freedom = n + m - 2.0;
    let p = if freedom < 1.0 {
        1.0
    } else {
        let pooled = ((n - 1.0) * spread(left) + (m - 1.0) * spread(right)) / freedom;
        let error = (pooled * (1.0 / n + 1.0 / m)).sqrt();
        let gap = (mean_after - mean_before).abs();
        match (gap > 0.0, error > 0.0) {
            (false, _) => 1.0,
            (true, false) => 0.0,
            (true, true) => student_two_sided(gap / error, freedom),
        }
    };
    let interval = MeansInterval::between(left, right);
    ChangePoint { index, p, mean_before, mean_after, interval }
}

/// Mean squared deviation, with divisor n.
fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// Distances between the values of a window, summed from each value onwards.
///
/// Splits of rounded values are often equally good, and then rounding chooses. So sums are added up, and
/// multiplied, in the order in which the reference does it.
struct Distances {
    values: Vec<f64>,
    /// Entry (i, j): Σ |values[i] − values[k]| over i < k ≤ j.
    onwards: Vec<f64>,
}

impl Distances {
    fn between(series: &[f64]) -> Self {
        let len = series.len();
        let mut onwards = vec![0.0; len * len];
        for i in 0..len {
            for j in i + 1..len {
                onwards[i * len + j] = onwards[i * len + j - 1] + (series[i] - series[j]).abs();
            }
        }
        Self { values: series.to_vec(), onwards }
    }

    fn onwards(&self, from: usize, to: usize) -> f64 {
        self.onwards[from * self.values.len() + to]
    }

    /// Σ |values[i] − values[at]| over start ≤ i < at, for each `at` of `start..end`, added up from start on.
    fn backwards(&self, range: &Range<usize>) -> Vec<f64> {
        let sum = |of: Range<usize>, at: usize| {
            of.map(|i| (self.values[i] - self.values[at]).abs()).fold(0.0, |sum, next| sum + next)
        };
        let mut total = 0.0;
        let added = |at: usize| {
            if at > range.start {
                total += sum(0..at, at) - sum(0..range.start, at);
            }
            total
        };
        range.clone().map(added).collect()
    }

    /// The split of `range` with the greatest scaled energy distance Q, over all ends of the right side
    /// (Matteson and James, equation 7, with α = 1); `None` of fewer than two values.
    ///
    /// Q = 2/(n+m) Σ|x−y| − 2m/((n+m)(n−1)) Σ|x−x'| − 2n/((n+m)(m−1)) Σ|y−y'|, pairs counted once.
    fn best_split(&self, range: &Range<usize>) -> Option<(usize, f64)> {
        let start = range.start;
        let within_left = self.backwards(range);
        let mut best: Option<(usize, f64)> = None;
        // Q of each split for one end of the right side.
        for end in start + 2..=range.end {
            let last = end - 1;
            let mut within_right = vec![0.0; end];
            for split in (start + 1..last).rev() {
                within_right[split] = within_right[split + 1] + self.onwards(split, last);
            }
            let mut all = 0.0;
            for split in start + 1..end {
                all += self.onwards(split - 1, last);
                let (n, m) = ((split - start) as f64, (end - split) as f64);
                let between = 2.0 / (n + m) * (all - within_left[split - 1 - start]);
                let left = weighted(2.0 * m, (n + m) * (n - 1.0), within_left[split - 1 - start]);
                let right = weighted(2.0 * n, (n + m) * (m - 1.0), within_right[split]);
                let energy = between - left - right;
                let is_better = |(index, most): (usize, f64)| {
                    energy > most || (energy >= most && split < index)
                };
                if best.is_none_or(is_better) {
                    best = Some((split, energy));
                }
            }
        }
        best
    }
}

/// A sum times a share; a side of one value has no pairs.
fn weighted(numerator: f64, denominator: f64, sum: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator * sum } else { 0.0 }
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
            let search =
                ChangePointSearch { window: case.window, p_max: case.p_max, magnitude_min: 0.0 };
            let found = find(&case.series, search);
            let indexes: Vec<usize> = found.iter().map(|point| point.index).collect();
            assert_eq!(indexes, case.indexes);
            if let Some(change) = case.change {
                assert!((found[0].change() * 100.0 - change).abs() < 0.05);
            }
        }
    }

    #[derive(serde::Deserialize)]
    struct Answered {
        name: String,
        series: Vec<f64>,
        found: Vec<Answer>,
    }

    #[derive(serde::Deserialize)]
    struct Answer {
        window: usize,
        p_max: f64,
        magnitude_min: f64,
        indexes: Vec<usize>,
        changes: Vec<f64>,
    }

    /// Goal: prove that every point is the reference's, and no other is found.
    /// Method: twelve series of 365 values (levels, drifts, seasons, outliers, ties) under twelve settings each,
    /// answered by Apache Otava 0.8 (`tests/data/change_points_otava.py`).
    #[test]
    fn change_points_match_otava_whatever_the_series_and_the_settings() {
        let text = include_str!("../../../tests/data/change_points_otava.json");
        let all: Vec<Answered> = serde_json::from_str(text).expect("valid");
        assert_eq!(all.iter().map(|of| of.found.len()).sum::<usize>(), 144);
        for (of, answer) in
            all.iter().flat_map(|of| of.found.iter().map(move |answer| (of, answer)))
        {
            let Answer { window, p_max, magnitude_min, .. } = *answer;
            let found = find(&of.series, ChangePointSearch { window, p_max, magnitude_min });
            let indexes: Vec<usize> = found.iter().map(|point| point.index).collect();
            assert_eq!(indexes, answer.indexes, "{}: {window}, {p_max}, {magnitude_min}", of.name);
            for (point, change) in found.iter().zip(&answer.changes) {
                assert!((point.change() - change).abs() < 1e-8, "{}: {point:?}", of.name);
            }
        }
    }

    #[test]
    fn level_and_short_series_have_none() {
        assert!(find(&[5.0; 40], ChangePointSearch::default()).is_empty());
        assert!(find(&[], ChangePointSearch::default()).is_empty());
        assert!(find(&[1.0, 9.0], ChangePointSearch::default()).is_empty());
    }

    #[test]
    fn small_changes_are_merged_away_on_request() {
        let series: Vec<f64> =
            (0..40).map(|i| if i < 20 { 100.0 } else { 102.0 } + f64::from(i % 3) * 0.1).collect();
        assert_eq!(find(&series, ChangePointSearch::default()).len(), 1);
        let search = ChangePointSearch { magnitude_min: 0.05, ..ChangePointSearch::default() };
        assert!(find(&series, search).is_empty());
    }

    /// How the values of a history vary about their level.
    type HistoryNoise = fn(&mut rand_pcg::Pcg64) -> f64;

    /// What runs on shared machines do, each with a deviation of 3 to 8 % of the level.
    const NOISES: [(&str, HistoryNoise); 3] = [
        ("normal", |random| 1.0 + 0.03 * sampled(random)),
        ("skewed", |random| (0.05 * sampled(random)).exp()),
        ("disturbed", |random| {
            // One run in twenty is a quarter slower than its neighbours.
            let is_disturbed = rand_distr::Distribution::sample(
                &rand_distr::Uniform::new(0, 20).expect("a range"),
                random,
            ) == 0;
            (1.0 + 0.03 * sampled(random)) * if is_disturbed { 1.25 } else { 1.0 }
        }),
    ];

    fn sampled(random: &mut rand_pcg::Pcg64) -> f64 {
        rand_distr::Distribution::sample(&rand_distr::StandardNormal, random)
    }

    /// Histories whose level is 100 ms, times what `level` says of each run.
    fn histories(noise: HistoryNoise, level: fn(usize) -> f64) -> Vec<Vec<f64>> {
        let history = |seed| {
            let mut random = rand_pcg::Pcg64::new(seed, 21);
            (0..RUNS).map(|run| 0.1 * level(run) * noise(&mut random)).collect()
        };
        (0..HISTORIES as u128).map(history).collect()
    }

    const HISTORIES: usize = 100;
    const RUNS: usize = 80;
    /// As trends are searched: see `MetricTrend`.
    const OF_TRENDS: ChangePointSearch =
        ChangePointSearch { window: 50, p_max: 0.001, magnitude_min: 0.05 };

    /// Goal: know how often a history without a change is said to have one.
    /// Method: 100 histories of 80 runs of each noise. The reference finds the same, so what is promised is its rate:
    /// at most one false alarm in 1,000 runs of ordinary noise, and 6 in 1,000 where single runs are disturbed.
    #[test]
    fn level_histories_raise_few_false_alarms() {
        for ((name, noise), most) in NOISES.into_iter().zip([8, 8, 48]) {
            let level = histories(noise, |_| 1.0);
            let alarms: usize = level.iter().map(|one| find(one, OF_TRENDS).len()).sum();
            assert!(alarms <= most, "{name}: {alarms} in {} runs", HISTORIES * RUNS);
        }
    }

    /// Goal: prove that changes of known place and size are found there, with an interval that holds the true size.
    /// Method: 100 histories of 80 runs of each noise, changed by 20 %, then back. A change counts as found within 3
    /// runs of its place. The interval takes the place as known, which the search has fitted: 85 of 100 are asked of it.
    #[test]
    fn known_changes_are_found_at_their_place_and_size() {
        const PLACES: [usize; 2] = [30, 55];
        let level = |run| if (PLACES[0]..PLACES[1]).contains(&run) { 1.2 } else { 1.0 };
        for (name, noise) in NOISES {
            let (mut found, mut exact, mut held) = (0, 0, 0);
            for history in histories(noise, level) {
                let points = find(&history, OF_TRENDS);
                for place in PLACES {
                    let near = points.iter().min_by_key(|point| point.index.abs_diff(place));
                    let Some(point) = near.filter(|near| near.index.abs_diff(place) <= 3) else {
                        continue;
                    };
                    let truth = level(place) / level(place - 1);
                    let (low, high) = point.interval.and_then(|it| it.ratio).expect("far from 0");
                    found += 1;
                    exact += usize::from(point.index == place);
                    held += usize::from(low <= truth && truth <= high);
                }
            }
            let all = HISTORIES * PLACES.len();
            assert!(found * 100 >= all * 95, "{name}: {found} of {all} found");
            assert!(exact * 100 >= all * 85, "{name}: {exact} of {all} at their place");
            assert!(held * 100 >= found * 85, "{name}: {held} of {found} intervals hold it");
        }
    }
}
