//! The summary at the end of a run, for a terminal.
//!
//! The answer comes first and is told by word and symbol; colour only repeats it. Lines fit the width.

mod agents;
mod beside;
mod gate;
mod history;
mod lines;
mod over_time;
mod pages;
mod split;
mod style;
mod table;

pub use gate::gate;
pub use history::{list, trends};
pub use style::TerminalStyle;

use lines::{NARROWEST, SummaryLines, WIDEST, status_tone, verdict_tone};
use style::TextTone;
use table::{TableCell, TextTable};

use super::histogram;
use super::model::Report;
use super::rows::{self, StepRow};
use super::{exemplars, facts, format, wording};
use plimsoll_slo::ValidityStatus;

/// The summary of a run, `width` columns wide (40 to 120), with a final line feed.
pub fn summary(report: &Report, style: TerminalStyle, width: usize) -> String {
    let mut screen = SummaryLines::new(style, width.clamp(NARROWEST, WIDEST));
    title(&mut screen, report);
    answer(&mut screen, report);
    slo(&mut screen, report);
    split::section(&mut screen, report);
    steps(&mut screen, report);
    pages::section(&mut screen, report);
    beside::stack(&mut screen, report);
    beside::availability(&mut screen, report);
    errors(&mut screen, report);
    beside::events(&mut screen, report);
    over_time::marks(&mut screen, report);
    slowest(&mut screen, report);
    clocks(&mut screen, report);
    response_histogram(&mut screen, report);
    over_time::series(&mut screen, report);
    generator(&mut screen, report);
    agents::section(&mut screen, report);
    files(&mut screen, report);
    screen.text
}

/// The verdict and its sentence alone, for `--quiet`: no indent, one paragraph, a final line feed.
pub fn answer_line(report: &Report, style: TerminalStyle) -> String {
    let verdict = report.judgement.verdict;
    let word = format!("{} {}", wording::verdict_symbol(verdict), wording::verdict(verdict));
    format!("{}  {}\n", style.paint(verdict_tone(verdict), &word), wording::sentence(report))
}

fn title(screen: &mut SummaryLines, report: &Report) {
    let header = &report.header;
    let when = format!("{} · {}", header.started_utc, format::duration(report.duration));
    let when = format::line(&when, 40);
    let name =
        format!("{} · {}", format::line(&header.name, 80), format::line(&header.workload, 80));
    let room = screen.width.saturating_sub(2 + name.chars().count());
    screen.blank();
    if room > when.chars().count() {
        let name = screen.paint(TextTone::Title, &name);
        let when = screen.paint(TextTone::Faint, &format!("{when:>room$}"));
        screen.line(&format!("  {name}{when}"));
    } else {
        screen.text(TextTone::Title, &name);
        screen.text(TextTone::Faint, &when);
    }
    screen.blank();
}

fn answer(screen: &mut SummaryLines, report: &Report) {
    let verdict = report.judgement.verdict;
    let badge = format!(" {} {} ", wording::verdict_symbol(verdict), wording::verdict(verdict));
    let indent = badge.chars().count() + 4;
    let badge = screen.style.badge(verdict_tone(verdict), &badge);
    let lead = (format!("{badge}  "), indent - 2);
    screen.beside((&lead.0, lead.1), TextTone::Plain, &wording::sentence(report));
    screen.blank();
    measurement(screen, report);
    for (key, text) in load_facts(report) {
        screen.fact(key, &text);
    }
    for caveat in wording::caveats(report) {
        let mark = screen.paint(TextTone::Warning, "!");
        screen.beside((&format!("{mark} "), 2), TextTone::Plain, &caveat);
    }
}

fn measurement(screen: &mut SummaryLines, report: &Report) {
    let validity = &report.judgement.validity;
    let passed = validity.findings.iter().filter(|one| one.status == ValidityStatus::Valid).count();
    let all = validity.findings.len();
    let word = wording::validity(validity.status);
    screen.fact("measurement", &format!("{word} · {passed} of {all} tests passed"));
    for finding in wording::further_findings(&report.judgement) {
        let message = format::line(&finding.message, usize::MAX);
        screen.fact("", &format!("- {message}"));
    }
}

