//! A proxy that requests go through, and the hosts that are reached without it.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Target;

/// A proxy that requests go through (RFC 9110 §3.7). Requests to `http` name their whole URL; for `https`, HTTP/2 and
/// `WebSockets` the proxy opens a tunnel (`CONNECT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyPlan {
    /// The host as written: a name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of `proxy-authorization`; empty for none.
    pub authorization: String,
    /// What must never be shown of it: the password, and the value that is made of it.
    pub secrets: Vec<String>,
    /// Hosts that are reached directly.
    pub direct: Vec<DirectHost>,
}

impl ProxyPlan {
    /// The proxy at `text`, for all hosts.
    ///
    /// # Errors
    /// Why the text names none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // `proxy:3128`, as the environment often has it.
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).map_err(|_| "it cannot be read as one")?;
        if url.scheme() != "http" {
            return Err("proxies are spoken to over plain HTTP only (`http://`)");
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err("the host is missing"),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("a proxy has no path");
        }
        let port = url.port_or_known_default().ok_or("the port is missing")?;
        let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
        let password = decoded(url.password().unwrap_or_default());
        let pair = [&decoded(url.username()), b":".as_slice(), &password].concat();
        let authorization =
            if pair == b":" { String::new() } else { format!("Basic {}", STANDARD.encode(pair)) };
        let secrets = [String::from_utf8_lossy(&password).into_owned(), authorization.clone()];
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        Ok(Self { host, port, authorization, secrets, direct: vec![] })
    }

    /// Whether requests to `host` and `port` go through it.
    pub fn serves(&self, host: &str, port: u16) -> bool {
        !self.direct.iter().any(|direct| direct.is(host, port))
    }

    /// Whether requests to `target` go through it.
    pub fn serves_target(&self, target: &Target) -> bool {
        self.serves(&target.host, target.port)
    }

    /// The proxy as a URL, without what proves who asks.
    pub fn url(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("http://{host}:{}", self.port)
    }
}

/// Hosts that are reached without the proxy, as `NO_PROXY` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectHost {
    /// All (`*`).
    Any,
    /// A name and all names below it, on one port or on every.
    Name(String, Option<u16>),
    /// Addresses with the same first bits.
    Network(IpAddr, u32),
}

impl DirectHost {
    /// What one entry means: `*`, `example.com`, `.example.com`, `example.com:8080`, `10.0.0.1`, `10.0.0.0/8`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
            return (bits <= width(address)).then_some(Self::Network(address, bits));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Network(address, width(address)));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let name = name.trim_start_matches("*.").trim_matches(['.', '[', ']']);
        let is_name = |c: char| !c.is_whitespace() && !matches!(c, '*' | '/' | ',');
        let fits = !name.is_empty() && name.chars().all(is_name);
        fits.then(|| Self::Name(name.to_ascii_lowercase(), port))
    }

    fn is(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Name(name, on) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                let fits = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                fits && on.is_none_or(|on| on == port)
            }
            Self::Network(first, bits) => {
                host.parse().is_ok_and(|address| same_bits(*first, address, *bits))
            }
        }
    }
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn same_bits(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let differ = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            u128::from(one.to_bits() ^ other.to_bits()).checked_shr(32 - bits)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(128 - bits)
        }
        _ => return false,
    };
    // A shift by the whole width leaves nothing.
    differ.unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_is_taken_apart() {
        let proxy = ProxyPlan::parse("http://ada:p%40ss@[::1]:3128/").expect("a proxy");
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 3128));
        // RFC 7617: base64 of `ada:p@ss`.
        assert_eq!(proxy.authorization, "Basic YWRhOnBAc3M=");
        assert_eq!(proxy.secrets, ["p@ss", "Basic YWRhOnBAc3M="]);
        assert_eq!(proxy.url(), "http://[::1]:3128");
        let plain = ProxyPlan::parse("proxy.example:3128").expect("a proxy");
        assert_eq!((plain.host.as_str(), plain.authorization.as_str()), ("proxy.example", ""));
        for wrong in ["https://p:1", "socks5://p:1080", "http://", "http://p/x", "http://p?x"] {
            assert!(ProxyPlan::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_that_are_named_are_reached_directly() {
        let direct = |entry: &str, host: &str, port| {
            let entry = DirectHost::parse(entry).expect(entry);
            entry.is(host, port)
        };
        assert!(direct("*", "a.example", 80));
        assert!(direct("example.com", "example.com", 80));
        assert!(direct("example.com", "API.Example.com", 80));
        assert!(direct(".example.com", "example.com", 80));
        assert!(!direct("example.com", "notexample.com", 80));
        assert!(direct("example.com:8080", "example.com", 8080));
        assert!(!direct("example.com:8080", "example.com", 80));
        assert!(direct("10.0.0.0/8", "10.9.8.7", 80));
        assert!(!direct("10.0.0.0/8", "11.0.0.1", 80));
        assert!(direct("0.0.0.0/0", "11.0.0.1", 80));
        assert!(direct("127.0.0.1", "127.0.0.1", 80));
        assert!(!direct("127.0.0.1", "127.0.0.2", 80));
        assert!(direct("[fd00::1]", "fd00::1", 80));
        assert!(direct("fd00::/8", "fd12::1", 80));
        assert!(!direct("10.0.0.0/8", "fd12::1", 80));
        for wrong in ["", " ", "a b", "10.0.0.0/33", "x/8", "host:port", "."] {
            assert_eq!(DirectHost::parse(wrong), None, "{wrong:?}");
        }
    }
}
