//! What a user makes of a response: checks and captures.

use minijinja::Value;
use serde::Deserialize as _;
use serde_json::Value as Json;

use crate::metrics::{ErrorClass, Outcome};
use crate::plan::{Capture, CaptureSlot, CaptureSource, Check, Matcher};
use crate::units::Nanos;

mod json_keys;

/// Access to a response's headers, whatever protocol brought them.
pub trait ResponseHeaders {
    /// Calls `visit` with each value of the header `name` (lower case).
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// The first value of the header `name` (lower case).
    fn first(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.each(name, &mut |value| {
            if found.is_none() {
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        });
        found
    }
}

/// A complete response.
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: &'a dyn ResponseHeaders,
    /// The body, decompressed; empty unless a check or capture looks into it.
    pub body: &'a [u8],
    /// The size of the body as received.
    pub size: u64,
    /// Actual send → last byte.
    pub service_time: Nanos,
}

/// The result of a user's checks and captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Ok, or why not.
    pub outcome: Outcome,
    /// What was seen and what was expected, for the report; empty where all is well.
    pub message: String,
}

impl CheckResult {
    pub(super) fn ok() -> Self {
        Self { outcome: Outcome::Ok, message: String::new() }
    }

    fn failed(class: ErrorClass, message: String) -> Self {
        Self { outcome: Outcome::Failed(class), message }
    }
}

/// Applies the checks in order; the first that fails names the failure.
pub(super) fn checks(checks: &[Check], response: &Response<'_>) -> CheckResult {
    let expects_status = checks.iter().any(|check| matches!(check, Check::Status(_)));
    if !expects_status && response.status >= 400 {
        return unexpected_status(response, None);
    }
    for check in checks {
        let failed = match check {
            Check::Status(set) if set.contains(response.status) => continue,
            Check::Status(set) => {
                return unexpected_status(response, Some(set));
            }
            check => failed_check(check, response),
        };
        if let Some(message) = failed {
            return CheckResult::failed(ErrorClass::CheckFailed, message);
        }
    }
    CheckResult::ok()
}

fn unexpected_status(response: &Response<'_>, set: Option<&crate::plan::StatusSet>) -> CheckResult {
    let class = match response.status {
        429 => ErrorClass::Throttled,
        503 if edge_signature(response) => ErrorClass::Throttled,
        400..=499 => ErrorClass::Http4xx,
        500.. => ErrorClass::Http5xx,
        _ => ErrorClass::CheckFailed,
    };
    let wanted = set.map_or_else(|| "below 400".to_owned(), describe_statuses);
    let wait = response.headers.first("retry-after").filter(|_| class == ErrorClass::Throttled);
    let wait = wait.map(|wait| format!(", retry-after {wait}")).unwrap_or_default();
    CheckResult::failed(class, format!("status {}, expected {wanted}{wait}", response.status))
}

fn describe_statuses(set: &crate::plan::StatusSet) -> String {
    let parts: Vec<String> = set
        .0
        .iter()
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}..{last}") }
            },
        )
        .collect();
    parts.join(" or ")
}

/// A 503 that a limit answers, not a broken stack: it carries `retry-after` or a rate-limit header, or it
/// is nginx's own page. nginx makes a 503 of its own only for `limit_req` and `limit_conn`; where it
/// cannot reach the application it says 502 or 504.
fn edge_signature(response: &Response<'_>) -> bool {
    let header = |name| response.headers.first(name);
    let limits = ["retry-after", "x-ratelimit-limit", "ratelimit-limit", "ratelimit"];
    let nginx = header("server").is_some_and(|server| server.starts_with("nginx"));
    let page = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    limits.into_iter().any(|name| header(name).is_some()) || (nginx && page)
}

/// Whether one event or message meets all `checks`, which look into its text only.
pub fn meets(checks: &[Check], text: &[u8]) -> bool {
    struct NoHeaders;
    impl ResponseHeaders for NoHeaders {
        fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
    }
    let size = text.len() as u64;
    let service_time = Nanos::ZERO;
    let response = Response { status: 200, headers: &NoHeaders, body: text, size, service_time };
    checks.iter().all(|check| failed_check(check, &response).is_none())
}

