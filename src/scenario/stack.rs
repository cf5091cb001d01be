//! `stack.yaml`: what the system runs on, what it may grow to, and where its metrics are read.

mod observe;
mod signal;
mod tier;

pub use observe::{CommandSourceSpec, ExporterSpec, Observe, TierObserve};
pub use signal::SignalSpec;
pub use tier::{
    LockScopeSpec, PoolSpec, RateLimitSpec, ScaleSpec, SizeOption, SizeSpec, StackTier,
    TierBalancing, TierKind,
};

use std::path::PathBuf;

use super::declared::stack::{FORECAST, HEALTH, QUOTA, ROOT};
use super::decode::texts;
use super::names::{EntityName, name_of_key};
use super::{Fields, Node, ProblemKind, Problems, Spanned, entries};
use plimsoll_units::{Bytes, Money, Nanos, Ratio, WorkRate};

/// A stack.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// Its name, where it has one of its own.
    pub name: String,
    /// Its tiers, in the order of the file: from the edge inwards.
    pub tiers: Vec<StackTier>,
    /// What all replicas together may ask for.
    pub quota: Quota,
    /// When the stack scales.
    pub signals: Vec<SignalSpec>,
    /// The load to plan for.
    pub forecast: Forecast,
    /// Monthly costs besides the tiers' own.
    pub costs: Vec<(String, Money)>,
    /// How the stack is asked whether it is healthy.
    pub health: HealthSpec,
    /// Where metrics are read.
    pub observe: Observe,
    /// The folder of its file, where relative paths in it begin.
    pub folder: PathBuf,
}

/// What all replicas together may ask for. What is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quota {
    /// Cores that replicas may reserve.
    pub requests_cores: Option<f64>,
    /// Memory that replicas may reserve.
    pub requests_memory: Option<Bytes>,
    /// Cores that replicas may use at most.
    pub limits_cores: Option<f64>,
    /// Memory that replicas may use at most.
    pub limits_memory: Option<Bytes>,
    /// Replicas of all tiers together.
    pub replicas: Option<u32>,
    /// Volumes of all tiers together.
    pub volumes: Option<u32>,
}

/// The load to plan for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Forecast {
    /// The highest rate expected now.
    pub peak: Option<WorkRate>,
    /// How much it grows until the plan is made again.
    pub growth: Ratio,
}

/// How the stack is asked whether it is healthy.
#[derive(Debug, Clone, Default)]
pub struct HealthSpec {
    /// Paths on the target.
    pub paths: Vec<Spanned<String>>,
    /// How often; the observer's default if not given.
    pub every: Option<Nanos>,
    /// How long an answer may take; the observer's default if not given.
    pub timeout: Option<Nanos>,
}

impl Stack {
    /// Reads the tree of a file.
    pub fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &ROOT, problems)?;
        let name: Option<EntityName> = fields.read("name", problems);
        let tiers_node = fields.node("tiers", problems);
        let tiers = tiers_node.map(|node| tiers(node, problems)).unwrap_or_default();
        let read = Self {
            name: name.map(|name| name.0.value).unwrap_or_default(),
            quota: fields
                .node("quota", problems)
                .map(|node| quota(node, problems))
                .unwrap_or_default(),
            signals: signals(fields.node("signals", problems), &tiers, problems),
            forecast: fields
                .node("forecast", problems)
                .map(|node| forecast(node, problems))
                .unwrap_or_default(),
            costs: fields
                .node("costs", problems)
                .map(|node| costs(node, problems))
                .unwrap_or_default(),
            health: fields
                .node("health", problems)
                .map(|node| health(node, problems))
                .unwrap_or_default(),
            observe: fields
                .node("observe", problems)
                .map(|node| Observe::read(node, problems))
                .unwrap_or_default(),
            tiers,
            folder: PathBuf::new(),
        };
        fields.finish(problems);
        read.check_names(problems);
        Some(read)
    }

    /// The tier of this name.
    pub fn tier(&self, name: &str) -> Option<&StackTier> {
        self.tiers.iter().find(|tier| tier.name.value == name)
    }

    /// The names of all tiers.
    pub fn tier_names(&self) -> Vec<String> {
        self.tiers.iter().map(|tier| tier.name.value.clone()).collect()
    }

    fn check_names(&self, problems: &mut Problems) {
        for pool in self.tiers.iter().flat_map(|tier| &tier.pools) {
            if self.tier(&pool.to.value).is_none() {
                let (name, known) = (pool.to.value.clone(), self.tier_names());
                let kind = ProblemKind::UnknownName { what: "tier", name, known };
                problems.report(pool.to.span, kind);
            }
        }
    }
}

fn tiers(node: &Node, problems: &mut Problems) -> Vec<StackTier> {
    let Some(entries) = entries(node, "a mapping of tiers", problems) else { return vec![] };
    if entries.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`tiers`" });
    }
    entries
        .iter()
        .filter_map(|(key, node)| StackTier::read(name_of_key(key, problems), node, problems))
        .collect()
}

fn quota(node: &Node, problems: &mut Problems) -> Quota {
    let Some(mut fields) = Fields::of(node, &QUOTA, problems) else { return Quota::default() };
    let mut size = |name: &str, problems: &mut Problems| {
        fields.node(name, problems).map(|node| tier::size(node, problems)).unwrap_or_default()
    };
    let (requests, limits) = (size("requests", problems), size("limits", problems));
    let quota = Quota {
        requests_cores: requests.cores,
        requests_memory: requests.memory,
        limits_cores: limits.cores,
        limits_memory: limits.memory,
        replicas: fields.read("replicas", problems),
        volumes: fields.read("volumes", problems),
    };
    fields.finish(problems);
    quota
}

fn signals(node: Option<&Node>, tiers: &[StackTier], problems: &mut Problems) -> Vec<SignalSpec> {
    let Some(node) = node else { return vec![] };
    let known: Vec<&str> = tiers.iter().map(|tier| tier.name.value.as_str()).collect();
    texts(node, problems)
        .into_iter()
        .filter_map(|text| SignalSpec::read(&text, &known, problems))
        .collect()
}

fn forecast(node: &Node, problems: &mut Problems) -> Forecast {
    let Some(mut fields) = Fields::of(node, &FORECAST, problems) else {
        return Forecast::default();
    };
    let peak = fields.read("peak", problems);
    let growth = fields.or("growth", Ratio::default(), problems);
    fields.finish(problems);
    Forecast { peak, growth }
}

fn costs(node: &Node, problems: &mut Problems) -> Vec<(String, Money)> {
    let Some(entries) = entries(node, "a mapping of monthly costs", problems) else {
        return vec![];
    };
    entries
        .iter()
        .filter_map(|(key, node)| {
            let cost = super::Decode::decode(node, problems)?;
            Some((key.text.clone(), cost))
        })
        .collect()
}

fn health(node: &Node, problems: &mut Problems) -> HealthSpec {
    if !matches!(node.value, super::NodeValue::Mapping(_)) {
        return HealthSpec { paths: texts(node, problems), ..HealthSpec::default() };
    }
    let Some(mut fields) = Fields::of(node, &HEALTH, problems) else {
        return HealthSpec::default();
    };
    let paths = fields.node("path", problems);
    let health = HealthSpec {
        paths: paths.map(|node| texts(node, problems)).unwrap_or_default(),
        every: fields.read("every", problems),
        timeout: fields.read("timeout", problems),
    };
    fields.finish(problems);
    health
}
