//! Draws the model. Reads only.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::model::Model;
use super::page::{Page, Question};
use super::prompt::Prompt;
use super::theme::Tone;
use super::{ascii, capacity, diff, footer, frame as shared, history, launcher, live, results};

/// The least that anything can be shown on.
const NARROWEST: u16 = 40;
const LOWEST: u16 = 12;

/// Draws the page and what stands on top of it.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let all = frame.area();
    if all.width < NARROWEST || all.height < LOWEST {
        let text = format!(
            "{}×{}: too small, {NARROWEST}×{LOWEST} at least; the run goes on",
            all.width, all.height
        );
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), all);
        return;
    }
    let [page, footer] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(all);
    match (model.page, &model.live, &model.after) {
        (Page::Live, Some(run), _) => live::draw(model, run, frame, page),
        (Page::After, Some(run), Some(_)) if model.charts_after => {
            live::draw(model, run, frame, page);
        }
        (Page::After, _, Some(after)) => results::draw(model, after, frame, page),
        (Page::History, ..) => history::draw(model, frame, page),
        (Page::Diff, ..) => match &model.diff {
            Some(found) => diff::draw(model, found, frame, page),
            None => history::draw(model, frame, page),
        },
        (Page::Capacity, ..) => match &model.search {
            Some(search) => capacity::draw(model, search, frame, page),
            None => launcher::draw(model, frame, page),
        },
        (Page::Launcher | Page::Live | Page::After, ..) => launcher::draw(model, frame, page),
    }
    footer::footer(model, frame, footer);
    on_top(model, frame);
    if model.theme.is_ascii() {
        ascii::replace(frame.buffer_mut());
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
