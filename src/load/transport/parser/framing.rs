//! Where a response ends, and what becomes of its connection: what its headers say (RFC 9112 §6.3, §9.3).

use plimsoll_metrics::ErrorClass;
use plimsoll_units::Bytes;

use super::super::TransportError;

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(u64),
    Chunked,
    UntilClose,
    /// What is said of it is not allowed.
    Invalid(&'static str),
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
    pub(super) fn of(is_1_1: bool, headers: &[httparse::Header<'_>]) -> Self {
        let mut content_length = None;
        let mut coding = TransferCoding::None;
        let mut keep_alive = is_1_1;
        let mut closes = false;
        let mut sets_cookies = false;
        let mut encoded = false;
        for header in headers {
            match known_header(header.name) {
                FramingHeader::ContentLength => {
                    let length = parse_length(header.value)
                        .map_or(Length::Invalid("`content-length` is not a number"), Length::Bytes);
                    content_length = Some(match content_length {
                        Some(known) if known != length => {
                            Length::Invalid("two different `content-length`s")
                        }
                        _ => length,
                    });
                }
                FramingHeader::TransferEncoding => coding = coding.and(header.value),
                FramingHeader::Connection => {
                    closes |= has_token(header.value, "close");
                    keep_alive |= has_token(header.value, "keep-alive");
                }
                FramingHeader::SetCookie => sets_cookies = true,
                FramingHeader::ContentEncoding => encoded = true,
                FramingHeader::Other => {}
            }
        }
        let length = match (coding, content_length) {
            (TransferCoding::Chunked, length) => {
                // Somebody on the way may have seen another end: nothing behind it can be trusted (RFC 9112 §6.1).
                closes |= length.is_some() || !is_1_1;
                Length::Chunked
            }
            (TransferCoding::Unknown, _) => {
                Length::Invalid("a `transfer-encoding` that was not asked for")
            }
            (TransferCoding::None, None) => Length::UntilClose,
            (TransferCoding::None, Some(length)) => length,
        };
        Self { length, keep_alive: keep_alive && !closes, sets_cookies, encoded }
    }
}

/// What `transfer-encoding` says (RFC 9112 §6.1); we ask for nothing but what everybody has to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransferCoding {
    None,
    Chunked,
    /// Another coding, or one behind `chunked`.
    Unknown,
}

impl TransferCoding {
    /// With the codings of one more line.
    fn and(self, value: &[u8]) -> Self {
        tokens(value).fold(self, |known, token| match known {
            _ if token.is_empty() || token.eq_ignore_ascii_case("identity") => known,
            Self::None if token.eq_ignore_ascii_case("chunked") => Self::Chunked,
            _ => Self::Unknown,
        })
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

/// A length in decimal; a list of the same one is that one (RFC 9112 §6.3).
pub(in crate::transport) fn parse_length(value: &[u8]) -> Option<u64> {
    let mut lengths = value.split(|byte| *byte == b',').map(|item| {
        let digits = item.trim_ascii();
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
    });
    let first: u64 = lengths.next()??;
    lengths.all(|other| other == Some(first)).then_some(first)
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(value).unwrap_or_default().split(',').map(str::trim)
}

fn has_token(value: &[u8], wanted: &str) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// The response goes against the protocol.
pub(super) fn protocol(message: String) -> TransportError {
    TransportError::new(ErrorClass::Protocol, message)
}

pub(super) fn no_chunk_size() -> TransportError {
    protocol("a chunk's size is not a number".to_owned())
}

pub(super) fn chunk_too_long() -> TransportError {
    protocol("a chunk is longer than its size".to_owned())
}

/// The size in a chunk's first line; extensions are passed over, and blanks before them (RFC 9112 §7.1.1).
pub(super) fn parse_chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at(end);
    let is_extension = matches!(rest.trim_ascii_start().first(), None | Some(b';'));
    if digits.is_empty() || !is_extension {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Of a body of more than `max` bytes.
pub(super) fn body_too_large(max: u64) -> TransportError {
    let message = format!("the body is larger than `max_body: {}`", Bytes::new(max));
    TransportError::new(ErrorClass::BodyTooLarge, message)
}

/// The first of the bytes, `at_most` so many, and the rest.
pub(super) fn split(bytes: &[u8], at_most: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(at_most).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at(at)
}
