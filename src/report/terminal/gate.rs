//! The gate's answer for a terminal.

use super::super::gate::{BaselineComparison, GateReport, objectives, words};
use super::super::{format, rows, wording};
use super::lines::{NARROWEST, SummaryLines, WIDEST, status_tone};
use super::style::{TerminalStyle, TextTone};
use super::table::{TableCell, TextTable, wrapped};
use crate::slo::gate::{GateComparison, GateOutcome, GateRow};
use crate::slo::regression::RegressionVerdict;

/// The answer of a gate or comparison, `width` columns wide (60 to 120), with a final line feed.
pub fn gate(report: &GateReport, style: TerminalStyle, width: usize) -> String {
    let mut screen = SummaryLines::new(style, width.clamp(NARROWEST, WIDEST));
    let name = format!("{} · {}", report.system, report.workload);
    let name = screen.paint(TextTone::Title, &format::line(&name, 80));
    screen.blank();
    screen.line(&format!("  {name}"));
    screen.blank();
    answer(&mut screen, report);
    slo(&mut screen, report);
    for run in report.not_valid() {
        let reasons: Vec<&str> = run.judgement.validity.reasons().collect();
        let text = format!("{}: {}", run.label, format::message(&reasons.join("; ")));
        screen.fact("not valid", &text);
    }
    for run in report.partial() {
        screen.fact("partial", &words::partial(run));
    }
    match &report.compared {
        BaselineComparison::NotAsked => {}
        BaselineComparison::NotMade(reasons) => {
            screen.section("NOT COMPARED", "");
            for reason in reasons {
                screen.fact("", &format::message(&reason.to_string()));
            }
        }
        BaselineComparison::Made { comparison, waived } => {
            compared(&mut screen, comparison);
            for unlike in waived {
                screen.fact("waived", &format::message(&unlike.to_string()));
            }
        }
    }
    screen.text
}

const fn tone(outcome: GateOutcome) -> TextTone {
    match outcome {
        GateOutcome::Pass => TextTone::Good,
        GateOutcome::AtRisk | GateOutcome::NeedMoreRuns | GateOutcome::Inconclusive => {
            TextTone::Warning
        }
        GateOutcome::NotValid | GateOutcome::Regressed | GateOutcome::Failed => TextTone::Bad,
    }
}

fn answer(screen: &mut SummaryLines, report: &GateReport) {
    let outcome = report.outcome();
    let badge = format!(" {} {} ", words::symbol(outcome), words::outcome(outcome));
    let indent = badge.chars().count() + 4;
    let badge = screen.style.badge(tone(outcome), &badge);
    for (index, part) in wrapped(&words::sentence(report), screen.width - indent).iter().enumerate()
    {
        let lead = if index == 0 { format!("  {badge}  ") } else { " ".repeat(indent) };
        screen.line(&format!("{lead}{part}"));
    }
}

fn slo(screen: &mut SummaryLines, report: &GateReport) {
    let all = objectives(report);
    if all.is_empty() {
        return;
    }
    screen.section("OBJECTIVES", "the worst of all runs");
    let mut table = TextTable::new(&["", "<target", "<bound", "<worst", "status"]);
    for one in all {
        let row = rows::slo_row(one.worst);
        let status = format!("{} {} {}/{}", row.symbol, row.status, one.alike, one.judged);
        table.row(vec![
            TableCell::plain(wording::objective_short(one.worst)),
            TableCell::plain(row.target),
            TableCell::plain(row.limit),
            TableCell::toned(TextTone::Strong, row.estimate),
            TableCell::toned(status_tone(one.worst.status), status),
        ]);
    }
    screen.table(&table);
}

fn compared(screen: &mut SummaryLines, comparison: &GateComparison) {
    let (before, after) = comparison.runs;
    let (deciding, informing): (Vec<&GateRow>, Vec<&GateRow>) =
        comparison.rows.iter().partition(|row| row.decides);
    screen.section("COMPARED", &format!("{before} baseline runs, {after} candidate runs"));
    rows_table(screen, &deciding);
    if let Some(names) = words::judged_only(comparison) {
        screen.fact("SLO only", &format::message(&names));
    }
    if !informing.is_empty() {
        screen.section("FOR INFORMATION", "these fail the gate only where there is no doubt");
        rows_table(screen, &informing);
    }
    for left in &comparison.left_out {
        screen.fact("left out", &words::left_out(left));
    }
    screen.blank();
    for part in wrapped(&words::rule(comparison), screen.width - 2) {
        let part = screen.paint(TextTone::Faint, &part);
        screen.line(&format!("  {part}"));
    }
}

fn rows_table(screen: &mut SummaryLines, rows: &[&GateRow]) {
    let heads = [
        "",
        "metric",
        "<baseline",
        "<candidate",
        "<change",
        "<95 % interval",
        "<p",
        "<could show",
        "answer",
    ];
    let mut table = TextTable::new(&heads);
    let mut last = "";
    for row in rows {
        let step = if last == row.step { String::new() } else { format::line(&row.step, 40) };
        last = &row.step;
        let tone = match row.regression.verdict {
            RegressionVerdict::Regressed => TextTone::Bad,
            RegressionVerdict::NotRegressed => TextTone::Good,
            RegressionVerdict::NeedMoreRuns { .. } if row.decides => TextTone::Warning,
            RegressionVerdict::NeedMoreRuns { .. } => TextTone::Faint,
        };
        table.row(vec![
            TableCell::plain(step),
            TableCell::plain(words::metric_name(row.metric).into()),
            TableCell::plain(words::value(row.metric, row.baseline)),
            TableCell::plain(words::value(row.metric, row.candidate)),
            TableCell::toned(TextTone::Strong, words::effect(row)),
            TableCell::plain(words::interval(row)),
            TableCell::plain(words::p(row.regression.p)),
            TableCell::plain(words::shown(row)),
            TableCell::toned(tone, words::verdict(row)),
        ]);
    }
    screen.table(&table);
}
