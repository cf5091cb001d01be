//! Which hosts belong together: `www.shop.example` and `api.shop.example` are one site.

use std::net::IpAddr;

/// Second-level domains below which anyone registers a name, in countries that have them.
const SECOND_LEVEL: [&str; 9] = ["co", "com", "org", "net", "gov", "edu", "ac", "or", "ne"];

/// Domains below which each name is somebody else's (from the private part of <https://publicsuffix.org/list/>).
const SHARED: [&str; 16] = [
    "github.io",
    "gitlab.io",
    "vercel.app",
    "netlify.app",
    "herokuapp.com",
    "azurewebsites.net",
    "cloudfront.net",
    "amazonaws.com",
    "web.app",
    "firebaseapp.com",
    "pages.dev",
    "workers.dev",
    "onrender.com",
    "fly.dev",
    "appspot.com",
    "run.app",
];

/// First labels of hosts that count what users do.
const COUNTERS: [&str; 18] = [
    "analytics",
    "metrics",
    "telemetry",
    "tracking",
    "tracker",
    "track",
    "stats",
    "collect",
    "collector",
    "events",
    "beacon",
    "pixel",
    "ads",
    "ad",
    "tags",
    "gtm",
    "sentry",
    "rum",
];

/// Whether two hosts, with ports or without, are of one site.
pub(super) fn same_site(a: &str, b: &str) -> bool {
    let (a, b) = (without_port(a), without_port(b));
    a == b || (is_name(a) && is_name(b) && registered(a) == registered(b))
}

/// Whether a host is there to count what users do.
pub(super) fn watches_users(host: &str) -> bool {
    host.split('.').next().is_some_and(|label| COUNTERS.contains(&label))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name of several labels: a site is a part of it.
fn is_name(host: &str) -> bool {
    host.contains('.') && host.parse::<IpAddr>().is_err() && !host.starts_with('[')
}

/// The domain that was registered.
fn registered(host: &str) -> &str {
    let shared = SHARED
        .iter()
        .any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')));
    let labels: Vec<&str> = host.rsplit('.').collect();
    let country = labels[0].len() == 2 && SECOND_LEVEL.contains(labels.get(1).unwrap_or(&""));
    let length = if shared || country { 3 } else { 2 };
    let bytes: usize = labels.iter().take(length).map(|label| label.len() + 1).sum();
    &host[host.len().saturating_sub(bytes - 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_site_are_told_from_others() {
        for (a, b) in [
            ("www.shop.test", "api.shop.test:8443"),
            ("localhost:3000", "localhost:8080"),
            ("shop.co.uk", "api.shop.co.uk"),
            ("127.0.0.1:80", "127.0.0.1:81"),
        ] {
            assert!(same_site(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("shop.test", "tracker.test"),
            ("shop.co.uk", "other.co.uk"),
            ("shop.github.io", "other.github.io"),
            ("127.0.0.1", "128.0.0.1"),
            ("localhost", "tracker.localhost"),
        ] {
            assert!(!same_site(a, b), "{a} {b}");
        }
        assert!(watches_users("metrics.shop.test") && !watches_users("api.shop.test"));
    }
}
