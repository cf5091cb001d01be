//! Charts of the whole run: load, response times, errors, requests in flight, the generator.

use std::collections::BTreeMap;

use super::axis::{Axis, COUNT, RATE, TIME};
use super::canvas::{ChartInk, ChartSize};
use super::line::{ChartLine, LinePoint, drawn, greatest, keys, over_time};
use crate::metrics::{Bound, Distribution, ErrorClass, LoadModel, Measure, Scope};
use crate::report::figure::{Figure, LegendEntry};
use crate::report::series::SeriesPoint;
use crate::report::{Report, ReportError, format};
use crate::units::{Nanos, Quantity};

/// All of them, in the order of the page.
pub(super) fn figures(report: &Report) -> Result<Vec<Figure>, ReportError> {
    let mut figures = vec![load(report)?, response_times(report)?];
    if report.shown.run.counts.requests > 0 {
        figures.push(percentiles(report)?);
    }
    if !report.errors.is_empty() {
        figures.push(errors(report)?);
    }
    figures.push(in_flight(report)?);
    figures.push(generator(report)?);
    Ok(figures)
}

/// One value a point of the run.
pub(super) fn points(
    report: &Report,
    value: impl Fn(&SeriesPoint) -> Option<f64>,
) -> Vec<LinePoint> {
    let place = |point: &SeriesPoint| value(point).map(|value| (point.middle_s(), value));
    report.series.points.iter().map(place).collect()
}

fn each(report: &Report) -> String {
    let bucket = report.series.bucket;
    if bucket.as_secs_f64() > 1.0 {
        format!(" One point is {} merged.", format::duration(bucket))
    } else {
        String::new()
    }
}

/// Finished requests a second, and failed ones where there are any.
pub(super) fn load_lines(report: &Report) -> Vec<ChartLine> {
    let rate = |count: fn(&SeriesPoint) -> u64| {
        points(report, |point| Some(point.rate(count(point)).get()))
    };
    let mut lines = vec![];
    if report.header.model == LoadModel::Open {
        lines.push(ChartLine::new(7, "iterations intended", rate(|point| point.arrivals.intended)));
    }
    lines.push(ChartLine::new(5, "iterations started", rate(|point| point.arrivals.started)));
    lines.push(ChartLine::new(1, "requests finished", rate(|point| point.requests)));
    if report.whole.run.counts.arrivals.dropped > 0 {
        lines.push(ChartLine::new(4, "iterations dropped", rate(|point| point.arrivals.dropped)));
    }
    lines
}

fn load(report: &Report) -> Result<Figure, ReportError> {
    let lines = load_lines(report);
    let y = Axis::linear(greatest(&lines), RATE, 4);
    Ok(Figure {
        title: "Offered and achieved rate".into(),
        about: format!("Events per second.{}", each(report)),
        svg: over_time(report, ChartSize::LARGE, y, &lines)?,
        keys: keys(&lines),
    })
}

fn response_times(report: &Report) -> Result<Figure, ReportError> {
    let quantile = |index: usize| {
        points(report, |point| point.response_time.map(|times| times[index].as_secs_f64()))
    };
    let service = points(report, |point| point.service_time_p99.map(Nanos::as_secs_f64));
    let lines = [
        ChartLine::new(4, "max", quantile(3)),
        ChartLine::new(2, "p99", quantile(2)),
        ChartLine::new(3, "p95", quantile(1)),
        ChartLine::new(1, "p50", quantile(0)),
        ChartLine::new(7, "p99 of service time", service),
    ];
    let most = greatest(&lines);
    let least = lines[3].points.iter().flatten().fold(most, |least, &(_, y)| least.min(y));
    // On a linear scale, what is below a twentieth of the maximum cannot be read.
    let wide = least > 0.0 && most / least > 20.0;
    let y = if wide { Axis::log_time(least, most) } else { Axis::linear(most, TIME, 4) };
    Ok(Figure {
        title: "Response time".into(),
        about: format!(
            "Intended start to last byte{}.{}",
            if wide { ", logarithmic scale" } else { "" },
            each(report)
        ),
        svg: over_time(report, ChartSize::LARGE, y, &lines)?,
        keys: keys(&lines),
    })
}

/// The curve (1/(1 − q), value) of a distribution, on the logarithmic axis of percentiles.
fn curve(times: &Distribution) -> Vec<LinePoint> {
    const POINTS: u32 = 160;
    let decades = (times.count().max(10) as f64).log10().min(6.0);
    let place = |index: u32| {
        let x = decades * f64::from(index) / f64::from(POINTS);
        let quantile = 1.0 - 10_f64.powf(-x);
        Some((x, times.quantile(quantile).as_secs_f64()))
    };
    (0..=POINTS).map(place).collect()
}

