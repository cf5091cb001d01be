//! The HTTP Archive format 1.2, as browsers and proxies write it.
//!
//! <http://www.softwareishard.com/blog/har-12-spec/>; fields that begin with `_` are Chromium's. Writers leave
//! out what the format demands, put `null` or a number where it wants a text, and add what it does not know, so
//! everything but the request's method and URL may be missing. (The `har` crate demands all that the format does, and
//! does not know Chromium's fields.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct HarFile {
    pub(super) log: HarLog,
}

#[derive(Debug, Deserialize)]
pub(super) struct HarLog {
    #[serde(deserialize_with = "list")]
    pub(super) entries: Vec<HarEntry>,
    #[serde(default, deserialize_with = "list")]
    pub(super) pages: Vec<HarPage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HarPage {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(rename = "startedDateTime", deserialize_with = "or_default")]
    pub(super) started: String,
    #[serde(rename = "pageTimings", deserialize_with = "or_default")]
    pub(super) timings: HarPageTimings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HarPageTimings {
    /// Milliseconds from the page's start until `load`; negative where it is not known.
    #[serde(rename = "onLoad", deserialize_with = "number")]
    pub(super) on_load: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarEntry {
    #[serde(deserialize_with = "or_default")]
    pub(super) started_date_time: String,
    /// Milliseconds until the last byte; negative where it is not known.
    #[serde(deserialize_with = "number")]
    pub(super) time: f64,
    #[serde(deserialize_with = "or_default")]
    pub(super) request: HarRequest,
    #[serde(deserialize_with = "or_default")]
    pub(super) response: HarResponse,
    /// The page that it belongs to.
    #[serde(rename = "pageref", deserialize_with = "text")]
    pub(super) page_ref: String,
    #[serde(rename = "_resourceType", deserialize_with = "text")]
    pub(super) resource_type: String,
    /// `memory`, `disk`, or that it was so.
    #[serde(rename = "_fromCache", deserialize_with = "text")]
    pub(super) from_cache: String,
    #[serde(rename = "_webSocketMessages", deserialize_with = "list")]
    pub(super) messages: Vec<HarWebSocketMessage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarRequest {
    #[serde(deserialize_with = "method")]
    pub(super) method: String,
    #[serde(deserialize_with = "text")]
    pub(super) url: String,
    #[serde(deserialize_with = "pairs")]
    pub(super) headers: Vec<HarPair>,
    /// Bytes of the body; negative where it is not known.
    #[serde(deserialize_with = "number")]
    pub(super) body_size: f64,
    #[serde(deserialize_with = "or_default")]
    pub(super) post_data: Option<HarPostData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarResponse {
    #[serde(deserialize_with = "number")]
    pub(super) status: f64,
    #[serde(deserialize_with = "pairs")]
    pub(super) headers: Vec<HarPair>,
    #[serde(deserialize_with = "or_default")]
    pub(super) content: HarContent,
    #[serde(rename = "redirectURL", deserialize_with = "text")]
    pub(super) redirect_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarContent {
    #[serde(deserialize_with = "text")]
    pub(super) mime_type: String,
    #[serde(deserialize_with = "text")]
    pub(super) text: String,
    #[serde(deserialize_with = "text")]
    pub(super) encoding: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarPostData {
    #[serde(deserialize_with = "text")]
    pub(super) mime_type: String,
    #[serde(deserialize_with = "text")]
    pub(super) text: String,
    /// `base64`, by writers that keep bodies which are no text.
    #[serde(alias = "_encoding", deserialize_with = "text")]
    pub(super) encoding: String,
    #[serde(deserialize_with = "list")]
    pub(super) params: Vec<HarParam>,
    /// The file that a body stands in, beside the recording.
    #[serde(rename = "_file", deserialize_with = "text")]
    pub(super) file: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarParam {
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    #[serde(deserialize_with = "text")]
    pub(super) value: String,
    #[serde(deserialize_with = "text")]
    pub(super) file_name: String,
    #[serde(deserialize_with = "text")]
    pub(super) content_type: String,
}

/// A header.
#[derive(Debug)]
pub(super) struct HarPair {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HarWebSocketMessage {
    /// `send` or `receive`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: String,
    /// Seconds since 1970.
    #[serde(deserialize_with = "number")]
    pub(super) time: f64,
    /// 1 is text.
    #[serde(deserialize_with = "number")]
    pub(super) opcode: f64,
    #[serde(deserialize_with = "text")]
    pub(super) data: String,
}

/// What is written, or nothing where `null` is.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// A list without its `null`s.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let items = Option::<Vec<Option<T>>>::deserialize(from)?.unwrap_or_default();
    Ok(items.into_iter().flatten().collect())
}

/// A text, or whatever else stands there, as text.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Value::deserialize(from).map(text_of)
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A method; those of RFC 9110 and `PATCH` are meant in lower case as well.
fn method<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let found = text(from)?;
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(&found));
    Ok(known.map_or(found, str::to_owned))
}

/// A number, also one in quotes; 0 for anything else.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64().unwrap_or_default(),
        Value::String(text) => text.trim().parse().unwrap_or_default(),
        _ => 0.0,
    })
}

/// Names and values: a list of pairs, or a mapping.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<HarPair>, D::Error> {
    fn pair(mut item: Value) -> HarPair {
        let mut take =
            |key: &str| item.get_mut(key).map(Value::take).map_or(String::new(), text_of);
        HarPair { name: take("name"), value: take("value") }
    }
    let mut found: Vec<HarPair> = match Value::deserialize(from)? {
        Value::Array(items) => items.into_iter().map(pair).collect(),
        Value::Object(entries) => entries
            .into_iter()
            .map(|(name, value)| HarPair { name, value: text_of(value) })
            .collect(),
        _ => vec![],
    };
    found.retain(|pair| !pair.name.is_empty());
    Ok(found)
}

/// Reads a text as JSON. Half of a surrogate pair, which JavaScript writes where it cut a text, is read as U+FFFD.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    match serde_json::from_str(text) {
        Err(error)
            if error.to_string().contains("surrogate")
                || error.to_string().contains("hex escape") =>
        {
            serde_json::from_str(&without_halves(text)).map_err(|_| error)
        }
        read => read,
    }
}

