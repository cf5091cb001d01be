//! How long a user waits: constant, or drawn from a law.

use crate::declared::delay::DELAY_LAW;
use crate::{Decode, Fields, Node, NodeValue, ProblemKind, Problems, text};
use plimsoll_units::Nanos;

/// A law of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelaySpec {
    /// Always the same.
    Constant(Nanos),
    /// Between the two, equally likely.
    Uniform(Nanos, Nanos),
    /// Exponential with this mean.
    Exponential(Nanos),
    /// Normal with mean and standard deviation.
    Normal(Nanos, Nanos),
}

/// `5s`, `2s..8s`, `{ exponential: 5s }`, `{ normal: [5s, 1s] }`.
pub(super) fn law(node: &Node, problems: &mut Problems) -> Option<DelaySpec> {
    if let NodeValue::Mapping(_) = &node.value {
        return law_by_name(node, problems);
    }
    let found = text(node, "a time like `5s` or `2s..8s`", problems)?;
    let Some((low, high)) = found.split_once("..") else {
        return Nanos::decode(node, problems).map(DelaySpec::Constant);
    };
    match (low.parse::<Nanos>(), high.parse::<Nanos>()) {
        (Ok(low), Ok(high)) if low <= high => Some(DelaySpec::Uniform(low, high)),
        (Ok(_), Ok(_)) => {
            problems.report(node.span, ProblemKind::RangeReversed { found: found.to_owned() });
            None
        }
        (Err(error), _) | (_, Err(error)) => {
            let found = found.to_owned();
            problems.report(node.span, ProblemKind::BadUnit { found, error });
            None
        }
    }
}

fn law_by_name(node: &Node, problems: &mut Problems) -> Option<DelaySpec> {
    let mut fields = Fields::of(node, &DELAY_LAW, problems)?;
    let exponential = fields.read("exponential", problems);
    let normal: Option<Vec<Nanos>> = fields.read("normal", problems);
    let law = match (exponential, normal.as_deref()) {
        (Some(mean), None) => Some(DelaySpec::Exponential(mean)),
        (None, Some(&[mean, deviation])) => Some(DelaySpec::Normal(mean, deviation)),
        (None, Some(_)) => {
            let expected = "a mean and a deviation, like `[5s, 1s]`";
            problems.report(node.span, ProblemKind::WrongShape { expected, found: "a list" });
            None
        }
        // What the declaration's rule or a field has reported.
        _ => None,
    };
    fields.finish(problems);
    law
}
