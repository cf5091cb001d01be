//! Which row of a data set an iteration gets.

use rand::seq::SliceRandom;

use plimsoll_plan::{
    ArrivalLaw, ConnectionUse, Dataset, DealtRows, Load, OpenLoad, Pick, Plan, Shard,
};
use plimsoll_units::{RandomStream, Seed};

/// Picks rows. What is drawn follows from the seed and the iteration; what is dealt, from how many were dealt before.
#[derive(Debug)]
pub struct RowPicker {
    seed: Seed,
    shard: Shard,
    sets: Vec<(PickState, RowTurn)>,
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
    Once(u64),
}

/// Whose turn it is when rows are dealt in order.
#[derive(Debug)]
enum RowTurn {
    /// Whoever asks next, of all workers.
    Next(DealtRows),
    /// The iteration's: both sides of a pair have the same one.
    Iteration,
    /// The user's.
    User,
}

impl RowPicker {
    /// Prepares for the data sets of a plan, by position.
    pub fn new(plan: &Plan) -> Self {
        let sets = plan.data.iter().enumerate().map(|(at, set)| {
            let each_visitor = plan.http.connections == ConnectionUse::PerIteration
                && matches!(plan.load, Load::Open(_));
            let turn = match set.pick {
                Pick::Sequential | Pick::Once(_) if is_recording(&plan.load, at) => {
                    RowTurn::Iteration
                }
                // Every arrival is another user there.
                Pick::Unique if !each_visitor => RowTurn::User,
                _ if plan.plays() > 1 => RowTurn::Iteration,
                _ => RowTurn::Next(set.dealt.clone()),
            };
            (PickState::new(set, at, plan.seed), turn)
        });
        Self { seed: plan.seed, shard: plan.shard, sets: sets.collect() }
    }

    /// The row of data set `dataset` for the `iteration`-th arrival, played by user `user`, which asks for the first
    /// time; none where each is given once and all have been.
    pub fn pick(&self, dataset: usize, iteration: u64, user: u64) -> Option<u32> {
        // Each data set has its own draw for an iteration.
        let drawn = || self.seed.uniform(RandomStream::Rows, iteration * 64 + dataset as u64);
        let (state, turn) = &self.sets[dataset];
        let turn = || match turn {
            RowTurn::Next(dealt) => self.shard.nth(dealt.next()),
            RowTurn::Iteration => iteration,
            RowTurn::User => user,
        };
        let row = match state {
            PickState::Sequential(rows) | PickState::Unique(rows) => turn() % rows,
            PickState::Once(rows) => Some(turn()).filter(|row| row < rows)?,
            PickState::Shuffle(order) => u64::from(order[(turn() % order.len() as u64) as usize]),
            PickState::Uniform(rows) => (drawn() * *rows as f64) as u64,
            PickState::Zipf(sums) => {
                let drawn = drawn();
                sums.partition_point(|&sum| sum <= drawn).min(sums.len() - 1) as u64
            }
        };
        Some(row as u32)
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
            Pick::Once(_) => Self::Once(rows),
        }
    }
}

