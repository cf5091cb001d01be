//! Operators of expressions that must not do what the template engine does with them.
//!
//! The engine orders values of unlike kinds by their kind, so that a text is above every number, and joins values
//! as Python prints them. Comparisons and `~` are therefore written as calls before an expression is compiled:
//! `a > b` as a call of [`COMPARE`], an operand of `~` as one of [`TEXT`].

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::value::{decimal, write_json};
use plimsoll_units::Decimal;

/// The function that compares. Not a name that an author would use.
pub(super) const COMPARE: &str = "__compare";
/// The function that makes a text of a value.
pub(super) const TEXT: &str = "__text";

/// The function that says whether a value holds. Not a name that an author would use.
pub(super) const HOLDS: &str = "__holds";

/// What an expression is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedFor {
    /// Its value.
    Value,
    /// Whether it holds.
    Truth,
}

/// The expression with calls in place of comparisons, operands of `~` and what decides by its truth; none where it has
/// none of these.
pub(super) fn with_calls(source: &str, asked_for: AskedFor) -> Option<String> {
    let tokens = tokens(source);
    let is_meant = |token: &ExpressionToken| match token.kind {
        TokenKind::Comparison | TokenKind::Concatenation | TokenKind::In | TokenKind::Not => true,
        TokenKind::Separator => matches!(&source[token.at.clone()], "if" | "and" | "or"),
        _ => false,
    };
    let is_truth = asked_for == AskedFor::Truth;
    tokens
        .iter()
        .any(is_meant)
        .then(|| ExpressionWriter { source, tokens: &tokens, is_truth }.list())
}

/// Whether an expression only looks values up and joins them: nothing reckons, compares or is called.
pub(super) fn only_looks_up(source: &str) -> bool {
    let mut rest = source;
    while let Some(at) = rest.find(|c| "\"'+-*/%|(=<>!".contains(c)) {
        let mark = rest[at..].chars().next().unwrap_or_default();
        if !matches!(mark, '"' | '\'') {
            return false;
        }
        rest = &rest[at + quoted(&rest[at..], mark)..];
    }
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Open,
    Close,
    /// `==`, `<=` and the like.
    Comparison,
    In,
    Not,
    Concatenation,
    /// `+` or `-`, which bind less than `~`.
    Sum,
    /// What ends an operand: `and`, `or`, `if`, `else`, a comma, a colon, a single `=`.
    Separator,
    Blank,
    Operand,
    /// Another operator: what follows belongs to the same operand.
    Operator,
}

#[derive(Debug, Clone)]
struct ExpressionToken {
    kind: TokenKind,
    at: Range<usize>,
}

/// The names of the filters (`| name`) and of the tests (`is name`, `is not name`) in an expression.
pub(super) fn filters_and_tests(source: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut filters, mut tests, mut sign) = (vec![], vec![], "");
    for token in tokens(source) {
        let text = &source[token.at];
        match (token.kind, sign) {
            (TokenKind::Blank | TokenKind::Not, _) => continue,
            (TokenKind::Operand, "|") => filters.push(text),
            (TokenKind::Operand, "is") => tests.push(text),
            _ => {}
        }
        sign = if token.kind == TokenKind::Operator { text } else { "" };
    }
    (filters, tests)
}

fn tokens(source: &str) -> Vec<ExpressionToken> {
    let mut tokens: Vec<ExpressionToken> = vec![];
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let (kind, length) = token(&source[at..], first, tokens.last());
        tokens.push(ExpressionToken { kind, at: at..at + length });
        at += length;
    }
    tokens
}

/// The kind and length of the first token of `rest`.
fn token(rest: &str, first: char, before: Option<&ExpressionToken>) -> (TokenKind, usize) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let run = |belongs: &dyn Fn(char) -> bool| {
        rest.char_indices().find(|(_, c)| !belongs(*c)).map_or(rest.len(), |(at, _)| at)
    };
    match first {
        '"' | '\'' => (TokenKind::Operand, quoted(rest, first)),
        '(' | '[' | '{' => (TokenKind::Open, 1),
        ')' | ']' | '}' => (TokenKind::Close, 1),
        '~' => (TokenKind::Concatenation, 1),
        '+' | '-' => (TokenKind::Sum, 1),
        '=' | '!' | '<' | '>' if rest[1..].starts_with('=') => (TokenKind::Comparison, 2),
        '<' | '>' => (TokenKind::Comparison, 1),
        ',' | ':' | '=' => (TokenKind::Separator, 1),
        c if c.is_whitespace() => (TokenKind::Blank, run(&char::is_whitespace)),
        c if is_word(c) => {
            let length = run(&is_word);
            let is_attribute = before.is_some_and(|token| token.kind == TokenKind::Operator);
            let kind = match &rest[..length] {
                _ if is_attribute => TokenKind::Operand,
                "and" | "or" | "if" | "else" => TokenKind::Separator,
                "not" => TokenKind::Not,
                "in" => TokenKind::In,
                "is" => TokenKind::Operator,
                _ => TokenKind::Operand,
            };
            (kind, length)
        }
        c => (TokenKind::Operator, c.len_utf8()),
    }
}

