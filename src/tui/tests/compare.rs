//! Two sides of the history, chosen by keys and compared.

use super::*;

#[test]
fn history_compares_two_chosen_runs() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('H'));
    press(&mut model, KeyCode::Char(' '));
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char(' '));
    snapshots("history", &model);
}

/// A run in which all failed has no times, and none of them is zero.
#[test]
fn times_that_nobody_knows_are_no_zeros() {
    let mut all = runs();
    (all[1].p50_ms, all[1].p95_ms, all[1].p99_ms) = (None, None, None);
    let mut model = launcher();
    update(&mut model, Message::History(all));
    press(&mut model, KeyCode::Char('H'));
    let text = |model: &Model| drawn(model, (120, 24)).backend().to_string();
    let shown = text(&model);
    assert_eq!(shown.matches("n/a").count(), 3, "{shown}");
    assert!(!shown.contains("0 ns"), "{shown}");
    press(&mut model, KeyCode::Char(' '));
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char(' '));
    let compared = text(&model);
    assert!(compared.contains("was        n/a") && !compared.contains("-100"), "{compared}");
}

/// Three runs a side, `after` slower by a factor.
pub(super) fn diff(runs: usize, factor: f64) -> Diff {
    let measured = RunSummary::of(&log());
    let summary = |index: usize, factor: f64| {
        let mut summary = measured.clone();
        for step in &mut summary.steps {
            let noise = 1.0 + 0.01 * index as f64;
            for time in [&mut step.p50, &mut step.p95, &mut step.p99, &mut step.mean] {
                *time = time.map(|t| Nanos::from_secs_f64(t.as_secs_f64() * factor * noise));
            }
        }
        summary
    };
    let before: Vec<RunSummary> = (0..runs).map(|index| summary(index, 1.0)).collect();
    let after: Vec<RunSummary> = (0..runs).map(|index| summary(index, factor)).collect();
    let rules = GateRules { likeness: ComparisonRule::Waived, ..GateRules::default() };
    let past = |verdict, p95| -> Vec<PastRun> {
        (1..=runs).map(|day| run(day as u32, verdict, p95)).collect()
    };
    Diff {
        before: past(Verdict::Pass, 161.0),
        after: past(Verdict::Fail, 161.0 * factor),
        comparison: compare(&before, &after, &rules).expect("waived"),
        unlike: vec!["tags differ: `api=2` in the baseline, `api=3` in the candidate".into()],
    }
}

pub(super) fn compared(diff: Diff) -> Model {
    let mut model = launcher();
    update(&mut model, Message::Compared(Box::new(diff)));
    model
}

#[test]
fn two_runs_are_compared_step_by_step_without_a_verdict() {
    snapshots("diff", &compared(diff(1, 1.3)));
}

#[test]
fn five_runs_a_side_tell_a_regression_for_certain() {
    snapshots("diff_certain", &compared(diff(5, 1.3)));
}

#[test]
fn sides_are_chosen_and_the_older_of_two_runs_is_what_was() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('H'));
    assert_eq!(press(&mut model, KeyCode::Char('c')), Command::Nothing);
    assert!(model.notice.contains("choose two runs"), "{}", model.notice);
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char(' '));
    press(&mut model, KeyCode::Up);
    press(&mut model, KeyCode::Char(' '));
    let folder = |day: u32| run(day, Verdict::Pass, 1.0).folder;
    let asked = press(&mut model, KeyCode::Char('c'));
    let sides = ComparedRuns { before: vec![folder(2)], after: vec![folder(3)] };
    assert_eq!(asked, Command::Compare(sides));
    press(&mut model, KeyCode::End);
    for _ in 0..2 {
        press(&mut model, KeyCode::Down);
    }
    press(&mut model, KeyCode::Char('a'));
    let asked = press(&mut model, KeyCode::Char('c'));
    let sides = ComparedRuns { before: vec![folder(2), folder(1)], after: vec![folder(3)] };
    assert_eq!(asked, Command::Compare(sides));
}

#[test]
fn run_that_is_over_is_compared_with_the_one_before() {
    let mut model = finished();
    let Command::Compare(sides) = press(&mut model, KeyCode::Char('c')) else {
        panic!("it is compared");
    };
    assert_eq!(sides.before, [run(3, Verdict::Pass, 1.0).folder]);
    assert_eq!(sides.after, [std::path::PathBuf::from("reports/ais/2026-05-04T09-30-00Z")]);
}
