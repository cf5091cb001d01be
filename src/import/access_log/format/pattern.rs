//! The format that a server was told: nginx's `log_format`, Apache's `LogFormat`.

use std::borrow::Cow;

use super::parts::FieldValues;
use super::role::FieldRole;
use crate::access_log::entry::{LineFault, LogEntry, unescaped};

/// A format as texts and the fields between them.
#[derive(Debug, Clone)]
pub(super) struct PatternFormat {
    parts: Vec<PatternPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    Text(Vec<u8>),
    Field(Option<FieldRole>),
}

impl PatternFormat {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        // As in a configuration file, where quotes inside of quotes are escaped.
        let text = text.trim().trim_matches('\'').replace("\\\"", "\"");
        let mut parts = vec![];
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['$', '%']) {
            put_text(&mut parts, &rest[..at]);
            let nginx = rest.as_bytes()[at] == b'$';
            rest = if nginx {
                variable(&rest[at + 1..], &mut parts)
            } else {
                directive(&rest[at + 1..], &mut parts)
            };
        }
        put_text(&mut parts, rest);
        let has = |role| parts.contains(&PatternPart::Field(Some(role)));
        if !has(FieldRole::Time) {
            return Err(
                "it tells no time: `$time_local`, `$time_iso8601`, `$msec`, `%t`".to_owned()
            );
        }
        if !has(FieldRole::Request) && !has(FieldRole::Target) {
            return Err(
                "it tells no path: `$request`, `$request_uri`, `$uri`, `%r`, `%U`".to_owned()
            );
        }
        Ok(Self { parts })
    }

    pub(super) fn read_line<'l>(&self, line: &'l [u8]) -> Result<LogEntry<'l>, LineFault> {
        let mut fields = FieldValues::default();
        let mut rest = line;
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                PatternPart::Text(text) => {
                    rest = rest.strip_prefix(&text[..]).ok_or(LineFault::Format)?;
                }
                PatternPart::Field(role) => {
                    let length = match self.parts.get(index + 1) {
                        Some(PatternPart::Text(text)) => {
                            memchr::memmem::find(rest, text).ok_or(LineFault::Format)?
                        }
                        _ => rest.len(),
                    };
                    let value = &rest[..length];
                    rest = &rest[length..];
                    if let Some(role) = role {
                        let text = matches!(role, FieldRole::Request | FieldRole::Target);
                        let value = if text { unescaped(value) } else { Cow::Borrowed(value) };
                        fields.put(*role, value);
                    }
                }
            }
        }
        fields.entry()
    }
}

fn put_text(parts: &mut Vec<PatternPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(PatternPart::Text(before)) => before.extend_from_slice(text.as_bytes()),
        _ => parts.push(PatternPart::Text(text.as_bytes().to_vec())),
    }
}

/// nginx's `$name` or `${name}`; returns what follows.
fn variable<'t>(text: &'t str, parts: &mut Vec<PatternPart>) -> &'t str {
    let (name, rest) =
        if let Some(braced) = text.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            braced
        } else {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            text.split_at(text.find(|c| !word(c)).unwrap_or(text.len()))
        };
    parts.push(PatternPart::Field(FieldRole::of(name)));
    rest
}

/// Apache's `%>s`, `%{Host}i` (<https://httpd.apache.org/docs/current/mod/mod_log_config.html>); returns what follows.
fn directive<'t>(text: &'t str, parts: &mut Vec<PatternPart>) -> &'t str {
    if let Some(rest) = text.strip_prefix('%') {
        put_text(parts, "%");
        return rest;
    }
    let text =
        text.trim_start_matches(|c: char| matches!(c, '<' | '>' | '!' | ',') || c.is_ascii_digit());
    let (name, rest) = match text.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        Some((name, rest)) => (name.to_ascii_lowercase(), rest),
        None => (String::new(), text),
    };
    let letter = rest.chars().next();
    let behind = &rest[letter.map_or(0, char::len_utf8)..];
    let role = match (letter, name.as_str()) {
        (Some('t'), "") => {
            put_text(parts, "[");
            parts.push(PatternPart::Field(Some(FieldRole::Time)));
            put_text(parts, "]");
            return behind;
        }
        (Some('t'), _) => Some(FieldRole::Time),
        (Some('h' | 'a'), _) | (Some('i'), "x-forwarded-for" | "x-real-ip") => {
            Some(FieldRole::Client)
        }
        (Some('r'), _) => Some(FieldRole::Request),
        (Some('m'), _) => Some(FieldRole::Method),
        (Some('U'), _) => Some(FieldRole::Target),
        (Some('s'), _) => Some(FieldRole::Status),
        (Some('b' | 'B' | 'O'), _) => Some(FieldRole::Bytes),
        (Some('v' | 'V'), _) | (Some('i'), "host") => Some(FieldRole::Host),
        // `%q` begins with its own question mark, which the target's end cannot be told from.
        _ => None,
    };
    parts.push(PatternPart::Field(role));
    behind
}
