//! The stack's own metrics: a line each, with its trend and the bound that the SLO table sets.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::Ink;
use super::signals::{SignalLive, SignalState};
use super::{Gauge, Live};
use crate::metrics::{Bound, Measure};
use crate::report::format;
use crate::tui::frame::{cut, panel, sparkline, wrapped};
use crate::tui::theme::Tone;

pub(super) fn draw(live: &Live, ink: Ink, frame: &mut Frame<'_>, area: Rect) {
    let block = panel(ink.theme, "stack", ink.chosen);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let mut lines: Vec<Line<'_>> =
        live.stack.iter().map(|(key, gauge)| row(live, key, gauge, ink, width)).collect();
    if live.stack.is_empty() {
        let text =
            "nothing observes the stack: `observe:` in stack.yaml says where its metrics are";
        let faint = ink.theme.style(Tone::Faint);
        lines.extend(wrapped(text, width).into_iter().map(|text| Line::styled(text, faint)));
    }
    if !live.signals.is_empty() {
        lines.push(Line::styled("scaling signals", ink.theme.style(Tone::Title)));
        lines.extend(live.signals.iter().map(|signal| signal_row(signal, ink, width)));
    }
    let lines: Vec<Line<'_>> = lines.into_iter().skip(ink.scroll()).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// `▲ api.cpu > 70% for 2m   FIRES since 1:20`.
fn signal_row(live: &SignalLive, ink: Ink, width: usize) -> Line<'static> {
    let (symbol, text, tone) = match live.state() {
        SignalState::NotObserved => ("–", "not observed".to_owned(), Tone::Faint),
        SignalState::Quiet => ("✔", "quiet".to_owned(), Tone::Good),
        SignalState::Holding(time) => {
            ("◔", format!("holds for {:.0} s", time.as_secs_f64()), Tone::Warning)
        }
        SignalState::Firing(since) => ("▲", format!("FIRES since {since}"), Tone::Bad),
    };
    let room = width.saturating_sub(text.chars().count() + 3);
    let name = cut(&format::line(&live.signal.text, 80), room);
    Line::from(vec![
        Span::styled(format!("{symbol} "), ink.theme.style(tone)),
        Span::raw(format!("{name:<room$} ")),
        Span::styled(text, ink.theme.style(tone)),
    ])
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
