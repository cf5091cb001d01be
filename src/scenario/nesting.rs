//! How deep the texts with a grammar of their own are nested: their parsers follow nesting by recursion, and some
//! build trees as deep as a chain is long, so that what is too deep is refused before it is parsed.

/// The most brackets that may be open at once in a JSON path. Its parser tries each level of a filter that is not
/// closed in several ways, so that twenty levels of 115 bytes took it a minute.
pub const BRACKET_LIMIT: usize = 8;

/// The most operators that an expression of a template may have. Each may be one level of its tree.
pub const OPERATOR_LIMIT: usize = 250;

/// How many brackets are open at once, at most, outside of quotes.
pub fn bracket_depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for c in outside_quotes(text) {
        match c {
            '[' | '(' | '{' => open += 1,
            ']' | ')' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// How many operators, brackets and links of a chain (`a.b`, `a|b`, `not a`) an expression has, outside of quotes.
pub fn operators(expression: &str) -> usize {
    let bare: String = outside_quotes(expression).collect();
    let signs = bare.matches(|c: char| ".|[({-+*/%~<>=!".contains(c)).count();
    let is_operator = |word: &&str| matches!(*word, "not" | "and" | "or" | "if" | "is" | "in");
    let words = bare.split(|c: char| !c.is_alphanumeric() && c != '_').filter(is_operator).count();
    signs + words
}

/// The text without what stands in quotes.
fn outside_quotes(text: &str) -> impl Iterator<Item = char> + '_ {
    let (mut quote, mut escaped) = (None, false);
    text.chars().filter(move |c| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(mark) => {
            escaped = *c == '\\';
            if *c == mark {
                quote = None;
            }
            false
        }
        None if matches!(c, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_quotes_do_not_count() {
        assert_eq!(bracket_depth("$.items[?(@.a == '[[[')][0]"), 2);
        assert_eq!(bracket_depth(r#"$["a\"[[[", 'b']"#), 1);
        assert_eq!(bracket_depth("]]["), 1);
    }

    #[test]
    fn every_link_of_a_chain_counts() {
        assert_eq!(operators("a.b.c | upper"), 3);
        assert_eq!(operators("not a and b in c"), 3);
        assert_eq!(operators("'a.b.c' ~ notes"), 1);
        assert_eq!(operators("- - -1"), 3);
    }
}
