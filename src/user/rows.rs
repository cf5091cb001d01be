//! Which row of a data set an iteration gets.

use rand::seq::SliceRandom;

use crate::plan::{Dataset, Pick};
use crate::units::{RandomStream, Seed};

/// Picks rows from the seed, the iteration and the user alone: repeating a run picks the same.
#[derive(Debug)]
pub struct RowPicker {
    seed: Seed,
    sets: Vec<PickState>,
}

#[derive(Debug)]
enum PickState {
    Sequential(u64),
    /// A permutation.
    Shuffle(Vec<u32>),
    Uniform(u64),
    /// Weights summed up, ending at 1.
    Zipf(Vec<f64>),
    Unique(u64),
}

impl RowPicker {
    /// Prepares for data sets, by position.
    pub fn new(data: &[Dataset], seed: Seed) -> Self {
        let sets = data.iter().enumerate().map(|(at, set)| PickState::new(set, at, seed)).collect();
        Self { seed, sets }
    }

    /// The row of data set `dataset` for the `iteration`-th arrival, played by user `user`.
    pub fn pick(&self, dataset: usize, iteration: u64, user: u64) -> u32 {
        // Each data set has its own draw for an iteration.
        let drawn = || self.seed.uniform(RandomStream::Rows, iteration * 64 + dataset as u64);
        let row = match &self.sets[dataset] {
            PickState::Sequential(rows) => iteration % rows,
            PickState::Shuffle(order) => {
                u64::from(order[(iteration % order.len() as u64) as usize])
            }
            PickState::Uniform(rows) => (drawn() * *rows as f64) as u64,
            PickState::Zipf(sums) => {
                let drawn = drawn();
                sums.partition_point(|&sum| sum <= drawn).min(sums.len() - 1) as u64
            }
            PickState::Unique(rows) => user % rows,
        };
        row as u32
    }
}

impl PickState {
    fn new(set: &Dataset, at: usize, seed: Seed) -> Self {
        let rows = set.rows.len().max(1) as u64;
        match set.pick {
            Pick::Sequential => Self::Sequential(rows),
            Pick::Shuffle => {
                let mut order: Vec<u32> = (0..rows as u32).collect();
                order.shuffle(&mut seed.stream(RandomStream::Shuffle, at as u64));
                Self::Shuffle(order)
            }
            Pick::Uniform => Self::Uniform(rows),
            Pick::Zipf(exponent) => Self::Zipf(zipf(rows, exponent)),
            Pick::Unique => Self::Unique(rows),
        }
    }
}

/// Summed weights `1 / k^exponent`, scaled to end at 1.
fn zipf(rows: u64, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums: Vec<f64> = (1..=rows)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    for value in &mut sums {
        *value /= sum;
    }
    sums
}

#[cfg(test)]
mod tests {
    use minijinja::Value;

    use super::*;

    fn rows(pick: Pick, count: usize) -> RowPicker {
        let rows = (0..count).map(|n| vec![Value::from(n)].into()).collect();
        let set = Dataset { name: "d".into(), columns: vec!["n".into()], rows, pick };
        RowPicker::new(&[set], Seed::new(9))
    }

    #[test]
    fn shuffle_visits_every_row_once_a_round() {
        let rows = rows(Pick::Shuffle, 10);
        let mut seen: Vec<_> = (0..10).map(|n| rows.pick(0, n, 0)).collect();
        assert_ne!(seen, (0..10).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn unique_follows_the_user_and_not_the_iteration() {
        let rows = rows(Pick::Unique, 10);
        assert_eq!(rows.pick(0, 3, 4), rows.pick(0, 99, 4));
        assert_ne!(rows.pick(0, 3, 4), rows.pick(0, 3, 5));
    }

    /// Rank 1 of 100 rows under exponent 1 has weight 1 / H(100) = 0.1928.
    #[test]
    fn zipf_draws_the_first_row_as_often_as_its_weight_says() {
        let rows = rows(Pick::Zipf(1.0), 100);
        let hits = (0..50_000).filter(|&n| rows.pick(0, n, 0) == 0).count();
        let share = hits as f64 / 50_000.0;
        assert!((share - 0.1928).abs() < 0.006, "{share}");
    }
}
