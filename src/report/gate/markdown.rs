//! The gate as Markdown, for a comment on a pull request: the answer, what got worse, then the rest folded.

use super::super::markdown::{MarkdownPage, cell};
use super::super::{format, rows, wording};
use super::answer::{BaselineComparison, GateReport};
use super::objectives::objectives;
use super::words;
use plimsoll_slo::ObjectiveStatus;
use plimsoll_slo::gate::GateRow;

/// At most so many rows stand unfolded.
const ROWS_SHOWN: usize = 12;

/// Renders the comment.
pub fn render(report: &GateReport) -> String {
    let mut page = MarkdownPage::default();
    let outcome = report.outcome();
    let word = format!("{} {}", words::symbol(outcome), words::outcome(outcome));
    page.heading(2, &format!("{word} · {} · {}", report.system, report.workload));
    page.paragraph(&format!("**{}**", cell(&words::sentence(report))));
    worse(&mut page, report);
    unclear(&mut page, report);
    slo(&mut page, report);
    runs(&mut page, report);
    compared(&mut page, report);
    let mut text = page.text.trim_end().to_owned();
    text.push('\n');
    text
}

fn comparison_rows(rows: &[&GateRow]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| {
            vec![
                row.step.clone(),
                words::measured_name(row.metric, row.of),
                words::value(row.metric, row.baseline),
                words::value(row.metric, row.candidate),
                words::effect(row),
                words::interval(row),
                words::p(row.regression.p),
                words::shown(row),
                words::verdict(row),
            ]
        })
        .collect()
}

const HEADS: [&str; 9] = [
    "step",
    "metric",
    "baseline:",
    "candidate:",
    "change:",
    "95 % interval:",
    "p:",
    "could show:",
    "answer",
];

fn worse(page: &mut MarkdownPage, report: &GateReport) {
    let regressed = report.regressed();
    if regressed.is_empty() {
        return;
    }
    page.heading(3, "Got worse");
    page.table(&HEADS, &comparison_rows(&regressed[..regressed.len().min(ROWS_SHOWN)]));
    if regressed.len() > ROWS_SHOWN {
        page.paragraph(&format!("\n… and {} more, below.", regressed.len() - ROWS_SHOWN));
    }
}

fn unclear(page: &mut MarkdownPage, report: &GateReport) {
    let unclear = report.unclear();
    if unclear.is_empty() {
        return;
    }
    page.heading(3, "Undecided");
    let mut lines: Vec<String> =
        unclear.iter().take(ROWS_SHOWN / 2).map(|row| words::explain(row)).collect();
    if unclear.len() > lines.len() {
        lines.push(format!("… and {} more, below", unclear.len() - lines.len()));
    }
    page.list(&lines);
}

fn slo(page: &mut MarkdownPage, report: &GateReport) {
    let all = objectives(report);
    if all.is_empty() {
        return;
    }
    page.heading(3, "Objectives");
    let body: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let row = rows::slo_row(one.worst);
            let status = if one.worst.status == ObjectiveStatus::Pass {
                format!("{} {}", row.symbol, row.status)
            } else {
                format!("{} {} in {} of {}", row.symbol, row.status, one.alike, one.judged)
            };
            vec![
                wording::objective_name(one.worst),
                row.target,
                row.limit,
                row.estimate,
                row.interval,
                status,
            ]
        })
        .collect();
    let heads = ["objective", "target:", "bound:", "worst estimate:", "95 % interval:", "status"];
    page.table(&heads, &body);
}

fn runs(page: &mut MarkdownPage, report: &GateReport) {
    let mut marked: Vec<String> = report
        .not_valid()
        .map(|run| {
            let reasons: Vec<&str> = run.judgement.validity.reasons().collect();
            format!("{} is not valid: {}", run.label, format::message(&reasons.join("; ")))
        })
        .collect();
    marked.extend(report.partial().map(words::partial));
    marked.extend(words::suspect(report).into_iter().map(|told| format!("suspect: {told}")));
    if !marked.is_empty() {
        page.heading(3, "Measurements");
        page.list(&marked);
    }
}

fn compared(page: &mut MarkdownPage, report: &GateReport) {
    match &report.compared {
        BaselineComparison::NotAsked => {
            page.paragraph("\nNo baseline was given, so nothing was compared.");
        }
        BaselineComparison::NotMade(reasons) => {
            page.heading(3, "Not compared");
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            page.list(&reasons);
        }
        BaselineComparison::Made { comparison, waived } => {
            let (deciding, informing): (Vec<&GateRow>, Vec<&GateRow>) =
                comparison.rows.iter().partition(|row| row.decides);
            if !deciding.is_empty() {
                page.heading(3, "Compared");
                page.table(&HEADS, &comparison_rows(&deciding));
            }
            if let Some(names) = words::judged_only(comparison) {
                page.paragraph(&format!("\nSLO table only: {}.", cell(&names)));
            }
            let others = informing.len();
            page.paragraph(&format!(
                "\n<details><summary>For information: {others} other comparisons</summary>"
            ));
            if others > 0 {
                page.table(&HEADS, &comparison_rows(&informing));
            }
            if !comparison.left_out.is_empty() {
                page.paragraph("\nNot compared:");
                let lines: Vec<String> = comparison.left_out.iter().map(words::left_out).collect();
                page.list(&lines);
            }
            page.paragraph("\n</details>");
            for pooled in words::all_pooled(comparison) {
                page.paragraph(&format!("> **pooled:** {}", cell(&pooled)));
            }
            page.paragraph(&cell(&words::rule(comparison)));
            for unlike in waived {
                page.paragraph(&format!("> **unlike, and waived:** {}", cell(&unlike.to_string())));
            }
        }
    }
}
