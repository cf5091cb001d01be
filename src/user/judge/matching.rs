//! Whether values are what a matcher wants.

use serde_json::Value as Json;

use super::body::excerpt;
use plimsoll_plan::Matcher;
use plimsoll_units::Decimal;

/// Where values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchedSource {
    /// A header or a body: texts, in which a number means its digits.
    Text,
    /// A path that finds one value at most.
    One,
    /// A path that may find many.
    Many,
}

impl MatchedSource {
    /// What a JSON path finds: names and indices alone find one value at most (RFC 9535, §2.3.5.1).
    pub(super) fn of_path(path: &str) -> Self {
        let quotes: Vec<&str> = path.split(['\'', '"']).step_by(2).collect();
        let bare = quotes.concat();
        let many = bare.contains("..") || bare.contains(['*', '?', ',', ':']);
        if many { Self::Many } else { Self::One }
    }
}

/// Why `values` are not what `matcher` wants.
pub(super) fn mismatch(
    matcher: &Matcher,
    values: &[&Json],
    source: MatchedSource,
) -> Option<String> {
    match matcher {
        Matcher::Absent => {
            let found = values.first()?;
            Some(format!("is {}, expected nothing there", shown(found)))
        }
        Matcher::All(each) => mismatch_of_all(each, values, source),
        Matcher::Any(one) => {
            let meets = |value: &&Json| mismatch(one, &[value], source).is_none();
            if values.iter().any(meets) {
                return None;
            }
            let found = match values {
                [] => "no value".to_owned(),
                [one] => shown(one),
                [first, ..] => format!("{} values like {}", values.len(), shown(first)),
            };
            Some(format!("has {found}, expected one that is {}", wanted(one)))
        }
        Matcher::Count(how_many) => {
            let count = match (source, values) {
                (MatchedSource::One, [Json::Array(items)]) => items.len(),
                (MatchedSource::One, [Json::Object(entries)]) => entries.len(),
                _ => values.len(),
            };
            let is_met = mismatch(how_many, &[&Json::from(count)], MatchedSource::One).is_none();
            (!is_met).then(|| format!("has {count} values, expected {}", wanted(how_many)))
        }
        _ if values.is_empty() => Some("is missing".to_owned()),
        each => mismatch_of_all(each, values, source),
    }
}

fn mismatch_of_all(each: &Matcher, values: &[&Json], source: MatchedSource) -> Option<String> {
    let misses = |value: &Json| match each {
        Matcher::All(_) | Matcher::Any(_) | Matcher::Count(_) | Matcher::Absent => {
            mismatch(each, &[value], source).is_some()
        }
        simple => !meets(simple, value, source),
    };
    let (at, value) = values.iter().enumerate().find(|(_, value)| misses(value))?;
    let of_many = match values.len() {
        1 => String::new(),
        count => format!(" (value {} of {count})", at + 1),
    };
    let text = match (each, value) {
        // Otherwise `5` would be said not to be 5.
        (Matcher::Equals(wanted), Json::String(_)) if !wanted.is_string() => {
            excerpt(value.to_string().as_bytes())
        }
        _ => shown(value),
    };
    Some(format!("is {text}{of_many}, expected {}", wanted(each)))
}

/// Whether one value is what a matcher of one value wants.
fn meets(matcher: &Matcher, value: &Json, source: MatchedSource) -> bool {
    let is = |holds: &dyn Fn(Decimal) -> bool| number(value).is_some_and(holds);
    match matcher {
        Matcher::Equals(wanted) if source == MatchedSource::Text => same_text(wanted, value),
        Matcher::Equals(wanted) => same(wanted, value),
        Matcher::Contains(part) => text(value).contains(part),
        Matcher::Matches(regex) => regex.is_match(&text(value)),
        Matcher::Below(limit) => is(&|number| number < *limit),
        Matcher::AtMost(limit) => is(&|number| number <= *limit),
        Matcher::Above(limit) => is(&|number| number > *limit),
        Matcher::AtLeast(limit) => is(&|number| number >= *limit),
        _ => true,
    }
}

/// What is wanted, in words.
fn wanted(matcher: &Matcher) -> String {
    let number = |text: &str, limit: &Decimal| format!("{text} {limit}");
    match matcher {
        Matcher::Exists => "there".to_owned(),
        Matcher::Absent => "nothing there".to_owned(),
        Matcher::Equals(wanted) => wanted.to_string(),
        Matcher::Contains(part) => format!("something with `{part}`"),
        Matcher::Matches(regex) => format!("a match of `{regex}`"),
        Matcher::Below(limit) => number("less than", limit),
        Matcher::AtMost(limit) => number("at most", limit),
        Matcher::Above(limit) => number("more than", limit),
        Matcher::AtLeast(limit) => number("at least", limit),
        Matcher::Any(one) => format!("one that is {}", wanted(one)),
        Matcher::All(each) => format!("all of them {}", wanted(each)),
        Matcher::Count(how_many) => format!("{} values", wanted(how_many)),
    }
}

/// Equal in type and value; numbers exactly, mappings in any order.
fn same(wanted: &Json, found: &Json) -> bool {
    match (wanted, found) {
        (Json::Number(wanted), Json::Number(found)) => {
            let of = |number: &serde_json::Number| number.as_str().parse::<Decimal>();
            wanted == found || of(wanted).is_ok_and(|wanted| of(found) == Ok(wanted))
        }
        (Json::Array(wanted), Json::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(a, b)| same(a, b))
        }
        (Json::Object(wanted), Json::Object(found)) => {
            let is_there = |(key, value)| found.get(key).is_some_and(|found| same(value, found));
            wanted.len() == found.len() && wanted.iter().all(is_there)
        }
        _ => wanted == found,
    }
}

/// Whether a text is what a literal of the file says.
fn same_text(wanted: &Json, found: &Json) -> bool {
    let found = text(found);
    match wanted {
        Json::String(wanted) => *wanted == found,
        Json::Number(wanted) => {
            let wanted = wanted.as_str().parse::<Decimal>();
            wanted.is_ok_and(|wanted| found.trim().parse() == Ok(wanted))
        }
        wanted => {
            let wanted = wanted.to_string();
            wanted == found
        }
    }
}

/// A number, also one that is written as a text.
fn number(value: &Json) -> Option<Decimal> {
    match value {
        Json::Number(number) => number.as_str().parse().ok(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(value: &Json) -> String {
    excerpt(text(value).as_bytes())
}
