//! AWS Signature Version 4: a signature over a request, made as it is sent.
//!
//! Method, path, query, headers and the hash of the body are written in one canonical way; what is signed is their hash,
//! with a key that is derived from the secret one for a day, a region and a service
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::fmt;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{percent_decode_str, percent_encode};
use ring::{digest, hmac};

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{AwsSigning, BodySource, ENCODED, FileContent, Filler, Template};
use plimsoll_units::hexadecimal;
use plimsoll_user::User;

use super::TransportError;
use super::body::{BodyCursor, RequestBody};
use super::prepared::RequestParts;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// The token of temporary credentials, which proves an identity as an authorization does.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// A signing key, and what it is derived from.
struct SigningKey {
    secret_key: String,
    day: String,
    region: String,
    service: String,
    key: hmac::Key,
}

/// The signing keys of a worker: each is derived once for its day, which takes four signatures.
#[derive(Default)]
pub(super) struct SigningKeys(Vec<SigningKey>);

/// So many are kept; then all are derived anew as they are asked for.
const KEYS_MAX: usize = 64;

/// Shows none of them.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signing keys", self.0.len())
    }
}

impl SigningKeys {
    fn of(&mut self, signer: &AwsSigner<'_>, day: &str) -> &hmac::Key {
        let is_its_own = |known: &SigningKey| {
            (known.day.as_str(), known.secret_key.as_str()) == (day, signer.secret_key.as_str())
                && (known.region.as_str(), known.service.as_str())
                    == (signer.region, signer.service)
        };
        let found = self.0.iter().position(is_its_own).unwrap_or_else(|| {
            if self.0.len() >= KEYS_MAX {
                self.0.clear();
            }
            self.0.push(SigningKey {
                secret_key: signer.secret_key.clone(),
                day: day.to_owned(),
                region: signer.region.to_owned(),
                service: signer.service.to_owned(),
                key: signer.derived_key(day),
            });
            self.0.len() - 1
        });
        &self.0[found].key
    }
}

/// Who signs, for what, and when.
#[derive(Debug)]
pub(super) struct AwsSigner<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: Option<String>,
    /// Seconds since 1970.
    pub(super) at: i64,
}

impl<'a> AwsSigner<'a> {
    /// The signer of a request of `user` at `at`, in seconds since 1970.
    pub(super) fn of(
        sign: &'a AwsSigning,
        user: &mut User,
        at: i64,
    ) -> Result<Self, TransportError> {
        let mut render = |template: &Template| {
            let mut text = Vec::new();
            user.render(template, &mut text)
                .map_err(|error| TransportError::new(ErrorClass::Script, error.to_string()))?;
            Ok::<_, TransportError>(String::from_utf8_lossy(&text).trim().to_owned())
        };
        Ok(Self {
            service: &sign.service,
            region: &sign.region,
            access_key: render(&sign.access_key)?,
            secret_key: render(&sign.secret_key)?,
            session_token: sign.session_token.as_ref().map(render).transpose()?,
            at,
        })
    }

    /// Signs a request to `authority`; an earlier signature is replaced.
    pub(super) fn sign(
        &self,
        parts: &mut RequestParts,
        authority: &str,
        keys: &mut SigningKeys,
    ) -> Result<(), TransportError> {
        let unfit = |_| {
            TransportError::new(ErrorClass::Script, "a key has characters that no header takes")
        };
        let value = |text: &str| HeaderValue::try_from(text).map_err(unfit);
        let is_s3 = self.service == "s3";
        let hash = payload_hash(&parts.body, is_s3)?;
        let date = self.date();
        parts.headers.insert(DATE, value(&date)?);
        if is_s3 {
            parts.headers.insert(CONTENT_HASH, value(&hash)?);
        }
        if let Some(token) = &self.session_token {
            parts.headers.insert(TOKEN, value(token)?);
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(authority);
        let headers = signed_headers(&parts.headers, host);
        let canonical = canonical(parts.method.as_str(), (&parts.path, is_s3), &headers, &hash);
        let authorization = self.authorization((&date, keys), &headers, &canonical);
        parts.headers.insert(AUTHORIZATION, value(&authorization)?);
        Ok(())
    }

    /// The time as ISO 8601 has it in its basic format.
    fn date(&self) -> String {
        let time = Timestamp::from_second(self.at).unwrap_or_default();
        jiff::fmt::strtime::format("%Y%m%dT%H%M%SZ", time).unwrap_or_default()
    }

    fn authorization(
        &self,
        (date, keys): (&str, &mut SigningKeys),
        headers: &[(String, String)],
        canonical: &str,
    ) -> String {
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hash_of(canonical.as_bytes()));
        let signature = hmac::sign(keys.of(self, day), text.as_bytes());
        let signature = hexadecimal(signature.as_ref());
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.access_key,
            names.join(";")
        )
    }
}

