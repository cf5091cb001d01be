//! Which steps a model may be fitted to, and why the others may not.
//!
//! The laws behind the model hold for a stack at rest: what comes in goes out, and what waits at the end
//! waited at the beginning. Just above the capacity that is hard to see from the rates alone, as a few per cent
//! hide in the noise of arrivals; but response times then grow by that share of every second.

use serde::{Deserialize, Serialize};

use crate::slo_limits::SloLimit;
use crate::step::StepResult;
use plimsoll_slo::statistics::trend::mann_kendall;

/// Why a step is left out of the fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepExclusion {
    /// The generator was too late or too busy.
    #[serde(rename = "spoilt")]
    Invalid,
    /// It was stopped early.
    Stopped,
    /// The edge refused requests.
    Throttled,
    /// More arrived than was answered, or response times went far beyond the limit.
    Overloaded,
    /// Response times rose or fell all the way: the queue was not at rest.
    Moving,
}

impl StepExclusion {
    /// For reports: why so many steps were left out.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "not valid",
            Self::Stopped => "stopped early",
            Self::Throttled => "throttled",
            Self::Overloaded => "overloaded",
            Self::Moving => "not at rest",
        }
    }
}

/// A step that the model was not fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExcludedStep {
    /// What was offered.
    pub rate_per_s: f64,
    /// Why it is left out.
    pub reason: StepExclusion,
}

/// Where an edge refuses more than this share, the rest does not show what a request costs.
const REFUSED_BY_FIT: f64 = 0.001;
/// A rate is claimed as long as less than this share is refused: as much as the default row on errors allows.
const REFUSED_BY_CLAIM: f64 = 0.01;
/// Beyond so many times its limit, a response time depends on how long it was watched.
const FAR_BEYOND: f64 = 3.0;
/// Response times move if the last third of a step differs from the first by this factor …
const MOVED: f64 = 1.5;
/// … and by this share of the limit.
const MOVED_OF_LIMIT: f64 = 0.1;
/// Two-sided p below which a trend is none of chance.
const TREND_P: f64 = 0.05;
/// Response times that go on growing as in a step pass the limit within this time, or the step is at rest …
const HORIZON_S: f64 = 600.0;
/// … if the growth is none of chance: a two-sided p, less than for what is seen to go far.
const GROWTH_P: f64 = 0.01;
/// Kendall's τ that fewer than eight values need for the same (six values: p .06; five: .08).
const TAU_OF_FEW: f64 = 0.73;

/// The steps to fit to, ascending in rate, and those that are left out.
pub(super) fn chosen<'a>(
    steps: &'a [StepResult],
    slo_limits: &[SloLimit],
) -> (Vec<&'a StepResult>, Vec<ExcludedStep>) {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for step in steps {
        match exclusion(step, slo_limits) {
            None => chosen.push(step),
            Some(reason) => left_out.push(ExcludedStep { rate_per_s: step.offered.get(), reason }),
        }
    }
    chosen.sort_by(|a, b| a.offered.get().total_cmp(&b.offered.get()));
    (chosen, left_out)
}

/// Whether `step` is valid, what came in went out, and no more waited at its end than at its beginning: a hold in which
/// response times fall passes all the more once they have fallen.
pub(crate) fn is_at_rest(step: &StepResult, slo_limits: &[SloLimit]) -> bool {
    match exclusion_beyond(step, slo_limits, REFUSED_BY_CLAIM) {
        None => true,
        Some(StepExclusion::Moving) => {
            movement(&means(step)) < 0.0 && !is_growing(step, slo_limits)
        }
        Some(_) => false,
    }
}

/// Why `step` says nothing of a stack at rest; `None` where it does.
pub(crate) fn exclusion(step: &StepResult, slo_limits: &[SloLimit]) -> Option<StepExclusion> {
    exclusion_beyond(step, slo_limits, REFUSED_BY_FIT)
}

/// The same where an edge may refuse less than a share of `refused`.
fn exclusion_beyond(
    step: &StepResult,
    slo_limits: &[SloLimit],
    refused: f64,
) -> Option<StepExclusion> {
    let (offered, achieved) = (step.offered.get(), step.achieved().get());
    let noise = 5.0 * step.arrivals_deviation() / step.duration.as_secs_f64();
    let response = step.response();
    let far = |slo_limit: &SloLimit| {
        slo_limit.limit().is_some_and(|limit| slo_limit.measure(&response) > FAR_BEYOND * limit)
    };
    if !step.valid {
        Some(StepExclusion::Invalid)
    } else if step.aborted.is_some() {
        Some(StepExclusion::Stopped)
    } else if step.throttled_share() >= refused {
        Some(StepExclusion::Throttled)
    } else if (achieved - offered).abs() > 0.015 * offered + noise || slo_limits.iter().any(far) {
        Some(StepExclusion::Overloaded)
    } else if is_moving(step, slo_limits) || is_growing(step, slo_limits) {
        Some(StepExclusion::Moving)
    } else {
        None
    }
}

/// Whether response times grow so that they pass the limit if it goes on, however little of that a short step shows: a
/// queue to which one per cent more comes than is served adds ten milliseconds a second to what all wait.
pub(crate) fn is_growing(step: &StepResult, slo_limits: &[SloLimit]) -> bool {
    let limit = slo_limits.iter().filter_map(SloLimit::limit).fold(f64::INFINITY, f64::min);
    let means = means(step);
    let batch = step.duration.as_secs_f64() / step.batches.len().max(1) as f64;
    mann_kendall(&means, 0.95)
        .is_some_and(|trend| trend.p < GROWTH_P && trend.slope * HORIZON_S / batch > limit)
}

/// The mean response time of each batch in which something was answered.
fn means(step: &StepResult) -> Vec<f64> {
    let answered = step.batches.iter().filter(|batch| batch.response.count() > 0);
    answered.map(|batch| batch.response.mean()).collect()
}

/// Whether response times went one way all through the step, and far.
fn is_moving(step: &StepResult, slo_limits: &[SloLimit]) -> bool {
    let limit = slo_limits.iter().filter_map(SloLimit::limit).fold(f64::INFINITY, f64::min);
    let means = means(step);
    let Some([first, last]) = ends(&means) else { return false };
    let far =
        (last / first).ln().abs() > MOVED.ln() && (last - first).abs() > MOVED_OF_LIMIT * limit;
    far && match mann_kendall(&means, 0.95) {
        Some(trend) => trend.p < TREND_P,
        None => tau(&means).abs() >= TAU_OF_FEW,
    }
}

/// The means of the first and of the last third; `None` of fewer than three values.
fn ends(means: &[f64]) -> Option<[f64; 2]> {
    let third = means.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    (third > 0).then(|| [mean(&means[..third]), mean(&means[means.len() - third..])])
}

/// By how much the last third exceeds the first.
fn movement(means: &[f64]) -> f64 {
    ends(means).map_or(0.0, |[first, last]| last - first)
}

/// Kendall's τ of values over their order.
fn tau(values: &[f64]) -> f64 {
    let mut score = 0.0;
    for (index, before) in values.iter().enumerate() {
        let later = values[index + 1..].iter();
        score += later.map(|after| (after - before).signum()).sum::<f64>();
    }
    score / (values.len() * (values.len() - 1) / 2) as f64
}
