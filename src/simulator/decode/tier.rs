//! The tiers of a simulated stack.

use super::names::DeclaredNames;
use super::names::other;
use super::names::tier_id;
use crate::declared::tier::{
    self as declared, CACHE, DISK, FAILOVER, MEMORY, NETWORK, POOL, REPLICATION, SCALE_IN,
    SCALE_OUT, SCALER, STICKY, TIER,
};
use crate::model::{
    CacheSpec, DiskSpec, Failover, MAX_TIERS, ModelBalancing, ModelPoolSpec, ModelTierKind,
    ModelTierSpec, NetworkSpec, ReplicationSpec, ScalerSpec,
};
use plimsoll_scenario::format::Declaration;
use plimsoll_scenario::{
    Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, entries, text, whole_within, word,
};
use plimsoll_units::{Bytes, Nanos, Ratio};

const KINDS: [(&str, ModelTierKind); 7] = [
    ("edge", ModelTierKind::Edge),
    ("api", ModelTierKind::Api),
    ("db", ModelTierKind::Db),
    ("cache", ModelTierKind::Cache),
    ("queue", ModelTierKind::Queue),
    ("worker", ModelTierKind::Worker),
    ("external", ModelTierKind::External),
];

const BALANCINGS: [(&str, ModelBalancing); 3] = [
    ("round_robin", ModelBalancing::RoundRobin),
    ("least_connections", ModelBalancing::LeastConnections),
    ("random", ModelBalancing::Random),
];

/// Words that mean something else in a list of visits.
const RESERVED: [&str; 2] = ["pause", "cached"];

/// Reads all tiers; their names are known afterwards.
pub(super) fn tiers(
    node: &Node,
    names: &mut DeclaredNames,
    problems: &mut Problems,
) -> Vec<ModelTierSpec> {
    let given = entries(node, "names of tiers", problems).unwrap_or_default();
    names.tiers = given.iter().map(|(key, _)| key.text.clone()).collect();
    if given.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`tiers`" });
    }
    if given.len() > MAX_TIERS {
        let message = format!("{} tiers are more than the {MAX_TIERS} that fit", given.len());
        other(node.span, message, "leave out tiers that no request waits for", problems);
    }
    given.iter().filter_map(|(key, node)| tier(key, node, names, problems)).collect()
}

fn tier(
    key: &KeyNode,
    node: &Node,
    names: &DeclaredNames,
    problems: &mut Problems,
) -> Option<ModelTierSpec> {
    if RESERVED.contains(&key.text.as_str()) {
        problems.report(key.span, ProblemKind::BadName { found: key.text.clone() });
    }
    let mut fields = Fields::of(node, &TIER, problems)?;
    let kind = fields.word("kind", &KINDS, problems);
    let mut spec = ModelTierSpec::new(&key.text, kind.unwrap_or(ModelTierKind::Api));
    spec.replicas = fields.or("replicas", 1, problems);
    if let Some(node) = fields.node("cores", problems) {
        spec.cores = cores(node, problems);
    } else if spec.kind == ModelTierKind::External {
        spec.cores = None;
    }
    if let Some(node) = fields.node("balancing", problems) {
        spec.balancing = balancing(node, problems).unwrap_or_default();
    }
    spec.backlog = fields.read("backlog", problems);
    spec.pool = fields.node("pool", problems).and_then(|node| pool(node, names, problems));
    spec.cache = fields.node("cache", problems).and_then(|node| cache(node, problems));
    if let Some(node) = fields.node("memory", problems) {
        memory(node, &mut spec, problems);
    }
    spec.disk = fields.node("disk", problems).and_then(|node| disk(node, problems));
    spec.network = fields.node("network", problems).and_then(|node| network(node, problems));
    spec.replication =
        fields.node("replication", problems).and_then(|node| replication(node, problems));
    if let Some(node) = fields.node("failover", problems) {
        spec.failover = failover(node, problems).unwrap_or_default();
    }
    spec.scaler = fields.node("scale", problems).and_then(|node| scaler(node, problems));
    fields.finish(problems);
    Some(spec)
}

fn cores(node: &Node, problems: &mut Problems) -> Option<u32> {
    match &node.value {
        NodeValue::Scalar(scalar) if scalar.text == "unlimited" => None,
        _ => Some(whole_within(node, "`cores`", (1, 10_000), problems).unwrap_or(1)),
    }
}

