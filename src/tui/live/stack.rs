//! The stack's own metrics: a line each, with its trend and the bound that the SLO table sets.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::Ink;
use super::{Gauge, Live};
use crate::metrics::{Bound, Measure};
use crate::report::format;
use crate::tui::frame::{cut, panel, sparkline};
use crate::tui::theme::Tone;

pub(super) fn draw(live: &Live, ink: Ink, frame: &mut Frame<'_>, area: Rect) {
    let block = panel(ink.theme, "stack", ink.chosen);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if live.stack.is_empty() {
        let text =
            "nothing observes the stack: `observe:` in stack.yaml says where its metrics are";
        let text = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(text.style(ink.theme.style(Tone::Faint)), inner);
        return;
    }
    let width = usize::from(inner.width);
    let rows = live.stack.iter().skip(ink.scroll());
    let lines: Vec<Line<'_>> = rows.map(|(key, gauge)| row(live, key, gauge, ink, width)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn row(
    live: &Live,
    (tier, metric, replica): &(String, String, String),
    gauge: &Gauge,
    ink: Ink,
    width: usize,
) -> Line<'static> {
    const FIGURES: usize = 11;
    let name = if replica.is_empty() {
        format!("{tier}.{metric}")
    } else {
        format!("{tier}.{metric} [{replica}]")
    };
    let room = (width / 2).max(12);
    let name = cut(&format::line(&name, 60), room.saturating_sub(1));
    let value = gauge.last.map_or_else(|| "n/a".to_owned(), format::estimate);
    let exceeded = is_beyond_limit(live, tier, metric, gauge);
    let (value, tone) =
        if exceeded { (format!("!{value}"), Tone::Bad) } else { (value, Tone::Strong) };
    let trend = width.saturating_sub(room + FIGURES + 1).min(40);
    Line::from(vec![
        Span::raw(format!("{name:<room$}")),
        Span::styled(format!("{value:>FIGURES$} "), ink.theme.style(tone)),
        Span::styled(sparkline(gauge.values.iter().copied(), trend), ink.theme.style(Tone::Accent)),
    ])
}

fn is_beyond_limit(live: &Live, tier: &str, metric: &str, gauge: &Gauge) -> bool {
    let Some(value) = gauge.last else { return false };
    live.log.header.objectives.iter().any(|objective| {
        let Measure::Observed(of, what) = &objective.measure else { return false };
        let Some(limit) = objective.limit else { return false };
        of == tier
            && what == metric
            && match objective.bound {
                Bound::AtMost => value.base() > limit.base(),
                Bound::AtLeast => value.base() < limit.base(),
            }
    })
}
