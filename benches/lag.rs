//! Verdicts of a generator that is held up, in virtual time: `cargo bench --bench lag [-- RUNS]`.
//!
//! No verdict may be wrong because the generator was late; see `benches/results/`.
#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

#[path = "lag/simulated.rs"]
mod simulated;

use simulated::{CellCounts, LIMITS, LOADS, Outcomes, STACKS, STOLEN, Truth};

/// Runs a cell where the command line names no other number: 1,080 rows a share of stolen time, and 1,080 a maximum.
const RUNS: u64 = 40;
/// Requests that a truth without a formula is simulated from.
const REQUESTS: usize = 4_000_000;

/// The head of the table.
const HEAD: &str = "| stack, load, stolen, max | rows | wrong pass | wrong fail | no answer | interval \
    covers | old: wrong pass | wrong fail | no answer |\n| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | \
    ---: |";

fn main() {
    let runs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(RUNS);
    println!("{runs} runs of {} s a cell\n", simulated::SECONDS);
    println!("{HEAD}");
    let mut by_stolen = [CellCounts::default(); STOLEN.len()];
    for (stack, load) in STACKS.iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
        let truth = Truth::of(stack, load, REQUESTS);
        for (index, stolen) in STOLEN.into_iter().enumerate() {
            let mut by_limit = [CellCounts::default(); LIMITS.len()];
            for seed in 1..=runs {
                let outcomes = Outcomes::play(stack, &truth, stolen, seed);
                for (at, row) in outcomes.rows.iter().enumerate() {
                    by_limit[at].add(LIMITS[at], (row, outcomes.covers));
                    by_stolen[index].add(LIMITS[at], (row, outcomes.covers));
                }
            }
            for (counts, limit) in by_limit.iter().zip(LIMITS) {
                let what = format!("{}, {load}, {:.0} %, {limit}", stack.name, stolen * 100.0);
                println!("{}", counts.line(&what));
            }
        }
    }
    for (counts, stolen) in by_stolen.iter().zip(STOLEN) {
        println!("{}", counts.line(&format!("all, {:.0} %", stolen * 100.0)));
    }
}
