//! The stack's own metrics: a line each, with its trend and the bound that the SLO table sets.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::context::PanelContext;
use super::signals::{SignalLive, SignalState};
use super::{LiveRun, MetricGauge};
use crate::frame::{cut, sparkline, wrapped};
use crate::scrolled::ScrolledText;
use crate::theme::Tone;
use plimsoll_metrics::{Bound, Measure};
use plimsoll_report::format;
use plimsoll_units::Quantity;

pub(super) fn text(live: &LiveRun, ink: PanelContext, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    if !live.signals.is_empty() {
        lines.push(Line::styled("scaling signals", ink.theme.style(Tone::Faint)));
        lines.extend(live.signals.iter().map(|signal| signal_row(signal, ink, width)));
        lines.push(Line::styled("metrics", ink.theme.style(Tone::Faint)));
    }
    let alone = ink.look.zoomed;
    let rows = rows(live, alone);
    if rows.is_empty() {
        let text =
            "nothing observes the stack: `observe:` in stack.yaml says where its metrics are";
        let faint = ink.theme.style(Tone::Faint);
        lines.extend(wrapped(text, width).into_iter().map(|text| Line::styled(text, faint)));
    }
    lines.extend(rows.iter().map(|found| row(live, found, ink, width)));
    ScrolledText { head: vec![], rows: lines }
}

/// A line of the panel: a metric of one replica, or of all replicas together.
struct StackRow<'a> {
    tier: &'a str,
    metric: &'a str,
    /// `[2]` for a replica, `×3` for all of three.
    of: String,
    gauge: Cow<'a, MetricGauge>,
    /// The replicas' own gauges: each must keep its bounds.
    parts: Vec<&'a MetricGauge>,
}

/// The panel alone tells replicas apart; beside others it shows them together.
fn rows(live: &LiveRun, alone: bool) -> Vec<StackRow<'_>> {
    let mut rows: Vec<StackRow<'_>> = Vec::new();
    for ((tier, metric, replica), gauge) in &live.stack {
        match rows.last_mut() {
            Some(last) if !alone && last.tier == tier && last.metric == metric => {
                last.parts.push(gauge);
            }
            _ => rows.push(StackRow {
                tier,
                metric,
                of: if replica.is_empty() { String::new() } else { format!(" [{replica}]") },
                gauge: Cow::Borrowed(gauge),
                parts: vec![gauge],
            }),
        }
    }
    for row in rows.iter_mut().filter(|row| row.parts.len() > 1) {
        row.of = format!(" ×{}", row.parts.len());
        row.gauge = Cow::Owned(together(&row.parts));
    }
    rows
}

/// Shares and times of replicas are averaged; what is counted is added up.
fn together(parts: &[&MetricGauge]) -> MetricGauge {
    let known: Vec<Quantity> = parts.iter().filter_map(|gauge| gauge.last).collect();
    let combined = |values: &mut dyn Iterator<Item = f64>, averaged: bool| {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let count = if averaged { values.len() as f64 } else { 1.0 };
        if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / count }
    };
    let averaged = matches!(known.first(), Some(Quantity::Share(_) | Quantity::Time(_)));
    let last = known.first().map(|first| {
        let value = combined(&mut known.iter().map(|known| known.base()), averaged);
        first.with_base(value)
    });
    let length = parts.iter().map(|gauge| gauge.values.len()).max().unwrap_or(0);
    let at = |back: usize| {
        // Aligned at the last second: a replica that came later has fewer.
        let mut values =
            parts.iter().filter_map(|gauge| gauge.values.iter().rev().nth(back).copied());
        combined(&mut values, averaged)
    };
    MetricGauge { values: (0..length).rev().map(at).collect(), last }
}

/// `▲ api.cpu > 70% for 2m   FIRES since 1:20`.
fn signal_row(live: &SignalLive, ink: PanelContext, width: usize) -> Line<'static> {
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

fn row(live: &LiveRun, found: &StackRow<'_>, ink: PanelContext, width: usize) -> Line<'static> {
    const FIGURES: usize = 11;
    let StackRow { tier, metric, of, gauge, parts } = found;
    let name = format!("{tier}.{metric}{of}");
    let room = (width / 2).clamp(12, 30);
    let name = cut(&format::line(&name, 60), room.saturating_sub(1));
    let value = gauge.last.map_or_else(|| "n/a".to_owned(), format::estimate);
    let exceeded = parts.iter().any(|part| is_beyond_limit(live, tier, metric, part));
    let (value, tone) =
        if exceeded { (format!("!{value}"), Tone::Bad) } else { (value, Tone::Strong) };
    let trend = width.saturating_sub(room + FIGURES + 1).min(60);
    Line::from(vec![
        Span::raw(format!("{name:<room$}")),
        Span::styled(format!("{value:>FIGURES$} "), ink.theme.style(tone)),
        Span::styled(
            sparkline(gauge.values.iter().copied().map(Some), trend),
            ink.theme.style(Tone::Accent),
        ),
    ])
}

fn is_beyond_limit(live: &LiveRun, tier: &str, metric: &str, gauge: &MetricGauge) -> bool {
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
