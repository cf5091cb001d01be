//! What a search found.

use serde::{Deserialize, Serialize};

use super::evidence::SearchEvidence;
use super::level::Level;
use crate::capacity::regression::Estimate;
use crate::capacity::step::StepPurpose;
use crate::units::Rate;

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// Pass and fail are close, the claim was held, the failure above it was looked for.
    Complete,
    /// The time is up; the interval says what is known.
    BudgetSpent,
    /// Every rate up to the highest allowed passes.
    NoLimitFound,
    /// Even a small part of the first rate fails.
    NeverWithin,
    /// The generator, not the stack, gave out.
    GeneratorLimit,
    /// The claim failed again and again when held.
    NotConfirmed,
    /// The user stopped it.
    Interrupted,
}

impl SearchEnd {
    /// What a reader must know of a search that ended so; none where nothing is amiss.
    pub const fn caution(self) -> Option<&'static str> {
        match self {
            Self::Complete | Self::NoLimitFound => None,
            Self::BudgetSpent => Some(
                "the time ran out before pass and fail came within 5 %: allow more with --within",
            ),
            Self::NeverWithin => Some("even the lowest rate misses an objective"),
            Self::GeneratorLimit => Some(
                "the load generator reached its limit before the stack: this is not the stack's capacity",
            ),
            Self::NotConfirmed => Some("the claimed rate failed when it was held again"),
            Self::Interrupted => {
                Some("the search was stopped before it was done: resume it with --resume")
            }
        }
    }
}

/// What made the failing rate fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchLimit {
    /// Response times.
    ResponseTime,
    /// More arrives than is answered.
    Overload,
    /// An edge's rate limit answers: this is not the stack's capacity.
    RateLimited,
    /// Errors, or an objective that is judged elsewhere.
    Other,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchOutcome {
    /// The highest rate within every objective, requests per second, with its 95 % interval. `None` when
    /// nothing passed.
    pub slo_max: Option<Estimate>,
    /// The claim: the highest rate that was held and passed.
    pub pass: Option<Rate>,
    /// The lowest rate that failed.
    pub fail: Option<Rate>,
    /// Whether the claim was held in a step of its own.
    pub confirmed: bool,
    /// Whether a hold about 10 % above the claim failed.
    pub breach_shown: bool,
    /// What makes rates above fail.
    pub limit: Option<SearchLimit>,
    /// Why the search ended.
    pub end: SearchEnd,
}

impl SearchOutcome {
    /// What `evidence` comes to where a search ends so.
    pub(super) fn of(evidence: &SearchEvidence<'_>, end: SearchEnd) -> Self {
        let slo_limits = &evidence.plan.slo_limits;
        let rate = |level: &Level| Rate::per_second(level.rate);
        let (caught, claim) = (evidence.caught, evidence.claim);
        let breach_shown = claim.is_some_and(|claim| {
            evidence.levels.iter().any(|level| {
                let above = level.rate / claim.get();
                (1.07..=1.13).contains(&above) && level.shows_failure(slo_limits)
            })
        });
        Self {
            slo_max: slo_max(evidence),
            pass: claim.or(caught.map(|[pass, _]| rate(pass))).or(evidence.pass.map(rate)),
            fail: caught.map(|[_, fail]| rate(fail)).or(evidence.fail.map(rate)),
            confirmed: claim.is_some(),
            breach_shown,
            limit: limit(evidence),
            end,
        }
    }

    /// The rate that an edge lets through, where that is what the search met.
    pub fn rate_limit(&self) -> Option<Rate> {
        let limited = self.limit == Some(SearchLimit::RateLimited);
        self.slo_max.filter(|_| limited).map(|rate| Rate::per_second(rate.value))
    }
}

/// The curve's crossing, or where there is no curve the middle of the bracket.
fn slo_max(evidence: &SearchEvidence<'_>) -> Option<Estimate> {
    match (evidence.pass, evidence.fail, evidence.crossing) {
        (_, Some(_), Some(crossing)) => Some(crossing),
        (Some(pass), Some(fail), None) => Some(Estimate {
            value: (pass.rate * fail.rate).sqrt(),
            low: pass.rate,
            high: fail.rate,
        }),
        (Some(pass), None, _) => Some(Estimate::exact(pass.rate)),
        (None, _, _) => None,
    }
}

fn limit(evidence: &SearchEvidence<'_>) -> Option<SearchLimit> {
    let fail = evidence.fail?;
    let breach = evidence.steps.iter().any(|step| step.purpose == StepPurpose::Breach);
    let hardest = if breach { evidence.levels.last().unwrap_or(fail) } else { fail };
    Some(if fail.is_throttled() || hardest.is_throttled() {
        SearchLimit::RateLimited
    } else if fail.fails_abruptly(&evidence.plan.slo_limits) {
        SearchLimit::Other
    } else if fail.keeps_up() {
        SearchLimit::ResponseTime
    } else {
        SearchLimit::Overload
    })
}
