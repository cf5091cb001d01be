//! After the run: the verdict, where the time went, what to compare it with, where the report is.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use plimsoll_metrics::Phase;
use plimsoll_metrics::Tally;
use plimsoll_report::{Report, agents, format, is_enough, mark_rows, wording};
use plimsoll_slo::ValidityStatus;
use plimsoll_units::{Nanos, Ratio};

use super::frame::{bar, cut, justified, wrapped};
use super::live::slo::SloColumns;
use super::model::{Model, ResultsPage};
use super::past_runs::PastRun;
use super::scrolled::ScrolledText;
use super::theme::{Theme, Tone, validity_tone, verdict_tone};

/// More agents are only counted.
const AGENTS_MAX: usize = 20;

/// Draws the page: one column of text that scrolls.
pub(super) fn draw(model: &Model, after: &ResultsPage, frame: &mut Frame<'_>, area: Rect) {
    let inner = column(area);
    let more = model.theme.style(Tone::Accent);
    let lines = text(model, after, inner).shown(model.look.scroll, inner, more);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// How far the page can be scrolled.
pub(super) fn scroll_max(model: &Model, after: &ResultsPage, area: Rect) -> usize {
    let inner = column(area);
    text(model, after, inner).scroll_max(inner)
}

/// The column of text: lines of more than 120 characters are hard to read.
fn column(area: Rect) -> Rect {
    let inner = area.inner(Margin::new(2, 0));
    Rect { width: inner.width.min(120), ..inner }
}

fn text(model: &Model, after: &ResultsPage, inner: Rect) -> ScrolledText {
    let report = &after.finished.report;
    let width = usize::from(inner.width);
    let mut page = PageLines { lines: Vec::new(), theme: model.theme, width };
    page.answer(report);
    page.capacity(&after.finished.capacity);
    page.measurement(report);
    page.objectives(report);
    page.time_spent(report);
    page.agents(report);
    page.errors(report);
    page.marks(report);
    page.compared(report, model.history.before(report));
    page.files(&after.finished.folder);
    ScrolledText { head: vec![], rows: page.lines }
}

/// Lines under construction.
struct PageLines {
    lines: Vec<Line<'static>>,
    theme: Theme,
    width: usize,
}

impl PageLines {
    fn push(&mut self, spans: Vec<Span<'static>>) {
        self.lines.push(Line::from(spans));
    }

    fn text(&mut self, text: &str, tone: Tone) {
        for part in wrapped(text, self.width) {
            self.push(vec![Span::styled(part, self.theme.style(tone))]);
        }
    }

    fn section(&mut self, title: &str) {
        self.lines.push(Line::default());
        let rule = "─".repeat(self.width.saturating_sub(title.chars().count() + 1));
        let title = Span::styled(format!("{title} "), self.theme.style(Tone::Title));
        self.push(vec![title, Span::styled(rule, self.theme.style(Tone::Faint))]);
    }

    fn answer(&mut self, report: &Report) {
        let header = &report.header;
        let name =
            format!("{} · {}", format::line(&header.name, 40), format::line(&header.workload, 40));
        let when = format!(
            "{} · {}",
            format::line(&header.started_utc, 40),
            format::duration(report.duration)
        );
        let name = Line::styled(cut(&name, self.width), self.theme.style(Tone::Title));
        let room = self.width.saturating_sub(name.width() + 2);
        let when = if room >= when.chars().count() { when } else { String::new() };
        let when = Line::styled(when, self.theme.style(Tone::Faint));
        let title = justified(name, when, self.width);
        self.push(title.spans);
        self.lines.push(Line::default());
        let verdict = report.judgement.verdict;
        let badge = format!(" {} {} ", wording::verdict_symbol(verdict), wording::verdict(verdict));
        self.push(vec![Span::styled(badge, self.theme.badge(verdict_tone(verdict)))]);
        self.text(&wording::sentence(report), Tone::Strong);
    }

    /// What a search found, as `plimsoll capacity` prints it.
    fn capacity(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.section("capacity");
        for line in text.lines() {
            let line = cut(&format::line(line, 300), self.width);
            self.push(vec![Span::raw(line)]);
        }
        self.section("the hold that stands for the run");
    }

    fn measurement(&mut self, report: &Report) {
        let validity = &report.judgement.validity;
        let sound = validity.findings.iter().filter(|one| one.status == ValidityStatus::Valid);
        let text = format!(
            "measurement {} · {} of {} tests passed · {} requests at {} req/s",
            wording::validity(validity.status),
            sound.count(),
            validity.findings.len(),
            format::count(report.whole.run.counts.requests),
            format::rate(report.shown.rate()),
        );
        self.text(&text, validity_tone(validity.status));
        for finding in wording::further_findings(&report.judgement) {
            let message = format::line(&finding.message, usize::MAX);
            self.text(&format!("- {message}"), Tone::Plain);
        }
        for caveat in wording::caveats(report) {
            self.text(&format!("! {caveat}"), Tone::Warning);
        }
    }

    fn objectives(&mut self, report: &Report) {
        let rows = &report.judgement.objectives;
        if rows.is_empty() {
            return;
        }
        self.section("objectives");
        let columns = SloColumns::of(self.width, rows, false);
        let head = columns.head(self.theme);
        self.push(head.spans);
        for row in rows {
            let line = columns.row(row, "", self.theme);
            self.push(line.spans);
            if !row.note.is_empty() {
                for part in wrapped(&format::message(&row.note), self.width - 2) {
                    let part = format!("  {part}");
                    self.push(vec![Span::styled(part, self.theme.style(Tone::Faint))]);
                }
            }
        }
    }

    /// Which steps users waited for most, and in which phase.
    fn time_spent(&mut self, report: &Report) {
        const MOST: usize = 6;
        let all = total(&report.shown.run.success_time());
        if all <= 0.0 {
            return;
        }
        self.section("where the time went");
        let mut steps: Vec<_> = report.shown.steps.iter().collect();
        steps.sort_by(|(_, a), (_, b)| total(&b.response_time).total_cmp(&total(&a.response_time)));
        for (id, totals) in steps.into_iter().take(MOST) {
            let share = total(&totals.success_time()) / all;
            let line = self.step_line(&report.step_name(*id), totals, share);
            self.push(line);
        }
        let text = format!("all requests: {}", phases(&report.shown.run, usize::MAX));
        self.text(&text, Tone::Plain);
    }

    fn step_line(&self, name: &str, totals: &Tally, share: f64) -> Vec<Span<'static>> {
        let wide = self.width >= 70;
        let room = if wide { 20 } else { 12 };
        let (filled, rest) = bar(share, 10);
        let name = cut(&format::line(name, 60), room);
        let mut spans = vec![
            Span::raw(format!("{name:<room$} ")),
            Span::styled(filled, self.theme.style(Tone::Accent)),
            Span::styled(rest, self.theme.style(Tone::Faint)),
            Span::styled(format!(" {:>3.0} %", share * 100.0), self.theme.style(Tone::Strong)),
        ];
        if wide {
            let quantile = |q| format::time(totals.success_time().quantile(q));
            let figures = format!("  p50 {:>7}  p99 {:>7}  ", quantile(0.5), quantile(0.99));
            spans.push(Span::raw(figures));
            // Bar, share and figures.
            let left = self.width.saturating_sub(room + 1 + 10 + 6 + 28);
            spans.push(Span::styled(phases(totals, left), self.theme.style(Tone::Faint)));
        }
        spans
    }

    /// What each agent of a merged run did: as many columns as there is room for.
    fn agents(&mut self, report: &Report) {
        let (rows, left) = agents::rows(report, AGENTS_MAX);
        if rows.is_empty() {
            return;
        }
        self.section("agents");
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(agents::HEADS[column].chars().count()) + 2
        };
        let mut room = self.width;
        let widths: Vec<usize> = (0..agents::HEADS.len())
            .map(width)
            .take_while(|wanted| {
                let fits = *wanted <= room;
                room = room.saturating_sub(*wanted);
                fits
            })
            .collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
            cells.collect::<Vec<String>>().concat()
        };
        let heads = line(&agents::HEADS.map(str::to_owned));
        self.push(vec![Span::styled(heads, self.theme.style(Tone::Faint))]);
        for row in &rows {
            let tone = if row.is_doubted { Tone::Bad } else { Tone::Plain };
            self.push(vec![Span::styled(line(&row.cells), self.theme.style(tone))]);
            if !row.note.is_empty() {
                self.text(&format!("  {}", format::line(&row.note, 300)), Tone::Faint);
            }
        }
        if let Some(others) = agents::others(left) {
            self.text(&others, Tone::Faint);
        }
    }

    fn errors(&mut self, report: &Report) {
        if report.errors.is_empty() {
            return;
        }
        self.section("errors");
        for group in &report.errors {
            let share = Ratio::of(group.count_whole, report.whole.run.counts.requests);
            self.push(vec![
                Span::styled(format!("✖ {:<17}", group.class.name()), self.theme.style(Tone::Bad)),
                Span::raw(format!(
                    "{:>8}  {}",
                    format::count(group.count_whole),
                    format::share(share)
                )),
            ]);
            if let Some(example) = &group.example {
                let step = report.step_name(example.step);
                let text = format!("    {step}: {}", format::line(&example.message, 200));
                self.push(vec![Span::styled(
                    cut(&text, self.width),
                    self.theme.style(Tone::Faint),
                )]);
            }
        }
    }

    /// What changed at each mark.
    fn marks(&mut self, report: &Report) {
        let tables = mark_rows::tables(report);
        if tables.is_empty() {
            return;
        }
        self.section("before and after a mark");
        for table in tables {
            let title = format!("{}: {}", table.mark, table.about);
            self.push(vec![Span::styled(cut(&title, self.width), self.theme.style(Tone::Strong))]);
            for row in table.rows {
                let line = format!(
                    "  {:<8}{:>10} →{:>10}  {:>10}",
                    row.figure, row.before, row.after, row.change
                );
                self.push(vec![Span::raw(line)]);
            }
        }
        self.text(mark_rows::ABOUT, Tone::Faint);
    }

    fn compared(&mut self, report: &Report, before: Option<&PastRun>) {
        let Some(before) = before else { return };
        self.section("beside the run before");
        let run = &report.shown.run;
        let times = run.success_time();
        let time = |q| is_enough(times.count(), q).then(|| times.quantile(q).as_millis_f64());
        let rows = [
            ("req/s", Some(report.shown.rate().get()), Some(before.rate)),
            ("p50 ms", time(0.50), before.p50_ms),
            ("p95 ms", time(0.95), before.p95_ms),
            ("p99 ms", time(0.99), before.p99_ms),
            (
                "errors %",
                Some(run.counts.error_rate().get() * 100.0),
                Some(before.error_rate * 100.0),
            ),
        ];
        for (name, now, then) in rows {
            let line = compared(name, now, then);
            self.push(vec![Span::raw(line)]);
        }
        let text =
            "One run against one proves nothing: `plimsoll gate` wants five a side.".to_owned();
        self.text(&text, Tone::Faint);
    }

    fn files(&mut self, folder: &str) {
        self.section("report");
        self.text(&format!("{folder}/report.html"), Tone::Strong);
        self.text("and beside it report.md, result.json, junit.xml, run.jsonl", Tone::Faint);
    }
}