/// The length of a text in quotes, as far as it goes.
fn quoted(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Writes an expression anew.
struct ExpressionWriter<'s> {
    source: &'s str,
    tokens: &'s [ExpressionToken],
    /// Whether only its truth is asked for.
    is_truth: bool,
}

impl<'s> ExpressionWriter<'s> {
    /// Operands between separators.
    fn list(&self) -> String {
        let mut out = String::new();
        let (mut start, mut decides) = (0, false);
        for (index, token) in self.outermost() {
            let ends = match token.kind {
                TokenKind::Separator => true,
                TokenKind::Not => self.is_prefix(index, start),
                _ => false,
            };
            if ends {
                out.push_str(&self.part(start..index).operand(decides));
                let word = &self.source[token.at.clone()];
                out.push_str(word);
                start = index + 1;
                decides = match word {
                    "if" | "not" => true,
                    "and" | "or" => decides && self.decides_at(index),
                    _ => false,
                };
            }
        }
        out.push_str(&self.part(start..self.tokens.len()).operand(decides));
        out
    }

    /// Whether what stands before a sign is a part of what `if` asks, and not the operand of a `not`.
    fn decides_at(&self, index: usize) -> bool {
        let words = self.outermost().take_while(|(at, _)| *at < index);
        let words = words.map(|(_, token)| &self.source[token.at.clone()]);
        words.filter(|word| matches!(*word, "if" | "else" | ",")).last() == Some("if")
    }

    /// An operand of `and` and the like. One that decides by its truth alone is asked whether it holds.
    fn operand(&self, decides: bool) -> String {
        let is_truth = decides || self.is_truth;
        let mut outer = self.outermost().filter(|(_, token)| token.kind != TokenKind::Blank);
        let compares = |(_, token): (usize, &ExpressionToken)| {
            matches!(token.kind, TokenKind::Comparison | TokenKind::In)
                || &self.source[token.at.clone()] == "is"
        };
        if !is_truth || self.is_blank() || self.outermost().any(compares) {
            return Self { is_truth: false, ..*self }.comparisons();
        }
        // What stands in brackets is asked for the same.
        let first = self.tokens.iter().find(|token| token.kind != TokenKind::Blank);
        let is_group = first.is_some_and(|token| &self.source[token.at.clone()] == "(")
            && outer.next().is_some()
            && outer.next().is_none();
        if is_group {
            return Self { is_truth: true, ..*self }.inner();
        }
        format!(" {HOLDS}({}) ", Self { is_truth: false, ..*self }.comparisons().trim())
    }

    /// Whether a `not` begins an operand: not so in `a not in b` and `a is not b`.
    fn is_prefix(&self, index: usize, start: usize) -> bool {
        self.tokens[start..index].iter().all(|token| token.kind == TokenKind::Blank)
    }

    /// Operands with comparisons between them: `a < b <= c` is `a < b and b <= c`.
    fn comparisons(&self) -> String {
        let mut operands = vec![];
        let mut signs = vec![];
        let mut start = 0;
        let mut negated = false;
        for (index, token) in self.outermost() {
            match token.kind {
                TokenKind::Not if self.is_followed_by_in(index) => {
                    operands.push(self.part(start..index).concatenated());
                    (negated, start) = (true, index + 1);
                }
                TokenKind::In if negated => {
                    signs.push("not in");
                    (negated, start) = (false, index + 1);
                }
                TokenKind::Comparison | TokenKind::In => {
                    operands.push(self.part(start..index).concatenated());
                    signs.push(&self.source[token.at.clone()]);
                    start = index + 1;
                }
                _ => {}
            }
        }
        operands.push(self.part(start..self.tokens.len()).concatenated());
        if signs.is_empty() {
            return operands.concat();
        }
        let pairs = operands.windows(2).zip(&signs);
        let calls = pairs.map(|(pair, sign)| {
            format!("{COMPARE}({}, '{sign}', {})", pair[0].trim(), pair[1].trim())
        });
        format!(" ({}) ", calls.collect::<Vec<_>>().join(" and "))
    }

    fn is_followed_by_in(&self, index: usize) -> bool {
        let mut rest = self.tokens[index + 1..].iter();
        rest.find(|token| token.kind != TokenKind::Blank).is_some_and(|t| t.kind == TokenKind::In)
    }

