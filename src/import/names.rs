//! Names for steps and values from paths and keys, as a person would give them.

use plimsoll_plan::TemplateNames;
use std::collections::{BTreeMap, BTreeSet};

/// Path segments that say nothing about what is asked for.
const EMPTY_WORDS: [&str; 8] = ["api", "rest", "v1", "v2", "v3", "v4", "www", "index"];

/// `camelCase`, `kebab-case` and anything else → `snake_case`, beginning with a letter; may be empty.
pub(super) fn snake(text: &str) -> String {
    let mut out = String::new();
    let mut last = ' ';
    for c in text.chars().take(80) {
        if c.is_ascii_alphanumeric() {
            let new_word = c.is_ascii_uppercase() && last.is_ascii_lowercase();
            if (new_word || !last.is_ascii_alphanumeric()) && !out.is_empty() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
        last = c;
    }
    match out.chars().next() {
        Some(c) if c.is_ascii_digit() => format!("n{out}"),
        _ => out,
    }
}

/// The name of one of many: `flights` → `flight`, `categories` → `category`.
pub(super) fn singular(word: &str) -> String {
    let strip = |end: &str, put: &str| word.strip_suffix(end).map(|stem| format!("{stem}{put}"));
    if word.len() < 4 || word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_owned();
    }
    strip("ies", "y")
        .or_else(|| strip("sses", "ss"))
        .or_else(|| strip("xes", "x"))
        .or_else(|| strip("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// Whether a path segment names one thing among many: a number, a UUID, a hash, `FL-1023`.
pub(super) fn is_id(segment: &str) -> bool {
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    let letters = segment.chars().filter(char::is_ascii_alphabetic).count();
    let others = segment.len() - digits - letters;
    if digits == 0 || segment.contains('.') {
        return false;
    }
    letters == 0 || is_opaque(segment) || (digits >= 2 && digits * 2 >= letters && others <= 4)
}

/// Whether a value is too random to have been typed: a token, a UUID, a hash.
pub(super) fn is_opaque(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    // Most values are short words: they are told first.
    if bytes.len() < 8 || digits == 0 {
        return false;
    }
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~+/=|:%".contains(b);
    let hex = || bytes.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    bytes.iter().all(plain) && (bytes.len() >= 16 || (digits >= 2 && hex()))
}

/// Whether templates know this word already, so that it can name neither a data set nor a captured value.
pub(super) fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "range",
        "dict",
        "debug",
        "namespace",
        "true",
        "false",
        "none",
        "not",
        "and",
        "or",
        "in",
        "is",
        "if",
        "else",
    ];
    name.is_empty()
        || WORDS.contains(&name)
        || TemplateNames::FUNCTIONS.contains(&name)
        || TemplateNames::BUILT_IN.contains(&name)
}

/// Candidates for a request's name, the nicest first. `segments` are decoded; ids among them are known.
pub(super) fn candidates(method: &str, segments: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    for segment in segments.iter().filter(|segment| !segment.is_empty()) {
        if is_id(segment) || segment.starts_with('{') {
            if let Some(last) = words.last_mut() {
                *last = singular(last);
            }
            continue;
        }
        let stem = segment.strip_suffix(".html").or(segment.strip_suffix(".php"));
        let word = snake(stem.unwrap_or(segment));
        if !word.is_empty() && !EMPTY_WORDS.contains(&word.as_str()) {
            words.push(word);
        }
    }
    let Some(last) = words.last().cloned() else {
        let home =
            if method == "GET" { "home".to_owned() } else { format!("{}_home", lower(method)) };
        return vec![home];
    };
    let method = lower(method);
    let mut found = vec![last.clone()];
    if method != "get" {
        // Sending to a collection makes one of them: `create_order`; anything else is a deed: `login`.
        let at = usize::from(singular(&last) == last && method == "post");
        found.insert(at, format!("{}_{}", verb(&method), singular(&last)));
    }
    if let [.., parent, _] = &words[..] {
        found.push(format!("{parent}_{last}"));
        found.push(format!("{method}_{parent}_{last}"));
    }
    found.push(format!("{method}_{}", words.join("_")));
    found
}

fn lower(method: &str) -> String {
    method.to_ascii_lowercase()
}

fn verb(method: &str) -> &str {
    match method {
        "post" => "create",
        "put" | "patch" => "update",
        other => other,
    }
}

/// Names given so far: each stands for one thing.
#[derive(Debug)]
pub(super) struct UniqueNames<K> {
    taken: BTreeSet<String>,
    of: BTreeMap<K, String>,
    /// The number that was given last behind a stem: all before it are taken.
    numbers: BTreeMap<String, u32>,
}

impl<K> Default for UniqueNames<K> {
    fn default() -> Self {
        Self { taken: BTreeSet::new(), of: BTreeMap::new(), numbers: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> UniqueNames<K> {
    /// The name of `thing`: the one it has, or the first candidate that is free, with a number if none is.
    pub(super) fn give(&mut self, thing: &K, candidates: &[String]) -> String {
        if let Some(name) = self.of.get(thing) {
            return name.clone();
        }
        let free = |name: &String| !name.is_empty() && !self.taken.contains(name);
        let first = candidates.first().filter(|name| !name.is_empty());
        let stem = first.cloned().unwrap_or_else(|| "value".to_owned());
        let name = if let Some(name) = candidates.iter().find(|name| free(name)) {
            name.clone()
        } else {
            let last = self.numbers.get(&stem).copied().unwrap_or(1);
            let numbered = |n: u32| (n, format!("{stem}_{n}"));
            let found = (last + 1..=u32::MAX).map(numbered).find(|(_, name)| free(name));
            let (number, name) = found.unwrap_or((last, stem.clone()));
            self.numbers.insert(stem, number);
            name
        };
        self.taken.insert(name.clone());
        self.of.insert(thing.clone(), name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_a_name_of_its_own() {
        let mut names = UniqueNames::<u32>::default();
        let mut give = |thing, of: &[&str]| {
            let candidates: Vec<String> = of.iter().map(|name| (*name).to_owned()).collect();
            names.give(&thing, &candidates)
        };
        assert_eq!(give(1, &["id"]), "id");
        assert_eq!(give(2, &["id_3"]), "id_3");
        assert_eq!(
            [give(3, &["id"]), give(4, &["id"]), give(5, &["id"])],
            ["id_2", "id_4", "id_5"]
        );
        assert_eq!(give(3, &["other"]), "id_2");
        assert_eq!(give(6, &["id", "item_id"]), "item_id");
    }

    #[test]
    fn names_read_as_a_person_would_give_them() {
        assert_eq!(candidates("GET", &["api", "v1", "flights", "1023"])[0], "flight");
        assert_eq!(candidates("POST", &["api", "auth", "login"])[0], "login");
        assert_eq!(candidates("POST", &["api", "bookings"])[0], "create_booking");
        assert_eq!(candidates("GET", &[""])[0], "home");
        assert_eq!(snake("flightId"), "flight_id");
        assert_eq!(snake("X-CSRF-Token"), "x_csrf_token");
        assert_eq!(snake("2fa"), "n2fa");
        assert_eq!(singular("categories"), "category");
        assert_eq!(singular("status"), "status");
    }

    #[test]
    fn ids_are_told_from_words() {
        for id in
            ["42", "0b0f8f9e-7d0c-4b6b-9d5e-1f2a3b4c5d6e", "FL-1023", "507f1f77bcf86cd799439011"]
        {
            assert!(is_id(id), "{id}");
        }
        for word in ["login", "v2beta", "app.js", "oauth2", "level1"] {
            assert!(!is_id(word), "{word}");
        }
    }

    #[test]
    fn second_thing_of_a_name_gets_another_one() {
        let mut names = UniqueNames::default();
        let candidates = ["orders".to_owned(), "create_order".to_owned()];
        assert_eq!(names.give(&1, &candidates), "orders");
        assert_eq!(names.give(&2, &candidates), "create_order");
        assert_eq!(names.give(&3, &candidates), "orders_2");
        assert_eq!(names.give(&2, &candidates), "create_order");
    }

    #[test]
    fn words_that_templates_know_are_no_names() {
        for word in ["hmac", "lower", "date", "vu", "not", ""] {
            assert!(is_reserved(word), "{word}");
        }
        assert!(!is_reserved("token"));
    }
}
