//! What happened, newest first: marks, steering, warnings.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::LiveRun;
use super::context::PanelContext;
use crate::frame::{cut, wrapped};
use crate::scrolled::ScrolledText;
use crate::theme::Tone;
use plimsoll_metrics::EventKind;
use plimsoll_report::format;

pub(super) fn text(live: &LiveRun, ink: PanelContext, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    // The validity light's reason stands on top for as long as it lasts.
    if let Some((status, message)) = live.validity()
        && status != plimsoll_slo::ValidityStatus::Valid
    {
        let others = live.log.events.len().min(usize::from(inner.height / 2));
        let most = usize::from(inner.height).saturating_sub(others).max(1);
        let reason = wrapped(&format!("! {}", format::message(message)), width);
        let shown = reason.into_iter().take(most);
        lines.extend(shown.map(|text| Line::styled(text, ink.theme.style(Tone::Warning))));
    }
    for event in live.log.events.iter().rev() {
        let (symbol, text, tone) = match &event.kind {
            EventKind::Mark(text) => ("⚑", text.clone(), Tone::Accent),
            EventKind::Hook(text) => ("⚒", text.clone(), Tone::Accent),
            EventKind::Steered(text) => ("✎", text.clone(), Tone::Warning),
            EventKind::SourceError(source) => ("?", source.to_string(), Tone::Warning),
            // Of no use before all is known.
            EventKind::Exemplar(_) => continue,
            EventKind::Warning(text) => ("!", text.clone(), Tone::Warning),
            EventKind::Aborted(note) => ("■", note.to_string(), Tone::Bad),
            EventKind::Failure(example) => ("✖", example.message.clone(), Tone::Bad),
        };
        let moment = format!("{:>6} ", event.at.to_string());
        let text = cut(&format::line(&text, 200), width.saturating_sub(moment.len() + 2));
        lines.push(Line::from(vec![
            Span::styled(moment, ink.theme.style(Tone::Faint)),
            Span::styled(format!("{symbol} "), ink.theme.style(tone)),
            Span::raw(text),
        ]));
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing yet; m marks a moment", ink.theme.style(Tone::Faint)));
    }
    ScrolledText { head: vec![], rows: lines }
}
