//! Where load may go.

use std::net::IpAddr;

/// Hosts outside loopback and private ranges that may be loaded, because the scenario lists them and the
/// user said so on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPermit {
    hosts: Vec<String>,
}

impl HostPermit {
    /// A permit for `hosts`, besides loopback and private addresses.
    pub fn new(hosts: Vec<String>) -> Self {
        Self { hosts }
    }

    /// Whether requests may go to `address`, to which `host` resolved.
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        is_local(address) || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Loopback, private (RFC 1918), link-local, and IPv6's unique local addresses.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_local(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(permit: &HostPermit, host: &str, address: &str) -> bool {
        permit.allows(host, address.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_need_a_permit() {
        let none = HostPermit::default();
        for local in ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "192.168.0.1", "fd00::1"] {
            assert!(allows(&none, "x", local), "{local}");
        }
        for public in ["192.0.2.1", "203.0.113.7", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
            assert!(!allows(&none, "x", public), "{public}");
        }
        let some = HostPermit::new(vec!["staging.example".into()]);
        assert!(allows(&some, "Staging.example", "192.0.2.1"));
        assert!(!allows(&some, "other.example", "192.0.2.1"));
    }
}
