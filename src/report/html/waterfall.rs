//! What waited for what in one load of a page: a bar a resource.

use std::fmt::Write as _;

use crate::Report;
use crate::figure::LegendEntry;
use crate::pages::{self, PageView, WaterfallRow};

/// Colours in the style sheet: waiting for the first byte, receiving, first and largest contentful paint.
const INKS: [u8; 4] = [1, 6, 5, 2];

/// What the colours mean.
pub(super) fn keys() -> Vec<LegendEntry> {
    let names = ["waits for the first byte", "receives", "FCP", "LCP"];
    let key =
        |(name, ink): (&str, u8)| LegendEntry { class: ink.to_string(), label: name.to_owned() };
    names.into_iter().zip(INKS).map(key).collect()
}

/// All pages, with pictures.
pub(super) fn views(report: &Report) -> Vec<PageView> {
    let mut views = pages::views(report);
    for row in views.iter_mut().flat_map(|view| &mut view.waterfall) {
        row.bar = bar(row);
    }
    views
}

/// Lengths in per cent of the whole picture.
fn bar(row: &WaterfallRow) -> String {
    let mut svg = "<svg class=\"bar\" aria-hidden=\"true\">".to_owned();
    let (start, first_byte, end) = row.span;
    let spans = [(start, first_byte, INKS[0]), (first_byte, end, INKS[1])];
    for (from, to, ink) in spans {
        let (x, width) = (from * 100.0, (to - from).max(0.0) * 100.0);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<rect class=\"f{ink}\" x=\"{x:.2}%\" y=\"3\" width=\"{width:.2}%\" height=\"10\"/>"
        );
    }
    for (paint, ink) in row.paints.iter().zip(&INKS[2..]) {
        if let Some(at) = paint {
            // A line at the very end stays within the picture.
            let x = (at * 100.0).min(99.5);
            let _ =
                write!(svg, "<rect class=\"f{ink}\" x=\"{x:.2}%\" width=\"2\" height=\"100%\"/>");
        }
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    #[test]
    fn waterfall_has_a_bar_for_each_resource_and_lines_for_paints() {
        let (log, judgement) = fixture::pages();
        let views = views(&Report::new(&log, &judgement));
        let rows = &views[0].waterfall;
        assert_eq!(rows.len(), 3);
        for row in rows {
            assert_eq!(row.bar.matches("<rect").count(), 4, "{}", row.bar);
        }
    }
}
