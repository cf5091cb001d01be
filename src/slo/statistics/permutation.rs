//! Many comparisons of the same two sides at once: a permutation test of the greatest of them.
//!
//! Rows of an SLO table rise and fall together, because they come from the same runs; Holm's correction does not
//! know that, and with five runs a side it can find nothing beyond five rows. Dealing whole runs to the sides
//! anew keeps what the rows have in common, and is exact for any law of the values.

use rand::seq::SliceRandom as _;

use super::laws::MAD_TO_DEVIATION;
use super::median;
use plimsoll_units::{RandomStream, Seed};

/// All ways to deal the runs are tried up to so many (six runs a side have 924); beyond, so many are drawn.
const DEALS_MOST: usize = 2_000;
/// Values further than this many deviations from the median of all are moved there: one disturbed run must not
/// hide a row. (P. Huber 1964; the deviation of two sides that are apart is itself greater.)
const CLIP: f64 = 2.0;
/// The least share of a row's squares that lies within its sides, so that perfectly steady sides can be compared.
const WITHIN_MIN: f64 = 1e-12;

/// One metric of all runs, those of the first side before those of the second.
pub struct PooledRow {
    /// The values, centred and clipped; less what the covariate explains, where there is one.
    values: Vec<f64>,
    /// Σ values².
    squares: f64,
    /// The covariate of each run, centred, with a sum of squares of 1; zeros where there is none.
    covariate: Vec<f64>,
    /// How many covariates there are.
    covariates: usize,
}

impl PooledRow {
    /// A row of the values of both sides.
    pub fn new(first: &[f64], second: &[f64]) -> Self {
        let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
        let values = centred(&clipped(&pooled, CLIP));
        let squares = squares(&values);
        let covariate = vec![0.0; values.len()];
        Self { values, squares, covariate, covariates: 0 }
    }

    /// The same row, tested for what the `covariate` of the runs does not explain: Student's t of the side in a linear
    /// model with both.
    ///
    /// If nothing differs between the sides, whole runs can be dealt anew, their covariate with them: the test is as
    /// exact as without (P. Rosenbaum, "Covariance adjustment in randomized experiments and observational studies",
    /// *Statistical Science* 17, 2002).
    #[must_use]
    pub fn less(&self, covariate: &[f64]) -> Self {
        let known = centred(covariate);
        let length = squares(&known).sqrt();
        if length <= 0.0 {
            return Self::of_values(self.values.clone());
        }
        let known: Vec<f64> = known.iter().map(|value| value / length).collect();
        let slope: f64 = self.values.iter().zip(&known).map(|(value, known)| value * known).sum();
        let values = self.values.iter().zip(&known);
        let row = Self::of_values(values.map(|(value, known)| value - slope * known).collect());
        Self { covariate: known, covariates: 1, ..row }
    }

    fn of_values(values: Vec<f64>) -> Self {
        let (squares, covariate) = (squares(&values), vec![0.0; values.len()]);
        Self { values, squares, covariate, covariates: 0 }
    }

    /// How far each value lies from the mean, in deviations; zeros where all values are equal.
    pub fn standardized(&self) -> Vec<f64> {
        let deviation = (self.squares / self.values.len().max(1) as f64).sqrt();
        let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
        self.values.iter().map(|value| value * scale).collect()
    }

    /// Student's t of the second side against the first, of so many values, from the second side's sums of values and
    /// covariate. Both are centred: the other side's sums are the negatives of these.
    fn student(&self, [sum, known]: [f64; 2], (first, second): (usize, usize)) -> f64 {
        let (m, n) = (first as f64, second as f64);
        // What the sides differ by, squared, that the covariate leaves.
        let sides = m * n / (m + n) - known * known;
        if sides <= WITHIN_MIN {
            return 0.0;
        }
        let within = (self.squares - sum * sum / sides).max(self.squares * WITHIN_MIN);
        let freedom = (m + n - 2.0 - self.covariates as f64).max(1.0);
        let error = (within / freedom * sides).sqrt();
        if error > 0.0 { sum / error } else { 0.0 }
    }

    /// The sums of values and covariate over some runs.
    fn sums(&self, runs: std::ops::Range<usize>) -> [f64; 2] {
        [self.values[runs.clone()].iter().sum(), self.covariate[runs].iter().sum()]
    }
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = super::mean(values);
    values.iter().map(|value| value - mean).collect()
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
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
    let observed = |row: &PooledRow| row.student(row.sums(first..runs), sizes);
    let found: Vec<f64> = rows.iter().map(observed).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| found[b].total_cmp(&found[a]));
    let mut reached = vec![0_usize; rows.len()];
    let deals = deals(runs, runs - first);
    // All values of a run stand together: a deal adds up whole runs.
    let of_run = |run: usize| order.iter().map(move |&row| rows[row].sums(run..run + 1));
    let by_run: Vec<Vec<[f64; 2]>> = (0..runs).map(|run| of_run(run).collect()).collect();
    let mut sums = vec![[0.0; 2]; rows.len()];
    for second in &deals {
        sums.fill([0.0; 2]);
        for &run in second {
            for (sum, [value, known]) in sums.iter_mut().zip(&by_run[run]) {
                sum[0] += value;
                sum[1] += known;
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

    /// Goal: prove that a row is told although its runs differ by much, where what they differ by is known.
    #[test]
    fn what_runs_share_does_not_hide_a_row() {
        let luck = [3.0, -2.0, 5.0, -4.0, 1.0, -5.0, 4.0, 2.0, -3.0, -1.0];
        let noise = [0.1, -0.2, 0.3, 0.0, -0.1, 0.2, -0.3, 0.1, 0.0, -0.1];
        let value = |run: usize| luck[run] + noise[run] + if run < 5 { 0.0 } else { 2.0 };
        let values: Vec<f64> = (0..10).map(value).collect();
        let own = row(&values[..5], &values[5..]);
        assert!(step_down(std::slice::from_ref(&own), 5)[0] > 0.1);
        assert!((step_down(&[own.less(&luck)], 5)[0] - 1.0 / 252.0).abs() < 1e-12);
        // A covariate that says nothing changes nothing.
        let [blind, without] = [own.less(&[7.0; 10]), own.less(&[0.0; 10])];
        let p = |row: &PooledRow| step_down(std::slice::from_ref(row), 5)[0];
        assert!((p(&blind) - p(&own)).abs() < 1e-12 && (p(&without) - p(&own)).abs() < 1e-12);
        assert!(
            (own.standardized().iter().map(|value| value * value).sum::<f64>() - 10.0).abs() < 1e-9
        );
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