impl AwsSigner<'_> {
    fn derived_key(&self, day: &str) -> hmac::Key {
        let parts = [self.region, self.service, "aws4_request"];
        let first = keyed(format!("AWS4{}", self.secret_key).as_bytes(), day);
        let key = parts.iter().fold(first, |key, part| keyed(key.as_ref(), part));
        hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())
    }
}

/// The headers that are signed, in order: those that no proxy changes.
fn signed_headers(headers: &HeaderMap, host: &str) -> Vec<(String, String)> {
    let is_signed = |name: &HeaderName| {
        [CONTENT_TYPE, RANGE].contains(name) || name.as_str().starts_with("x-amz-")
    };
    let mut signed = vec![(HOST.to_string(), host.to_owned())];
    for name in headers.keys().filter(|name| is_signed(name)) {
        let values = headers
            .get_all(name)
            .iter()
            .map(|value| trimmed(&String::from_utf8_lossy(value.as_bytes())));
        signed.push((name.to_string(), values.collect::<Vec<_>>().join(",")));
    }
    signed.sort();
    signed
}

/// A value without blanks around it, and with one in place of several.
fn trimmed(value: &str) -> String {
    value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The canonical request. Of S3 the path stands as it is.
fn canonical(
    method: &str,
    (target, is_s3): (&str, bool),
    headers: &[(String, String)],
    hash: &str,
) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = if is_s3 { path.to_owned() } else { canonical_path(path) };
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let lines = lines.concat();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    format!("{method}\n{path}\n{}\n{lines}\n{}\n{hash}", canonical_query(query), names.join(";"))
}

/// A path without `.`, `..` and empty segments, each encoded once more than it is on the wire.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = vec![];
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let is_folder = path.ends_with('/') && !segments.is_empty();
    let encoded: Vec<String> =
        segments.into_iter().map(|segment| encoded(segment.as_bytes())).collect();
    format!("/{}{}", encoded.join("/"), if is_folder { "/" } else { "" })
}

