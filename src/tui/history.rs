//! Past runs: how each came out, how the numbers moved, two beside each other.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use plimsoll_report::{format, wording};
use plimsoll_units::{Rate, Ratio};

use super::frame::{cut, panel, sparkline};
use super::model::Model;
use super::past_runs::{ComparisonSide, History, PastRun};
use super::results::{compared, ms};
use super::theme::{Theme, Tone, verdict_tone};

/// Draws the page.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let history = &model.history;
    let pair = pair(history);
    let [list, foot] = areas(history, area);
    table(model, frame, list);
    let title = match (pair, history.before.len(), history.after.len()) {
        (None, ..) => "trend".to_owned(),
        (_, 1, 1) => "A and B".to_owned(),
        (_, before, after) => format!("first of A ({before} runs) and B ({after} runs)"),
    };
    let block = panel(model.theme, &title, false);
    let inner = block.inner(foot);
    frame.render_widget(block, foot);
    let lines = if let Some((after, before)) = pair {
        comparison(history, after, before, model.theme)
    } else {
        trend(history, usize::from(inner.width), model.theme)
    };
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The runs that are set against each other: B and A, or the first of each.
fn pair(history: &History) -> Option<(usize, usize)> {
    match (&history.before[..], &history.after[..]) {
        ([before, ..], [after, ..]) => Some((*after, *before)),
        _ => None,
    }
}

/// The table of runs, and what is said of them below.
fn areas(history: &History, area: Rect) -> [Rect; 2] {
    let below = if pair(history).is_some() { 9 } else { 4 };
    let below = if area.height < 16 { below.min(area.height / 2) } else { below };
    Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area)
}

/// The run whose row stands at a position of the page.
pub(super) fn run_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let history = &model.history;
    let [list, _] = areas(history, area);
    let inner = list_panel(model).inner(list);
    let row = usize::from(at.y.checked_sub(inner.y)?.checked_sub(1)?);
    let index = first_shown(history, inner) + row;
    (inner.contains(at) && index < history.runs.len()).then_some(index)
}

fn list_panel(model: &Model) -> Block<'static> {
    let runs = format::counted(model.history.runs.len() as u64, "run");
    panel(model.theme, &format!("history: {runs}"), true)
}

/// Rows below the head of the table.
fn room(inner: Rect) -> usize {
    usize::from(inner.height).saturating_sub(1).max(1)
}

/// The first run that is shown: the marked one always is.
fn first_shown(history: &History, inner: Rect) -> usize {
    history.at.saturating_sub(room(inner) - 1)
}

fn table(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (history, theme) = (&model.history, model.theme);
    let block = list_panel(model);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if history.runs.is_empty() {
        let text =
            Line::styled("no run yet: the launcher starts one (Esc)", theme.style(Tone::Faint));
        frame.render_widget(Paragraph::new(text), inner);
        return;
    }
    let width = usize::from(inner.width);
    let head = if width >= 100 {
        format!(
            "  {:<18}{:<30}{:<15}{:>9}{:>10}{:>10}{:>10}{:>10}",
            "when (UTC)", "what", "verdict", "req/s", "p50", "p95", "p99", "errors"
        )
    } else if width >= 72 {
        format!("  {:<17}{:<24}{:<15}{:>8}{:>10}", "when (UTC)", "what", "verdict", "req/s", "p95")
    } else {
        format!("  {:<12}{:<13}{:>9}", "what", "verdict", "p95")
    };
    let mut lines = vec![Line::styled(head, theme.style(Tone::Faint))];
    let from = first_shown(history, inner);
    let shown = history.runs.iter().enumerate().skip(from).take(room(inner));
    lines.extend(shown.map(|(index, run)| row(history, index, run, theme, width)));
    frame.render_widget(Paragraph::new(lines), inner);
}

