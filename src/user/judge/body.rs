//! What a response brings as text and as JSON, and the beginning of a text for messages.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::response::Response;
use plimsoll_scenario::encoding::Encoding;
use plimsoll_scenario::read_json;

/// The body as JSON. A byte order mark before it is ignored, as RFC 8259 (§8.1) allows.
pub(super) fn json_of_body(body: &[u8]) -> Option<Json> {
    read_json(without_mark(body)).ok()
}

/// The body as text: as its mark or the `charset` of its type says, and as UTF-8 where neither does.
pub(super) fn text_of_body<'b>(response: &Response<'b>) -> Cow<'b, str> {
    let body = response.body;
    let marked = body.starts_with(b"\xFF\xFE") || body.starts_with(b"\xFE\xFF");
    if !marked && let Ok(text) = str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let media_type = response.headers.first("content-type").unwrap_or_default();
    let charset = media_type.to_ascii_lowercase().split("charset=").nth(1).map(str::to_owned);
    let charset = charset.unwrap_or_default();
    let encoding = match charset.trim_matches(['"', ' ']).split([';', '"']).next() {
        Some("iso-8859-1" | "latin1" | "windows-1252" | "us-ascii") => Encoding::Latin1,
        _ => Encoding::Utf8,
    };
    match encoding.decode(body.to_vec()) {
        Some(text) => Cow::Owned(text),
        None => String::from_utf8_lossy(body),
    }
}

/// The value of a header: bytes that are no UTF-8 are Latin-1, as they were before RFC 7230.
pub(super) fn text_of_header(value: &[u8]) -> String {
    match str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => Encoding::Latin1.decode(value.to_vec()).unwrap_or_default(),
    }
}

pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// The beginning of a text, for messages.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    let mut short: String = text.chars().take(80).collect();
    if short.len() < bytes.len() {
        short.push('…');
    }
    format!("`{short}`")
}
