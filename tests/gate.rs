//! The gate's answers to real runs: ten of the demo as it is, and five with one tier slowed by 10 %.
//!
//! The files were made by `docs/ci/try-the-gate.sh`, which makes the runs anew and takes five minutes.

use std::path::Path;
use std::process::Command;

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

/// Noise in the rarest steps hides what counts, and that is never a pass.
#[test]
fn unchanged_stack_is_not_passed_where_runs_are_too_short_for_all_metrics() {
    let (code, text) = compared("unchanged.json", &[]);
    assert_eq!(code, Some(97), "{text}");
}

#[test]
fn tier_slowed_by_a_tenth_is_named_with_step_size_and_certainty() {
    let chosen: Vec<&str> = CHOSEN.into_iter().chain(["--format", "markdown"]).collect();
    let (code, text) = compared("slower.json", &chosen);
    assert_eq!(code, Some(98), "{text}");
    let answer = "mean of step pay got worse by 9.5 %: 313 ms → 342 ms (95 % interval +9.3 % … +9.8 %; p = 0.0079";
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
