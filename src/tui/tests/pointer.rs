//! What the mouse comes to: it selects and scrolls, and never touches the load.

use ratatui::layout::{Position, Size};

use super::*;
use crate::{PointerEvent, PointerEventKind};

fn point(model: &mut Model, kind: PointerEventKind, x: u16, y: u16) -> Command {
    update(model, Message::Pointer(PointerEvent { kind, at: Position::new(x, y) }))
}

fn click(model: &mut Model, x: u16, y: u16) -> Command {
    point(model, PointerEventKind::Click, x, y)
}

fn sized(mut model: Model, (width, height): (u16, u16)) -> Model {
    update(&mut model, Message::Resize(Size::new(width, height)));
    model
}

/// Where `text` stands on the screen.
fn find(model: &Model, text: &str) -> (u16, u16) {
    let size = (model.screen.width, model.screen.height);
    let terminal = drawn(model, size);
    let buffer = terminal.backend().buffer();
    let row = |y| (0..size.0).map(|x| buffer[(x, y)].symbol()).collect::<Vec<_>>();
    let found = (0..size.1).find_map(|y| {
        let cells = row(y);
        (0..cells.len()).find(|x| cells[*x..].concat().starts_with(text)).map(|x| (x as u16, y))
    });
    found.unwrap_or_else(|| panic!("{text} is not on the screen"))
}

/// Whether `text` stands on the screen.
fn shows(model: &Model, text: &str) -> bool {
    let size = (model.screen.width, model.screen.height);
    drawn(model, size).backend().to_string().contains(text)
}

#[test]
fn click_chooses_the_row_that_is_drawn_there() {
    for size in [(60, 20), (80, 24), (120, 40), (200, 50)] {
        let mut model = sized(launcher(), size);
        let (x, y) = find(&model, "  shop");
        assert_eq!(click(&mut model, x + 4, y), Command::Nothing);
        assert_eq!(model.launcher.at, 1, "{size:?}");
        let mut model = sized(launcher(), size);
        press(&mut model, KeyCode::Char('H'));
        let verdict = find(&model, "✖ FAIL");
        click(&mut model, verdict.0, verdict.1);
        assert_eq!(model.history.at, 2, "{size:?}");
        // The head of the table, the border and what is below the list are no rows.
        for y in [0, 1, size.1 - 2, size.1 - 1] {
            click(&mut model, 5, y);
            assert_eq!(model.history.at, 2, "{size:?} line {y}");
        }
    }
}

#[test]
fn click_in_a_list_that_is_scrolled_finds_the_row_too() {
    let mut model = sized(launcher(), (80, 24));
    let many = (1..=28).rev().map(|day| run(day, Verdict::Pass, 100.0)).collect();
    update(&mut model, Message::History(many));
    press(&mut model, KeyCode::Char('H'));
    for _ in 0..24 {
        press(&mut model, KeyCode::Down);
    }
    let (x, y) = find(&model, "2026-05-16");
    click(&mut model, x, y);
    assert_eq!(model.history.runs[model.history.at].started_utc, "2026-05-16T09:00:00Z");
}

#[test]
fn click_keeps_the_workload_of_the_row_that_is_chosen_already() {
    let mut model = sized(launcher(), (80, 24));
    press(&mut model, KeyCode::Right);
    let (x, y) = find(&model, "▸ scenarios/ais");
    click(&mut model, x, y);
    assert_eq!(model.launcher.workload, 1);
}

#[test]
fn click_chooses_the_panel_that_is_drawn_there() {
    let (all, few) = (
        [
            (Panel::Rate, "requests a second"),
            (Panel::Slo, "SLO"),
            (Panel::Steps, "steps"),
            (Panel::Errors, "errors: "),
            (Panel::Events, "events"),
        ],
        [(Panel::Slo, "SLO"), (Panel::Steps, "steps")],
    );
    for (size, panels) in [((200, 50), &all[..]), ((80, 24), &few)] {
        for (panel, title) in panels {
            let mut model = sized(running(), size);
            let (x, y) = find(&model, &format!(" {title}"));
            assert_eq!(click(&mut model, x + 2, y + 1), Command::Nothing);
            assert_eq!(model.look.panel, *panel, "{size:?}");
            assert!(shows(&model, &format!("▸ {title}")), "{size:?}");
        }
    }
}

