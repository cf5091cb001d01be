//! What stands before the keys and values of YAML.

use super::Span;

/// Where the tab stands that an error of the parser means, which tells where the value begins that the tab breaks.
pub(super) fn tab_of(text: &str, message: &str, told: Span) -> Option<Span> {
    if !message.split_whitespace().any(|word| word.starts_with("tab")) {
        return None;
    }
    let above = told.line.saturating_sub(1) as usize;
    text.lines().enumerate().skip(above).find_map(|(line, content)| {
        let indent = content.len() - content.trim_start().len();
        let column = content[..indent].find('\t')?;
        Some(Span { line: line as u32 + 1, column: column as u32 + 1, length: 1, ..told })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_is_found_behind_where_the_parser_stopped() {
        let text = "a: b\n  c: d\n \te: f\n";
        let told = Span { line: 1, column: 4, ..Span::default() };
        let found = tab_of(text, "while scanning a plain scalar, found a tab", told);
        assert_eq!(found.map(|span| (span.line, span.column)), Some((3, 2)));
        assert_eq!(tab_of(text, "did not find expected ',' or ']'", told), None);
        assert_eq!(tab_of("a: b\n", "tabs disallowed in this context", told), None);
    }
}
