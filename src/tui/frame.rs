//! What all pages share: panels, the footer, the help, windows in the middle, sparklines.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Wrap};

use plimsoll_report::sparkline::bars_from_zero;

use super::theme::{Theme, Tone};

/// A panel's frame. The chosen one is told by its border and by the mark in its title.
pub(super) fn panel<'a>(theme: Theme, title: &str, chosen: bool) -> Block<'a> {
    let (mark, border, tone, kind) = if chosen {
        ("▸ ", Tone::Focus, Tone::Focus, BorderType::Thick)
    } else {
        ("", Tone::Faint, Tone::Title, BorderType::Rounded)
    };
    Block::bordered()
        .border_type(kind)
        .border_style(theme.style(border))
        .title(Span::styled(format!(" {mark}{title} "), theme.style(tone)))
}

/// Text cut to `width` columns, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { kept } else { format!("{kept}…") }
}

/// Lines cut to `width` columns, with an ellipsis where something is missing.
pub(super) fn clipped(lines: Vec<Line<'static>>, width: usize) -> Vec<Line<'static>> {
    let clip = |line: Line<'static>| {
        let mut left = width;
        let mut out = Line { spans: Vec::new(), ..line.clone() };
        for span in line.spans {
            let text = cut(&span.content, left);
            left -= text.chars().count().min(left);
            out.push_span(Span::styled(text, span.style));
        }
        out
    };
    lines.into_iter().map(clip).collect()
}

/// Breaks a text at spaces.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&cut(word, width));
    }
    lines.push(line);
    lines
}

/// As many groups of spans as fit into `width`, separated by two spaces.
pub(super) fn fitting(groups: Vec<Vec<Span<'static>>>, width: usize) -> Line<'static> {
    let mut line = Line::default();
    for group in groups {
        let wide: usize = group.iter().map(Span::width).sum();
        let gap = if line.spans.is_empty() { 0 } else { 2 };
        if line.width() + gap + wide > width {
            continue;
        }
        if gap > 0 {
            line.push_span(Span::raw("  "));
        }
        for span in group {
            line.push_span(span);
        }
    }
    line
}

/// Text at the left and the right of one line.
pub(super) fn justified(left: Line<'static>, right: Line<'static>, width: usize) -> Line<'static> {
    let room = width.saturating_sub(left.width() + right.width());
    let mut line = left;
    line.push_span(Span::raw(" ".repeat(room)));
    line.spans.extend(right.spans);
    line
}

/// The last values as blocks, scaled to their own range from zero; a gap where there is none.
pub(super) fn sparkline(
    values: impl DoubleEndedIterator<Item = Option<f64>>,
    width: usize,
) -> String {
    let mut last: Vec<Option<f64>> = values.rev().take(width).collect();
    last.reverse();
    let text = bars_from_zero(last.into_iter());
    format!("{text:<width$}")
}

/// A bar of `width` columns, filled by `share` of it in eighths.
pub(super) fn bar(share: f64, width: usize) -> (String, String) {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    let filled = format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8]);
    let rest = "·".repeat(width.saturating_sub(eighths.div_ceil(8)));
    (filled, rest)
}

/// A window in the middle, on top of everything.
pub(super) fn window(
    frame: &mut Frame<'_>,
    block: Block<'_>,
    lines: Vec<Line<'_>>,
    wanted_width: u16,
) {
    let all = frame.area();
    let width = wanted_width.min(all.width.saturating_sub(2)).max(1);
    let inner = usize::from(width.saturating_sub(4)).max(1);
    let rows: usize = lines.iter().map(|line| line.width().div_ceil(inner).max(1)).sum();
    let height = (rows as u16).saturating_add(2).min(all.height);
    let area = Rect {
        x: all.x + (all.width - width) / 2,
        y: all.y + (all.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, area);
    let block = block.padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}
