//! Draws the model. Reads only.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::model::{Model, ScreenContent};
use super::page::Question;
use super::prompt::Prompt;
use super::theme::Tone;
use super::{ascii, capacity, diff, footer, frame as shared, history, launcher, live, results};

/// The least that anything can be shown on.
const NARROWEST: u16 = 40;
const LOWEST: u16 = 12;

/// Draws the page and what stands on top of it.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let all = frame.area();
    let Some(page) = page_area(all.as_size()) else {
        let text = format!(
            "{}×{}: too small, {NARROWEST}×{LOWEST} at least; the run goes on",
            all.width, all.height
        );
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), all);
        return;
    };
    match model.shown() {
        ScreenContent::Launcher => launcher::draw(model, frame, page),
        ScreenContent::Live(run) => live::draw(model, run, frame, page),
        ScreenContent::Results(after) => results::draw(model, after, frame, page),
        ScreenContent::History => history::draw(model, frame, page),
        ScreenContent::Diff(found) => diff::draw(model, found, frame, page),
        ScreenContent::Capacity(search) => capacity::draw(model, search, frame, page),
    }
    let [_, keys] = parts(all);
    footer::footer(model, frame, keys);
    on_top(model, frame);
    if model.theme.is_ascii() {
        ascii::replace(frame.buffer_mut());
    }
}

/// Where the page stands on a screen of this size; `None` where it is too small for any.
pub(super) fn page_area(screen: Size) -> Option<Rect> {
    let is_enough = screen.width >= NARROWEST && screen.height >= LOWEST;
    is_enough.then(|| parts(Rect::from((Position::ORIGIN, screen)))[0])
}

/// The page, and the line of keys.
fn parts(all: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(all)
}

/// How far the page, or its chosen panel, can be scrolled.
pub(super) fn scroll_max(model: &Model) -> usize {
    let Some(page) = page_area(model.screen) else { return 0 };
    match model.shown() {
        ScreenContent::Launcher | ScreenContent::History => 0,
        ScreenContent::Live(run) => live::scroll_max(model, run, page),
        ScreenContent::Results(after) => results::scroll_max(model, after, page),
        ScreenContent::Diff(found) => diff::scroll_max(model.theme, found, page),
        ScreenContent::Capacity(search) => capacity::scroll_max(model.theme, search, page),
    }
}

fn on_top(model: &Model, frame: &mut Frame<'_>) {
    let theme = model.theme;
    if let Some(prompt) = &model.prompt {
        ask(model, prompt, frame);
    } else if let Some(Question::Leave) = model.question {
        let lines = vec![
            Line::from("The run is under way. Stop it and leave?"),
            Line::from("Requests in flight get 5 s; the report is written."),
            Line::default(),
            Line::from(vec![
                Span::styled("y", theme.style(Tone::Key)),
                Span::raw(" stop and leave   "),
                Span::styled("any other key", theme.style(Tone::Key)),
                Span::raw(" go on"),
            ]),
        ];
        shared::window(frame, shared::panel(theme, "leave?", true), lines, 58);
    } else if !model.refusal.is_empty() {
        let lines = model.refusal.lines().map(|line| Line::from(line.to_owned())).collect();
        shared::window(frame, shared::panel(theme, "this did not work", true), lines, 96);
    } else if model.help.is_some() {
        footer::help(model, frame);
    }
}

fn ask(model: &Model, prompt: &Prompt, frame: &mut Frame<'_>) {
    let theme = model.theme;
    let mut lines = vec![Line::from(vec![
        Span::styled("› ", theme.style(Tone::Key)),
        Span::raw(prompt.text.clone()),
        Span::styled("█", theme.style(Tone::Accent)),
    ])];
    if !prompt.problem.is_empty() {
        lines.push(Line::styled(format!("✖ {}", prompt.problem), theme.style(Tone::Bad)));
    }
    lines.push(Line::styled("⏎ done · Esc cancel", theme.style(Tone::Faint)));
    shared::window(frame, shared::panel(theme, prompt.purpose.title(), true), lines, 76);
}
