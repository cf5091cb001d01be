//! A map of response times: a column a second, a row a range of time, dark where many requests are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::context::PanelContext;
use super::{HEAT_ROWS, LiveRun, heat_bounds};
use crate::frame::panel;
use crate::theme::Tone;
use plimsoll_report::{format, heat_shade};
use plimsoll_units::Quantity;

/// Columns of the axis: `≤ 500 ms`.
const LABEL: usize = 9;

/// Shades, from few to many; told by their density as well as by colour.
const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];

pub(super) fn draw(live: &LiveRun, ink: PanelContext, frame: &mut Frame<'_>, area: Rect) {
    let block = panel(ink.theme, "response times, s by s  · few  █ most", ink.chosen);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width).saturating_sub(LABEL + 1);
    let skip = live.past.heat.len().saturating_sub(columns);
    let seconds: Vec<&[u64; HEAT_ROWS]> = live.past.heat.iter().skip(skip).collect();
    let filled = |row: usize| seconds.iter().any(|second| second[row] > 0);
    let (Some(low), Some(high)) =
        ((0..HEAT_ROWS).find(|row| filled(*row)), (0..HEAT_ROWS).rfind(|row| filled(*row)))
    else {
        let text = Line::styled("no request has ended yet", ink.theme.style(Tone::Faint));
        frame.render_widget(Paragraph::new(text), inner);
        return;
    };
    // Where there are fewer rows than ranges, the slowest ones stay: they are what is looked for.
    let rows = usize::from(inner.height);
    let spare = rows.saturating_sub(high + 1 - low);
    let high = (high + spare.min(1)).min(HEAT_ROWS - 1);
    let lines: Vec<Line<'_>> =
        (low..=high).rev().take(rows).map(|row| line(row, &seconds, ink)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line(row: usize, seconds: &[&[u64; HEAT_ROWS]], ink: PanelContext) -> Line<'static> {
    let label = match heat_bounds(row) {
        Some(bound) => format!("≤ {}", format::bound(Quantity::Time(bound))),
        None => "more".to_owned(),
    };
    let mut spans = vec![Span::styled(format!("{label:>LABEL$} "), ink.theme.style(Tone::Faint))];
    for second in seconds {
        let all: u64 = second.iter().sum();
        spans.push(cell(second[row], all, ink));
    }
    Line::from(spans)
}

fn cell(count: u64, all: u64, ink: PanelContext) -> Span<'static> {
    let Some(shade) = usize::from(heat_shade(count, all)).checked_sub(1) else {
        return Span::raw(" ");
    };
    Span::styled(SHADES[shade], ink.theme.shade(shade))
}
