//! Where a value was seen, and whether a use of it is a use of that value.

use std::fmt::{self, Write as _};

use serde_json::Value as Json;
use url::Url;

use crate::draft::CaptureOrigin;
use crate::names::{candidates, is_opaque, singular, snake};

/// Last words of keys whose values name one thing among many.
const ID_WORDS: [&str; 14] = [
    "id",
    "uuid",
    "guid",
    "key",
    "slug",
    "sku",
    "code",
    "token",
    "number",
    "no",
    "ref",
    "reference",
    "csrf",
    "handle",
];

/// Keys that say nothing of what is in them: it is what was asked for.
const WRAPPERS: [&str; 22] = [
    "data",
    "items",
    "item",
    "results",
    "result",
    "records",
    "record",
    "rows",
    "list",
    "entries",
    "hits",
    "content",
    "contents",
    "edges",
    "node",
    "nodes",
    "payload",
    "response",
    "body",
    "attributes",
    "_embedded",
    "value",
];

/// Whether a key says nothing of what is in it.
pub(super) fn is_wrapper(key: &str) -> bool {
    WRAPPERS.iter().any(|word| word.eq_ignore_ascii_case(key))
}

/// The answer whose values are remembered.
pub(super) struct AnswerContext<'a> {
    pub(super) number: usize,
    pub(super) known_at: i64,
    /// What its URL names last: `orders`.
    pub(super) owner: &'a str,
    /// How many values were looked at.
    pub(super) count: usize,
}

/// Where a value was seen.
#[derive(Debug, Clone)]
pub(super) struct ValueOrigin {
    pub(super) exchange: usize,
    /// When the answer was complete, in microseconds since 1970.
    pub(super) known_at: i64,
    pub(super) source: CaptureOrigin,
    /// Filters that take the value out of what is captured; empty where it is all of it.
    pub(super) part: String,
    /// The key nearest to it: `id`, `token`.
    pub(super) key: String,
    /// What it belongs to: the key above, or what the URL names last.
    pub(super) owner: String,
    pub(super) is_text: bool,
}

/// Where a request uses a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::har) enum ValueUse<'k> {
    /// A segment of the path, behind this one.
    Path(&'k str),
    /// A parameter, field or header with this name.
    Key(&'k str),
}

impl fmt::Display for ValueUse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(before) => write!(f, "`/{before}/…`"),
            Self::Key(key) => write!(f, "`{key}`"),
        }
    }
}

impl ValueOrigin {
    /// All of what `source` has in an answer.
    pub(super) fn new(answer: &AnswerContext<'_>, source: CaptureOrigin, key: &str) -> Self {
        Self {
            exchange: answer.number,
            known_at: answer.known_at,
            source,
            part: String::new(),
            key: key.to_owned(),
            owner: answer.owner.to_owned(),
            is_text: true,
        }
    }

    /// Names for its capture, the nicest first. `id` alone says nothing: `$.flights[0].id` is the flight's.
    pub(super) fn name_hints(&self) -> Vec<String> {
        let key = snake(self.key.trim_start_matches("x-").trim_start_matches("X-"));
        let owner = singular(&snake(&self.owner));
        match &self.source {
            CaptureOrigin::Header(name) if name == "location" => {
                vec![format!("{owner}_location"), "location".to_owned()]
            }
            _ if matches!(key.as_str(), "id" | "uuid" | "key" | "code" | "slug") => {
                vec![format!("{owner}_{key}"), key]
            }
            _ => vec![key],
        }
    }

    /// Whether a use of `value` at `place` is one of this value, and not the same by chance: it is too random for
    /// that, or an id goes where its own kind of id belongs.
    pub(super) fn fits(&self, value: &str, place: ValueUse<'_>) -> bool {
        let digits = is_number(value);
        let long = if digits {
            value.len() >= 7
        } else {
            let has_mark = value.bytes().any(|b| b.is_ascii_digit() || b == b'-');
            (value.len() >= 4 && has_mark) || is_mixed(value)
        };
        // What a server calls a state is sent back to change just that one (RFC 9110, §13.1.1).
        let is_state = self.key == "etag" && place == ValueUse::Key("if-match");
        is_opaque(value)
            || is_state
            || self.leads_to(value, place)
            || (long && self.is_id_at(place))
    }

    fn is_id_at(&self, place: ValueUse<'_>) -> bool {
        is_id_key(&snake(&self.key))
            && match place {
                ValueUse::Path(_) => true,
                ValueUse::Key(key) => is_id_key(&snake(key)),
            }
    }

