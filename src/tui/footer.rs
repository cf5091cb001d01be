//! The keys of a page: in its last line, and as the help.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::{Alignment, Margin, Position, Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::frame::{cut, fitting, panel, window, wrapped};
use super::keys::{KeyBinding, table};
use super::model::Model;
use super::page::Page;
use super::scrolled::ScrolledText;
use super::theme::{Theme, Tone};

/// The last line: the keys of the page, or what there is to say.
pub(super) fn footer(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = model.theme;
    let width = usize::from(area.width);
    let line = if model.notice.is_empty() {
        // However narrow it is, the way to all keys stays.
        let (help, others): (Vec<_>, Vec<_>) = table(model.page)
            .iter()
            .filter(|binding| !binding.label.is_empty())
            .partition(|binding| binding.label == "help");
        let help: Vec<Span<'_>> =
            help.into_iter().flat_map(|known| key_hint(theme, known)).collect();
        let wide: usize = help.iter().map(Span::width).sum();
        let hints = others.into_iter().map(|binding| key_hint(theme, binding)).collect();
        let mut line = fitting(hints, width.saturating_sub(wide + 4));
        line.spans.insert(0, Span::raw(" "));
        line.push_span(Span::raw("  "));
        line.spans.extend(help);
        line
    } else {
        let text = cut(&format!(" {}", model.notice.replace('\n', " ")), width);
        Line::styled(text, theme.style(Tone::Warning))
    };
    frame.render_widget(Paragraph::new(line), area);
}

/// Signs of keys, and their names.
const NAMES: [(&str, &str); 6] =
    [("⏎", "Enter"), ("⇧⇥", "S-Tab"), ("⇥", "Tab"), ("←→", "</>"), ("↑", "Up"), ("↓", "Down")];

/// The keys by their signs; by their names where there are no signs.
fn keys(theme: Theme, binding: &KeyBinding) -> Cow<'static, str> {
    if !theme.is_ascii() {
        return binding.keys.into();
    }
    let named =
        NAMES.iter().fold(binding.keys.to_owned(), |text, (sign, name)| text.replace(sign, name));
    named.into()
}

fn key_hint(theme: Theme, binding: &KeyBinding) -> Vec<Span<'static>> {
    vec![
        Span::styled(keys(theme, binding), theme.style(Tone::Key)),
        Span::styled(format!(" {}", binding.label), theme.style(Tone::Faint)),
    ]
}

/// Columns of the help's window, where the screen has them.
const HELP_WIDTH: u16 = 64;

/// Columns of the keys in the help.
const KEYS_WIDTH: usize = 12;

/// How far the help can be scrolled.
pub(super) fn help_scroll_max(model: &Model) -> usize {
    help_text(model, model.screen.width).scroll_max(help_area(model.screen))
}

/// What there is of a screen between the borders of a window.
fn help_area(screen: Size) -> Rect {
    Rect::from((Position::ORIGIN, screen)).inner(Margin::new(0, 1))
}

/// All keys of the page, from the same table that the keys are read from, and what the mouse does.
fn help_text(model: &Model, screen: u16) -> ScrolledText {
    let theme = model.theme;
    // Borders and padding take two columns a side.
    let width = usize::from(HELP_WIDTH.min(screen.saturating_sub(2)).saturating_sub(4));
    let line = |keys: &str, help: &str| {
        let first = std::iter::once(keys.to_owned()).chain(std::iter::repeat(String::new()));
        let help = wrapped(help, width.saturating_sub(KEYS_WIDTH).max(1));
        let line = |(keys, help): (String, String)| {
            Line::from(vec![
                Span::styled(format!("{keys:>10}  "), theme.style(Tone::Key)),
                Span::raw(help),
            ])
        };
        first.zip(help).map(line).collect::<Vec<_>>()
    };
    let keys = table(model.page).iter().flat_map(|known| line(&keys(theme, known), known.help));
    let mouse = if model.has_mouse { pointer_help(model.page) } else { &[] };
    let rows = keys.chain(mouse.iter().flat_map(|(act, help)| line(act, help))).collect();
    ScrolledText { head: vec![], rows }
}

/// What the mouse does on a page.
const fn pointer_help(page: Page) -> &'static [(&'static str, &'static str)] {
    match page {
        Page::Launcher | Page::History => {
            &[("click", "choose a row"), ("wheel", "the next row"), SELECT]
        }
        Page::Live => &[("click", "choose a panel"), ("wheel", "scroll a panel"), SELECT],
        Page::After | Page::Diff | Page::Capacity => &[("wheel", "scroll"), SELECT],
    }
}

/// Terminals keep the mouse for themselves while Shift is held.
const SELECT: (&str, &str) = ("Shift-drag", "select text, in most terminals");

/// The help, in the middle of the page.
pub(super) fn help(model: &Model, frame: &mut Frame<'_>) {
    let name = match model.page {
        Page::Launcher => "launcher",
        Page::Live => "live view",
        Page::After => "verdict",
        Page::History => "history",
        Page::Diff => "comparison",
        Page::Capacity => "capacity",
    };
    let theme = model.theme;
    let screen = frame.area().as_size();
    let text = help_text(model, screen.width);
    let more = theme.style(Tone::Accent);
    let lines = text.shown(model.help.unwrap_or(0), help_area(screen), more);
    let block = panel(theme, &format!("keys · {name}"), true)
        .title_bottom(Line::from(" ↑↓ · any other key closes ").alignment(Alignment::Right));
    window(frame, block, lines, HELP_WIDTH);
}
