//! Charts of the whole run over time: load, response times, errors, requests in flight, the generator.

use std::collections::BTreeMap;

use super::axis::{Axis, COUNT, RATE, TIME};
use super::canvas::ChartSize;
use super::line::{ChartLine, LinePoint, greatest};
use super::time::TimeChart;
use crate::baseline::BaselineRange;
use crate::figure::Figure;
use crate::series::SeriesPoint;
use crate::{Report, ReportError, format};
use plimsoll_metrics::{ErrorClass, LoadModel};
use plimsoll_slo::gate::RunSummary;
use plimsoll_units::{Nanos, Quantity};

/// All of them, in the order of the page.
pub(super) fn figures(
    report: &Report,
    baseline: Option<&BaselineRange>,
) -> Result<Vec<Figure>, ReportError> {
    let mut charts = vec![load(report), response_times(report, baseline)];
    if !report.errors.is_empty() {
        charts.push(errors(report));
    }
    charts.push(in_flight(report));
    charts.push(generator(report));
    charts.into_iter().map(|chart| chart.figure(report)).collect()
}

/// One value a point of the run.
pub(super) fn points(
    series: &[SeriesPoint],
    value: impl Fn(&SeriesPoint) -> Option<f64>,
) -> Vec<LinePoint> {
    let place = |point: &SeriesPoint| value(point).map(|value| (point.middle_s(), value));
    series.iter().map(place).collect()
}

fn each(report: &Report) -> String {
    let bucket = report.series.bucket;
    if bucket.as_secs_f64() > 1.0 {
        format!(" One point is {} merged.", format::duration(bucket))
    } else {
        String::new()
    }
}

/// What makes the lines of a chart out of the points of a run.
type Lines<'a> = &'a dyn Fn(&[SeriesPoint]) -> Vec<ChartLine>;

