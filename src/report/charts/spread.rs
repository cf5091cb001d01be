//! How response times are spread: over time as a heat map, over all requests as a histogram and by percentile.

use super::axis::{Axis, COUNT, TIME};
use super::canvas::{Canvas, ChartBlock, ChartInk, ChartSize};
use super::line::{ChartLine, LinePoint, drawn, greatest, keys};
use crate::figure::{Figure, LegendEntry};
use crate::gate::ComparedTimes;
use crate::histogram::{self, HistogramBar};
use crate::pooled::{HeatRows, heat_shade};
use crate::series::SeriesPoint;
use crate::{Report, ReportError, format};
use plimsoll_metrics::Distribution;
use plimsoll_units::{Nanos, Quantity, Ratio};

/// All of them; none where no request succeeded.
pub(super) fn figures(report: &Report) -> Result<Vec<Figure>, ReportError> {
    if report.shown.run.counts.requests == 0 {
        return Ok(vec![]);
    }
    let mut figures = vec![percentiles(report)?];
    if !report.shown.run.success_time().is_empty() {
        figures.push(bars(report)?);
    }
    figures.extend(heat_map(report)?);
    Ok(figures)
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
    let times = run.success_time();
    let lines = [
        ChartLine::new(1, "response time", curve(&times)),
        ChartLine::new(7, "service time", curve(&run.service_time)),
    ];
    let limits = limits(report);
    let most = limits.iter().fold(greatest(&lines), |most, &(_, y)| most.max(y));
    let least = times.quantile(0.0).as_secs_f64().max(1e-6);
    let y = if most / least > 200.0 {
        Axis::log_time(least, most)
    } else {
        Axis::linear(most, TIME, 4)
    };
    let x = Axis::percentiles(times.count());
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
    let told = |q: f64| format::time(times.quantile(q));
    Ok(Figure {
        title: "Response time by percentile".into(),
        about: "Share of requests at least as fast, judged part.".into(),
        spoken: format!(
            "Response time by percentile: p50 {}, p90 {}, p99 {}, max {}.",
            told(0.5),
            told(0.9),
            told(0.99),
            format::time(times.max())
        ),
        svg,
        keys,
        ..Figure::default()
    })
}

/// The curves of both sides of a comparison, one over the other; nothing where a side has no success.
pub(crate) fn compared(times: &ComparedTimes) -> Result<Option<Figure>, ReportError> {
    let ComparedTimes { baseline, candidate } = times;
    if baseline.is_empty() || candidate.is_empty() {
        return Ok(None);
    }
    let lines = [
        ChartLine::new(7, "baseline", curve(baseline)),
        ChartLine::new(1, "candidate", curve(candidate)),
    ];
    let most = greatest(&lines);
    let least = [baseline, candidate].map(|side| side.quantile(0.0).as_secs_f64().max(1e-6));
    let least = least[0].min(least[1]);
    let is_wide = most / least > 200.0;
    let y = if is_wide { Axis::log_time(least, most) } else { Axis::linear(most, TIME, 4) };
    let x = Axis::percentiles(baseline.count().max(candidate.count()));
    let svg = drawn(ChartSize::LARGE, (x, y), |canvas| {
        canvas.axes()?;
        let mut lines = lines.iter();
        lines.try_for_each(|line| canvas.series(&line.points, ChartInk::Series(line.ink)))
    })?;
    let told = |side: &Distribution| {
        let [p50, p99] = [0.5, 0.99].map(|q| format::time(side.quantile(q)));
        format!("p50 {p50}, p99 {p99}, max {}", format::time(side.max()))
    };
    Ok(Some(Figure {
        title: "Response time by percentile".into(),
        about: "Share of requests at least as fast, all runs of a side together.".into(),
        spoken: format!("Baseline: {}. Candidate: {}.", told(baseline), told(candidate)),
        svg,
        keys: keys(&lines),
        ..Figure::default()
    }))
}

/// Where objectives of the whole run put their max: (percentile axis, seconds).
fn limits(report: &Report) -> Vec<(f64, f64)> {
    let maxima =
        report.judgement.objectives.iter().filter_map(|row| row.objective.max_of_quantile());
    maxima.map(|(q, max)| (-(1.0 - q.clamp(0.0, 0.999_999)).log10(), max.as_secs_f64())).collect()
}

