//! Every page as text at the sizes that people have, and with foreign text.

use crate::page::Panel;
use plimsoll_metrics::{PageFigure, PageLoad, ShardSummary};

use super::capacity::searching;
use super::compare::{compared, diff};
use super::*;

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
        snapshot(&format!("panel_{panel}"), &model, (60, 14));
    }
}

/// Goal: prove that pages of real browsers stand with the steps, failures and all, and that idle loads do not count.
#[test]
fn pages_of_browsers_stand_with_the_steps() {
    let mut model = running();
    let load = |lcp_ms: u64| PageLoad {
        at: RunTime::ZERO + Nanos::from_secs(18),
        page: "home".into(),
        times: vec![(PageFigure::Lcp, Nanos::from_millis(lcp_ms))],
        ..PageLoad::default()
    };
    let failed = PageLoad { failure: Some("status 503".into()), times: vec![], ..load(0) };
    for load in [load(1_200), load(1_400), PageLoad { idle: true, ..load(9_000) }, failed] {
        update(&mut model, Message::Page(Box::new(load)));
    }
    while model.look.panel != Panel::Steps {
        press(&mut model, KeyCode::Tab);
    }
    let shown = drawn(&model, (100, 24)).backend().to_string();
    let row = shown.lines().find(|line| line.contains("home (page, lcp)")).expect(&shown);
    for figure in ["0.300", "1.40 s", "33.3 %"] {
        assert!(row.contains(figure), "{figure}: {row}");
    }
}

#[test]
fn verdict_page_gives_the_answer_first() {
    snapshots("after", &finished());
}

/// Goal: prove that a run of several agents tells of each, and says which one cannot be trusted, also where there is room for
/// a few columns only.
#[test]
fn verdict_page_tells_of_each_agent() {
    let mut log = log();
    let shard = |number: u32, doubt: Option<&str>| ShardSummary {
        number,
        started_utc: "2026-05-04T09:30:00Z".into(),
        workers: 1,
        intended: 1_200,
        requests: 2_400,
        failed: 3,
        schedule_lag_p99: Nanos::from_micros(50),
        worker_cpu: Ratio::new(0.25),
        response_time_p95: Nanos::from_millis(12),
        clock_error: Some(Nanos::from_micros(300)),
        doubt: doubt.map(str::to_owned),
        absences: vec![],
        missed: 0,
        open: 0,
    };
    log.header.shards = vec![shard(1, None), shard(2, Some("its log was cut off after 3.0 s"))];
    let report = Report::new(&log, &judge(&log, Strictness::Normal));
    let (folder, capacity) = ("reports/ais/x".to_owned(), String::new());
    let mut model = running();
    let finished = FinishedRun { report, folder, capacity, opened: false };
    update(&mut model, Message::Finished(Box::new(finished)));
    let text = |width: u16| drawn(&model, (width, 80)).backend().to_string();
    let wide = text(120);
    let row = wide.lines().find(|line| line.contains("1,200")).expect(&wide);
    for figure in ["2,400", "12.0 ms", "25.0 %", "± 300 µs"] {
        assert!(row.contains(figure), "{figure}: {row}");
    }
    assert!(wide.contains("its log was cut off after 3.0 s"), "{wide}");
    let narrow = text(40);
    assert!(narrow.contains("1,200") && !narrow.contains("clock error"), "{narrow}");
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
        model.theme = Theme::new(ThemeColours::None, false);
        let terminal = drawn(&model, (120, 40));
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
    }
}

/// Goal: prove that at the sizes of real terminals every page shows its way out, on dark, light and unknown grounds alike,
/// and that themes change colours and nothing else.
#[test]
fn pages_say_the_same_on_every_ground_at_every_size() {
    let pages: [fn() -> Model; 5] =
        [running, finished, launcher, searching, || compared(diff(1, 1.3))];
    for (at, mut model) in pages.map(|page| Box::new(page())).into_iter().enumerate() {
        for size in [(60, 20), (80, 24), (120, 40), (200, 50)] {
            let mut shown = |colours| {
                model.theme = Theme::new(colours, false);
                let terminal = drawn(&model, size);
                let cells = terminal.backend().buffer().content();
                let text: String = cells.iter().map(Cell::symbol).collect();
                let inks = cells.iter().map(|cell| cell.fg).collect::<Vec<_>>();
                (text, inks)
            };
            let (dark, on_dark) = shown(ThemeColours::Dark);
            for colours in [ThemeColours::Light, ThemeColours::Either, ThemeColours::Sixteen] {
                let (text, inks) = shown(colours);
                assert_eq!(text, dark, "page {at}, {colours:?}, {size:?}");
                assert_ne!(inks, on_dark, "page {at}, {colours:?}, {size:?}");
            }
            assert!(dark.contains("? help"), "page {at}, {size:?}");
        }
    }
    snapshot("live_60x20", &running(), (60, 20));
    snapshot("live_200x50", &running(), (200, 50));
}

#[test]
fn narrow_terminal_shows_how_to_stop_a_run() {
    let terminal = drawn(&running(), (60, 20));
    let text: String = terminal.backend().buffer().content().iter().map(Cell::symbol).collect();
    assert!(text.contains("s stop"), "{text}");
}

#[test]
fn ascii_page_has_no_other_character() {
    let pages: [fn() -> Model; 5] =
        [running, finished, launcher, searching, || compared(diff(1, 1.3))];
    for mut model in pages.map(|page| Box::new(page())) {
        model.theme = Theme::new(ThemeColours::None, true);
        let terminal = drawn(&model, (120, 40));
        for cell in terminal.backend().buffer().content() {
            assert!(cell.symbol().is_ascii(), "{cell:?}");
        }
    }
    let mut model = running();
    model.theme = Theme::new(ThemeColours::None, true);
    snapshot("live_ascii_80x24", &model, (80, 24));
}

#[test]
fn escape_leads_back_to_where_the_user_came_from() {
    let mut model = finished();
    assert_eq!(model.page, Page::After);
    press(&mut model, KeyCode::Char('H'));
    assert_eq!(model.page, Page::History);
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.page, Page::After, "from the history back to the run");
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.page, Page::Launcher, "a run that is over is not gone back to");
    press(&mut model, KeyCode::Char('H'));
    update(&mut model, Message::Compared(Box::new(diff(1, 1.3))));
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.page, Page::History, "from a comparison back to the history");
    press(&mut model, KeyCode::Char('l'));
    assert_eq!(model.page, Page::Launcher);
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.page, Page::Launcher, "there is nothing before the launcher");
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
