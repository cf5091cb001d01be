//! The keys of a page: in its last line, and as the help.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::frame::{cut, fitting, panel, window};
use super::keys::{KeyBinding, table};
use super::model::Model;
use super::page::Page;
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

/// All keys of the page, from the same table that the keys are read from.
pub(super) fn help(model: &Model, frame: &mut Frame<'_>) {
    let theme = model.theme;
    let key = |binding: &KeyBinding| {
        Line::from(vec![
            Span::styled(format!("{:>9}  ", keys(theme, binding)), theme.style(Tone::Key)),
            Span::raw(binding.help),
        ])
    };
    let lines: Vec<Line<'_>> = table(model.page).iter().map(key).collect();
    let name = match model.page {
        Page::Launcher => "launcher",
        Page::Live => "live view",
        Page::After => "verdict",
        Page::History => "history",
        Page::Diff => "comparison",
        Page::Capacity => "capacity",
    };
    let from = model.help.unwrap_or(0).min(lines.len().saturating_sub(1));
    let lines = lines.into_iter().skip(from).collect();
    let block = panel(theme, &format!("keys · {name}"), true)
        .title_bottom(Line::from(" ↑↓ · any other key closes ").alignment(Alignment::Right));
    window(frame, block, lines, 64);
}
