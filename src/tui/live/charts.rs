//! Charts over time: the rate, and response times on a logarithmic axis with the lines of the SLO.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::LiveRun;
use super::context::PanelContext;
use super::past::PastPoint;
use crate::frame::{fitting, panel};
use crate::page::ChartSpan;
use crate::theme::Tone;
use plimsoll_metrics::{Measure, Scope};
use plimsoll_report::format;
use plimsoll_units::{Nanos, Quantity, Rate, RunTime};

/// The shortest stretch shown, so that the first seconds do not jump.
const SHORTEST_S: f64 = 20.0;

type ChartPoints = Vec<(f64, f64)>;

/// From when to when the charts reach, in seconds.
fn stretch(live: &LiveRun, span: ChartSpan) -> [f64; 2] {
    let now = live.past.last().at;
    let first = live.past.points.front().map_or(0.0, |point| (point.at - 1.0).max(0.0));
    let from = match span {
        ChartSpan::All => first,
        ChartSpan::FiveMinutes => (now - 300.0).max(first),
        ChartSpan::OneMinute => (now - 60.0).max(first),
    };
    [from, now.max(from + SHORTEST_S)]
}

/// One point a column of dots, the greatest of its seconds: a spike survives any width.
fn series(
    live: &LiveRun,
    [from, to]: [f64; 2],
    columns: usize,
    value: impl Fn(&PastPoint) -> Option<f64>,
) -> ChartPoints {
    let width = (to - from) / columns.max(1) as f64;
    let mut points: ChartPoints = Vec::new();
    let mut column = usize::MAX;
    for point in live.past.points.iter().filter(|point| point.at >= from) {
        let Some(value) = value(point) else { continue };
        let here = ((point.at - from) / width) as usize;
        match points.last_mut() {
            Some(last) if here == column => last.1 = last.1.max(value),
            _ => points.push((point.at, value)),
        }
        column = here;
    }
    points
}

fn columns(area: Rect) -> usize {
    // Braille has two dots a column.
    usize::from(area.width) * 2
}

/// Offered, achieved and failed requests a second.
pub(super) fn rate(live: &LiveRun, ink: PanelContext, frame: &mut Frame<'_>, area: Rect) {
    let window = stretch(live, ink.look.span);
    let of = |value: fn(&PastPoint) -> f64| series(live, window, columns(area), |p| Some(value(p)));
    let achieved = of(|point| point.achieved);
    let offered = of(|point| point.offered);
    let failed = of(|point| point.failed);
    let top = round_up(offered.iter().chain(&achieved).map(|point| point.1).fold(1.0, f64::max));
    let theme = ink.theme;
    let mut datasets = vec![
        braille(&achieved, GraphType::Area, theme.style(Tone::Accent)),
        braille(&offered, GraphType::Line, theme.style(Tone::Plain)),
    ];
    if failed.iter().any(|point| point.1 > 0.0) {
        datasets.push(braille(&failed, GraphType::Area, theme.style(Tone::Bad)));
    }
    let last = live.past.last();
    let shown = |value| format::rate(Rate::per_second(value));
    let legend = vec![
        vec![Span::styled(
            format!("▮ achieved {}", shown(last.achieved)),
            theme.style(Tone::Accent),
        )],
        vec![Span::styled(format!("─ offered {}", shown(last.offered)), theme.style(Tone::Plain))],
        vec![Span::styled(format!("▮ failed {}", shown(last.failed)), theme.style(Tone::Bad))],
    ];
    let y = Axis::default()
        .bounds([0.0, top])
        .labels([0.0, 0.5, 1.0].map(|share| format!("{:>6}", tick(top * share))))
        .style(theme.style(Tone::Faint));
    let title = if area.width >= 60 { "requests a second" } else { "req/s" };
    draw_chart(ChartData { title, legend, datasets, window, y }, ink, frame, area);
}

/// p50, p95 and p99 of response time.
pub(super) fn times(live: &LiveRun, ink: PanelContext, frame: &mut Frame<'_>, area: Rect) {
    let window = stretch(live, ink.look.span);
    let of =
        |index: usize| series(live, window, columns(area), |point| Some(log(point.times?[index])));
    let lines = [of(2), of(1), of(0)];
    let bounds = slo_lines(live);
    let (bottom, top) = range(&lines, &bounds);
    let theme = ink.theme;
    let dots: Vec<(ChartPoints, Tone)> = bounds
        .iter()
        .map(|(_, at, tone)| (dotted(window, *at, usize::from(area.width)), *tone))
        .collect();
    let mut datasets: Vec<Dataset<'_>> = dots
        .iter()
        .map(|(points, tone)| {
            Dataset::default().marker(Marker::Dot).style(theme.style(*tone)).data(points)
        })
        .collect();
    let tones = [Tone::Highest, Tone::High, Tone::Median];
    for (points, tone) in lines.iter().zip(tones) {
        datasets.push(braille(points, GraphType::Line, theme.style(tone)));
    }
    let y = Axis::default()
        .bounds([bottom, top])
        .labels(decades(bottom, top, area.height).map(|label| format!("{label:>6}")))
        .style(theme.style(Tone::Faint));
    let title = if area.width >= 60 { "response time" } else { "time" };
    let legend = times_legend(live, ink, &bounds, area.width < 60);
    draw_chart(ChartData { title, legend, datasets, window, y }, ink, frame, area);
}

