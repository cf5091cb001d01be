//! Past runs: how each came out, how the numbers moved, two beside each other.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Command;
use super::diff::ComparedRuns;
use super::frame::{cut, panel, sparkline};
use super::model::Model;
use super::results::{compared, ms};
use super::theme::{Theme, Tone, verdict_tone};
use crate::report::{Report, format, wording};
use crate::slo::Verdict;
use crate::units::{Rate, Ratio};

/// A run that was made, as its `result.json` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// The system.
    pub name: String,
    /// The workload.
    pub workload: String,
    /// When, RFC 3339 UTC.
    pub started_utc: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Requests a second.
    pub rate: f64,
    /// Response times in milliseconds.
    pub p50_ms: f64,
    /// The same.
    pub p95_ms: f64,
    /// The same.
    pub p99_ms: f64,
    /// Failed requests among all, 0 to 1.
    pub error_rate: f64,
    /// Where its files are.
    pub folder: PathBuf,
}

/// All past runs, newest first.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) runs: Vec<PastRun>,
    at: usize,
    /// What is set against each other: indices of runs, in the order of choosing.
    before: Vec<usize>,
    after: Vec<usize>,
}

/// A side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparisonSide {
    Before,
    After,
}

impl History {
    pub(super) fn on_runs(&mut self, runs: Vec<PastRun>) {
        self.runs = runs;
        self.at = self.at.min(self.runs.len().saturating_sub(1));
        self.before.clear();
        self.after.clear();
    }

    pub(super) fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.runs.len().saturating_sub(1));
    }

    /// Chooses the run, or no longer. Of two runs the older one is what was.
    pub(super) fn choose(&mut self) {
        if self.at >= self.runs.len() || self.take_out() {
            return;
        }
        if self.after.is_empty() {
            self.after.push(self.at);
        } else {
            self.before = vec![self.at];
        }
        if let ([before], [after]) = (&mut self.before[..], &mut self.after[..])
            && *before < *after
        {
            // Newest first: the smaller index is the later run.
            std::mem::swap(before, after);
        }
    }

    /// Adds the run to a side, or takes it out of it.
    pub(super) fn put(&mut self, side: ComparisonSide) {
        if self.at >= self.runs.len() {
            return;
        }
        let was = self.side_of(self.at);
        self.take_out();
        if was != Some(side) {
            match side {
                ComparisonSide::Before => self.before.push(self.at),
                ComparisonSide::After => self.after.push(self.at),
            }
        }
    }

    fn take_out(&mut self) -> bool {
        let was = self.side_of(self.at).is_some();
        let at = self.at;
        self.before.retain(|index| *index != at);
        self.after.retain(|index| *index != at);
        was
    }

    fn side_of(&self, index: usize) -> Option<ComparisonSide> {
        if self.before.contains(&index) {
            Some(ComparisonSide::Before)
        } else {
            self.after.contains(&index).then_some(ComparisonSide::After)
        }
    }

    /// The folders of both sides, if both have runs.
    pub(super) fn sides(&self) -> Option<ComparedRuns> {
        let folders = |indices: &[usize]| -> Vec<PathBuf> {
            indices.iter().filter_map(|index| Some(self.runs.get(*index)?.folder.clone())).collect()
        };
        let sides = ComparedRuns { before: folders(&self.before), after: folders(&self.after) };
        (!sides.before.is_empty() && !sides.after.is_empty()).then_some(sides)
    }

    pub(super) fn open(&self) -> Command {
        self.runs.get(self.at).map_or(Command::Nothing, |run| Command::Open(run.folder.clone()))
    }

    /// The last run of the same system and workload that began before this one.
    pub(super) fn before(&self, report: &Report) -> Option<&PastRun> {
        let header = &report.header;
        self.runs.iter().find(|run| {
            run.name == header.name
                && run.workload == header.workload
                && run.started_utc < header.started_utc
        })
    }

    /// Runs of a system, newest first.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a PastRun> {
        self.runs.iter().filter(move |run| run.name == name)
    }
}

/// Draws the page.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let history = &model.history;
    let pair = match (&history.before[..], &history.after[..]) {
        ([before, ..], [after, ..]) => Some((*after, *before)),
        _ => None,
    };
    let below = if pair.is_some() { 9 } else { 4 };
    let below = if area.height < 16 { below.min(area.height / 2) } else { below };
    let [list, foot] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
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

fn table(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (history, theme) = (&model.history, model.theme);
    let block = panel(theme, &format!("history: {} runs", history.runs.len()), true);
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
    let rows = usize::from(inner.height).saturating_sub(1).max(1);
    let from = history.at.saturating_sub(rows - 1);
    let shown = history.runs.iter().enumerate().skip(from).take(rows);
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
                ms(run.p50_ms),
                ms(run.p95_ms),
                ms(run.p99_ms)
            )),
        ])
    } else if width >= 72 {
        Line::from(vec![
            Span::raw(format!("{mark}{when:<17}{:<24}", cut(&what, 23))),
            Span::styled(format!("{verdict:<15}"), tone),
            Span::raw(format!("{rate:>8}{:>10}", ms(run.p95_ms))),
        ])
    } else {
        Line::from(vec![
            Span::raw(format!("{mark}{:<12}", cut(&what, 11))),
            Span::styled(format!("{verdict:<13}", verdict = cut(&verdict, 12)), tone),
            Span::raw(format!("{:>9}", ms(run.p95_ms))),
        ])
    };
    if here {
        line = line.style(Theme::CHOSEN);
    }
    line
}

/// p95 and rate over the runs of the same system and workload, oldest at the left.
fn trend(history: &History, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(here) = history.runs.get(history.at) else { return Vec::new() };
    let alike =
        || history.of(&here.name).filter(|run| run.workload == here.workload).collect::<Vec<_>>();
    let line = |name: &str, value: fn(&PastRun) -> f64| {
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
    vec![line("p95", |run| run.p95_ms), line("req/s", |run| run.rate)]
}

fn comparison(history: &History, newer: usize, older: usize, theme: Theme) -> Vec<Line<'static>> {
    let (Some(now), Some(then)) = (history.runs.get(newer), history.runs.get(older)) else {
        return Vec::new();
    };
    let title =
        format!("{} {} against {} {}", now.name, now.started_utc, then.name, then.started_utc);
    let rows = [
        ("req/s", now.rate, then.rate),
        ("p50 ms", now.p50_ms, then.p50_ms),
        ("p95 ms", now.p95_ms, then.p95_ms),
        ("p99 ms", now.p99_ms, then.p99_ms),
        ("errors %", now.error_rate * 100.0, then.error_rate * 100.0),
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
