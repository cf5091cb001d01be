//! A comparison as one page: the answer, what changed, and folded what did not.

use serde::Serialize;

use super::super::figure::Figure;
use super::super::forest::{ForestRow, ForestScale};
use super::super::html::{STYLE, fill, policy};
use super::super::{ReportError, format, rows, wording};
use super::answer::{BaselineComparison, ComparedTimes, GateReport};
use super::changes::ComparisonChanges;
use super::objectives::objectives;
use super::words;
use plimsoll_slo::gate::{GateComparison, GateOutcome, GateRow};
use plimsoll_slo::regression::Regression;

const PAGE: &str = include_str!("page.html");

#[derive(Serialize)]
struct ComparisonPage {
    style: &'static str,
    policy: String,
    title: String,
    key: &'static str,
    symbol: &'static str,
    word: &'static str,
    sentence: String,
    about: String,
    notes: Vec<String>,
    curve: Option<Figure>,
    groups: Vec<ChangeGroup>,
    unchanged: Option<ChangeGroup>,
    objectives: Vec<ObjectiveView>,
    rule: String,
}

/// Rows that came to the same.
#[derive(Serialize)]
struct ChangeGroup {
    id: &'static str,
    name: String,
    about: &'static str,
    rows: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    step: String,
    metric: String,
    baseline: String,
    candidate: String,
    change: String,
    interval: String,
    /// Our own SVG.
    plot: String,
    verdict: String,
    decides: bool,
}

#[derive(Serialize)]
struct ObjectiveView {
    name: String,
    target: String,
    limit: String,
    worst: String,
    key: &'static str,
    status: String,
}

/// Renders the page. Percentile curves are drawn where `times` are known: a committed baseline has none.
///
/// # Errors
/// Where the page template or the chart library fails.
pub fn render(report: &GateReport, times: Option<&ComparedTimes>) -> Result<String, ReportError> {
    let outcome = report.outcome();
    let curve = times.map(curve).transpose()?.flatten();
    let mut page = ComparisonPage {
        style: STYLE,
        policy: policy::of(&[STYLE], &[]),
        title: format!(
            "{} · {}",
            format::line(&report.system, 80),
            format::line(&report.workload, 60)
        ),
        key: key(outcome),
        symbol: words::symbol(outcome),
        word: words::outcome(outcome),
        sentence: words::sentence(report),
        about: String::new(),
        notes: vec![],
        curve,
        groups: vec![],
        unchanged: None,
        objectives: objectives(report).iter().map(objective).collect(),
        rule: String::new(),
    };
    page.notes.extend(report.not_valid().map(|run| {
        let reasons: Vec<&str> = run.judgement.validity.reasons().collect();
        format!("{} is not valid: {}", run.label, format::message(&reasons.join("; ")))
    }));
    page.notes.extend(report.partial().map(words::partial));
    page.notes.extend(words::suspect(report).into_iter().map(|told| format!("Suspect: {told}")));
    match &report.compared {
        BaselineComparison::NotAsked => {
            page.notes.push("No baseline was given, so nothing was compared.".to_owned());
        }
        BaselineComparison::NotMade(reasons) => {
            let reasons = reasons.iter().map(|reason| format::message(&reason.to_string()));
            page.notes.extend(reasons.map(|reason| format!("Not compared: {reason}")));
        }
        BaselineComparison::Made { comparison, waived } => {
            let unlike = waived.iter().map(|one| format::message(&one.to_string()));
            page.notes.extend(unlike.map(|one| format!("Unlike, and waived: {one}")));
            compared(&mut page, comparison);
        }
    }
    fill(PAGE, &page)
}

/// The class of an outcome in the style sheet.
const fn key(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Pass => "pass",
        GateOutcome::AtRisk | GateOutcome::NeedMoreRuns | GateOutcome::Inconclusive => "at_risk",
        GateOutcome::NotValid | GateOutcome::Regressed | GateOutcome::Failed => "fail",
    }
}

fn objective(one: &super::objectives::GatedObjective<'_>) -> ObjectiveView {
    let row = rows::slo_row(one.worst);
    ObjectiveView {
        name: wording::objective_name(one.worst),
        target: row.target,
        limit: row.limit,
        worst: row.estimate,
        key: row.key,
        status: format!("{} {} {}/{}", row.symbol, row.status, one.alike, one.judged),
    }
}

fn compared(page: &mut ComparisonPage, comparison: &GateComparison) {
    let (before, after) = comparison.runs;
    page.about = format!("{before} runs of the baseline, {after} of the candidate.");
    page.rule = words::rule(comparison);
    page.notes.extend(comparison.left_out.iter().map(words::left_out));
    page.notes.extend(words::all_pooled(comparison));
    let changes = ComparisonChanges::of(comparison);
    let plotted: Vec<ForestRow> = comparison.rows.iter().filter_map(forest_row).collect();
    let scale = ForestScale::of(&plotted);
    let view = |rows: &[&GateRow]| rows.iter().map(|row| change(row, scale)).collect::<Vec<_>>();
    let groups = [
        ("worse", "Got worse", "", &changes.worse),
        ("undecided", "Undecided", "More runs can tell.", &changes.undecided),
        ("better", "Got better", "", &changes.better),
    ];
    for (id, name, about, rows) in groups.into_iter().filter(|(.., rows)| !rows.is_empty()) {
        page.groups.push(ChangeGroup { id, name: name.to_owned(), about, rows: view(rows) });
    }
    page.unchanged = changes.unchanged().map(|told| ChangeGroup {
        id: "unchanged",
        name: format!("No change shown in {told}"),
        about: "",
        rows: view(&changes.same),
    });
}

fn change(row: &GateRow, scale: ForestScale) -> ChangeView {
    ChangeView {
        step: format::line(&row.step, 80),
        metric: words::measured_name(row.metric, row.of),
        baseline: words::value(row.metric, row.baseline),
        candidate: words::value(row.metric, row.candidate),
        change: words::effect(row),
        interval: words::interval(row),
        plot: forest_row(row).map_or_else(String::new, |row| scale.plot(row)),
        verdict: words::verdict(row),
        decides: row.decides,
    }
}

/// The row as a line of a forest plot; none without an estimate.
fn forest_row(row: &GateRow) -> Option<ForestRow> {
    let Regression { effect, interval, scale, .. } = row.regression;
    Some(ForestRow { effect: effect?, interval, scale })
}

#[cfg(feature = "charts")]
fn curve(times: &ComparedTimes) -> Result<Option<Figure>, ReportError> {
    super::super::charts::compared(times)
}

#[cfg(not(feature = "charts"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with charts")]
fn curve(_: &ComparedTimes) -> Result<Option<Figure>, ReportError> {
    Ok(None)
}
