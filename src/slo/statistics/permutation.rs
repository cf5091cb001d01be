//! Many comparisons of the same two sides at once: a permutation test of the greatest of them.
//!
//! Rows of an SLO table rise and fall together, because they come from the same runs; Holm's correction does not
//! know that, and with five runs a side it can find nothing beyond five rows. Dealing whole runs to the sides
//! anew keeps what the rows have in common, and is exact for any law of the values.

use rand::seq::SliceRandom as _;

use super::laws::MAD_TO_DEVIATION;
use super::median;
use crate::units::{RandomStream, Seed};

/// All ways to deal the runs are tried up to so many (six runs a side have 924); beyond, so many are drawn.
const DEALS_MOST: usize = 2_000;
/// Values further than this many deviations from the median of all are moved there: one disturbed run must not
/// hide a row. (P. Huber 1964; the deviation of two sides that are apart is itself greater.)
const CLIP: f64 = 2.0;
/// The least share of a row's squares that lies within its sides, so that perfectly steady sides can be compared.
const WITHIN_MIN: f64 = 1e-12;

/// One metric of all runs, those of the first side before those of the second.
pub struct PooledRow {
    /// The values, centred and clipped.
    values: Vec<f64>,
    /// Σ values².
    squares: f64,
}

impl PooledRow {
    /// A row of the values of both sides.
    pub fn new(first: &[f64], second: &[f64]) -> Self {
        let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
        let clipped = clipped(&pooled, CLIP);
        let mean = super::mean(&clipped);
        let values: Vec<f64> = clipped.iter().map(|value| value - mean).collect();
        let squares = values.iter().map(|value| value * value).sum();
        Self { values, squares }
    }

    /// Student's t of the second side against the first, of so many values, from the second side's sum.
    fn student(&self, sum: f64, (first, second): (usize, usize)) -> f64 {
        // Values are centred: the other side's sum is the negative of this one's.
        let (m, n) = (first as f64, second as f64);
        let within =
            (self.squares - sum * sum * (1.0 / m + 1.0 / n)).max(self.squares * WITHIN_MIN);
        let error = (within / (m + n - 2.0).max(1.0) * (1.0 / m + 1.0 / n)).sqrt();
        if error > 0.0 { sum * (1.0 / m + 1.0 / n) / error } else { 0.0 }
    }
}

/// Values no further than so many robust deviations from their median; as they are where most of them are equal.
pub(in super::super) fn clipped(values: &[f64], deviations: f64) -> Vec<f64> {
    let centre = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    let reach = deviations * MAD_TO_DEVIATION * median(&distances);
    if reach > 0.0 {
        values.iter().map(|value| value.clamp(centre - reach, centre + reach)).collect()
    } else {
        values.to_vec()
    }
}

/// One-sided p of each row that its second side is greater, adjusted for all rows: the family-wise error is held
/// however the rows depend on each other.
///
/// P. Westfall and S. Young, *Resampling-Based Multiple Testing*, 1993, algorithm 4.1 (step-down max T). `first` is
/// how many runs the first side has. All deals are counted out where they are at most 2,000; of more as many
/// are drawn, always the same ones, and the p is exact all the same (B. Phipson and G. Smyth 2010).
pub fn step_down(rows: &[PooledRow], first: usize) -> Vec<f64> {
    let runs = rows.first().map_or(0, |row| row.values.len());
    if first == 0 || runs <= first {
        return vec![1.0; rows.len()];
    }
    let sizes = (first, runs - first);
    let observed = |row: &PooledRow| row.student(row.values[first..].iter().sum(), sizes);
    let found: Vec<f64> = rows.iter().map(observed).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| found[b].total_cmp(&found[a]));
    let mut reached = vec![0_usize; rows.len()];
    let deals = deals(runs, runs - first);
    // All values of a run stand together: a deal adds up whole runs.
    let by_run: Vec<Vec<f64>> =
        (0..runs).map(|run| order.iter().map(|&row| rows[row].values[run]).collect()).collect();
    let mut sums = vec![0.0; rows.len()];
    for second in &deals {
        sums.fill(0.0);
        for &run in second {
            for (sum, value) in sums.iter_mut().zip(&by_run[run]) {
                *sum += value;
            }
        }
        let mut greatest = f64::NEG_INFINITY;
        for (rank, &row) in order.iter().enumerate().rev() {
            greatest = greatest.max(rows[row].student(sums[rank], sizes));
            // The observed deal counts itself, whatever rounding does.
            let slack = 1e-9 * found[row].abs();
            reached[rank] += usize::from(greatest >= found[row] - slack);
        }
    }
    let mut adjusted = vec![1.0; rows.len()];
    let mut largest: f64 = 0.0;
    for (rank, &row) in order.iter().enumerate() {
        largest = largest.max(reached[rank] as f64 / deals.len() as f64);
        adjusted[row] = largest;
    }
    adjusted
}

