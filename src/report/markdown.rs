//! `report.md`: the run as Markdown, for wikis and pull requests.
//!
//! Everything from outside is escaped for tables: a name may hold a pipe, a tag or a line feed and still
//! stay one cell.

mod agents;
mod beside;
mod page;
mod pages;
mod split;

pub(super) use page::{MarkdownPage, cell};

use super::capacity::{CapacityView, DeploymentGrid, GridCell, OptionView, ProbeRow, VerifiedRow};
use super::model::Report;
use super::rows::{self, StepRow};
use super::{ReportExtras, exemplars, facts, mark_rows, wording};

/// Renders `report.md`.
pub fn render(report: &Report, extra: &ReportExtras) -> String {
    let mut page = MarkdownPage::default();
    let header = &report.header;
    page.heading(1, &format!("{} · {}", header.name, header.workload));
    let capacity = extra.capacity.as_ref().map(CapacityView::of);
    if let Some(capacity) = &capacity {
        page.paragraph(&format!("**{}** — {}", cell(&capacity.claim), cell(&capacity.sentence)));
        capacity_section(&mut page, capacity);
        page.heading(2, "The step that is shown");
    }
    answer(&mut page, report);
    validity(&mut page, report);
    slo(&mut page, report);
    split::section(&mut page, report);
    page.heading(2, "Load");
    page.facts(&facts::load(report));
    steps(&mut page, report);
    scenarios(&mut page, report);
    times(&mut page, report);
    pages::section(&mut page, report);
    beside::stack(&mut page, report);
    beside::availability(&mut page, report);
    errors(&mut page, report);
    exemplars(&mut page, report);
    events(&mut page, report);
    marks(&mut page, report);
    page.heading(2, "Generator");
    page.facts(&facts::generator(report));
    agents::section(&mut page, report);
    page.heading(2, "Conditions");
    page.facts(&facts::conditions(report));
    if let Some(capacity) = &capacity {
        probes(&mut page, capacity);
    }
    page.text
}

/// All steps of a search.
fn probes(page: &mut MarkdownPage, capacity: &CapacityView) {
    if capacity.probes.is_empty() {
        return;
    }
    page.heading(2, "Appendix: the steps of the search");
    let body: Vec<Vec<String>> = capacity.probes.iter().map(ProbeRow::cells).collect();
    let heads =
        ["req/s:", "held for:", "p50:", "p95:", "p99:", "purpose", "objectives", "not at rest"];
    page.table(&heads, &body);
}

fn answer(page: &mut MarkdownPage, report: &Report) {
    let verdict = report.judgement.verdict;
    let (symbol, word) = (wording::verdict_symbol(verdict), wording::verdict(verdict));
    page.paragraph(&format!("**{symbol} {word}** — {}", cell(&wording::sentence(report))));
    let status = wording::validity(report.judgement.validity.status);
    page.paragraph(&format!(
        "Measurement **{status}** · {} · judged part: {}",
        cell(&wording::model(report)),
        wording::judged_part(report)
    ));
    for caveat in wording::caveats(report) {
        page.paragraph(&format!("> {}", cell(&caveat)));
    }
}

fn validity(page: &mut MarkdownPage, report: &Report) {
    let further = wording::further_findings(&report.judgement);
    if !further.is_empty() {
        page.paragraph("Findings:");
        page.list(&further.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>());
    }
}

/// The SLO table with its notes.
pub(super) fn slo(page: &mut MarkdownPage, report: &Report) {
    page.heading(2, "Objectives");
    if report.judgement.by_default_table {
        page.paragraph("The scenario has no `slo:`, so the default one is judged.");
    }
    let rows = rows::slo(report);
    if rows.is_empty() {
        page.paragraph("The scenario sets no objective.");
        return;
    }
    let limit = format!("{}:", rows::limit_head(report));
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let status = format!("{} {}", row.symbol, row.status);
            let texts =
                [&row.name, &row.scope, &row.target, &row.limit, &row.estimate, &row.interval];
            texts.into_iter().chain([&status, &row.note]).cloned().collect()
        })
        .collect();
    page.table(
        &["objective", "scope", "target:", &limit, "estimate:", "95 % interval:", "status", "note"],
        &body,
    );
}

fn steps(page: &mut MarkdownPage, report: &Report) {
    page.heading(2, "Steps");
    let mut all = rows::steps(report);
    all.push(rows::all_steps(report));
    all.extend(rows::tags(report));
    let body: Vec<Vec<String>> = all.into_iter().map(step_cells).collect();
    page.table(
        &[
            "step",
            "kind",
            "requests:",
            "req/s:",
            "p50:",
            "p95:",
            "p99:",
            "max:",
            "p99 service:",
            "errors:",
        ],
        &body,
    );
    for line in rows::streams(report).into_iter().chain(rows::failed_times(report)) {
        page.paragraph(&format!("\n{}.", cell(&line)));
    }
    let missing =
        rows::missing_quantiles(report).map_or(String::new(), |note| format!(" {}.", cell(&note)));
    page.paragraph(&format!(
        "\nResponse time runs from the intended start to the last byte; service time from the actual send.{missing}"
    ));
}

fn step_cells(row: StepRow) -> Vec<String> {
    let StepRow { name, kind, requests, rate, p50, p95, p99, max, service_p99, errors, failed: _ } =
        row;
    vec![name, kind, requests, rate, p50, p95, p99, max, service_p99, errors]
}

