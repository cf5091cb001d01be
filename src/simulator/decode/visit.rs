//! What a request does: a list of visits → a program.

use std::sync::Arc;

use super::law::law;
use super::names::DeclaredNames;
use super::names::other;
use super::names::{position, tier_id};
use crate::declared::route::CACHED;
use crate::model::{CallProgram, CallStep, TierId};
use plimsoll_scenario::{Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, list};

/// The most ops that a program may have.
const LENGTH_LIMIT: usize = 10_000;

/// Reads `visits:` as ops behind `prefix`.
pub(super) fn program(
    prefix: &[CallStep],
    node: Option<&Node>,
    names: &DeclaredNames,
    problems: &mut Problems,
) -> CallProgram {
    let mut ops = prefix.to_vec();
    if let Some(node) = node {
        append(node, names, &mut ops, problems);
        if ops.len() > LENGTH_LIMIT {
            let message = format!("more than {LENGTH_LIMIT} visits");
            other(node.span, message, "join visits to the same tier", problems);
        }
    }
    Arc::from(ops)
}

/// Appends the ops of a list of visits.
pub(super) fn append(
    node: &Node,
    names: &DeclaredNames,
    ops: &mut Vec<CallStep>,
    problems: &mut Problems,
) {
    for item in list(node, "a list of visits", problems).unwrap_or_default() {
        match &item.value {
            NodeValue::Mapping(entries) if entries.len() == 1 => {
                let (key, value) = &entries[0];
                visit(key, value, names, ops, problems);
            }
            _ => {
                let expected = "one visit, like `db: 5ms`";
                problems
                    .report(item.span, ProblemKind::WrongShape { expected, found: item.kind() });
            }
        }
    }
}

fn visit(
    key: &KeyNode,
    value: &Node,
    names: &DeclaredNames,
    ops: &mut Vec<CallStep>,
    problems: &mut Problems,
) {
    match key.text.as_str() {
        "pause" => ops.extend(law(value, problems).map(CallStep::Pause)),
        "cached" => cached(value, names, ops, problems),
        name => {
            let tier = position(name, "tier", &names.tiers, key.span, problems);
            let law = law(value, problems);
            if let (Some(tier), Some(law)) = (tier, law) {
                ops.push(CallStep::Visit { tier: TierId(tier as u8), law });
            }
        }
    }
}

/// `cached: { in: redis, ttl: 5m, miss: [ … ] }`.
fn cached(node: &Node, names: &DeclaredNames, ops: &mut Vec<CallStep>, problems: &mut Problems) {
    let Some(mut fields) = Fields::of(node, &CACHED, problems) else { return };
    let tier = fields.node("in", problems);
    let tier = tier.and_then(|node| tier_id(node, names, problems));
    let ttl = fields.read("ttl", problems);
    let miss = fields.node("miss", problems);
    fields.finish(problems);
    let (Some(tier), Some(ttl), Some(miss)) = (tier, ttl, miss) else { return };
    let look_up = ops.len();
    ops.push(CallStep::Lookup { tier, hit: 0 });
    append(miss, names, ops, problems);
    ops.push(CallStep::Keep { tier, ttl });
    // Programs are at most LENGTH_LIMIT long, or refused.
    ops[look_up] = CallStep::Lookup { tier, hit: ops.len() as u16 };
}
