//! The gate as `JUnit` XML: a test case for each measurement, objective, and metric of a step.
//!
//! As in a run's own `junit.xml`: a bound exceeded and a regression are `<failure>`; what is undecided is
//! `<error>`, because it may not count as passed; what was not measured is `<skipped>`.

use super::super::junit::document::{JunitDocument, TestCase, TestOutcome, TestReason, TestSuite};
use super::super::{ReportError, format, rows, wording};
use super::answer::{BaselineComparison, GateReport, GatedRun};
use super::objectives::{GatedObjective, objectives};
use super::words;
use plimsoll_metrics::Answers;
use plimsoll_slo::gate::{ExcludedMetric, GateMetric, GateRow, MetricExclusion};
use plimsoll_slo::regression::RegressionVerdict;
use plimsoll_slo::{ObjectiveStatus, Strictness, ValidityStatus};

/// Renders the document.
///
/// # Errors
/// Where the XML writer fails.
pub fn render(report: &GateReport) -> Result<String, ReportError> {
    let name = format!("plimsoll.{}.{}", report.system, report.workload);
    let mut cases: Vec<TestCase> = report.runs.iter().map(measurement).collect();
    cases.extend(objectives(report).iter().map(|one| objective(one, report.strictness)));
    let output = words::sentence(report);
    let mut suites =
        vec![TestSuite { name: format!("{name}.slo"), cases, output, ..TestSuite::default() }];
    suites.extend(regression(report, &name));
    Ok(JunitDocument { name: "plimsoll gate".to_owned(), time: None, suites }.to_xml()?)
}

fn case(class: &str, name: &str, outcome: TestOutcome, output: String) -> TestCase {
    TestCase { name: format::line(name, 160), class: format::line(class, 160), outcome, output }
}

fn error(kind: &str, line: &str) -> TestOutcome {
    TestOutcome::Error(TestReason::new(kind, line))
}

fn failure(kind: &str, line: &str) -> TestOutcome {
    TestOutcome::Failure(TestReason::new(kind, line))
}

fn skipped(kind: &str, line: &str) -> TestOutcome {
    TestOutcome::Skipped(TestReason::new(kind, line))
}

fn measurement(run: &GatedRun) -> TestCase {
    let validity = &run.judgement.validity;
    let reasons: Vec<&str> = validity.reasons().collect();
    let line = format::message(&reasons.join("; "));
    let outcome = if validity.status == ValidityStatus::NotValid {
        error("measurement not valid", &line)
    } else if run.judgement.partial {
        error("partial run", &words::partial(run))
    } else {
        TestOutcome::Passed
    };
    case("measurement", &run.label, outcome, line)
}

fn objective(one: &GatedObjective<'_>, strictness: Strictness) -> TestCase {
    let row = rows::slo_row(one.worst);
    let line = format!(
        "{} in {} of {} runs; worst estimate {} in {}; target {}, {} {}",
        row.status,
        one.alike,
        one.judged,
        row.estimate,
        format::line(&one.run.label, 160),
        row.target,
        wording::limit_word(one.worst),
        row.limit
    );
    let outcome = match (one.worst.status, strictness) {
        (ObjectiveStatus::Pass, _) | (ObjectiveStatus::AtRisk, Strictness::Normal) => {
            TestOutcome::Passed
        }
        (ObjectiveStatus::NotMeasured, Strictness::Normal) => skipped("not measured", &line),
        (ObjectiveStatus::NotMeasured | ObjectiveStatus::Inconclusive, _) => {
            error(row.status, &line)
        }
        (ObjectiveStatus::AtRisk, Strictness::Strict) => failure("at risk", &line),
        (ObjectiveStatus::Fail, _) => failure("limit exceeded", &line),
    };
    case(&row.scope, &wording::objective_name(one.worst), outcome, line)
}

fn regression(report: &GateReport, name: &str) -> Option<TestSuite> {
    let mut suite = TestSuite { name: format!("{name}.regression"), ..TestSuite::default() };
    match &report.compared {
        BaselineComparison::NotAsked => return None,
        BaselineComparison::NotMade(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let line = format::message(&reasons.join("; "));
            let outcome = error("not compared", &line);
            suite.cases.push(case("regression", "runs can be compared", outcome, line));
        }
        BaselineComparison::Made { comparison, .. } => {
            suite.output = words::rule(comparison);
            suite.cases.extend(comparison.rows.iter().map(compared));
            suite.cases.extend(comparison.left_out.iter().map(left_out));
        }
    }
    Some(suite)
}

fn compared(row: &GateRow) -> TestCase {
    let pooled = words::pooled(row).map_or_else(String::new, |said| format!("; {said}"));
    let line = format!("{}{pooled}", words::explain(row));
    let outcome = match row.regression.verdict {
        RegressionVerdict::NotRegressed => TestOutcome::Passed,
        RegressionVerdict::Regressed => failure("regressed", &line),
        RegressionVerdict::NeedMoreRuns { .. } if row.decides => error("need more runs", &line),
        RegressionVerdict::NeedMoreRuns { .. } => skipped("informs only", &line),
    };
    case(&row.step, &case_name(row.metric, row.of), outcome, line)
}

fn left_out(left: &ExcludedMetric) -> TestCase {
    let line = words::left_out(left);
    let why = match left.reason {
        MetricExclusion::TooFewRequests => "too few requests",
        MetricExclusion::NotKept => "not kept",
        MetricExclusion::NotCounted => "not counted",
    };
    let outcome = if left.decides && left.reason.lies_with_the_baseline() {
        error(why, &line)
    } else {
        skipped(why, &line)
    };
    case(&left.step, &case_name(left.metric, left.of), outcome, line)
}

/// `p95`, or `p95 (of: all)`.
fn case_name(metric: GateMetric, of: Answers) -> String {
    match of {
        Answers::All if metric != GateMetric::ErrorRate => format!("{} (of: all)", metric.name()),
        Answers::All | Answers::Successes => metric.name().to_owned(),
    }
}
