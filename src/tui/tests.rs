//! Every page as text, at the sizes that people have, and what keys come to.
//!
//! Where pages change on purpose, `INSTA_UPDATE=always cargo test --lib tui::` writes the snapshots anew.

mod capacity;
mod compare;
mod input;
mod pages;
mod pointer;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::Color;

use super::page::{Page, Panel};
use super::{
    Command, ComparedRuns, Diff, FinishedRun, LaunchChoice, LaunchOrigin, Message, Model, PastRun,
    SearchStep, SearchView, StartedRun, StepOutcome, StepUnderWay, Theme, ThemeColours,
    WorkloadInfo, update, view,
};
use plimsoll_capacity::Histogram;
use plimsoll_capacity::regression::Estimate;
use plimsoll_capacity::search::{
    CapacitySearch, FailureAbove, HeldRate, SearchAction, SearchEnd, SearchLimit, SearchOutcome,
    SearchPlan,
};
use plimsoll_capacity::slo_limits::SloLimit;
use plimsoll_capacity::step::{AbortReason, Batch, StepPurpose, StepResult};
use plimsoll_fixture as fixture;
use plimsoll_load::engine::SteeringCommand;
use plimsoll_metrics::{
    Bound, Event, EventKind, LoadModel, Measure, Objective, RunLog, Scope, StageInfo,
};
use plimsoll_report::Report;
use plimsoll_scenario::stack::SignalSpec;
use plimsoll_slo::gate::{ComparisonRule, GateRules, RunSummary, compare};
use plimsoll_slo::{Strictness, Verdict, judge};
use plimsoll_units::{Nanos, Quantity, Rate, Ratio, RunTime};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 12)];

fn at_most(name: &str, measure: Measure, target: Quantity, limit: Quantity) -> Objective {
    Objective {
        name: name.into(),
        scope: Scope::Run,
        measure,
        bound: Bound::AtMost,
        target: Some(target),
        limit: Some(limit),
        of: plimsoll_metrics::Answers::default(),
    }
}

/// Half a minute with errors, and an SLO table that can be judged on it.
fn log() -> RunLog {
    let (mut log, _) = fixture::fail();
    let time = |ms| Quantity::Time(Nanos::from_millis(ms));
    let share = |value| Quantity::Share(Ratio::new(value));
    log.header.objectives = vec![
        at_most("p95", Measure::ResponseTime(0.95), time(200), time(500)),
        at_most("p99", Measure::ResponseTime(0.99), time(300), time(1_000)),
        at_most("error_rate", Measure::ErrorRate, share(0.001), share(0.01)),
        at_most(
            "db.connections",
            Measure::Observed("db".into(), "connections".into()),
            Quantity::Count(30.0),
            Quantity::Count(35.0),
        ),
    ];
    log
}

fn fresh() -> Model {
    Model::new(Theme::new(ThemeColours::Sixteen, false), true)
}

fn signals() -> Vec<SignalSpec> {
    let signal = |tier: &str, metric: &str, threshold, sustained, text: &str| SignalSpec {
        tier: tier.into(),
        metric: metric.into(),
        above: true,
        threshold,
        sustained: Nanos::from_secs(sustained),
        text: text.into(),
    };
    vec![
        signal("api", "cpu", Quantity::Share(Ratio::new(0.4)), 120, "api.cpu > 40% for 2m"),
        signal("db", "connections", Quantity::Count(30.0), 10, "db.connections > 30 for 10s"),
        signal("", "throughput", Quantity::Count(1_000.0), 60, "throughput > 1000 req/s for 1m"),
    ]
}

/// A model in the middle of a run.
fn running() -> Model {
    let log = log();
    let mut model = fresh();
    let begun = StartedRun {
        header: log.header.clone(),
        folder: "reports/ais/x".into(),
        signals: signals(),
    };
    update(&mut model, Message::Begun(Box::new(begun)));
    for event in &log.events {
        update(&mut model, Message::Event(event.clone()));
    }
    let steered = EventKind::Steered("rate +10 % to 115.5 req/s".into());
    let at = RunTime::ZERO + Nanos::from_secs(20);
    update(&mut model, Message::Event(Event { at, kind: steered }));
    for interval in log.intervals.iter().take(25) {
        update(&mut model, Message::Interval(Box::new(interval.clone())));
    }
    model
}

fn finished() -> Model {
    let log = log();
    let mut model = running();
    update(&mut model, Message::History(runs()));
    let report = Report::new(&log, &judge(&log, Strictness::Normal));
    let folder = "reports/ais/2026-05-04T09-30-00Z".to_owned();
    let finished = FinishedRun { report, folder, capacity: String::new(), opened: false };
    update(&mut model, Message::Finished(Box::new(finished)));
    model
}

fn run(day: u32, verdict: Verdict, p95_ms: f64) -> PastRun {
    PastRun {
        name: "ais".into(),
        workload: "load".into(),
        started_utc: format!("2026-05-{day:02}T09:00:00Z"),
        verdict,
        rate: 100.0 + f64::from(day),
        target: fixture::log().header.target,
        p50_ms: Some(p95_ms / 3.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.7),
        error_rate: 0.0,
        is_own: true,
        folder: format!("reports/ais/2026-05-{day:02}T09-00-00Z").into(),
    }
}

fn runs() -> Vec<PastRun> {
    vec![run(3, Verdict::Pass, 161.0), run(2, Verdict::AtRisk, 231.0), run(1, Verdict::Fail, 612.0)]
}

fn place(label: &str, problems: &str) -> LaunchChoice {
    LaunchChoice {
        origin: LaunchOrigin::Folder(label.into()),
        label: label.into(),
        name: "ais".into(),
        target: "http://127.0.0.1:8080".into(),
        about: "3 scenarios, 8 steps, 7 objectives".into(),
        workloads: vec![
            WorkloadInfo { name: "smoke".into(), stages: vec!["20 req/s for 20s".into()] },
            WorkloadInfo {
                name: "load".into(),
                stages: vec!["0 → 300 req/s over 1m".into(), "300 req/s for 5m".into()],
            },
        ],
        problems: problems.into(),
        file: Some(format!("{label}/scenario.yaml").into()),
    }
}

fn launcher() -> Model {
    let mut model = fresh();
    let broken = "error: unknown field `durations` in a stage\n  --> shop/scenario.yaml:14:9\n";
    let places = vec![place("scenarios/ais", ""), place("shop", broken)];
    update(&mut model, Message::Places(places));
    update(&mut model, Message::History(runs()));
    model
}

fn press(model: &mut Model, code: KeyCode) -> Command {
    update(model, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn write(model: &mut Model, text: &str) {
    for character in text.chars() {
        press(model, KeyCode::Char(character));
    }
}

fn drawn(model: &Model, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| view(model, frame)).expect("drawn");
    terminal
}

fn snapshots(name: &str, model: &Model) {
    for (width, height) in SIZES {
        snapshot(&format!("{name}_{width}x{height}"), model, (width, height));
    }
}

fn snapshot(name: &str, model: &Model, size: (u16, u16)) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/tui");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, drawn(model, size).backend()));
}
