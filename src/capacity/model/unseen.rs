//! How far the model is off where it has not looked: steps are held out, the rest is fitted anew.

use super::fit::FitInput;
use super::fitted::{CapacityModel, HeldOut};
use crate::slo_limits::SloLimit;
use crate::step::StepResult;

/// Every fourth step is held out at once, in four rounds.
const ROUNDS: usize = 4;
/// Steps below this share of the highest rate are not judged: hardly anything waits there.
const NEAR: f64 = 0.4;
/// Requests wait where the response time is this much above the one without waits.
const WAITING: f64 = 1.3;

impl CapacityModel {
    /// Fits the model anew without every fourth of `steady`, and judges it there; `None` with fewer than four
    /// steps near the limit.
    pub(super) fn held_out(&self, given: &FitInput<'_>, steady: &[&StepResult]) -> Option<HeldOut> {
        let from = NEAR * steady.last()?.offered.get();
        let first = steady.iter().position(|step| step.offered.get() >= from)?;
        if steady.len() - first < ROUNDS {
            return None;
        }
        let slo_limit = self.judged_slo_limit();
        let (mut times, mut rates) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let is_out = |index: usize| index >= first && (index - first) % ROUNDS == round;
            let (out, kept): (Vec<_>, Vec<_>) =
                steady.iter().copied().enumerate().partition(|(index, _)| is_out(*index));
            let kept: Vec<&StepResult> = kept.into_iter().map(|(_, step)| step).collect();
            let Ok(model) = Self::of(given, &kept) else { continue };
            for (_, step) in out {
                times.push(model.log_error(step, &slo_limit).abs());
                rates.extend(model.rate_error(step, &slo_limit));
            }
        }
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let rate = (!rates.is_empty()).then(|| mean(&rates));
        (!times.is_empty()).then(|| HeldOut { steps: times.len(), time: mean(&times), rate })
    }

    /// |ln| of the rate at which the model has what `step` measured over the rate of the step; `None` where nobody
    /// waits, so that every low rate would do.
    fn rate_error(&self, step: &StepResult, slo_limit: &SloLimit) -> Option<f64> {
        let measured = slo_limit.measure(&step.response());
        if measured < WAITING * self.unloaded.measure(slo_limit) {
            return None;
        }
        let rate = step.achieved().get();
        let (mut low, mut high) = (0.0, 2.0 * rate);
        for _ in 0..24 {
            let middle = f64::midpoint(low, high);
            if self.predict_step(step, middle, slo_limit) <= measured {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some((low / rate).ln().abs())
    }
}
