//! What a GraphQL response says (GraphQL, October 2021, §7).

use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::body::excerpt;

/// A response, of which only the errors are kept.
#[derive(Deserialize)]
struct GraphqlResponse {
    data: Option<IgnoredAny>,
    errors: Option<Json>,
}

/// What is wrong with a response, if anything.
pub(super) fn errors_of(body: &[u8]) -> Option<String> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(response) = serde_json::from_slice::<GraphqlResponse>(text) else {
        return Some(format!("the body is no GraphQL response: {}", excerpt(body)));
    };
    match response {
        GraphqlResponse { errors: Some(Json::Array(errors)), .. } if !errors.is_empty() => {
            Some(told(&errors))
        }
        // Not as the specification has it (§7.1.2), and no success all the same.
        GraphqlResponse { errors: Some(error), .. } if !error.is_null() && !error.is_array() => {
            Some(told(&[error]))
        }
        GraphqlResponse { data: None, .. } => {
            Some(format!("the body has neither `data` nor `errors`: {}", excerpt(body)))
        }
        GraphqlResponse { .. } => None,
    }
}

/// ``error `Not found` at `flight.seats` (NOT_FOUND), and 1 more``.
fn told(errors: &[Json]) -> String {
    let first = &errors[0];
    let message = first.as_str().or_else(|| first["message"].as_str());
    let message = message.unwrap_or("without a message");
    let mut text = format!("error `{message}`");
    let path = first["path"].as_array().into_iter().flatten();
    let path: Vec<String> =
        path.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
    // Writing into a text cannot fail.
    if !path.is_empty() {
        let _ = write!(text, " at `{}`", path.join("."));
    }
    if let Some(code) = first["extensions"]["code"].as_str() {
        let _ = write!(text, " ({code})");
    }
    if errors.len() > 1 {
        let _ = write!(text, ", and {} more", errors.len() - 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::errors_of;

    #[test]
    fn errors_are_told_by_message_place_and_code() {
        let body = br#"{"data":null,"errors":[{"message":"Not found","path":["flights",0,"seats"],"extensions":{"code":"NOT_FOUND"}},{}]}"#;
        let told = errors_of(body).expect("errors");
        assert_eq!(told, "error `Not found` at `flights.0.seats` (NOT_FOUND), and 1 more");
        assert_eq!(errors_of(br#"{"errors":[{}]}"#).expect("errors"), "error `without a message`");
    }

    #[test]
    fn errors_that_are_no_list_are_errors() {
        let told = |body: &str| errors_of(body.as_bytes()).expect("errors");
        assert_eq!(told(r#"{"data":{"a":1},"errors":{"message":"boom"}}"#), "error `boom`");
        assert_eq!(told(r#"{"data":{"a":1},"errors":"boom"}"#), "error `boom`");
        assert_eq!(told(r#"{"data":{"a":1},"errors":["boom"]}"#), "error `boom`");
    }

    #[test]
    fn response_with_data_alone_is_right() {
        for body in
            [r#"{"data":{"a":1}}"#, r#"{"data":{},"errors":[]}"#, r#"{"errors":null,"data":{}}"#]
        {
            assert_eq!(errors_of(body.as_bytes()), None, "{body}");
        }
        for body in ["{}", r#"{"data":null}"#, "<html>", "", "[]"] {
            assert!(errors_of(body.as_bytes()).is_some(), "{body}");
        }
    }
}
