//! One recorded request → a step: values of earlier answers become captures, secrets references.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::correlate::{CorrelatedValue, RecordedValues, ValueUse};
use super::file::HarPostData;
use super::select::{RecordedExchange, RequestClass};
use crate::import::draft::{BodyDraft, JsonDraft as Tree, RequestDraft, UploadPartDraft};
use crate::import::note::ImportNotes;
use crate::import::secrets::{FoundSecrets, is_secret_key};
use crate::import::text::{DraftText, TextPiece};

/// Headers that the client, the connection or the browser brings along.
const BROWSERS: [&str; 24] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "expect",
];

/// A larger body is written as one text.
const JSON_MAX: usize = 32 << 10;
/// So is one that is nested deeper.
const JSON_DEPTH: usize = 30;

/// What turns recorded values into steps.
pub(super) struct StepWriter<'a> {
    pub(super) values: &'a mut RecordedValues,
    pub(super) secrets: &'a mut FoundSecrets,
    pub(super) notes: &'a mut ImportNotes,
    /// The day of the recording: dates are told from it.
    pub(super) today: jiff::civil::Date,
}

impl StepWriter<'_> {
    /// The step for an exchange, whose name and origin are known.
    pub(super) fn write(
        &mut self,
        exchange: &RecordedExchange<'_>,
        mut step: RequestDraft,
    ) -> RequestDraft {
        let start = exchange.start;
        let place = step.name.clone();
        for segment in exchange.url.path_segments().into_iter().flatten() {
            step.path.push(self.segment(segment, start));
        }
        step.query = self.query(exchange, &place);
        self.headers(exchange, &mut step);
        if exchange.class == RequestClass::Socket {
            return step;
        }
        step.body = self.body(exchange, &place);
        step.headers.extend(content_type(exchange, &step.body));
        if exchange.class != RequestClass::Events {
            step.status = status(exchange);
        }
        step
    }

    /// A segment of the path, as it goes over the wire.
    fn segment(&mut self, encoded: &str, start: i64) -> DraftText {
        let value = decode(encoded);
        match self.values.find(&value, ValueUse::Path, start) {
            Some(found) => DraftText::expression(found.name),
            None => DraftText::literal(encoded),
        }
    }

    fn query(
        &mut self,
        exchange: &RecordedExchange<'_>,
        place: &str,
    ) -> Vec<(String, Option<DraftText>)> {
        let Some(query) = exchange.url.query() else { return vec![] };
        let mut pairs = vec![];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, encoded) = match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            };
            let text = encoded.map(|encoded| {
                let value = decode(&encoded.replace('+', " "));
                let text = self.value(&decode(name), &value, place, exchange.start);
                match text.as_literal() {
                    Some(_) => DraftText::literal(encoded),
                    None => text,
                }
            });
            pairs.push((name.to_owned(), text));
        }
        pairs
    }

    /// What takes the place of the `value` of `key`.
    fn value(&mut self, key: &str, value: &str, place: &str, start: i64) -> DraftText {
        if let Some(found) = self.values.find(value, ValueUse::Key(key), start) {
            return DraftText::expression(found.name);
        }
        if let Some((part, found)) = self.values.find_part(value, start) {
            let mut text = DraftText::literal(value);
            text.replace(&part, &TextPiece::Expression(found.name));
            return text;
        }
        if is_secret_key(key) && !value.is_empty() {
            let what = format!("`{key}` of {place}");
            return DraftText(vec![self.secrets.hide(key, value, &what, self.notes)]);
        }
        if let Some(days) = self.days_ahead(value) {
            return DraftText::expression(format!("date(days={days})"));
        }
        self.values.sent(value);
        DraftText::literal(value)
    }

    /// A date on or after the day of the recording, within a year, as days from it.
    fn days_ahead(&mut self, value: &str) -> Option<i64> {
        if value.len() != 10 {
            return None;
        }
        let date: jiff::civil::Date = value.parse().ok()?;
        let days = i64::from((date - self.today).get_days());
        if !(0..=366).contains(&days) {
            return None;
        }
        self.notes.change("a date: counted from the day of the run", value.to_owned());
        Some(days)
    }

    fn headers(&mut self, exchange: &RecordedExchange<'_>, step: &mut RequestDraft) {
        let call = exchange.class == RequestClass::Call;
        for header in &exchange.entry.request.headers {
            let name = header.name.to_ascii_lowercase();
            let value = header.value.trim();
            match name.as_str() {
                "cookie" => {
                    self.notes
                        .drop("cookies: the jar keeps those that answers set", cookie_names(value));
                }
                "authorization" => self.authorization(value, exchange, step),
                "accept" if call && value != "*/*" => {
                    step.headers.push((name, DraftText::literal(value)));
                }
                name if BROWSERS.contains(&name)
                    || name.starts_with(':')
                    || name.starts_with("sec-")
                    || name.starts_with("proxy-") =>
                {
                    self.notes.drop("headers of the browser or the connection", name.to_owned());
                }
                name if ::http::HeaderName::try_from(name).is_err()
                    || ::http::HeaderValue::from_str(value).is_err() =>
                {
                    self.notes.drop("not a header that can be sent", name.to_owned());
                }
                name => {
                    let text = self.value(name, value, &step.name.clone(), exchange.start);
                    step.headers.push((name.to_owned(), text));
                }
            }
        }
        let mut seen = vec![];
        step.headers.retain(|(name, _)| {
            let first = !seen.contains(name);
            if first {
                seen.push(name.clone());
            } else {
                self.notes.drop("a header given twice: the first is kept", name.clone());
            }
            first
        });
        if step.bearer.is_some() && step.basic.is_some() {
            step.basic = None;
        }
    }

    fn authorization(
        &mut self,
        value: &str,
        exchange: &RecordedExchange<'_>,
        step: &mut RequestDraft,
    ) {
        let place = step.name.clone();
        let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
        if scheme.eq_ignore_ascii_case("bearer") {
            step.bearer = Some(self.value("token", rest.trim(), &place, exchange.start));
            return;
        }
        let pair =
            STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':'))
        {
            let password = self.value("password", password, &place, exchange.start);
            step.basic = Some((DraftText::literal(user), password));
            return;
        }
        let text = self.value("authorization", value, &place, exchange.start);
        step.headers.push(("authorization".to_owned(), text));
    }

    fn body(&mut self, exchange: &RecordedExchange<'_>, place: &str) -> BodyDraft {
        let Some(post) = &exchange.entry.request.post_data else { return BodyDraft::None };
        let sends = !matches!(exchange.entry.request.method.as_str(), "GET" | "HEAD");
        let text = post.text.as_deref().unwrap_or_default();
        if text.is_empty() && post.params.is_empty() {
            return BodyDraft::None;
        }
        if !sends {
            self.notes.drop("the body of a GET or HEAD request", place.to_owned());
            return BodyDraft::None;
        }
        let mime = post.mime_type.as_str();
        if mime.starts_with("multipart/form-data") {
            return self.multipart(post, exchange, place);
        }
        if mime.starts_with("application/x-www-form-urlencoded") {
            return BodyDraft::Form(self.form(post, exchange, place));
        }
        if mime.contains("json")
            && text.len() <= JSON_MAX
            && let Ok(json) = serde_json::from_str::<Json>(text)
            && matches!(json, Json::Object(_) | Json::Array(_))
            && depth(&json) <= JSON_DEPTH
        {
            return BodyDraft::Json(self.json("", &json, place, exchange.start));
        }
        if text.contains('\u{fffd}') || text.contains('\0') {
            self.notes.drop("a body that is no text", place.to_owned());
            return BodyDraft::None;
        }
        BodyDraft::Text(self.value("body", text, place, exchange.start))
    }

    fn form(
        &mut self,
        post: &HarPostData,
        exchange: &RecordedExchange<'_>,
        place: &str,
    ) -> Vec<(String, DraftText)> {
        let text = post.text.as_deref().unwrap_or_default();
        let pairs: Vec<(String, String)> = if text.is_empty() {
            // Firefox and others give the pairs only, decoded or not; an encoded blank tells.
            let value = |value: &Option<String>| value.clone().unwrap_or_default();
            post.params.iter().map(|param| (param.name.clone(), value(&param.value))).collect()
        } else {
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
        };
        let mut form: Vec<(String, DraftText)> = vec![];
        for (name, value) in pairs {
            if form.iter().any(|(known, _)| *known == name) {
                self.notes.drop(
                    "a form field given twice: the first is kept",
                    format!("`{name}` of {place}"),
                );
                continue;
            }
            let text = self.value(&name, &value, place, exchange.start);
            form.push((name, text));
        }
        form
    }

    fn multipart(
        &mut self,
        post: &HarPostData,
        exchange: &RecordedExchange<'_>,
        place: &str,
    ) -> BodyDraft {
        let mut parts: Vec<(String, UploadPartDraft)> = vec![];
        for param in &post.params {
            let value = param.value.clone().unwrap_or_default();
            let part = match &param.file_name {
                Some(filename) => {
                    self.notes.change(
                        "an uploaded file: as many bytes are sent, not the same ones",
                        format!("`{}` of {place}", param.name),
                    );
                    UploadPartDraft::File {
                        filename: filename.clone(),
                        media_type: param.content_type.clone(),
                        size: (value.len() as u64).clamp(1, 64 << 20),
                    }
                }
                None => {
                    UploadPartDraft::Text(self.value(&param.name, &value, place, exchange.start))
                }
            };
            if parts.iter().all(|(known, _)| *known != param.name) {
                parts.push((param.name.clone(), part));
            }
        }
        if parts.is_empty() {
            self.notes.drop("an upload whose parts are not in the recording", place.to_owned());
            return BodyDraft::None;
        }
        BodyDraft::Multipart(parts)
    }

    fn json(&mut self, key: &str, json: &Json, place: &str, start: i64) -> Tree {
        match json {
            Json::String(text) => {
                let written = self.value(key, text, place, start);
                // A text that an answer gave as a number must stay a text.
                match (&written.0[..], self.values.find(text, ValueUse::Key(key), start)) {
                    (
                        [TextPiece::Expression(name)],
                        Some(CorrelatedValue { is_text: false, .. }),
                    ) => Tree::Text(DraftText::expression(format!("{name} | string"))),
                    _ => Tree::Text(written),
                }
            }
            Json::Number(number) => {
                let text = number.to_string();
                match self.values.find(&text, ValueUse::Key(key), start) {
                    Some(CorrelatedValue { name, is_text: false }) => {
                        Tree::Text(DraftText::expression(name))
                    }
                    Some(CorrelatedValue { name, is_text: true }) => {
                        Tree::Text(DraftText::expression(format!("{name} | int")))
                    }
                    None if is_secret_key(key) => {
                        let what = format!("`{key}` of {place}");
                        Tree::Text(DraftText(vec![
                            self.secrets.hide(key, &text, &what, self.notes),
                        ]))
                    }
                    None => {
                        self.values.sent(&text);
                        Tree::Scalar(json.clone())
                    }
                }
            }
            Json::Array(items) => {
                Tree::List(items.iter().map(|item| self.json(key, item, place, start)).collect())
            }
            Json::Object(entries) => Tree::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), self.json(key, value, place, start)))
                    .collect(),
            ),
            scalar => Tree::Scalar(scalar.clone()),
        }
    }
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
fn content_type(exchange: &RecordedExchange<'_>, body: &BodyDraft) -> Option<(String, DraftText)> {
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

fn decode(encoded: &str) -> String {
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

fn cookie_names(value: &str) -> String {
    let names: Vec<&str> =
        value.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim())).collect();
    names.join(", ")
}

/// What the answer at the end of the redirects was; a conditional request would have got the whole.
fn status(exchange: &RecordedExchange<'_>) -> Option<String> {
    match exchange.response.status {
        304 | 206 => Some("2xx".to_owned()),
        status @ 100..=599 => Some(status.to_string()),
        _ => None,
    }
}
