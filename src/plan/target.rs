//! Where requests go.

/// A server: scheme, host, port, and a path before all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host as written: a name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// A path put before every relative URL, without a trailing slash; mostly empty.
    pub prefix: String,
}

impl Target {
    /// The value of the `Host` header: the port only where it is not the scheme's own, brackets around IPv6.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The target as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.prefix)
    }
}
