//! How connections behave: target, versions, TLS, sources, limits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::ProxyPlan;
use plimsoll_units::{Bytes, Nanos};

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; over plain TCP with prior knowledge.
    Http2,
    /// What ALPN agrees on; HTTP/1.1 over plain TCP.
    Auto,
}

/// Who uses a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionUse {
    /// Each user has its own, like a browser, and keeps it over its iterations.
    PerUser,
    /// Each user has its own and begins every iteration without one: every arrival is a new visitor.
    PerIteration,
    /// All users of a worker share a pool.
    Shared,
    /// All users share so many HTTP/2 connections, at least one a worker: their requests are streams on them.
    Streams(u32),
}

/// Which of a name's addresses a new connection tries first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressChoice {
    /// Each in turn.
    Rotate,
    /// The first, in the order of the system's resolver.
    First,
    /// Any, drawn by the seed.
    Random,
}

/// How names become addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsPlan {
    /// Which address is tried first.
    pub choice: AddressChoice,
    /// How long what was looked up is good.
    pub lifetime: Nanos,
}

/// A range of source addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceNet {
    /// The first address.
    pub first: IpAddr,
    /// How many addresses, at least 1.
    pub count: u64,
}

impl SourceNet {
    /// How many addresses all of `nets` have together.
    pub fn total(nets: &[Self]) -> u64 {
        nets.iter().fold(0, |sum, net| sum.saturating_add(net.count))
    }

    /// The address of user `number`: users take turns over `nets`, in order. None where there are no addresses.
    pub fn of_user(nets: &[Self], number: u64) -> Option<IpAddr> {
        let mut index = number.checked_rem(Self::total(nets))?;
        for net in nets {
            if index < net.count {
                return Some(net.nth(index));
            }
            index -= net.count;
        }
        None
    }

    fn nth(self, index: u64) -> IpAddr {
        match self.first {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().wrapping_add(index as u32)).into(),
            IpAddr::V6(v6) => {
                Ipv6Addr::from_bits(v6.to_bits().wrapping_add(u128::from(index))).into()
            }
        }
    }
}

/// A header that makes each request traceable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correlation {
    /// W3C Trace Context `traceparent`.
    TraceParent,
    /// A header of this name with a random UUID.
    Id(String),
}

/// What the client trusts and shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// PEM files of further roots; absolute or relative to the working directory.
    pub ca: Vec<PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Accept any certificate.
    pub insecure: bool,
    /// The name asked for and checked; the target's host if empty.
    pub server_name: String,
}

impl HttpPlan {
    /// How many addresses the target sees; 0 where that is the system's choice.
    pub fn addresses(&self) -> u64 {
        let forwarded = SourceNet::total(&self.forwarded_for);
        if forwarded > 0 { forwarded } else { SourceNet::total(&self.source_ips) }
    }
}

/// How connections behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPlan {
    /// Which HTTP is spoken.
    pub version: HttpVersion,
    /// Who uses a connection.
    pub connections: ConnectionUse,
    /// What requests go through, if not straight to their target.
    pub proxy: Option<ProxyPlan>,
    /// How names become addresses.
    pub dns: DnsPlan,
    /// Where connections come from; empty for the system's choice. User `n` has address `n mod total`.
    pub source_ips: Vec<SourceNet>,
    /// What `x-forwarded-for` says, for edges that trust the generator; empty for no such header. User `n` is
    /// address `n mod total`.
    pub forwarded_for: Vec<SourceNet>,
    /// Headers that make each request traceable.
    pub correlation: Vec<Correlation>,
    /// Trust.
    pub tls: ClientTls,
    /// The longest time for connecting, and again for the TLS handshake.
    pub connect_timeout: Nanos,
    /// The most redirects followed.
    pub max_redirects: u8,
    /// The largest body read, as sent and again as decompressed.
    pub max_body: Bytes,
    /// The largest head of a response.
    pub max_head: Bytes,
    /// What responses and streams may hold in memory together, where that does not follow from the users.
    pub max_memory: Option<Bytes>,
    /// Whether users keep cookies.
    pub cookies: bool,
    /// Whether `accept-encoding` is sent and bodies that are looked into are decompressed.
    pub compression: bool,
}
