//! The SLO table with the statuses so far: estimate, bounds, how much of the bound is used, trend.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::LiveRun;
use super::context::PanelContext;
use crate::frame::{bar, cut, sparkline, wrapped};
use crate::scrolled::ScrolledText;
use crate::theme::{Theme, Tone, status_tone};
use plimsoll_metrics::{Bound, Objective};
use plimsoll_report::{format, wording};
use plimsoll_slo::JudgedObjective;

pub(super) fn title(live: &LiveRun, area: Rect) -> String {
    let title = match (area.width, live.trimmed) {
        (60.., false) => "SLO so far",
        (60.., true) => "SLO, last 5 min",
        (_, false) => "SLO",
        (_, true) => "SLO, 5 min",
    };
    title.to_owned()
}

pub(super) fn text(live: &LiveRun, ink: PanelContext, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let Some(judgement) = &live.judgement else {
        let text = if live.log.header.objectives.is_empty() {
            "no `slo:` in the scenario; measuring for the default one…"
        } else {
            "measuring…"
        };
        let faint = ink.theme.style(Tone::Faint);
        let lines = wrapped(text, width).into_iter().map(|text| Line::styled(text, faint));
        return ScrolledText { head: lines.collect(), rows: vec![] };
    };
    let columns = SloColumns::of(width, &judgement.objectives, true);
    let row = |(index, judged): (usize, &JudgedObjective)| {
        let trend =
            live.trends.get(index).map(|trend| sparkline(trend.iter().copied().map(Some), TREND));
        columns.row(judged, &trend.unwrap_or_default(), ink.theme)
    };
    let rows = judgement.objectives.iter().enumerate().map(row).collect();
    ScrolledText { head: vec![columns.head(ink.theme)], rows }
}

const TREND: usize = 8;
const GAUGE: usize = 7;
/// Names are cut beyond this.
const NAME: usize = 28;

/// A column behind symbol and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SloColumn {
    Estimate,
    Interval,
    Target,
    Limit,
    Used,
    Trend,
    Status,
}

impl SloColumn {
    /// In the order in which they are shown.
    const ALL: [Self; 7] = [
        Self::Estimate,
        Self::Interval,
        Self::Target,
        Self::Limit,
        Self::Used,
        Self::Trend,
        Self::Status,
    ];
    /// In the order in which they are given room.
    const WANTED: [Self; 7] = [
        Self::Estimate,
        Self::Limit,
        Self::Target,
        Self::Used,
        Self::Trend,
        Self::Status,
        Self::Interval,
    ];

    const fn width(self) -> usize {
        match self {
            Self::Estimate | Self::Target | Self::Limit => 10,
            Self::Interval => 21,
            Self::Used => GAUGE + 1,
            Self::Trend => TREND + 1,
            Self::Status => 13,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::Interval => "95 % interval",
            Self::Target => "target",
            Self::Limit => "limit",
            Self::Used => " used",
            Self::Trend => " trend",
            Self::Status => " status",
        }
    }

    fn head(self) -> String {
        let (title, width) = (self.title(), self.width());
        match self {
            Self::Used | Self::Trend | Self::Status => format!("{title:<width$}"),
            Self::Estimate | Self::Interval | Self::Target | Self::Limit => {
                format!("{title:>width$}")
            }
        }
    }
}

/// Which columns there is room for.
pub(crate) struct SloColumns {
    name: usize,
    shown: Vec<SloColumn>,
}

impl SloColumns {
    /// Columns of a table `width` wide. `live` tables have a trend.
    pub(crate) fn of(width: usize, rows: &[JudgedObjective], live: bool) -> Self {
        let longest = rows.iter().map(|row| wording::objective_short(row).chars().count()).max();
        let name = longest.unwrap_or(8).clamp(8, NAME).min(width.saturating_sub(22).max(8));
        let mut left = width.saturating_sub(2 + name);
        let mut given = Vec::new();
        for column in SloColumn::WANTED {
            if column.width() <= left && (live || column != SloColumn::Trend) {
                left -= column.width();
                given.push(column);
            }
        }
        let shown = SloColumn::ALL.into_iter().filter(|column| given.contains(column)).collect();
        Self { name, shown }
    }

    pub(crate) fn head(&self, theme: Theme) -> Line<'static> {
        let heads: String = self.shown.iter().map(|column| column.head()).collect();
        Line::styled(format!("  {:<w$}{heads}", "", w = self.name), theme.style(Tone::Faint))
    }

    pub(crate) fn row(&self, judged: &JudgedObjective, trend: &str, theme: Theme) -> Line<'static> {
        let tone = theme.style(status_tone(judged.status));
        let name = cut(&wording::objective_short(judged), self.name);
        let mut line = Line::from(vec![
            Span::styled(format!("{} ", wording::status_symbol(judged.status)), tone),
            Span::raw(format!("{name:<w$}", w = self.name)),
        ]);
        for column in &self.shown {
            self.cell(*column, judged, trend, theme).into_iter().for_each(|s| line.push_span(s));
        }
        line
    }

    fn cell(
        &self,
        column: SloColumn,
        judged: &JudgedObjective,
        trend: &str,
        theme: Theme,
    ) -> Vec<Span<'static>> {
        let tone = theme.style(status_tone(judged.status));
        let width = column.width();
        let objective = &judged.objective;
        // Where there is no room for both bounds, the one that decides stands alone.
        let alone = !self.shown.contains(&SloColumn::Target);
        let right = |text: String| vec![Span::raw(format!("{text:>width$}"))];
        match column {
            SloColumn::Estimate => {
                let text = judged.estimate.map_or_else(|| "n/a".to_owned(), format::estimate);
                let text = cut(&text, width - 1);
                vec![Span::styled(format!("{text:>width$}"), theme.style(Tone::Strong))]
            }
            SloColumn::Interval => right(judged.interval.map_or_else(
                || "–".to_owned(),
                |(low, high)| format!("{} … {}", format::estimate(low), format::estimate(high)),
            )),
            SloColumn::Target => right(bound(objective, objective.target)),
            SloColumn::Limit => {
                let spare = if alone { objective.target } else { None };
                right(bound(objective, objective.limit.or(spare)))
            }
            SloColumn::Used => {
                let (filled, rest) = bar(used(judged).unwrap_or(0.0), GAUGE);
                let rest = Span::styled(rest, theme.style(Tone::Faint));
                vec![Span::raw(" "), Span::styled(filled, tone), rest]
            }
            SloColumn::Trend => {
                vec![Span::styled(format!(" {trend:<TREND$}"), theme.style(Tone::Accent))]
            }
            SloColumn::Status => {
                let word = wording::status(judged.status);
                vec![Span::styled(format!(" {word:<w$}", w = width - 1), tone)]
            }
        }
    }
}

fn bound(objective: &Objective, value: Option<plimsoll_units::Quantity>) -> String {
    let sign = match objective.bound {
        Bound::AtMost => '≤',
        Bound::AtLeast => '≥',
    };
    value.map_or_else(|| "–".to_owned(), |value| format!("{sign}{}", format::bound(value)))
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
