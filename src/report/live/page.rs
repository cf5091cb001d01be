//! The live page: the charts of `report.html`, drawn while the run goes on.
//!
//! The page is made once, ahead of the load. It fetches the lines of [`super::events`] as they come and draws from them
//! with the script of the reports, in the reader's browser: this process only hands text out. It asks nobody else for
//! anything, which its policy enforces, and changes nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::html::{SCRIPT, STYLE, compact, fill, policy};
use super::super::{ReportError, format};
use plimsoll_metrics::{Answers, Interval, LoadModel, RunHeader};
use plimsoll_units::Nanos;

const PAGE: &str = include_str!("page.html");
/// Steps with a chart of their own; the table has all.
const STEPS: usize = 60;
/// Longest name of a step, as in the reports.
const NAME: usize = 160;

/// A page and the policy to send with it.
#[derive(Debug, Clone)]
pub struct LivePage {
    /// The document.
    pub html: String,
    /// For the head `content-security-policy`.
    pub policy: String,
}

/// A chart before there is anything to draw.
#[derive(Serialize)]
struct LiveChart {
    title: String,
    about: String,
    unit: &'static str,
    log: bool,
    large: bool,
    step: Option<String>,
    limits: Vec<f64>,
    /// A run that goes on has no baseline beside it.
    band: [f64; 0],
    lines: Vec<LineSource>,
}

/// Where a line of a chart finds its values.
#[derive(Serialize)]
struct LineSource {
    ink: u8,
    label: String,
    /// The way into a line of the events.
    path: Vec<String>,
    /// From its unit there to the chart's.
    scale: f64,
}

/// Everything that the template may ask for.
#[derive(Serialize)]
struct PageParts<'a> {
    style: &'a str,
    script: &'a str,
    policy: &'a str,
    title: &'a str,
    target: String,
    started: String,
    /// What the script begins with: JSON in which no tag can end.
    plan: String,
    charts: &'a [LiveChart],
    steps: &'a [String],
}

/// What the script begins with.
#[derive(Serialize)]
struct LivePlan<'a> {
    planned_s: f64,
    charts: &'a [LiveChart],
    steps: &'a [String],
}

/// The page of the run that `header` tells of.
///
/// # Errors
/// Where the template fails; never because of the header's content.
pub fn page(header: &RunHeader) -> Result<LivePage, ReportError> {
    let steps: Vec<String> = header.steps.iter().map(|step| step.name.clone()).collect();
    let charts = charts(header, &steps);
    let planned: Nanos = header.stages.iter().map(|stage| stage.duration).sum();
    let plan = LivePlan { planned_s: planned.as_secs_f64(), charts: &charts, steps: &steps };
    let script = format!("{}\n{}", compact(include_str!("page.js")), *SCRIPT);
    let policy = format!("{}; connect-src 'self'", policy::of(&[STYLE], &[&script]));
    let title =
        format!("{} · {}", format::line(&header.name, 80), format::line(&header.workload, 60));
    let parts = PageParts {
        style: STYLE,
        script: &script,
        policy: &policy,
        title: &title,
        target: format::line(&header.target, NAME),
        started: format::line(&header.started_utc, 40),
        // Text of the scenario cannot end the block that it stands in.
        plan: serde_json::to_string(&plan).unwrap_or_default().replace('<', "\\u003c"),
        charts: &charts,
        steps: &steps,
    };
    let html = fill(PAGE, &parts)?;
    Ok(LivePage { html, policy })
}

fn line(ink: u8, label: &str, path: &[&str], scale: f64) -> LineSource {
    let path = path.iter().map(|&key| key.to_owned()).collect();
    LineSource { ink, label: label.to_owned(), path, scale }
}

fn charts(header: &RunHeader, steps: &[String]) -> Vec<LiveChart> {
    let chart = |title: &str, about: &str, unit, lines| LiveChart {
        title: title.to_owned(),
        about: about.to_owned(),
        unit,
        log: false,
        large: true,
        step: None,
        limits: vec![],
        band: [],
        lines,
    };
    let mut load = vec![];
    if header.model == LoadModel::Open {
        load.push(line(7, "iterations intended", &["arrivals"], 1.0));
    }
    load.push(line(2, "iterations dropped", &["dropped"], 1.0));
    load.push(line(4, "failures", &["failed"], 1.0));
    load.push(line(1, "requests finished", &["requests_per_s"], 1.0));
    let times = [(2, "p99"), (3, "p95"), (1, "p50")]
        .map(|(ink, label)| line(ink, label, &[&format!("{label}_ms")], 1e3));
    let limits = limits(header);
    let across = if limits.is_empty() { "" } else { " Across: the max of objectives." };
    let mut charts = vec![
        chart("Offered and achieved rate", "Events per second.", "rate", load),
        LiveChart {
            limits,
            ..chart(
                "Response time",
                &format!("Successes, intended start to last byte, each second.{across}"),
                "time",
                times.into(),
            )
        },
        chart(
            "In flight",
            "At the end of each second.",
            "count",
            vec![
                line(3, "users", &["users"], 1.0),
                line(1, "requests in flight", &["in_flight"], 1.0),
            ],
        ),
        chart(
            "Schedule lag",
            "p99 of each second: how late the generator itself was.",
            "time",
            vec![line(1, "schedule lag p99", &["schedule_lag_p99_ms"], 1e3)],
        ),
    ];
    charts.extend(steps.iter().take(STEPS).map(|step| LiveChart {
        large: false,
        step: Some(step.clone()),
        ..chart(
            &format::line(step, NAME),
            "",
            "time",
            vec![
                line(2, "p99", &["steps", step, "p99_ms"], 1e3),
                line(1, "p50", &["steps", step, "p50_ms"], 1e3),
                line(0, "requests", &["steps", step, "requests"], 1.0),
                line(0, "failed", &["steps", step, "failed"], 1.0),
            ],
        )
    }));
    charts
}

/// Where objectives of the whole run put the max of a quantile of successes' times, in microseconds; each place once.
fn limits(header: &RunHeader) -> Vec<f64> {
    let of_successes = header.objectives.iter().filter(|row| row.of == Answers::default());
    let mut limits: Vec<Nanos> =
        of_successes.filter_map(|row| Some(row.max_of_quantile()?.1)).collect();
    limits.sort_unstable();
    limits.dedup();
    limits.into_iter().map(|limit| limit.as_secs_f64() * 1e6).collect()
}

/// The unit of each of the stack's metrics in a second, by its name in [`super::events`], as the page's charts name it.
pub fn units(interval: &Interval) -> BTreeMap<String, &'static str> {
    let readings = interval.readings.iter();
    readings
        .filter_map(|reading| Some((super::events::name(&reading), reading.value?.kind())))
        .collect()
}
