//! The HTTP Archive format 1.2, as browsers write it.
//!
//! <http://www.softwareishard.com/blog/har-12-spec/>; fields that begin with `_` are Chromium's. Browsers leave
//! out what the format demands and add what it does not know, so everything but the request's method and URL
//! may be missing. (The `har` crate demands all that the format does, and does not know Chromium's fields.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct HarFile {
    pub(super) log: HarLog,
}

#[derive(Debug, Deserialize)]
pub(super) struct HarLog {
    pub(super) entries: Vec<HarEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarEntry {
    pub(super) started_date_time: String,
    /// Milliseconds until the last byte; negative where it is not known.
    #[serde(default)]
    pub(super) time: f64,
    pub(super) request: HarRequest,
    #[serde(default)]
    pub(super) response: HarResponse,
    #[serde(default, rename = "_resourceType")]
    pub(super) resource_type: Option<String>,
    #[serde(default, rename = "_fromCache")]
    pub(super) from_cache: Option<String>,
    #[serde(default, rename = "_webSocketMessages")]
    pub(super) messages: Vec<HarWebSocketMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarRequest {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: Vec<HarPair>,
    #[serde(default)]
    pub(super) post_data: Option<HarPostData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarResponse {
    pub(super) status: i64,
    pub(super) headers: Vec<HarPair>,
    pub(super) content: HarContent,
    #[serde(rename = "redirectURL")]
    pub(super) redirect_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarContent {
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarPostData {
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    pub(super) params: Vec<HarParam>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HarParam {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HarPair {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct HarWebSocketMessage {
    /// `send` or `receive`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Seconds since 1970.
    #[serde(default)]
    pub(super) time: f64,
    /// 1 is text.
    #[serde(default)]
    pub(super) opcode: i64,
    #[serde(default)]
    pub(super) data: String,
}

impl HarResponse {
    /// The first header of a name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|pair| pair.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }
}

/// A body as text, where it is one.
pub(super) fn decoded(content: &HarContent) -> Option<String> {
    let text = content.text.as_ref()?;
    match content.encoding.as_deref() {
        Some("base64") => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
        _ => Some(text.clone()),
    }
}
