//! Trends over runs made by hand: what their pages and the terminal say of limits and changes.

use super::super::terminal::{self, TerminalStyle};
use super::*;
use plimsoll_fixture as fixture;
use plimsoll_metrics::{Answers, Bound, Measure, Objective, Scope};
use plimsoll_slo::Verdict;
use plimsoll_slo::gate::{GateMetric, MetricTrend, RunSummary};
use plimsoll_units::{Nanos, Quantity, Ratio};

fn objective(scope: Scope, measure: Measure, (target, limit): (Quantity, Quantity)) -> Objective {
    Objective {
        name: "p95".into(),
        scope,
        measure,
        bound: Bound::AtMost,
        target: Some(target),
        limit: Some(limit),
        of: Answers::Successes,
    }
}

fn ms(ms: f64) -> Quantity {
    Quantity::Time(Nanos::from_secs_f64(ms / 1e3))
}

/// 36 runs, a day each: all requests rose by a fifth at the 13th and fell back at the 25th; the max was 130 ms for ten
/// runs and is 110 ms since then. Step `login` stays as it is, but its third run.
fn history() -> Vec<HistoryRow> {
    let model = RunSummary::of(&fixture::log());
    (0..36_u8)
        .map(|at| {
            let jitter = [0.0, 1.0, -1.0, 0.5][usize::from(at) % 4];
            let p95 = if (12..24).contains(&at) { 120.0 } else { 100.0 } + jitter;
            let mut summary = model.clone();
            summary.started_utc = format!("2026-0{}-{:02}T09:30:00Z", 5 + at / 30, at % 30 + 1);
            for step in &mut summary.steps {
                let of_step = if step.name == RunSummary::WHOLE { p95 } else { 40.0 + jitter };
                step.p95 = Some(Nanos::from_secs_f64(of_step / 1e3));
                step.error_rate =
                    Some(Ratio::new(if at < 20 { 0.0 } else { 0.004 } + 0.0001 * jitter.abs()));
            }
            let max = if at < 10 { 130.0 } else { 110.0 };
            let p95 = Measure::ResponseTime(0.95);
            HistoryRow {
                folder: format!("reports/ais/{at}"),
                summary,
                verdict: Some(Verdict::Pass),
                promoted: false,
                objectives: vec![
                    objective(Scope::Run, p95.clone(), (ms(90.0), ms(max))),
                    objective(Scope::Step("login".into()), p95, (ms(50.0), ms(500.0))),
                ],
            }
        })
        .collect()
}

fn trends(history: &[HistoryRow], metric: GateMetric) -> Vec<MetricTrend> {
    let runs: Vec<RunSummary> = history.iter().map(|row| row.summary.clone()).collect();
    let names = runs[0].steps.iter().map(|step| step.name.clone());
    names.map(|name| MetricTrend::of(&runs, &name, metric)).collect()
}

#[test]
fn page_draws_the_max_of_each_time_and_counts_the_runs_above_it() {
    let history = history();
    let page = html(&trends(&history, GateMetric::P95), &history).expect("renders");
    assert!(page.contains("target 90 ms, max 110 ms, exceeded by 12 of 36 runs"));
    // Both stretches of the chart of all requests; of `login` the max lies far above, and is told.
    assert_eq!(page.matches("<line class=\"sm\"").count(), 2);
    assert_eq!(page.matches(">max 110 ms</text>").count(), 1);
    assert!(page.contains("target 50 ms, max 500 ms, never exceeded"));
}

#[test]
fn page_puts_changes_side_by_side_with_intervals_and_what_got_worse_first() {
    let history = history();
    let page = html(&trends(&history, GateMetric::P95), &history).expect("renders");
    assert_eq!(page.matches("<svg class=\"forest\"").count(), 2);
    let places = ["2026-05-13 09:30", "+20.0 %", "2026-05-25 09:30", "−16.6 %"]
        .map(|text| page.find(&format!(">{text}<")).unwrap_or_else(|| panic!("no {text}")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("▲ rose by 20.0 %") && page.contains("▼ fell by 16.6 %"));
    assert!(page.contains("<title>2026-05-13 09:30: 120 ms</title>"));
}

#[test]
fn error_rates_change_by_points_and_a_single_run_has_no_change() {
    let history = history();
    let page = html(&trends(&history, GateMetric::ErrorRate), &history).expect("renders");
    assert!(page.contains("<b>+0.40 pp</b>"));
    assert!(!page.contains("at least 5 %"));
    let page = html(&trends(&history[..1], GateMetric::P95), &history[..1]).expect("renders");
    assert!(page.contains("trend of 1 run<") && page.contains("<p>None.</p>"));
}

#[test]
fn terminal_names_the_max_and_the_direction_at_every_width() {
    let history = history();
    for width in [40, 60, 80, 120] {
        let text = terminal::trends(
            &trends(&history, GateMetric::P95),
            &history,
            TerminalStyle::Plain,
            width,
        );
        assert!(text.contains("▼ fell by 16.6 %"), "{text}");
        assert!(text.contains("110 ms") && text.contains("500 ms"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
    }
    let text = terminal::trends(
        &trends(&history[..1], GateMetric::P95),
        &history[..1],
        TerminalStyle::Plain,
        80,
    );
    assert!(text.contains("  1 run\n"), "{text}");
}
