//! `http:` defaults for every request.

use std::net::IpAddr;

use ::http::{HeaderName, header};

use crate::declared::scenario::{self as declared, HTTP, SHARED_CONNECTIONS, TLS};
use crate::decode::{text_map, texts};
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Spanned, word};
use plimsoll_units::{Bytes, Nanos};

/// Defaults for every request.
#[derive(Debug, Clone, Default)]
pub struct HttpSpec {
    /// The longest time from send to last byte.
    pub timeout: Option<Nanos>,
    /// The longest time for connecting, and again for the TLS handshake.
    pub connect_timeout: Option<Nanos>,
    /// Which HTTP is spoken.
    pub version: Option<HttpVersionSpec>,
    /// Who uses a connection.
    pub connections: Option<ConnectionsSpec>,
    /// What requests go through: a URL; empty for nothing.
    pub proxy: Option<Spanned<String>>,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<Spanned<String>>,
    /// Which of a name's addresses a new connection tries first.
    pub dns: Option<AddressChoiceSpec>,
    /// How long what was looked up is good.
    pub dns_ttl: Option<Nanos>,
    /// Where connections come from.
    pub source_ips: Vec<AddressRange>,
    /// Whom requests say that they are forwarded for.
    pub forwarded_for: Vec<AddressRange>,
    /// Headers of every request; the values are templates.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// Headers that make each request traceable.
    pub correlation: Vec<Spanned<CorrelationSpec>>,
    /// Trust.
    pub tls: TlsSpec,
    /// The most redirects followed.
    pub max_redirects: Option<u8>,
    /// The largest body read.
    pub max_body: Option<Bytes>,
    /// The largest head of a response.
    pub max_head: Option<Bytes>,
    /// What responses and streams may hold in memory together.
    pub max_memory: Option<Bytes>,
    /// Whether users keep cookies.
    pub cookies: Option<bool>,
    /// Whether compressed answers are asked for.
    pub compression: Option<bool>,
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersionSpec {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// What ALPN agrees on.
    Auto,
}

/// Who uses a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionsSpec {
    /// Each user its own, kept over its iterations.
    PerUser,
    /// Each user its own, new in every iteration.
    PerIteration,
    /// All users of a worker share a pool.
    Shared,
    /// All users share so many HTTP/2 connections.
    Streams(u32),
}

/// Which of a name's addresses a new connection tries first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressChoiceSpec {
    /// Each in turn.
    Rotate,
    /// The first.
    First,
    /// Any.
    Random,
}

/// A header that makes each request traceable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorrelationSpec {
    /// W3C Trace Context.
    TraceParent,
    /// A header of this name, in lower case, with a random UUID.
    Id(String),
}

/// A range of addresses, by its first and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// The first address.
    pub first: IpAddr,
    /// How many, at least 1.
    pub count: u64,
}

/// Whom the client trusts and what it shows.
#[derive(Debug, Clone, Default)]
pub struct TlsSpec {
    /// PEM files of further roots.
    pub ca: Vec<Spanned<String>>,
    /// A PEM file with the client's certificate chain.
    pub cert: Option<Spanned<String>>,
    /// A PEM file with the client's key.
    pub key: Option<Spanned<String>>,
    /// Accept any certificate.
    pub insecure: bool,
    /// The name asked for and checked.
    pub server_name: Option<Spanned<String>>,
}

impl HttpSpec {
    /// Reads the `http` field.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(mut fields) = Fields::of(node, &HTTP, problems) else {
            return Self::default();
        };
        let connections_span = fields.node("connections", problems).map(|node| node.span);
        let http = Self {
            timeout: fields.read("timeout", problems),
            connect_timeout: fields.read("connect_timeout", problems),
            version: fields.word("version", &VERSIONS, problems),
            connections: fields
                .node("connections", problems)
                .and_then(|node| connections(node, problems)),
            proxy: fields.read("proxy", problems),
            no_proxy: fields
                .node("no_proxy", problems)
                .map(|node| texts(node, problems))
                .unwrap_or_default(),
            dns: fields.word("dns", &ADDRESS_CHOICES, problems),
            dns_ttl: fields.read("dns_ttl", problems),
            source_ips: addresses(fields.node("source_ips", problems), problems),
            forwarded_for: addresses(fields.node("forwarded_for", problems), problems),
            headers: fields
                .node("headers", problems)
                .map(|node| text_map(node, "a mapping of headers", problems))
                .unwrap_or_default(),
            correlation: correlation(fields.node("correlation", problems), problems),
            tls: fields.node("tls", problems).map(|node| tls(node, problems)).unwrap_or_default(),
            max_redirects: fields.read("max_redirects", problems),
            max_body: fields.read("max_body", problems),
            max_head: fields.read("max_head", problems),
            max_memory: fields.read("max_memory", problems),
            cookies: fields.read("cookies", problems),
            compression: fields.read("compression", problems),
        };
        fields.finish(problems);
        if let (Some(ConnectionsSpec::Streams(_)), Some(span)) =
            (http.connections, connections_span)
            && http.version != Some(HttpVersionSpec::Http2)
        {
            // Over HTTP/1.1 a connection carries one request at a time.
            let kind = ProblemKind::MissingField { field: "version: 2", place: "`http`" };
            problems.report(span, kind);
        }
        http
    }
}

const VERSIONS: [(&str, HttpVersionSpec); 3] = [
    ("1.1", HttpVersionSpec::Http1),
    ("2", HttpVersionSpec::Http2),
    ("auto", HttpVersionSpec::Auto),
];

