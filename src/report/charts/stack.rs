//! The stack's own metrics beside the load, all on one clock.

use super::axis::{Axis, RATE, kind_of};
use super::canvas::ChartSize;
use super::line::{ChartLine, greatest};
use super::time::TimeChart;
use crate::figure::{Figure, StackFigures};
use crate::series::{SeriesPoint, StackSeries};
use crate::{Report, ReportError, format, rows};
use plimsoll_units::Quantity;

/// More panels than this nobody reads.
const MOST: usize = 24;
/// Series colours for replicas.
const INKS: [u8; 6] = [1, 2, 3, 5, 6, 8];
/// That of all replicas which have none of their own.
const OTHERS: u8 = 7;
/// Metrics by how much they show of what a load does to a tier; all others follow.
const TELLING: [&str; 10] = [
    "cpu",
    "memory",
    "connections",
    "queue",
    "pool_waiting",
    "latency",
    "query_p95",
    "hit_ratio",
    "memory_used",
    "requests",
];

/// One metric of one tier, a series a replica.
type StackPanel<'a> = &'a [StackSeries];

/// The load first, then one panel a tier and metric that moved, the most telling ones; what stood still and what
/// found no room is told in words. Nothing where nothing was observed.
pub(super) fn figures(report: &Report) -> Result<StackFigures, ReportError> {
    let series = &report.series.stack;
    if series.is_empty() {
        return Ok(StackFigures::default());
    }
    let panels = series.chunk_by(|a, b| a.tier == b.tier && a.metric == b.metric);
    let (still, mut moving): (Vec<StackPanel<'_>>, Vec<StackPanel<'_>>) =
        panels.partition(|panel| constant(panel).is_some());
    // Stable: within a rank by tier, as they come.
    moving.sort_by_key(|panel| rank(panel));
    let left_out = moving.split_off(moving.len().min(MOST));
    moving.sort_by_key(|panel| panel.first().map(|one| one.tier.as_str()));
    let mut panels = vec![load(report)?];
    for panel in moving {
        panels.push(figure(report, panel)?);
    }
    Ok(StackFigures {
        panels,
        steady: steady(&still),
        left_out: left_out.into_iter().map(title).collect::<Vec<_>>().join(", "),
    })
}

fn rank(panel: StackPanel<'_>) -> usize {
    let metric = panel.first().map_or("", |one| one.metric.as_str());
    TELLING.iter().position(|telling| *telling == metric).unwrap_or(TELLING.len())
}

/// The value that a panel shows at all times; none where it moves or misses data.
fn constant(panel: StackPanel<'_>) -> Option<Quantity> {
    let mut values = panel.iter().flat_map(|series| series.points.iter().map(|&(_, value)| value));
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

/// By tier: what stood still, and at what.
fn steady(panels: &[StackPanel<'_>]) -> Vec<(String, String)> {
    let tier =
        |panel: &StackPanel<'_>| panel.first().map(|one| one.tier.clone()).unwrap_or_default();
    let told = |panel: &StackPanel<'_>| {
        let metric = panel.first().map_or("", |one| one.metric.as_str());
        let value = constant(panel).map_or(rows::NONE.to_owned(), format::estimate);
        format!("{} {value}", format::line(metric, 40))
    };
    panels
        .chunk_by(|a, b| tier(a) == tier(b))
        .map(|of_tier| {
            let all: Vec<String> = of_tier.iter().map(told).collect();
            (
                of_tier.first().map(tier).map_or(String::new(), |name| format::line(&name, 40)),
                all.join(", "),
            )
        })
        .collect()
}

/// `api · cpu`
fn title(panel: StackPanel<'_>) -> String {
    let name = |text: &str| format::line(text, 40);
    let first = panel.first();
    first.map_or_else(String::new, |one| format!("{} · {}", name(&one.tier), name(&one.metric)))
}

fn load(report: &Report) -> Result<Figure, ReportError> {
    let finished = |point: &SeriesPoint| Some(point.rate(point.requests).get());
    let points = super::run::points(&report.series.points, finished);
    let lines = vec![ChartLine::new(1, "requests finished", points)];
    TimeChart {
        title: "Load".into(),
        about: "requests finished per second".into(),
        size: ChartSize::SMALL,
        y: Axis::linear(greatest(&lines), RATE, 3),
        kind: RATE,
        lines,
        fine: vec![],
        limits: vec![],
        band: None,
        step: None,
        keyed: false,
    }
    .figure(report)
}

fn figure(report: &Report, panel: StackPanel<'_>) -> Result<Figure, ReportError> {
    let lines = lines(panel);
    let all =
        || panel.iter().flat_map(|series| series.points.iter().filter_map(|&(_, value)| value));
    let kind = all().next().map_or(Quantity::Count(0.0), kind_of);
    let most = all().max_by(|a, b| a.base().total_cmp(&b.base()));
    let most = most.map_or(rows::NONE.to_owned(), format::estimate);
    TimeChart {
        title: title(panel),
        about: format!("peak {most}"),
        size: ChartSize::SMALL,
        y: Axis::linear(greatest(&lines), kind, 3),
        kind,
        keyed: panel.len() > 1,
        lines,
        fine: vec![],
        limits: vec![],
        band: None,
        step: None,
    }
    .figure(report)
}

/// A line a replica. Of more than there are colours, those with the highest peaks have one of their own and stand last,
/// above the others, which share one.
fn lines(panel: StackPanel<'_>) -> Vec<ChartLine> {
    let line = |series: &StackSeries, ink| {
        let place = |&(x, value): &(f64, Option<Quantity>)| value.map(|value| (x, value.base()));
        let replica = format::line(&series.replica, 30);
        ChartLine::new(ink, format!("replica {replica}"), series.points.iter().map(place).collect())
    };
    if panel.len() <= INKS.len() {
        return panel.iter().zip(INKS).map(|(series, ink)| line(series, ink)).collect();
    }
    let peak = |series: &StackSeries| {
        let values = series.points.iter().filter_map(|&(_, value)| value);
        values.map(Quantity::base).fold(f64::NEG_INFINITY, f64::max)
    };
    let mut highest: Vec<&StackSeries> = panel.iter().collect();
    highest.sort_by(|a, b| peak(b).total_cmp(&peak(a)));
    let (named, others) = highest.split_at(INKS.len());
    let others = others.iter().map(|series| line(series, OTHERS));
    others.chain(named.iter().zip(INKS).map(|(series, ink)| line(series, ink))).collect()
}