fn balancing(node: &Node, problems: &mut Problems) -> Option<ModelBalancing> {
    if let NodeValue::Scalar(_) = &node.value {
        return word(node, &declared::BALANCINGS, &BALANCINGS, problems);
    }
    let mut fields = Fields::of(node, &STICKY, problems)?;
    let cookie = fields.node("sticky", problems);
    let cookie = cookie.and_then(|node| text(node, "the name of a cookie", problems));
    fields.finish(problems);
    cookie.map(|_| ModelBalancing::Sticky)
}

fn pool(node: &Node, names: &DeclaredNames, problems: &mut Problems) -> Option<ModelPoolSpec> {
    let mut fields = Fields::of(node, &POOL, problems)?;
    let of = fields.node("of", problems);
    let of = of.and_then(|node| tier_id(node, names, problems));
    let size = fields.read("size", problems);
    let idle = fields.or("idle", 0, problems);
    fields.finish(problems);
    Some(ModelPoolSpec { of: of?, size: size?, idle })
}

fn cache(node: &Node, problems: &mut Problems) -> Option<CacheSpec> {
    let mut fields = Fields::of(node, &CACHE, problems)?;
    let max_memory = fields.read::<Bytes>("memory", problems);
    let entry = fields.read::<Bytes>("entry", problems);
    fields.finish(problems);
    Some(CacheSpec { max_memory: max_memory?, entry: entry? })
}

fn memory(node: &Node, spec: &mut ModelTierSpec, problems: &mut Problems) {
    let Some(mut fields) = Fields::of(node, &MEMORY, problems) else { return };
    spec.memory_base = fields.or("base", Bytes::default(), problems);
    spec.memory_per_request = fields.or("per_request", Bytes::default(), problems);
    spec.memory_limit = fields.read("limit", problems);
    fields.finish(problems);
}

fn disk(node: &Node, problems: &mut Problems) -> Option<DiskSpec> {
    let mut fields = Fields::of(node, &DISK, problems)?;
    let size = fields.read::<Bytes>("size", problems);
    let base = fields.or("base", Bytes::default(), problems);
    let per_visit = fields.or("per_visit", Bytes::default(), problems);
    fields.finish(problems);
    Some(DiskSpec { size: size?, base, per_visit })
}

fn network(node: &Node, problems: &mut Problems) -> Option<NetworkSpec> {
    let mut fields = Fields::of(node, &NETWORK, problems)?;
    let limit = fields.read::<Bytes>("per_second", problems);
    let per_visit = fields.read::<Bytes>("per_visit", problems);
    fields.finish(problems);
    Some(NetworkSpec { limit: limit?, per_visit: per_visit? })
}

fn replication(node: &Node, problems: &mut Problems) -> Option<ReplicationSpec> {
    let mut fields = Fields::of(node, &REPLICATION, problems)?;
    let delay = fields.read::<Nanos>("delay", problems);
    let catch_up = fields.read("catch_up", problems);
    fields.finish(problems);
    Some(ReplicationSpec { delay: delay?, catch_up: catch_up? })
}

fn failover(node: &Node, problems: &mut Problems) -> Option<Failover> {
    let default = Failover::default();
    let mut fields = Fields::of(node, &FAILOVER, problems)?;
    let failover = Failover {
        retry: fields.or("retry", default.retry, problems),
        detect: fields.or("detect", default.detect, problems),
        back: fields.or("back", default.back, problems),
        status: fields
            .node("status", problems)
            .and_then(|node| super::names::status(node, problems))
            .map_or(default.status, |status| status.as_u16()),
    };
    fields.finish(problems);
    Some(failover)
}

fn scaler(node: &Node, problems: &mut Problems) -> Option<ScalerSpec> {
    let mut fields = Fields::of(node, &SCALER, problems)?;
    let (min, max) = (fields.read("min", problems), fields.read("max", problems));
    let out = fields.node("out", problems);
    let out = out.and_then(|node| trigger(node, &SCALE_OUT, "above", problems));
    let back = fields.node("in", problems);
    let back = back.and_then(|node| trigger(node, &SCALE_IN, "below", problems));
    let delay = fields.or("delay", Nanos::ZERO, problems);
    fields.finish(problems);
    let ((out_above, out_for), (in_below, in_for)) = (out?, back?);
    Some(ScalerSpec { min: min?, max: max?, out_above, out_for, in_below, in_for, delay })
}

fn trigger(
    node: &Node,
    declared: &'static Declaration,
    side: &str,
    problems: &mut Problems,
) -> Option<(Ratio, Nanos)> {
    let mut fields = Fields::of(node, declared, problems)?;
    let share = fields.read(side, problems);
    let span = fields.read("for", problems);
    fields.finish(problems);
    Some((share?, span?))
}
