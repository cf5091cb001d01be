//! Fits a model to steps: demands by regression, then what the response times show beyond them.

use super::demand::{hits, latest_hits, tier_model};
use super::fitted::{BaseResponse, CapacityModel, FitError, SerialResource, TierModel};
use super::grid::TimeGrid;
use super::resolve;
use super::steps::chosen;
use crate::histogram::Histogram;
use crate::slo_limits::SloLimit;
use crate::stack::StackModel;
use crate::step::StepResult;
use plimsoll_units::Rate;

/// Steps below this share of the cheapest ceiling make the base histogram: nobody waits much there.
const BASE_SHARE: f64 = 0.35;

/// What is fitted besides the steps.
pub(super) struct FitInput<'a> {
    pub(super) stack: &'a StackModel,
    pub(super) slo_limits: &'a [SloLimit],
    pub(super) rate_limit: Option<Rate>,
    /// The hit ratio of the latest steps.
    pub(super) latest_hits: Option<f64>,
}

impl CapacityModel {
    /// Fits `stack` to `steps`, given in the order in which they were measured; `rate_limit` is a limit that
    /// the search met or the stack file states.
    ///
    /// # Errors
    /// Where fewer than three rates were measured at rest, or no SLO limit is about response time.
    pub fn fit(
        stack: &StackModel,
        slo_limits: &[SloLimit],
        steps: &[StepResult],
        rate_limit: Option<Rate>,
    ) -> Result<Self, FitError> {
        let (steady, left_out) = chosen(steps, slo_limits);
        let given = FitInput { stack, slo_limits, rate_limit, latest_hits: latest_hits(steps) };
        let mut model = Self::of(&given, &steady)?;
        model.held_out = model.held_out(&given, &steady);
        model.left_out = left_out;
        Ok(model)
    }

    /// The model of steps at rest, ascending in rate.
    pub(super) fn of(given: &FitInput<'_>, steady: &[&StepResult]) -> Result<Self, FitError> {
        let FitInput { stack, slo_limits, rate_limit, latest_hits } = given;
        let different = steady.chunk_by(|a, b| b.offered.get() < 1.001 * a.offered.get()).count();
        if different < 3 {
            return Err(FitError::TooFewSteps { found: different });
        }
        let limit = slo_limits.iter().filter_map(SloLimit::limit).reduce(f64::max);
        let limit = limit.ok_or(FitError::NoTimeLimit)?;
        let hits = hits(steady, *latest_hits);
        let mut tiers: Vec<TierModel> =
            stack.tiers.iter().map(|tier| tier_model(tier, steady, hits)).collect();
        let held = resolve::held(steady, slo_limits);
        let contradictions = resolve::resolve(&mut tiers, stack, steady, held);
        let base = base(stack, &tiers, steady, limit);
        let highest = steady.last().map_or(Rate::ZERO, |step| step.offered);
        let mut model = Self {
            tiers,
            slo_limits: slo_limits.to_vec(),
            present: stack.present(),
            unloaded: base.grid.clone(),
            base,
            spread: 1.0,
            serial: None,
            rate_limit: rate_limit.or(stack.rate_limit),
            tested_to: highest,
            contradictions,
            held,
            held_out: None,
            hits,
            left_out: Vec::new(),
            spread_error: 0.1,
        };
        model.explain(steady, stack);
        Ok(model)
    }

    /// Finds the spread of services, or, where cores cannot be what makes requests wait, the demand of
    /// something that serves one at a time.
    fn explain(&mut self, steady: &[&StepResult], stack: &StackModel) {
        let slo_limit = self.judged_slo_limit();
        let with_spread = |model: &Self, log: f64| model.with(log.exp(), None);
        let (log_spread, spread_misfit) =
            minimum(-3.0, 2.3, |log| with_spread(self, log).misfit(steady, &slo_limit));
        let fastest = 0.999 / steady.last().map_or(1.0, |step| step.achieved().get());
        let suspect = told_lock(stack).or_else(|| self.suspect(steady));
        let (tier, scope) = (suspect, suspect.and_then(|index| stack.tiers[index].lock));
        let serial = |log: f64| Some(SerialResource { demand: log.exp(), tier, scope });
        let (log_demand, serial_misfit) = minimum(fastest.ln() - 4.0, fastest.ln(), |log| {
            self.with(1.0, serial(log)).misfit(steady, &slo_limit)
        });
        let busiest = self.busiest(steady);
        *self = if serial_misfit < 0.5 * spread_misfit && busiest < 0.8 {
            self.with(1.0, serial(log_demand))
        } else {
            with_spread(self, log_spread)
        };
    }

    fn with(&self, spread: f64, serial: Option<SerialResource>) -> Self {
        let mut model = Self { spread, serial, ..self.clone() };
        model.unloaded = model.unloaded();
        model
    }

    pub(super) fn judged_slo_limit(&self) -> SloLimit {
        let timed = self.slo_limits.iter().find(|slo_limit| slo_limit.limit().is_some());
        timed.copied().unwrap_or(self.slo_limits[0])
    }

    /// Sum over steps of seconds × squared log ratio of predicted to measured.
    fn misfit(&self, steps: &[&StepResult], slo_limit: &SloLimit) -> f64 {
        let from = 0.4 * steps.last().map_or(0.0, |step| step.offered.get());
        steps
            .iter()
            .filter(|step| step.offered.get() >= from)
            .map(|step| step.duration.as_secs_f64() * self.log_error(step, slo_limit).powi(2))
            .sum()
    }

