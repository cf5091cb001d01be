//! `junit.xml`: the verdict for CI systems that count test cases.
//!
//! One test case for the measurement and one for each objective. What the exit code calls a failure is one
//! here: a max exceeded is `<failure>`; a measurement that is not valid and an inconclusive objective are
//! `<error>` (nothing is wrong with the stack, but the run may not count as passed); not measured is
//! `<skipped>`, and so is every objective of a measurement that is not valid. At risk passes with a warning in `<system-out>`, as the exit code 0 does.

pub(super) mod document;

use self::document::{JunitDocument, TestCase, TestOutcome, TestReason, TestSuite};
use super::model::Report;
use super::{ReportError, ReportExtras, facts, format, rows, wording};
use plimsoll_slo::{JudgedObjective, ObjectiveStatus, ValidityStatus, Verdict};

/// Renders `junit.xml`.
///
/// # Errors
/// Where the XML writer fails.
pub fn render(report: &Report, extra: &ReportExtras) -> Result<String, ReportError> {
    let mut cases = vec![measurement(report)];
    cases.extend(report.judgement.objectives.iter().map(|judged| objective(judged, report, extra)));
    let suite = TestSuite {
        name: format!("plimsoll.{}.{}", report.header.name, report.header.workload),
        time: Some(report.duration),
        properties: facts::conditions(report),
        cases,
        output: summary(report),
    };
    let (name, time) = ("plimsoll".to_owned(), Some(report.duration));
    Ok(JunitDocument { name, time, suites: vec![suite] }.to_xml()?)
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
    let outcome = if validity.status == ValidityStatus::NotValid {
        TestOutcome::Error(TestReason::new("measurement not valid", &reasons.join("; ")))
    } else if judged_as_a_whole(report) {
        let kind = wording::verdict(report.judgement.verdict).to_lowercase();
        TestOutcome::Error(TestReason::new(&kind, &wording::sentence(report)))
    } else {
        TestOutcome::Passed
    };
    let output = if validity.status == ValidityStatus::Suspect {
        format!("warning: the measurement is suspect: {}", reasons.join("; "))
    } else {
        String::new()
    };
    let (name, class) = ("measurement is valid".to_owned(), "measurement".to_owned());
    TestCase { name, class, outcome, output }
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
    let because = |kind: &str| TestReason::new(kind, &line);
    let valid = report.judgement.validity.status != ValidityStatus::NotValid;
    let outcome = match judged.status {
        _ if !valid => TestOutcome::Skipped(because("measurement not valid")),
        AtRisk if extra.strict => TestOutcome::Failure(because("target missed")),
        NotMeasured if extra.strict => TestOutcome::Error(because("not measured")),
        Pass | AtRisk => TestOutcome::Passed,
        NotMeasured => TestOutcome::Skipped(because("not measured")),
        Inconclusive => TestOutcome::Error(because("inconclusive")),
        Fail => TestOutcome::Failure(because("limit exceeded")),
    };
    let output = match judged.status {
        AtRisk => format!("warning: at risk: {line}"),
        Pass | NotMeasured | Inconclusive | Fail => line,
    };
    let class = format::line(&judged.objective.scope.to_string(), 160);
    TestCase { name: wording::objective_name(judged), class, outcome, output }
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