fn row(
    history: &History,
    index: usize,
    run: &PastRun,
    theme: Theme,
    width: usize,
) -> Line<'static> {
    let here = index == history.at;
    let mark = match (history.side_of(index), here) {
        (Some(ComparisonSide::Before), _) => "A ",
        (Some(ComparisonSide::After), _) => "B ",
        (None, true) => "▸ ",
        (None, false) => "  ",
    };
    let what = format!("{} · {}", format::line(&run.name, 30), format::line(&run.workload, 30));
    let verdict =
        format!("{} {}", wording::verdict_symbol(run.verdict), wording::verdict(run.verdict));
    let tone = theme.style(verdict_tone(run.verdict));
    let when: String = run.started_utc.replace('T', " ").chars().take(16).collect();
    let rate = format::rate(Rate::per_second(run.rate));
    let mut line = if width >= 100 {
        let errors = format::share(Ratio::new(run.error_rate));
        Line::from(vec![
            Span::raw(format!("{mark}{when:<18}{:<30}", cut(&what, 29))),
            Span::styled(format!("{verdict:<15}"), tone),
            Span::raw(format!(
                "{rate:>9}{:>10}{:>10}{:>10}{errors:>10}",
                time(run.p50_ms),
                time(run.p95_ms),
                time(run.p99_ms)
            )),
        ])
    } else if width >= 72 {
        Line::from(vec![
            Span::raw(format!("{mark}{when:<17}{:<24}", cut(&what, 23))),
            Span::styled(format!("{verdict:<15}"), tone),
            Span::raw(format!("{rate:>8}{:>10}", time(run.p95_ms))),
        ])
    } else {
        Line::from(vec![
            Span::raw(format!("{mark}{:<12}", cut(&what, 11))),
            Span::styled(format!("{verdict:<13}", verdict = cut(&verdict, 12)), tone),
            Span::raw(format!("{:>9}", time(run.p95_ms))),
        ])
    };
    if here {
        line = line.style(Theme::CHOSEN);
    }
    line
}

/// A response time in milliseconds.
fn time(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), ms)
}

/// p95 and rate over the runs of the same system and workload, oldest at the left.
fn trend(history: &History, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(here) = history.runs.get(history.at) else { return Vec::new() };
    let alike =
        || history.of(&here.name).filter(|run| run.workload == here.workload).collect::<Vec<_>>();
    let line = |name: &str, value: fn(&PastRun) -> Option<f64>| {
        let runs = alike();
        // Newest first in the history, newest last in the line.
        let values = runs.iter().rev().map(|run| value(run));
        Line::from(vec![
            Span::styled(format!("{name:<7}"), theme.style(Tone::Faint)),
            Span::styled(
                sparkline(values.collect::<Vec<_>>().into_iter(), width.saturating_sub(8)),
                theme.style(Tone::Accent),
            ),
        ])
    };
    vec![line("p95", |run| run.p95_ms), line("req/s", |run| Some(run.rate))]
}

fn comparison(history: &History, newer: usize, older: usize, theme: Theme) -> Vec<Line<'static>> {
    let (Some(now), Some(then)) = (history.runs.get(newer), history.runs.get(older)) else {
        return Vec::new();
    };
    let title =
        format!("{} {} against {} {}", now.name, now.started_utc, then.name, then.started_utc);
    let rows = [
        ("req/s", Some(now.rate), Some(then.rate)),
        ("p50 ms", now.p50_ms, then.p50_ms),
        ("p95 ms", now.p95_ms, then.p95_ms),
        ("p99 ms", now.p99_ms, then.p99_ms),
        ("errors %", Some(now.error_rate * 100.0), Some(then.error_rate * 100.0)),
    ];
    let mut lines = vec![Line::styled(format::line(&title, 120), theme.style(Tone::Strong))];
    lines.extend(rows.map(|(name, now, then)| Line::from(compared(name, now, then))));
    if (now.name.as_str(), now.workload.as_str()) == (then.name.as_str(), then.workload.as_str()) {
        lines.push(Line::styled("c compares them step by step", theme.style(Tone::Faint)));
    } else {
        let text = "unlike workloads: the difference says nothing about the stack";
        lines.push(Line::styled(text, theme.style(Tone::Warning)));
    }
    lines
}
