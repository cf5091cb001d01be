//! The plain types that fields have: texts, numbers, truth values, units, lists.

use std::str::FromStr;

use super::{Decode, list, text};
use crate::core_schema;
use crate::format::Grammar;
use crate::{Node, NodeValue, ProblemKind, Problems, Spanned};
use plimsoll_units::{Bytes, Money, Nanos, ParseUnitError, Ratio, WorkRate};

impl Decode for Node {
    fn decode(node: &Node, _: &mut Problems) -> Option<Self> {
        Some(node.clone())
    }

    fn reads(_: &Grammar) -> bool {
        true
    }
}

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        text(node, "a text", problems).map(str::to_owned)
    }

    fn reads(grammar: &Grammar) -> bool {
        matches!(grammar, Grammar::Text(_) | Grammar::Form(..) | Grammar::Name | Grammar::Quantity)
    }
}

impl Decode for bool {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let expected = "`true` or `false`";
        let NodeValue::Scalar(scalar) = &node.value else {
            let kind = ProblemKind::WrongShape { expected, found: node.kind() };
            problems.report(node.span, kind);
            return None;
        };
        let value = core_schema::truth(&scalar.text).filter(|_| scalar.plain);
        if value.is_none() {
            let found = scalar.text.clone();
            problems.report(node.span, ProblemKind::BadNumber { expected, found });
        }
        value
    }

    fn reads(grammar: &Grammar) -> bool {
        matches!(grammar, Grammar::Flag)
    }
}

/// A whole number as YAML 1.2 writes it (`5`, `0x1F`, `0o17`), digits grouped by `_` allowed.
fn whole<T: TryFrom<i128>>(
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let found = text(node, expected, problems)?;
    let value = core_schema::whole(&found.replace('_', "")).and_then(|value| value.try_into().ok());
    if value.is_none() {
        problems.report(node.span, ProblemKind::BadNumber { expected, found: found.to_owned() });
    }
    value
}

/// A number as YAML 1.2 writes it, digits grouped by `_` allowed; infinite where it says so.
pub(crate) fn float(text: &str) -> Option<f64> {
    core_schema::number(&text.replace('_', ""))
}

macro_rules! decode_whole_number {
    ($($type:ty => $expected:literal, $most:expr);*) => { $(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                whole(node, $expected, problems)
            }

            /// Bounds of the grammar must fit into the type.
            fn reads(grammar: &Grammar) -> bool {
                matches!(grammar, Grammar::Whole(_, high) if *high <= $most)
            }
        }
    )* };
}

decode_whole_number! {
    u8 => "a whole number from 0 to 255", f64::from(u8::MAX);
    u16 => "a whole number from 0 to 65535", f64::from(u16::MAX);
    u32 => "a whole number", f64::from(u32::MAX);
    u64 => "a whole number", u64::MAX as f64
}

/// Finite and not negative: nothing in these files is below zero.
impl Decode for f64 {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let found = text(node, "a number", problems)?;
        let expected = match float(found) {
            Some(value) if value.is_finite() && value >= 0.0 => return Some(value),
            Some(_) => "a number that is not negative",
            None => "a number",
        };
        let found = found.to_owned();
        problems.report(node.span, ProblemKind::BadNumber { expected, found });
        None
    }

    fn reads(grammar: &Grammar) -> bool {
        matches!(grammar, Grammar::Number(..))
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
    ($($type:ty => $expected:literal, ($grammar:pat)),*) => { $(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                unit(node, $expected, problems)
            }

            fn reads(grammar: &Grammar) -> bool {
                matches!(grammar, $grammar)
            }
        }
    )* };
}

decode_unit! {
    Nanos => "a time like 200ms or 30s", (Grammar::Duration | Grammar::PositiveDuration),
    Ratio => "a share like 0.1%", (Grammar::Share | Grammar::Portion),
    Bytes => "a size like 512 MiB", (Grammar::Size),
    Money => "an amount like $60", (Grammar::Money),
    WorkRate => "a rate like 300 req/s or 40 iter/s", (Grammar::Rate)
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Self::new(T::decode(node, problems)?, node.span))
    }

    fn reads(grammar: &Grammar) -> bool {
        T::reads(grammar)
    }
}

/// All items are looked at, also behind a wrong one.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = list(node, "a list", problems)?;
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, problems)).collect();
        decoded.into_iter().collect()
    }

    fn reads(grammar: &Grammar) -> bool {
        matches!(grammar, Grammar::List(item) if T::reads(item))
    }
}
