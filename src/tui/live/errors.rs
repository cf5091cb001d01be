//! Errors by class, each with what was seen.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::LiveRun;
use super::context::PanelContext;
use crate::frame::cut;
use crate::scrolled::ScrolledText;
use crate::theme::Tone;
use plimsoll_report::format;

pub(super) fn title(live: &LiveRun) -> String {
    match live.counts.failed {
        0 => "errors".to_owned(),
        failed => format!("errors: {}", format::count(failed)),
    }
}

pub(super) fn text(live: &LiveRun, ink: PanelContext, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let mut classes: Vec<_> = live.errors.iter().filter(|(_, error)| error.count > 0).collect();
    classes.sort_by_key(|(class, error)| (std::cmp::Reverse(error.count), **class));
    let mut lines = Vec::new();
    for (class, error) in classes {
        let count = format::count(error.count);
        let fault = if class.is_client_fault() { "  the generator's own fault" } else { "" };
        lines.push(Line::from(vec![
            Span::styled(format!("✖ {:<17}", class.name()), ink.theme.style(Tone::Bad)),
            Span::styled(format!("{count:>7}"), ink.theme.style(Tone::Strong)),
            Span::styled(fault, ink.theme.style(Tone::Warning)),
        ]));
        if let Some(example) = &error.example {
            let step = live.log.header.steps.get(usize::from(example.step.0));
            let step = step.map_or("", |step| step.name.as_str());
            let text = format!("  {step}: {}", example.message);
            let text = cut(&format::line(&text, 200), width.saturating_sub(2));
            lines.push(Line::styled(format!("  {text}"), ink.theme.style(Tone::Faint)));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("✔ none so far", ink.theme.style(Tone::Good)));
    }
    ScrolledText { head: vec![], rows: lines }
}
