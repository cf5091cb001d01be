//! What an import left out or changed, each with its reason.

use std::collections::HashMap;
use std::fmt;

/// One kind of note, and where it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// What was done and why.
    pub reason: String,
    /// What it was done to, in the order of the file; the same thing twice is counted.
    pub what: Vec<(String, usize)>,
}

/// All notes, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportNotes {
    /// How the file was read.
    pub read: Vec<String>,
    /// Left out.
    pub dropped: Vec<ImportNote>,
    /// Kept, but changed, or worth a look.
    pub changed: Vec<ImportNote>,
    /// Where each reason stands, and where each thing stands below it.
    index: [NoteIndex; 2],
}

/// Positions of reasons, and of things below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct NoteIndex {
    reasons: HashMap<String, usize>,
    things: HashMap<(usize, String), usize>,
}

impl ImportNotes {
    /// Tells how the file was read.
    pub(super) fn tell(&mut self, how: String) {
        self.read.push(how);
    }

    /// Tells that `what` was left out.
    pub(super) fn drop(&mut self, reason: impl Into<String>, what: impl Into<String>) {
        self.index[0].add(&mut self.dropped, reason.into(), what.into());
    }

    /// Tells that `what` is not as it was.
    pub(super) fn change(&mut self, reason: impl Into<String>, what: impl Into<String>) {
        self.index[1].add(&mut self.changed, reason.into(), what.into());
    }
}

impl NoteIndex {
    fn add(&mut self, notes: &mut Vec<ImportNote>, reason: String, what: String) {
        let at = *self.reasons.entry(reason).or_insert_with_key(|reason| {
            notes.push(ImportNote { reason: reason.clone(), what: vec![] });
            notes.len() - 1
        });
        let what_of_note = &mut notes[at].what;
        let thing = *self.things.entry((at, what)).or_insert_with_key(|(_, what)| {
            what_of_note.push((what.clone(), 0));
            what_of_note.len() - 1
        });
        what_of_note[thing].1 += 1;
    }
}

/// Where a line of short things ends.
const WIDTH: usize = 100;

impl fmt::Display for ImportNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for how in &self.read {
            writeln!(f, "read: {how}")?;
        }
        for (title, notes) in [("left out", &self.dropped), ("changed", &self.changed)] {
            for note in notes {
                writeln!(f, "{title}: {}", note.reason)?;
                let items = note.what.iter().map(|(what, count)| {
                    if *count > 1 { format!("{what} ({count} times)") } else { what.clone() }
                });
                write_lines(f, items)?;
            }
        }
        Ok(())
    }
}

/// Short things side by side, long ones alone.
fn write_lines(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    let mut line = String::new();
    for item in items {
        if !line.is_empty() && line.len() + item.len() + 2 > WIDTH {
            writeln!(f, "  {line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&item);
    }
    if line.is_empty() { Ok(()) } else { writeln!(f, "  {line}") }
}
