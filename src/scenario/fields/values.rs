//! The plain types that fields have: texts, numbers, truth values, units, lists.

use std::str::FromStr;

use super::{Decode, list, text};
use crate::scenario::{Node, NodeValue, ProblemKind, Problems, Spanned};
use crate::units::{Bytes, Money, Nanos, ParseUnitError, Ratio, WorkRate};

impl Decode for Node {
    fn decode(node: &Node, _: &mut Problems) -> Option<Self> {
        Some(node.clone())
    }
}

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        text(node, "a text", problems).map(str::to_owned)
    }
}

impl Decode for bool {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            NodeValue::Scalar(scalar) if scalar.plain && scalar.text == "true" => Some(true),
            NodeValue::Scalar(scalar) if scalar.plain && scalar.text == "false" => Some(false),
            NodeValue::Scalar(scalar) => {
                let found = scalar.text.clone();
                let kind = ProblemKind::BadNumber { expected: "`true` or `false`", found };
                problems.report(node.span, kind);
                None
            }
            _ => {
                let kind =
                    ProblemKind::WrongShape { expected: "`true` or `false`", found: node.kind() };
                problems.report(node.span, kind);
                None
            }
        }
    }
}

/// A number that `FromStr` reads, digits grouped by `_` allowed.
fn number<T: FromStr>(node: &Node, expected: &'static str, problems: &mut Problems) -> Option<T> {
    let found = text(node, expected, problems)?;
    if let Ok(value) = found.replace('_', "").parse() {
        return Some(value);
    }
    problems.report(node.span, ProblemKind::BadNumber { expected, found: found.to_owned() });
    None
}

macro_rules! decode_whole_number {
    ($($type:ty => $expected:literal),*) => { $(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                number(node, $expected, problems)
            }
        }
    )* };
}

decode_whole_number! {
    u8 => "a whole number from 0 to 255",
    u16 => "a whole number from 0 to 65535",
    u32 => "a whole number",
    u64 => "a whole number"
}

/// Finite and not negative: nothing in these files is below zero.
impl Decode for f64 {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let value: f64 = number(node, "a number", problems)?;
        if value.is_finite() && value >= 0.0 {
            return Some(value);
        }
        let found = value.to_string();
        let expected = "a number that is not negative";
        problems.report(node.span, ProblemKind::BadNumber { expected, found });
        None
    }
}

/// A value with a unit.
fn unit<T: FromStr<Err = ParseUnitError>>(
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let found = text(node, expected, problems)?;
    match found.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.report(node.span, ProblemKind::BadUnit { found: found.to_owned(), error });
            None
        }
    }
}

macro_rules! decode_unit {
    ($($type:ty => $expected:literal),*) => { $(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                unit(node, $expected, problems)
            }
        }
    )* };
}

decode_unit! {
    Nanos => "a time like 200ms or 30s",
    Ratio => "a share like 0.1%",
    Bytes => "a size like 512 MiB",
    Money => "an amount like $60",
    WorkRate => "a rate like 300 req/s or 40 iter/s"
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Self::new(T::decode(node, problems)?, node.span))
    }
}

/// All items are looked at, also behind a wrong one.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = list(node, "a list", problems)?;
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, problems)).collect();
        decoded.into_iter().collect()
    }
}
