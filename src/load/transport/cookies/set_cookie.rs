//! One `set-cookie` header (RFC 6265 §5.2): whatever servers send is read in one way.

use super::date;

/// Longer names and values together, or attributes, are passed over (6265bis §5.6).
const MAX_PAIR: usize = 4096;
const MAX_ATTRIBUTE: usize = 1024;

/// What a `set-cookie` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// In lower case, without a leading dot; empty for the very host.
    pub(super) domain: Option<String>,
    /// Begins with `/`.
    pub(super) path: Option<&'a str>,
    pub(super) secure: bool,
    /// Seconds from now; may be negative.
    pub(super) max_age: Option<i64>,
    /// Seconds since 1970.
    pub(super) expires: Option<i64>,
}

impl<'a> SetCookie<'a> {
    /// None where it is no cookie.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (trim(name), trim(value));
        if name.is_empty() || name.len() + value.len() > MAX_PAIR {
            return None;
        }
        let mut cookie = SetCookie {
            name,
            value,
            domain: None,
            path: None,
            secure: false,
            max_age: None,
            expires: None,
        };
        for attribute in attributes.split(';') {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            cookie.take(trim(name), trim(value));
        }
        Some(cookie)
    }

    /// A later attribute of a name replaces the earlier.
    fn take(&mut self, name: &str, value: &'a str) {
        if value.len() > MAX_ATTRIBUTE {
            return;
        }
        if name.eq_ignore_ascii_case("expires") {
            // What is no date says nothing.
            self.expires = date::parse(value).or(self.expires);
        } else if name.eq_ignore_ascii_case("max-age") {
            self.max_age = seconds(value).or(self.max_age);
        } else if name.eq_ignore_ascii_case("domain") {
            let domain = value.strip_prefix('.').unwrap_or(value);
            // An empty one says nothing.
            if !value.is_empty() {
                self.domain = Some(domain.to_ascii_lowercase());
            }
        } else if name.eq_ignore_ascii_case("path") {
            self.path = Some(value).filter(|path| path.starts_with('/'));
        } else if name.eq_ignore_ascii_case("secure") {
            self.secure = true;
        }
    }
}

/// Digits, maybe behind a minus; more than any clock counts is a very long time.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    is_number.then(|| text.parse().unwrap_or(beyond))
}

/// Blanks and tabs around it do not count.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
