//! A source text as tokens: what the rules on imports and parameters read, without a parser for all of Rust.

use std::iter::Peekable;
use std::str::CharIndices;

/// An identifier, a number, a lifetime, a literal (as `""`), `::`, `->`, `=>`, or one other sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// The first line is 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this can name something: an identifier or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// The tokens of a text, without comments and without items for tests only.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    without_test_items(&lexed(text))
}

/// The index behind the bracket that closes the one at `open`.
pub(crate) fn behind_group(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[open..].iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    tokens.len()
}

fn without_test_items<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let here = all[at..].iter().map(|token| token.text).take(ATTRIBUTE.len());
        if here.eq(ATTRIBUTE) {
            at = behind_item(all, at + ATTRIBUTE.len());
        } else {
            kept.push(all[at]);
            at += 1;
        }
    }
    kept
}

/// The index behind the item at `at`, which may have more attributes.
fn behind_item(all: &[Token<'_>], mut at: usize) -> usize {
    while all.get(at).is_some_and(|token| token.text == "#") {
        at = behind_group(all, at + 1);
    }
    let ends_with_semicolon = all[at..]
        .iter()
        .find(|token| matches!(token.text, "use" | "const" | "static" | "type" | "fn" | "mod"))
        .is_some_and(|token| matches!(token.text, "use" | "const" | "static" | "type"));
    while let Some(token) = all.get(at) {
        match token.text {
            ";" => return at + 1,
            "{" if !ends_with_semicolon => return behind_group(all, at),
            "(" | "[" | "{" => at = behind_group(all, at),
            _ => at += 1,
        }
    }
    at
}

fn lexed(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let length = length_of(&text[at..]);
        let piece = &text[at..at + length];
        let is_comment = piece.starts_with("//") || piece.starts_with("/*");
        if !first.is_whitespace() && !is_comment {
            let is_literal = piece.ends_with(['"', '\'', '#']) && piece.len() > 1;
            found.push(Token { text: if is_literal { "\"\"" } else { piece }, line });
        }
        line += piece.matches('\n').count();
        at += length;
    }
    found
}

/// How many bytes the token, comment or space at the beginning of `rest` takes.
fn length_of(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or(' ');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if let Some(length) = string(rest).or_else(|| character(rest)) {
        return length;
    }
    if first == '\'' || first.is_alphanumeric() || first == '_' {
        let name = rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_');
        return name.map_or(rest.len(), |length| length + 1);
    }
    if ["::", "->", "=>"].iter().any(|sign| rest.starts_with(sign)) {
        return 2;
    }
    first.len_utf8()
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// A string literal, raw or not, with its prefix.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let body = &rest[prefix.len()..];
    let signs = body.len() - body.trim_start_matches('#').len();
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(signs));
        let length = body[signs + 1..].find(&end).map(|end| end + 1 + signs);
        return Some(prefix.len() + signs + 1 + length.unwrap_or(body.len() - signs - 1));
    }
    (signs == 0).then(|| prefix.len() + quoted(body.char_indices().peekable(), '"', body.len()))
}

/// A character literal, not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'')?;
    let mut signs = body.chars();
    let first = signs.next()?;
    (first == '\\' || signs.next() == Some('\'')).then(|| {
        let prefix = rest.len() - body.len() - 1;
        let quote = &rest[prefix..];
        prefix + quoted(quote.char_indices().peekable(), '\'', quote.len())
    })
}

/// The length of what stands in quotes, from the first quote on.
fn quoted(mut signs: Peekable<CharIndices<'_>>, quote: char, whole: usize) -> usize {
    signs.next();
    while let Some((at, sign)) = signs.next() {
        if sign == '\\' {
            signs.next();
        } else if sign == quote {
            return at + 1;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_hide_what_stands_in_them() {
        let text = "a /* b /* c */ */ \"d \\\" {\" // e\n r#\"f\"g\"# 'h' '\\'' 'i: b\"j\" 0.5";
        assert_eq!(
            texts(text),
            ["a", "\"\"", "\"\"", "\"\"", "\"\"", "'i", ":", "\"\"", "0", ".", "5"]
        );
    }

    #[test]
    fn items_for_tests_are_left_out() {
        let text = "use a; #[cfg(test)] #[path = \"x\"] use b::{c}; #[cfg(test)] pub fn d() { e } \
                    #[cfg(test)] mod f; g";
        assert_eq!(texts(text), ["use", "a", ";", "g"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let found = tokens("a\n/* \n */ \"\n\"\nb");
        assert_eq!(found.last(), Some(&Token { text: "b", line: 5 }));
    }
}
