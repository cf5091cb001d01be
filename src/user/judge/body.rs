//! What a response brings as text and as JSON, and the beginning of a text for messages.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde_json::Value as Json;

use super::response::Response;
use plimsoll_scenario::encoding::Encoding;

/// The deepest nesting that is followed: parsing and what looks into its result recurse.
const DEPTH_LIMIT: usize = 512;

/// The body as JSON. A byte order mark before it is ignored, as RFC 8259 (§8.1) allows.
pub(super) fn json_of_body(body: &[u8]) -> Option<Json> {
    let text = without_mark(body);
    if depth(text) > DEPTH_LIMIT {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.disable_recursion_limit();
    let json = Json::deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| json)
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

/// How many lists and mappings are open at once, at most.
fn depth(text: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
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
