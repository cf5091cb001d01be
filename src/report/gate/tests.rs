//! Goldens of a gate in every format, from summaries made by hand.

use super::super::schemas::OutputSchema;
use super::super::terminal::{self, TerminalStyle};
use super::*;
use plimsoll_fixture::{self as fixture, assert_described};
use plimsoll_metrics::{ArrivalProcess, LoadModel, StageInfo};
use plimsoll_slo::gate::{
    ComparisonRule, GateMetric, GateRules, RunConditions, RunSummary, StepSummary, alike, compare,
};
use plimsoll_slo::{Finding, Judgement, Strictness, ValidityStatus, ValidityTest};
use plimsoll_units::{Nanos, Rate, Ratio, Seed};

/// Compares `text` with `tests/snapshots/report/NAME.snap`.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/snapshots/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn step(name: &str, requests: u64, ms: f64) -> StepSummary {
    let time = |factor: f64| Some(Nanos::from_secs_f64(ms * factor / 1e3));
    StepSummary {
        name: name.into(),
        requests,
        p50: time(0.8),
        p95: time(2.0),
        p99: (requests >= 299).then(|| time(3.0)).flatten(),
        mean: time(1.0),
        error_rate: Some(Ratio::new(0.0)),
        all: None,
    }
}

/// Five runs; `slowness` of step `search` over the baseline, and the share of its requests that fail.
fn runs(slowness: f64, noise: f64, failing: f64) -> Vec<RunSummary> {
    [0.0, 1.0, -1.0, 0.5, -0.5]
        .iter()
        .enumerate()
        .map(|(at, jitter)| {
            let luck = 1.0 + jitter * noise;
            let rate = Rate::per_second(16.0);
            let duration = Nanos::from_secs(60);
            let minute = StageInfo { from: rate, to: rate, duration, judged: true };
            let mut search = step("search", 900, 45.0 * slowness * luck);
            search.error_rate = Some(Ratio::new(failing * luck));
            RunSummary {
                started_utc: format!("2026-05-04T09:3{at}:00Z"),
                validity: ValidityStatus::Valid,
                partial: false,
                failures_apart: true,
                conditions: RunConditions {
                    name: "ais".into(),
                    workload: "load".into(),
                    scenario_hash: "9f2c".into(),
                    model: LoadModel::Open,
                    arrivals: ArrivalProcess::Poisson,
                    stages: vec![minute],
                    shard: (0, 1),
                    seed: Seed::new(at as u64 + 1),
                    target_kind: "http, loopback".into(),
                    facts: vec![],
                },
                slo: vec![],
                slo_other: vec!["uptime".into(), "db.connections".into()],
                steps: vec![
                    step(RunSummary::WHOLE, 1_000, 30.0 * slowness.sqrt() * luck),
                    search,
                    step("login | <b>", 100, 80.0 * luck),
                ],
            }
        })
        .collect()
}

fn report(judgements: Vec<Judgement>, candidate: &[RunSummary]) -> GateReport {
    let comparison =
        compare(&runs(1.0, 0.01, 0.0), candidate, &GateRules::default()).expect("alike");
    GateReport {
        system: "ais".into(),
        workload: "load".into(),
        strictness: Strictness::Normal,
        runs: judgements
            .into_iter()
            .enumerate()
            .map(|(at, judgement)| GatedRun {
                label: format!("reports/ais/2026-05-04T09-3{at}-00Z"),
                started_utc: format!("2026-05-04T09:3{at}:00Z"),
                judgement,
            })
            .collect(),
        compared: BaselineComparison::Made { comparison, waived: vec![] },
    }
}

fn passed() -> GateReport {
    report(vec![fixture::pass(), fixture::pass()], &runs(1.0, 0.012, 0.0))
}

fn regressed() -> GateReport {
    report(vec![fixture::pass(), fixture::at_risk()], &runs(1.123, 0.01, 0.004))
}

fn unclear() -> GateReport {
    report(vec![fixture::pass()], &runs(1.0, 0.6, 0.0))
}

fn failed() -> GateReport {
    let mut report = report(vec![fixture::fail().1, fixture::not_valid().1], &runs(1.3, 0.01, 0.0));
    let unlike = alike(&[], &runs(1.0, 0.01, 0.0));
    report.compared = BaselineComparison::NotMade(unlike);
    report
}

#[test]
fn every_format_of_each_kind_of_gate_is_as_agreed() {
    let cases = [
        ("pass", passed()),
        ("regressed", regressed()),
        ("unclear", unclear()),
        ("fail", failed()),
    ];
    for (name, report) in cases {
        golden(
            &format!("gate_{name}.terminal"),
            &terminal::gate(&report, TerminalStyle::Plain, 110, false),
        );
        golden(&format!("gate_{name}.md"), &markdown(&report));
        golden(&format!("gate_{name}.github"), &github(&report));
        golden(&format!("gate_{name}.junit"), &junit(&report).expect("writes"));
        let written = json(&report);
        golden(&format!("gate_{name}.json"), &written);
        let document = serde_json::from_str(&written).expect("JSON");
        assert_described(OutputSchema::Gate.text(), &document);
    }
}

