//! Every page as text, at the sizes that people have, and what keys come to.
//!
//! Where pages change on purpose, `INSTA_UPDATE=always cargo test --lib tui::` writes the snapshots anew.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::Color;

use super::{
    Begun, Command, Finished, Message, Model, Origin, PastRun, Place, Theme, WorkloadInfo, update,
    view,
};
use crate::engine::Act;
use crate::metrics::{
    Bound, Event, EventKind, LoadModel, Measure, Objective, RunLog, Scope, StageInfo,
};
use crate::report::{Report, fixture};
use crate::slo::{Strictness, Verdict, judge};
use crate::units::{Nanos, Quantity, Ratio, RunTime};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 12)];

fn at_most(name: &str, measure: Measure, target: Quantity, limit: Quantity) -> Objective {
    Objective {
        name: name.into(),
        scope: Scope::Run,
        measure,
        bound: Bound::AtMost,
        target: Some(target),
        limit: Some(limit),
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
    Model::new(Theme::new(true))
}

/// A model in the middle of a run.
fn running() -> Model {
    let log = log();
    let mut model = fresh();
    let begun = Begun { header: log.header.clone(), folder: "reports/ais/x".into() };
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
    let finished = Finished { report, folder, opened: false };
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
        p50_ms: p95_ms / 3.0,
        p95_ms,
        p99_ms: p95_ms * 1.7,
        error_rate: 0.0,
        folder: format!("reports/ais/2026-05-{day:02}T09-00-00Z").into(),
    }
}

fn runs() -> Vec<PastRun> {
    vec![run(3, Verdict::Pass, 161.0), run(2, Verdict::AtRisk, 231.0), run(1, Verdict::Fail, 612.0)]
}

fn place(label: &str, problems: &str) -> Place {
    Place {
        origin: Origin::Folder(label.into()),
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
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/tui");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for (width, height) in SIZES {
            let terminal = drawn(model, (width, height));
            let name = format!("{name}_{width}x{height}");
            insta::assert_snapshot!(name, terminal.backend());
        }
    });
}

#[test]
fn live_page_shows_the_run_at_every_size() {
    let mut model = running();
    press(&mut model, KeyCode::Char('o'));
    snapshots("live", &model);
}

#[test]
fn panels_alone_fill_the_page() {
    let mut model = running();
    for panel in ["slo", "steps", "heat", "errors", "events", "stack", "rate"] {
        press(&mut model, KeyCode::Tab);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../tests/snapshots/tui");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| {
            insta::assert_snapshot!(format!("panel_{panel}"), drawn(&model, (60, 14)).backend());
        });
    }
}

#[test]
fn verdict_page_gives_the_answer_first() {
    snapshots("after", &finished());
}

#[test]
fn launcher_shows_what_can_be_run() {
    snapshots("launcher", &launcher());
}

#[test]
fn launcher_shows_problems_in_place_and_does_not_start() {
    let mut model = launcher();
    press(&mut model, KeyCode::Down);
    assert_eq!(press(&mut model, KeyCode::Enter), Command::Nothing);
    snapshots("problems", &model);
}

#[test]
fn history_compares_two_chosen_runs() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('H'));
    press(&mut model, KeyCode::Char(' '));
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char(' '));
    snapshots("history", &model);
}

#[test]
fn help_lists_every_key_of_the_page() {
    let mut model = running();
    press(&mut model, KeyCode::Char('?'));
    snapshots("help", &model);
}

#[test]
fn no_colour_means_no_colour_anywhere() {
    for mut model in [running(), finished(), launcher()] {
        model.theme = Theme::new(false);
        let terminal = drawn(&model, (120, 40));
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
    }
}

#[test]
fn pages_survive_any_size() {
    for model in [running(), finished(), launcher(), fresh()] {
        for width in (1..130).step_by(9) {
            for height in (1..45).step_by(5) {
                drawn(&model, (width, height));
            }
        }
    }
}

