//! Words, signs and tones of a search.

use plimsoll_capacity::regression::Estimate;
use plimsoll_capacity::slo_limits::SloLimit;
use plimsoll_report::format;
use plimsoll_units::Rate;

use super::super::search_view::StepOutcome;
use super::super::theme::Tone;

/// An SLO limit in words: `p95 ≤ 500 ms`.
pub(super) fn described(slo_limit: &SloLimit) -> String {
    let max = match slo_limit {
        SloLimit::Quantile { max, .. } | SloLimit::Mean { max } => format::time(*max),
        SloLimit::ErrorRate { max } => format::share(*max),
    };
    format!("{} ≤ {max}", slo_limit.figure())
}

pub(super) const fn outcome_tone(outcome: StepOutcome) -> Tone {
    match outcome {
        StepOutcome::Within => Tone::Good,
        StepOutcome::Exceeds | StepOutcome::Stopped(_) => Tone::Bad,
        StepOutcome::Throttled => Tone::Warning,
        StepOutcome::Invalid => Tone::Faint,
    }
}

pub(super) const fn outcome_symbol(outcome: StepOutcome) -> char {
    match outcome {
        StepOutcome::Within => '✔',
        StepOutcome::Exceeds | StepOutcome::Stopped(_) | StepOutcome::Throttled => '✖',
        StepOutcome::Invalid => '⊘',
    }
}

/// `238 req/s`, with its interval where that is wider than the figure.
pub(super) fn estimated(estimate: &Estimate) -> String {
    let rate = |value: f64| format::rate(Rate::per_second(value));
    format!("{} req/s ({} … {})", rate(estimate.value), rate(estimate.low), rate(estimate.high))
}