fn scenarios(page: &mut MarkdownPage, report: &Report) {
    page.heading(2, "Scenarios");
    let body: Vec<Vec<String>> = rows::scenarios(report)
        .into_iter()
        .map(|row| {
            vec![
                row.name,
                row.share,
                row.started,
                row.completed,
                row.failed,
                row.dropped,
                row.iteration_p50,
                row.iteration_p95,
                row.response_p99,
            ]
        })
        .collect();
    page.table(
        &[
            "scenario",
            "share:",
            "started:",
            "completed:",
            "failed:",
            "dropped:",
            "iteration p50:",
            "iteration p95:",
            "response p99:",
        ],
        &body,
    );
}

fn times(page: &mut MarkdownPage, report: &Report) {
    page.heading(2, "Response time beside service time");
    let has_failed = rows::has_failed_times(report);
    let rows = rows::times(report).into_iter();
    let body: Vec<Vec<String>> = rows
        .map(|row| {
            let failed = has_failed.then_some(row.failed);
            let cells = [row.quantile.to_owned(), row.response];
            cells.into_iter().chain(failed).chain([row.service, row.hidden]).collect()
        })
        .collect();
    let failed = has_failed.then_some("of failures:");
    let heads = ["", "response time:"].into_iter().chain(failed);
    let heads = heads.chain(["service time:", "hidden by service time:"]);
    page.table(&heads.collect::<Vec<_>>(), &body);
    if has_failed {
        page.paragraph(rows::OF_ALL);
    }
}

fn errors(page: &mut MarkdownPage, report: &Report) {
    page.heading(2, "Errors");
    let rows = rows::errors(report);
    if rows.is_empty() {
        page.paragraph("None.");
        return;
    }
    let body: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            vec![row.class.to_owned(), row.count, row.share, row.outside, row.steps, row.example]
        })
        .collect();
    page.table(
        &["class", "requests:", "share:", "outside the judged part:", "steps", "first example"],
        &body,
    );
}

/// The slowest requests of each step, and the first that failed.
fn exemplars(page: &mut MarkdownPage, report: &Report) {
    let rows = exemplars::rows(report);
    if rows.is_empty() {
        return;
    }
    page.heading(2, "Slowest requests and first failures");
    let body: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| vec![row.step, row.at, row.time, row.outcome, row.spent, row.correlation])
        .collect();
    page.table(&["step", "at:", "response time:", "outcome", "where it went", "identifier"], &body);
}

fn events(page: &mut MarkdownPage, report: &Report) {
    let rows = rows::events(report);
    if rows.is_empty() {
        return;
    }
    page.heading(2, "Events");
    let body: Vec<Vec<String>> =
        rows.into_iter().map(|row| vec![row.at, row.kind.to_owned(), row.text]).collect();
    page.table(&["at:", "kind", "what"], &body);
}

/// What changed at each mark.
fn marks(page: &mut MarkdownPage, report: &Report) {
    let tables = mark_rows::tables(report);
    if tables.is_empty() {
        return;
    }
    page.heading(2, "Before and after a mark");
    for table in tables {
        page.heading(3, &table.mark);
        page.paragraph(&format!("{}; {}.", table.about, mark_rows::ABOUT));
        let row = |row: mark_rows::MarkRow| {
            vec![row.figure.to_owned(), row.before, row.after, row.change]
        };
        let body: Vec<Vec<String>> = table.rows.into_iter().map(row).collect();
        page.table(&["", "before:", "after:", "change:"], &body);
    }
}

/// The capacity result: the line, the bottleneck, the options and the recommendation.
fn capacity_section(page: &mut MarkdownPage, capacity: &CapacityView) {
    page.heading(2, "Capacity");
    page.facts(&capacity.facts);
    page.facts(&[("recommendation", capacity.recommendation.clone())]);
    capacity_tables(page, capacity);
}

/// Replicas × size: a row a number of replicas, a column a size.
fn grid(page: &mut MarkdownPage, grid: &DeploymentGrid) {
    page.heading(3, &format!("Replicas × size of {}", grid.tier));
    page.paragraph(&cell(&grid.about));
    let heads: Vec<&str> =
        std::iter::once("replicas:").chain(grid.sizes.iter().map(String::as_str)).collect();
    let rows = grid.rows.iter();
    let body: Vec<Vec<String>> = rows
        .map(|row| {
            let cells = row.cells.iter().map(GridCell::line);
            std::iter::once(row.replicas.to_string()).chain(cells).collect()
        })
        .collect();
    page.table(&heads, &body);
}

/// Tiers, replicas × size, options and checked predictions.
pub(super) fn capacity_tables(page: &mut MarkdownPage, capacity: &CapacityView) {
    if !capacity.tiers.is_empty() {
        page.heading(3, "Tiers");
        let rows = capacity.tiers.iter();
        let body: Vec<Vec<String>> = rows
            .map(|row| {
                vec![
                    row.name.clone(),
                    row.demand.clone(),
                    row.interval.clone(),
                    row.ceiling.clone(),
                ]
            })
            .collect();
        page.table(&["tier", "demand:", "95 % interval:", "ceiling:"], &body);
    }
    if let Some(scaled) = &capacity.grid {
        grid(page, scaled);
    }
    if !capacity.options.is_empty() {
        page.heading(3, "Options");
        page.paragraph("`api 7×2`: seven replicas of two cores.");
        let body: Vec<Vec<String>> = capacity.options.iter().map(OptionView::cells).collect();
        page.table(
            &[
                "deployment",
                "kind",
                "SLO-max, req/s:",
                "95 % interval, req/s:",
                "P(SLO met):",
                "cost a month:",
                "N+1",
                "status",
                "reason",
            ],
            &body,
        );
    }
    if !capacity.verified.is_empty() {
        page.heading(3, "Predictions checked");
        let body: Vec<Vec<String>> = capacity.verified.iter().map(VerifiedRow::cells).collect();
        page.table(&["deployment", "predicted:", "measured:", "error:"], &body);
    }
}
