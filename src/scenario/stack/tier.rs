//! A tier: one kind of component, in one or more replicas of one size.

use super::TierObserve;
use crate::declared::stack::{
    LOCK, RATE_LIMIT, SCALE, SCALE_OUT, SCALE_UP, SIZE, SIZE_CHOICE, TIER,
};
use crate::{Decode, Fields, Node, Problems, Spanned, entries, list};
use plimsoll_units::{Bytes, Money, Nanos, WorkRate};

/// One kind of component.
#[derive(Debug, Clone)]
pub struct StackTier {
    /// Its name.
    pub name: Spanned<String>,
    /// What it is.
    pub kind: TierKind,
    /// How many replicas, at least 1.
    pub replicas: u32,
    /// How large a replica is: what it may use at most.
    pub size: SizeSpec,
    /// What a replica reserves, where that is less than its size.
    pub requests: Option<SizeSpec>,
    /// How requests are spread over the replicas.
    pub balancing: TierBalancing,
    /// The connections that each replica holds to other tiers.
    pub pools: Vec<PoolSpec>,
    /// The connections that a replica accepts.
    pub connections: Option<u32>,
    /// The memory that a replica may use for its data, where that is less than its size (Redis's `maxmemory`).
    pub memory_limit: Option<Bytes>,
    /// The rate that it lets through.
    pub rate_limit: Option<RateLimitSpec>,
    /// Who shares what requests wait for here besides cores and pools, where that is said.
    pub lock: Option<LockScopeSpec>,
    /// What a replica costs a month.
    pub cost: Option<Money>,
    /// What it may grow to.
    pub scale: ScaleSpec,
    /// Where its metrics are read.
    pub observe: TierObserve,
}

/// What a tier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierKind {
    /// A proxy, balancer or CDN.
    Edge,
    /// The service itself.
    Api,
    /// A database.
    Db,
    /// A cache.
    Cache,
    /// A queue.
    Queue,
    /// A worker behind a queue.
    Worker,
    /// Somebody else's service.
    External,
}

/// Who shares a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockScopeSpec {
    /// Nobody: each replica has its own.
    Replica,
    /// All replicas.
    Shared,
}

/// How requests are spread over replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierBalancing {
    /// One after the other.
    RoundRobin,
    /// To the one with the fewest requests in progress.
    LeastConnections,
    /// To any.
    Random,
    /// Each user to its own.
    Sticky,
}

/// How large a replica is. What is not given is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SizeSpec {
    /// Cores.
    pub cores: Option<f64>,
    /// Memory.
    pub memory: Option<Bytes>,
}

/// A pool of connections to another tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSpec {
    /// Which tier.
    pub to: Spanned<String>,
    /// How many connections a replica holds at most.
    pub connections: u32,
}

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitSpec {
    /// The rate that is let through.
    pub rate: WorkRate,
    /// How many more at once.
    pub burst: u32,
    /// Whether each client address has its own.
    pub per_address: bool,
}

/// What a tier may grow to.
#[derive(Debug, Clone, Default)]
pub struct ScaleSpec {
    /// The largest size of a replica.
    pub up: Option<SizeSpec>,
    /// The sizes that can be had, where not every size can.
    pub sizes: Vec<SizeOption>,
    /// The fewest replicas.
    pub out_min: Option<u32>,
    /// The most replicas.
    pub out_max: Option<u32>,
    /// How long until a new replica serves.
    pub delay: Option<Nanos>,
}

/// A size that can be had.
#[derive(Debug, Clone)]
pub struct SizeOption {
    /// Its name: `t3.large`.
    pub name: String,
    /// How large.
    pub size: SizeSpec,
    /// What a replica of it costs a month.
    pub cost: Option<Money>,
}

const KINDS: [(&str, TierKind); 7] = [
    ("edge", TierKind::Edge),
    ("api", TierKind::Api),
    ("db", TierKind::Db),
    ("cache", TierKind::Cache),
    ("queue", TierKind::Queue),
    ("worker", TierKind::Worker),
    ("external", TierKind::External),
];

const BALANCINGS: [(&str, TierBalancing); 4] = [
    ("round_robin", TierBalancing::RoundRobin),
    ("least_conn", TierBalancing::LeastConnections),
    ("random", TierBalancing::Random),
    ("sticky", TierBalancing::Sticky),
];

const LOCK_SCOPES: [(&str, LockScopeSpec); 2] =
    [("replica", LockScopeSpec::Replica), ("shared", LockScopeSpec::Shared)];

