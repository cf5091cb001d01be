//! Tables that fit the width, and text that wraps.

use super::style::{TerminalStyle, TextTone};

/// Least width of the first column.
const NARROWEST_NAME: usize = 8;

/// A piece of text in a table.
#[derive(Debug, Clone)]
pub(super) struct TableCell {
    text: String,
    tone: TextTone,
}

impl TableCell {
    pub(super) fn plain(text: String) -> Self {
        Self::toned(TextTone::Plain, text)
    }

    pub(super) fn toned(tone: TextTone, text: String) -> Self {
        Self { text, tone }
    }
}

#[derive(Debug)]
enum TableRow {
    Cells(Vec<TableCell>),
    Note(String),
}

/// A table whose first column gives way when the width is short.
#[derive(Debug)]
pub(super) struct TextTable {
    heads: Vec<(String, bool)>,
    rows: Vec<TableRow>,
}

impl TextTable {
    /// A table with these heads; those that begin with `<` are aligned to the right.
    pub(super) fn new(heads: &[&str]) -> Self {
        let head = |head: &&str| (head.trim_start_matches('<').to_owned(), head.starts_with('<'));
        Self { heads: heads.iter().map(head).collect(), rows: vec![] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<TableCell>) {
        self.rows.push(TableRow::Cells(cells));
    }

    /// Adds a remark on the row above.
    pub(super) fn note(&mut self, text: String) {
        self.rows.push(TableRow::Note(text));
    }

    /// The lines, indented by two, no wider than `width` unless the columns cannot shrink that far.
    pub(super) fn lines(&self, style: TerminalStyle, width: usize) -> Vec<String> {
        let (widths, gap) = self.widths(width);
        let heads: Vec<TableCell> = self
            .heads
            .iter()
            .map(|(head, _)| TableCell::toned(TextTone::Faint, head.clone()))
            .collect();
        let mut lines = vec![self.line(&heads, &widths, gap, style)];
        for row in &self.rows {
            match row {
                TableRow::Cells(cells) => lines.push(self.line(cells, &widths, gap, style)),
                TableRow::Note(text) => {
                    let parts = wrapped(text, width.saturating_sub(4));
                    lines.extend(
                        parts
                            .iter()
                            .map(|part| format!("    {}", style.paint(TextTone::Faint, part))),
                    );
                }
            }
        }
        lines
    }

    fn widths(&self, width: usize) -> (Vec<usize>, usize) {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| columns(head)).collect();
        for row in &self.rows {
            if let TableRow::Cells(cells) = row {
                for (slot, cell) in widths.iter_mut().zip(cells) {
                    *slot = (*slot).max(columns(&cell.text));
                }
            }
        }
        let total =
            |widths: &[usize], gap| 2 + widths.iter().sum::<usize>() + gap * (widths.len() - 1);
        let gap = if total(&widths, 3) <= width { 3 } else { 2 };
        let gap = if total(&widths, gap) <= width { gap } else { 1 };
        let over = total(&widths, gap).saturating_sub(width);
        let gap = if over > widths[0].saturating_sub(NARROWEST_NAME) { 1 } else { gap };
        let over = total(&widths, gap).saturating_sub(width);
        widths[0] = widths[0].saturating_sub(over).max(NARROWEST_NAME.min(widths[0]));
        (widths, gap)
    }

    fn line(
        &self,
        cells: &[TableCell],
        widths: &[usize],
        gap: usize,
        style: TerminalStyle,
    ) -> String {
        let mut line = String::from(" ");
        for (index, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            let text = fitted(&cell.text, width);
            let pad = " ".repeat(width - columns(&text));
            let text = style.paint(cell.tone, &text);
            let lead = if index == 0 { " " } else { &" ".repeat(gap) };
            line.push_str(lead);
            if self.heads[index].1 {
                line.push_str(&pad);
                line.push_str(&text);
            } else {
                line.push_str(&text);
                line.push_str(&pad);
            }
        }
        line
    }
}

/// How many columns `text` takes, one a character: wide scripts may run over, which only looks untidy.
fn columns(text: &str) -> usize {
    text.chars().count()
}

/// `text`, cut to `width` columns.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Breaks `text` at spaces into lines of at most `width` columns; longer words are cut.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = fitted(word, width);
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            *line = word;
        } else if columns(line) + 1 + columns(&word) <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}
