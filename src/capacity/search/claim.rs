//! What may be claimed: the rate that was held, and whether the failure above it was shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::end::SearchEnd;
use super::evidence::{SearchEvidence, claimable};
use super::level::{Level, is_near};
use super::rules::RULES;
use crate::model::is_at_rest;
use crate::step::{StepPurpose, StepResult, StepVerdict};
use plimsoll_units::{Nanos, Rate};

/// A rate that the stack carried: its holds were valid, at rest, and within every objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldRate {
    /// What was asked for. Chance may have drawn a little more or less.
    pub rate: Rate,
    /// How long, all holds at this rate together, warm-ups left out.
    pub hold: Nanos,
}

/// Whether the stack was seen to fail above the rate that it carried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureAbove {
    /// It failed at this rate, the lowest above.
    Shown(Rate),
    /// It passed at this rate, about 10 % above, as often as it was tried.
    Passed(Rate),
    /// The search may offer no more than this.
    NotAllowed(Rate),
    /// The time was up.
    NoTime,
    /// The load generator gave out.
    NoGenerator,
    /// The user stopped the search.
    Interrupted,
}

/// A whole sentence without its stop: `it fails at 220 req/s`, or why that was not seen.
impl fmt::Display for FailureAbove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |rate: &Rate| {
            let rate = rate.get();
            if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
        };
        match self {
            Self::Shown(rate) => write!(f, "it fails at {} req/s", shown(rate)),
            Self::Passed(rate) => write!(
                f,
                "no failure was seen above it: {} req/s passed as well, so the limit is higher",
                shown(rate)
            ),
            Self::NotAllowed(rate) => write!(
                f,
                "no failure was looked for above it: the search may offer no more than {} req/s (`--max-rate`)",
                shown(rate)
            ),
            Self::NoTime => f.write_str("no failure was shown above it: the time was up"),
            Self::NoGenerator => {
                f.write_str("no failure was shown above it: the load generator gave out")
            }
            Self::Interrupted => {
                f.write_str("no failure was shown above it: the search was stopped")
            }
        }
    }
}

/// The rate that was held: the claim where there is one, else the highest that is not doubtful.
///
/// What was held to confirm it was chosen before it passed, and is not doubtful, though what came after puts the limit a
/// little lower. Where all that is not doubtful lies far below what may be claimed, the lowest hold that passed above that
/// comes nearer, as long as the curve puts the limit above it.
pub(super) fn held(evidence: &SearchEvidence<'_>) -> Option<HeldRate> {
    if let Some(claim) = evidence.claim {
        return hold_at(evidence, claim.get());
    }
    let slo_limits = &evidence.plan.slo_limits;
    let below = evidence.fail.map_or(f64::INFINITY, |fail| fail.rate);
    let passed = |level: &&Level| {
        level.rate < below
            && level.seems_within(slo_limits)
            && level.verdict() != StepVerdict::Fail
            && hold_at(evidence, level.rate).is_some()
    };
    let passed: Vec<f64> = evidence.levels.iter().filter(passed).map(|level| level.rate).collect();
    let was_chosen = |rate: f64| {
        let confirming = |step: &&StepResult| step.purpose == StepPurpose::Confirm;
        let mut confirming = evidence.steps.iter().filter(confirming);
        confirming.any(|step| is_near(step.offered.get(), rate, RULES.same))
    };
    let limit = evidence.crossing.map_or(f64::INFINITY, |crossing| crossing.rate.value);
    let most = evidence.crossing.map_or(f64::INFINITY, |crossing| claimable(&crossing));
    let doubtless = |rate: &f64| *rate <= most * RULES.reused.exp() || was_chosen(*rate);
    let highest = passed.iter().copied().rfind(doubtless);
    let is_far = highest.is_none_or(|rate| rate < most * (-RULES.below[1]).exp());
    let nearer = passed.iter().copied().find(|rate| !doubtless(rate) && *rate < limit);
    hold_at(evidence, nearer.filter(|_| is_far).or(highest)?)
}

/// How long `rate` was held at rest and within every objective, and what exactly was asked for; `None` where it never
/// was.
fn hold_at(evidence: &SearchEvidence<'_>, rate: f64) -> Option<HeldRate> {
    let slo_limits = &evidence.plan.slo_limits;
    let counts = |step: &&StepResult| {
        is_near(step.offered.get(), rate, RULES.same)
            && step.seems_within(slo_limits)
            && is_at_rest(step, slo_limits)
    };
    let steps: Vec<&StepResult> = evidence.steps.iter().filter(counts).collect();
    let lowest = steps.iter().map(|step| step.offered).reduce(|a, b| if b < a { b } else { a })?;
    Some(HeldRate { rate: lowest, hold: steps.iter().map(|step| step.duration).sum() })
}

/// Whether the stack was seen to fail above `held`, in a search that ended so.
pub(super) fn failure_above(
    evidence: &SearchEvidence<'_>,
    held: HeldRate,
    end: SearchEnd,
) -> FailureAbove {
    let claim = held.rate.get();
    let fails =
        |level: &&Level| level.rate > claim * (1.0 + RULES.same) && evidence.fails_at(level, claim);
    if let Some(level) = evidence.levels.iter().find(fails) {
        return FailureAbove::Shown(Rate::per_second(level.rate));
    }
    let tried = |step: &&StepResult| step.valid && step.purpose == StepPurpose::Breach;
    let tried = evidence.steps.iter().filter(tried).map(|step| step.offered);
    let passed = tried.reduce(|a, b| if b > a { b } else { a });
    let is_allowed = held.rate.get() * RULES.breach <= evidence.plan.rate_max.get();
    match end {
        _ if !is_allowed => FailureAbove::NotAllowed(evidence.plan.rate_max),
        SearchEnd::Interrupted => FailureAbove::Interrupted,
        SearchEnd::GeneratorLimit => FailureAbove::NoGenerator,
        _ => passed.map_or(FailureAbove::NoTime, FailureAbove::Passed),
    }
}
