//! One JSON object a line: nginx with `escape=json`, Caddy, Traefik, Envoy, and what collects logs of containers.

use std::borrow::Cow;

use serde_json::Value;

use super::parts::FieldValues;
use super::role::{FieldRole, ROLES};
use crate::access_log::entry::{LineFault, LogEntry};

/// Fields in which collectors keep the line that a server wrote.
const LINES: [&str; 5] = ["log", "message", "MESSAGE", "textPayload", "line"];

/// Where the fields stand.
#[derive(Debug, Clone, Default)]
pub(super) struct JsonFormat {
    /// Which name each role has, as far as the last lines told.
    layout: Vec<(FieldRole, &'static str)>,
}

impl JsonFormat {
    pub(super) fn read<'l>(&mut self, line: &'l [u8]) -> Result<LogEntry<'l>, LineFault> {
        // What stands before the object is the collector's: `Jan 31 12:00:00 host caddy[1]: {…}`.
        let start = memchr::memchr(b'{', line).ok_or(LineFault::Format)?;
        let value: Value = serde_json::from_slice(&line[start..])
            .or_else(|_| serde_json::from_str(&String::from_utf8_lossy(&line[start..])))
            .map_err(|_| LineFault::Format)?;
        match self.entry(&value) {
            Err(LineFault::Format) => {}
            read => return read,
        }
        self.layout = layout(&value);
        match self.entry(&value) {
            Err(LineFault::Format) => within(&value).ok_or(LineFault::Format),
            read => read,
        }
    }

    fn entry<'l>(&self, value: &Value) -> Result<LogEntry<'l>, LineFault> {
        let mut fields = FieldValues::default();
        for (role, name) in &self.layout {
            if let Some(text) = find(value, name).and_then(scalar) {
                fields.put(*role, Cow::Owned(text.into_bytes()));
            }
        }
        fields.entry()
    }

    pub(super) fn name(&self) -> &'static str {
        let has = |name: &str| self.layout.iter().any(|(_, known)| *known == name);
        if has("request.uri") {
            "Caddy's JSON"
        } else if has("RequestPath") {
            "Traefik's JSON"
        } else if has("response_code") {
            "Envoy's JSON"
        } else {
            "JSON, one object a line"
        }
    }
}

/// The best name of each role that an object has.
fn layout(value: &Value) -> Vec<(FieldRole, &'static str)> {
    let name = |role: FieldRole| {
        let mut names = role.names().iter();
        names.find(|name| find(value, name).and_then(scalar).is_some()).map(|name| (role, *name))
    };
    ROLES.into_iter().filter_map(name).collect()
}

/// A field; a dot leads into a nested object where no field has the whole name.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(value.get(first)?, rest)
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The line that a collector has put into an object.
fn within<'l>(value: &Value) -> Option<LogEntry<'l>> {
    LINES.iter().find_map(|name| {
        let line = value.get(name)?.as_str()?.trim_end();
        let entry = match super::common::read(line.as_bytes()) {
            Ok(entry) => entry,
            Err(_) if line.starts_with('{') => {
                let inner: Value = serde_json::from_str(line).ok()?;
                return JsonFormat { layout: layout(&inner) }.entry(&inner).ok();
            }
            Err(_) => return None,
        };
        Some(LogEntry {
            at: entry.at,
            method: Cow::Owned(entry.method.into_owned()),
            target: Cow::Owned(entry.target.into_owned()),
            host: entry.host.map(|host| Cow::Owned(host.into_owned())),
            status: entry.status,
            bytes: entry.bytes,
            client: entry.client.map(|client| Cow::Owned(client.into_owned())),
        })
    })
}
