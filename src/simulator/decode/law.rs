//! Service times: `8ms`, `200ms..400ms`, `{ exponential: 8ms }`, `{ lognormal: { mean: 8ms, cv: 0.5 } }`.

use super::super::declared::values::LOGNORMAL;
use super::super::declared::values::TIME_LAW;
use crate::model::ServiceTimeLaw;
use plimsoll_scenario::{Fields, Node, NodeValue, ProblemKind, Problems};
use plimsoll_units::Nanos;

/// Reads a law of service time.
pub(super) fn law(node: &Node, problems: &mut Problems) -> Option<ServiceTimeLaw> {
    match &node.value {
        NodeValue::Scalar(scalar) => match scalar.text.split_once("..") {
            Some((low, high)) => range(node, low, high, problems),
            None => plimsoll_scenario::Decode::decode(node, problems).map(ServiceTimeLaw::Constant),
        },
        _ => shaped(node, problems),
    }
}

fn range(node: &Node, low: &str, high: &str, problems: &mut Problems) -> Option<ServiceTimeLaw> {
    let mut read = |text: &str| match text.parse::<Nanos>() {
        Ok(span) => Some(span),
        Err(error) => {
            let kind = ProblemKind::BadUnit { found: text.trim().to_owned(), error };
            problems.report(node.span, kind);
            None
        }
    };
    let (low, high) = (read(low)?, read(high)?);
    if low > high {
        let found = format!("{low}..{high}");
        problems.report(node.span, ProblemKind::RangeReversed { found });
        return None;
    }
    Some(ServiceTimeLaw::Uniform { low, high })
}

fn shaped(node: &Node, problems: &mut Problems) -> Option<ServiceTimeLaw> {
    let mut fields = Fields::of(node, &TIME_LAW, problems)?;
    let exponential = fields.read("exponential", problems);
    let lognormal = fields.node("lognormal", problems).map(|node| lognormal(node, problems));
    fields.finish(problems);
    exponential.map(|mean| ServiceTimeLaw::Exponential { mean }).or(lognormal.flatten())
}

fn lognormal(node: &Node, problems: &mut Problems) -> Option<ServiceTimeLaw> {
    let mut fields = Fields::of(node, &LOGNORMAL, problems)?;
    let mean = fields.read("mean", problems);
    let cv = fields.read("cv", problems);
    fields.finish(problems);
    Some(ServiceTimeLaw::Lognormal { mean: mean?, cv: cv? })
}
