//! What a search found.

use serde::{Deserialize, Serialize};

use super::claim::{self, FailureAbove, HeldRate};
use super::end::SearchEnd;
use super::evidence::SearchEvidence;
use super::level::Level;
use crate::regression::Estimate;
use crate::step::StepPurpose;
use plimsoll_units::{Nanos, Rate};

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
    /// Where the limit lies, an estimate: the highest rate within every objective, requests per second, with its 95 %
    /// interval. `None` when nothing passed.
    pub slo_max: Option<Estimate>,
    /// The claim: the highest rate that was held and passed.
    pub pass: Option<Rate>,
    /// The lowest rate that failed.
    pub fail: Option<Rate>,
    /// Whether the claim was held in a step of its own.
    pub confirmed: bool,
    /// The highest rate that was held at rest: nothing above it is claimed. `None` where none was.
    pub held: Option<HeldRate>,
    /// Whether the stack was seen to fail above that, or what stopped it.
    pub failure_above: Option<FailureAbove>,
    /// The time that the search would take to answer as it should, where it was given less.
    pub time_needed: Option<Nanos>,
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
        let rate = |level: &Level| Rate::per_second(level.rate);
        let (caught, claim) = (evidence.caught, evidence.claim);
        let breach_shown = claim.is_some_and(|claim| {
            evidence.levels.iter().any(|level| {
                let above = level.rate / claim.get();
                (1.07..=1.13).contains(&above) && evidence.fails_at(level, claim.get())
            })
        });
        let held = claim::held(evidence);
        Self {
            held,
            failure_above: held.map(|held| claim::failure_above(evidence, held, end)),
            time_needed: evidence.time_needed(end),
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
        (_, Some(_), Some(crossing)) => Some(crossing.rate),
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
