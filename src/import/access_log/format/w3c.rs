//! The extended log file format (<https://www.w3.org/TR/WD-logfile.html>): IIS, `CloudFront`.

use std::borrow::Cow;

use super::parts::FieldValues;
use super::role::FieldRole;
use crate::access_log::entry::{LineFault, LogEntry};

/// What the directives told so far.
#[derive(Debug, Clone, Default)]
pub(super) struct W3cFormat {
    columns: Vec<Option<W3cColumn>>,
    /// The day of `#Date:`, for logs whose lines tell the time alone.
    date: Vec<u8>,
    is_cloudfront: bool,
}

#[derive(Debug, Clone, Copy)]
enum W3cColumn {
    Date,
    Clock,
    Role(FieldRole),
}

impl W3cFormat {
    pub(super) fn read<'l>(&mut self, line: &'l [u8]) -> Result<Option<LogEntry<'l>>, LineFault> {
        if let Some(directive) = line.strip_prefix(b"#") {
            self.directive(&String::from_utf8_lossy(directive));
            return Ok(None);
        }
        if self.columns.is_empty() {
            return Err(LineFault::Format);
        }
        let sign = if line.contains(&b'\t') { b'\t' } else { b' ' };
        let mut fields = FieldValues::default();
        let (mut date, mut clock): (&[u8], &[u8]) = (&self.date, b"");
        let mut words = line.split(|b| *b == sign);
        for column in &self.columns {
            let word = words.next().ok_or(LineFault::Format)?;
            match column {
                Some(W3cColumn::Date) => date = word,
                Some(W3cColumn::Clock) => clock = word,
                Some(W3cColumn::Role(role)) => fields.put(*role, Cow::Borrowed(word)),
                None => {}
            }
        }
        fields.put(FieldRole::Time, Cow::Owned([date, b"T", clock].concat()));
        fields.entry().map(Some)
    }

    fn directive(&mut self, text: &str) {
        let Some((name, value)) = text.split_once(':') else { return };
        match name.trim() {
            "Date" => self.date = value.trim().as_bytes().iter().take(10).copied().collect(),
            "Fields" => {
                self.is_cloudfront = value.contains("x-edge-location");
                let names: Vec<&str> = value.split_whitespace().collect();
                // CloudFront's `cs(Host)` is its own domain; what users asked for stands beside it.
                let host = ["x-host-header", "cs-host", "cs(Host)"];
                let host = host.into_iter().find(|host| names.contains(host));
                self.columns = names.iter().map(|name| column(name, host)).collect();
            }
            _ => {}
        }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.is_cloudfront {
            "CloudFront's format (W3C extended)"
        } else {
            "the W3C extended format, as IIS writes it"
        }
    }
}

fn column(name: &str, host: Option<&str>) -> Option<W3cColumn> {
    let role = match name {
        "date" => return Some(W3cColumn::Date),
        "time" => return Some(W3cColumn::Clock),
        "cs-method" => FieldRole::Method,
        "cs-uri-stem" | "cs-uri" => FieldRole::Target,
        "cs-uri-query" => FieldRole::Query,
        "sc-status" => FieldRole::Status,
        "sc-bytes" => FieldRole::Bytes,
        "c-ip" => FieldRole::Client,
        name if Some(name) == host => FieldRole::Host,
        _ => return None,
    };
    Some(W3cColumn::Role(role))
}