    /// Operands of `~`, between sums.
    fn concatenated(&self) -> String {
        let joins = |(_, token): (usize, &ExpressionToken)| token.kind == TokenKind::Concatenation;
        if !self.outermost().any(joins) {
            return self.inner();
        }
        let mut out = String::new();
        let mut start = 0;
        for (index, token) in self.outermost() {
            let part = self.part(start..index);
            match token.kind {
                TokenKind::Sum if !part.is_blank() => {
                    part.operand_into(&mut out);
                    out.push_str(&self.source[token.at.clone()]);
                    start = index + 1;
                }
                TokenKind::Concatenation => {
                    part.operand_into(&mut out);
                    out.push('~');
                    start = index + 1;
                }
                _ => {}
            }
        }
        self.part(start..self.tokens.len()).operand_into(&mut out);
        out
    }

    fn operand_into(&self, out: &mut String) {
        let _ = write!(out, " {TEXT}({}) ", self.inner().trim());
    }

    fn is_blank(&self) -> bool {
        self.tokens.iter().all(|token| token.kind == TokenKind::Blank)
    }

    /// An operand, with what stands in its brackets.
    fn inner(&self) -> String {
        let mut out = String::new();
        let (mut depth, mut start) = (0_usize, 0);
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open => {
                    if depth == 0 {
                        out.push_str(&self.source[token.at.clone()]);
                        start = index + 1;
                    }
                    depth += 1;
                }
                TokenKind::Close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        out.push_str(&self.part(start..index).list());
                        out.push_str(&self.source[token.at.clone()]);
                    }
                }
                _ if depth == 0 => out.push_str(&self.source[token.at.clone()]),
                _ => {}
            }
        }
        out
    }

    fn part(&self, range: Range<usize>) -> ExpressionWriter<'s> {
        ExpressionWriter { tokens: &self.tokens[range], ..*self }
    }

    /// The tokens outside of brackets.
    fn outermost(&self) -> impl Iterator<Item = (usize, &'s ExpressionToken)> + use<'s> {
        let mut depth = 0_usize;
        self.tokens.iter().enumerate().filter(move |(_, token)| {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }
}

/// `left sign right`. Numbers compare exactly, and a text that is a number compares as one with a number, `true` and
/// `false` with truth values; other values of unlike kinds are not equal and have no order.
pub(super) fn compare(left: &Value, sign: &str, right: &Value) -> Result<bool, Error> {
    if left.is_undefined() || right.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(match sign {
        "==" => equal(left, right),
        "!=" => !equal(left, right),
        "in" => contains(right, left)?,
        "not in" => !contains(right, left)?,
        "<" => order(left, right)? == Ordering::Less,
        "<=" => order(left, right)? != Ordering::Greater,
        ">" => order(left, right)? == Ordering::Greater,
        _ => order(left, right)? != Ordering::Less,
    })
}

pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left == right,
        // What a cell of CSV says is a text.
        (Some(text), None) if right.kind() == ValueKind::Bool => text == text_of(right),
        (None, Some(text)) if left.kind() == ValueKind::Bool => text == text_of(left),
        _ => numbers(left, right).map_or_else(|| left == right, |(left, right)| left == right),
    }
}

