//! A request put together from fields.

use std::borrow::Cow;

use super::role::FieldRole;
use crate::access_log::entry::{LineFault, LogEntry, request_line};
use crate::access_log::time;

/// Fields of a line by what they mean.
#[derive(Debug, Default)]
pub(super) struct FieldValues<'l> {
    time: Option<Cow<'l, [u8]>>,
    request: Option<Cow<'l, [u8]>>,
    method: Option<Cow<'l, [u8]>>,
    target: Option<Cow<'l, [u8]>>,
    query: Option<Cow<'l, [u8]>>,
    host: Option<Cow<'l, [u8]>>,
    status: Option<Cow<'l, [u8]>>,
    bytes: Option<Cow<'l, [u8]>>,
    client: Option<Cow<'l, [u8]>>,
}

impl<'l> FieldValues<'l> {
    pub(super) fn put(&mut self, role: FieldRole, value: Cow<'l, [u8]>) {
        let place = match role {
            FieldRole::Time => &mut self.time,
            FieldRole::Request => &mut self.request,
            FieldRole::Method => &mut self.method,
            FieldRole::Target => &mut self.target,
            FieldRole::Query => &mut self.query,
            FieldRole::Host => &mut self.host,
            FieldRole::Status => &mut self.status,
            FieldRole::Bytes => &mut self.bytes,
            FieldRole::Client => &mut self.client,
        };
        if place.is_none() && !value.is_empty() && *value != b"-"[..] {
            *place = Some(value);
        }
    }

    /// The request that they tell of. Without a status it is taken to be answered well.
    pub(super) fn entry(self) -> Result<LogEntry<'l>, LineFault> {
        let at = self.time.as_deref().ok_or(LineFault::Format)?;
        let at = time::any_time(at).ok_or(LineFault::Time)?;
        let (method, target) = match (self.request, self.method, self.target) {
            (Some(request), ..) => {
                let (method, target) = request_line(&request).ok_or(LineFault::Request)?;
                (method.to_owned().into(), Cow::Owned(target.to_vec()))
            }
            (None, method, Some(target)) => {
                let method = method.unwrap_or(Cow::Borrowed(b"GET"));
                (text(method), with_query(target, self.query))
            }
            _ => return Err(LineFault::Format),
        };
        let status = self.status.as_deref().map_or(Some(200), |status| {
            super::common::number(status).and_then(|status| u16::try_from(status).ok())
        });
        Ok(LogEntry {
            at,
            method,
            target,
            host: self.host.map(text),
            status: status.ok_or(LineFault::Format)?,
            bytes: self.bytes.as_deref().and_then(super::common::number),
            client: self.client.map(|client| without_port(text(client))),
        })
    }
}

fn with_query<'l>(target: Cow<'l, [u8]>, query: Option<Cow<'l, [u8]>>) -> Cow<'l, [u8]> {
    match query {
        Some(query) if !target.contains(&b'?') => {
            Cow::Owned([&target[..], b"?", &query[..]].concat())
        }
        _ => target,
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// `192.0.2.7:2817` → `192.0.2.7`; of several addresses the first, which is the client's.
pub(super) fn without_port(client: Cow<'_, str>) -> Cow<'_, str> {
    let first = client.split(',').next().unwrap_or_default().trim();
    let first = match first.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            host
        }
        Some((host, _)) if host.starts_with('[') && host.ends_with(']') => &host[1..host.len() - 1],
        _ => first,
    };
    if first.len() == client.len() { client } else { Cow::Owned(first.to_owned()) }
}
