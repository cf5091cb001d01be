//! Where a redirect leads (RFC 9110 §15.4).

use http::Method;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST,
};
use percent_encoding::{AsciiSet, percent_encode};
use url::Url;

use plimsoll_metrics::ErrorClass;
use plimsoll_user::ResponseHeaders;

use super::TransportError;
use super::address::Origin;
use super::prepared::RequestParts;

/// Whether `status` asks to go elsewhere.
pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where a response leads, if it says so; what is not UTF-8 in it is percent-encoded, byte by byte, as browsers do.
pub(super) fn location(headers: &dyn ResponseHeaders) -> Option<String> {
    let mut location = None;
    headers.each("location", &mut |value| {
        if location.is_none() {
            location = Some(match std::str::from_utf8(value) {
                Ok(text) => text.to_owned(),
                Err(_) => percent_encode(value, NON_ASCII).to_string(),
            });
        }
    });
    location
}

/// Everything in ASCII may stay.
const NON_ASCII: &AsciiSet = &AsciiSet::EMPTY;

/// The next request: where it goes and what it is.
pub(super) fn follow(
    status: u16,
    location: &str,
    from: &Url,
    mut parts: RequestParts,
) -> Result<(Origin, RequestParts), TransportError> {
    let refused = |why: &str| {
        TransportError::new(ErrorClass::Redirect, format!("redirect to `{location}`: {why}"))
    };
    let to = from.join(location).map_err(|error| refused(&error.to_string()))?;
    let origin = Origin::of_url(&to).ok_or_else(|| refused("not an http or https URL"))?;
    let becomes_get =
        status == 303 || (matches!(status, 301 | 302) && parts.method == Method::POST);
    if becomes_get && parts.method != Method::HEAD {
        parts.method = Method::GET;
        parts.body.clear();
        // What speaks of the body goes with it.
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
            parts.headers.remove(name);
        }
    }
    if to.origin() != from.origin() {
        // Credentials meant for one host are not shown to another.
        parts.headers.remove(AUTHORIZATION);
        parts.headers.remove(super::sign::TOKEN);
        parts.headers.remove(COOKIE);
        parts.headers.remove(HOST);
    }
    parts.path = path_and_query(&to);
    Ok((origin, parts))
}

/// Path and query of a URL, as they go into a request line.
pub(super) fn path_and_query(url: &Url) -> String {
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::super::body::RequestBody;
    use super::*;

    fn parts() -> RequestParts {
        RequestParts {
            method: Method::POST,
            path: "/a".into(),
            headers: HeaderMap::from_iter([
                (AUTHORIZATION, HeaderValue::from_static("Bearer x")),
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ]),
            body: RequestBody::new(Bytes::from_static(b"{}"), &[]),
        }
    }

    fn from() -> Url {
        Url::parse("http://127.0.0.1:8080/a?x=1").expect("valid")
    }

    #[test]
    fn post_becomes_get_except_for_307_and_308() {
        let (_, next) = follow(302, "/b?y=2", &from(), parts()).expect("followed");
        assert_eq!((next.method, next.path.as_str()), (Method::GET, "/b?y=2"));
        assert!(next.body.is_empty());
        let (_, next) = follow(307, "b", &from(), parts()).expect("followed");
        assert_eq!((next.method, next.path.as_str()), (Method::POST, "/b"));
        assert!(!next.body.is_empty());
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let (origin, next) = follow(307, "https://127.0.0.1/c", &from(), parts()).expect("ok");
        assert!(origin.tls);
        assert!(!next.headers.contains_key(AUTHORIZATION));
        let (_, next) = follow(307, "/same", &from(), parts()).expect("ok");
        assert!(next.headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn other_schemes_are_refused() {
        let error = follow(302, "ftp://x/", &from(), parts()).expect_err("refused");
        assert_eq!(error.class, ErrorClass::Redirect);
    }
}
