//! The gate's answers to real runs: ten of the demo as it is, and five with one tier slowed by 10 %.
//!
//! The files were made by `docs/ci/try-the-gate.sh`, which makes the runs anew and takes five minutes.

#[path = "../../benches/gate/simulated.rs"]
mod simulated;

use std::path::Path;
use std::process::Command;

use simulated::{Candidate, Setting, play};

/// Exit code and output of a comparison with the baseline.
fn compared(candidate: &str, options: &[&str]) -> (Option<i32>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gate");
    let told = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("compare")
        .args([folder.join("baseline.json"), folder.join(candidate)])
        .args(options)
        .output()
        .expect("it runs");
    (told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned())
}

/// The steps and metrics that the demo is gated by.
const CHOSEN: [&str; 8] =
    ["--step", "login", "--step", "pay", "--metric", "p50", "--metric", "mean"];

#[test]
fn unchanged_stack_passes_by_what_it_is_gated_by() {
    let (code, text) = compared("unchanged.json", &CHOSEN);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn unchanged_stack_passes_by_default_and_the_answer_says_what_would_have_been_shown() {
    let (code, text) = compared("unchanged.json", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("p95 of all requests could have shown ≥"), "{text}");
}

/// An effect that the user names must be ruled out; these runs are too short for that, and that is never a pass.
#[test]
fn effect_that_was_named_and_cannot_be_ruled_out_is_not_passed() {
    let (code, text) = compared("unchanged.json", &["--effect", "1%"]);
    assert_eq!(code, Some(97), "{text}");
    assert_eq!(text.matches("--repeat").count() + text.matches("--duration").count(), 1, "{text}");
}

#[test]
fn tier_slowed_by_a_tenth_is_named_with_step_size_and_certainty() {
    let chosen: Vec<&str> = CHOSEN.into_iter().chain(["--format", "markdown"]).collect();
    let (code, text) = compared("slower.json", &chosen);
    assert_eq!(code, Some(98), "{text}");
    let answer = "mean of step pay got worse by 9.5 %: 313 ms → 342 ms (95 % interval +9.3 % … +9.8 %; p = 0.0040";
    assert!(text.contains(answer), "{text}");
    assert!(!text.contains("step login got worse"), "{text}");
    // The same without choosing: a regression is told whatever else is not known.
    assert_eq!(compared("slower.json", &[]).0, Some(98));
}

#[test]
fn runs_on_another_stack_are_refused_and_the_tier_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gate/unchanged.json");
    let text = std::fs::read_to_string(here).expect("a baseline");
    let other = folder.path().join("other.json");
    std::fs::write(&other, text.replace("3 × 2 cores", "4 × 2 cores")).expect("written");
    let told = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("compare")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gate/baseline.json"))
        .arg(&other)
        .output()
        .expect("it runs");
    let talk = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{talk}");
    assert!(talk.contains("tier api differs: `3 × 2 cores, 2 GiB` in the baseline"), "{talk}");
}

/// Goal: prove that a gate passes the same build, whatever its spread, and raises no alarm.
/// Method: 300 gates each of five runs a side, three times and the error rate in the SLO table and 24 other
/// metrics of twice the spread beside them. (`cargo bench --bench gate` plays more, and prints the table.)
#[test]
fn same_build_passes_whatever_its_spread() {
    for cv in [0.01, 0.03, 0.05, 0.1] {
        let found = play(Setting { runs: 5, cv, times: 3 }, Candidate::Same, 300);
        assert!(found.passed >= 0.95 && found.regressed <= 0.02, "CV {cv}: {found:?}");
        // What could have been shown follows from the spread.
        assert!((3.0..7.0).contains(&(found.shown / cv.max(0.02))), "CV {cv}: {found:?}");
    }
}

/// Goal: prove that 10 % more on a row of the SLO table is found, by five runs a side at a CV of 3 % and by ten at
/// 5 %, whether the table has other rows or not.
#[test]
fn tenth_more_is_found_within_ten_runs() {
    for (runs, cv, gates) in [(5, 0.03, 300), (10, 0.05, 150)] {
        let alone = play(Setting { runs, cv, times: 1 }, Candidate::OneRowSlower, gates);
        assert!(alone.regressed >= 0.95, "{runs} runs: {alone:?}");
        let all = play(Setting { runs, cv, times: 3 }, Candidate::Slower, gates);
        assert!(all.regressed >= 0.95, "{runs} runs: {all:?}");
        let one_of_three = play(Setting { runs, cv, times: 3 }, Candidate::OneRowSlower, gates);
        assert!(one_of_three.regressed >= 0.95, "{runs} runs: {one_of_three:?}");
    }
}
