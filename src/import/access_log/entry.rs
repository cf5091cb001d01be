//! One request of a log, whatever its format.

use std::borrow::Cow;

/// What a line says of a request, as it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogEntry<'l> {
    /// Microseconds since 1970.
    pub(super) at: i64,
    pub(super) method: Cow<'l, str>,
    /// Path and query, or a whole URL; bytes that are no text stay what they are.
    pub(super) target: Cow<'l, [u8]>,
    /// The virtual host, where the log tells it besides the target.
    pub(super) host: Option<Cow<'l, str>>,
    pub(super) status: u16,
    /// Bytes of the answer.
    pub(super) bytes: Option<u64>,
    /// Who asked.
    pub(super) client: Option<Cow<'l, str>>,
}

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFault {
    /// Not of this format.
    Format,
    /// Of this format, but its time is none.
    Time,
    /// Of this format, but not an HTTP request.
    Request,
}

/// `GET /a HTTP/1.1` → method and target; the target is everything between the first blank and the protocol.
pub(super) fn request_line(text: &[u8]) -> Option<(&str, &[u8])> {
    let space = memchr::memchr(b' ', text)?;
    let method = std::str::from_utf8(&text[..space]).ok()?;
    let rest = &text[space + 1..];
    let target = match memchr::memrchr(b' ', rest) {
        Some(end) if rest[end + 1..].starts_with(b"HTTP/") => &rest[..end],
        _ => rest.split(|b| *b == b' ').next().unwrap_or_default(),
    };
    let fits = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    (fits && !target.is_empty()).then_some((method, target))
}

/// Resolves the escapes with which nginx and Apache write what is no plain text: `\xC3`, `\"`, `\\`.
pub(super) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = text.get(at + 1).copied();
        let hex = text
            .get(at + 2..at + 4)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (text[at], next, hex) {
            (b'\\', Some(b'x'), Some(byte)) => {
                out.push(byte);
                at += 4;
            }
            (b'\\', Some(escaped @ (b'"' | b'\\')), _) => {
                out.push(escaped);
                at += 2;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_servers_are_bytes() {
        assert_eq!(&*unescaped(br"/caf\xC3\xA9\x22\\\q"), b"/caf\xC3\xA9\"\\\\q");
        assert_eq!(request_line(b"GET /a b HTTP/1.1"), Some(("GET", &b"/a b"[..])));
        assert_eq!(request_line(b"GET /a"), Some(("GET", &b"/a"[..])));
        assert_eq!(request_line(b"\x16\x03"), None);
    }
}