/// The least p that [`step_down`] can give.
pub fn least_p(first: usize, second: usize) -> f64 {
    1.0 / ways(first + second, second).clamp(1.0, DEALS_MOST as f64)
}

/// In how many ways `size` of `runs` can be chosen.
fn ways(runs: usize, size: usize) -> f64 {
    (0..size).map(|at| (runs - at) as f64 / (at + 1) as f64).product::<f64>().round()
}

/// Which runs are dealt to the second side: every way, or as many as are tried, the observed one among them.
fn deals(runs: usize, size: usize) -> Vec<Vec<usize>> {
    if ways(runs, size) <= DEALS_MOST as f64 {
        return every_way(runs, size);
    }
    // A fixed seed: the same runs always get the same answer.
    let mut rng = Seed::new(0).stream(RandomStream::Bootstrap, runs as u64);
    let mut all: Vec<usize> = (0..runs).collect();
    let mut dealt = vec![(runs - size..runs).collect()];
    dealt.extend((1..DEALS_MOST).map(|_| {
        let (chosen, _) = all.partial_shuffle(&mut rng, size);
        chosen.to_vec()
    }));
    dealt
}

/// All subsets of `size`, in lexicographic order.
fn every_way(runs: usize, size: usize) -> Vec<Vec<usize>> {
    let mut chosen: Vec<usize> = (0..size).collect();
    let mut all = vec![chosen.clone()];
    // The last one that can still move, moves; those after it follow closely.
    while let Some(at) = (0..size).rev().find(|&at| chosen[at] < runs - size + at) {
        chosen[at] += 1;
        for next in at + 1..size {
            chosen[next] = chosen[next - 1] + 1;
        }
        all.push(chosen.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: &[f64], second: &[f64]) -> PooledRow {
        PooledRow::new(first, second)
    }

    #[test]
    fn one_row_apart_gets_the_share_of_deals_that_part_it_as_well() {
        let p = step_down(&[row(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0])], 3);
        // One of the 20 ways to deal three of six.
        assert!((p[0] - 0.05).abs() < 1e-12, "{p:?}");
        assert!((least_p(3, 3) - 0.05).abs() < 1e-12);
        assert!((least_p(10, 10) - 1.0 / 2_000.0).abs() < 1e-12);
    }

    /// The six ways to deal two of four, by hand: t of the first row is 14 as observed, and no deal of either row
    /// comes near; of the second alone, the observed deal and {1, 3} come as high.
    #[test]
    fn rows_share_the_deals_and_the_smaller_one_is_stepped_down() {
        let rows = [row(&[0.0, 1.0], &[10.0, 11.0]), row(&[0.0, 3.0], &[2.0, 5.0])];
        let p = step_down(&rows, 2);
        assert!((p[0] - 1.0 / 6.0).abs() < 1e-12, "{p:?}");
        assert!((p[1] - 2.0 / 6.0).abs() < 1e-12, "{p:?}");
    }

    #[test]
    fn rows_that_move_together_cost_nothing() {
        let (first, second) = ([1.0, 2.0, 3.0, 1.5, 2.5], [2.2, 3.3, 4.1, 2.9, 3.7]);
        let alone = step_down(&[row(&first, &second)], 5);
        let six: Vec<PooledRow> = (0..6).map(|_| row(&first, &second)).collect();
        assert!(step_down(&six, 5).iter().all(|p| (p - alone[0]).abs() < 1e-12));
    }

    #[test]
    fn one_disturbed_run_does_not_hide_a_row() {
        let quiet = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.7, 99.3, 100.1];
        let mut disturbed = quiet;
        disturbed[3] = 400.0;
        let p = step_down(&[row(&disturbed, &quiet.map(|value| value + 12.0))], 10);
        assert!(p[0] < 0.02, "{p:?}");
    }

    #[test]
    fn degenerate_sides_are_never_certain() {
        assert_eq!(step_down(&[row(&[1.0], &[])], 1), [1.0]);
        assert_eq!(step_down(&[row(&[2.0; 5], &[2.0; 5])], 5), [1.0]);
        assert!(step_down(&[], 5).is_empty());
    }

    #[test]
    fn steady_sides_apart_are_told() {
        let p = step_down(&[row(&[0.0; 5], &[0.01; 5])], 5);
        assert!((p[0] - 1.0 / 252.0).abs() < 1e-12, "{p:?}");
    }
}
