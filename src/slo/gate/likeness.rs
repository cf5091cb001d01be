//! Whether runs may be compared: everything but the candidate must be the same.

use std::collections::BTreeSet;

use super::super::ValidityStatus;
use super::summary::{RunConditions, RunSummary};
use plimsoll_metrics::{LoadModel, StageInfo};

/// Whether runs must be alike to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonRule {
    /// Unlike runs are refused.
    Required,
    /// The user knows better.
    Waived,
}

/// A way in which runs are unlike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ConditionMismatch {
    /// A condition differs.
    #[error("{what} differs: `{baseline}` in the baseline, `{candidate}` in the candidate")]
    Condition {
        /// Which condition.
        what: String,
        /// Its value in the first baseline run.
        baseline: String,
        /// Its value in a run that differs.
        candidate: String,
    },
    /// One side repeats a seed, the other draws new ones, or repeats another.
    #[error(
        "seeds differ: the baseline uses {baseline}, the candidate {candidate}; repeat the baseline's seeds"
    )]
    Seeds {
        /// What the baseline does.
        baseline: String,
        /// What the candidate does.
        candidate: String,
    },
    /// A run cannot support any comparison.
    #[error("the run of {started_utc} is not valid; repeat it")]
    NotValid {
        /// When it began.
        started_utc: String,
    },
    /// A run is not whole, and its numbers are those of another load.
    #[error("the run of {started_utc} is only a part of one; make it again")]
    Partial {
        /// When it began.
        started_utc: String,
    },
    /// A side is empty.
    #[error("the {side} has no run")]
    NoRun {
        /// `baseline` or `candidate`.
        side: &'static str,
    },
}

impl ConditionMismatch {
    /// Whether a run supports no comparison with any other, however alike.
    pub const fn is_unfit(&self) -> bool {
        match self {
            Self::NotValid { .. } | Self::Partial { .. } | Self::NoRun { .. } => true,
            Self::Condition { .. } | Self::Seeds { .. } => false,
        }
    }
}

/// All the ways in which the runs of both sides are unlike; empty where they may be compared.
pub fn alike(baseline: &[RunSummary], candidate: &[RunSummary]) -> Vec<ConditionMismatch> {
    let mut found = BTreeSet::new();
    for (side, runs) in [("baseline", baseline), ("candidate", candidate)] {
        if runs.is_empty() {
            found.insert(ConditionMismatch::NoRun { side });
        }
    }
    let runs = || baseline.iter().chain(candidate);
    for run in runs().filter(|run| run.validity == ValidityStatus::NotValid) {
        found.insert(ConditionMismatch::NotValid { started_utc: run.started_utc.clone() });
    }
    for run in runs().filter(|run| run.partial) {
        found.insert(ConditionMismatch::Partial { started_utc: run.started_utc.clone() });
    }
    if let Some(first) = baseline.first() {
        runs().for_each(|run| found.extend(differences(&first.conditions, &run.conditions)));
    }
    found.extend(seeds_differ(baseline, candidate));
    found.into_iter().collect()
}

/// Everything that must be equal, as pairs of text.
fn differences(first: &RunConditions, other: &RunConditions) -> Vec<ConditionMismatch> {
    let load = |of: &RunConditions| {
        let stages = of.stages.iter().map(|StageInfo { from, to, duration, .. }| {
            if from == to {
                format!("{to} iter/s for {duration}")
            } else {
                format!("{from} → {to} iter/s over {duration}")
            }
        });
        let stages = stages.collect::<Vec<_>>().join(", then ");
        match of.model {
            LoadModel::Open => format!("{} arrivals, {stages}", of.arrivals),
            LoadModel::Closed { vus } => format!("{vus} users, {stages}"),
        }
    };
    [
        ("system", first.name.clone(), other.name.clone()),
        ("workload", first.workload.clone(), other.workload.clone()),
        ("load", load(first), load(other)),
        ("scenario hash", first.scenario_hash.clone(), other.scenario_hash.clone()),
        ("shard", format!("{:?}", first.shard), format!("{:?}", other.shard)),
        ("kind of target", first.target_kind.clone(), other.target_kind.clone()),
    ]
    .map(|(what, baseline, candidate)| (what.to_owned(), baseline, candidate))
    .into_iter()
    .chain(facts(first, other))
    .filter(|(_, baseline, candidate)| baseline != candidate)
    .map(|(what, baseline, candidate)| ConditionMismatch::Condition { what, baseline, candidate })
    .collect()
}

/// All facts that either side states: tags, tiers, what the command line changed.
fn facts(first: &RunConditions, other: &RunConditions) -> Vec<(String, String, String)> {
    let names: BTreeSet<&String> =
        first.facts.iter().chain(&other.facts).map(|(name, _)| name).collect();
    // A tag may be given twice.
    let of = |side: &RunConditions, wanted: &String| {
        let values: BTreeSet<&str> = side
            .facts
            .iter()
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .collect();
        if values.is_empty() {
            "(not stated)".to_owned()
        } else {
            values.into_iter().collect::<Vec<_>>().join(", ")
        }
    };
    names.into_iter().map(|name| (name.clone(), of(first, name), of(other, name))).collect()
}

/// One repeated seed plays one schedule, and its luck is in every run; so both sides repeat the same one,
/// or both draw new ones.
fn seeds_differ(baseline: &[RunSummary], candidate: &[RunSummary]) -> Option<ConditionMismatch> {
    let seeds = |runs: &[RunSummary]| -> BTreeSet<u64> {
        runs.iter().map(|run| run.conditions.seed.get()).collect()
    };
    let (before, after) = (seeds(baseline), seeds(candidate));
    let repeats = |seeds: &BTreeSet<u64>, runs: &[RunSummary]| seeds.len() == 1 && runs.len() > 1;
    let is_same = before == after;
    if is_same || !(repeats(&before, baseline) || repeats(&after, candidate)) {
        return None;
    }
    let policy = |seeds: &BTreeSet<u64>| match seeds.first() {
        Some(seed) if seeds.len() == 1 => format!("seed {seed} only"),
        _ => format!("{} seeds", seeds.len()),
    };
    Some(ConditionMismatch::Seeds { baseline: policy(&before), candidate: policy(&after) })
}