    /// Whether `place` names what the value belongs to: the product's id behind `/products/`, or as `productId`.
    pub(super) fn leads_to(&self, value: &str, place: ValueUse<'_>) -> bool {
        let key = snake(&self.key);
        if !is_id_key(&key) {
            return value.bytes().any(|b| b.is_ascii_digit()) && names_its_thing(&key, place);
        }
        if value.is_empty() || !self.is_id_at(place) {
            return false;
        }
        let owner = singular(&snake(&self.owner));
        let of_key = owner_in(&key);
        match place {
            ValueUse::Path(before) => {
                let before = singular(&snake(before));
                before == owner || Some(before) == of_key
            }
            ValueUse::Key(used) => {
                let used = snake(used);
                let named = owner_in(&used);
                (used == key && (of_key.is_some() || !is_bare(&key)))
                    || (named.is_some() && (named == of_key || named == Some(owner)))
            }
        }
    }
}

fn is_id_key(key: &str) -> bool {
    ID_WORDS.contains(&key.rsplit('_').next().unwrap_or_default())
}

/// `VXNlcjox`, but neither `summer`, `Summer` nor `summerSale`: capitals stand where no word begins.
fn is_mixed(value: &str) -> bool {
    let capitals = value.as_bytes().windows(2);
    let runs = capitals.filter(|pair| pair.iter().all(u8::is_ascii_uppercase)).count();
    let lower = value.bytes().any(|b| b.is_ascii_lowercase());
    value.len() >= 8 && runs >= 1 && lower && value.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether what `key` names goes to `place`: `$.cart` or `$.newCart` behind `/carts/`, or as `cartId`.
fn names_its_thing(key: &str, place: ValueUse<'_>) -> bool {
    let thing = singular(key.rsplit('_').next().unwrap_or_default());
    match place {
        ValueUse::Path(before) => singular(&snake(before)) == thing,
        ValueUse::Key(used) => {
            let used = snake(used);
            is_id_key(&used) && owner_in(&used) == Some(thing)
        }
    }
}

/// A key that says nothing about whose it is.
fn is_bare(key: &str) -> bool {
    matches!(key, "id" | "uuid" | "guid" | "key" | "code" | "number" | "no" | "ref")
}

/// `product_id` → `product`
fn owner_in(key: &str) -> Option<String> {
    key.rsplit_once('_').map(|(owner, _)| singular(owner))
}

/// A number that many things have.
pub(super) fn is_small(value: &str) -> bool {
    value.len() <= 3 && is_number(value)
}

/// Digits and nothing else.
pub(in crate::har) fn is_number(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit())
}

/// What a URL names last: `/api/orders/7` → `order`.
pub(super) fn owner_of(url: &Url) -> String {
    let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    candidates("GET", &segments).into_iter().next().unwrap_or_default()
}

/// A step into JSON.
#[derive(Debug, Clone, Copy)]
pub(super) enum PathPart<'j> {
    Key(&'j str),
    Index(usize),
}

/// `$.flights[0].id`; keys that are no plain words are quoted.
pub(super) fn json_path(parts: &[PathPart<'_>]) -> String {
    let mut path = String::with_capacity(12 * parts.len() + 1);
    path.push('$');
    for part in parts {
        // Cannot fail: a `String` takes everything.
        let _ = match part {
            PathPart::Key(key) if is_plain(key) => write!(path, ".{key}"),
            PathPart::Key(key) => write!(path, "[{}]", Json::from(*key)),
            PathPart::Index(index) => write!(path, "[{index}]"),
        };
    }
    path
}

fn is_plain(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(owner: &str, key: &str) -> ValueOrigin {
        let answer = AnswerContext { number: 0, known_at: 0, owner, count: 0 };
        ValueOrigin::new(&answer, CaptureOrigin::Json("$.id".into()), key)
    }

    #[test]
    fn ids_go_where_their_own_kind_belongs() {
        assert!(origin("products", "id").fits("1074", ValueUse::Path("products")));
        assert!(!origin("user", "id").fits("1074", ValueUse::Path("products")));
        assert!(origin("products", "id").fits("1074", ValueUse::Key("productId")));
        assert!(origin("user", "product_id").fits("1074", ValueUse::Path("products")));
        assert!(!origin("user", "id").fits("1074", ValueUse::Key("id")));
        assert!(origin("products", "sku").fits("SKU-1074", ValueUse::Key("sku")));
        assert!(!origin("flags", "code").fits("search", ValueUse::Path("api")));
        assert!(origin("api", "cart").fits("4711", ValueUse::Path("carts")));
        assert!(origin("api", "newCart").fits("4711", ValueUse::Path("cart")));
        assert!(origin("api", "carts").fits("4711", ValueUse::Key("cartId")));
        assert!(!origin("api", "cart").fits("4711", ValueUse::Path("orders")));
        assert!(!origin("api", "page").fits("4711", ValueUse::Key("page")));
        assert!(origin("viewer", "id").fits("VXNlcjox", ValueUse::Key("id")));
        assert!(!origin("viewer", "id").fits("SummerSale", ValueUse::Key("id")));
        assert!(!origin("api", "category").fits("tea", ValueUse::Path("categories")));
        assert!(origin("x", "y").fits("8f14e45fceea167a", ValueUse::Path("orders")));
    }
}