/// What is wrong with the response according to `check`, if anything.
fn failed_check(check: &Check, response: &Response<'_>) -> Option<String> {
    match check {
        Check::Status(_) => None,
        Check::Time(limit) => (response.service_time >= *limit)
            .then(|| format!("took {}, expected less than {limit}", response.service_time)),
        Check::Size(limit) => (response.size >= limit.get())
            .then(|| format!("body of {} bytes, expected less than {limit}", response.size)),
        Check::Header(name, matcher) => {
            let value = response.headers.first(name).map(Json::from);
            mismatch(matcher, value.as_ref()).map(|why| format!("header `{name}` {why}"))
        }
        Check::Json(path, text, matcher) => {
            let Ok(body) = serde_json::from_slice::<Json>(response.body) else {
                return Some(format!("the body is not JSON: {}", excerpt(response.body)));
            };
            let node = path.query(&body).first().cloned();
            mismatch(matcher, node.as_ref()).map(|why| format!("`{text}` {why}"))
        }
        Check::Body(matcher) => {
            let text = Json::from(String::from_utf8_lossy(response.body).into_owned());
            mismatch(matcher, Some(&text)).map(|why| format!("the body {why}"))
        }
    }
}

/// Why `value` is not what `matcher` wants.
fn mismatch(matcher: &Matcher, value: Option<&Json>) -> Option<String> {
    let Some(value) = value else { return Some("is missing".to_owned()) };
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let (holds, wanted) = match matcher {
        Matcher::Exists => (true, String::new()),
        Matcher::Equals(wanted) => {
            let same_number = wanted.as_f64().is_some() && wanted.as_f64() == number();
            (value == wanted || same_number, format!("{wanted}"))
        }
        Matcher::Contains(part) => (text().contains(part), format!("something with `{part}`")),
        Matcher::Matches(regex) => (regex.is_match(&text()), format!("a match of `{regex}`")),
        Matcher::Below(limit) => {
            (number().is_some_and(|n| n < *limit), format!("less than {limit}"))
        }
        Matcher::Above(limit) => {
            (number().is_some_and(|n| n > *limit), format!("more than {limit}"))
        }
    };
    (!holds).then(|| format!("is {}, expected {wanted}", excerpt(text().as_bytes())))
}

/// The beginning of a text, for messages.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    let mut short: String = text.chars().take(80).collect();
    if short.len() < bytes.len() {
        short.push('…');
    }
    format!("`{short}`")
}

/// Takes out what later steps need.
pub(super) fn captures(
    captures: &[Capture],
    response: &Response<'_>,
    mut keep: impl FnMut(CaptureSlot, Value),
) -> CheckResult {
    for capture in captures {
        let default = || capture.default.as_ref().map(to_value);
        if let Some(value) = find(&capture.source, response).or_else(default) {
            keep(capture.slot, value);
        } else {
            let message = format!("`{}` is not in the response", capture.name);
            return CheckResult::failed(ErrorClass::CaptureFailed, message);
        }
    }
    CheckResult::ok()
}

/// The secrets in an answer of which nothing is kept.
pub(super) fn secrets(captures: &[Capture], response: &Response<'_>) -> Vec<Value> {
    let secret = captures.iter().filter(|capture| capture.secret);
    secret.filter_map(|capture| find(&capture.source, response)).collect()
}

/// Every JSON value is a template value.
fn to_value(json: &Json) -> Value {
    Value::deserialize(json).unwrap_or_default()
}