/// Whether the arrivals of a load stand in this data set.
fn is_recording(load: &Load, dataset: usize) -> bool {
    matches!(load, Load::Open(OpenLoad { arrivals: ArrivalLaw::Recorded(recording), .. })
        if usize::from(recording.dataset) == dataset)
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
    use std::path::Path;

    use super::*;
    use plimsoll_plan::{Overrides, compile};
    use plimsoll_scenario::load;

    /// A plan over `rows` rows.
    fn plan(pick: &str, rows: usize, more: &str) -> Plan {
        let text = format!(
            "name: x\ntarget: http://127.0.0.1:81\ndata: {{ d: {{ file: d.csv, pick: {pick} }} }}\n\
             workloads: {{ a: {{ max_vus: 5, stages: [{{ rate: 1 iter/s, duration: 5s }}] }} }}\n{more}\n\
             scenarios: {{ s: {{ flow: [{{ get: {{ name: a, url: /, query: {{ n: '{{{{ d.n }}}}' }} }} }}] }} }}\n"
        );
        let csv = (0..rows).fold("n\n".to_owned(), |csv, n| format!("{csv}{n}\n"));
        let read = |path: &Path| {
            let is_data = path.extension().is_some_and(|end| end == "csv");
            Ok(if is_data { csv.clone() } else { text.clone() }.into_bytes())
        };
        let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
        compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)).expect("valid")
    }

    fn rows(pick: &str, count: usize) -> RowPicker {
        RowPicker::new(&plan(pick, count, ""))
    }

    /// Goal: prove that rows go to those who ask for them, whoever else arrives in between.
    #[test]
    fn each_row_is_dealt_once_in_order_to_those_who_ask() {
        let plan = plan("sequential", 5, "");
        // Two workers of one run; every third arrival asks.
        let workers = [RowPicker::new(&plan), RowPicker::new(&plan)];
        let dealt: Vec<u32> =
            (0..7).map(|n| workers[n % 2].pick(0, 3 * n as u64, 0).expect("a row")).collect();
        assert_eq!(dealt, [0, 1, 2, 3, 4, 0, 1]);
    }

    #[test]
    fn shards_deal_different_rows() {
        let of = |index| Plan { shard: Shard { index, count: 3 }, ..plan("sequential", 9, "") };
        let dealt: Vec<Vec<u32>> = (0..3)
            .map(|index| {
                let rows = RowPicker::new(&of(index));
                (0..3).map(|n| rows.pick(0, n, 0).expect("a row")).collect()
            })
            .collect();
        assert_eq!(dealt, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);
    }

    #[test]
    fn shuffle_visits_every_row_once_a_round() {
        let rows = rows("shuffle", 10);
        let mut seen: Vec<_> = (0..10).map(|n| rows.pick(0, n, 0).expect("a row")).collect();
        assert_ne!(seen, (0..10).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn unique_follows_the_user_and_not_the_iteration() {
        let rows = rows("unique", 10);
        assert_eq!(rows.pick(0, 3, 4).expect("a row"), rows.pick(0, 99, 4).expect("a row"));
        assert_ne!(rows.pick(0, 3, 4).expect("a row"), rows.pick(0, 3, 5).expect("a row"));
    }

    #[test]
    fn unique_row_is_dealt_to_each_visitor_where_every_arrival_is_one() {
        let rows = RowPicker::new(&plan("unique", 10, "http: { connections: per_iteration }"));
        let dealt: Vec<u32> = (0..4).map(|n| rows.pick(0, n, 0).expect("a row")).collect();
        assert_eq!(dealt, [0, 1, 2, 3]);
    }

    /// Goal: prove that a row that is given once is nobody else's, whichever worker or shard asks.
    #[test]
    fn row_is_given_once_over_all_workers_and_shards() {
        let plan = plan("once", 7, "");
        let mut given: Vec<u32> = vec![];
        for index in 0..2 {
            // Clones of a plan share what was dealt; each shard has a process of its own.
            let set = Dataset { dealt: DealtRows::default(), ..plan.data[0].clone() };
            let shard = Shard { index, count: 2 };
            let part = Plan { shard, data: vec![set].into(), ..plan.clone() };
            let workers = [RowPicker::new(&part), RowPicker::new(&part)];
            let asked = (0..20_u64).map(|n| workers[n as usize % 2].pick(0, 5 * n, n));
            given.extend(asked.flatten());
        }
        given.sort_unstable();
        assert_eq!(given, [0, 1, 2, 3, 4, 5, 6]);
    }

    /// Rank 1 of 100 rows under exponent 1 has weight 1 / H(100) = 0.1928.
    #[test]
    fn zipf_draws_the_first_row_as_often_as_its_weight_says() {
        let rows = rows("{ zipf: 1 }", 100);
        let hits = (0..50_000).filter(|&n| rows.pick(0, n, 0) == Some(0)).count();
        let share = hits as f64 / 50_000.0;
        assert!((share - 0.1928).abs() < 0.006, "{share}");
    }
}
