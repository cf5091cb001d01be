//! Target and defaults of every request.

use url::{Host, Url};

use crate::{
    AddressChoice, ClientTls, ConnectionUse, Correlation, DirectHost, DnsPlan, HttpPlan,
    HttpVersion, Overrides, ProxyPlan, SourceNet, Target,
};
use plimsoll_scenario::schema::{self, Scenario};
use plimsoll_scenario::{ProblemKind, Problems, SourceFiles, Spanned};
use plimsoll_units::{Bytes, Nanos};

/// The longest time from send to last byte, where nothing else is said.
pub(super) const TIMEOUT: Nanos = Nanos::from_secs(10);

pub(super) fn target(
    scenario: &Scenario,
    overrides: &Overrides,
    problems: &mut Problems,
) -> Option<Target> {
    let text = match &overrides.target {
        Some(target) => Spanned::on_command_line(target),
        None => scenario.target.clone(),
    };
    match parse_target(&text) {
        Ok(target) => Some(target),
        Err(reason) => {
            // An empty one has been reported as missing.
            if !text.value.is_empty() {
                let found = without_user(&text.value);
                problems.report(text.span, ProblemKind::BadUrl { found, reason });
            }
            None
        }
    }
}

/// A URL to be shown: who asks, and by which password, is nobody's business.
pub(super) fn without_user(url: &str) -> String {
    let authority = url.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (_, host) = rest[..end].rsplit_once('@')?;
        Some(format!("{scheme}://…@{host}{}", &rest[end..]))
    });
    authority.unwrap_or_else(|| url.to_owned())
}

pub(super) fn parse_target(text: &Spanned<String>) -> Result<Target, &'static str> {
    if text.value.contains("{{") {
        return Err("templates are for requests; a variable is written `${vars.NAME}`");
    }
    let url = Url::parse(&text.value).map_err(|_| "it cannot be read as one")?;
    let tls = match url.scheme() {
        "http" => false,
        "https" => true,
        _ => return Err("only http and https are spoken"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("user and password belong into `basic` of a request");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query or fragment belongs to a request");
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err("the host is missing"),
    };
    let port = url.port_or_known_default().ok_or("the port is missing")?;
    if port == 0 {
        return Err("port 0 cannot be connected to");
    }
    Ok(Target { tls, host, port, prefix: url.path().trim_end_matches('/').to_owned() })
}

pub(super) fn plan(
    scenario: &Scenario,
    sources: &SourceFiles,
    problems: &mut Problems,
) -> HttpPlan {
    let http = &scenario.http;
    HttpPlan {
        version: match http.version {
            Some(schema::HttpVersionSpec::Http1) => HttpVersion::Http1,
            Some(schema::HttpVersionSpec::Http2) => HttpVersion::Http2,
            Some(schema::HttpVersionSpec::Auto) | None => HttpVersion::Auto,
        },
        connections: match http.connections {
            Some(schema::ConnectionsSpec::PerUser) | None => ConnectionUse::PerUser,
            Some(schema::ConnectionsSpec::PerIteration) => ConnectionUse::PerIteration,
            Some(schema::ConnectionsSpec::Shared) => ConnectionUse::Shared,
            Some(schema::ConnectionsSpec::Streams(count)) => ConnectionUse::Streams(count),
        },
        proxy: proxy(scenario, problems),
        dns: DnsPlan {
            choice: match http.dns {
                Some(schema::AddressChoiceSpec::Rotate) | None => AddressChoice::Rotate,
                Some(schema::AddressChoiceSpec::First) => AddressChoice::First,
                Some(schema::AddressChoiceSpec::Random) => AddressChoice::Random,
            },
            lifetime: http.dns_ttl.unwrap_or(Nanos::from_secs(30)),
        },
        source_ips: nets(&http.source_ips),
        forwarded_for: nets(&http.forwarded_for),
        correlation: http.correlation.iter().map(correlation).collect(),
        tls: tls(scenario, sources),
        connect_timeout: http.connect_timeout.unwrap_or(Nanos::from_secs(5)),
        max_redirects: http.max_redirects.unwrap_or(5),
        max_body: http.max_body.unwrap_or(Bytes::new(16 << 20)),
        max_head: http.max_head.unwrap_or(Bytes::new(64 << 10)),
        max_memory: http.max_memory,
        cookies: http.cookies.unwrap_or(true),
        compression: http.compression.unwrap_or(true),
    }
}

/// An empty text, as an unset variable leaves it, is no proxy.
fn proxy(scenario: &Scenario, problems: &mut Problems) -> Option<ProxyPlan> {
    let direct = scenario.http.no_proxy.iter().flat_map(|entry| {
        let items = entry.value.split(',').filter(|item| !item.trim().is_empty());
        items.map(|item| Spanned::new(item.to_owned(), entry.span))
    });
    let mut known = vec![];
    for entry in direct {
        match DirectHost::parse(&entry.value) {
            Some(host) => known.push(host),
            None => problems.report(entry.span, ProblemKind::BadAddresses { found: entry.value }),
        }
    }
    let text = scenario.http.proxy.as_ref().filter(|text| !text.value.is_empty())?;
    match ProxyPlan::parse(&text.value) {
        Ok(proxy) => Some(ProxyPlan { direct: known, ..proxy }),
        Err(reason) => {
            // What it is may be a secret.
            let found = "proxy".to_owned();
            problems.report(text.span, ProblemKind::BadUrl { found, reason });
            None
        }
    }
}

fn nets(ranges: &[schema::AddressRange]) -> Vec<SourceNet> {
    ranges.iter().map(|range| SourceNet { first: range.first, count: range.count }).collect()
}

fn correlation(header: &Spanned<schema::CorrelationSpec>) -> Correlation {
    match &header.value {
        schema::CorrelationSpec::TraceParent => Correlation::TraceParent,
        schema::CorrelationSpec::Id(name) => Correlation::Id(name.clone()),
    }
}

fn tls(scenario: &Scenario, sources: &SourceFiles) -> ClientTls {
    let tls = &scenario.http.tls;
    let path =
        |file: &Spanned<String>| sources.folder_of(file.span, &scenario.folder).join(&file.value);
    ClientTls {
        ca: tls.ca.iter().map(path).collect(),
        identity: tls.cert.as_ref().map(path).zip(tls.key.as_ref().map(path)),
        insecure: tls.insecure,
        server_name: tls.server_name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Target, &'static str> {
        parse_target(&Spanned::on_command_line(text))
    }

    #[test]
    fn url_is_shown_without_its_user() {
        for (url, shown) in [
            ("http://ada:pw@a.test:81/x@y", "http://…@a.test:81/x@y"),
            ("https://key@a.test", "https://…@a.test"),
            ("http://a.test/x@y", "http://a.test/x@y"),
            ("ada:pw", "ada:pw"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }

    #[test]
    fn target_is_taken_apart() {
        let target = parsed("https://[::1]:8443/base/").expect("valid");
        assert_eq!(target.url(), "https://[::1]:8443/base");
        assert_eq!(parsed("http://a.example").expect("valid").port, 80);
    }

    #[test]
    fn target_that_cannot_be_loaded_is_refused() {
        for text in ["ftp://a", "127.0.0.1:8080", "http://u:p@a", "http://a/?q", "http://a:0", ""] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
