//! Names to addresses, and the addresses that connections come from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use crate::metrics::ErrorClass;
use crate::plan::{SourceNet, Target};
use crate::units::{Nanos, RunTime};

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

/// How long a resolved name is used before it is asked for again.
const NAME_LIFETIME: Nanos = Nanos::from_secs(30);

/// Addresses with the time until which they are good.
type CachedAddresses = (Rc<[SocketAddr]>, RunTime);

/// Resolves names, and remembers them for a while.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    known: RefCell<HashMap<(String, u16), CachedAddresses>>,
}

impl Resolver {
    /// The addresses of an origin that is an address or was resolved lately.
    pub(super) fn known(&self, origin: &Origin, now: RunTime) -> Option<Rc<[SocketAddr]>> {
        if let Ok(address) = origin.host.parse::<IpAddr>() {
            return Some(Rc::new([SocketAddr::new(address, origin.port)]));
        }
        let known = self.known.borrow();
        let (addresses, until) = known.get(&(origin.host.clone(), origin.port))?;
        (*until > now).then(|| addresses.clone())
    }

    /// Asks the system's resolver, and keeps only addresses that may be loaded.
    pub(super) async fn look_up(
        &self,
        origin: &Origin,
        now: RunTime,
    ) -> Result<Rc<[SocketAddr]>, TransportError> {
        let failed = |why: String| {
            TransportError::new(ErrorClass::Dns, format!("cannot resolve `{}`: {why}", origin.host))
        };
        let found = tokio::net::lookup_host((origin.host.as_str(), origin.port))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let addresses: Rc<[SocketAddr]> = found.collect();
        if addresses.is_empty() {
            return Err(failed("the name has no address".to_owned()));
        }
        let key = (origin.host.clone(), origin.port);
        self.known.borrow_mut().insert(key, (addresses.clone(), now + NAME_LIFETIME));
        Ok(addresses)
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
