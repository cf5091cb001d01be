//! Tables that fit the width, and text that wraps.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::style::{TerminalStyle, TextTone};

/// Least width of the first column, where names may stand on lines of their own.
const NARROWEST_NAME: usize = 4;

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

    /// At most `width` columns of it.
    fn painted(&self, style: TerminalStyle, width: usize) -> String {
        style.paint(self.tone, &fitted(&self.text, width))
    }
}

#[derive(Debug)]
enum TableRow {
    Cells(Vec<TableCell>),
    Note(String),
}

/// A table. Where a name is too long for its column, it stands on a line of its own above its figures; where the figures
/// alone do not fit, each row becomes a block of pairs. Nothing that fits a line is cut.
#[derive(Debug)]
pub(super) struct TextTable {
    heads: Vec<(String, bool)>,
    rows: Vec<TableRow>,
}

impl TextTable {
    /// A table with these heads; those that begin with `<` are figures, aligned to the right.
    pub(super) fn new(heads: &[&str]) -> Self {
        let head = |head: &&str| (head.trim_start_matches('<').to_owned(), head.starts_with('<'));
        Self { heads: heads.iter().map(head).collect(), rows: vec![] }
    }

    /// Adds a row. Where its first cell is empty, that of the row above holds.
    pub(super) fn row(&mut self, cells: Vec<TableCell>) {
        self.rows.push(TableRow::Cells(cells));
    }

    /// Adds a remark on the row above.
    pub(super) fn note(&mut self, text: String) {
        self.rows.push(TableRow::Note(text));
    }

    /// The lines, indented by two, no wider than `width` columns.
    pub(super) fn lines(&self, style: TerminalStyle, width: usize) -> Vec<String> {
        match self.columns(width) {
            Some(columns) => self.in_columns(&columns, style, width),
            None => self.in_blocks(style, width),
        }
    }

    fn in_columns(
        &self,
        columns: &TableColumns,
        style: TerminalStyle,
        width: usize,
    ) -> Vec<String> {
        let faint = |(head, _): &(String, bool)| TableCell::toned(TextTone::Faint, head.clone());
        let heads: Vec<TableCell> = self.heads.iter().map(faint).collect();
        let mut lines = vec![self.line(&heads, columns, style)];
        for row in &self.rows {
            match row {
                TableRow::Cells(cells) => {
                    let (mut cells, name) = (cells.clone(), cells.first());
                    if let Some(name) = name.filter(|name| width_of(&name.text) > columns.widths[0])
                    {
                        lines.push(format!("  {}", name.painted(style, width - 2)));
                        cells[0] = TableCell::plain(String::new());
                    }
                    lines.push(self.line(&cells, columns, style));
                }
                TableRow::Note(text) => lines.extend(note(text, style, width)),
            }
        }
        lines
    }

    /// How the columns fit, if they do.
    fn columns(&self, width: usize) -> Option<TableColumns> {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| width_of(head)).collect();
        for cells in self.cells() {
            for (slot, cell) in widths.iter_mut().zip(cells) {
                *slot = (*slot).max(width_of(&cell.text));
            }
        }
        let total =
            |widths: &[usize], gap| 2 + widths.iter().sum::<usize>() + gap * (widths.len() - 1);
        let fits = |widths: &[usize]| (2..=3).rev().find(|gap| total(widths, *gap) <= width);
        if let Some(gap) = fits(&widths) {
            return Some(TableColumns { widths, gap });
        }
        widths[0] = NARROWEST_NAME.min(widths[0]);
        let gap = fits(&widths)?.min(2);
        widths[0] += width - total(&widths, gap);
        Some(TableColumns { widths, gap })
    }

    fn cells(&self) -> impl Iterator<Item = &[TableCell]> {
        self.rows.iter().filter_map(|row| match row {
            TableRow::Cells(cells) => Some(cells.as_slice()),
            TableRow::Note(_) => None,
        })
    }

    fn line(&self, cells: &[TableCell], columns: &TableColumns, style: TerminalStyle) -> String {
        let mut line = String::from(" ");
        for (index, (cell, &width)) in cells.iter().zip(&columns.widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(width_of(&cell.text)));
            let text = cell.painted(style, width);
            let lead = if index == 0 { " " } else { &" ".repeat(columns.gap) };
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

    /// A block a row: its texts, and below them its figures, each behind the name of its column.
    fn in_blocks(&self, style: TerminalStyle, width: usize) -> Vec<String> {
        let mut lines = vec![];
        let groups = self.pair_lines(width);
        let mut name = TableCell::plain(String::new());
        for row in &self.rows {
            let cells = match row {
                TableRow::Cells(cells) => cells,
                TableRow::Note(text) => {
                    lines.extend(note(text, style, width));
                    continue;
                }
            };
            if let Some(first) = cells.first().filter(|first| !first.text.is_empty()) {
                name = first.clone();
            }
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(self.title(&name, cells, style, width));
            for group in &groups {
                let pairs = group.iter().map(|&(index, room)| {
                    let (head, cell) = (&self.heads[index].0, &cells[index]);
                    let pad = room.saturating_sub(width_of(head) + 1 + width_of(&cell.text));
                    let text = cell.painted(style, width.saturating_sub(width_of(head) + 5));
                    format!("{} {text}{}", style.paint(TextTone::Faint, head), " ".repeat(pad))
                });
                lines.push(format!("    {}", pairs.collect::<Vec<_>>().join("   ")));
            }
        }
        lines
    }

    /// The texts of a row, on as many lines as they need.
    fn title(
        &self,
        name: &TableCell,
        cells: &[TableCell],
        style: TerminalStyle,
        width: usize,
    ) -> Vec<String> {
        let others = cells.iter().zip(&self.heads).skip(1);
        let others = others.filter(|(cell, (_, figure))| !figure && !cell.text.is_empty());
        let texts = std::iter::once(name).chain(others.map(|(cell, _)| cell));
        let (mut lines, mut taken) = (vec![String::from(" ")], 1);
        for cell in texts {
            let wide = width_of(&cell.text) + 2;
            if taken + wide > width && taken > 1 {
                lines.push(String::from("   "));
                taken = 3;
            }
            let gap = if taken <= 3 { " " } else { "  " };
            let text = cell.painted(style, width - 4);
            if let Some(line) = lines.last_mut() {
                line.push_str(gap);
                line.push_str(&text);
            }
            taken += wide;
        }
        lines
    }

    /// Which figures stand on one line of a block, each with the width of its pair: the same for all rows.
    fn pair_lines(&self, width: usize) -> Vec<Vec<(usize, usize)>> {
        let figures = self.heads.iter().enumerate().skip(1).filter(|(_, (_, figure))| *figure);
        let (mut lines, mut taken): (Vec<Vec<(usize, usize)>>, usize) = (vec![], width);
        for (index, (head, _)) in figures {
            let most = self.cells().map(|cells| width_of(&cells[index].text)).max();
            let room = width_of(head) + 1 + most.unwrap_or_default();
            if taken + 3 + room > width || lines.is_empty() {
                lines.push(vec![]);
                taken = 4;
            } else {
                taken += 3;
            }
            taken += room;
            if let Some(line) = lines.last_mut() {
                line.push((index, room));
            }
        }
        lines
    }
}