fn times_legend(
    live: &LiveRun,
    ink: PanelContext,
    bounds: &[SloLine],
    narrow: bool,
) -> Vec<Vec<Span<'static>>> {
    let last = live.past.last().times;
    let value = |index: usize| match last {
        None => "–".to_owned(),
        Some(ms) if narrow => brief(ms[index]),
        Some(ms) => format::time(Nanos::from_secs_f64(ms[index] / 1e3)),
    };
    let tones = [("p50", Tone::Median), ("p95", Tone::High), ("p99", Tone::Highest)];
    let quantiles = tones.iter().enumerate().map(|(index, (name, tone))| {
        Span::styled(format!("{name} {}", value(index)), ink.theme.style(*tone))
    });
    if narrow {
        let mut together: Vec<Span<'static>> = Vec::new();
        for span in quantiles {
            together.extend([span, Span::raw(" ")]);
        }
        together.pop();
        return vec![together];
    }
    let mut legend: Vec<Vec<Span<'static>>> = quantiles.map(|span| vec![span]).collect();
    legend.extend(
        bounds.iter().map(|(name, _, tone)| {
            vec![Span::styled(format!("•• {name}"), ink.theme.style(*tone))]
        }),
    );
    legend
}

/// A line of the SLO: its name, its height (log of ms), its tone.
type SloLine = (String, f64, Tone);

/// Targets and limits of the run's p50, p95 and p99. Limits are told by name, not by colour alone.
fn slo_lines(live: &LiveRun) -> Vec<SloLine> {
    let mut found = Vec::new();
    for objective in &live.log.header.objectives {
        let (Scope::Run, Measure::ResponseTime(_)) = (&objective.scope, &objective.measure) else {
            continue;
        };
        if let Some(Quantity::Time(limit)) = objective.limit {
            let name = format!("{} max {}", objective.name, format::bound(Quantity::Time(limit)));
            found.push((format::line(&name, 30), log(limit.as_millis_f64()), Tone::Bad));
        }
    }
    found
}

fn dotted([from, to]: [f64; 2], at: f64, width: usize) -> ChartPoints {
    let dots = (width / 4).max(2);
    (0..=dots).map(|dot| (from + (to - from) * dot as f64 / dots as f64, at)).collect()
}

pub(crate) fn log(ms: f64) -> f64 {
    ms.max(0.001).log10()
}

/// The powers of ten from one end of the axis to the other: as many as have room, none between two of them.
fn decades(bottom: f64, top: f64, height: u16) -> impl Iterator<Item = String> {
    let (first, last) = (bottom.round() as i32, top.round() as i32);
    let room = i32::from(height.saturating_sub(4)).max(1);
    let span = (last - first).max(1);
    // Labels stand at equal distances, so every step has to fit in the whole.
    let step = (1..=span).find(|step| span % step == 0 && span / step <= room).unwrap_or(span);
    (first..=last).step_by(step.unsigned_abs() as usize).map(|power| brief(10f64.powi(power)))
}

/// Room for all lines, in whole powers of ten.
fn range(lines: &[ChartPoints], bounds: &[SloLine]) -> (f64, f64) {
    let values = || {
        let measured = lines.iter().flatten().map(|point| point.1);
        measured.chain(bounds.iter().map(|bound| bound.1))
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if !low.is_finite() {
        return (0.0, 3.0);
    }
    let low = (low + 0.001).floor();
    (low, (high - 0.001).ceil().max(low + 1.0))
}

/// The next value that reads well on an axis, as does half of it: 300 for 228.
pub(crate) fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    // Half of each reads well too.
    let steps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0];
    let found = steps.into_iter().map(|step| step * power).find(|top| *top > value * 1.02);
    found.unwrap_or(power * 20.0)
}

/// A rate on an axis.
pub(crate) fn tick(value: f64) -> String {
    if value > 0.0 && value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A time in few characters, for an axis: `12ms`, `1.2s`.
pub(crate) fn brief(ms: f64) -> String {
    match ms {
        ms if ms >= 10_000.0 => format!("{:.0}s", ms / 1e3),
        ms if ms >= 1_000.0 => format!("{:.1}s", ms / 1e3),
        ms if ms >= 10.0 => format!("{ms:.0}ms"),
        ms if ms >= 1.0 => format!("{ms:.1}ms"),
        ms => format!("{:.0}µs", ms * 1e3),
    }
}

fn braille(points: &[(f64, f64)], kind: GraphType, style: Style) -> Dataset<'_> {
    Dataset::default().marker(Marker::Braille).graph_type(kind).style(style).data(points)
}

struct ChartData<'a> {
    title: &'a str,
    legend: Vec<Vec<Span<'static>>>,
    datasets: Vec<Dataset<'a>>,
    window: [f64; 2],
    y: Axis<'a>,
}

fn draw_chart(picture: ChartData<'_>, ink: PanelContext, frame: &mut Frame<'_>, area: Rect) {
    let title = picture.title;
    let room = usize::from(area.width).saturating_sub(title.len() + if ink.chosen { 8 } else { 6 });
    let legend = fitting(picture.legend, room);
    let mut block = panel(ink.theme, title, ink.chosen);
    if legend.width() > 0 {
        let mut spaced = Line::from(" ");
        spaced.spans.extend(legend.spans);
        spaced.push_span(Span::raw(" "));
        block = block.title(spaced.alignment(Alignment::Right));
    }
    let moment = |s: f64| (RunTime::ZERO + Nanos::from_secs_f64(s)).to_string();
    let [from, to] = picture.window;
    let x = Axis::default()
        .bounds(picture.window)
        .labels([moment(from), moment(f64::midpoint(from, to)), moment(to)])
        .style(ink.theme.style(Tone::Faint));
    let chart = Chart::new(picture.datasets).block(block).x_axis(x).y_axis(picture.y);
    frame.render_widget(chart.legend_position(None), area);
}
