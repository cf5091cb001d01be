//! What gates of simulated runs come to: `cargo bench --bench gate [-- GATES]`.
//!
//! The same build must pass, and one that is 10 % slower be found; see `benches/results/`.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "gate/simulated.rs"]
mod simulated;

use simulated::{Candidate, Setting, play};

/// Gates a figure where the command line names no other number: a share of 2 % is known to ±0.6 points.
const TRIALS: u64 = 2_000;

fn main() {
    let trials = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(TRIALS);
    println!("{trials} gates a figure\n");
    println!(
        "| runs a side | CV | times in the SLO table | same build passes | false alarms | could have shown | \
         +10 % everywhere found | +10 % on one row found |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for runs in [5, 10] {
        for cv in [0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10] {
            for times in [1, 3] {
                line(Setting { runs, cv, times }, trials);
            }
        }
    }
}

fn line(setting: Setting, trials: u64) {
    let same = play(setting, Candidate::Same, trials);
    let slower = play(setting, Candidate::Slower, trials);
    let one = play(setting, Candidate::OneRowSlower, trials);
    println!(
        "| {} | {:.0} % | {} | {:.1} % | {:.1} % | ≥ {:.1} % | {:.1} % | {:.1} % |",
        setting.runs,
        setting.cv * 100.0,
        setting.times,
        same.passed * 100.0,
        same.regressed * 100.0,
        same.shown * 100.0,
        slower.regressed * 100.0,
        one.regressed * 100.0
    );
}