fn load_facts(report: &Report) -> Vec<(&'static str, String)> {
    let shown = &report.shown;
    let achieved = format!("{} req/s achieved", format::rate(shown.rate()));
    let rates = match report.intended_rate(shown) {
        Some(intended) => format!("{achieved}, {} req/s intended", format::rate(intended)),
        None => achieved,
    };
    let rates = match shown.sent {
        Some(sent) if sent.after_end > 0 => {
            format!("{rates} ({} requests after its end)", format::count(sent.after_end))
        }
        _ => rates,
    };
    let all = facts::load(report);
    let of = |wanted| all.iter().find(|(key, _)| *key == wanted).map(|(_, text)| text.clone());
    let mut facts = vec![
        ("load", format!("{} · {rates}", wording::model(report))),
        ("judged part", wording::judged_part(report)),
        ("requests", of("requests").unwrap_or_default()),
        ("iterations", of("iterations").unwrap_or_default()),
    ];
    facts.extend(of("reconnects").map(|text| ("reconnects", text)));
    facts.extend(of("retries").map(|text| ("retries", text)));
    facts.extend(facts::lifecycle(report));
    facts
}

fn slo(screen: &mut SummaryLines, report: &Report) {
    let rows = rows::slo(report);
    let limit = format!("<{}", rows::limit_head(report));
    let default = "the default ones: the scenario has no `slo:`";
    screen.section("OBJECTIVES", if report.judgement.by_default_table { default } else { "" });
    if rows.is_empty() {
        screen.line("  none set in the scenario");
        return;
    }
    let mut table =
        TextTable::new(&["", "<target", &limit, "<estimate", "<95 % interval", "status"]);
    for (row, judged) in rows.iter().zip(&report.judgement.objectives) {
        let tone = status_tone(judged.status);
        table.row(vec![
            TableCell::plain(wording::objective_short(judged)),
            TableCell::plain(row.target.clone()),
            TableCell::plain(row.limit.clone()),
            TableCell::toned(TextTone::Strong, row.estimate.clone()),
            TableCell::plain(row.interval.clone()),
            TableCell::toned(tone, format!("{} {}", row.symbol, row.status)),
        ]);
        if !row.note.is_empty() {
            table.note(row.note.clone());
        }
    }
    screen.table(&table);
}

fn steps(screen: &mut SummaryLines, report: &Report) {
    screen.section("STEPS", "response time; p99 svc is service time");
    let heads = ["", "<requests", "<req/s", "<p50", "<p95", "<p99", "<max", "<p99 svc", "<errors"];
    let mut table = TextTable::new(&heads);
    for row in rows::steps(report) {
        table.row(step_cells(row, TextTone::Plain));
    }
    table.row(step_cells(rows::all_steps(report), TextTone::Strong));
    for row in rows::tags(report) {
        table.row(step_cells(row, TextTone::Faint));
    }
    screen.table(&table);
    let notes = rows::streams(report).into_iter().chain(rows::failed_times(report));
    for note in notes.chain(rows::missing_quantiles(report)) {
        screen.text(TextTone::Faint, &note);
    }
}

fn step_cells(row: StepRow, tone: TextTone) -> Vec<TableCell> {
    let errors = if row.failed { TextTone::Bad } else { tone };
    let texts =
        [row.name, row.requests, row.rate, row.p50, row.p95, row.p99, row.max, row.service_p99];
    let mut cells: Vec<TableCell> =
        texts.into_iter().map(|text| TableCell::toned(tone, text)).collect();
    cells.push(TableCell::toned(errors, row.errors));
    cells
}

fn errors(screen: &mut SummaryLines, report: &Report) {
    let rows = rows::errors(report);
    if rows.is_empty() {
        return;
    }
    let outside: u64 = report.errors.iter().map(|group| group.count_whole - group.count).sum();
    let aside = match outside {
        0 => String::new(),
        _ => format!("{} more outside the judged part", format::count(outside)),
    };
    screen.section("ERRORS", &aside);
    // Beside the class where there is room for a few words, else below.
    let wide = screen.width >= ERROR_LEAD + 30;
    for row in rows {
        let class = screen.paint(TextTone::Bad, &format!("{:<16}", row.class));
        let fault = if row.generator_fault { " · the generator's fault" } else { "" };
        let lead = format!("{class}  {:>7}  {:>8}  ", row.count, row.share);
        let steps = format!("{}{fault}", row.steps);
        if wide {
            screen.beside((&lead, ERROR_LEAD), TextTone::Plain, &steps);
        } else {
            screen.line(&format!("  {lead}"));
            screen.beside(("  ", 2), TextTone::Plain, &steps);
        }
        if row.example != rows::NONE {
            let indent = if wide { 18 } else { 2 };
            let example = format!("e.g. {}", row.example);
            screen.beside((&" ".repeat(indent), indent), TextTone::Faint, &example);
        }
    }
}

