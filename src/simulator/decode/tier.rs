//! The tiers of a simulated stack.

use super::{DeclaredNames, other, tier_id};
use crate::scenario::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, entries, number_within, text,
    word,
};
use crate::simulator::model::{
    CacheSpec, DiskSpec, Failover, MAX_REPLICAS, MAX_TIERS, ModelBalancing, ModelPoolSpec,
    ModelTierKind, ModelTierSpec, NetworkSpec, ReplicationSpec, ScalerSpec,
};
use crate::units::{Bytes, Nanos, Ratio};

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

/// How many replicas a tier may have.
const REPLICAS: (f64, f64) = (1.0, MAX_REPLICAS as f64);

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
    let mut fields = Fields::of(node, "a tier", problems)?;
    let kind = fields
        .required_node("kind", problems)
        .and_then(|node| word(node, "a kind of tier", &KINDS, problems));
    let mut spec = ModelTierSpec::new(&key.text, kind.unwrap_or(ModelTierKind::Api));
    if let Some(node) = fields.node("replicas") {
        spec.replicas = whole(node, "`replicas`", REPLICAS, problems).unwrap_or(1);
    }
    if let Some(node) = fields.node("cores") {
        spec.cores = cores(node, problems);
    } else if spec.kind == ModelTierKind::External {
        spec.cores = None;
    }
    if let Some(node) = fields.node("balancing") {
        spec.balancing = balancing(node, problems).unwrap_or_default();
    }
    spec.backlog = fields.optional("backlog", problems);
    spec.pool = fields.node("pool").and_then(|node| pool(node, names, problems));
    spec.cache = fields.node("cache").and_then(|node| cache(node, problems));
    if let Some(node) = fields.node("memory") {
        memory(node, &mut spec, problems);
    }
    spec.disk = fields.node("disk").and_then(|node| disk(node, problems));
    spec.network = fields.node("network").and_then(|node| network(node, problems));
    spec.replication = fields.node("replication").and_then(|node| replication(node, problems));
    if let Some(node) = fields.node("failover") {
        spec.failover = failover(node, problems).unwrap_or_default();
    }
    spec.scaler = fields.node("scale").and_then(|node| scaler(node, problems));
    fields.finish(problems);
    Some(spec)
}

/// A whole number within bounds.
pub(super) fn whole(
    node: &Node,
    what: &'static str,
    bounds: (f64, f64),
    problems: &mut Problems,
) -> Option<u32> {
    let _ = u32::decode(node, problems)?;
    number_within(node, what, bounds, problems).map(|value| value as u32)
}

fn cores(node: &Node, problems: &mut Problems) -> Option<u32> {
    match &node.value {
        NodeValue::Scalar(scalar) if scalar.text == "unlimited" => None,
        _ => Some(whole(node, "`cores`", (1.0, 10_000.0), problems).unwrap_or(1)),
    }
}

fn balancing(node: &Node, problems: &mut Problems) -> Option<ModelBalancing> {
    if let NodeValue::Scalar(_) = &node.value {
        return word(node, "a way of balancing", &BALANCINGS, problems);
    }
    let mut fields = Fields::of(node, "a way of balancing", problems)?;
    let cookie = fields.required_node("sticky", problems);
    let cookie = cookie.and_then(|node| text(node, "the name of a cookie", problems));
    fields.finish(problems);
    cookie.map(|_| ModelBalancing::Sticky)
}

fn pool(node: &Node, names: &DeclaredNames, problems: &mut Problems) -> Option<ModelPoolSpec> {
    let mut fields = Fields::of(node, "a pool", problems)?;
    let of = fields.required_node("of", problems);
    let of = of.and_then(|node| tier_id(node, names, problems));
    let size = fields
        .required_node("size", problems)
        .and_then(|node| whole(node, "`size`", (1.0, 1e6), problems));
    let idle = fields.or("idle", 0, problems);
    fields.finish(problems);
    Some(ModelPoolSpec { of: of?, size: size?, idle })
}

