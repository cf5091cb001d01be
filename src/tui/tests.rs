//! Every page as text, at the sizes that people have, and what keys come to.
//!
//! Where pages change on purpose, `INSTA_UPDATE=always cargo test --lib tui::` writes the snapshots anew.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::Color;

use super::model::Page;
use super::{
    Begun, Command, Diff, Doing, Finished, Message, Model, Origin, PastRun, Place, SearchStep,
    SearchView, Sides, StepOutcome, Theme, WorkloadInfo, update, view,
};
use crate::capacity::Histogram;
use crate::capacity::regression::Estimate;
use crate::capacity::search::{Limit, Search, SearchAction, SearchEnd, SearchOutcome, SearchPlan};
use crate::capacity::step::{AbortReason, Batch, Goal, Purpose, StepResult};
use crate::engine::Act;
use crate::metrics::{
    Bound, Event, EventKind, LoadModel, Measure, Objective, RunLog, Scope, StageInfo,
};
use crate::report::{Report, fixture};
use crate::scenario::stack::Signal;
use crate::slo::gate::{Likeness, Rules, RunSummary, compare};
use crate::slo::{Strictness, Verdict, judge};
use crate::units::{Nanos, Quantity, Rate, Ratio, RunTime};

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

fn signals() -> Vec<Signal> {
    let signal = |tier: &str, metric: &str, threshold, sustained, text: &str| Signal {
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
    let begun =
        Begun { header: log.header.clone(), folder: "reports/ais/x".into(), signals: signals() };
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
    let finished = Finished { report, folder, capacity: String::new(), opened: false };
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

/// Three runs a side, `after` slower by a factor.
fn diff(runs: usize, factor: f64) -> Diff {
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
    let rules = Rules { likeness: Likeness::Waived, ..Rules::default() };
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

fn compared(diff: Diff) -> Model {
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
    let sides = Sides { before: vec![folder(2)], after: vec![folder(3)] };
    assert_eq!(asked, Command::Compare(sides));
    press(&mut model, KeyCode::End);
    for _ in 0..2 {
        press(&mut model, KeyCode::Down);
    }
    press(&mut model, KeyCode::Char('a'));
    let asked = press(&mut model, KeyCode::Char('c'));
    let sides = Sides { before: vec![folder(2), folder(1)], after: vec![folder(3)] };
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

/// A step of a search, 20 s at `rate`, with the p95 that a queue of capacity 300/s has there.
fn search_step(purpose: Purpose, rate: f64) -> SearchStep {
    let p95 = if rate < 298.0 { 0.120 / (1.0 - rate / 300.0) } else { 9.0 };
    let outcome = match rate {
        rate if rate >= 300.0 => StepOutcome::Stopped(AbortReason::InFlightRunaway),
        _ if p95 <= 0.5 => StepOutcome::Within,
        _ => StepOutcome::Exceeds,
    };
    SearchStep {
        purpose,
        rate: Rate::per_second(rate),
        time: Some(Nanos::from_secs_f64(p95)),
        p99: Some(Nanos::from_secs_f64(p95 * 1.6)),
        failed: Ratio::new(if rate >= 300.0 { 0.03 } else { 0.0 }),
        hold: Nanos::from_secs(20),
        besides: Nanos::from_secs(5),
        outcome,
    }
}

fn searching() -> Model {
    let goals = vec![
        Goal::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(500) },
        Goal::ErrorRate { max: Ratio::new(0.01) },
    ];
    let mut search = SearchView::new("ais", "http://127.0.0.1:8080", goals);
    search.steps = vec![
        search_step(Purpose::Baseline, 25.0),
        search_step(Purpose::Bracket, 50.0),
        search_step(Purpose::Bracket, 100.0),
        search_step(Purpose::Bracket, 200.0),
        search_step(Purpose::Bracket, 400.0),
        search_step(Purpose::Refine, 256.0),
        search_step(Purpose::Refine, 220.0),
    ];
    search.steps[2].outcome = StepOutcome::Spoilt;
    search.bracket = (Some(Rate::per_second(220.0)), Some(Rate::per_second(256.0)));
    search.left = Nanos::from_secs(740);
    search.doing = Some(Doing {
        purpose: Purpose::Refine,
        rate: Rate::per_second(231.0),
        length: Nanos::from_secs(25),
        elapsed: Nanos::from_secs(12),
        p95: Some(Nanos::from_millis(486)),
        in_flight: 42,
    });
    let mut model = fresh();
    update(&mut model, Message::Search(Box::new(search)));
    model
}

#[test]
fn capacity_page_shows_the_search_at_every_size() {
    snapshots("capacity", &searching());
}

#[test]
fn capacity_page_ends_with_the_answer() {
    let mut model = searching();
    let mut search = model.search.clone().expect("a search");
    search.doing = None;
    search.outcome = Some(SearchOutcome {
        slo_max: Some(Estimate { value: 228.4, low: 224.9, high: 231.6 }),
        pass: Some(Rate::per_second(226.0)),
        fail: Some(Rate::per_second(231.0)),
        confirmed: true,
        breach_shown: true,
        limit: Some(Limit::ResponseTime),
        end: SearchEnd::Complete,
    });
    update(&mut model, Message::Search(Box::new(search)));
    snapshots("capacity_done", &model);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Quit);
}

#[test]
fn search_under_way_is_stopped_by_s_and_left_after_a_question() {
    let mut model = searching();
    assert_eq!(press(&mut model, KeyCode::Char('s')), Command::Steer(Act::Stop));
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Nothing);
    assert_eq!(press(&mut model, KeyCode::Char('y')), Command::StopAndQuit);
}

#[test]
fn search_that_is_over_shows_its_report_and_its_curve_in_turns() {
    let mut model = searching();
    press(&mut model, KeyCode::Char('v'));
    assert_eq!(model.page, Page::Capacity, "there is no report yet");
    let mut view = model.search.clone().expect("a search");
    view.end(SearchOutcome {
        slo_max: None,
        pass: None,
        fail: None,
        confirmed: false,
        breach_shown: false,
        limit: None,
        end: SearchEnd::Interrupted,
    });
    let report = Report::new(&log(), &judge(&log(), Strictness::Normal));
    let capacity = "SLO-max 228 req/s\nbottleneck api\n".to_owned();
    let finished = Finished { report, folder: "reports/ais/x".into(), capacity, opened: true };
    update(&mut model, Message::Finished(Box::new(finished)));
    update(&mut model, Message::Search(Box::new(view)));
    assert_eq!(model.page, Page::Capacity);
    press(&mut model, KeyCode::Char('v'));
    let text = drawn(&model, (80, 24)).backend().to_string();
    assert!(text.contains("capacity ───") && text.contains("bottleneck api"), "{text}");
    press(&mut model, KeyCode::Char('v'));
    assert_eq!(model.page, Page::Capacity);
}

/// Goal: prove that the page follows a real search. Method: a queue of capacity 100/s as arithmetic, until
/// one rate has passed and one has failed.
#[test]
fn capacity_page_follows_a_search() {
    let goals = vec![Goal::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(300) }];
    let (warm_up, left) = (Nanos::from_secs(2), Nanos::from_secs(600));
    let plan = SearchPlan {
        goals: goals.clone(),
        start: Rate::per_second(30.0),
        climb: 2.0,
        rate_max: Rate::per_second(1_000.0),
        hold: Nanos::from_secs(10),
        hold_max: Nanos::from_secs(20),
        warm_up,
        budget: left,
        seed: crate::units::Seed::new(1),
    };
    let mut search = Search::new(plan);
    let mut view = SearchView::new("queue", "http://127.0.0.1:1", goals);
    for seen in 0..3 {
        view.follow(&search, left);
        assert_eq!(view.steps.len(), seen);
        let SearchAction::Measure { rate, hold, purpose } = search.next_action() else {
            panic!("a step to play");
        };
        view.begin(purpose, rate, hold + warm_up);
        search.on_step(played(rate, hold, purpose));
    }
    view.follow(&search, left);
    let (pass, fail) = view.bracket;
    assert_eq!((pass.map(Rate::get), fail.map(Rate::get)), (Some(60.0), Some(120.0)));
    let outcomes: Vec<StepOutcome> = view.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Within, StepOutcome::Within, StepOutcome::Exceeds]);
    let mut model = fresh();
    update(&mut model, Message::Search(Box::new(view)));
    let text = drawn(&model, (120, 40)).backend().to_string();
    assert!(text.contains("between 60.0 and 120.0 req/s"), "{text}");
}