/// Parameters by name and value, each encoded once.
fn canonical_query(query: &str) -> String {
    let again = |text: &str| encoded(&percent_decode_str(text).collect::<Vec<u8>>());
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (again(name), again(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, ENCODED).to_string()
}

/// The hash of a body. Bytes that are made or read from the disk on the way to S3 are not hashed before.
fn payload_hash(body: &RequestBody, is_s3: bool) -> Result<String, TransportError> {
    let fillers = body.fillers();
    let is_held = |filler: &Filler| matches!(filler.source, BodySource::File(FileContent::Held(_)));
    if is_s3 && !fillers.iter().all(is_held) {
        return Ok(UNSIGNED.to_owned());
    }
    let (mut cursor, mut hash) = (BodyCursor::default(), digest::Context::new(&digest::SHA256));
    loop {
        let rest = cursor.rest(body.text(), fillers)?;
        if rest.is_empty() {
            return Ok(hexadecimal(hash.finish().as_ref()));
        }
        hash.update(rest);
        let count = rest.len();
        cursor.advance(count, fillers);
    }
}

fn hash_of(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn keyed(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Credentials and moment of the published test suite.
    fn signer(service: &'static str) -> AwsSigner<'static> {
        AwsSigner {
            service,
            region: "us-east-1",
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
            // 2015-08-30T12:36:00Z
            at: 1_440_938_160,
        }
    }

    /// The signature of a case of the suite, with the headers that it signs.
    fn signature(method: &str, target: &str, more: &[(&str, &str)], body: &str) -> String {
        let mut headers = vec![
            ("host".to_owned(), "example.amazonaws.com".to_owned()),
            ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()),
        ];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), trimmed(value))));
        headers.sort();
        let canonical = canonical(method, (target, false), &headers, &hash_of(body.as_bytes()));
        let signed = signer("service").authorization(
            ("20150830T123600Z", &mut SigningKeys::default()),
            &headers,
            &canonical,
        );
        signed.rsplit('=').next().expect("a signature").to_owned()
    }

    /// Cases of aws-sig-v4-test-suite. Its request lines are not encoded; what is sent is, so that paths of unusual
    /// characters are signed in their encoded form, encoded again.
    #[test]
    fn requests_of_the_published_suite_have_its_signatures() {
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        for target in ["/", "//", "/./", "/example/..", "/example1/example2/../.."] {
            assert_eq!(signature("GET", target, &[], ""), vanilla, "{target}");
        }
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(signature("GET", "/?Param2=value2&Param1=value1", &[], ""), ordered);
        let post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        assert_eq!(signature("POST", "/", &[], ""), post);
        let form = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        let kind = ("content-type", "application/x-www-form-urlencoded");
        assert_eq!(signature("POST", "/", &[kind], "Param1=value1"), form);
        let duplicate = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea";
        assert_eq!(signature("GET", "/", &[("my-header1", "value2,value2,value1")], ""), duplicate);
    }

    /// The canonical path of get-utf8 is that of its unencoded line.
    #[test]
    fn path_is_encoded_once_more_and_query_once() {
        assert_eq!(canonical_path("/ሴ"), "/%E1%88%B4");
        assert_eq!(canonical_path("/a%20b//c/"), "/a%2520b/c/");
        assert_eq!(canonical_path(""), "/");
        assert_eq!(canonical_query("b=%2f&a&a=%7E&a=1+1"), "a=&a=1%2B1&a=~&b=%2F");
    }

    /// Goal: prove that a key is derived once for what it is derived from, and shown nowhere.
    #[test]
    fn key_is_derived_once_a_day_secret_region_and_service() {
        let mut keys = SigningKeys::default();
        let s3 = signer("s3");
        let other = AwsSigner { secret_key: "another".to_owned(), ..signer("s3") };
        let text = |keys: &mut SigningKeys, signer: &AwsSigner<'_>, day: &str| {
            hexadecimal(hmac::sign(keys.of(signer, day), b"text").as_ref())
        };
        let first = text(&mut keys, &s3, "20150830");
        assert_eq!((text(&mut keys, &s3, "20150830"), keys.0.len()), (first.clone(), 1));
        for (signer, day) in [(&s3, "20150831"), (&other, "20150830"), (&signer("sqs"), "20150830")]
        {
            assert_ne!(text(&mut keys, signer, day), first);
        }
        assert_eq!(format!("{keys:?}"), "4 signing keys");
        for day in 0..100 {
            text(&mut keys, &s3, &day.to_string());
            assert!(keys.0.len() <= KEYS_MAX);
        }
    }

    /// The example of the documentation of S3: the first ten bytes of an object.
    #[test]
    fn example_of_s3_has_its_signature() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-9"));
        let mut parts = RequestParts {
            method: http::Method::GET,
            path: "/test.txt".to_owned(),
            headers,
            body: RequestBody::default(),
        };
        let signer = AwsSigner {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            // 2013-05-24T00:00:00Z
            at: 1_369_353_600,
            ..signer("s3")
        };
        let mut keys = SigningKeys::default();
        signer.sign(&mut parts, "examplebucket.s3.amazonaws.com", &mut keys).expect("signs");
        let signed = parts.headers[AUTHORIZATION].to_str().expect("a text");
        assert_eq!(
            signed,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }
}
