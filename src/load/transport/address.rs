//! Where connections go, whether they may, and where they come from.

use std::net::{IpAddr, SocketAddr};

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{ProxyPlan, SourceNet, Target};

use super::{HostPermit, TransportError};

/// Scheme, host and port: what a connection is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of the `Host` header.
    pub(super) authority: String,
}

impl Origin {
    pub(super) fn of_target(target: &Target) -> Self {
        Self {
            tls: target.tls,
            host: target.host.clone(),
            port: target.port,
            authority: target.authority(),
        }
    }

    /// Where a proxy is.
    pub(super) fn of_proxy(proxy: &ProxyPlan) -> Self {
        let ProxyPlan { host, port, .. } = proxy;
        let target = Target { tls: false, host: host.clone(), port: *port, prefix: String::new() };
        Self::of_target(&target)
    }

    /// The origin of an absolute URL, if it is http or https with a host.
    pub(super) fn of_url(url: &url::Url) -> Option<Self> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let target =
            Target { tls, host, port: url.port_or_known_default()?, prefix: String::new() };
        Some(Self::of_target(&target))
    }

    /// The origin with a path, as a URL.
    pub(super) fn url(&self, path: &str) -> Option<url::Url> {
        self.url_as("", path)
    }

    /// The same under the name `host`, if there is one: who is asked for under another name answers under that.
    pub(super) fn url_as(&self, host: &str, path: &str) -> Option<url::Url> {
        let scheme = if self.tls { "https" } else { "http" };
        let authority = if host.is_empty() { self.authority.as_str() } else { host };
        url::Url::parse(&format!("{scheme}://{authority}{path}")).ok()
    }
}

/// Refuses addresses outside loopback and private ranges without a permit.
pub(super) fn check_permit(
    permit: &HostPermit,
    origin: &Origin,
    addresses: &[SocketAddr],
) -> Result<(), TransportError> {
    match addresses.iter().find(|address| !permit.allows(&origin.host, address.ip())) {
        None => Ok(()),
        Some(address) => Err(TransportError::new(
            ErrorClass::Redirect,
            format!(
                "`{}` is {}, outside loopback and private ranges, and not in `allow_hosts`",
                origin.host,
                address.ip()
            ),
        )),
    }
}

/// The addresses that connections come from.
#[derive(Debug, Clone, Default)]
pub struct SourcePool {
    nets: Vec<SourceNet>,
    total: u64,
}

impl SourcePool {
    /// All addresses of `nets`, in order.
    pub fn new(nets: &[SourceNet]) -> Self {
        let total = nets.iter().map(|net| net.count).sum();
        Self { nets: nets.to_vec(), total }
    }

    /// How many addresses there are; 0 means the system chooses.
    pub const fn len(&self) -> u64 {
        self.total
    }

    /// Whether the system chooses.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The address of user `number`: users take turns.
    pub fn of_user(&self, number: u64) -> Option<IpAddr> {
        SourceNet::of_user(&self.nets, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_take_turns_over_all_source_nets() {
        let net = |first: &str, count| SourceNet { first: first.parse().expect("valid"), count };
        let pool = SourcePool::new(&[net("127.0.1.254", 2), net("127.0.9.1", 1)]);
        let addresses: Vec<String> =
            (0..4).filter_map(|n| pool.of_user(n)).map(|ip| ip.to_string()).collect();
        assert_eq!(addresses, ["127.0.1.254", "127.0.1.255", "127.0.9.1", "127.0.1.254"]);
        assert_eq!(SourcePool::default().of_user(3), None);
    }
}