fn order(left: &Value, right: &Value) -> Result<Ordering, Error> {
    if let Some((left, right)) = numbers(left, right) {
        return Ok(left.cmp(&right));
    }
    if left.kind() == right.kind() {
        return Ok(left.cmp(right));
    }
    let shown = |value: &Value| {
        let mut text = vec![];
        write_json(value, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        text.chars().take(40).collect::<String>()
    };
    let message = format!(
        "{} ({}) and {} ({}) have no order",
        shown(left),
        left.kind(),
        shown(right),
        right.kind()
    );
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Whether a value holds: not `false`, also where that is a text, nor nothing, nor zero, nor empty.
pub(super) fn holds(value: &Value) -> bool {
    value.is_true() && value.as_str() != Some("false")
}

/// Both as numbers, if both are: texts that are numbers as well.
fn numbers(left: &Value, right: &Value) -> Option<(Decimal, Decimal)> {
    let number = |value: &Value| decimal(value).or_else(|| value.as_str()?.trim().parse().ok());
    Some((number(left)?, number(right)?))
}

fn contains(list: &Value, item: &Value) -> Result<bool, Error> {
    if let Some(text) = list.as_str() {
        return Ok(text.contains(item.as_str().unwrap_or(&text_of(item))));
    }
    if list.as_object().is_some_and(|object| object.repr() == minijinja::value::ObjectRepr::Map) {
        return Ok(list.get_item(item).is_ok_and(|found| !found.is_undefined()));
    }
    Ok(list.try_iter()?.any(|each| equal(&each, item)))
}

/// A value as a text: as JSON where it is none.
pub(super) fn text_of(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let mut text = vec![];
    write_json(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> String {
        let text = with_calls(source, AskedFor::Value).expect("something to compare or join");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comparisons_become_calls_where_they_stand() {
        for (source, expected) in [
            ("a > 5", "(__compare(a, '>', 5))"),
            (
                "a.b+1 <= c|int and not d == 'x > y'",
                "(__compare(a.b+1, '<=', c|int)) and not (__compare(d, '==', 'x > y'))",
            ),
            ("1 < a < 9", "(__compare(1, '<', a) and __compare(a, '<', 9))"),
            ("a not in [1, b == 2]", "(__compare(a, 'not in', [1, (__compare(b, '==', 2)) ]))"),
            ("a is not none and b", "a is not none and b"),
            ("x if a == 1 else y", "x if (__compare(a, '==', 1)) else y"),
            ("f(a, k=b > 1)", "f(a, k= (__compare(b, '>', 1)) )"),
            ("a['if'] == u.not", "(__compare(a['if'], '==', u.not))"),
        ] {
            let text = with_calls(source, AskedFor::Value).unwrap_or_else(|| source.to_owned());
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(text, expected, "{source}");
        }
    }

    #[test]
    fn operands_of_a_joint_become_texts() {
        assert_eq!(rewritten("a ~ b"), "__text(a) ~ __text(b)");
        assert_eq!(
            rewritten("a ~ -1 ~ f(b ~ c)"),
            "__text(a) ~ __text(-1) ~ __text(f( __text(b) ~ __text(c) ))"
        );
        assert_eq!(rewritten("a ~ b == 'x'"), "(__compare(__text(a) ~ __text(b), '==', 'x'))");
    }

    #[test]
    fn what_decides_by_its_truth_alone_is_asked_whether_it_holds() {
        for (source, asked_for, expected) in [
            ("a and not b", AskedFor::Truth, "__holds(a) and not __holds(b)"),
            (
                "(a or b.c) and d > 1",
                AskedFor::Truth,
                "( __holds(a) or __holds(b.c) ) and (__compare(d, '>', 1))",
            ),
            ("a is defined and b", AskedFor::Truth, "a is defined and __holds(b)"),
            ("a or 'x'", AskedFor::Value, "a or 'x'"),
            (
                "x if a and b else c or d",
                AskedFor::Value,
                "x if __holds(a) and __holds(b) else c or d",
            ),
            (
                "not a if b else f(c, d)",
                AskedFor::Value,
                "not __holds(a) if __holds(b) else f(c, d)",
            ),
        ] {
            let text = with_calls(source, asked_for).expect("something to ask");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(text, expected, "{source}");
        }
        assert!(!holds(&Value::from("false")) && holds(&Value::from("true")));
        assert!(!holds(&Value::from("")) && !holds(&Value::from(0)) && holds(&Value::from("0")));
    }

    #[test]
    fn text_of_a_truth_value_compares_as_one() {
        let is = |left: Value, sign, right: Value| compare(&left, sign, &right).expect("an order");
        assert!(is("true".into(), "==", true.into()) && is(false.into(), "==", "false".into()));
        assert!(is("yes".into(), "!=", true.into()) && is("true".into(), "==", "true".into()));
    }

    #[test]
    fn expression_with_neither_is_left_alone() {
        assert_eq!(with_calls("f(a, 'x > y') | upper", AskedFor::Value), None);
        assert_eq!(with_calls("date(days=3)", AskedFor::Truth), None);
    }

    #[test]
    fn text_that_is_a_number_compares_as_one_with_a_number() {
        let is = |left: Value, sign, right: Value| compare(&left, sign, &right).expect("an order");
        assert!(!is("1".into(), ">", 5.into()) && is("10.00".into(), ">", 9.5.into()));
        assert!(is("9".into(), "<", "10".into()) && is("b".into(), ">", "a".into()));
        assert!(is("1".into(), "==", 1.into()) && !is("01".into(), "==", "1".into()));
        assert!(!is("x".into(), "==", 1.into()) && is(2.into(), "in", vec!["1", "2"].into()));
        assert!(is(9_007_199_254_740_993_i64.into(), "!=", 9_007_199_254_740_992.0.into()));
    }

    #[test]
    fn values_of_unlike_kinds_have_no_order() {
        let error = compare(&"many".into(), ">", &5.into()).expect_err("no order");
        assert_eq!(error.detail(), Some("\"many\" (string) and 5 (number) have no order"));
        assert!(compare(&Value::UNDEFINED, "==", &5.into()).is_err());
    }
}
