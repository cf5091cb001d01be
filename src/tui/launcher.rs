//! The launcher: what can be run, how, and what is wrong with it.

pub(super) mod form;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use plimsoll_report::{format, wording};
use plimsoll_units::Rate;

use super::frame::{clipped, cut, panel};
use super::launch::{LaunchChoice, Launcher};
use super::model::Model;
use super::past_runs::PastRun;
use super::theme::{Theme, Tone, verdict_tone};

use form::field;

/// Draws the page.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = model.theme;
    let [title, list, details] = areas(area);
    let line = Line::from(vec![
        Span::styled(" plimsoll", theme.style(Tone::Title)),
        Span::styled("  how much does it carry?", theme.style(Tone::Faint)),
    ]);
    frame.render_widget(Paragraph::new(line), title);
    places(model, frame, list);
    chosen(model, frame, details);
}

/// The title, the list and what is known of the chosen entry.
fn areas(area: Rect) -> [Rect; 3] {
    let [title, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let parts = [Constraint::Fill(2), Constraint::Fill(3)];
    let beside = area.width >= 70;
    let [list, details] =
        if beside { Layout::horizontal(parts) } else { Layout::vertical(parts) }.areas(body);
    [title, list, details]
}

/// The entry of the list that stands at a position of the page.
pub(super) fn choice_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let [_, list, _] = areas(area);
    let inner = list_panel(model.theme).inner(list);
    let index = first_shown(&model.launcher, inner) + usize::from(at.y.checked_sub(inner.y)?);
    (inner.contains(at) && index < model.launcher.places.len()).then_some(index)
}

fn list_panel(theme: Theme) -> Block<'static> {
    panel(theme, "scenarios", true)
}

/// The first entry that is shown: the chosen one always is.
fn first_shown(launcher: &Launcher, inner: Rect) -> usize {
    (launcher.at + 1).saturating_sub(usize::from(inner.height).max(1))
}

fn places(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (launcher, theme) = (&model.launcher, model.theme);
    let block = list_panel(theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let rows = usize::from(inner.height).max(1);
    let from = first_shown(launcher, inner);
    let shown = launcher.places.iter().enumerate().skip(from).take(rows);
    let mut lines: Vec<Line<'_>> = shown
        .map(|(index, place)| {
            let last = model.history.of(&place.name).next();
            let line = place_line(place, last, index == launcher.at, theme, width);
            if index == launcher.at { line.style(Theme::CHOSEN) } else { line }
        })
        .collect();
    if lines.is_empty() {
        let text =
            if launcher.looked { "no scenario.yaml below this folder" } else { "looking…" };
        lines.push(Line::styled(text, theme.style(Tone::Faint)));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn place_line(
    place: &LaunchChoice,
    last: Option<&PastRun>,
    here: bool,
    theme: Theme,
    width: usize,
) -> Line<'static> {
    let (mark, tone) = match last {
        _ if !place.problems.is_empty() => ("✖ problems".to_owned(), Tone::Bad),
        Some(run) => (
            format!("{} {}", wording::verdict_symbol(run.verdict), wording::verdict(run.verdict)),
            verdict_tone(run.verdict),
        ),
        None => ("– not run".to_owned(), Tone::Faint),
    };
    let room = width.saturating_sub(mark.chars().count() + 3);
    let lead = if here { "▸ " } else { "  " };
    let label = cut(&format::line(&place.label, 80), room);
    Line::from(vec![
        Span::raw(format!("{lead}{label:<room$} ")),
        Span::styled(mark, theme.style(tone)),
    ])
}

fn chosen(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (launcher, theme) = (&model.launcher, model.theme);
    let Some(place) = launcher.place() else {
        frame.render_widget(panel(theme, "run", false), area);
        return;
    };
    if !place.problems.is_empty() {
        let way_out = match place.file {
            Some(_) => " e edit · R look again ",
            None => " R look again ",
        };
        let block = panel(theme, "problems", false)
            .title_bottom(Line::styled(way_out, theme.style(Tone::Key)).right_aligned());
        let text = Paragraph::new(place.problems.clone()).wrap(Wrap { trim: false });
        frame.render_widget(text.block(block), area);
        return;
    }
    let block = panel(theme, &format::line(&place.label, 60), false);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = if inner.height < SHORT {
        few_fields(launcher, place, theme)
    } else {
        fields(launcher, place, theme)
    };
    lines.push(Line::default());
    lines.push(Line::styled(place.about.clone(), theme.style(Tone::Faint)));
    let runs: Vec<&PastRun> = model.history.of(&place.name).take(8).collect();
    if !runs.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("last runs", theme.style(Tone::Title)));
        lines.extend(runs.into_iter().map(|run| run_line(run, theme)));
    }
    let lines = clipped(lines, usize::from(inner.width));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Lines below which the fields do not fit.
const SHORT: u16 = 9;

/// Where there is little room: the workload, and what the user has changed.
fn few_fields(launcher: &Launcher, place: &LaunchChoice, theme: Theme) -> Vec<Line<'static>> {
    let all = fields(launcher, place, theme);
    let stages = launcher.workloads().get(launcher.workload).map_or(0, |known| known.stages.len());
    let mut lines: Vec<Line<'static>> = all.into_iter().take(1 + stages.min(1)).collect();
    lines.extend(launcher.form.changed(theme));
    lines.push(Line::styled("t r d i s = g change the run", theme.style(Tone::Faint)));
    lines
}

fn fields(launcher: &Launcher, place: &LaunchChoice, theme: Theme) -> Vec<Line<'static>> {
    let count = launcher.workloads().len();
    let workload = launcher.workloads().get(launcher.workload);
    let name = workload.map_or_else(|| "–".to_owned(), |known| format::line(&known.name, 40));
    let name = format!("{name}  ({} of {count})", launcher.workload + 1);
    let mut lines = vec![field("←→", "workload", Ok(&name), theme)];
    let stages = workload.map_or(&[][..], |known| &known.stages);
    lines.extend(
        stages
            .iter()
            .map(|stage| Line::styled(format!("{:13}{stage}", ""), theme.style(Tone::Faint))),
    );
    lines.extend(launcher.form.lines(&format::line(&place.target, 80), theme));
    lines.push(field("⏎", "start", Err(""), theme));
    lines
}

fn run_line(run: &PastRun, theme: Theme) -> Line<'static> {
    let when: String = run.started_utc.replace('T', " ").chars().take(16).collect();
    let verdict =
        format!("{} {}", wording::verdict_symbol(run.verdict), wording::verdict(run.verdict));
    let rate = format::rate(Rate::per_second(run.rate));
    Line::from(vec![
        Span::styled(format!("{when}  "), theme.style(Tone::Faint)),
        Span::styled(format!("{verdict:<15}"), theme.style(verdict_tone(run.verdict))),
        Span::raw(format!("{:<10} {rate:>7} req/s", cut(&format::line(&run.workload, 30), 10))),
    ])
}
