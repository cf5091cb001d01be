//! The gate as GitHub workflow commands, which become annotations of a job.
//!
//! GitHub shows at most ten errors of a step, so the answer comes first and the worst rows follow.

use super::super::{format, rows, wording};
use super::answer::GateReport;
use super::objectives::objectives;
use super::words;
use plimsoll_slo::ObjectiveStatus;

/// GitHub's limit of annotations of one kind in a step.
const MOST: usize = 10;

/// Renders workflow commands, one a line.
pub fn render(report: &GateReport) -> String {
    let outcome = report.outcome();
    let level = match report.exit_code() {
        0 if words::outcome(outcome) == "PASS" => "notice",
        0 => "warning",
        _ => "error",
    };
    let title = format!("plimsoll: {} {}", words::outcome(outcome), report.system);
    let mut lines = vec![command(level, &title, &words::sentence(report))];
    for one in objectives(report) {
        let row = rows::slo_row(one.worst);
        let name = wording::objective_name(one.worst);
        let level = match one.worst.status {
            ObjectiveStatus::Fail => "error",
            ObjectiveStatus::AtRisk | ObjectiveStatus::Inconclusive => "warning",
            ObjectiveStatus::Pass | ObjectiveStatus::NotMeasured => continue,
        };
        let text = format!(
            "{} in {} of {} runs: {}, target {}, {} {}",
            row.status,
            one.alike,
            one.judged,
            row.estimate,
            row.target,
            wording::limit_word(one.worst),
            row.limit
        );
        lines.push(command(level, &name, &text));
    }
    for row in report.regressed() {
        let title = format!("{} regressed", words::subject(row.compared()));
        lines.push(command("error", &title, &words::explain(row)));
    }
    for run in report.not_valid() {
        let reasons: Vec<&str> = run.judgement.validity.reasons().collect();
        let reasons = format::message(&reasons.join("; "));
        lines.push(command("error", "measurement not valid", &format!("{}: {reasons}", run.label)));
    }
    for run in report.partial() {
        lines.push(command("error", "partial run", &words::partial(run)));
    }
    let hidden = lines.len().saturating_sub(MOST);
    if hidden > 0 {
        lines.truncate(MOST - 1);
        let text = format!("{} more findings are in the gate's other formats", hidden + 1);
        lines.push(command("warning", "plimsoll", &text));
    }
    lines.join("\n") + "\n"
}

/// `::error title=…::…`, escaped as the runner unescapes it.
fn command(level: &str, title: &str, message: &str) -> String {
    let message = format::message(message).replace('%', "%25");
    let title = format::line(title, 200).replace('%', "%25");
    let title = title.replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{message}")
}
