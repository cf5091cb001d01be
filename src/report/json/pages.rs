//! Pages in real browsers, for machines.

use serde_json::{Value, json};

use super::super::model::Report;
use super::values::{by_name, number, rounded, unit};
use plimsoll_metrics::{BrowserUse, PageFigure};
use plimsoll_slo::{PageFigureSummary, PageGrowth, PageSummary};

/// All pages, in the order of their first loads.
pub(super) fn value(report: &Report) -> Value {
    report.pages.iter().map(page).collect()
}

/// What browsers took of the machine.
pub(super) fn browsers(used: &BrowserUse) -> Value {
    json!({
        "page_loads": used.loads,
        "flows_left_out": used.left_out,
        "restarts": used.restarts,
        "cpu_s": rounded(used.cpu.as_secs_f64()),
        "cpu_s_per_load": rounded(used.cpu_per_load().as_secs_f64()),
        "memory_max_bytes": used.memory,
        "processes": used.processes,
        "cores": used.cores,
        "cores_busy": rounded(used.cores_busy.get()),
    })
}

fn page(page: &PageSummary) -> Value {
    let figures = page.figures.iter().map(|it| (it.figure.word().to_owned(), figure(it)));
    let failure = |(what, loads): &(String, u64)| json!({ "what": what, "loads": loads });
    let doubts =
        page.doubts.iter().map(|(doubt, loads)| json!({ "what": doubt.word(), "loads": loads }));
    json!({
        "page": page.page,
        "loads": page.loads,
        "idle_loads": page.idle_loads,
        "figures": by_name(figures),
        "growth": page.growth.as_ref().map(growth),
        "failures": page.failures.iter().map(failure).collect::<Vec<_>>(),
        "left_out": doubts.collect::<Vec<_>>(),
        "kept_from": page.blocked,
    })
}

fn figure(figure: &PageFigureSummary) -> Value {
    let interval = figure.interval.map(|(low, high)| json!([number(low), number(high)]));
    let unit = if figure.figure == PageFigure::Cls { "score" } else { "ms" };
    json!({
        "loads": figure.samples,
        "unit": unit,
        "p75": figure.estimate.map(number),
        "interval": interval,
        "median": figure.median.map(number),
        "idle_median": figure.idle.map(number),
    })
}

fn growth(growth: &PageGrowth) -> Value {
    let ms = |seconds: f64| rounded(seconds * 1e3);
    json!({
        "figure": growth.figure.word(),
        "unit": unit(growth.loaded),
        "idle_median": number(growth.idle),
        "median": number(growth.loaded),
        "first_byte_ms": ms(growth.first_byte_s),
        "main_thread_ms": ms(growth.main_thread_s),
        "resource": growth.resource.as_ref().map(|(path, added)| json!({ "path": path, "added_ms": ms(*added) })),
    })
}
