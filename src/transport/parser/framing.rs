//! Where a response ends, and what becomes of its connection: what its headers say (RFC 9112 §6.3, §9.3).

use crate::metrics::ErrorClass;

use super::super::TransportError;

/// How long a body is.
pub(super) enum Length {
    Bytes(u64),
    Chunked,
    UntilClose,
}

/// What the headers say of a body and of the connection behind it.
pub(super) struct Framing {
    pub(super) length: Length,
    pub(super) keep_alive: bool,
    pub(super) sets_cookies: bool,
    pub(super) encoded: bool,
}

impl Framing {
    /// RFC 9112 §6.3 and §9.3.
    pub(super) fn of(
        is_1_1: bool,
        headers: &[httparse::Header<'_>],
    ) -> Result<Self, TransportError> {
        let mut content_length = None;
        let mut chunked = None;
        let mut keep_alive = is_1_1;
        let mut sets_cookies = false;
        let mut encoded = false;
        for header in headers {
            match known_header(header.name) {
                FramingHeader::ContentLength => {
                    let length = parse_length(header.value)
                        .ok_or_else(|| protocol("`content-length` is not a number".to_owned()))?;
                    if content_length.is_some_and(|known| known != length) {
                        return Err(protocol("two different `content-length`s".to_owned()));
                    }
                    content_length = Some(length);
                }
                FramingHeader::TransferEncoding => {
                    chunked = Some(ends_with_token(header.value, "chunked"));
                }
                FramingHeader::Connection if has_token(header.value, "close") => keep_alive = false,
                FramingHeader::Connection => keep_alive |= has_token(header.value, "keep-alive"),
                FramingHeader::SetCookie => sets_cookies = true,
                FramingHeader::ContentEncoding => encoded = true,
                FramingHeader::Other => {}
            }
        }
        let length = match (chunked, content_length) {
            (Some(true), _) => Length::Chunked,
            (Some(false), _) | (None, None) => Length::UntilClose,
            (None, Some(length)) => Length::Bytes(length),
        };
        Ok(Self { length, keep_alive, sets_cookies, encoded })
    }
}

enum FramingHeader {
    ContentLength,
    TransferEncoding,
    Connection,
    SetCookie,
    ContentEncoding,
    Other,
}

/// Most headers are ruled out by their length.
fn known_header(name: &str) -> FramingHeader {
    match name.len() {
        10 if name.eq_ignore_ascii_case("connection") => FramingHeader::Connection,
        10 if name.eq_ignore_ascii_case("set-cookie") => FramingHeader::SetCookie,
        14 if name.eq_ignore_ascii_case("content-length") => FramingHeader::ContentLength,
        16 if name.eq_ignore_ascii_case("content-encoding") => FramingHeader::ContentEncoding,
        17 if name.eq_ignore_ascii_case("transfer-encoding") => FramingHeader::TransferEncoding,
        _ => FramingHeader::Other,
    }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

fn tokens(value: &[u8]) -> impl DoubleEndedIterator<Item = &str> {
    std::str::from_utf8(value).unwrap_or_default().split(',').map(str::trim)
}

fn has_token(value: &[u8], wanted: &str) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn ends_with_token(value: &[u8], wanted: &str) -> bool {
    tokens(value).next_back().is_some_and(|token| token.eq_ignore_ascii_case(wanted))
}

/// The response goes against the protocol.
pub(super) fn protocol(message: String) -> TransportError {
    TransportError::new(ErrorClass::Protocol, message)
}
