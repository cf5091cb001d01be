//! Which panels are shown where: all on a wide terminal, one at a time on a narrow one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::tui::model::Model;
use crate::tui::theme::Theme;

use super::super::page::{Panel, ViewOptions};
use super::context::PanelContext;
use super::{LiveRun, charts, errors, events, header, heat, slo, stack, steps};

/// Draws the live page.
pub(in crate::tui) fn draw(model: &Model, live: &LiveRun, frame: &mut Frame<'_>, area: Rect) {
    let [top, body] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(area);
    header::draw(model, live, frame, top);
    let screen = PanelLayout { live, theme: model.theme, look: model.look };
    if model.look.zoomed || body.width < 70 || body.height < 16 {
        screen.one(model.look.panel, frame, body);
    } else if body.width < 100 || body.height < 30 {
        screen.medium(frame, body);
    } else {
        screen.wide(frame, body);
    }
}

struct PanelLayout<'a> {
    live: &'a LiveRun,
    theme: Theme,
    look: ViewOptions,
}

impl PanelLayout<'_> {
    fn wide(&self, frame: &mut Frame<'_>, area: Rect) {
        let written = self.live.log.header.objectives.len();
        let judged = self.live.judgement.as_ref().map_or(written, |found| found.objectives.len());
        let rows = judged.clamp(3, 10) as u16 + 3;
        let [charts, middle, bottom] = Layout::vertical([
            Constraint::Fill(5),
            Constraint::Length(rows.max(10)),
            Constraint::Fill(4),
        ])
        .areas(area);
        self.charts(frame, charts);
        let [slo, heat] =
            Layout::horizontal([Constraint::Fill(6), Constraint::Fill(5)]).areas(middle);
        self.one(Panel::Slo, frame, slo);
        self.one(self.of_pair(Panel::Heat, Panel::Stack), frame, heat);
        let [steps, right] =
            Layout::horizontal([Constraint::Fill(6), Constraint::Fill(5)]).areas(bottom);
        self.one(Panel::Steps, frame, steps);
        let [errors, events] =
            Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
        self.one(Panel::Errors, frame, errors);
        self.one(Panel::Events, frame, events);
    }

    fn medium(&self, frame: &mut Frame<'_>, area: Rect) {
        let [charts, bottom] =
            Layout::vertical([Constraint::Fill(5), Constraint::Fill(6)]).areas(area);
        self.charts(frame, charts);
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(bottom);
        self.one(Panel::Slo, frame, left);
        let shown = match self.look.panel {
            Panel::Rate | Panel::Times | Panel::Slo => Panel::Steps,
            other => other,
        };
        self.one(shown, frame, right);
    }

    fn charts(&self, frame: &mut Frame<'_>, area: Rect) {
        let [rate, times] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
        self.one(Panel::Rate, frame, rate);
        self.one(Panel::Times, frame, times);
    }

    /// Two panels share a place: the second shows when it is chosen, or when it has something to say.
    fn of_pair(&self, first: Panel, second: Panel) -> Panel {
        let something = !self.live.stack.is_empty() || !self.live.signals.is_empty();
        let speaks = something && self.look.panel != first;
        if self.look.panel == second || speaks { second } else { first }
    }

    fn one(&self, panel: Panel, frame: &mut Frame<'_>, area: Rect) {
        let ink =
            PanelContext { theme: self.theme, look: self.look, chosen: self.look.panel == panel };
        match panel {
            Panel::Rate => charts::rate(self.live, ink, frame, area),
            Panel::Times => charts::times(self.live, ink, frame, area),
            Panel::Slo => slo::draw(self.live, ink, frame, area),
            Panel::Steps => steps::draw(self.live, ink, frame, area),
            Panel::Errors => errors::draw(self.live, ink, frame, area),
            Panel::Events => events::draw(self.live, ink, frame, area),
            Panel::Heat => heat::draw(self.live, ink, frame, area),
            Panel::Stack => stack::draw(self.live, ink, frame, area),
        }
    }
}
