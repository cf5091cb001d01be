//! `host ident user [time] "request" status bytes`, and whatever follows: nginx's `combined`, Apache's `common` and
//! `combined`, with a virtual host in front or not.

use std::borrow::Cow;
use std::net::IpAddr;

use memchr::memchr;

use crate::access_log::entry::{LineFault, LogEntry, request_line, unescaped};
use crate::access_log::time;

pub(super) fn read(line: &[u8]) -> Result<LogEntry<'_>, LineFault> {
    let (open, close) = time_span(line).ok_or(LineFault::Format)?;
    let prefix = std::str::from_utf8(&line[..open]).map_err(|_| LineFault::Format)?;
    let (host, client) = before_time(prefix).ok_or(LineFault::Format)?;
    let (request, rest) =
        quoted(line.get(close + 2..).unwrap_or_default()).ok_or(LineFault::Format)?;
    let mut words = rest.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let status = words.next().and_then(number).filter(|status| (100..1_000).contains(status));
    let status = status.ok_or(LineFault::Format)?;
    let bytes = words.next().and_then(number);
    let at = time::any_time(&line[open + 1..close]).ok_or(LineFault::Time)?;
    let (method, target) = request_line(request).ok_or(LineFault::Request)?;
    Ok(LogEntry {
        at,
        method: Cow::Borrowed(method),
        target: unescaped(target),
        host: host.map(Cow::Borrowed),
        status: status as u16,
        bytes,
        client: Some(Cow::Borrowed(client)),
    })
}

/// Where the time stands: between brackets with a quote behind them.
fn time_span(line: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let open = from + memchr(b'[', &line[from..])?;
        let close = open + memchr(b']', &line[open..])?;
        if line.get(close + 1..close + 3) == Some(b" \"") {
            return Some((open, close));
        }
        from = open + 1;
    }
}

/// The virtual host, where there is one, and the client: `host client ident user` or `client ident user`.
fn before_time(prefix: &str) -> Option<(Option<&str>, &str)> {
    let mut words = prefix.split(' ').filter(|word| !word.is_empty());
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    let with_port = first.parse::<IpAddr>().is_err()
        && first.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
        });
    let is_host = third.is_some() && (with_port || second.parse::<IpAddr>().is_ok());
    Some(if is_host { (Some(first), second) } else { (None, first) })
}

/// A text in quotes, which a backslash escapes, and what stands behind it.
pub(super) fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &text[at..])?;
        if text[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += 2;
        if at > text.len() {
            return None;
        }
    }
}

pub(super) fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 15 {
        return None;
    }
    word.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}