/// The widths of the columns, and what is between them.
#[derive(Debug)]
struct TableColumns {
    widths: Vec<usize>,
    gap: usize,
}

fn note(text: &str, style: TerminalStyle, width: usize) -> impl Iterator<Item = String> {
    let parts = wrapped(text, width.saturating_sub(4)).into_iter();
    parts.map(move |part| format!("    {}", style.paint(TextTone::Faint, &part)))
}

/// How many columns `text` takes: two for wide scripts, none for marks that combine (Unicode Standard Annex 11).
pub(super) fn width_of(text: &str) -> usize {
    text.width()
}

/// How many characters of `text` fit `width` columns, at least one.
fn fitting(text: &[char], width: usize) -> usize {
    let mut taken = 0;
    let fits = |one: &&char| {
        taken += one.width().unwrap_or(0);
        taken <= width
    };
    text.iter().take_while(fits).count().max(1)
}

/// `text`, cut to `width` columns.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let text: Vec<char> = text.chars().collect();
    let kept: String = text[..fitting(&text, width.saturating_sub(1))].iter().collect();
    format!("{kept}…")
}

/// Breaks `text` at spaces into lines of at most `width` columns; words that are longer, behind a sign.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = vec![String::new()];
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            *line = word;
        } else if width_of(line) + 1 + width_of(&word) <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A word in pieces of at most `width` columns: addresses and paths are broken behind one of their signs.
fn pieces(word: &str, width: usize) -> Vec<String> {
    const SIGNS: &str = "/?&=,;:_-.";
    let mut left: Vec<char> = word.chars().collect();
    let mut pieces = vec![];
    while width_of(&left.iter().collect::<String>()) > width {
        let most = fitting(&left, width);
        let sign = left[..most].iter().rposition(|one| SIGNS.contains(*one));
        let rest = left.split_off(sign.map_or(most, |at| at + 1));
        pieces.push(std::mem::replace(&mut left, rest).into_iter().collect());
    }
    pieces.push(left.into_iter().collect());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TextTable {
        let mut table = TextTable::new(&["step", "<requests", "<p50", "<p95", "<p99", "<errors"]);
        for name in ["list", "お気に入りの一覧"] {
            let cells = [name, "24,012", "845 µs", "12.1 ms", "1.20 s", "0.0042 %"];
            table.row(cells.map(|cell| TableCell::plain(cell.to_owned())).to_vec());
        }
        table
    }

    #[test]
    fn cells_are_two_blanks_apart_or_in_blocks_with_an_empty_line_between() {
        for width in [40, 50, 60, 80, 100, 200] {
            let lines = table().lines(TerminalStyle::Plain, width);
            assert!(lines.iter().all(|line| width_of(line) <= width), "{width}: {lines:#?}");
            let in_columns = lines[0].contains("step");
            let gaps =
                lines.iter().all(|line| !line.contains("24,012 845") && !line.contains("ms 1.2"));
            assert!(gaps, "{width}: {lines:#?}");
            let empty = lines.iter().filter(|line| line.is_empty()).count();
            assert_eq!(empty, usize::from(!in_columns), "{width}: {lines:#?}");
        }
    }

    /// A wide character takes two columns: what follows it stands where it stands in the other rows.
    #[test]
    fn figures_behind_wide_names_stay_in_their_columns_and_cuts_never_split_one() {
        let lines = table().lines(TerminalStyle::Plain, 100);
        let column = |line: &String| line.find("24,012").map(|at| width_of(&line[..at]));
        assert_eq!(column(&lines[1]), column(&lines[2]), "{lines:#?}");
        assert_eq!(fitted("お気に入りの一覧", 6), "お気…");
        assert_eq!(wrapped("お気に入りの一覧を見る", 10), ["お気に入り", "の一覧を見", "る"]);
    }
}
