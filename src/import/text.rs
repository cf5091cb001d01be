//! Texts of a scenario in the making: literals, and what takes the place of recorded values.

use std::ops::Range;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextPiece {
    /// As recorded.
    Literal(String),
    /// A template expression, without its braces.
    Expression(String),
    /// A value from the environment, with a default that is no secret.
    Environment {
        /// The variable.
        name: String,
        /// What stands in for it.
        default: String,
    },
}

/// A text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DraftText(pub(super) Vec<TextPiece>);

impl DraftText {
    pub(super) fn literal(text: impl Into<String>) -> Self {
        Self(vec![TextPiece::Literal(text.into())])
    }

    pub(super) fn expression(expression: impl Into<String>) -> Self {
        Self(vec![TextPiece::Expression(expression.into())])
    }

    /// The recorded value, where nothing has taken its place.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [TextPiece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// `text` with pieces in the place of some of its spans, which are apart and in order.
    pub(super) fn spliced(text: &str, spans: Vec<(Range<usize>, TextPiece)>) -> Self {
        let mut pieces = vec![];
        let mut end = 0;
        for (span, piece) in spans {
            if span.start > end {
                pieces.push(TextPiece::Literal(text[end..span.start].to_owned()));
            }
            end = span.end;
            pieces.push(piece);
        }
        if end < text.len() {
            pieces.push(TextPiece::Literal(text[end..].to_owned()));
        }
        Self(pieces)
    }

    /// Literals side by side become one, so that what stands at their seam is escaped as well.
    pub(super) fn merged(self) -> Self {
        let mut pieces: Vec<TextPiece> = vec![];
        for piece in self.0 {
            match (pieces.last_mut(), piece) {
                (Some(TextPiece::Literal(before)), TextPiece::Literal(more)) => {
                    before.push_str(&more);
                }
                (_, piece) => pieces.push(piece),
            }
        }
        Self(pieces)
    }

    /// The same with every literal changed.
    pub(super) fn map_literal(self, change: impl Fn(String) -> String) -> Self {
        let pieces = self.0.into_iter().map(|piece| match piece {
            TextPiece::Literal(text) => TextPiece::Literal(change(text)),
            other => other,
        });
        Self(pieces.collect())
    }

    /// As it is written in a scenario file: braces and dollars that mean nothing stay what they are.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        for (index, piece) in self.0.iter().enumerate() {
            match piece {
                TextPiece::Literal(text) => {
                    let before_braces =
                        matches!(self.0.get(index + 1), Some(TextPiece::Expression(_)));
                    out.push_str(&escaped(text, before_braces));
                }
                TextPiece::Expression(expression) => {
                    out.push_str("{{ ");
                    out.push_str(expression);
                    out.push_str(" }}");
                }
                TextPiece::Environment { name, default } => {
                    out.push_str("${");
                    out.push_str(name);
                    out.push_str(":-");
                    out.push_str(default);
                    out.push('}');
                }
            }
        }
        let closes =
            matches!(self.0.last(), Some(TextPiece::Literal(text)) if text.ends_with("}}"));
        if closes && out.starts_with("{{") && out.matches("{{").count() == 1 {
            // It would be taken for a single expression.
            out.truncate(out.len() - 1);
            out.push_str("{{ '}' }}");
        }
        out
    }
}

/// A literal in which neither templates nor the environment find anything.
fn escaped(text: &str, before_braces: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let opens =
            c == '{' && (after.starts_with(['{', '%', '#']) || (after.is_empty() && before_braces));
        // A dollar before a brace would ask the environment; written so, nothing is asked.
        let asks = c == '$' && (after.starts_with(['{', '$']) || after.is_empty());
        if opens || asks {
            if out.ends_with('{') {
                // A single brace would join those of the expression.
                out.pop();
                out.push_str("{{ '{' }}");
            }
            out.push_str("{{ '");
            out.push(c);
            out.push_str("' }}");
        } else {
            out.push(c);
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_dollars_of_recorded_values_mean_nothing() {
        assert_eq!(DraftText::literal("a{{b").written(), "a{{ '{' }}{b");
        assert_eq!(DraftText::literal("{%x").written(), "{{ '{' }}%x");
        assert_eq!(DraftText::literal("${HOME}").written(), "{{ '$' }}{HOME}");
        assert_eq!(DraftText::literal("{$").written(), "{{ '{' }}{{ '$' }}");
        assert_eq!(DraftText::literal("{{}}").written(), "{{ '{' }}{}{{ '}' }}");
    }

    #[test]
    fn splicing_keeps_what_stands_around() {
        let token = || TextPiece::Expression("token".into());
        let text = DraftText::spliced("Token abc, abc", vec![(6..9, token()), (11..14, token())]);
        assert_eq!(text.written(), "Token {{ token }}, {{ token }}");
        assert_eq!(DraftText::spliced("", vec![]).written(), "");
    }
}
