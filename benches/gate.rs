//! What gates of simulated runs come to: `cargo bench --bench gate [-- GATES [RUNS [CV%]]]`.
//!
//! The same build must pass, and one that is 10 % slower be found; see `benches/results/`.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "gate/simulated.rs"]
mod simulated;

use simulated::{Candidate, Setting, play};

/// Gates a figure where the command line names no other number: a share of 2 % is known to ±0.6 points.
const TRIALS: u64 = 2_000;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let trials = numbers.first().copied().unwrap_or(TRIALS);
    let is_asked = |at: usize, value: f64| {
        numbers.get(at).is_none_or(|asked| (*asked as f64 - value).abs() < 1e-9)
    };
    println!("{trials} gates a figure\n");
    println!(
        "| runs a side | CV | times in the SLO table | same build passes | false alarms | could have shown | \
         +10 % everywhere found | +10 % on one row found |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for runs in [5, 10] {
        for cv in [0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10] {
            for times in
                [1, 3].into_iter().filter(|_| is_asked(1, runs as f64) && is_asked(2, cv * 100.0))
            {
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
