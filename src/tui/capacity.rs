//! The capacity view: a search for SLO-max as it goes on.
//!
//! What was measured, between which rates the answer lies, what is measured next and how long it may take.

mod answer;
mod curve;
mod steps;
mod wording;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use plimsoll_report::format;
use plimsoll_units::{Nanos, RunTime};

use super::frame::{cut, fitting, justified, panel};
use super::model::Model;
use super::search_view::SearchView;
use super::theme::{Theme, Tone};

/// Draws the page.
pub(super) fn draw(model: &Model, search: &SearchView, frame: &mut Frame<'_>, area: Rect) {
    let theme = model.theme;
    let areas = CapacityAreas::of(search, area);
    header(search, theme, frame, areas.top);
    if let Some(chart) = areas.chart {
        curve::draw(search, theme, frame, chart);
    }
    answer::draw(search, theme, frame, areas.answer);
    let block = steps_panel(theme);
    let inner = block.inner(areas.steps);
    frame.render_widget(block, areas.steps);
    let text = steps::text(search, theme, inner);
    let lines = text.shown(model.look.scroll, inner, theme.style(Tone::Accent));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// How far the steps can be scrolled.
pub(super) fn scroll_max(theme: Theme, search: &SearchView, area: Rect) -> usize {
    let inner = steps_panel(theme).inner(CapacityAreas::of(search, area).steps);
    steps::text(search, theme, inner).scroll_max(inner)
}

fn steps_panel(theme: Theme) -> Block<'static> {
    panel(theme, "steps, newest first", true)
}

/// Where the parts of the page stand.
struct CapacityAreas {
    top: Rect,
    /// Left out on a small screen.
    chart: Option<Rect>,
    answer: Rect,
    steps: Rect,
}

impl CapacityAreas {
    fn of(search: &SearchView, area: Rect) -> Self {
        let [top, body] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(area);
        if body.width < 70 || body.height < 14 {
            let [answer, steps] =
                Layout::vertical([Constraint::Length(4), Constraint::Min(0)]).areas(body);
            return Self { top, chart: None, answer, steps };
        }
        let rows = (search.steps.len() as u16).saturating_add(3).clamp(6, (body.height / 2).max(6));
        let [upper, steps] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(rows)]).areas(body);
        let [chart, answer] =
            Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(upper);
        Self { top, chart: Some(chart), answer, steps }
    }
}

fn header(search: &SearchView, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width).saturating_sub(2);
    let mut lines =
        vec![title(search, theme, width), time(search, theme, width), now(search, theme, width)];
    for line in &mut lines {
        line.spans.insert(0, Span::raw(" "));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn title(search: &SearchView, theme: Theme, width: usize) -> Line<'static> {
    let (text, tone) = match &search.outcome {
        None => (" ▶ SEARCHING ", Tone::Good),
        Some(_) => (" ■ DONE ", Tone::Strong),
    };
    let right = Line::styled(text, theme.badge(tone));
    let room = width.saturating_sub(right.width() + 1);
    let name = cut(&format!("{} · capacity", format::line(&search.name, 40)), room);
    let target = format!("→ {}", format::line(&search.target, 80));
    let left = fitting(
        vec![
            vec![Span::styled(name, theme.style(Tone::Title))],
            vec![Span::styled(target, theme.style(Tone::Faint))],
        ],
        room,
    );
    justified(left, right, width)
}

fn time(search: &SearchView, theme: Theme, width: usize) -> Line<'static> {
    let moment = |time: Nanos| (RunTime::ZERO + time).to_string();
    let spent = search.spent();
    let all = spent + search.left;
    let bar_width = if width >= 70 { (width / 3).min(40) } else { 10 };
    let share = spent.as_secs_f64() / all.as_secs_f64().max(1e-9);
    let filled = ((share * bar_width as f64) as usize).min(bar_width);
    let mut groups = vec![
        vec![
            Span::styled("━".repeat(filled), theme.style(Tone::Accent)),
            Span::styled("╌".repeat(bar_width - filled), theme.style(Tone::Faint)),
        ],
        vec![Span::styled(format!("{} spent", moment(spent)), theme.style(Tone::Strong))],
    ];
    if search.outcome.is_none() {
        let eta = search.eta().map_or_else(
            || "bracket still open".to_owned(),
            |eta| format!("about {} to go", moment(eta)),
        );
        groups.push(vec![Span::styled(eta, theme.style(Tone::Strong))]);
        let most = format!("{} at most", moment(search.left));
        groups.push(vec![Span::styled(most, theme.style(Tone::Faint))]);
    }
    fitting(groups, width)
}

fn now(search: &SearchView, theme: Theme, width: usize) -> Line<'static> {
    let Some(doing) = &search.doing else {
        let text = match (search.steps.len(), &search.outcome) {
            (0, None) => "opening connections…".to_owned(),
            (steps, _) => format!("{steps} steps measured"),
        };
        return Line::styled(text, theme.style(Tone::Faint));
    };
    let what = format!("step {} {}", search.steps.len() + 1, doing.purpose.word());
    let fact = |text: String, tone: Tone| vec![Span::styled(text, theme.style(tone))];
    fitting(
        vec![
            fact(what, Tone::Title),
            fact(format!("{} req/s", format::rate(doing.rate)), Tone::Strong),
            fact(
                format!("{:.0}/{:.0} s", doing.elapsed.as_secs_f64(), doing.length.as_secs_f64()),
                Tone::Plain,
            ),
            fact(
                format!("p95 {}", doing.p95.map_or_else(|| "–".to_owned(), format::time)),
                Tone::Strong,
            ),
            fact(format!("in flight {}", format::count(doing.in_flight)), Tone::Plain),
        ],
        width,
    )
}