/// A step of an M/M/1 queue that serves 100 requests a second, second by second.
fn played(rate: Rate, hold: Nanos, purpose: Purpose) -> StepResult {
    let mean = if rate.get() < 99.0 { 1.0 / (100.0 - rate.get()) } else { 5.0 };
    let requests = rate.get() as u64;
    let batch = || {
        let time = |index: u64| {
            let share = (index as f64 + 0.5) / requests as f64;
            (Nanos::from_secs_f64(-mean * (1.0 - share).ln()), 1)
        };
        let response = Histogram::from_pairs((0..requests).map(time));
        Batch { response, errors: 0, throttled: 0 }
    };
    StepResult {
        purpose,
        offered: rate,
        warm_up: Nanos::from_secs(2),
        duration: hold,
        dispersion: 1.0,
        batches: (0..hold.as_secs_f64() as u64).map(|_| batch()).collect(),
        others: None,
        tiers: vec![],
        aborted: None,
        valid: true,
    }
}

#[test]
fn help_lists_every_key_of_the_page() {
    let mut model = running();
    press(&mut model, KeyCode::Char('?'));
    snapshots("help", &model);
}

#[test]
fn no_colour_means_no_colour_anywhere() {
    let pages: [fn() -> Model; 5] =
        [running, finished, launcher, searching, || compared(diff(1, 1.3))];
    for mut model in pages.map(|page| Box::new(page())) {
        model.theme = Theme::new(false);
        let terminal = drawn(&model, (120, 40));
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
    }
}

