//! `junit.xml`: the verdict for CI systems that count test cases.
//!
//! One test case for the measurement and one for each objective. What the exit code calls a failure is one
//! here: a max exceeded is `<failure>`; a measurement that is not valid and an inconclusive objective are
//! `<error>` (nothing is wrong with the stack, but the run may not count as passed); not measured is
//! `<skipped>`, and so is every objective of a measurement that is not valid. At risk passes with a warning in `<system-out>`, as the exit code 0 does.

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::model::Report;
use super::{ReportError, ReportExtras, facts, format, rows, wording};
use crate::slo::{JudgedObjective, ObjectiveStatus, ValidityStatus, Verdict};

/// Renders `junit.xml`.
///
/// # Errors
/// Where the XML writer fails.
pub fn render(report: &Report, extra: &ReportExtras) -> Result<String, ReportError> {
    let name = format!("plimsoll.{}.{}", report.header.name, report.header.workload);
    let mut suite = TestSuite::new(name.as_str());
    for (key, value) in facts::conditions(report) {
        suite.add_property(Property::new(key, value));
    }
    suite.set_time(report.duration.into());
    suite.set_system_out(summary(report));
    suite.add_test_case(measurement(report));
    let row = |judged| objective(judged, report, extra);
    suite.add_test_cases(report.judgement.objectives.iter().map(row));
    let mut document = quick_junit::Report::new("plimsoll");
    document.set_time(report.duration.into());
    document.add_test_suite(suite);
    Ok(document.to_string()?)
}

fn summary(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        wording::verdict(report.judgement.verdict),
        wording::sentence(report)
    )];
    lines.push(format!(
        "{}; judged part: {}",
        wording::model(report),
        wording::judged_part(report)
    ));
    lines.extend(wording::caveats(report));
    lines.join("\n")
}

fn measurement(report: &Report) -> TestCase {
    let validity = &report.judgement.validity;
    let reasons: Vec<String> = validity.reasons().map(format::message).collect();
    let error = || TestCaseStatus::non_success(NonSuccessKind::Error);
    let status = if validity.status == ValidityStatus::NotValid {
        with(error(), "measurement not valid", &reasons.join("; "))
    } else if judged_as_a_whole(report) {
        let kind = wording::verdict(report.judgement.verdict).to_lowercase();
        with(error(), &kind, &wording::sentence(report))
    } else {
        TestCaseStatus::success()
    };
    let mut case = TestCase::new("measurement is valid", status);
    case.set_classname("measurement");
    if validity.status == ValidityStatus::Suspect {
        case.set_system_out(format!("warning: the measurement is suspect: {}", reasons.join("; ")));
    }
    case
}

/// No row says it, yet the run does not pass: overloaded, ended early, or nothing could be measured. It must not look
/// green.
fn judged_as_a_whole(report: &Report) -> bool {
    let said = |judged: &JudgedObjective| judged.status >= ObjectiveStatus::Inconclusive;
    report.judgement.verdict >= Verdict::Inconclusive
        && !report.judgement.objectives.iter().any(said)
}

fn objective(judged: &JudgedObjective, report: &Report, extra: &ReportExtras) -> TestCase {
    use ObjectiveStatus::{AtRisk, Fail, Inconclusive, NotMeasured, Pass};
    let line = describe(judged);
    let error = || TestCaseStatus::non_success(NonSuccessKind::Error);
    let failure = || TestCaseStatus::non_success(NonSuccessKind::Failure);
    let valid = report.judgement.validity.status != ValidityStatus::NotValid;
    let status = match judged.status {
        _ if !valid => with(TestCaseStatus::skipped(), "measurement not valid", &line),
        AtRisk if extra.strict => with(failure(), "target missed", &line),
        NotMeasured if extra.strict => with(error(), "not measured", &line),
        Pass | AtRisk => TestCaseStatus::success(),
        NotMeasured => with(TestCaseStatus::skipped(), "not measured", &line),
        Inconclusive => with(error(), "inconclusive", &line),
        Fail => with(failure(), "limit exceeded", &line),
    };
    let mut case = TestCase::new(wording::objective_name(judged), status);
    case.set_classname(format::line(&judged.objective.scope.to_string(), 160));
    case.set_system_out(match judged.status {
        AtRisk => format!("warning: at risk: {line}"),
        Pass | NotMeasured | Inconclusive | Fail => line,
    });
    case
}

fn with(mut status: TestCaseStatus, kind: &str, message: &str) -> TestCaseStatus {
    status.set_type(kind).set_message(message);
    status
}

/// `estimate 612 ms (598 ms … 631 ms), target ≤ 500 ms, max ≤ 1 s`.
fn describe(judged: &JudgedObjective) -> String {
    let row = rows::slo_row(judged);
    let mut parts = vec![match judged.interval {
        Some(_) => format!("estimate {} (95 % interval {})", row.estimate, row.interval),
        None => format!("estimate {}", row.estimate),
    }];
    for (word, bound) in [("target", &row.target), (wording::limit_word(judged), &row.limit)] {
        if bound != rows::NONE {
            parts.push(format!("{word} {bound}"));
        }
    }
    let line = parts.join(", ");
    if row.note.is_empty() { line } else { format!("{line}; {}", row.note) }
}
