//! Canned answers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::asset;
use super::law::law;
use super::names::header_name;
use super::names::other;
use crate::declared::answer::{ANSWER, EVENTS, PUSH, WEBSOCKET};
use crate::model::ServiceTimeLaw;
use crate::simulation::{AnswerContent, AnswerSpec, EventStreamSpec, WebSocketSpec};
use crate::template::{AnswerText, SimulationTemplates};
use plimsoll_scenario::{Fields, Node, NodeValue, Problems, entries};
use plimsoll_units::{Bytes as Size, Nanos};

/// Reads `answer:`; none means an empty 200.
pub(super) fn answer(
    node: Option<&Node>,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Option<AnswerSpec> {
    let Some(node) = node else {
        let (status, headers, content) = (StatusCode::OK, Vec::new(), AnswerContent::Empty);
        return Some(AnswerSpec { status, headers, content });
    };
    let mut fields = Fields::of(node, &ANSWER, problems)?;
    let status =
        fields.node("status", problems).and_then(|node| super::names::status(node, problems));
    let mut headers = fields
        .node("headers", problems)
        .map(|node| headers(node, templates, problems))
        .unwrap_or_default();
    let kind = fields.node("type", problems).and_then(|node| content_type(node, problems));
    let mut default_status = StatusCode::OK;
    if let Some(node) = fields.node("redirect", problems) {
        headers.extend(templates.text(node, problems).map(|text| (header::LOCATION, text)));
        default_status = StatusCode::MOVED_PERMANENTLY;
    }
    let content = content(&mut fields, kind.as_ref(), templates, problems);
    fields.finish(problems);
    Some(AnswerSpec { status: status.unwrap_or(default_status), headers, content })
}

fn headers(
    node: &Node,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Vec<(HeaderName, AnswerText)> {
    let mut headers = Vec::new();
    for (key, value) in entries(node, "names of headers", problems).unwrap_or_default() {
        if let Some(name) = header_name(key, problems)
            && let Some(text) = templates.text(value, problems)
        {
            headers.push((name, text));
        }
    }
    headers
}

fn content_type(node: &Node, problems: &mut Problems) -> Option<HeaderValue> {
    let found = plimsoll_scenario::text(node, "a content type", problems)?;
    super::names::header_value(found, node.span, problems)
}

fn content(
    fields: &mut Fields<'_>,
    kind: Option<&HeaderValue>,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> AnswerContent {
    let [json, text, html, bytes, events, live] =
        ["json", "text", "html", "bytes", "events", "websocket"]
            .map(|name| fields.node(name, problems));
    let [script, image] = ["script", "image"].map(|name| fields.node(name, problems));
    let typed = |text: Option<AnswerText>, default: &'static str| {
        let kind = kind.cloned().unwrap_or(HeaderValue::from_static(default));
        text.map(|text| AnswerContent::Text { kind, text })
    };
    let of_bytes = |bytes: Option<Bytes>, default: &'static str| {
        let kind = kind.cloned().unwrap_or(HeaderValue::from_static(default));
        bytes.map(|bytes| AnswerContent::Filler { kind, bytes })
    };
    let content = if let Some(node) = json {
        let text = match &node.value {
            // A text is a template of a JSON document.
            NodeValue::Scalar(scalar) if !scalar.plain && !scalar.text.trim().starts_with("{{") => {
                templates.text(node, problems)
            }
            _ => templates.json(node, problems),
        };
        typed(text, "application/json")
    } else if let Some(node) = text {
        typed(templates.text(node, problems), "text/plain; charset=utf-8")
    } else if let Some(node) = html {
        typed(templates.text(node, problems), "text/html; charset=utf-8")
    } else if let Some(node) = bytes {
        of_bytes(filler(node, problems), "application/octet-stream")
    } else if let Some(node) = script {
        of_bytes(asset::script(node, problems), "text/javascript")
    } else if let Some(node) = image {
        of_bytes(asset::image(node, problems), "image/png")
    } else if let Some(node) = events {
        events_of(node, templates, problems).map(AnswerContent::Events)
    } else if let Some(node) = live {
        live_of(node, templates, problems).map(AnswerContent::WebSocket)
    } else {
        None
    };
    content.unwrap_or(AnswerContent::Empty)
}

/// So many bytes that neither repeat much nor mean anything.
fn filler(node: &Node, problems: &mut Problems) -> Option<Bytes> {
    let size: Size = plimsoll_scenario::Decode::decode(node, problems)?;
    if size.get() > asset::FILLER_LIMIT {
        let message = format!("a body of {size} is more than {}", Size::new(asset::FILLER_LIMIT));
        other(node.span, message, "choose a smaller one; it is kept in memory", problems);
        return None;
    }
    Some(asset::noise().take(usize::try_from(size.get()).ok()?).collect::<Vec<u8>>().into())
}

/// `events: { count: 40, every: 50ms, data: { … }, end: "[DONE]" }`.
fn events_of(
    node: &Node,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Option<EventStreamSpec> {
    let mut fields = Fields::of(node, &EVENTS, problems)?;
    let count = fields.read("count", problems);
    let every = fields
        .node("every", problems)
        .map_or(Some(ServiceTimeLaw::Constant(Nanos::ZERO)), |node| law(node, problems));
    let data = fields.node("data", problems);
    let data = data.and_then(|node| message(node, templates, problems));
    let end = fields.node("end", problems).and_then(|node| message(node, templates, problems));
    fields.finish(problems);
    Some(EventStreamSpec { count: count?, every: every?, data: data?, end })
}

/// `websocket: { reply: { … }, push: { every: 1s, data: { … } }, ping: 20s }`.
fn live_of(
    node: &Node,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Option<WebSocketSpec> {
    let mut fields = Fields::of(node, &WEBSOCKET, problems)?;
    let reply = fields.node("reply", problems).and_then(|node| message(node, templates, problems));
    let push = fields.node("push", problems).and_then(|node| push(node, templates, problems));
    let ping = fields.read("ping", problems);
    fields.finish(problems);
    Some(WebSocketSpec { reply, push, ping })
}

fn push(
    node: &Node,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Option<(ServiceTimeLaw, AnswerText)> {
    let mut fields = Fields::of(node, &PUSH, problems)?;
    let every = fields.node("every", problems).and_then(|node| law(node, problems));
    let data = fields.node("data", problems);
    let data = data.and_then(|node| message(node, templates, problems));
    fields.finish(problems);
    Some((every?, data?))
}

/// A text as it is, anything else as JSON.
fn message(
    node: &Node,
    templates: &mut SimulationTemplates,
    problems: &mut Problems,
) -> Option<AnswerText> {
    match &node.value {
        NodeValue::Scalar(_) => templates.text(node, problems),
        _ => templates.json(node, problems),
    }
}
