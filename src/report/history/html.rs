//! The trends as one page: a small chart for each step, with its changes of level. No script, no other file.

use std::fmt::Write as _;

use super::super::gate::words;
use super::super::{RenderError, format};
use super::{HistoryRow, describe, not_valid};
use crate::slo::gate::Trend;

/// Size of a chart, in CSS pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 120.0;
/// Room for the points' own size.
const MARGIN: f64 = 6.0;

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>
:root { color-scheme: light dark; --line: light-dark(#2463ab, #7db4ee); --change: light-dark(#b3261e, #f2877f);
  --grid: light-dark(#d8dde3, #3a4149); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .2rem; } p { margin: .2rem 0; }
svg { width: 100%; height: auto; } .line { fill: none; stroke: var(--line); stroke-width: 1.5; }
.dot { fill: var(--line); } .change { stroke: var(--change); stroke-dasharray: 4 3; } .grid { stroke: var(--grid); }
.told { color: var(--change); } .faint { opacity: .7; }
</style></head><body><h1>{{ title }}</h1><p class="faint">{{ about }}</p>
{% for step in steps %}<h2>{{ step.name }}</h2><p class="faint">{{ step.range }}</p>
{{ step.svg | safe }}
{% for change in step.changes %}<p class="told">▲ {{ change }}</p>{% endfor %}
{% endfor %}</body></html>
"#;

/// Renders the page.
///
/// # Errors
/// Where the page's template fails.
pub fn render(trends: &[Trend], runs: &[HistoryRow]) -> Result<String, RenderError> {
    let mut environment = minijinja::Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    let conditions = runs.first().map(|row| &row.summary.conditions);
    let title = conditions.map_or_else(
        || "No runs".to_owned(),
        |of| format!("{} · {}: {} runs", of.name, of.workload, runs.len()),
    );
    let steps: Vec<minijinja::Value> = trends.iter().map(|trend| step(trend, runs)).collect();
    let about = format!(
        "One point is one run, oldest left. A broken line marks a change of level (E-divisive, p ≤ 0.001, at \
         least 5 %). {} runs are not valid and left out.",
        not_valid(runs)
    );
    let context = minijinja::context! { title => format::line(&title, 160), about, steps };
    Ok(environment.render_str(PAGE, context)?)
}

fn step(trend: &Trend, runs: &[HistoryRow]) -> minijinja::Value {
    let values = || trend.points.iter().map(|(_, value)| *value);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let range = match trend.points.last() {
        None => "no run has it".to_owned(),
        Some((_, last)) => format!(
            "last {}, least {}, most {}; the axis begins at 0",
            words::value(trend.metric, *last),
            words::value(trend.metric, low),
            words::value(trend.metric, high)
        ),
    };
    let changes: Vec<String> =
        trend.changes.iter().map(|change| describe(trend, change, runs)).collect();
    minijinja::context! {
        name => words::subject(&trend.step, trend.metric),
        range,
        svg => chart(trend, high),
        changes,
    }
}

/// Numbers only: nothing foreign gets into the drawing.
fn chart(trend: &Trend, high: f64) -> String {
    let last = trend.points.len().saturating_sub(1).max(1) as f64;
    let x = |at: usize| MARGIN + at as f64 / last * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| {
        let share = if high > 0.0 { value / high } else { 0.0 };
        HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN)
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" \
         y1=\"{0:.1}\" y2=\"{0:.1}\"/>",
        y(0.0)
    );
    // Writing to a string cannot fail.
    for change in &trend.changes {
        let at = f64::midpoint(x(change.index.saturating_sub(1)), x(change.index));
        let _ = write!(
            svg,
            "<line class=\"change\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{HEIGHT}\"/>"
        );
    }
    let places: Vec<(f64, f64)> =
        trend.points.iter().enumerate().map(|(at, (_, value))| (x(at), y(*value))).collect();
    let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, "<polyline class=\"line\" points=\"{}\"/>", line.join(" "));
    for (x, y) in places {
        let _ = write!(svg, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
    }
    svg.push_str("</svg>");
    svg
}
