//! The SLO table with the statuses so far: estimate, bounds, how much of the bound is used, trend.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::Ink;
use super::Live;
use crate::metrics::{Bound, Objective};
use crate::report::{format, wording};
use crate::slo::JudgedObjective;
use crate::tui::frame::{bar, cut, panel, sparkline};
use crate::tui::theme::{Theme, Tone, status_tone};

pub(super) fn draw(live: &Live, ink: Ink, frame: &mut Frame<'_>, area: Rect) {
    let title = if area.width >= 60 { "SLO so far" } else { "SLO" };
    let block = panel(ink.theme, title, ink.chosen);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let Some(judgement) = &live.judgement else {
        let text = if live.log.header.objectives.is_empty() {
            "the scenario sets no objective"
        } else {
            "measuring…"
        };
        frame.render_widget(Paragraph::new(text).style(ink.theme.style(Tone::Faint)), inner);
        return;
    };
    let columns = Columns::of(width, &judgement.objectives);
    let mut lines = vec![columns.head(ink.theme)];
    let rows = judgement.objectives.iter().enumerate().skip(ink.scroll());
    lines.extend(rows.map(|(index, judged)| {
        let trend = live.trends.get(index).map(|trend| sparkline(trend.iter().copied(), TREND));
        columns.row(judged, &trend.unwrap_or_default(), ink.theme)
    }));
    frame.render_widget(Paragraph::new(lines), inner);
}

const TREND: usize = 10;
const GAUGE: usize = 10;

/// Which columns there is room for.
pub(in crate::tui) struct Columns {
    name: usize,
    target: bool,
    gauge: bool,
    trend: bool,
    word: bool,
}

impl Columns {
    pub(in crate::tui) fn of(width: usize, rows: &[JudgedObjective]) -> Self {
        let longest = rows.iter().map(|row| wording::objective_short(row).chars().count()).max();
        // Symbol, estimate and bound always.
        let mut left = width.saturating_sub(2 + 10 + 10);
        let mut take = |wanted: usize| {
            let fits = left >= wanted + 12;
            if fits {
                left -= wanted;
            }
            fits
        };
        let word = take(13);
        let gauge = take(GAUGE + 1);
        let target = take(10);
        let trend = take(TREND + 1);
        Self { name: longest.unwrap_or(8).clamp(8, left.clamp(8, 28)), target, gauge, trend, word }
    }

    /// The same for a run that is over.
    pub(in crate::tui) fn without_trend(self) -> Self {
        Self { trend: false, ..self }
    }

    pub(in crate::tui) fn head(&self, theme: Theme) -> Line<'static> {
        let mut text = format!("  {:<w$}{:>10}", "", "estimate", w = self.name);
        if self.target {
            text.push_str(&format!("{:>10}", "target"));
        }
        text.push_str(&format!("{:>10}", "limit"));
        if self.gauge {
            text.push_str(&format!(" {:<GAUGE$}", "used"));
        }
        if self.trend {
            text.push_str(&format!(" {:<TREND$}", "trend"));
        }
        if self.word {
            text.push_str(" status");
        }
        Line::styled(text, theme.style(Tone::Faint))
    }

    pub(in crate::tui) fn row(
        &self,
        judged: &JudgedObjective,
        trend: &str,
        theme: Theme,
    ) -> Line<'static> {
        let tone = theme.style(status_tone(judged.status));
        let faint = theme.style(Tone::Faint);
        let name = cut(&wording::objective_short(judged), self.name);
        let estimate = judged.estimate.map_or_else(|| "n/a".to_owned(), brief);
        let mut spans = vec![
            Span::styled(format!("{} ", wording::status_symbol(judged.status)), tone),
            Span::raw(format!("{name:<w$}", w = self.name)),
            Span::styled(format!("{estimate:>10}"), theme.style(Tone::Strong)),
        ];
        let objective = &judged.objective;
        if self.target {
            spans.push(Span::raw(format!("{:>10}", bound(objective, objective.target))));
        }
        let hard = objective.limit.or(if self.target { None } else { objective.target });
        spans.push(Span::raw(format!("{:>10}", bound(objective, hard))));
        if self.gauge {
            let (filled, rest) = bar(used(judged).unwrap_or(0.0), GAUGE);
            spans.extend([Span::raw(" "), Span::styled(filled, tone), Span::styled(rest, faint)]);
        }
        if self.trend {
            spans.push(Span::styled(format!(" {trend:<TREND$}"), theme.style(Tone::Accent)));
        }
        if self.word {
            spans.push(Span::styled(format!(" {}", wording::status(judged.status)), tone));
        }
        Line::from(spans)
    }
}

fn bound(objective: &Objective, value: Option<crate::units::Quantity>) -> String {
    let sign = match objective.bound {
        Bound::AtMost => '≤',
        Bound::AtLeast => '≥',
    };
    value.map_or_else(|| "–".to_owned(), |value| format!("{sign}{}", format::bound(value)))
}

/// An estimate in ten columns.
fn brief(value: crate::units::Quantity) -> String {
    cut(&format::estimate(value), 10)
}

/// How much of the bound is used up: 1 is all of it.
fn used(judged: &JudgedObjective) -> Option<f64> {
    let estimate = judged.estimate?.base();
    let bound = judged.objective.limit.or(judged.objective.target)?.base();
    let share = match judged.objective.bound {
        Bound::AtMost => estimate / bound,
        // Of what may be missing at the most, how much is missing.
        Bound::AtLeast if bound < 1.0 => (1.0 - estimate) / (1.0 - bound),
        Bound::AtLeast => bound / estimate,
    };
    share.is_finite().then_some(share)
}
