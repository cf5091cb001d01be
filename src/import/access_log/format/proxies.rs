//! Formats of proxies and load balancers: AWS, `HAProxy`, Envoy.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use super::common::{number, quoted};
use super::parts::without_port;
use crate::access_log::entry::{LineFault, LogEntry, request_line};
use crate::access_log::time;

/// `type time elb client:port target:port … status status received sent "request" …`; without the type it is a classic
/// one (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html>).
pub(super) fn load_balancer(line: &[u8]) -> Result<LogEntry<'_>, LineFault> {
    let quote = memchr(b'"', line).ok_or(LineFault::Format)?;
    let before: Vec<&[u8]> =
        line[..quote].split(|b| *b == b' ').filter(|w| !w.is_empty()).collect();
    let words = match before.len() {
        12 => &before[1..],
        11 => &before[..],
        _ => return Err(LineFault::Format),
    };
    let at = time::rfc3339(words[0]).ok_or(LineFault::Format)?;
    let (request, _) = quoted(&line[quote..]).ok_or(LineFault::Format)?;
    let (method, target) = request_line(request).ok_or(LineFault::Request)?;
    // Without an answer of the target, the status is the balancer's own.
    let status = number(words[7]).filter(|status| (100..1_000).contains(status));
    Ok(LogEntry {
        at,
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        host: None,
        status: status.ok_or(LineFault::Format)? as u16,
        bytes: number(words[10]),
        client: Some(without_port(String::from_utf8_lossy(words[2]))),
    })
}

/// `client:port [time] frontend backend/server timers status bytes … "request"`, behind what syslog writes
/// (<https://docs.haproxy.org/3.0/configuration.html#8.2.3>).
pub(super) fn haproxy(line: &[u8]) -> Result<LogEntry<'_>, LineFault> {
    let open = memchr::memmem::find(line, b" [").ok_or(LineFault::Format)?;
    let close = open + memchr(b']', &line[open..]).ok_or(LineFault::Format)?;
    let client = line[..open].rsplit(|b| *b == b' ').next().unwrap_or_default();
    let end = memrchr(b'"', line).filter(|end| *end > close).ok_or(LineFault::Format)?;
    let start = close + memchr(b'"', &line[close..]).ok_or(LineFault::Format)?;
    let mut words = line[close + 1..start].split(|b| *b == b' ').filter(|word| !word.is_empty());
    let timers = words.nth(2).ok_or(LineFault::Format)?;
    if timers.split(|b| *b == b'/').count() < 4 || start >= end {
        return Err(LineFault::Format);
    }
    let status = words.next().and_then(number).filter(|status| (100..1_000).contains(status));
    let bytes = words.next().and_then(number);
    let at = time::common(&line[open + 2..close]).ok_or(LineFault::Time)?;
    let (method, target) = request_line(&line[start + 1..end]).ok_or(LineFault::Request)?;
    Ok(LogEntry {
        at,
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        host: None,
        status: status.ok_or(LineFault::Format)? as u16,
        bytes,
        client: Some(without_port(String::from_utf8_lossy(client))),
    })
}

/// `[time] "request" status flags received sent duration upstream_time "forwarded" "agent" "id" "authority" …`
/// (<https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>); Istio's has more
/// between the flags and the bytes.
pub(super) fn envoy(line: &[u8]) -> Result<LogEntry<'_>, LineFault> {
    let rest = line.strip_prefix(b"[").ok_or(LineFault::Format)?;
    let close = memchr(b']', rest).ok_or(LineFault::Format)?;
    let at = time::rfc3339(&rest[..close]).ok_or(LineFault::Format)?;
    let (request, rest) =
        quoted(rest.get(close + 2..).unwrap_or_default()).ok_or(LineFault::Format)?;
    let quote = memchr(b'"', rest).unwrap_or(rest.len());
    let head: Vec<&[u8]> = rest[..quote].split(|b| *b == b' ').filter(|w| !w.is_empty()).collect();
    let status = head.first().and_then(|word| number(word)).ok_or(LineFault::Format)?;
    let (method, target) = request_line(request).ok_or(LineFault::Request)?;
    let mut texts = vec![];
    let mut tail = &rest[quote..];
    while let Some(start) = memchr(b'"', tail) {
        let Some((text, behind)) = quoted(&tail[start..]) else { break };
        texts.push(text);
        tail = behind;
    }
    // Istio writes a reason of the upstream's failure in front.
    let numbers = head.iter().rev().filter_map(|word| number(word)).collect::<Vec<_>>();
    let host = texts.len().checked_sub(2).map(|at| String::from_utf8_lossy(texts[at]));
    let forwarded = texts.len().checked_sub(5).map(|at| String::from_utf8_lossy(texts[at]));
    Ok(LogEntry {
        at,
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        host: host.filter(|host| host != "-"),
        status: u16::try_from(status).map_err(|_| LineFault::Format)?,
        // From the end: upstream time, duration, sent, received.
        bytes: numbers.get(2).copied(),
        client: forwarded.filter(|client| client != "-").map(without_port),
    })
}