fn connections(node: &Node, problems: &mut Problems) -> Option<ConnectionsSpec> {
    if let NodeValue::Mapping(_) = &node.value {
        let mut fields = Fields::of(node, &SHARED_CONNECTIONS, problems)?;
        let count = fields.read("shared", problems);
        fields.finish(problems);
        return count.map(ConnectionsSpec::Streams);
    }
    word(node, &declared::CONNECTIONS, &CONNECTIONS, problems)
}

const CONNECTIONS: [(&str, ConnectionsSpec); 3] = [
    ("per_user", ConnectionsSpec::PerUser),
    ("per_iteration", ConnectionsSpec::PerIteration),
    ("shared", ConnectionsSpec::Shared),
];

const ADDRESS_CHOICES: [(&str, AddressChoiceSpec); 3] = [
    ("rotate", AddressChoiceSpec::Rotate),
    ("first", AddressChoiceSpec::First),
    ("random", AddressChoiceSpec::Random),
];

/// Headers that belong to the connection.
const NOT_OURS: [HeaderName; 3] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// The name of a header that a scenario may set.
pub fn own_header(name: &Spanned<String>, problems: &mut Problems) -> Option<HeaderName> {
    let what = match HeaderName::try_from(name.value.to_ascii_lowercase()) {
        Ok(known) if !NOT_OURS.contains(&known) => return Some(known),
        Ok(_) => "set here: it belongs to the connection",
        Err(_) => "a header's name",
    };
    problems.report(name.span, ProblemKind::BadHeader { found: name.value.clone(), what });
    None
}

fn correlation(node: Option<&Node>, problems: &mut Problems) -> Vec<Spanned<CorrelationSpec>> {
    let Some(node) = node else { return vec![] };
    texts(node, problems)
        .into_iter()
        .filter_map(|text| {
            let name = own_header(&text, problems)?;
            if name == header::HOST {
                let (found, what) = (text.value, "drawn at random: it says whose request it is");
                problems.report(text.span, ProblemKind::BadHeader { found, what });
                return None;
            }
            let name = name.as_str().to_owned();
            let correlation = match name.as_str() {
                "traceparent" => CorrelationSpec::TraceParent,
                _ => CorrelationSpec::Id(name),
            };
            Some(Spanned::new(correlation, text.span))
        })
        .collect()
}

fn tls(node: &Node, problems: &mut Problems) -> TlsSpec {
    let Some(mut fields) = Fields::of(node, &TLS, problems) else { return TlsSpec::default() };
    let tls = TlsSpec {
        ca: fields.node("ca", problems).map(|node| texts(node, problems)).unwrap_or_default(),
        cert: fields.read("cert", problems),
        key: fields.read("key", problems),
        insecure: fields.or("insecure", false, problems),
        server_name: fields.read("server_name", problems),
    };
    fields.finish(problems);
    tls
}

fn addresses(node: Option<&Node>, problems: &mut Problems) -> Vec<AddressRange> {
    let Some(node) = node else { return vec![] };
    texts(node, problems)
        .into_iter()
        .filter_map(|text| {
            let range = address_range(&text.value);
            if range.is_none() {
                problems.report(text.span, ProblemKind::BadAddresses { found: text.value });
            }
            range
        })
        .collect()
}

/// `127.0.0.1`, `127.0.1.0/24`, `::1`, `fd00::/64`, `10.0.0.5-10.0.0.20`. Network and broadcast address of an
/// IPv4 range of four or more are left out: many systems refuse to send from them.
fn address_range(text: &str) -> Option<AddressRange> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) =
            (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let count = match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                u64::from(u32::from(b).checked_sub(u32::from(a))?) + 1
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                u64::try_from(u128::from(b).checked_sub(u128::from(a))?).ok()?.checked_add(1)?
            }
            _ => return None,
        };
        return Some(AddressRange { first, count });
    }
    let Some((address, bits)) = text.split_once('/') else {
        return Some(AddressRange { first: text.parse().ok()?, count: 1 });
    };
    let bits: u32 = bits.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let size = 1_u64 << 32_u32.checked_sub(bits)?;
            let first = (u64::from(u32::from(address)) / size) * size;
            let (skip, count) = if size >= 4 { (1, size - 2) } else { (0, size) };
            let first = u32::try_from(first + skip).ok()?;
            Some(AddressRange { first: IpAddr::V4(first.into()), count })
        }
        IpAddr::V6(address) => {
            let host_bits = 128_u32.checked_sub(bits)?;
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            let count = 1_u64.checked_shl(host_bits).unwrap_or(u64::MAX);
            Some(AddressRange { first: IpAddr::V6((u128::from(address) & mask).into()), count })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_ranges_count_their_usable_addresses() {
        let range = |text| address_range(text).map(|range| (range.first.to_string(), range.count));
        assert_eq!(range("127.0.1.0/24"), Some(("127.0.1.1".into(), 254)));
        assert_eq!(range("127.0.0.1"), Some(("127.0.0.1".into(), 1)));
        assert_eq!(range("10.0.0.5-10.0.0.20"), Some(("10.0.0.5".into(), 16)));
        assert_eq!(range("fd00::9/64"), Some(("fd00::".into(), u64::MAX)));
        for wrong in ["10.0.0.9-10.0.0.1", "10.0.0.0/33", "localhost", "10.0.0.0/-1", "::/129"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
