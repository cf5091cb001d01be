//! Text that scrolls under a head that stays, and says what is below.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

/// The text of a place on the screen.
#[derive(Debug, Default)]
pub(super) struct ScrolledText {
    /// Lines that stay.
    pub(super) head: Vec<Line<'static>>,
    /// Lines that move.
    pub(super) rows: Vec<Line<'static>>,
}

/// Rows below which none is spent on saying that there are more.
const LEAST: usize = 2;

impl ScrolledText {
    fn room(&self, area: Rect) -> usize {
        usize::from(area.height).saturating_sub(self.head.len())
    }

    /// How far the rows can be scrolled until the last one is at the bottom of `area`.
    pub(super) fn scroll_max(&self, area: Rect) -> usize {
        self.rows.len().saturating_sub(self.room(area))
    }

    /// What stands in `area`; where rows are below it, the last line says how many, written in `more`.
    pub(super) fn shown(self, scroll: usize, area: Rect, more: Style) -> Vec<Line<'static>> {
        let (room, most) = (self.room(area), self.scroll_max(area));
        let from = scroll.min(most);
        let mut lines = self.head;
        lines.extend(self.rows.into_iter().skip(from).take(room));
        if from < most
            && room >= LEAST
            && let Some(last) = lines.last_mut()
        {
            *last = Line::styled(format!("↓ {} more lines", most - from + 1), more);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rows: usize) -> ScrolledText {
        let rows = (1..=rows).map(|row| Line::from(format!("row {row}"))).collect();
        ScrolledText { head: vec![Line::from("head")], rows }
    }

    fn shown(rows: usize, scroll: usize) -> Vec<String> {
        let area = Rect::new(0, 0, 20, 5);
        let lines = text(rows).shown(scroll, area, Style::default());
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_last_row_is_never_scrolled_off_the_bottom() {
        assert_eq!(shown(4, 9), ["head", "row 1", "row 2", "row 3", "row 4"]);
        assert_eq!(shown(6, 0), ["head", "row 1", "row 2", "row 3", "↓ 3 more lines"]);
        assert_eq!(shown(6, 2), ["head", "row 3", "row 4", "row 5", "row 6"]);
        assert_eq!(shown(6, usize::MAX), shown(6, 2));
        assert_eq!(text(6).scroll_max(Rect::new(0, 0, 20, 5)), 2);
    }
}