/// The columns of an error's class, count and share.
const ERROR_LEAD: usize = 16 + 2 + 7 + 2 + 8 + 2;

/// The slowest request of each step, and where its time went.
fn slowest(screen: &mut SummaryLines, report: &Report) {
    let rows = exemplars::slowest(report);
    if rows.is_empty() {
        return;
    }
    screen.section(
        "SLOWEST REQUESTS",
        "five of each step are in the report, and the first that failed",
    );
    for row in rows {
        let name = format::line(&row.step, 20);
        let lead = format!("{name:<20}  {:>8}  ", row.time);
        let id = if row.correlation.is_empty() { "" } else { " · " };
        let text = format!("{}{id}{}", row.spent, row.correlation);
        screen.beside((&lead, 20 + 2 + 8 + 2), TextTone::Plain, &text);
    }
}

fn clocks(screen: &mut SummaryLines, report: &Report) {
    if report.shown.run.counts.requests == 0 {
        return;
    }
    screen.section("RESPONSE TIME", "what users wait; service time hides their waiting");
    let rows = rows::times(report);
    let mut table =
        TextTable::new(&["", "<mean", "<p50", "<p90", "<p95", "<p99", "<p99.9", "<max"]);
    let line = |name: &str, tone, text: fn(&rows::TimeRow) -> &String| {
        let cells = rows.iter().map(|row| TableCell::toned(tone, text(row).clone()));
        std::iter::once(TableCell::plain(name.to_owned())).chain(cells).collect()
    };
    table.row(line("response", TextTone::Strong, |row| &row.response));
    if rows::has_failed_times(report) {
        table.row(line("failed", TextTone::Plain, |row| &row.failed));
    }
    table.row(line("service", TextTone::Plain, |row| &row.service));
    table.row(line("hidden", TextTone::Faint, |row| &row.hidden));
    screen.table(&table);
    if rows::has_failed_times(report) {
        screen.text(TextTone::Faint, rows::OF_ALL);
    }
}

fn response_histogram(screen: &mut SummaryLines, report: &Report) {
    let bars = histogram::bars(&report.shown.run.success_time());
    let Some(most) = bars.iter().map(|bar| bar.count).max().filter(|&most| most > 0) else {
        return;
    };
    let total = report.shown.run.success_time().count();
    let room = screen.width.saturating_sub(38).min(60);
    screen.blank();
    let mut above = None;
    for bar in bars {
        let label = histogram::label(above, bar.up_to);
        above = Some(bar.up_to);
        let blocks = screen.paint(TextTone::Accent, &blocks(bar.count, most, room));
        let pad = " ".repeat(room - block_width(bar.count, most, room));
        let share = format::share(plimsoll_units::Ratio::of(bar.count, total));
        let share = if bar.count == 0 { String::new() } else { share };
        screen.line(&format!("  {label:>14}  {blocks}{pad}  {share:>7}"));
    }
}

/// Eighths of a column that `count` of `most` fills; at least one for any count.
fn eighths(count: u64, most: u64, room: usize) -> usize {
    let exact = count as f64 / most as f64 * room as f64 * 8.0;
    (exact.round() as usize).max(usize::from(count > 0))
}

fn block_width(count: u64, most: u64, room: usize) -> usize {
    eighths(count, most, room).div_ceil(8)
}

fn blocks(count: u64, most: u64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = eighths(count, most, room);
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

fn generator(screen: &mut SummaryLines, report: &Report) {
    screen.section("GENERATOR", "");
    let facts: Vec<String> = facts::generator(report)
        .into_iter()
        .map(|(key, text)| match key {
            "workers" => format::counted(report.header.workers.into(), "worker"),
            "busiest worker" => format!("busiest worker {text}"),
            "process" => text,
            _ => format!("{key} {text}"),
        })
        .collect();
    screen.text(TextTone::Plain, &facts.join(" · "));
}

fn files(screen: &mut SummaryLines, report: &Report) {
    if let Some(folder) = &report.folder {
        screen.section("REPORTS", "");
        let folder = folder.trim_end_matches('/');
        // Whole on one line, whatever the width, so that it can be copied.
        screen.line(&format!("  {folder}/report.html"));
        screen.text(TextTone::Plain, "and beside it report.md, result.json, junit.xml, run.jsonl");
    }
}
