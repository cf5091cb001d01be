//! A body as JSON, and its beginning for messages.

use serde::Deserialize as _;
use serde_json::Value as Json;

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