/// `p95 ms      12.1   was 11.8   +2.5 %`.
pub(super) fn compared(name: &str, now: Option<f64>, then: Option<f64>) -> String {
    let figure =
        |value: Option<f64>| value.map_or("n/a".to_owned(), |value| format::significant(value, 3));
    let change = match (now, then) {
        (Some(now), Some(then)) if then > 0.0 => format!("{:+.1} %", (now / then - 1.0) * 100.0),
        _ => "–".to_owned(),
    };
    format!("{name:<10}{:>10}  was {:>10}  {change:>9}", figure(now), figure(then))
}

fn total(times: &plimsoll_metrics::Distribution) -> f64 {
    times.mean().as_secs_f64() * times.count() as f64
}

/// The shares of response time that went to waiting in the generator and to each phase, largest first, as many as fit.
fn phases(totals: &Tally, width: usize) -> String {
    let all = total(&totals.success_time());
    if all <= 0.0 {
        return String::new();
    }
    let before_send = (all - total(&totals.service_time)).max(0.0);
    let mut parts = vec![("before the send", before_send / all)];
    for phase in Phase::ALL {
        if let Some(times) = totals.phases.get(&phase) {
            parts.push((words(phase), total(times) / all));
        }
    }
    parts.retain(|(_, share)| *share >= 0.01);
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut said = String::new();
    for (name, share) in parts {
        let part = format!("{name} {:.0} %", share * 100.0);
        let part = if said.is_empty() { part } else { format!(", {part}") };
        if said.chars().count() + part.chars().count() > width {
            break;
        }
        said.push_str(&part);
    }
    said
}

const fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Wait => "server",
        Phase::Dns | Phase::Connect | Phase::Tls | Phase::Send | Phase::Receive => phase.name(),
    }
}

/// A time in milliseconds, for the history.
pub(super) fn ms(value: f64) -> String {
    format::time(Nanos::from_secs_f64(value / 1e3))
}