/// A chart of half the page's width with a line for each of several figures.
fn chart(
    report: &Report,
    title: &str,
    about: &str,
    (kind, lines): (Quantity, Lines<'_>),
) -> TimeChart {
    let drawn = lines(&report.series.points);
    TimeChart {
        title: title.to_owned(),
        about: format!("{about}{}", each(report)),
        size: ChartSize::LARGE,
        y: Axis::linear(greatest(&drawn), kind, 4),
        kind,
        keyed: drawn.len() > 1,
        lines: drawn,
        fine: lines(&report.series.fine),
        limits: vec![],
        band: None,
        step: None,
    }
}

/// Requests a second by what became of them, and the arrivals that made them.
pub(super) fn load_lines(report: &Report, series: &[SeriesPoint]) -> Vec<ChartLine> {
    let rate = |count: fn(&SeriesPoint) -> u64| {
        points(series, |point| Some(point.rate(count(point)).get()))
    };
    let whole = &report.whole.run.counts;
    let mut lines = vec![];
    if report.header.model == LoadModel::Open {
        lines.push(ChartLine::new(7, "iterations intended", rate(|point| point.arrivals.intended)));
    }
    lines.push(ChartLine::new(5, "iterations started", rate(|point| point.arrivals.started)));
    if whole.failed_requests() > 0 {
        let succeeded = rate(|point| point.requests.saturating_sub(point.failed));
        lines.push(ChartLine::new(1, "requests succeeded", succeeded));
        lines.push(ChartLine::new(4, "requests failed", rate(|point| point.failed)));
    } else {
        lines.push(ChartLine::new(1, "requests finished", rate(|point| point.requests)));
    }
    if whole.arrivals.dropped > 0 {
        lines.push(ChartLine::new(2, "iterations dropped", rate(|point| point.arrivals.dropped)));
    }
    lines
}

fn load(report: &Report) -> TimeChart {
    let lines = |series: &[SeriesPoint]| load_lines(report, series);
    chart(report, "Offered and achieved rate", "Events per second.", (RATE, &lines))
}

fn response_times(report: &Report, baseline: Option<&BaselineRange>) -> TimeChart {
    let lines = |series: &[SeriesPoint]| {
        let quantile = |index: usize| {
            points(series, |point| point.response_time.map(|times| times[index].as_secs_f64()))
        };
        let service = points(series, |point| point.service_time_p99.map(Nanos::as_secs_f64));
        vec![
            ChartLine::new(4, "max", quantile(3)),
            ChartLine::new(7, "p99 of service time", service),
            ChartLine::new(2, "p99", quantile(2)),
            ChartLine::new(3, "p95", quantile(1)),
            ChartLine::new(1, "p50", quantile(0)),
        ]
    };
    let mut chart = chart(report, "Response time", "", (TIME, &lines));
    chart.limits = limits(report);
    let range = baseline.and_then(|of| Some((of.runs, of.p95_of(RunSummary::WHOLE)?)));
    chart.band = range.map(|(_, (low, high))| (low.as_secs_f64(), high.as_secs_f64()));
    let measured = greatest(&chart.lines).max(chart.band.map_or(0.0, |(_, high)| high));
    let medians = chart.lines.last().map_or(&[][..], |line| &line.points);
    let least = medians.iter().flatten().fold(measured, |least, &(_, y)| least.min(y));
    // A bound far above all that was measured would press the lines to the ground.
    let near = chart.limits.iter().filter(|&&limit| limit <= measured * 3.0);
    let most = near.fold(measured, |most, &limit| most.max(limit));
    // On a linear scale, what is below a twentieth of the maximum cannot be read.
    let wide = least > 0.0 && most / least > 20.0;
    if wide {
        let most = chart.limits.iter().fold(most, |most, &limit| most.max(limit));
        chart.y = Axis::log_time(least, most);
    } else {
        chart.y = Axis::linear(most, TIME, 4);
    }
    let scale = if wide { ", logarithmic scale" } else { "" };
    let bounds = if chart.limits.is_empty() { "" } else { " Across: the max of objectives." };
    let band = range.map_or_else(String::new, told_baseline);
    chart.about =
        format!("Successes, intended start to last byte{scale}.{bounds}{band}{}", each(report));
    chart
}

/// ` The band: p95 of the baseline, 40.0 ms to 45.0 ms in 5 runs.`
fn told_baseline((runs, (low, high)): (usize, (Nanos, Nanos))) -> String {
    let [low, high] = [low, high].map(format::time);
    let runs = format::counted(runs as u64, "run");
    let range = if low == high { low } else { format!("{low} to {high}") };
    format!(" The band: p95 of the baseline, {range} in {runs}.")
}

/// Where objectives of the whole run put the max of a quantile, in seconds; each place once.
fn limits(report: &Report) -> Vec<f64> {
    let rows = report.judgement.objectives.iter().map(|row| &row.objective);
    let mut limits: Vec<Nanos> = rows.filter_map(|row| Some(row.max_of_quantile()?.1)).collect();
    limits.sort_unstable();
    limits.dedup();
    limits.into_iter().map(Nanos::as_secs_f64).collect()
}

fn errors(report: &Report) -> TimeChart {
    const INKS: [u8; 6] = [4, 2, 3, 6, 8, 1];
    let shown: Vec<ErrorClass> =
        report.errors.iter().take(INKS.len() - 1).map(|group| group.class).collect();
    let others = |errors: &BTreeMap<ErrorClass, u64>| -> u64 {
        errors.iter().filter(|(class, _)| !shown.contains(class)).map(|(_, count)| count).sum()
    };
    let lines = |series: &[SeriesPoint]| {
        let rates = |count: &dyn Fn(&SeriesPoint) -> u64| {
            points(series, |point| Some(point.rate(count(point)).get()))
        };
        let mut lines: Vec<ChartLine> = shown
            .iter()
            .zip(INKS)
            .map(|(class, ink)| {
                let of_class = |point: &SeriesPoint| point.errors.get(class).copied().unwrap_or(0);
                ChartLine::new(ink, class.name(), rates(&of_class))
            })
            .collect();
        if report.errors.len() > shown.len() {
            let rates = rates(&|point| others(&point.errors));
            lines.push(ChartLine::new(INKS[shown.len()], "all others", rates));
        }
        lines
    };
    let mut chart = chart(report, "Errors by class", "Failed requests per second.", (RATE, &lines));
    // Which class it is has to be said even where there is only one.
    chart.keyed = true;
    chart
}

fn in_flight(report: &Report) -> TimeChart {
    let lines = |series: &[SeriesPoint]| {
        let most =
            |value: fn(&SeriesPoint) -> u64| points(series, |point| Some(value(point) as f64));
        vec![
            ChartLine::new(5, "users", most(|point| point.vus)),
            ChartLine::new(7, "connections", most(|point| point.connections)),
            ChartLine::new(1, "requests in flight", most(|point| point.in_flight)),
        ]
    };
    let mut chart = chart(report, "In flight", "Numbers at the end of a second.", (COUNT, &lines));
    chart.y = Axis::linear(greatest(&chart.lines).max(4.0), COUNT, 4);
    chart
}

fn generator(report: &Report) -> TimeChart {
    let lines = |series: &[SeriesPoint]| {
        let lag = points(series, |point| point.schedule_lag_p99.map(Nanos::as_secs_f64));
        vec![ChartLine::new(1, "p99 of schedule lag", lag)]
    };
    let about = "Intended start to actual start, p99.";
    chart(report, "Schedule lag of the generator", about, (TIME, &lines))
}
