//! Columns that the user names: tabs, commas, bars or blanks between them.

use std::borrow::Cow;

use super::parts::FieldValues;
use super::role::FieldRole;
use crate::access_log::entry::{LineFault, LogEntry};

/// Columns in order.
#[derive(Debug, Clone)]
pub(super) struct ColumnFormat {
    columns: Vec<Option<FieldRole>>,
    /// What stands between them, as the first line told.
    sign: Option<u8>,
}

impl ColumnFormat {
    pub(super) fn read(names: &str) -> Result<Self, String> {
        let columns: Vec<_> = names.split(',').map(|name| FieldRole::of(name.trim())).collect();
        if !columns.contains(&Some(FieldRole::Time)) {
            return Err("there is no `time` among them".to_owned());
        }
        let target = [Some(FieldRole::Target), Some(FieldRole::Request)];
        if !target.iter().any(|role| columns.contains(role)) {
            return Err("there is neither `path` nor `request` among them".to_owned());
        }
        Ok(Self { columns, sign: None })
    }

    pub(super) fn read_line<'l>(&mut self, line: &'l [u8]) -> Result<LogEntry<'l>, LineFault> {
        let sign = *self.sign.get_or_insert_with(|| {
            let count = |sign: u8| cells(line, sign).len();
            // The first that makes as many columns as there are names, else the one that makes most.
            let signs = *b"\t|;, ";
            let exact = signs.into_iter().find(|sign| count(*sign) == self.columns.len());
            exact.unwrap_or_else(|| {
                signs.into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b' ')
            })
        });
        let mut fields = FieldValues::default();
        let cells = cells(line, sign);
        if cells.len() < self.columns.len() {
            return Err(LineFault::Format);
        }
        for (column, cell) in self.columns.iter().zip(cells) {
            if let Some(role) = column {
                fields.put(*role, cell);
            }
        }
        fields.entry()
    }
}

/// The cells of a line; in quotes, the sign means nothing.
fn cells(line: &[u8], sign: u8) -> Vec<Cow<'_, [u8]>> {
    let mut found = vec![];
    let mut rest = line;
    loop {
        let quote = rest.first() == Some(&b'"');
        let (cell, behind) = match super::common::quoted(rest).filter(|_| quote) {
            Some((cell, behind)) => (cell, behind),
            None => rest.split_at(memchr::memchr(sign, rest).unwrap_or(rest.len())),
        };
        found.push(Cow::Borrowed(cell));
        match memchr::memchr(sign, behind) {
            Some(at) => rest = &behind[at + 1..],
            None => return found,
        }
    }
}
