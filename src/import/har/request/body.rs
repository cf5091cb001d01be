//! Recorded bodies → those of steps.

use serde_json::Value as Json;

use crate::draft::{BodyDraft, UploadPartDraft};
use crate::har::file::{HarPostData, read};
use crate::har::multipart::{RecordedPart, parts};
use crate::har::select::{RecordedExchange, RequestClass};
use crate::har::writer::{StepWriter, ValuePlace};
use crate::text::DraftText;

/// A larger body is written as one text.
const JSON_MAX: usize = 32 << 10;
/// So is one that is nested deeper.
const JSON_DEPTH: usize = 30;
/// The largest body that is made up of as many bytes as the recorded one had.
const FILLER_MAX: usize = 1 << 20;

/// The body of a step.
pub(super) fn body(
    writer: &mut StepWriter<'_>,
    exchange: &RecordedExchange<'_>,
    place: ValuePlace<'_>,
) -> BodyDraft {
    let method = exchange.entry.request.method.as_str();
    let sends = method != "HEAD" && !(method == "GET" && exchange.class == RequestClass::Events);
    let recorded = exchange.entry.request.post_data.as_ref();
    let Some(post) = recorded.filter(|post| !post.text.is_empty() || !post.params.is_empty())
    else {
        writer.missing(exchange, place);
        return BodyDraft::None;
    };
    if !sends {
        writer
            .notes
            .drop("the body of a HEAD request, or of GET for a stream", place.step.to_owned());
        return BodyDraft::None;
    }
    let mime = post.mime_type.to_ascii_lowercase();
    if mime.starts_with("multipart/form-data") {
        return writer.multipart(post, place);
    }
    let bytes = post.bytes();
    let Ok(text) = String::from_utf8(bytes) else {
        return writer.binary(post.bytes().len(), place);
    };
    if text.contains('\u{fffd}') || text.contains('\0') {
        return writer.binary(text.len(), place);
    }
    if mime.starts_with("application/x-www-form-urlencoded") {
        return writer.form(post, &text, place);
    }
    if text.len() <= JSON_MAX
        && let Ok(json @ (Json::Object(_) | Json::Array(_))) = read(&text)
        && depth(&json) <= JSON_DEPTH
    {
        return BodyDraft::Json(writer.json("", &json, place));
    }
    BodyDraft::Text(writer.value("body", &text, place))
}

impl StepWriter<'_> {
    /// Tells of a body that was sent and is not in the recording.
    fn missing(&mut self, exchange: &RecordedExchange<'_>, place: ValuePlace<'_>) {
        let request = &exchange.entry.request;
        let told = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .and_then(|header| header.value.trim().parse::<f64>().ok());
        let size = told.unwrap_or(request.body_size).max(request.body_size);
        let file = request.post_data.as_ref().map_or("", |post| post.file.as_str());
        if !file.is_empty() {
            let reason =
                "a body that is in a file beside the recording: name it in `body: { file: … }`";
            self.notes.drop(reason, format!("{file} of {}", place.step));
        } else if size > 0.0 {
            let reason = "a body that is not in the recording: write what it carries";
            self.notes.drop(reason, format!("{size} bytes of {}", place.step));
        }
    }

    /// As many bytes, not the same ones.
    fn binary(&mut self, size: usize, place: ValuePlace<'_>) -> BodyDraft {
        if size > FILLER_MAX {
            self.notes.drop("a large body that is no text", place.step.to_owned());
            return BodyDraft::None;
        }
        let reason = "a body that is no text: as many bytes are sent, not the same ones";
        self.notes.change(reason, place.step.to_owned());
        BodyDraft::Text(filler(size))
    }

    fn form(&mut self, post: &HarPostData, text: &str, place: ValuePlace<'_>) -> BodyDraft {
        let pairs: Vec<(String, String)> = if text.is_empty() {
            params(post)
        } else {
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
        };
        let form: Vec<(String, DraftText)> = pairs
            .into_iter()
            .map(|(name, value)| {
                let text = self.value(&name, &value, place);
                (name, text)
            })
            .collect();
        BodyDraft::form(form)
    }

    fn multipart(&mut self, post: &HarPostData, place: ValuePlace<'_>) -> BodyDraft {
        let mut found = parts(&post.bytes(), &post.mime_type);
        if found.is_empty() {
            let part = |param: &super::super::file::HarParam| RecordedPart {
                name: param.name.clone(),
                filename: Some(param.file_name.clone()).filter(|name| !name.is_empty()),
                media_type: Some(param.content_type.clone()).filter(|kind| !kind.is_empty()),
                bytes: param.value.as_bytes().to_vec(),
            };
            found = post.params.iter().map(part).collect();
        }
        if found.is_empty() {
            self.notes
                .drop("an upload whose parts are not in the recording", place.step.to_owned());
            return BodyDraft::None;
        }
        let mut written: Vec<(String, UploadPartDraft)> = vec![];
        for part in &found {
            written.push((part.name.clone(), self.part(part, place)));
        }
        BodyDraft::Multipart(written)
    }

    fn part(&mut self, part: &RecordedPart, place: ValuePlace<'_>) -> UploadPartDraft {
        match (&part.filename, std::str::from_utf8(&part.bytes)) {
            (None, Ok(text)) => UploadPartDraft::Text(self.value(&part.name, text, place)),
            (filename, _) => {
                self.notes.change(
                    "an uploaded file: as many bytes are sent, not the same ones",
                    format!("`{}` of {}", part.name, place.step),
                );
                UploadPartDraft::File {
                    filename: filename.clone().unwrap_or_else(|| part.name.clone()),
                    media_type: part.media_type.clone().filter(|kind| !kind.contains('{')),
                    size: (part.bytes.len() as u64).clamp(1, 64 << 20),
                }
            }
        }
    }
}

/// The pairs of a form whose text is not there. Some writers give them as they went over the wire.
fn params(post: &HarPostData) -> Vec<(String, String)> {
    let plain =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"*-._+%".contains(&b));
    let texts = || post.params.iter().flat_map(|param| [&param.name, &param.value]);
    let escape = |text: &String| {
        text.match_indices('%').all(|(at, _)| {
            text.get(at + 1..at + 3).is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok())
        })
    };
    let encoded =
        texts().all(|text| plain(text) && escape(text)) && texts().any(|text| text.contains('%'));
    let pair = |param: &super::super::file::HarParam| {
        if !encoded {
            return (param.name.clone(), param.value.clone());
        }
        let pair = format!("{}={}", param.name, param.value);
        url::form_urlencoded::parse(pair.as_bytes()).into_owned().next().unwrap_or_default()
    };
    post.params.iter().map(pair).collect()
}

/// A text of so many bytes.
fn filler(size: usize) -> DraftText {
    DraftText::expression(format!("'x' * {size}"))
}

/// How deep values are nested.
fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The type of a body, where the step's kind of body does not tell it already.
pub(super) fn content_type(
    exchange: &RecordedExchange<'_>,
    body: &BodyDraft,
) -> Option<(String, DraftText)> {
    let told = match body {
        BodyDraft::Text(_) => "",
        BodyDraft::Json(_) => "application/json",
        BodyDraft::None | BodyDraft::Form(_) | BodyDraft::Multipart(_) => return None,
    };
    let mime = exchange.entry.request.post_data.as_ref()?.mime_type.trim();
    let same = mime.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(told);
    let fits = !mime.is_empty() && ::http::HeaderValue::from_str(mime).is_ok();
    (fits && !same).then(|| ("content-type".to_owned(), DraftText::literal(mime)))
}
