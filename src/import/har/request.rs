//! One recorded request → a step: values of earlier answers become captures, secrets references.

mod body;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::correlate::{ValueUse, is_number};
use super::select::{RecordedExchange, RedirectEnd, RequestClass};
use super::writer::{StepWriter, ValuePlace};
use crate::draft::{JsonDraft as Tree, RequestDraft};
use crate::names::snake;
use crate::secrets::{is_before_secret, is_secret_segment};
use crate::text::DraftText;

/// Headers that the client, the connection or the browser brings along.
const BROWSERS: [&str; 27] = [
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
    "x-client-data",
    "save-data",
    "alt-used",
];

/// Headers that name one request or trace for those who look for it later.
const TRACES: [&str; 14] = [
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "newrelic",
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-trace-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "uber-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
];

/// The most messages of a WebSocket that are sent again.
const MESSAGES_MAX: usize = 20;

/// The step for an exchange, whose name and origin are known.
pub(super) fn write(
    writer: &mut StepWriter<'_>,
    exchange: &RecordedExchange<'_>,
    mut step: RequestDraft,
) -> RequestDraft {
    let name = step.name.clone();
    let place = ValuePlace { step: &name, start: exchange.start };
    let segments: Vec<&str> = exchange.url.path_segments().into_iter().flatten().collect();
    for at in 0..segments.len() {
        let before = at.checked_sub(1).map_or("", |at| segments[at]);
        step.path.push(writer.segment(before, segments[at], place));
    }
    step.query = writer.query(exchange, place);
    writer.headers(exchange, &mut step);
    if exchange.class == RequestClass::Socket {
        step.send = writer.messages(exchange, place);
        return step;
    }
    step.body = body::body(writer, exchange, place);
    step.headers.extend(body::content_type(exchange, &step.body));
    if exchange.class != RequestClass::Events {
        step.status = status(exchange);
    }
    step
}

