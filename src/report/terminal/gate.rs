//! The gate's answer for a terminal.

use super::super::gate::{BaselineComparison, ComparisonChanges, GateReport, objectives, words};
use super::super::{format, rows, wording};
use super::lines::{NARROWEST, SummaryLines, WIDEST, status_tone};
use super::style::{TerminalStyle, TextTone};
use super::table::{TableCell, TextTable};
use plimsoll_slo::gate::{GateComparison, GateOutcome, GateRow};
use plimsoll_slo::regression::RegressionVerdict;

/// The answer of a gate or comparison, `width` columns wide (40 to 120), with a final line feed. Of the comparison, what
/// changed; with `all` also what did not.
pub fn gate(report: &GateReport, style: TerminalStyle, width: usize, all: bool) -> String {
    let mut screen = SummaryLines::new(style, width.clamp(NARROWEST, WIDEST));
    let name = format!("{} · {}", report.system, report.workload);
    screen.blank();
    screen.text(TextTone::Title, &format::line(&name, 80));
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
    for told in words::suspect(report) {
        screen.fact("suspect", &told);
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
            compared(&mut screen, comparison, all);
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
    let lead = (format!("{badge}  "), indent - 2);
    screen.beside((&lead.0, lead.1), TextTone::Plain, &words::sentence(report));
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

fn compared(screen: &mut SummaryLines, comparison: &GateComparison, all: bool) {
    let (before, after) = comparison.runs;
    let changes = ComparisonChanges::of(comparison);
    screen.section("COMPARED", &format!("{before} baseline runs, {after} candidate runs"));
    let groups = [
        ("GOT WORSE", "", &changes.worse),
        ("UNDECIDED", "more runs can tell", &changes.undecided),
        ("GOT BETTER", "", &changes.better),
    ];
    for (name, aside, rows) in groups.into_iter().filter(|(.., rows)| !rows.is_empty()) {
        screen.section(name, aside);
        rows_table(screen, rows);
    }
    if let Some(same) = changes.unchanged() {
        if all {
            screen.section("NO CHANGE SHOWN", &same);
            rows_table(screen, &changes.same);
        } else {
            screen.blank();
            screen.fact("no change", &format!("shown in {same}; `--all` lists them"));
        }
    }
    if let Some(names) = words::judged_only(comparison) {
        screen.fact("SLO only", &format::message(&names));
    }
    for left in &comparison.left_out {
        screen.fact("left out", &words::left_out(left));
    }
    for pooled in words::all_pooled(comparison) {
        screen.fact("pooled", &pooled);
    }
    screen.blank();
    screen.text(TextTone::Faint, &words::rule(comparison));
}

/// Columns below which p and what could have been shown give way: the section says what a row came to.
const WIDE: usize = 100;

fn rows_table(screen: &mut SummaryLines, rows: &[&GateRow]) {
    let mut heads = vec!["", "metric", "<baseline", "<candidate", "<change", "<95 % interval", ""];
    let wide = screen.width >= WIDE;
    if wide {
        heads.splice(6..6, ["<p", "<could show"]);
    }
    let mut table = TextTable::new(&heads);
    let mut last = "";
    for row in rows {
        let step = if last == row.step { String::new() } else { format::line(&row.step, 40) };
        last = &row.step;
        table.row(cells(row, step, wide));
    }
    screen.table(&table);
}

fn cells(row: &GateRow, step: String, wide: bool) -> Vec<TableCell> {
    let tone = match row.regression.verdict {
        RegressionVerdict::Regressed => TextTone::Bad,
        RegressionVerdict::NotRegressed => TextTone::Good,
        RegressionVerdict::NeedMoreRuns { .. } if row.decides => TextTone::Warning,
        RegressionVerdict::NeedMoreRuns { .. } => TextTone::Faint,
    };
    let verdict = words::verdict(row);
    // The symbol alone where there is little room: the section has the word.
    let verdict = if wide { verdict } else { verdict.chars().take(1).collect() };
    let mut cells = vec![
        TableCell::plain(step),
        TableCell::plain(words::measured_name(row.metric, row.of)),
        TableCell::plain(words::value(row.metric, row.baseline)),
        TableCell::plain(words::value(row.metric, row.candidate)),
        TableCell::toned(TextTone::Strong, words::effect(row)),
        TableCell::plain(words::interval(row)),
    ];
    if wide {
        cells.push(TableCell::plain(words::p(row.regression.p)));
        cells.push(TableCell::plain(words::shown(row)));
    }
    cells.push(TableCell::toned(tone, verdict));
    cells
}
