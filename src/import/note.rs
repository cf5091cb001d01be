//! What an import left out or changed, each with its reason.

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
    /// Left out.
    pub dropped: Vec<ImportNote>,
    /// Kept, but changed, or worth a look.
    pub changed: Vec<ImportNote>,
}

impl ImportNotes {
    /// Tells that `what` was left out.
    pub(super) fn drop(&mut self, reason: impl Into<String>, what: impl Into<String>) {
        add(&mut self.dropped, reason.into(), what.into());
    }

    /// Tells that `what` is not as it was.
    pub(super) fn change(&mut self, reason: impl Into<String>, what: impl Into<String>) {
        add(&mut self.changed, reason.into(), what.into());
    }
}

fn add(notes: &mut Vec<ImportNote>, reason: String, what: String) {
    let at = notes.iter().position(|note| note.reason == reason).unwrap_or_else(|| {
        notes.push(ImportNote { reason, what: vec![] });
        notes.len() - 1
    });
    let note = &mut notes[at];
    match note.what.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += 1,
        None => note.what.push((what, 1)),
    }
}

/// Where a line of short things ends.
const WIDTH: usize = 100;

impl fmt::Display for ImportNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