fn cache(node: &Node, problems: &mut Problems) -> Option<CacheSpec> {
    let mut fields = Fields::of(node, "a cache", problems)?;
    let max_memory = fields.required::<Bytes>("memory", problems);
    let entry = fields.required::<Bytes>("entry", problems);
    fields.finish(problems);
    Some(CacheSpec { max_memory: max_memory?, entry: entry? })
}

fn memory(node: &Node, spec: &mut ModelTierSpec, problems: &mut Problems) {
    let Some(mut fields) = Fields::of(node, "the memory of a tier", problems) else { return };
    spec.memory_base = fields.or("base", Bytes::default(), problems);
    spec.memory_per_request = fields.or("per_request", Bytes::default(), problems);
    spec.memory_limit = fields.optional("limit", problems);
    fields.finish(problems);
}

fn disk(node: &Node, problems: &mut Problems) -> Option<DiskSpec> {
    let mut fields = Fields::of(node, "the disk of a tier", problems)?;
    let size = fields.required::<Bytes>("size", problems);
    let base = fields.or("base", Bytes::default(), problems);
    let per_visit = fields.or("per_visit", Bytes::default(), problems);
    fields.finish(problems);
    Some(DiskSpec { size: size?, base, per_visit })
}

fn network(node: &Node, problems: &mut Problems) -> Option<NetworkSpec> {
    let mut fields = Fields::of(node, "the network of a tier", problems)?;
    let limit = fields.required::<Bytes>("per_second", problems);
    let per_visit = fields.required::<Bytes>("per_visit", problems);
    fields.finish(problems);
    Some(NetworkSpec { limit: limit?, per_visit: per_visit? })
}

fn replication(node: &Node, problems: &mut Problems) -> Option<ReplicationSpec> {
    let mut fields = Fields::of(node, "the replication of a tier", problems)?;
    let delay = fields.required::<Nanos>("delay", problems);
    let catch_up = fields
        .required_node("catch_up", problems)
        .and_then(|node| number_within(node, "`catch_up`", (1.01, 1_000.0), problems));
    fields.finish(problems);
    Some(ReplicationSpec { delay: delay?, catch_up: catch_up? })
}

fn failover(node: &Node, problems: &mut Problems) -> Option<Failover> {
    let default = Failover::default();
    let mut fields = Fields::of(node, "a failover", problems)?;
    let failover = Failover {
        retry: fields.or("retry", default.retry, problems),
        detect: fields.or("detect", default.detect, problems),
        back: fields.or("back", default.back, problems),
        status: fields
            .node("status")
            .and_then(|node| super::status(node, problems))
            .map_or(default.status, |status| status.as_u16()),
    };
    fields.finish(problems);
    Some(failover)
}

fn scaler(node: &Node, problems: &mut Problems) -> Option<ScalerSpec> {
    let mut fields = Fields::of(node, "a scaler", problems)?;
    let mut bound = |fields: &mut Fields<'_>, name| {
        let node = fields.required_node(name, problems)?;
        whole(node, "the number of replicas", REPLICAS, problems)
    };
    let (min, max) = (bound(&mut fields, "min"), bound(&mut fields, "max"));
    let out = fields.required_node("out", problems);
    let out = out.and_then(|node| trigger(node, "above", problems));
    let back = fields.required_node("in", problems);
    let back = back.and_then(|node| trigger(node, "below", problems));
    let delay = fields.or("delay", Nanos::ZERO, problems);
    fields.finish(problems);
    let ((out_above, out_for), (in_below, in_for)) = (out?, back?);
    Some(ScalerSpec { min: min?, max: max?, out_above, out_for, in_below, in_for, delay })
}

fn trigger(node: &Node, side: &'static str, problems: &mut Problems) -> Option<(Ratio, Nanos)> {
    let mut fields = Fields::of(node, "a trigger of the scaler", problems)?;
    let share = fields.required(side, problems);
    let span = fields.required("for", problems);
    fields.finish(problems);
    Some((share?, span?))
}
