//! Two sides of the history beside each other, step by step, with how certain each change is.
//!
//! The unit is the run: one run a side shows what differed, and five a side whether that was more than luck.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use plimsoll_report::gate::words;
use plimsoll_report::{format, wording};
use plimsoll_slo::gate::{GateMetric, GateRow, GateVerdict};
use plimsoll_slo::regression::{RUNS_MIN, RegressionVerdict};
use plimsoll_units::Rate;

use super::comparison::Diff;
use super::frame::{cut, panel, wrapped};
use super::model::Model;
use super::past_runs::PastRun;
use super::scrolled::ScrolledText;
use super::theme::{Theme, Tone, verdict_tone};

/// Metrics that have a line; the mean says little beside them.
const SHOWN: [GateMetric; 4] =
    [GateMetric::P50, GateMetric::P95, GateMetric::P99, GateMetric::ErrorRate];

/// Draws the page.
pub(super) fn draw(model: &Model, diff: &Diff, frame: &mut Frame<'_>, area: Rect) {
    let block = framed(model.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let more = model.theme.style(Tone::Accent);
    let lines = text(diff, model.theme, inner).shown(model.look.scroll, inner, more);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// How far the page can be scrolled.
pub(super) fn scroll_max(theme: Theme, diff: &Diff, area: Rect) -> usize {
    let inner = framed(theme).inner(area);
    text(diff, theme, inner).scroll_max(inner)
}

fn framed(theme: Theme) -> Block<'static> {
    panel(theme, "before and after", true)
}

fn text(diff: &Diff, theme: Theme, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    lines.extend(side("A before", &diff.before, theme, width));
    lines.extend(side("B after", &diff.after, theme, width));
    lines.extend(answer(diff, theme, width, if inner.height >= 16 { 2 } else { 0 }));
    if inner.height >= 16 {
        lines.push(Line::default());
    }
    let columns = DiffColumns::of(width);
    lines.push(columns.head(theme));
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut step = "";
    for row in diff.comparison.rows.iter().filter(|row| SHOWN.contains(&row.metric)) {
        let name = if row.step == step { "" } else { row.step.as_str() };
        rows.push(columns.row(name, row, theme));
        step = &row.step;
    }
    if rows.is_empty() {
        let text = "no step had enough requests on both sides to be compared";
        rows.push(Line::styled(text, theme.style(Tone::Faint)));
    }
    ScrolledText { head: lines, rows }
}

/// The runs of a side: one in full, or how many there are.
fn side(name: &str, runs: &[PastRun], theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some(run) = runs.first() else { return Vec::new() };
    let (named, wide) = (width >= 60, width >= 90);
    let when: String = run.started_utc.replace('T', " ").chars().take(16).collect();
    let verdict =
        format!("{} {}", wording::verdict_symbol(run.verdict), wording::verdict(run.verdict));
    let what = format!("{} · {}", format::line(&run.name, 30), format::line(&run.workload, 30));
    let mut line = Line::from(vec![
        Span::styled(format!("{name:<9}"), theme.style(Tone::Title)),
        Span::raw(if named { format!("{when}  {:<20}", cut(&what, 19)) } else { when }),
        Span::styled(format!(" {verdict:<12}"), theme.style(verdict_tone(run.verdict))),
    ]);
    if wide {
        let figures = format!("{:>9} req/s", format::rate(Rate::per_second(run.rate)));
        line.push_span(Span::raw(figures));
    }
    let mut lines = vec![line];
    if runs.len() > 1 {
        let verdicts: Vec<String> = runs
            .iter()
            .skip(1)
            .map(|run| wording::verdict_symbol(run.verdict).to_owned())
            .collect();
        let text = format!("{:9}and {} more: {}", "", runs.len() - 1, verdicts.join(" "));
        lines.push(Line::styled(cut(&text, width), theme.style(Tone::Faint)));
    }
    lines
}

/// What can be said of all together.
fn answer(diff: &Diff, theme: Theme, width: usize, unlike: usize) -> Vec<Line<'static>> {
    let comparison = &diff.comparison;
    let count = |wanted: fn(&RegressionVerdict) -> bool| {
        comparison.rows.iter().filter(|row| wanted(&row.regression.verdict)).count()
    };
    let worse = count(|verdict| matches!(verdict, RegressionVerdict::Regressed));
    let all = comparison.rows.len();
    let few = comparison.runs.0.min(comparison.runs.1);
    let (text, tone) = match comparison.verdict {
        GateVerdict::Regressed => {
            (format!("✖ REGRESSED: {worse} of {all} figures got worse, certainly"), Tone::Bad)
        }
        GateVerdict::NotRegressed => {
            (format!("✔ NOT REGRESSED: none of {all} figures got worse by what counts"), Tone::Good)
        }
        GateVerdict::NeedMoreRuns if few < RUNS_MIN => (
            format!(
                "? {few} a side: too few to rule out chance. Choose {RUNS_MIN} a side: a and b in the history"
            ),
            Tone::Warning,
        ),
        GateVerdict::NeedMoreRuns => (
            format!(
                "? Not certain yet: about {} more runs a side would decide",
                comparison.more_runs
            ),
            Tone::Warning,
        ),
    };
    let mut lines: Vec<Line<'static>> =
        wrapped(&text, width).into_iter().map(|t| Line::styled(t, theme.style(tone))).collect();
    for unlike in diff.unlike.iter().take(unlike) {
        let text = cut(&format!("! {}", format::line(unlike, 300)), width);
        lines.push(Line::styled(text, theme.style(Tone::Warning)));
    }
    lines
}

