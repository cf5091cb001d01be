//! Who asks: the client's address, its cookies, its token.

use std::net::IpAddr;

use http::{HeaderMap, header};

use super::simulation::AuthSpec;

/// The address by which limits know a client.
pub(super) fn client_address(headers: &HeaderMap, peer: IpAddr, trust_forwarded: bool) -> IpAddr {
    let forwarded = || {
        let value = headers.get("x-forwarded-for")?.to_str().ok()?;
        value.split(',').next()?.trim().parse().ok()
    };
    let address: IpAddr = if trust_forwarded { forwarded().unwrap_or(peer) } else { peer };
    address.to_canonical()
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The token that a request presents, wherever it may stand.
pub(super) fn presented_token(auth: &AuthSpec, headers: &HeaderMap, query: &str) -> Option<String> {
    if auth.bearer
        && let Some(value) = headers.get(header::AUTHORIZATION)
        && let Some((scheme, token)) = value.to_str().ok()?.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(token.trim().to_owned());
    }
    if let Some(name) = &auth.cookie
        && let Some(token) = cookie(headers, name)
    {
        return Some(token.to_owned());
    }
    let name = auth.query.as_deref()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, StatusCode};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn cookie_is_found_among_others() {
        let headers = headers(&[("cookie", "a=1; sid=x=y"), ("cookie", "lb=2")]);
        assert_eq!(cookie(&headers, "sid"), Some("x=y"));
        assert_eq!(cookie(&headers, "lb"), Some("2"));
        assert_eq!(cookie(&headers, "id"), None);
    }

    #[test]
    fn forwarded_address_counts_only_where_it_is_trusted() {
        let headers = headers(&[("x-forwarded-for", "10.1.2.3, 10.0.0.1")]);
        let peer: IpAddr = "127.0.0.1".parse().expect("an address");
        let given: IpAddr = "10.1.2.3".parse().expect("an address");
        assert_eq!(client_address(&headers, peer, true), given);
        assert_eq!(client_address(&headers, peer, false), peer);
        assert_eq!(client_address(&HeaderMap::new(), peer, true), peer);
    }

    #[test]
    fn token_is_taken_from_where_the_route_says() {
        let auth = |bearer, cookie: Option<&str>, query: Option<&str>| AuthSpec {
            token: 0,
            bearer,
            cookie: cookie.map(str::to_owned),
            query: query.map(str::to_owned),
            status: StatusCode::UNAUTHORIZED,
        };
        let headers = headers(&[("authorization", "bearer abc"), ("cookie", "sid=def")]);
        let token = |auth: &AuthSpec| presented_token(auth, &headers, "t=g%2Bi");
        assert_eq!(token(&auth(true, None, None)).as_deref(), Some("abc"));
        assert_eq!(token(&auth(false, Some("sid"), None)).as_deref(), Some("def"));
        assert_eq!(token(&auth(false, None, Some("t"))).as_deref(), Some("g+i"));
        assert_eq!(token(&auth(false, Some("other"), None)), None);
    }
}