#[test]
fn wheel_scrolls_what_is_pointed_at_and_not_beyond_its_end() {
    let mut model = sized(running(), (120, 40));
    let (x, y) = find(&model, " steps");
    let first = model.live.as_ref().expect("a run").log.header.steps[0].name.clone();
    // Three steps fit: there is nothing to scroll, however long one turns.
    for _ in 0..20 {
        point(&mut model, PointerEventKind::WheelDown, x, y + 2);
    }
    assert_eq!(model.look.panel, Panel::Steps);
    assert!(shows(&model, &first), "{first}");
    let mut model = sized(finished(), (80, 24));
    for _ in 0..50 {
        point(&mut model, PointerEventKind::WheelDown, 40, 10);
    }
    assert!(shows(&model, "run.jsonl") && !shows(&model, "more lines"));
    let end = model.look.scroll;
    point(&mut model, PointerEventKind::WheelUp, 40, 10);
    assert_eq!(model.look.scroll, end - 3, "it moves at once");
    press(&mut model, KeyCode::Down);
    assert_eq!(model.look.scroll, end - 2);
}

#[test]
fn wheel_in_a_list_goes_from_row_to_row() {
    let mut model = sized(launcher(), (80, 24));
    press(&mut model, KeyCode::Char('H'));
    let (x, y) = find(&model, "✖ FAIL");
    point(&mut model, PointerEventKind::WheelDown, x, y);
    assert_eq!(model.history.at, 1);
    point(&mut model, PointerEventKind::WheelUp, x, y);
    assert_eq!(model.history.at, 0);
}

/// Goal: prove that no slip of the hand touches the load. Method: places all over every page are clicked and
/// scrolled at, with and without a question on top.
#[test]
fn mouse_neither_starts_nor_steers_nor_stops_anything() {
    let asked = || {
        let mut model = running();
        press(&mut model, KeyCode::Char('q'));
        model
    };
    let typing = || {
        let mut model = launcher();
        press(&mut model, KeyCode::Char('r'));
        model
    };
    let pages: [fn() -> Model; 5] = [launcher, running, finished, asked, typing];
    for page in pages {
        let mut model = sized(page(), (80, 24));
        let (question, page) = (model.question, model.page);
        for (x, y) in (0..80).step_by(13).flat_map(|x| (0..24).map(move |y| (x, y))) {
            for kind in
                [PointerEventKind::Click, PointerEventKind::WheelUp, PointerEventKind::WheelDown]
            {
                assert_eq!(point(&mut model, kind, x, y), Command::Nothing, "{x} {y}");
            }
        }
        assert_eq!((model.question, model.page), (question, page));
    }
}

#[test]
fn help_tells_of_the_mouse_where_there_is_one_and_scrolls_to_its_end() {
    let mut model = sized(running(), (60, 20));
    press(&mut model, KeyCode::Char('?'));
    assert!(shows(&model, "more lines") && !shows(&model, "wheel"));
    for _ in 0..40 {
        point(&mut model, PointerEventKind::WheelDown, 30, 10);
    }
    assert!(shows(&model, "wheel") && shows(&model, "Shift-drag"));
    point(&mut model, PointerEventKind::WheelUp, 30, 10);
    assert!(!shows(&model, "Shift-drag"), "it moves at once");
    click(&mut model, 30, 10);
    assert_eq!(model.help, None);
    let mut without = Model::new(Theme::new(ThemeColours::Sixteen, false), false);
    press(&mut without, KeyCode::Char('?'));
    let without = sized(without, (80, 40));
    assert!(shows(&without, "this help") && !shows(&without, "wheel"));
}

#[test]
fn ctrl_z_leads_back_to_the_shell_unless_load_is_sent() {
    let suspend = Message::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
    assert_eq!(update(&mut launcher(), suspend), Command::Suspend);
    let suspend = Message::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
    let mut model = running();
    assert_eq!(update(&mut model, suspend), Command::Nothing);
    assert!(model.notice.contains("would stop the load"), "{}", model.notice);
    // A signal is obeyed: whoever sends it wants the process to stop.
    assert_eq!(update(&mut model, Message::Suspend), Command::Suspend);
}
