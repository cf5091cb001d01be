//! A user's cookies, by the rules of RFC 6265 and, where browsers go by its successor (6265bis), by that.

mod date;
mod set_cookie;
#[cfg(test)]
mod tests;

use url::{Host, Url};

use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::ResponseHeaders;

use set_cookie::SetCookie;

/// More than any site sets: browsers keep 150 to 180 a domain.
const MAX_COOKIES: usize = 300;

/// The time of a response: on the run's clock, and in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct CookieTime {
    pub(super) run: RunTime,
    pub(super) unix: i64,
}

/// Cookies of one user, oldest first. Takes no memory until the first one is set.
#[derive(Debug, Default)]
pub(super) struct CookieJar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: Box<str>,
    value: Box<str>,
    domain: Box<str>,
    path: Box<str>,
    /// Only for the very host that set it.
    host_only: bool,
    secure: bool,
    expires: RunTime,
}

impl CookieJar {
    /// Keeps what a response from `url` sets. Cookies that the rules forbid are passed over, as browsers do.
    pub(super) fn absorb(&mut self, headers: &dyn ResponseHeaders, url: &Url, now: CookieTime) {
        headers.each("set-cookie", &mut |value| {
            if let Ok(text) = std::str::from_utf8(value)
                && let Some(set) = SetCookie::parse(text)
            {
                self.store(&set, url, now);
            }
        });
    }

    /// RFC 6265 §5.3.
    fn store(&mut self, set: &SetCookie<'_>, url: &Url, now: CookieTime) {
        let Some(cookie) = Cookie::new(set, url, now) else { return };
        let same = |known: &Cookie| {
            known.name == cookie.name && known.domain == cookie.domain && known.path == cookie.path
        };
        let at = self.0.iter().position(same);
        // What was set over TLS stays as it is (6265bis §5.7).
        if at.is_some_and(|at| self.0[at].secure) && !is_trustworthy(url) {
            return;
        }
        match (at, cookie.expires <= now.run) {
            (Some(at), true) => drop(self.0.remove(at)),
            // It keeps its age, and with it its place in the header.
            (Some(at), false) => self.0[at] = cookie,
            (None, true) => {}
            (None, false) => self.0.push(cookie),
        }
        if self.0.len() > MAX_COOKIES {
            self.0.retain(|cookie| cookie.expires > now.run);
            self.0.drain(..self.0.len().saturating_sub(MAX_COOKIES));
        }
    }

    /// The `cookie` header for a request to `url` that has the cookies of `own` already: those, and behind them those
    /// of other names that are kept. Empty where none is kept for it (RFC 6265 §5.4).
    pub(super) fn header(&self, url: &Url, own: &str, now: RunTime) -> String {
        let own_names: Vec<&str> =
            own.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim())).collect();
        let fits =
            |cookie: &&Cookie| cookie.goes_to(url, now) && !own_names.contains(&&*cookie.name);
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(fits).collect();
        // Longer paths first; the sort is stable and the jar is in order of age.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut header = String::new();
        for cookie in cookies {
            if header.is_empty() {
                header.push_str(own);
            }
            if !header.is_empty() {
                header.push_str("; ");
            }
            if !cookie.name.is_empty() {
                header.push_str(&cookie.name);
                header.push('=');
            }
            header.push_str(&cookie.value);
        }
        header
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

impl Cookie {
    /// None where the rules forbid it.
    fn new(set: &SetCookie<'_>, url: &Url, now: CookieTime) -> Option<Self> {
        let host = url.host_str()?;
        let wanted = set.domain.as_deref().unwrap_or_default();
        // A domain without a dot is a public suffix, or the host itself.
        if !wanted.is_empty()
            && !(domain_matches(url, wanted) && (wanted.contains('.') || wanted == host))
        {
            return None;
        }
        let (domain, host_only) = match wanted {
            "" => (host, true),
            domain => (domain, false),
        };
        let trustworthy = is_trustworthy(url);
        let is_prefixed = |prefix: &str| {
            set.name.get(..prefix.len()).is_some_and(|name| name.eq_ignore_ascii_case(prefix))
        };
        let path = set.path.unwrap_or_else(|| default_path(url.path()));
        let is_host = is_prefixed("__Host-");
        let is_secure = set.secure && trustworthy;
        let is_allowed = (!set.secure || trustworthy)
            && (is_secure || !(is_host || is_prefixed("__Secure-")))
            && (!is_host || host_only && set.path == Some("/"));
        if !is_allowed {
            return None;
        }
        let left = |seconds: i64| match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => now.run + Nanos::from_secs(seconds.min(MAX_LIFETIME)),
            _ => RunTime::ZERO,
        };
        // `max-age` comes before `expires` (RFC 6265 §5.3).
        let expires = match (set.max_age, set.expires) {
            (Some(seconds), _) => left(seconds),
            (None, Some(at)) => left(at.saturating_sub(now.unix)),
            (None, None) => RunTime::NEVER,
        };
        Some(Self {
            name: set.name.into(),
            value: set.value.into(),
            domain: domain.into(),
            path: path.into(),
            host_only,
            secure: set.secure,
            expires,
        })
    }

    /// Whether it belongs to a request to `url`.
    fn goes_to(&self, url: &Url, now: RunTime) -> bool {
        let is_host = || url.host_str().is_some_and(|host| *host == *self.domain);
        let host_fits = is_host() || (!self.host_only && domain_matches(url, &self.domain));
        host_fits
            && path_matches(url.path(), &self.path)
            && (!self.secure || is_trustworthy(url))
            && self.expires > now
    }
}

/// No run lasts longer: 400 days, which is also the most that browsers keep a cookie.
const MAX_LIFETIME: u64 = 400 * 86_400;

/// TLS; or this very machine, which browsers trust as much.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// RFC 6265 §5.1.3: the host itself, or a name below `domain`; addresses have nothing below them.
fn domain_matches(url: &Url, domain: &str) -> bool {
    let Some(host) = url.host_str() else { return false };
    let is_name = matches!(url.host(), Some(Host::Domain(_)));
    let below = |host: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || (is_name && below(host))
}

/// RFC 6265 §5.1.4.
fn path_matches(path: &str, of_cookie: &str) -> bool {
    path.strip_prefix(of_cookie)
        .is_some_and(|rest| rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'))
}

/// RFC 6265 §5.1.4: up to the last slash.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}