/// Goal: prove that what changed stands first and that no line is wider than a common terminal.
#[test]
fn comparison_fits_eighty_columns_and_begins_with_what_got_worse() {
    let text = terminal::gate(&regressed(), TerminalStyle::Plain, 80, false);
    golden("gate_regressed.terminal80", &text);
    let everything = terminal::gate(&regressed(), TerminalStyle::Plain, 80, true);
    for width in [40, 60, 80, 100, 120] {
        for line in terminal::gate(&regressed(), TerminalStyle::Plain, width, true).lines() {
            assert!(line.chars().count() <= width, "{line}");
            // An interval's ellipsis stands between blanks, that of a word that was cut does not.
            assert!(line.split(' ').all(|word| word == "…" || !word.ends_with('…')), "{line}");
        }
    }
    golden(
        "gate_regressed.terminal60",
        &terminal::gate(&regressed(), TerminalStyle::Plain, 60, false),
    );
    assert!(text.lines().count() < everything.lines().count());
    assert!(!text.contains("login | <b>  p50") && everything.contains("login | <b>"));
    assert!(!everything.contains("+0.00") && !everything.contains(" 1.0 "), "{everything}");
    let better =
        terminal::gate(&report(vec![], &runs(0.8, 0.01, 0.0)), TerminalStyle::Plain, 80, false);
    assert!(better.contains("GOT BETTER") && !better.contains("GOT WORSE"), "{better}");
}

/// Goal: prove that the answer is not a pointer to other reports where no objective tells why runs failed.
#[test]
fn run_that_failed_by_no_objective_has_its_own_headline_in_the_answer() {
    let mut overloaded = fixture::pass();
    overloaded.verdict = plimsoll_slo::Verdict::Fail;
    overloaded.cause = Some(plimsoll_slo::Cause::EndedEarly { by: None });
    let headline = super::super::wording::headline(&overloaded).expect("a headline");
    let mut report = report(vec![fixture::pass(), overloaded], &runs(1.0, 0.01, 0.0));
    let sentence = words::sentence(&report);
    assert!(sentence.starts_with("1 of 2 runs came out FAIL; "), "{sentence}");
    assert!(sentence.ends_with(&headline), "{sentence}");
    report.runs.iter_mut().for_each(|run| {
        run.judgement = fixture::pass();
        run.judgement.by_default_table = true;
    });
    let sentence = words::sentence(&report);
    assert!(
        sentence.starts_with("The scenario has no `slo:`, and the default one is met in 2 runs")
    );
}

#[test]
fn exit_codes_are_those_of_the_help() {
    assert_eq!(passed().exit_code(), 0);
    assert_eq!(regressed().exit_code(), 98);
    assert_eq!(unclear().exit_code(), 97);
    assert_eq!(failed().exit_code(), 99);
}

#[test]
fn comparison_that_could_not_be_made_is_never_a_pass() {
    let mut report = passed();
    report.compared = BaselineComparison::NotMade(alike(&[], &runs(1.0, 0.01, 0.0)));
    assert_eq!(report.exit_code(), 97);
    assert!(words::sentence(&report).contains("the baseline has no run"), "{report:?}");
}

#[test]
fn markdown_names_step_size_and_certainty_in_its_first_sentence() {
    let text = markdown(&regressed());
    let sentence = text.lines().nth(2).expect("a sentence");
    for part in ["step search", "12.3 %", "95 % interval", "p = 0.0"] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
}

#[test]
fn github_annotations_stay_within_the_limit_of_a_step() {
    let text = github(&regressed());
    assert!(text.lines().count() <= 10, "{text}");
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
    assert!(text.starts_with("::error title=plimsoll%3A REGRESSED ais::"), "{text}");
}

#[test]
fn waived_conditions_are_told() {
    let mut report = passed();
    let mut other = runs(1.0, 0.01, 0.0);
    other[0].conditions.scenario_hash = "else".into();
    let waived = alike(&runs(1.0, 0.01, 0.0), &other);
    let rules = GateRules { likeness: ComparisonRule::Waived, ..GateRules::default() };
    let comparison = compare(&runs(1.0, 0.01, 0.0), &other, &rules).expect("waived");
    report.compared = BaselineComparison::Made { comparison, waived };
    assert!(markdown(&report).contains("scenario hash differs"));
    assert!(
        report.comparison().expect("made").rows.iter().any(|row| row.metric == GateMetric::P95)
    );
}

#[test]
fn suspect_runs_are_told_with_their_number_and_their_reason() {
    let mut judgement = fixture::pass();
    judgement.validity.status = ValidityStatus::Suspect;
    judgement.validity.findings.push(Finding {
        test: ValidityTest::Duration,
        status: ValidityStatus::Suspect,
        message: "only 5 s judged".into(),
    });
    let report = report(vec![judgement.clone(), judgement, fixture::pass()], &runs(1.0, 0.0, 0.0));
    let told = "2 of 3 runs: only 5 s judged";
    assert!(terminal::gate(&report, TerminalStyle::Plain, 100, false).contains(told));
    assert!(markdown(&report).contains(&format!("suspect: {told}")));
    assert!(html(&report, None).expect("a page").contains(&format!("Suspect: {told}")));
}
