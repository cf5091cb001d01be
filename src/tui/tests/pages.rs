//! Every page as text at the sizes that people have, and with foreign text.

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
