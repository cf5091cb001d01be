//! Λ(t): how many arrivals a stage lets expect up to t, and when so many are expected to have come.

use plimsoll_plan::Stage;
use plimsoll_units::{Nanos, Rate};

/// Expected arrivals of a whole stage: the area of a trapezium.
pub(super) fn work(stage: &Stage) -> f64 {
    f64::midpoint(stage.from.get(), stage.to.get()) * stage.duration.as_secs_f64()
}

/// Expected arrivals of the first `span` of a stage.
pub(super) fn work_until(stage: &Stage, span: Nanos) -> f64 {
    work(&first_part(*stage, span.min(stage.duration)))
}

/// When `work` arrivals are expected to have happened: t = 2w / (r₀ + √(r₀² + 2sw)) with slope s; this form
/// of the quadratic's root stays exact where the slope is small or zero.
pub(super) fn time_of_work(stage: &Stage, work: f64) -> Nanos {
    let from = stage.from.get();
    let slope = (stage.to.get() - from) / stage.duration.as_secs_f64();
    let root = (from * from + 2.0 * slope * work).max(0.0).sqrt();
    let seconds = if work > 0.0 { 2.0 * work / (from + root) } else { 0.0 };
    Nanos::from_secs_f64(seconds).min(stage.duration)
}

/// When a share of a stage's arrivals, in units of 2⁻⁶⁴, is expected to have happened. Where the rate holds that is
/// the same share of its time.
pub(super) fn time_of_share(stage: &Stage, share: u64) -> Nanos {
    if stage.from == stage.to {
        let nanos = (u128::from(share) * u128::from(stage.duration.get())) >> 64;
        return Nanos::new(nanos as u64);
    }
    time_of_work(stage, share as f64 * 0.5_f64.powi(64) * work(stage))
}

/// The share of a stage's expected arrivals that falls into its first `span`: 0 to 1.
pub(super) fn share_at(stage: &Stage, span: Nanos) -> f64 {
    let whole = work(stage);
    if whole > 0.0 { (work_until(stage, span) / whole).clamp(0.0, 1.0) } else { 1.0 }
}

/// The first `span` of a stage.
pub(super) fn first_part(stage: Stage, span: Nanos) -> Stage {
    let share = (span.as_secs_f64() / stage.duration.as_secs_f64()).min(1.0);
    let reached = stage.from.get() + (stage.to.get() - stage.from.get()) * share;
    Stage { to: Rate::per_second(reached), duration: span, ..stage }
}