#[test]
fn pages_survive_any_size() {
    let pages: [fn() -> Model; 6] =
        [running, finished, launcher, fresh, searching, || compared(diff(1, 1.3))];
    for model in pages.map(|page| Box::new(page())) {
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
    let begun = Begun { header, folder: String::new(), signals: vec![] };
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
fn every_field_of_the_launcher_reaches_the_run() {
    let mut model = launcher();
    for (key, text) in [
        ('t', "http://127.0.0.1:9000"),
        ('d', "90s"),
        ('i', "10%"),
        ('s', "7"),
        ('=', "http.timeout=5s; http.version=1.1"),
        ('g', "api=3 size=m5.large"),
    ] {
        press(&mut model, KeyCode::Char(key));
        write(&mut model, text);
        press(&mut model, KeyCode::Enter);
        assert!(model.prompt.is_none(), "{key}: {:?}", model.prompt);
    }
    snapshots("launcher_filled", &model);
    let Command::Launch(launch) = press(&mut model, KeyCode::Enter) else {
        panic!("the run starts");
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(launch.target.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(launch.duration, Some(Nanos::from_secs(90)));
    assert_eq!(launch.think, Some(Ratio::new(0.1)));
    assert_eq!(launch.seed, Some(7));
    assert_eq!(launch.settings, [pair("http.timeout", "5s"), pair("http.version", "1.1")]);
    assert_eq!(launch.tags, [pair("api", "3"), pair("size", "m5.large")]);
}

#[test]
fn setting_without_a_value_is_answered_in_place() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('='));
    write(&mut model, "http.timeout");
    press(&mut model, KeyCode::Enter);
    let problem = model.prompt.as_ref().map(|prompt| prompt.problem.clone());
    assert!(problem.is_some_and(|problem| problem.contains("KEY=VALUE")), "{:?}", model.prompt);
}

#[test]
fn memory_stays_bounded_however_long_the_run() {
    let log = log();
    let mut model = fresh();
    let begun = Begun { header: log.header.clone(), folder: String::new(), signals: vec![] };
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
