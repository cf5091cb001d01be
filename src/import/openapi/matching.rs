//! Texts that match a regular expression.

use rand::RngExt;
use rand_pcg::Pcg32;
use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// How many texts are tried.
const TRIES: u64 = 300;
/// How often something without an upper bound is repeated beyond its lower one, at most.
const MORE: u32 = 8;
/// How long a text becomes at most, in characters.
const LENGTH_MAX: usize = 2_000;

/// Different texts that match `pattern` and have so many characters: at most `wanted`, the same at every call. None
/// where the pattern is not understood here, or nothing was found.
pub(super) fn matching(pattern: &str, (least, most): (usize, usize), wanted: usize) -> Vec<String> {
    let Some(pattern) = SplitPattern::of(pattern) else { return vec![] };
    let mut found: Vec<String> = vec![];
    for seed in 0..TRIES {
        // Long texts are tried where short ones may have been too short.
        let long = if seed % 2 == 1 { least.min(LENGTH_MAX) as u32 } else { 0 };
        let mut maker = TextMaker {
            chance: Pcg32::new(seed, 0),
            more: (seed % u64::from(MORE)) as u32 + long,
            out: String::new(),
        };
        maker.put(&pattern.tree);
        let mut text = maker.out;
        // Without an end, the pattern says nothing of what follows.
        while text.chars().count() < least && !pattern.anchored_at_end {
            text.push('a');
        }
        let length = text.chars().count();
        if (least..=most).contains(&length) && pattern.matches(&text) && !found.contains(&text) {
            found.push(text);
            if found.len() == wanted {
                break;
            }
        }
    }
    for text in PASSWORDS {
        let fits = (least..=most).contains(&text.len()) && pattern.matches(text);
        if found.is_empty() && fits {
            found.push(text.to_owned());
        }
    }
    found
}

/// What rules for passwords mostly accept.
const PASSWORDS: [&str; 4] = ["Plim-sol1", "Plim-soll-2026", "Plimsoll2026", "aB3$aB3$aB3$aB3$"];

/// A pattern, and what stands before it that looks ahead, which the crate `regex` does not know.
struct SplitPattern {
    tree: Hir,
    whole: Regex,
    /// Whether it must match what follows.
    ahead: Vec<(bool, Regex)>,
    anchored_at_end: bool,
}

impl SplitPattern {
    fn of(pattern: &str) -> Option<Self> {
        let pattern = plain_escapes(pattern);
        let mut rest = pattern.strip_prefix('^').unwrap_or(&pattern);
        let anchored = rest.len() < pattern.len();
        let mut ahead = vec![];
        while let Some((inner, behind)) =
            rest.strip_prefix("(?=").or(rest.strip_prefix("(?!")).and_then(group)
        {
            let must = rest.starts_with("(?=");
            ahead.push((must, Regex::new(&format!("^(?:{inner})")).ok()?));
            rest = behind;
        }
        let body = if anchored { format!("^(?:{rest})") } else { rest.to_owned() };
        Some(Self {
            tree: regex_syntax::parse(&body).ok()?,
            whole: Regex::new(&body).ok()?,
            ahead,
            anchored_at_end: rest.ends_with('$'),
        })
    }

    fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
            && self.ahead.iter().all(|(must, ahead)| ahead.is_match(text) == *must)
    }
}

/// What stands in a group that is open, and behind it.
fn group(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut class, mut escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// JavaScript escapes what need not be.
fn plain_escapes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next)) => {
                chars.next();
                if !"/_\"'@#%=:;<>,!`".contains(next) {
                    out.push('\\');
                }
                out.push(next);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Writes a text along a pattern's tree.
struct TextMaker {
    chance: Pcg32,
    more: u32,
    out: String,
}

impl TextMaker {
    fn put(&mut self, tree: &Hir) {
        if self.out.len() > LENGTH_MAX {
            return;
        }
        match tree.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(class) => self.one_of(class),
            HirKind::Repetition(repetition) => {
                let most = repetition
                    .max
                    .unwrap_or(u32::MAX)
                    .min(repetition.min.saturating_add(self.more));
                let times = self.chance.random_range(repetition.min..=most.max(repetition.min));
                for _ in 0..times.min(LENGTH_MAX as u32) {
                    self.put(&repetition.sub);
                }
            }
            HirKind::Capture(capture) => self.put(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.put(part)),
            HirKind::Alternation(branches) => {
                let at = self.chance.random_range(0..branches.len());
                self.put(&branches[at]);
            }
        }
    }

    /// A character of a class: a letter or digit where it has any.
    fn one_of(&mut self, class: &Class) {
        let has = |c: char| match class {
            Class::Unicode(class) => {
                class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c))
            }
            Class::Bytes(class) => {
                c.is_ascii()
                    && class
                        .ranges()
                        .iter()
                        .any(|range| (range.start()..=range.end()).contains(&(c as u8)))
            }
        };
        let word: Vec<char> =
            ('!'..='~').filter(|c| c.is_ascii_alphanumeric() && has(*c)).collect();
        let other: Vec<char> = (' '..='~').filter(|c| has(*c)).collect();
        let first = match class {
            Class::Unicode(class) => {
                class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start)
            }
            Class::Bytes(class) => class.ranges().first().map(|range| char::from(range.start())),
        };
        let from = if word.is_empty() { other } else { word };
        let drawn = (!from.is_empty()).then(|| from[self.chance.random_range(0..from.len())]);
        self.out.extend(drawn.or(first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_their_patterns() {
        for (pattern, sizes) in [
            ("^[A-Z]{3}$", (0, 100)),
            (r"^\d{4}-\d{2}-\d{2}$", (0, 100)),
            (r"^(https?:\/\/)[\w\-]+(\.[\w\-]+)+$", (0, 100)),
            ("^[a-z0-9]+(-[a-z0-9]+)*$", (10, 12)),
            ("^[a-z]+$", (30, 40)),
            ("x", (3, 5)),
            (r"^(?=.*[A-Z])(?=.*\d)(?!.*\s).{8,}$", (8, 64)),
            ("^[0-9a-fA-F]{24}$", (24, 24)),
            (r"^\+[1-9]\d{1,14}$", (0, 16)),
        ] {
            let found = matching(pattern, sizes, 3);
            assert!(!found.is_empty(), "{pattern}");
            for text in &found {
                assert!((sizes.0..=sizes.1).contains(&text.chars().count()), "{pattern}: {text}");
            }
            assert_eq!(found, matching(pattern, sizes, 3), "{pattern}");
        }
        assert_eq!(matching("(", (0, 10), 1), Vec::<String>::new());
        assert_eq!(matching("^a$", (5, 10), 1), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_answered_without_panic(pattern in "(?s).{0,30}|[\\[\\](){}?*+^$|.a-z\\\\=!]{0,20}") {
            matching(&pattern, (0, 50), 2);
        }
    }
}
