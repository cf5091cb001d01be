//! What a user makes of a response: checks and captures.

use serde_json::Value as Json;

use plimsoll_metrics::{ErrorClass, Outcome};
use plimsoll_plan::Check;
use plimsoll_units::{Nanos, hexadecimal};

mod body;
mod captured;
mod graphql;
mod json_keys;
mod matching;
mod response;

use body::{excerpt, json_of_body, text_of_body, text_of_header};
pub(super) use captured::{captures, secrets};
use matching::{MatchedSource, mismatch};
pub use response::{Response, ResponseHeaders};

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

    pub(super) fn failed(class: ErrorClass, message: String) -> Self {
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
            let is_graphql = matches!(check, Check::Graphql);
            let class = if is_graphql { ErrorClass::Graphql } else { ErrorClass::CheckFailed };
            return CheckResult::failed(class, message);
        }
    }
    CheckResult::ok()
}

fn unexpected_status(
    response: &Response<'_>,
    set: Option<&plimsoll_plan::StatusSet>,
) -> CheckResult {
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

fn describe_statuses(set: &plimsoll_plan::StatusSet) -> String {
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
    let headers = &NoHeaders;
    let response = Response { status: 200, headers, url: None, body: text, size, service_time };
    checks.iter().all(|check| failed_check(check, &response).is_none())
}

/// What is wrong with the response according to `check`, if anything.
fn failed_check(check: &Check, response: &Response<'_>) -> Option<String> {
    match check {
        Check::Status(_) => None,
        Check::Time(limit) => (response.service_time >= *limit).then(|| {
            format!("took {}, expected less than {limit}", response.service_time.in_digits(4))
        }),
        Check::Size(limit) => (response.size >= limit.get())
            .then(|| format!("body of {} bytes, expected less than {limit}", response.size)),
        Check::Header(name, matcher) => {
            let mut values = vec![];
            response.headers.each(name, &mut |value| {
                values.push(Json::from(text_of_header(value)));
            });
            let values: Vec<&Json> = values.iter().collect();
            let why = mismatch(matcher, &values, MatchedSource::Text);
            why.map(|why| format!("header `{name}` {why}"))
        }
        Check::Json(path, text, matcher) => {
            let Some(body) = json_of_body(response.body) else {
                return Some(format!("the body is not JSON: {}", excerpt(response.body)));
            };
            let why = mismatch(matcher, &path.query(&body).all(), MatchedSource::of_path(text));
            why.map(|why| format!("`{text}` {why}"))
        }
        Check::Graphql => graphql::errors_of(response.body),
        Check::Body(matcher) => {
            let text = Json::from(text_of_body(response));
            let why = mismatch(matcher, &[&text], MatchedSource::Text);
            why.map(|why| format!("the body {why}"))
        }
        Check::Hex(matcher) => {
            let text = Json::from(hexadecimal(response.body));
            let why = mismatch(matcher, &[&text], MatchedSource::Text);
            why.map(|why| format!("the body in hexadecimal digits {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use minijinja::Value;

    use super::*;
    use plimsoll_plan::{Capture, CaptureSlot, CaptureSource, CaptureTake, Matcher, StatusSet};

    struct Fixed(Vec<(&'static str, &'static str)>);

    impl ResponseHeaders for Fixed {
        fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            self.0.iter().filter(|(n, _)| *n == name).for_each(|(_, v)| visit(v.as_bytes()));
        }
    }

    fn response<'a>(status: u16, headers: &'a Fixed, body: &'a str) -> Response<'a> {
        let size = body.len() as u64;
        let service_time = Nanos::from_millis(30);
        Response { status, headers, url: None, body: body.as_bytes(), size, service_time }
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
        let check =
            Check::Json(path, "$.seats".into(), Matcher::Above("5".parse().expect("a number")));
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
            let capture = capture(source, CaptureTake::First);
            let mut kept = None;
            captures(&[capture], &answer, &mut |_| 0, |_, value| kept = Some(value.to_string()));
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

    #[test]
    fn texts_are_read_in_the_charset_that_they_are_written_in() {
        let seen = |kind: &'static str, body: &[u8]| {
            let headers = Fixed(vec![("content-type", kind)]);
            let answer = Response { body, ..response(200, &headers, "") };
            let regex = regex::Regex::new("name=(\\S+)|n=(\\S+)").expect("valid");
            let (mut kept, of_body) =
                (None, capture(CaptureSource::Body(regex), CaptureTake::First));
            captures(&[of_body], &answer, &mut |_| 0, |_, value| kept = Some(value.to_string()));
            kept.unwrap_or_default()
        };
        assert_eq!(seen("text/html; charset=ISO-8859-1", b"name=caf\xe9"), "café");
        assert_eq!(seen("text/html; charset=\"windows-1252\"", b"n=5\x80"), "5€");
        assert_eq!(seen("text/html", "name=café".as_bytes()), "café");
        assert_eq!(seen("text/plain", b"\xff\xfen\0=\0\xe9\0"), "é");
        assert_eq!(text_of_header(b"/caf\xe9"), "/café");
    }

    #[test]
    fn cookie_keeps_its_quotes() {
        let headers = Fixed(vec![("set-cookie", "sid=\"a b\"; Path=/")]);
        let take = CaptureTake::First;
        assert_eq!(taken(CaptureSource::Cookie("sid".into()), take, &headers, ""), r#""\"a b\"""#);
    }

    fn capture(source: CaptureSource, take: CaptureTake) -> Capture {
        Capture {
            slot: CaptureSlot(0),
            name: "x".into(),
            source,
            written: "`$.x` (a.yaml:1)".into(),
            take,
            unescape_html: false,
            default: None,
            secret: false,
        }
    }

    fn path(text: &str) -> serde_json_path::JsonPath {
        serde_json_path::JsonPath::parse(text).expect(text)
    }

    fn json_check(text: &str, matcher: Matcher, body: &str) -> String {
        let none = Fixed(vec![]);
        checks(&[Check::Json(path(text), text.into(), matcher)], &response(200, &none, body))
            .message
    }

    fn equals(json: &str) -> Matcher {
        Matcher::Equals(serde_json::from_str(json).expect(json))
    }

    #[test]
    fn all_values_that_a_path_finds_are_looked_at() {
        let body = r#"{"items":[{"ok":true,"n":1},{"ok":false,"n":7}]}"#;
        let all = json_check("$.items[*].ok", equals("true"), body);
        assert_eq!(all, "`$.items[*].ok` is `false` (value 2 of 2), expected true");
        let any = Matcher::Any(Box::new(equals("true")));
        assert_eq!(json_check("$.items[*].ok", any.clone(), body), "");
        assert_eq!(
            json_check("$.items[*].x", any, body),
            "`$.items[*].x` has no value, expected one that is true"
        );
        assert_eq!(json_check("$.items[*].x", equals("1"), body), "`$.items[*].x` is missing");
        assert_eq!(json_check("$.items[*].x", Matcher::All(Box::new(equals("1"))), body), "");
        let above = |text: &str| Matcher::Above(text.parse().expect("a number"));
        let many = Matcher::Count(Box::new(above("2")));
        assert_eq!(
            json_check("$.items[*]", many.clone(), body),
            "`$.items[*]` has 2 values, expected more than 2"
        );
        assert_eq!(
            json_check("$.items", many, body),
            "`$.items` has 2 values, expected more than 2"
        );
        assert_eq!(json_check("$.error", Matcher::Absent, body), "");
        assert_eq!(
            json_check("$.items[0].n", Matcher::Absent, body),
            "`$.items[0].n` is `1`, expected nothing there"
        );
    }

    #[test]
    fn equality_is_exact_in_value_and_type() {
        let is = |body: &str, wanted: &str| json_check("$", equals(wanted), body).is_empty();
        assert!(!is("9007199254740992", "9007199254740993"));
        assert!(!is("100000000000000000001", "100000000000000000002"));
        assert!(is("1.0", "1") && is("1e2", "100") && !is("1", "true"));
        assert!(!is("\"5\"", "5") && !is("5", "\"5\"") && !is("null", "false"));
        assert!(is(r#"{"a":[1.0],"b":null}"#, r#"{"b":null,"a":[1]}"#));
        assert!(!is(r#"{"a":1}"#, r#"{"a":1,"b":2}"#));
        let told = json_check("$.id", equals("5"), r#"{"id":"5"}"#);
        assert_eq!(told, "`$.id` is `\"5\"`, expected 5");
        let bound = Matcher::Above("9007199254740992".parse().expect("a number"));
        assert_eq!(json_check("$", bound, "9007199254740993"), "");
    }

    #[test]
    fn headers_are_texts_in_which_a_number_means_its_digits() {
        let headers = Fixed(vec![("x-count", "5"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]);
        let check = |name: &str, matcher| {
            let check = Check::Header(name.into(), matcher);
            checks(&[check], &response(200, &headers, "")).message
        };
        assert_eq!(check("x-count", equals("5")), "");
        let any = Matcher::Any(Box::new(Matcher::Contains("b=".into())));
        assert_eq!(check("set-cookie", any), "");
    }

    #[test]
    fn body_may_begin_with_a_mark_and_be_deep() {
        let deep = format!("\u{feff}{}{}{}", "[".repeat(150), "true", "]".repeat(150));
        let path = format!("${}", "[0]".repeat(150));
        assert_eq!(json_check(&path, equals("true"), &deep), "");
        let keys = vec!["id".to_owned()];
        let body = format!("\u{feff}{{\"deep\":{}{},\"id\":7}}", "[".repeat(400), "]".repeat(400));
        assert_eq!(json_keys::find(body.as_bytes(), &keys), Some(Value::from(7)));
        let bomb = "[".repeat(1_000_000);
        assert!(json_check("$", equals("1"), &bomb).starts_with("the body is not JSON"));
    }

    fn taken(source: CaptureSource, take: CaptureTake, headers: &Fixed, body: &str) -> String {
        let mut kept = String::new();
        let capture = capture(source, take);
        let answer = response(200, headers, body);
        let result = captures(&[capture], &answer, &mut |of| of - 1, |_, value| {
            let mut text = vec![];
            plimsoll_plan::value::write_json(&value, &mut text);
            kept = String::from_utf8(text).expect("UTF-8");
        });
        if result.outcome == Outcome::Ok { kept } else { format!("{kept} {}", result.message) }
    }

    #[test]
    fn capture_chooses_among_several_values() {
        let none = Fixed(vec![]);
        let body = r#"{"items":[{"id":1},{"id":2},{"id":3.50}]} id=7 id=8"#;
        let json = r#"{"items":[{"id":1},{"id":2},{"id":3.50}]}"#;
        let ids = || CaptureSource::Json(path("$.items[*].id"));
        assert_eq!(taken(ids(), CaptureTake::First, &none, json), "1");
        assert_eq!(taken(ids(), CaptureTake::Last, &none, json), "3.50");
        assert_eq!(
            taken(ids(), CaptureTake::Random, &none, json),
            "3.50",
            "the last of three was drawn"
        );
        assert_eq!(taken(ids(), CaptureTake::All, &none, json), "[1,2,3.50]");
        let regex = || CaptureSource::Body(regex::Regex::new("id=(\\d)").expect("valid"));
        assert_eq!(taken(regex(), CaptureTake::Last, &none, body), "\"8\"");
        assert_eq!(taken(regex(), CaptureTake::All, &none, body), "[\"7\",\"8\"]");
        let cookies = Fixed(vec![("set-cookie", "sid=a"), ("set-cookie", "sid=b; Path=/")]);
        let sid = || CaptureSource::Cookie("sid".into());
        assert_eq!(taken(sid(), CaptureTake::First, &cookies, ""), "\"a\"");
        assert_eq!(taken(sid(), CaptureTake::Last, &cookies, ""), "\"b\"");
    }

    #[test]
    fn null_is_kept_and_told_where_no_default_stands_for_it() {
        let none = Fixed(vec![]);
        let source = || CaptureSource::JsonKeys(vec!["x".to_owned()]);
        let told = taken(source(), CaptureTake::First, &none, r#"{"x":null}"#);
        assert_eq!(told, "null `x` is null: `$.x` (a.yaml:1)");
        let told = taken(source(), CaptureTake::First, &none, "{}");
        assert_eq!(told, " `x` is not in the response: `$.x` (a.yaml:1)");
        let with_default =
            Capture { default: Some(Json::from(9)), ..capture(source(), CaptureTake::First) };
        let mut kept = None;
        let answer = response(200, &none, r#"{"x":null}"#);
        let result = captures(&[with_default], &answer, &mut |_| 0, |_, value| kept = Some(value));
        assert_eq!((result, kept), (CheckResult::ok(), Some(Value::from(9))));
    }

    #[test]
    fn entities_of_html_stand_for_their_characters_on_request() {
        let none = Fixed(vec![]);
        let regex = regex::Regex::new("value=\"([^\"]*)").expect("valid");
        let source = CaptureSource::Body(regex);
        let capture = Capture { unescape_html: true, ..capture(source, CaptureTake::First) };
        let body = "<input value=\"a&amp;b&#43;&#x2F;&eacute;=\">";
        let mut kept = None;
        captures(&[capture], &response(200, &none, body), &mut |_| 0, |_, value| {
            kept = Some(value);
        });
        assert_eq!(kept, Some(Value::from("a&b+/é=")));
    }
}
