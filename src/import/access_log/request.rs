//! Which requests of a log can be repeated, and their URLs as they go over the wire.

use std::borrow::Cow;

use super::entry::LogEntry;
use crate::secrets::{DEFAULT, is_secret, is_secret_segment};

/// Methods of HTTP, `WebDAV`, caches and the like.
const METHODS: [&str; 20] = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "ACL",
    "PURGE",
    "TRACE",
];

/// A request that can be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoggedRequest {
    pub(super) method: &'static str,
    /// The virtual host; empty where the log tells none.
    pub(super) host: String,
    /// Path and query, encoded.
    pub(super) url: String,
    /// Keys of secrets that were taken out, and `path` for a segment.
    pub(super) hidden: Vec<String>,
}

/// The request of a line, or why it is left out.
pub(super) fn request(entry: &LogEntry<'_>) -> Result<LoggedRequest, Cow<'static, str>> {
    if entry.method == "OPTIONS" {
        return Err(Cow::Borrowed("OPTIONS: mostly asked by browsers themselves, for CORS"));
    }
    let method = METHODS.into_iter().find(|known| *known == entry.method);
    let method = method.ok_or_else(|| format!("no method of HTTP: {:.20}", entry.method))?;
    if let 400..=428 | 430..=498 = entry.status {
        return Err(answered(entry.status));
    }
    let (host, target) = split_host(&entry.target);
    if !target.starts_with(b"/") {
        return Err(Cow::Borrowed("its path is not one of a URL"));
    }
    let host = host.map_or_else(
        || entry.host.as_deref().map_or_else(String::new, plain_host),
        |host| plain_host(&String::from_utf8_lossy(host)),
    );
    let mut hidden = vec![];
    let url = without_secrets(&encoded(target), &mut hidden);
    Ok(LoggedRequest { method, host, url, hidden })
}

fn answered(status: u16) -> Cow<'static, str> {
    match status {
        404 => Cow::Borrowed("answered 404: a client's mistake, or a stranger's probe"),
        other => Cow::Owned(format!("answered {other}: a client's mistake, or a stranger's probe")),
    }
}

/// Some clients send the whole URL, as to a proxy, and some logs hold it.
fn split_host(target: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    let rest =
        rest.or_else(|| target.strip_prefix(b"ws://")).or_else(|| target.strip_prefix(b"wss://"));
    match rest {
        Some(rest) => {
            let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
            let path = if rest.len() > end { &rest[end..] } else { b"/" };
            (Some(&rest[..end]), path)
        }
        None => (None, target),
    }
}

/// In lower case, without a scheme's own port; nothing where it is no name.
fn plain_host(host: &str) -> String {
    let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_suffix(":80").or(host.strip_suffix(":443")).unwrap_or(&host);
    let fits =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    if host == "-" || host == "_" || !host.chars().all(fits) {
        String::new()
    } else {
        host.to_owned()
    }
}

/// A path and query of printable ASCII: all other bytes are percent-encoded as they are, so that Latin-1 stays Latin-1.
fn encoded(target: &[u8]) -> Cow<'_, str> {
    let fragment = memchr::memchr(b'#', target).unwrap_or(target.len());
    let target = &target[..fragment];
    let plain = |b: &u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(b);
    if target.iter().all(plain) {
        return String::from_utf8_lossy(target);
    }
    let mut out = String::with_capacity(target.len() + 16);
    for byte in target {
        if plain(byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    Cow::Owned(out)
}

/// The URL with secrets replaced: in a query by their keys or their shape, in a path by where they stand or their shape.
fn without_secrets(url: &str, hidden: &mut Vec<String>) -> String {
    let (path, query) =
        url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let mut out = String::with_capacity(url.len());
    let mut before = "";
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        let (name, parameter) =
            segment.split_once(';').map_or((segment, None), |(n, p)| (n, Some(p)));
        if is_secret_segment(before, name) {
            hidden.push("a path".to_owned());
            out.push_str(DEFAULT);
        } else {
            out.push_str(name);
        }
        if let Some(parameter) = parameter {
            out.push(';');
            pair(parameter, &mut out, hidden);
        }
        before = segment;
    }
    for (index, part) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        pair(part, &mut out, hidden);
    }
    out
}

fn pair(text: &str, out: &mut String, hidden: &mut Vec<String>) {
    let Some((name, value)) = text.split_once('=') else { return out.push_str(text) };
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let secret = if value.contains('%') || name.contains('%') {
        is_secret(&decoded(name), &decoded(value))
    } else {
        is_secret(name, value)
    };
    out.push_str(name);
    out.push('=');
    if secret {
        hidden.push(format!("`{}`", decoded(name)));
        out.push_str(DEFAULT);
    } else {
        out.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &[u8]) -> Result<LoggedRequest, Cow<'static, str>> {
        request(&LogEntry {
            method: "GET".into(),
            target: target.to_vec().into(),
            status: 200,
            ..LogEntry::default()
        })
    }

    #[test]
    fn bytes_go_over_the_wire_as_they_came() {
        let url = |target: &[u8]| read(target).expect("a request").url;
        assert_eq!(url(b"/caf\xC3\xA9"), "/caf%C3%A9");
        assert_eq!(url(b"/s?q=M\xFCnchen"), "/s?q=M%FCnchen");
        assert_eq!(url(b"/s?q=M%FCnchen#top"), "/s?q=M%FCnchen");
        assert_eq!(url(b"/say\"hi\" x"), "/say%22hi%22%20x");
        let whole = read(b"https://Shop.test:443/a?b=1").expect("a request");
        assert_eq!((whole.host.as_str(), whole.url.as_str()), ("shop.test", "/a?b=1"));
        assert_eq!(read(b"*").expect_err("no path"), "its path is not one of a URL");
    }

    #[test]
    fn secrets_of_paths_and_queries_do_not_leave_the_log() {
        for (target, expected) in [
            ("/r?token=s3cr3t&x=1", "/r?token=change-me&x=1"),
            ("/reset/a1b2c3d4e5", "/reset/change-me"),
            ("/a;jsessionid=1A530637289A03B07199A44E8D531427", "/a;jsessionid=change-me"),
            ("/x?t=q7Zp2LmX9vB4tR8sK1wY", "/x?t=change-me"),
            (
                "/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj7",
                "/cb?code=change-me&state=change-me",
            ),
            (
                "/orders/0b0f8f9e-7d0c-4b6b-9d5e-1f2a3b4c5d6e",
                "/orders/0b0f8f9e-7d0c-4b6b-9d5e-1f2a3b4c5d6e",
            ),
        ] {
            assert_eq!(read(target.as_bytes()).expect("a request").url, expected);
        }
    }
}