impl StackTier {
    pub(super) fn read(
        name: Spanned<String>,
        node: &Node,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Fields::of(node, &TIER, problems)?;
        let tier = Self {
            name,
            kind: fields.word("kind", &KINDS, problems).unwrap_or(TierKind::Api),
            replicas: fields.or("replicas", 1, problems),
            size: fields
                .node("size", problems)
                .map(|node| size(node, problems))
                .unwrap_or_default(),
            requests: fields.node("requests", problems).map(|node| size(node, problems)),
            balancing: fields
                .word("balancing", &BALANCINGS, problems)
                .unwrap_or(TierBalancing::RoundRobin),
            pools: fields
                .node("pools", problems)
                .map(|node| pools(node, problems))
                .unwrap_or_default(),
            connections: fields.read("connections", problems),
            memory_limit: fields.read("memory_limit", problems),
            rate_limit: fields
                .node("rate_limit", problems)
                .and_then(|node| rate_limit(node, problems)),
            lock: fields.node("lock", problems).and_then(|node| lock(node, problems)),
            cost: fields.read("cost", problems),
            scale: fields
                .node("scale", problems)
                .map(|node| scale(node, problems))
                .unwrap_or_default(),
            observe: fields
                .node("observe", problems)
                .map(|node| TierObserve::read(node, problems))
                .unwrap_or_default(),
        };
        fields.finish(problems);
        Some(tier)
    }
}

pub(super) fn size(node: &Node, problems: &mut Problems) -> SizeSpec {
    let Some(mut fields) = Fields::of(node, &SIZE, problems) else { return SizeSpec::default() };
    let size = size_fields(&mut fields, problems);
    fields.finish(problems);
    size
}

fn size_fields(fields: &mut Fields<'_>, problems: &mut Problems) -> SizeSpec {
    SizeSpec { cores: fields.read("cores", problems), memory: fields.read("memory", problems) }
}

/// `{ db: 20, cache: 10 }`.
fn pools(node: &Node, problems: &mut Problems) -> Vec<PoolSpec> {
    let Some(entries) = entries(node, "a mapping of tiers to connections", problems) else {
        return vec![];
    };
    entries
        .iter()
        .filter_map(|(key, node)| {
            let connections = u32::decode(node, problems)?;
            Some(PoolSpec { to: Spanned::new(key.text.clone(), key.span), connections })
        })
        .collect()
}

fn rate_limit(node: &Node, problems: &mut Problems) -> Option<RateLimitSpec> {
    let mut fields = Fields::of(node, &RATE_LIMIT, problems)?;
    let rate = fields.read("rate", problems);
    let burst = fields.or("burst", 0, problems);
    let per = [("address", true), ("all", false)];
    let per_address = fields.word("per", &per, problems).unwrap_or(true);
    fields.finish(problems);
    Some(RateLimitSpec { rate: rate?, burst, per_address })
}

fn lock(node: &Node, problems: &mut Problems) -> Option<LockScopeSpec> {
    let mut fields = Fields::of(node, &LOCK, problems)?;
    let scope = fields.word("scope", &LOCK_SCOPES, problems);
    fields.finish(problems);
    scope
}

fn scale(node: &Node, problems: &mut Problems) -> ScaleSpec {
    let Some(mut fields) = Fields::of(node, &SCALE, problems) else { return ScaleSpec::default() };
    let mut scale = ScaleSpec::default();
    if let Some(mut up) =
        fields.node("up", problems).and_then(|node| Fields::of(node, &SCALE_UP, problems))
    {
        let largest = size_fields(&mut up, problems);
        scale.up = (largest != SizeSpec::default()).then_some(largest);
        let sizes = up.node("sizes", problems);
        scale.sizes = sizes.map(|node| size_options(node, problems)).unwrap_or_default();
        up.finish(problems);
    }
    if let Some(mut out) =
        fields.node("out", problems).and_then(|node| Fields::of(node, &SCALE_OUT, problems))
    {
        scale.out_min = out.read("min", problems);
        scale.out_max = out.read("max", problems);
        scale.delay = out.read("delay", problems);
        out.finish(problems);
    }
    fields.finish(problems);
    scale
}

fn size_options(node: &Node, problems: &mut Problems) -> Vec<SizeOption> {
    let Some(items) = list(node, "a list of sizes", problems) else { return vec![] };
    items
        .iter()
        .filter_map(|item| {
            let mut fields = Fields::of(item, &SIZE_CHOICE, problems)?;
            let name = fields.read("name", problems);
            let size = size_fields(&mut fields, problems);
            let cost = fields.read("cost", problems);
            fields.finish(problems);
            Some(SizeOption { name: name?, size, cost })
        })
        .collect()
}
