//! Which panels are shown where: all on a wide terminal, one at a time on a narrow one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::widgets::Paragraph;

use crate::frame::panel as framed;
use crate::model::Model;
use crate::scrolled::ScrolledText;
use crate::theme::{Theme, Tone};

use super::super::page::{Panel, ViewOptions};
use super::context::PanelContext;
use super::{LiveRun, charts, errors, events, header, heat, slo, stack, steps};

/// Draws the live page.
pub(crate) fn draw(model: &Model, live: &LiveRun, frame: &mut Frame<'_>, area: Rect) {
    let [top, body] = areas(area);
    header::draw(model, live, frame, top);
    let screen = PanelLayout::of(model, live);
    for (panel, place) in screen.places(body) {
        screen.one(panel, frame, place);
    }
}

/// The panel at a position of the page, if one is there.
pub(crate) fn panel_at(model: &Model, live: &LiveRun, area: Rect, at: Position) -> Option<Panel> {
    let [_, body] = areas(area);
    let places = PanelLayout::of(model, live).places(body);
    places.into_iter().find(|(_, place)| place.contains(at)).map(|(panel, _)| panel)
}

/// How far the chosen panel can be scrolled.
pub(crate) fn scroll_max(model: &Model, live: &LiveRun, area: Rect) -> usize {
    let [_, body] = areas(area);
    let screen = PanelLayout::of(model, live);
    let chosen = screen.places(body).into_iter().find(|(panel, _)| *panel == model.look.panel);
    let text = chosen.and_then(|(panel, place)| {
        let inner = framed(model.theme, "", true).inner(place);
        Some(screen.text(panel, inner)?.scroll_max(inner))
    });
    text.unwrap_or(0)
}

/// The lines above the panels, and the place of the panels.
fn areas(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(area)
}

struct PanelLayout<'a> {
    live: &'a LiveRun,
    theme: Theme,
    look: ViewOptions,
}

impl<'a> PanelLayout<'a> {
    const fn of(model: &Model, live: &'a LiveRun) -> Self {
        Self { live, theme: model.theme, look: model.look }
    }

    /// Which panels are shown, and where.
    fn places(&self, body: Rect) -> Vec<(Panel, Rect)> {
        if self.look.zoomed || body.width < 70 || body.height < 16 {
            vec![(self.look.panel, body)]
        } else if body.width < 100 || body.height < 30 {
            self.medium(body)
        } else {
            self.wide(body)
        }
    }

    fn wide(&self, area: Rect) -> Vec<(Panel, Rect)> {
        let written = self.live.log.header.objectives.len();
        let judged = self.live.judgement.as_ref().map_or(written, |found| found.objectives.len());
        let rows = judged.clamp(3, 10) as u16 + 3;
        let [charts, middle, bottom] = Layout::vertical([
            Constraint::Fill(5),
            Constraint::Length(rows.max(10)),
            Constraint::Fill(4),
        ])
        .areas(area);
        let [slo, heat] =
            Layout::horizontal([Constraint::Fill(6), Constraint::Fill(5)]).areas(middle);
        let [steps, right] =
            Layout::horizontal([Constraint::Fill(6), Constraint::Fill(5)]).areas(bottom);
        let [errors, events] =
            Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
        let [rate, times] = charts_of(charts);
        vec![
            rate,
            times,
            (Panel::Slo, slo),
            (self.of_pair(Panel::Heat, Panel::Stack), heat),
            (Panel::Steps, steps),
            (Panel::Errors, errors),
            (Panel::Events, events),
        ]
    }

    fn medium(&self, area: Rect) -> Vec<(Panel, Rect)> {
        let [charts, bottom] =
            Layout::vertical([Constraint::Fill(5), Constraint::Fill(6)]).areas(area);
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(bottom);
        let shown = match self.look.panel {
            Panel::Rate | Panel::Times | Panel::Slo => Panel::Steps,
            other => other,
        };
        let [rate, times] = charts_of(charts);
        vec![rate, times, (Panel::Slo, left), (shown, right)]
    }

    /// Two panels share a place: the second shows when it is chosen, or when it has something to say.
    fn of_pair(&self, first: Panel, second: Panel) -> Panel {
        let something = !self.live.stack.is_empty() || !self.live.signals.is_empty();
        let speaks = something && self.look.panel != first;
        if self.look.panel == second || speaks { second } else { first }
    }

    fn ink(&self, panel: Panel) -> PanelContext {
        PanelContext { theme: self.theme, look: self.look, chosen: self.look.panel == panel }
    }

    /// The text of a panel that has text; charts fit whatever place they have.
    fn text(&self, panel: Panel, inner: Rect) -> Option<ScrolledText> {
        let ink = self.ink(panel);
        match panel {
            Panel::Rate | Panel::Times | Panel::Heat => None,
            Panel::Slo => Some(slo::text(self.live, ink, inner)),
            Panel::Steps => Some(steps::text(self.live, ink, inner)),
            Panel::Errors => Some(errors::text(self.live, ink, inner)),
            Panel::Events => Some(events::text(self.live, ink, inner)),
            Panel::Stack => Some(stack::text(self.live, ink, inner)),
        }
    }

    fn one(&self, panel: Panel, frame: &mut Frame<'_>, area: Rect) {
        let ink = self.ink(panel);
        let title = match panel {
            Panel::Rate => return charts::rate(self.live, ink, frame, area),
            Panel::Times => return charts::times(self.live, ink, frame, area),
            Panel::Heat => return heat::draw(self.live, ink, frame, area),
            Panel::Slo => slo::title(self.live, area),
            Panel::Steps => steps::title(ink),
            Panel::Errors => errors::title(self.live),
            Panel::Events => "events".to_owned(),
            Panel::Stack => "stack".to_owned(),
        };
        let block = framed(self.theme, &title, ink.chosen);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        if let Some(text) = self.text(panel, inner) {
            let lines = text.shown(ink.scroll(), inner, self.theme.style(Tone::Accent));
            frame.render_widget(Paragraph::new(lines), inner);
        }
    }
}

fn charts_of(area: Rect) -> [(Panel, Rect); 2] {
    let [rate, times] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    [(Panel::Rate, rate), (Panel::Times, times)]
}