#[test]
fn foreign_text_cannot_drive_the_terminal() {
    let mut model = running();
    let nasty = EventKind::Mark("\x1b[31mred\u{202E}".into());
    update(&mut model, Message::Event(Event { at: RunTime::ZERO, kind: nasty }));
    let terminal = drawn(&model, (120, 40));
    let text: String = terminal.backend().buffer().content().iter().map(Cell::symbol).collect();
    assert!(!text.contains('\x1b') && !text.contains('\u{202E}'));
}

#[test]
fn steering_keys_become_acts() {
    let mut model = running();
    for (key, act) in [
        (KeyCode::Char('+'), Act::Scale(1.05)),
        (KeyCode::PageDown, Act::Scale(1.0 / 1.10)),
        (KeyCode::Char('h'), Act::Hold),
        (KeyCode::Char('n'), Act::SkipStage),
        (KeyCode::Char('p'), Act::Pause),
        (KeyCode::Char('X'), Act::Abort),
    ] {
        assert_eq!(press(&mut model, key), Command::Steer(act));
    }
}

#[test]
fn mark_is_written_with_the_words_that_were_typed() {
    let mut model = running();
    press(&mut model, KeyCode::Char('m'));
    write(&mut model, "deployedd q?");
    for _ in 0..4 {
        press(&mut model, KeyCode::Backspace);
    }
    let command = press(&mut model, KeyCode::Enter);
    assert_eq!(command, Command::Steer(Act::Mark("deployed".into())));
}

#[test]
fn closed_model_cannot_be_steered_but_stopped() {
    let log = log();
    let mut header = log.header;
    header.model = LoadModel::Closed { vus: 10 };
    header.stages = vec![StageInfo { duration: Nanos::from_secs(20), ..header.stages[1] }];
    let mut model = fresh();
    let begun = Begun { header, folder: String::new() };
    update(&mut model, Message::Begun(Box::new(begun)));
    assert_eq!(press(&mut model, KeyCode::Char('+')), Command::Nothing);
    assert!(model.notice.contains("closed model"), "{}", model.notice);
    assert_eq!(press(&mut model, KeyCode::Char('s')), Command::Steer(Act::Stop));
}

#[test]
fn leaving_a_run_is_asked_about_first() {
    let mut model = running();
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Nothing);
    assert_eq!(press(&mut model, KeyCode::Char('n')), Command::Nothing);
    press(&mut model, KeyCode::Char('q'));
    assert_eq!(press(&mut model, KeyCode::Char('y')), Command::StopAndQuit);
    assert_eq!(press(&mut finished(), KeyCode::Char('q')), Command::Quit);
}

#[test]
fn rate_that_cannot_be_read_is_answered_in_place() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('r'));
    write(&mut model, "300/s");
    press(&mut model, KeyCode::Enter);
    let problem = model.prompt.as_ref().map(|prompt| prompt.problem.clone());
    assert!(problem.is_some_and(|problem| problem.contains("req/s")), "{:?}", model.prompt);
    for _ in 0..2 {
        press(&mut model, KeyCode::Backspace);
    }
    write(&mut model, " req/s");
    press(&mut model, KeyCode::Enter);
    let Command::Launch(launch) = press(&mut model, KeyCode::Enter) else {
        panic!("the run starts");
    };
    assert_eq!(launch.rate, "300 req/s".parse().ok());
}

#[test]
fn memory_stays_bounded_however_long_the_run() {
    let log = log();
    let mut model = fresh();
    let begun = Begun { header: log.header.clone(), folder: String::new() };
    update(&mut model, Message::Begun(Box::new(begun)));
    // No answer within a second is cheap to judge, and that is all that this needs.
    let mut second = crate::metrics::Interval::default();
    for index in 0..1_500 {
        second.start = RunTime::ZERO + Nanos::from_secs(index);
        second.end = second.start + Nanos::from_secs(1);
        update(&mut model, Message::Interval(Box::new(second.clone())));
    }
    let live = model.live.as_ref().expect("a run");
    assert!(live.log.intervals.len() < 340, "{}", live.log.intervals.len());
    assert_eq!(live.past.heat.len(), 400);
}