fn percentiles(report: &Report) -> Result<Figure, ReportError> {
    let run = &report.shown.run;
    let lines = [
        ChartLine::new(1, "response time", curve(&run.success_time())),
        ChartLine::new(7, "service time", curve(&run.service_time)),
    ];
    let limits = limits(report);
    let most = limits.iter().fold(greatest(&lines), |most, &(_, y)| most.max(y));
    let least = run.success_time().quantile(0.0).as_secs_f64().max(1e-6);
    let y = if most / least > 200.0 {
        Axis::log_time(least, most)
    } else {
        Axis::linear(most, TIME, 4)
    };
    let x = Axis::percentiles(run.success_time().count());
    let svg = drawn(ChartSize::LARGE, (x, y), |canvas| {
        canvas.axes()?;
        lines
            .iter()
            .try_for_each(|line| canvas.series(&line.points, ChartInk::Series(line.ink)))?;
        limits.iter().try_for_each(|&limit| canvas.dot(limit, ChartInk::Limit))
    })?;
    let mut keys = keys(&lines);
    if !limits.is_empty() {
        keys.push(LegendEntry { class: "m".into(), label: "max of an objective".into() });
    }
    Ok(Figure {
        title: "Response time by percentile".into(),
        about: "Share of requests at least as fast, judged part.".into(),
        svg,
        keys,
    })
}

/// Where objectives of the whole run put their max: (percentile axis, seconds).
fn limits(report: &Report) -> Vec<(f64, f64)> {
    let of = |judged: &crate::slo::JudgedObjective| {
        let objective = &judged.objective;
        match (&objective.measure, objective.limit, objective.bound, &objective.scope) {
            (&Measure::ResponseTime(q), Some(Quantity::Time(limit)), Bound::AtMost, Scope::Run) => {
                Some((-(1.0 - q.clamp(0.0, 0.999_999)).log10(), limit.as_secs_f64()))
            }
            _ => None,
        }
    };
    report.judgement.objectives.iter().filter_map(of).collect()
}

fn errors(report: &Report) -> Result<Figure, ReportError> {
    const INKS: [u8; 6] = [4, 2, 3, 6, 8, 1];
    let shown: Vec<ErrorClass> =
        report.errors.iter().take(INKS.len() - 1).map(|group| group.class).collect();
    let mut lines: Vec<ChartLine> = shown
        .iter()
        .zip(INKS)
        .map(|(&class, ink)| {
            let count = |point: &SeriesPoint| point.errors.get(&class).copied().unwrap_or(0);
            let rates = points(report, |point| Some(point.rate(count(point)).get()));
            ChartLine::new(ink, class.name(), rates)
        })
        .collect();
    if report.errors.len() > shown.len() {
        let others = |errors: &BTreeMap<ErrorClass, u64>| -> u64 {
            errors.iter().filter(|(class, _)| !shown.contains(class)).map(|(_, count)| count).sum()
        };
        let rates = points(report, |point| Some(point.rate(others(&point.errors)).get()));
        lines.push(ChartLine::new(INKS[shown.len()], "all others", rates));
    }
    let y = Axis::linear(greatest(&lines), RATE, 4);
    Ok(Figure {
        title: "Errors by class".into(),
        about: format!("Failed requests per second.{}", each(report)),
        svg: over_time(report, ChartSize::LARGE, y, &lines)?,
        keys: keys(&lines),
    })
}

fn in_flight(report: &Report) -> Result<Figure, ReportError> {
    let lines = [
        ChartLine::new(5, "users", points(report, |point| Some(point.vus as f64))),
        ChartLine::new(7, "connections", points(report, |point| Some(point.connections as f64))),
        ChartLine::new(
            1,
            "requests in flight",
            points(report, |point| Some(point.in_flight as f64)),
        ),
    ];
    let y = Axis::linear(greatest(&lines).max(4.0), COUNT, 4);
    Ok(Figure {
        title: "In flight".into(),
        about: format!("Numbers at the end of a second.{}", each(report)),
        svg: over_time(report, ChartSize::LARGE, y, &lines)?,
        keys: keys(&lines),
    })
}

fn generator(report: &Report) -> Result<Figure, ReportError> {
    let lag = points(report, |point| point.schedule_lag_p99.map(Nanos::as_secs_f64));
    let lines = [ChartLine::new(1, "p99 of schedule lag", lag)];
    let y = Axis::linear(greatest(&lines), TIME, 4);
    Ok(Figure {
        title: "Schedule lag of the generator".into(),
        about: format!("Intended start to actual start, p99.{}", each(report)),
        svg: over_time(report, ChartSize::LARGE, y, &lines)?,
        keys: vec![],
    })
}