/// JSON in which no escape is half of a pair.
fn without_halves(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(offset) = text[at..].find('\\') {
        out.push_str(&text[at..at + offset]);
        at += offset;
        let (length, half) = match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => (12, false),
            Some(0xD800..=0xDFFF) => (6, true),
            Some(_) => (6, false),
            // The character that is escaped may be a backslash of its own.
            None => (1 + text[at + 1..].chars().next().map_or(0, char::len_utf8), false),
        };
        out.push_str(if half { "\\ufffd" } else { &text[at..at + length] });
        at += length;
    }
    out.push_str(&text[at..]);
    out
}

impl HarResponse {
    /// The first header of a name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|pair| pair.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }

    /// The status; 0 where there was no answer.
    pub(super) fn status(&self) -> i64 {
        self.status as i64
    }

    /// Where a redirect leads.
    pub(super) fn location(&self) -> &str {
        match self.redirect_url.as_str() {
            "" => self.header("location").unwrap_or_default(),
            location => location,
        }
    }
}

impl HarPostData {
    /// The body's bytes, where the recording has them.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.encoding.as_str() {
            "base64" => of_base64(&self.text).unwrap_or_default(),
            _ => self.text.as_bytes().to_vec(),
        }
    }
}

/// Bytes in Base64; some writers break it into lines.
fn of_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// A body as text, where it is one.
pub(super) fn decoded(content: &HarContent) -> Option<String> {
    match content.encoding.as_str() {
        _ if content.text.is_empty() => None,
        "base64" => String::from_utf8(of_base64(&content.text)?).ok(),
        _ => Some(content.text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_other_types_are_read_wherever_writers_put_them() {
        let file: HarFile = read(
            r#"{"log": {"entries": [null, {
                "startedDateTime": null, "time": null, "_resourceType": null, "_fromCache": true,
                "request": {"method": "GET", "url": "http://a/", "headers": {"x": 1}, "postData": null, "bodySize": null},
                "response": {"status": "200", "headers": [{"name": "a", "value": null}, {"name": null}], "content": null,
                             "redirectURL": null},
                "_webSocketMessages": null }, {"request": null, "response": null}]}}"#,
        )
        .expect("a file");
        let entry = &file.log.entries[0];
        assert_eq!((entry.response.status(), entry.from_cache.as_str()), (200, "true"));
        assert_eq!(entry.request.headers[0].value, "1");
        assert_eq!(entry.response.headers.len(), 1);
        assert_eq!(file.log.entries.len(), 2);
    }

    #[test]
    fn half_of_a_surrogate_pair_does_not_cost_the_file() {
        let read = |text: &str| read::<Value>(text).map(|value| value.to_string());
        assert_eq!(read(r#""a\ud83dz""#).expect("a text"), "\"a\u{fffd}z\"");
        assert_eq!(read(r#""\\\ud83d\ud83d\ude00""#).expect("a text"), "\"\\\\\u{fffd}\u{1f600}\"");
    }
}
