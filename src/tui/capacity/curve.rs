//! The curve: response time against rate, with the line of the SLO, the bracket and the next rate.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::super::search_view::{SearchView, StepOutcome};
use super::wording::{outcome_symbol, outcome_tone};
use crate::frame::{fitting, panel};
use crate::live::charts::{brief, log, round_up, tick};
use crate::theme::{Theme, Tone};
use plimsoll_report::format;

type CurvePoints = Vec<(f64, f64)>;

/// What is drawn, on a linear axis of rates and a logarithmic one of milliseconds.
struct CurveData {
    within: CurvePoints,
    beyond: CurvePoints,
    invalid: CurvePoints,
    /// The highest time at each rate, by rate.
    path: CurvePoints,
    /// The height of the SLO's line.
    limit: Option<f64>,
    /// The rate that is measured now.
    next: Option<f64>,
    right: f64,
    bottom: f64,
    top: f64,
}

impl CurveData {
    fn of(search: &SearchView) -> Self {
        let points = |wanted: fn(StepOutcome) -> bool| -> CurvePoints {
            let steps = search.steps.iter().filter(|step| wanted(step.outcome));
            steps
                .filter_map(|step| Some((step.rate.get(), log(step.time?.as_millis_f64()))))
                .collect()
        };
        let within = points(|outcome| outcome == StepOutcome::Within);
        let beyond = points(|outcome| {
            use StepOutcome::{Exceeds, Stopped, Throttled};
            matches!(outcome, Exceeds | Stopped(_) | Throttled)
        });
        let invalid = points(|outcome| outcome == StepOutcome::Invalid);
        let mut path: CurvePoints = within.iter().chain(&beyond).copied().collect();
        path.sort_by(|a, b| a.0.total_cmp(&b.0));
        let limit = search
            .timed()
            .and_then(plimsoll_capacity::slo_limits::SloLimit::limit)
            .map(|limit| log(limit * 1e3));
        let next = search.doing.as_ref().map(|doing| doing.rate.get());
        let heights = || path.iter().map(|point| point.1).chain(limit);
        let (low, high) =
            (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
        let (bottom, top) =
            if low.is_finite() { (low - 0.15, (high + 0.15).max(low + 1.0)) } else { (0.0, 3.0) };
        let right = path.iter().map(|point| point.0).chain(next).fold(1.0, f64::max);
        Self { within, beyond, invalid, path, limit, next, right: round_up(right), bottom, top }
    }
}

pub(super) fn draw(search: &SearchView, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let curve = CurveData::of(search);
    let level = curve.limit.map(|at| row(curve.right, at, area)).unwrap_or_default();
    let next: CurvePoints = curve.next.map(|at| column(at, &curve, area)).unwrap_or_default();
    let mark = |points, outcome| {
        Dataset::default()
            .marker(Marker::Custom(outcome_symbol(outcome)))
            .graph_type(GraphType::Scatter)
            .style(theme.style(outcome_tone(outcome)))
            .data(points)
    };
    let dots =
        |points, tone| Dataset::default().marker(Marker::Dot).style(theme.style(tone)).data(points);
    let datasets = vec![
        dots(&level, Tone::Bad),
        Dataset::default().marker(Marker::Custom('┊')).style(theme.style(Tone::Accent)).data(&next),
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(theme.style(Tone::Faint))
            .data(&curve.path),
        mark(&curve.invalid, StepOutcome::Invalid),
        mark(&curve.within, StepOutcome::Within),
        mark(&curve.beyond, StepOutcome::Exceeds),
    ];
    let y = Axis::default()
        .bounds([curve.bottom, curve.top])
        .labels([0.0, 0.5, 1.0].map(|share| {
            let ms = 10f64.powf(curve.bottom + (curve.top - curve.bottom) * share);
            format!("{:>6}", brief(ms))
        }))
        .style(theme.style(Tone::Faint));
    let x = Axis::default()
        .bounds([0.0, curve.right])
        .labels([0.0, 0.5, 1.0].map(|share| tick(curve.right * share)))
        .style(theme.style(Tone::Faint));
    let title = format!("{} against req/s", search.timed_name());
    let room = usize::from(area.width).saturating_sub(title.len() + 6);
    let mut block = panel(theme, &title, false);
    let legend = fitting(legend(search, theme), room);
    if legend.width() > 0 {
        let mut spaced = Line::from(" ");
        spaced.spans.extend(legend.spans);
        spaced.push_span(Span::raw(" "));
        block = block.title(spaced.alignment(Alignment::Right));
    }
    let chart = Chart::new(datasets).block(block).x_axis(x).y_axis(y);
    frame.render_widget(chart.legend_position(None), area);
}

fn legend(search: &SearchView, theme: Theme) -> Vec<Vec<Span<'static>>> {
    let mut legend = vec![
        vec![Span::styled("✔ within", theme.style(Tone::Good))],
        vec![Span::styled("✖ exceeds", theme.style(Tone::Bad))],
    ];
    if let Some(limit) = search.timed().and_then(plimsoll_capacity::slo_limits::SloLimit::limit) {
        let limit = plimsoll_units::Nanos::from_secs_f64(limit);
        legend.push(vec![Span::styled(
            format!("•• max {}", format::time(limit)),
            theme.style(Tone::Bad),
        )]);
    }
    legend.push(vec![Span::styled("┊ next", theme.style(Tone::Accent))]);
    legend
}

/// Dots from left to right at one height.
fn row(right: f64, at: f64, area: Rect) -> CurvePoints {
    let dots = usize::from(area.width / 4).max(2);
    (0..=dots).map(|dot| (right * dot as f64 / dots as f64, at)).collect()
}

/// Marks from the bottom to the top at one rate.
fn column(at: f64, curve: &CurveData, area: Rect) -> CurvePoints {
    let rows = usize::from(area.height).max(2);
    let step = (curve.top - curve.bottom) / rows as f64;
    (0..=rows).map(|row| (at, curve.bottom + step * row as f64)).collect()
}
