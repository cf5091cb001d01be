//! What is taken out of a response for later steps.

use minijinja::Value;
use serde_json::Value as Json;

use super::body::{json_of_body, text_of_body, text_of_header};
use super::{CheckResult, Response, json_keys};
use plimsoll_metrics::ErrorClass;
use plimsoll_plan::value::value_of;
use plimsoll_plan::{Capture, CaptureSlot, CaptureSource, CaptureTake};

/// Draws a number below another one.
pub(crate) type DrawBelow<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Takes out what later steps need. A value that is missing ends this; `null` is kept, but is an error of the step.
pub(crate) fn captures(
    captures: &[Capture],
    response: &Response<'_>,
    draw: DrawBelow<'_>,
    mut keep: impl FnMut(CaptureSlot, Value),
) -> CheckResult {
    let mut result = CheckResult::ok();
    for capture in captures {
        let found = find(capture, response, draw);
        let value = match (&capture.default, found) {
            (Some(default), None) => value_of(default),
            (Some(default), Some(found)) if found.is_none() => value_of(default),
            (_, Some(found)) => found,
            (None, None) => return failed(capture, "not in the response"),
        };
        if value.is_none() && capture.default.is_none() {
            result = failed(capture, "null");
        }
        keep(capture.slot, value);
    }
    result
}

fn failed(capture: &Capture, what: &str) -> CheckResult {
    let message = format!("`{}` is {what}: {}", capture.name, capture.written);
    CheckResult::failed(ErrorClass::CaptureFailed, message)
}

/// The secrets in an answer of which nothing is kept.
pub(crate) fn secrets(captures: &[Capture], response: &Response<'_>) -> Vec<Value> {
    let secret = captures.iter().filter(|capture| capture.secret);
    secret.filter_map(|capture| find(capture, response, &mut |_| 0)).collect()
}

fn find(capture: &Capture, response: &Response<'_>, draw: DrawBelow<'_>) -> Option<Value> {
    let take = capture.take;
    let found = match &capture.source {
        CaptureSource::JsonKeys(keys) => json_keys::find(response.body, keys)?,
        CaptureSource::Json(path) => {
            let body: Json = json_of_body(response.body)?;
            let nodes = path.query(&body).all();
            chosen(nodes.into_iter(), take, draw, value_of)?
        }
        CaptureSource::Body(regex) => {
            let text = text_of_body(response);
            let groups = regex.captures_iter(&text);
            // The first group that took part: of `a=(.)|b=(.)` either.
            let matched =
                groups.filter_map(|found| found.iter().skip(1).flatten().next().or(found.get(0)));
            chosen(matched, take, draw, |found| Value::from(found.as_str()))?
        }
        CaptureSource::Header(name) => {
            let values = headers(response, name);
            chosen(values.iter(), take, draw, |value| Value::from(value.as_str()))?
        }
        CaptureSource::Cookie(name) => {
            let values = headers(response, "set-cookie");
            let set = values.iter().filter_map(|value| cookie(value, name));
            chosen(set, take, draw, Value::from)?
        }
    };
    Some(match take {
        _ if !capture.unescape_html => found,
        CaptureTake::All => found.try_iter().ok()?.map(unescaped).collect(),
        _ => unescaped(found),
    })
}

/// A text with the characters that entities of HTML stand for; anything else as it is.
fn unescaped(value: Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(html_escape::decode_html_entities(text).into_owned()),
        None => value,
    }
}

fn headers(response: &Response<'_>, name: &str) -> Vec<String> {
    let mut values = vec![];
    response.headers.each(name, &mut |value| {
        values.push(text_of_header(value));
    });
    values
}

/// The value of the cookie `name`, if `set-cookie` sets it; quotes are a part of it (RFC 6265, §5.2).
fn cookie<'v>(header: &'v str, name: &str) -> Option<&'v str> {
    let (key, value) = header.split(';').next()?.split_once('=')?;
    (key.trim() == name).then(|| value.trim())
}

/// The one of several things that is meant, as a value. Only the first is looked for where no other is asked for.
fn chosen<T>(
    mut all: impl Iterator<Item = T>,
    take: CaptureTake,
    draw: DrawBelow<'_>,
    value: impl Fn(T) -> Value,
) -> Option<Value> {
    let one = match take {
        CaptureTake::First => all.next(),
        CaptureTake::Last => all.last(),
        CaptureTake::Random => {
            let mut all: Vec<T> = all.collect();
            (!all.is_empty()).then(|| all.swap_remove(draw(all.len())))
        }
        CaptureTake::All => {
            let values: Vec<Value> = all.map(value).collect();
            return (!values.is_empty()).then(|| Value::from(values));
        }
    };
    one.map(value)
}