fn find(source: &CaptureSource, response: &Response<'_>) -> Option<Value> {
    match source {
        CaptureSource::JsonKeys(keys) => json_keys::find(response.body, keys),
        CaptureSource::Json(path) => {
            let body: Json = serde_json::from_slice(response.body).ok()?;
            path.query(&body).first().map(to_value)
        }
        CaptureSource::Body(regex) => {
            let text = String::from_utf8_lossy(response.body);
            let found = regex.captures(&text)?;
            Some(Value::from(found.get(1).or_else(|| found.get(0))?.as_str()))
        }
        CaptureSource::Header(name) => response.headers.first(name).map(Value::from),
        CaptureSource::Cookie(name) => {
            let mut found = None;
            response.headers.each("set-cookie", &mut |value| {
                let text = String::from_utf8_lossy(value);
                let pair = text.split(';').next().unwrap_or_default();
                if let Some((key, value)) = pair.split_once('=')
                    && key.trim() == name
                {
                    found = Some(Value::from(value.trim().trim_matches('"')));
                }
            });
            found
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StatusSet;

    struct Fixed(Vec<(&'static str, &'static str)>);

    impl ResponseHeaders for Fixed {
        fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            self.0.iter().filter(|(n, _)| *n == name).for_each(|(_, v)| visit(v.as_bytes()));
        }
    }

    fn response<'a>(status: u16, headers: &'a Fixed, body: &'a str) -> Response<'a> {
        let size = body.len() as u64;
        let service_time = Nanos::from_millis(30);
        Response { status, headers, body: body.as_bytes(), size, service_time }
    }

    fn class(result: &CheckResult) -> Option<ErrorClass> {
        match result.outcome {
            Outcome::Ok => None,
            Outcome::Failed(class) => Some(class),
        }
    }

    #[test]
    fn status_without_check_fails_from_400_on() {
        let none = Fixed(vec![]);
        assert_eq!(class(&checks(&[], &response(302, &none, ""))), None);
        assert_eq!(class(&checks(&[], &response(404, &none, ""))), Some(ErrorClass::Http4xx));
        assert_eq!(class(&checks(&[], &response(500, &none, ""))), Some(ErrorClass::Http5xx));
        assert_eq!(class(&checks(&[], &response(429, &none, ""))), Some(ErrorClass::Throttled));
    }

    #[test]
    fn expected_error_status_is_no_failure() {
        let none = Fixed(vec![]);
        let check = [Check::Status(StatusSet(vec![(401, 401), (403, 403)]))];
        assert_eq!(class(&checks(&check, &response(403, &none, ""))), None);
        let result = checks(&check, &response(200, &none, ""));
        assert_eq!(result.message, "status 200, expected 401 or 403");
    }

    #[test]
    fn unavailable_with_retry_after_is_throttling() {
        let edge = Fixed(vec![("retry-after", "1")]);
        let result = checks(&[], &response(503, &edge, ""));
        assert_eq!(class(&result), Some(ErrorClass::Throttled));
        assert_eq!(result.message, "status 503, expected below 400, retry-after 1");
        let nginx = Fixed(vec![("server", "nginx/1.22.1"), ("content-type", "text/html")]);
        assert_eq!(class(&checks(&[], &response(503, &nginx, ""))), Some(ErrorClass::Throttled));
        let proxied = Fixed(vec![("server", "nginx"), ("content-type", "application/json")]);
        assert_eq!(class(&checks(&[], &response(503, &proxied, ""))), Some(ErrorClass::Http5xx));
    }

    #[test]
    fn failed_checks_say_what_was_seen() {
        let none = Fixed(vec![]);
        let answer = response(200, &none, r#"{"seats": 3, "name": "A"}"#);
        let path = serde_json_path::JsonPath::parse("$.seats").expect("valid");
        let check = Check::Json(path, "$.seats".into(), Matcher::Above(5.0));
        assert_eq!(checks(&[check], &answer).message, "`$.seats` is `3`, expected more than 5");
        let check = Check::Time(Nanos::from_millis(10));
        assert_eq!(checks(&[check], &answer).message, "took 30ms, expected less than 10ms");
        let check = Check::Body(Matcher::Contains("zzz".into()));
        assert!(checks(&[check], &answer).message.starts_with("the body is `{"));
    }

    #[test]
    fn captures_take_json_headers_cookies_and_patterns() {
        let headers = Fixed(vec![("set-cookie", "sid=abc; Path=/"), ("location", "/x/9")]);
        let answer = response(201, &headers, r#"{"a":{"token":"t1"},"n":[1,2]}"#);
        let take = |source| {
            let capture = Capture {
                slot: CaptureSlot(0),
                name: "x".into(),
                source,
                default: None,
                secret: false,
            };
            let mut kept = None;
            captures(&[capture], &answer, |_, value| kept = Some(value.to_string()));
            kept
        };
        let keys = vec!["a".to_owned(), "token".to_owned()];
        assert_eq!(take(CaptureSource::JsonKeys(keys)).as_deref(), Some("t1"));
        let path = serde_json_path::JsonPath::parse("$.n[1]").expect("valid");
        assert_eq!(take(CaptureSource::Json(path)).as_deref(), Some("2"));
        assert_eq!(take(CaptureSource::Cookie("sid".into())).as_deref(), Some("abc"));
        assert_eq!(take(CaptureSource::Header("location".into())).as_deref(), Some("/x/9"));
        let regex = regex::Regex::new("token\":\"(\\w+)").expect("valid");
        assert_eq!(take(CaptureSource::Body(regex)).as_deref(), Some("t1"));
        assert_eq!(take(CaptureSource::Header("etag".into())), None);
    }
}
