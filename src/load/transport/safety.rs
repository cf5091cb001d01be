//! Where load may go.

use std::net::{IpAddr, Ipv6Addr};

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
        is_local(address) || self.names(host)
    }

    /// Whether `host` may be loaded wherever it is.
    pub(super) fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Loopback, private (RFC 1918), and IPv6's unique local addresses. Link-local ones are not among them: clouds answer
/// there with what a machine is and may do, and that is nobody's target by mistake.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_local(IpAddr::V4(v4)),
            None => v6.is_loopback() || (v6.is_unique_local() && !METADATA.contains(&v6)),
        },
    }
}

/// Where clouds answer within the unique local addresses: AWS's, and Google's.
const METADATA: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

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
        let metadata = [
            "169.254.169.254",
            "169.254.1.1",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.0.1",
        ];
        for link_local in metadata {
            assert!(!allows(&none, "x", link_local), "{link_local}");
            assert!(allows(&HostPermit::new(vec!["x".into()]), "x", link_local), "{link_local}");
        }
        let some = HostPermit::new(vec!["staging.example".into()]);
        assert!(allows(&some, "Staging.example", "192.0.2.1"));
        assert!(!allows(&some, "other.example", "192.0.2.1"));
    }
}
