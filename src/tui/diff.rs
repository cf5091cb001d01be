//! Two sides of the history beside each other, step by step, with how certain each change is.
//!
//! The unit is the run: one run a side shows what differed, and five a side whether that was more than luck.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::metrics::Answers;
use crate::report::gate::words;
use crate::report::{format, wording};
use crate::slo::gate::{GateMetric, GateRow, GateVerdict};
use crate::slo::regression::{RUNS_MIN, RegressionVerdict};
use crate::units::Rate;

use super::comparison::Diff;
use super::frame::{cut, panel, wrapped};
use super::model::Model;
use super::past_runs::PastRun;
use super::theme::{Theme, Tone, verdict_tone};

/// Metrics that have a line; the mean says little beside them.
const SHOWN: [GateMetric; 4] =
    [GateMetric::P50, GateMetric::P95, GateMetric::P99, GateMetric::ErrorRate];

/// Draws the page.
pub(super) fn draw(model: &Model, diff: &Diff, frame: &mut Frame<'_>, area: Rect) {
    let theme = model.theme;
    let block = panel(theme, "before and after", true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
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
    let head = lines.len();
    let mut rows: Vec<Line<'_>> = Vec::new();
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
    let room = usize::from(inner.height).saturating_sub(head);
    let most = rows.len().saturating_sub(room);
    let from = model.look.scroll.min(most);
    lines.extend(rows.into_iter().skip(from).take(room));
    if from < most
        && let Some(last) = lines.last_mut()
    {
        let text = format!("↓ {} more lines", most - from + 1);
        *last = Line::styled(text, theme.style(Tone::Accent));
    }
    frame.render_widget(Paragraph::new(lines), inner);
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
const ROOMY: [usize; 3] = [11, 10, 11];

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
        let mut metric = words::metric_name(row.metric).to_owned();
        if row.of == Answers::All && row.metric != GateMetric::ErrorRate {
            metric.push_str(" (all)");
        }
        let [metric_width, value_width, change_width] = self.fixed;
        let mut line = Line::default();
        if self.has_steps() {
            let name = cut(&step, self.step - 1);
            line.push_span(Span::styled(
                format!("{name:<w$}", w = self.step),
                theme.style(Tone::Strong),
            ));
        } else if !step.is_empty() {
            metric = cut(&format!("{} {metric}", cut(&step, 6)), metric_width - 1);
        }
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