/// Which columns there is room for.
struct DiffColumns {
    step: usize,
    /// Metric, value, change.
    fixed: [usize; 3],
    /// The interval of the change.
    interval: bool,
    /// The answer in words; a symbol otherwise.
    words: bool,
}

/// Widths of metric, value and change: with room, and where there is little.
const ROOMY: [usize; 3] = [14, 10, 11];

const TIGHT: [usize; 3] = [11, 8, 9];

const INTERVAL: usize = 23;

const ANSWER: usize = 23;

impl DiffColumns {
    fn of(width: usize) -> Self {
        let widths = if width >= 60 { ROOMY } else { TIGHT };
        let fixed = widths[0] + 2 * widths[1] + widths[2];
        let words = width >= fixed + ANSWER + 10;
        let interval = width >= fixed + ANSWER + INTERVAL + 14;
        let taken = if words { ANSWER } else { 2 } + if interval { INTERVAL } else { 0 };
        let step = width.saturating_sub(fixed + taken).min(30);
        Self { step, fixed: widths, interval, words }
    }

    /// Where there is no room for a column of steps, their names stand in the column of metrics.
    const fn has_steps(&self) -> bool {
        self.step >= 8
    }

    fn head(&self, theme: Theme) -> Line<'static> {
        let mut text = String::new();
        if self.has_steps() {
            let _ = write!(text, "{:<w$}", "step", w = self.step);
        }
        let [metric, value, change] = self.fixed;
        let _ = write!(
            text,
            "{:<metric$}{:>value$}{:>value$}{:>change$}",
            "", "before", "after", "change"
        );
        if self.interval {
            let _ = write!(text, "{:>INTERVAL$}", "95 % interval");
        }
        if self.words {
            text.push_str("  certainty");
        }
        Line::styled(text, theme.style(Tone::Faint))
    }

    fn row(&self, step: &str, row: &GateRow, theme: Theme) -> Line<'static> {
        let tone = match row.regression.verdict {
            RegressionVerdict::Regressed => Tone::Bad,
            RegressionVerdict::NotRegressed => Tone::Good,
            RegressionVerdict::NeedMoreRuns { .. } => Tone::Faint,
        };
        let step = format::line(step, 60);
        let mut metric = words::measured_name(row.metric, row.of);
        let [metric_width, value_width, change_width] = self.fixed;
        let mut line = Line::default();
        if self.has_steps() {
            let name = cut(&step, self.step - 1);
            line.push_span(Span::styled(
                format!("{name:<w$}", w = self.step),
                theme.style(Tone::Strong),
            ));
        } else if !step.is_empty() {
            metric = format!("{} {metric}", cut(&step, 6));
        }
        let metric = cut(&metric, metric_width - 1);
        line.push_span(Span::styled(format!("{metric:<metric_width$}"), theme.style(Tone::Plain)));
        let value = |value: f64| words::value(row.metric, value);
        line.push_span(Span::raw(format!(
            "{:>value_width$}{:>value_width$}",
            value(row.baseline),
            value(row.candidate)
        )));
        let effect = words::effect(row);
        line.push_span(Span::styled(format!("{effect:>change_width$}"), theme.style(Tone::Strong)));
        if self.interval {
            let interval = words::interval(row);
            line.push_span(Span::styled(
                format!("{interval:>INTERVAL$}"),
                theme.style(Tone::Faint),
            ));
        }
        let verdict = words::verdict(row);
        let shown = if self.words {
            format!("  {verdict}")
        } else {
            format!(" {}", verdict.chars().next().unwrap_or(' '))
        };
        line.push_span(Span::styled(shown, theme.style(tone)));
        line
    }
}
