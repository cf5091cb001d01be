//! The gate as `JUnit` XML: a test case for each measurement, objective, and metric of a step.
//!
//! As in a run's own `junit.xml`: a bound exceeded and a regression are `<failure>`; what is undecided is
//! `<error>`, because it may not count as passed; what was not measured is `<skipped>`.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::{ReportError, format, rows, wording};
use super::answer::{BaselineComparison, GateReport, GatedRun};
use super::objectives::{GatedObjective, objectives};
use super::words;
use crate::slo::gate::{ExcludedMetric, GateRow};
use crate::slo::regression::RegressionVerdict;
use crate::slo::{ObjectiveStatus, Strictness, ValidityStatus};

/// Renders the document.
///
/// # Errors
/// Where the XML writer fails.
pub fn render(report: &GateReport) -> Result<String, ReportError> {
    let name = format!("plimsoll.{}.{}", report.system, report.workload);
    let mut document = Report::new("plimsoll gate");
    let mut slo = TestSuite::new(format!("{name}.slo"));
    slo.set_system_out(words::sentence(report));
    slo.add_test_cases(report.runs.iter().map(measurement));
    slo.add_test_cases(objectives(report).iter().map(|one| objective(one, report.strictness)));
    document.add_test_suite(slo);
    if let Some(suite) = regression(report, &name) {
        document.add_test_suite(suite);
    }
    Ok(document.to_string()?)
}

fn case(class: &str, name: &str, status: TestCaseStatus, line: String) -> TestCase {
    let mut case = TestCase::new(format::line(name, 160), status);
    case.set_classname(format::line(class, 160)).set_system_out(line);
    case
}

fn with(kind: NonSuccessKind, name: &str, line: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name).set_message(line);
    status
}

fn skipped(why: &str, line: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(why).set_message(line);
    status
}

fn measurement(run: &GatedRun) -> TestCase {
    let validity = &run.judgement.validity;
    let reasons: Vec<&str> = validity.reasons().collect();
    let line = format::message(&reasons.join("; "));
    let status = if validity.status == ValidityStatus::NotValid {
        with(NonSuccessKind::Error, "measurement not valid", &line)
    } else if run.judgement.partial {
        with(NonSuccessKind::Error, "partial run", &words::partial(run))
    } else {
        TestCaseStatus::success()
    };
    case("measurement", &run.label, status, line)
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
    let status = match (one.worst.status, strictness) {
        (ObjectiveStatus::Pass, _) | (ObjectiveStatus::AtRisk, Strictness::Normal) => {
            TestCaseStatus::success()
        }
        (ObjectiveStatus::NotMeasured, Strictness::Normal) => skipped("not measured", &line),
        (ObjectiveStatus::NotMeasured | ObjectiveStatus::Inconclusive, _) => {
            with(NonSuccessKind::Error, row.status, &line)
        }
        (ObjectiveStatus::AtRisk, Strictness::Strict) => {
            with(NonSuccessKind::Failure, "at risk", &line)
        }
        (ObjectiveStatus::Fail, _) => with(NonSuccessKind::Failure, "limit exceeded", &line),
    };
    case(&row.scope, &wording::objective_name(one.worst), status, line)
}

fn regression(report: &GateReport, name: &str) -> Option<TestSuite> {
    let mut suite = TestSuite::new(format!("{name}.regression"));
    match &report.compared {
        BaselineComparison::NotAsked => return None,
        BaselineComparison::NotMade(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let line = format::message(&reasons.join("; "));
            let status = with(NonSuccessKind::Error, "not compared", &line);
            suite.add_test_case(case("regression", "runs can be compared", status, line));
        }
        BaselineComparison::Made { comparison, .. } => {
            suite.set_system_out(words::rule(comparison));
            suite.add_test_cases(comparison.rows.iter().map(compared));
            suite.add_test_cases(comparison.left_out.iter().map(left_out));
        }
    }
    Some(suite)
}

fn compared(row: &GateRow) -> TestCase {
    let line = words::explain(row);
    let status = match row.regression.verdict {
        RegressionVerdict::NotRegressed => TestCaseStatus::success(),
        RegressionVerdict::Regressed => with(NonSuccessKind::Failure, "regressed", &line),
        RegressionVerdict::NeedMoreRuns { .. } if row.decides => {
            with(NonSuccessKind::Error, "need more runs", &line)
        }
        RegressionVerdict::NeedMoreRuns { .. } => skipped("informs only", &line),
    };
    case(&row.step, row.metric.name(), status, line)
}

fn left_out(left: &ExcludedMetric) -> TestCase {
    let line = words::left_out(left);
    case(&left.step, left.metric.name(), skipped("too few requests", &line), line)
}