/// How many successes fell into each range of time.
fn bars(report: &Report) -> Result<Figure, ReportError> {
    let times = report.shown.run.success_time();
    let bars = histogram::bars(&times);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0) as f64;
    let label = |bar: &HistogramBar| format::bound(Quantity::Time(bar.up_to));
    // Each bar stands between two edges; every second edge is named where there are many.
    let every = if bars.len() > 7 { 2 } else { 1 };
    let named =
        bars.iter().enumerate().filter(|(index, _)| (bars.len() - 1 - index).is_multiple_of(every));
    let ticks = named.map(|(index, bar)| (index as f64 + 1.0, label(bar))).collect();
    let x = Axis::ranges(bars.len(), ticks);
    let svg = drawn(ChartSize::LARGE, (x, Axis::linear(most, COUNT, 4)), |canvas| {
        canvas.axes()?;
        bars.iter().enumerate().try_for_each(|(index, bar)| {
            let from = index as f64;
            let block =
                ChartBlock { across: (from + 0.06, from + 0.94), up: (0.0, bar.count as f64) };
            canvas.block(&block, ChartInk::Series(1))
        })
    })?;
    let above = std::iter::once(None).chain(bars.iter().map(|bar| Some(bar.up_to)));
    let told = bars.iter().zip(above).filter(|(bar, _)| bar.count > 0).map(|(bar, above)| {
        let share = format::share(Ratio::of(bar.count, times.count()));
        format!("{}: {share}", histogram::label(above, bar.up_to))
    });
    Ok(Figure {
        title: "Response time, how often".into(),
        about: "Successes by response time, judged part. Each bar ends at the time below its right edge."
            .into(),
        spoken: format!("How many successes took how long. {}.", told.collect::<Vec<_>>().join("; ")),
        svg,
        ..Figure::default()
    })
}

/// Most columns of a heat map.
const COLUMNS: usize = 120;

/// One column of a heat map.
struct HeatColumn {
    from_s: f64,
    to_s: f64,
    rows: HeatRows,
}

/// Where response times lay in each stretch of the run; nothing where no request succeeded.
fn heat_map(report: &Report) -> Result<Option<Figure>, ReportError> {
    let columns = heat_columns(&report.series.points);
    let filled = || columns.iter().flat_map(|column| column.rows.rows()).filter(|row| row.2 > 0);
    let least = filled().map(|(low, ..)| low).min();
    let Some((least, most)) = least.zip(filled().map(|(_, high, _)| high).max()) else {
        return Ok(None);
    };
    let x = Axis::run_time(report.duration.as_secs_f64(), 6);
    let y = Axis::log_time_close(least.as_secs_f64(), most.as_secs_f64());
    let svg = drawn(ChartSize::LARGE, (x, y), |canvas| {
        cells(canvas, &columns)?;
        canvas.axes()
    })?;
    let keys = (1..=5)
        .zip(["under 1 %", "1 to 5 %", "5 to 15 %", "15 to 40 %", "40 % and more"])
        .map(|(shade, label)| LegendEntry { class: format!("h{shade}"), label: label.into() })
        .collect();
    Ok(Some(Figure {
        title: "Response time over time".into(),
        about: "Successes, logarithmic scale: the darker, the larger the share of its moment's."
            .into(),
        spoken: format!(
            "A heat map of response times over the run, from {} to {}.",
            format::time(least),
            format::time(most)
        ),
        keys,
        svg,
        ..Figure::default()
    }))
}

/// Neighbouring points joined, so that no more columns come of them than can be told apart.
fn heat_columns(points: &[SeriesPoint]) -> Vec<HeatColumn> {
    let together = points.len().div_ceil(COLUMNS).max(1);
    let column = |points: &[SeriesPoint]| {
        let mut rows = HeatRows::default();
        for point in points {
            rows.merge(&point.rows);
        }
        let (first, last) = (points.first(), points.last());
        HeatColumn {
            from_s: first.map_or(0.0, |point| point.start.as_secs_f64()),
            to_s: last.map_or(0.0, |point| point.end.as_secs_f64()),
            rows,
        }
    };
    points.chunks(together).map(column).collect()
}

/// Neighbours of one shade in one row become one rectangle.
fn cells(canvas: &Canvas<'_>, columns: &[HeatColumn]) -> Result<(), ReportError> {
    let shades: Vec<Vec<(Nanos, Nanos, u8)>> = columns.iter().map(shaded).collect();
    let rows = shades.first().map_or(0, Vec::len);
    for row in 0..rows {
        let of_row: Vec<(&HeatColumn, (Nanos, Nanos, u8))> =
            columns.iter().zip(shades.iter().map(|column| column[row])).collect();
        let joined = of_row.chunk_by(|(a, a_cell), (b, b_cell)| {
            a_cell.2 == b_cell.2 && (b.from_s - a.to_s).abs() < 1e-6
        });
        for cells in joined {
            let (Some((first, (low, high, shade))), Some((last, _))) =
                (cells.first(), cells.last())
            else {
                continue;
            };
            if *shade > 0 {
                let up = (low.as_secs_f64(), high.as_secs_f64());
                let block = ChartBlock { across: (first.from_s, last.to_s), up };
                canvas.block(&block, ChartInk::Heat(*shade))?;
            }
        }
    }
    Ok(())
}

/// Each row with its shade.
fn shaded(column: &HeatColumn) -> Vec<(Nanos, Nanos, u8)> {
    let all: u64 = column.rows.rows().map(|(.., count)| count).sum();
    let shade = |(low, high, count)| (low, high, heat_shade(count, all));
    column.rows.rows().map(shade).collect()
}