    /// ln(predicted/measured), at most a factor of 20 either way. What was measured far above the limit
    /// depends on how long it was watched, so it counts as no more than three times the limit.
    pub(super) fn log_error(&self, step: &StepResult, slo_limit: &SloLimit) -> f64 {
        let cap = 3.0 * slo_limit.limit().unwrap_or(f64::INFINITY);
        let measured = slo_limit.measure(&step.response()).min(cap);
        let predicted = self.predict_step(step, step.achieved().get(), slo_limit).min(cap);
        (predicted / measured).ln().clamp(-3.0, 3.0)
    }

    /// The share of its cores that the busiest tier uses in the highest step.
    fn busiest(&self, steady: &[&StepResult]) -> f64 {
        let rate = steady.last().map_or(0.0, |step| step.achieved().get());
        let full = self.ceilings(&self.present);
        let resources = full.iter().filter(|ceiling| ceiling.is_for_sale());
        resources.map(|ceiling| 0.95 * rate / ceiling.rate.get()).fold(0.0, f64::max)
    }

    /// The tier in which requests came to spend more time than the lowest step and its own cores
    /// explain, by Little's law on the requests present in it but not in what it calls.
    fn suspect(&self, steady: &[&StepResult]) -> Option<usize> {
        let (first, last) = (steady.first()?, steady.last()?);
        let own = |step: &StepResult, index: usize| {
            let present = |index: usize| {
                let tier = self.tiers.get(index)?;
                step.tier(&tier.name)?.in_flight
            };
            let here = present(index)?;
            let behind = present(index + 1).unwrap_or(0.0);
            Some((here - behind).max(0.0) / step.achieved().get())
        };
        let waits = self.waits(&self.present, (last.achieved().get(), last.hit_ratio));
        let growth = |index: usize| {
            let explained = waits[index].mean;
            Some(own(last, index)? - own(first, index)? - explained)
        };
        let grown = (0..self.tiers.len()).filter_map(|index| Some((index, growth(index)?)));
        grown.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

/// The tier that has a lock, where the stack file says it of exactly one.
fn told_lock(stack: &StackModel) -> Option<usize> {
    let told = stack.tiers.iter().enumerate().filter(|(_, tier)| tier.lock.is_some());
    let told: Vec<usize> = told.map(|(index, _)| index).collect();
    let [only] = told.as_slice() else { return None };
    Some(*only)
}

/// The response times of the steps in which nobody waits much, up to a `limit` in seconds.
fn base(
    stack: &StackModel,
    tiers: &[TierModel],
    steady: &[&StepResult],
    limit: f64,
) -> BaseResponse {
    let full = tiers.iter().zip(&stack.tiers).filter_map(|(model, tier)| {
        let demand = model.demand.filter(|demand| demand.seconds.value > 0.0)?;
        Some(tier.size.cores * f64::from(tier.replicas) / demand.seconds.value)
    });
    let highest = steady.last().map_or(0.0, |step| step.offered.get());
    let below = BASE_SHARE * full.fold(highest, f64::min);
    let lowest = steady.first().map_or(0.0, |step| step.offered.get());
    let low: Vec<&&StepResult> =
        steady.iter().filter(|step| step.offered.get() <= below.max(1.01 * lowest)).collect();
    let histograms: Vec<Histogram> = low.iter().map(|step| step.response()).collect();
    let counts: Vec<f64> = histograms.iter().map(|histogram| histogram.count() as f64).collect();
    let total: f64 = counts.iter().sum();
    let mean = |of: &dyn Fn(&StepResult) -> Option<f64>| -> Option<f64> {
        let parts = counts.iter().zip(&low).map(|(count, step)| Some(count * of(step)?));
        Some(parts.sum::<Option<f64>>()? / total)
    };
    BaseResponse {
        grid: TimeGrid::of(&Histogram::merged(&histograms), limit),
        rate: mean(&|step| Some(step.offered.get())).unwrap_or_default(),
        hits: mean(&|step| step.hit_ratio),
    }
}

/// The least value of `of` between `low` and `high`, and where: a scan, then golden section.
fn minimum(low: f64, high: f64, of: impl Fn(f64) -> f64) -> (f64, f64) {
    const SCAN: u32 = 12;
    let step = (high - low) / f64::from(SCAN);
    let at = |index: u32| low + step * f64::from(index);
    let scanned: Vec<f64> = (0..=SCAN).map(|index| of(at(index))).collect();
    let value = |index: &u32| scanned[*index as usize];
    let best = (0..=SCAN).min_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0);
    let (mut a, mut b) = (at(best.saturating_sub(1)), at((best + 1).min(SCAN)));
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (b - ratio * (b - a), a + ratio * (b - a));
    let (mut of_left, mut of_right) = (of(left), of(right));
    for _ in 0..16 {
        if of_left < of_right {
            (b, right, of_right) = (right, left, of_left);
            left = b - ratio * (b - a);
            of_left = of(left);
        } else {
            (a, left, of_left) = (left, right, of_right);
            right = a + ratio * (b - a);
            of_right = of(right);
        }
    }
    let middle = f64::midpoint(a, b);
    (middle, of(middle))
}
