//! The names of types: each stands for one thing, and none is a word that only this project knows.
//!
//! `docs/glossary.md` has the words to use instead. Items for tests only are free, and so are associated types,
//! whose names their traits prescribe, and files of a test binary.

use std::collections::BTreeMap;

use super::source::{Token, behind_group, tokens};

/// Types that had an invented name, by the name that took its place.
const TYPES: &[(&str, &str)] = &[
    ("Act", "SteeringCommand"),
    ("Aim", "PreparedTarget"),
    ("Audience", "RunObserver"),
    ("Cast", "UserFactory"),
    ("Crowd", "ClosedUsers"),
    ("Fatal", "ConnectionError"),
    ("Goal", "SloLimit"),
    ("Heard", "StreamEvent"),
    ("Held", "IdleConnection"),
    ("Helm", "SteeringObserver"),
    ("Kept", "ConnectionPool"),
    ("Lane", "RequestContext"),
    ("Lot", "Variant"),
    ("News", "Snapshot"),
    ("Ration", "WorkerConnectionLimit"),
    ("Ride", "InFlightRequest"),
    ("Room", "RequestBuffers"),
    ("Seat", "UserSlot"),
    ("Seen", "CheckResult"),
    ("Told", "SourceSnapshot"),
    ("Tools", "ExchangeContext"),
    ("Voice", "OutcomeFormat"),
    ("Way", "HopRequest"),
    ("Wrong", "StreamError"),
];

/// Words that no identifier may have as a part, by the term to use.
const PARTS: &[(&str, &str)] = &[
    ("aim", "target"),
    ("crowd", "users"),
    ("gave", "iteration error"),
    ("goal", "SLO limit"),
    ("goodbye", "GOAWAY, close"),
    ("heard", "event"),
    ("hello", "preface, handshake"),
    ("helm", "steering"),
    ("lane", "request context"),
    ("lot", "variant"),
    ("news", "snapshot, message"),
    ("ration", "connection limit"),
    ("seat", "slot"),
    ("spoilt", "not valid"),
    ("veiled", "redacted"),
    ("voice", "format"),
];

/// A type of the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) line: usize,
}

/// The types that a text defines, without those for tests only and without associated types.
pub(crate) fn definitions(text: &str) -> Vec<Definition> {
    let all = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        match all[at].text {
            // A trait is a type, what stands inside it is associated; so is what an implementation holds.
            "trait" | "impl" if is_item(&all, at) => {
                if all[at].text == "trait" {
                    found.push(definition(all[at + 1]));
                }
                at = all[at..]
                    .iter()
                    .position(|token| token.text == "{")
                    .map_or(all.len(), |open| behind_group(&all, at + open));
            }
            "struct" | "enum" | "type" if is_item(&all, at) && all[at + 1].is_word() => {
                found.push(definition(all[at + 1]));
                at += 2;
            }
            _ => at += 1,
        }
    }
    found
}

fn definition(name: Token<'_>) -> Definition {
    Definition { name: name.text.to_owned(), line: name.line }
}

/// Whether the keyword at `at` begins an item: `impl Trait` in a signature does not.
fn is_item(all: &[Token<'_>], at: usize) -> bool {
    at == 0 || matches!(all[at - 1].text, "}" | ";" | "{" | "]" | "pub" | ")" | "unsafe")
}

/// Names that stand for several types, each with the places of all of them. Takes files and their texts.
pub(crate) fn doubled(files: &[(String, String)]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in files {
        for Definition { name, line } in definitions(text) {
            places.entry(name).or_default().push(format!("{file}:{line}"));
        }
    }
    let several = places.into_iter().filter(|(_, places)| places.len() > 1);
    several.map(|(name, places)| format!("`{name}`: {}", places.join(", "))).collect()
}

/// The banned words of a text: `line: word, and what to say instead`.
pub(crate) fn banned(text: &str) -> Vec<String> {
    let types = definitions(text).into_iter().filter_map(|Definition { name, line }| {
        let (_, instead) = TYPES.iter().find(|(banned, _)| *banned == name)?;
        Some((line, name, *instead))
    });
    let parts = tokens(text).into_iter().filter(Token::is_word).flat_map(|token| {
        let banned = words(token.text).into_iter().filter_map(move |word| {
            let (_, instead) = PARTS.iter().find(|(banned, _)| *banned == word)?;
            Some((token.line, token.text.to_owned(), *instead))
        });
        banned.collect::<Vec<_>>()
    });
    let mut found: Vec<_> = types.chain(parts).collect();
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|(line, name, instead)| format!("{line}: `{name}`, say {instead}"))
        .collect()
}

/// The types that a glossary names: what stands in backticks in the third column of its tables.
pub(crate) fn in_glossary(text: &str) -> Vec<String> {
    let third = text.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(2));
    let quoted = third.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.map(str::to_owned).collect()
}

/// The words of an identifier in lower case: `GaveUpAt`, `gave_up_at` → `gave`, `up`, `at`.
fn words(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in identifier.chars() {
        if letter == '_' || (letter.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        definitions(text).into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn types_are_found_and_associated_ones_and_those_of_tests_are_not() {
        let text = "
            pub(super) struct Open<'a>(&'a str);
            enum Part { Head, Body }
            pub trait Stream { type Item; fn next(&self) -> impl Iterator; }
            impl Stream for Open<'_> { type Item = Part; }
            type Points = Vec<f64>;
            fn typed(x: impl Fn(u8)) { struct Inner; let kind = \"struct Text;\"; }
            #[cfg(test)]
            mod tests { struct Fake; }
        ";
        assert_eq!(names(text), ["Open", "Part", "Stream", "Points", "Inner"]);
    }

    #[test]
    fn doubled_name_is_found_with_both_its_places() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let files = [
            file("a.rs", "struct Part;\nstruct Whole;"),
            file("b.rs", "\nenum Part { A }"),
            file("c.rs", "#[cfg(test)]\nmod tests { struct Whole; }"),
        ];
        assert_eq!(doubled(&files), ["`Part`: a.rs:1, b.rs:2"]);
    }

    #[test]
    fn glossary_names_types_in_its_third_column() {
        let text = "`Aside`\n| word | meaning | in the code | source |\n|---|---|---|---|\n\
                    | check | `x` | `Check`, `CheckResult` | k6 `check` |\n| flow | steps | | |";
        assert_eq!(in_glossary(text), ["Check", "CheckResult"]);
    }

    #[test]
    fn banned_type_is_found_where_it_is_defined() {
        assert_eq!(banned("\nstruct Ride { id: u32 }"), ["2: `Ride`, say InFlightRequest"]);
        assert_eq!(banned("struct RideHailing;"), [""; 0]);
    }

    #[test]
    fn banned_word_is_found_as_a_part_of_any_identifier() {
        let text =
            "fn free_seat() {}\nconst LANE_MAX: u8 = 1;\nstruct CrowdSize;\nlet x = y.gave_up;";
        let found = banned(text);
        assert_eq!(
            found,
            [
                "1: `free_seat`, say slot",
                "2: `LANE_MAX`, say request context",
                "3: `CrowdSize`, say users",
                "4: `gave_up`, say iteration error",
            ]
        );
        assert_eq!(banned("let (duration, allotted, aimless) = (1, 2, 3);"), [""; 0]);
        assert_eq!(banned("// a seat\nlet text = \"goodbye\";"), [""; 0]);
    }
}