impl StepWriter<'_> {
    /// A segment of the path, as it goes over the wire.
    fn segment(&mut self, before: &str, encoded: &str, place: ValuePlace<'_>) -> DraftText {
        let value = decode(encoded);
        if let Some(found) = self.values.find(&value, ValueUse::Path(before), place.start) {
            return DraftText::expression(found.expression);
        }
        if is_secret_segment(before, &value) && !self.public.contains(encoded) {
            let key = if is_before_secret(before) { snake(before) } else { "path".to_owned() };
            let key = if key.ends_with("token") { key } else { format!("{key}_token") };
            let what = format!("the path of {}", place.step);
            return DraftText(vec![self.secrets.hide(&key, &value, &what, self.notes)]);
        }
        if value.contains('=') {
            // Parameters of a path, such as `;jsessionid=…`.
            return self.spliced(&value, place).map_literal(|text| encoded_part(&text));
        }
        // A number that was there before any answer had it is none of an answer's.
        if is_number(&value) {
            self.values.sent(&value);
        }
        DraftText::literal(encoded)
    }

    fn query(
        &mut self,
        exchange: &RecordedExchange<'_>,
        place: ValuePlace<'_>,
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
                let text = self.value(&decode(name), &value, place);
                match text.as_literal() {
                    Some(_) => DraftText::literal(encoded),
                    None => text.map_literal(|text| encoded_part(&text)),
                }
            });
            pairs.push((name.to_owned(), text));
        }
        pairs
    }

    fn headers(&mut self, exchange: &RecordedExchange<'_>, step: &mut RequestDraft) {
        let call = exchange.class == RequestClass::Call;
        let name_of_step = step.name.clone();
        let place = ValuePlace { step: &name_of_step, start: exchange.start };
        for header in &exchange.entry.request.headers {
            let name = header.name.to_ascii_lowercase();
            let value = header.value.trim();
            match name.as_str() {
                "cookie" => {
                    self.notes
                        .drop("cookies: the jar keeps those that answers set", cookie_names(value));
                }
                "authorization" => self.authorization(value, place, step),
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
                name if TRACES.contains(&name) || name.starts_with("x-b3-") => {
                    let reason =
                        "headers that trace one request; `http.correlation` makes new ones";
                    self.notes.drop(reason, name.to_owned());
                }
                name if ::http::HeaderName::try_from(name).is_err()
                    || ::http::HeaderValue::from_str(value).is_err() =>
                {
                    self.notes.drop("not a header that can be sent", brief_name(name));
                }
                name => {
                    let text = self.value(name, value, place);
                    step.headers.push((name.to_owned(), text));
                }
            }
        }
        self.keep_each_header_once(step);
    }

    fn keep_each_header_once(&mut self, step: &mut RequestDraft) {
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

    fn authorization(&mut self, value: &str, place: ValuePlace<'_>, step: &mut RequestDraft) {
        let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
        if scheme.eq_ignore_ascii_case("bearer") {
            step.bearer = Some(self.value("token", rest.trim(), place));
            return;
        }
        if scheme.eq_ignore_ascii_case("digest") {
            let reason = "a digest authorization: each request needs an answer to a new challenge";
            self.notes.drop(reason, place.step.to_owned());
            return;
        }
        let pair =
            STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':'))
        {
            // The user may be the secret: many services take a key there.
            step.basic = Some((
                self.credential("user", user, place),
                self.credential("password", password, place),
            ));
            return;
        }
        let text = self.value("authorization", value, place);
        step.headers.push(("authorization".to_owned(), text));
    }

    /// What a WebSocket sends.
    fn messages(&mut self, exchange: &RecordedExchange<'_>, place: ValuePlace<'_>) -> Vec<Tree> {
        let messages = exchange.entry.messages.iter().filter(|message| message.kind == "send");
        let (texts, others): (Vec<_>, Vec<_>) =
            messages.partition(|message| message.opcode as i64 == 1);
        if texts.len() > MESSAGES_MAX {
            let reason = format!("messages beyond the first {MESSAGES_MAX}");
            self.notes.drop(reason, place.step.to_owned());
        }
        if !others.is_empty() {
            self.notes.drop("messages that are no text", place.step.to_owned());
        }
        let sent = texts.into_iter().take(MESSAGES_MAX);
        sent.map(|message| {
            // Chromium tells seconds since 1970, others from the start of the recording.
            let start = (message.time * 1e6) as i64;
            let place = ValuePlace { start: place.start.max(start), ..place };
            match super::file::read(&message.data) {
                Ok(json @ (Json::Object(_) | Json::Array(_))) => self.json("", &json, place),
                _ => Tree::Text(self.spliced(&message.data, place)),
            }
        })
        .collect()
    }
}

/// The segments of a path without those that may be secrets.
pub(super) fn without_secrets(mut segments: Vec<&str>) -> Vec<&str> {
    for at in 0..segments.len() {
        let before = at.checked_sub(1).map_or("", |at| segments[at]);
        if is_secret_segment(before, &decode(segments[at])) || segments[at].contains('=') {
            segments[at] = "{}";
        }
    }
    segments
}

fn decode(encoded: &str) -> String {
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

/// Percent-encoded, as a part of a path or query.
fn encoded_part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ENCODED).to_string()
}

/// Everything but unreserved characters and what parameters of a path are made of.
const ENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b',');

/// The beginning of a name that may be long.
fn brief_name(name: &str) -> String {
    name.chars().take(40).collect()
}

fn cookie_names(value: &str) -> String {
    let names: Vec<&str> =
        value.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim())).collect();
    names.join(", ")
}

/// What the answer at the end of the redirects was; a conditional request would have got the whole.
fn status(exchange: &RecordedExchange<'_>) -> Option<String> {
    match exchange.response.status() {
        304 | 206 => Some("2xx".to_owned()),
        // Which kind of redirect it is says nothing.
        300..=399 if exchange.redirect == RedirectEnd::ReadFirst => Some("3xx".to_owned()),
        status @ 100..=599 => Some(status.to_string()),
        _ => None,
    }
}
