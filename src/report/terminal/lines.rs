//! The lines of a summary under construction.

use super::style::{TerminalStyle, TextTone};
use super::table::{TextTable, width_of, wrapped};
use plimsoll_slo::{ObjectiveStatus, Verdict};

/// Narrower terminals get lines that are cut by the terminal itself.
pub(super) const NARROWEST: usize = 40;

/// Wider ones gain nothing.
pub(super) const WIDEST: usize = 120;

/// Lines under construction.
pub(super) struct SummaryLines {
    pub(super) text: String,
    pub(super) style: TerminalStyle,
    pub(super) width: usize,
}

impl SummaryLines {
    pub(super) fn new(style: TerminalStyle, width: usize) -> Self {
        Self { text: String::new(), style, width }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn paint(&self, tone: TextTone, text: &str) -> String {
        self.style.paint(tone, text)
    }

    /// A section's title, set off by an empty line; what is said beside it stands below where there is no room.
    pub(super) fn section(&mut self, name: &str, aside: &str) {
        self.blank();
        let fits = width_of(name) + width_of(aside) + 4 <= self.width;
        let name = self.paint(TextTone::Title, name);
        if fits {
            let aside = self.paint(TextTone::Faint, aside);
            self.line(&format!("  {name}  {aside}"));
        } else {
            self.line(&format!("  {name}"));
            self.text(TextTone::Faint, aside);
        }
    }

    /// A text that wraps, indented by two.
    pub(super) fn text(&mut self, tone: TextTone, text: &str) {
        self.beside(("", 0), tone, text);
    }

    /// A text that wraps beside what leads it, which takes so many columns.
    pub(super) fn beside(&mut self, (lead, wide): (&str, usize), tone: TextTone, text: &str) {
        for (index, part) in wrapped(text, self.width - wide - 2).iter().enumerate() {
            let part = self.paint(tone, part);
            let room = " ".repeat(wide);
            let lead = if index == 0 { lead } else { room.as_str() };
            self.line(&format!("  {lead}{part}"));
        }
    }

    /// A key and a text that wraps below itself.
    pub(super) fn fact(&mut self, key: &str, text: &str) {
        const KEY: usize = 12;
        let key = self.paint(TextTone::Faint, &format!("{key:<KEY$}"));
        self.beside((&format!("{key}  "), KEY + 2), TextTone::Plain, text);
    }

    pub(super) fn table(&mut self, table: &TextTable) {
        for line in table.lines(self.style, self.width) {
            self.line(&line);
        }
    }
}

pub(super) const fn verdict_tone(verdict: Verdict) -> TextTone {
    match verdict {
        Verdict::Pass => TextTone::Good,
        Verdict::AtRisk | Verdict::Inconclusive => TextTone::Warning,
        Verdict::Fail | Verdict::NotValid => TextTone::Bad,
    }
}

pub(super) const fn status_tone(status: ObjectiveStatus) -> TextTone {
    match status {
        ObjectiveStatus::Pass => TextTone::Good,
        ObjectiveStatus::NotMeasured => TextTone::Faint,
        ObjectiveStatus::AtRisk | ObjectiveStatus::Inconclusive => TextTone::Warning,
        ObjectiveStatus::Fail => TextTone::Bad,
    }
}
