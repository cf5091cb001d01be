//! Fits a model to steps: demands by regression, then what the response times show beyond them.

use super::predict::Grid;
use super::{Demand, FitError, Memory, Model, Pool, Serial, TierModel};
use crate::capacity::histogram::Histogram;
use crate::capacity::regression::{Estimate, robust_line};
use crate::capacity::stack::{StackModel, Tier, TierKind};
use crate::capacity::step::{Goal, StepResult, TierUse};
use crate::units::Rate;

/// Steps below this share of the cheapest ceiling make the base histogram: nobody waits much there.
const BASE_SHARE: f64 = 0.35;

/// Steps that keep up, unspoiled, with enough requests; ascending in rate.
pub(super) fn steady(steps: &[StepResult]) -> Vec<&StepResult> {
    let mut steady: Vec<&StepResult> = steps
        .iter()
        .filter(|step| {
            let (offered, achieved) = (step.offered.get(), step.achieved().get());
            let noise = 5.0 * step.arrivals_deviation() / step.duration.as_secs_f64();
            step.valid
                && step.aborted.is_none()
                && step.throttled_share() < 0.001
                && (achieved - offered).abs() <= 0.015 * offered + noise
        })
        .collect();
    steady.sort_by(|a, b| a.offered.get().total_cmp(&b.offered.get()));
    steady
}

impl Model {
    /// Fits `stack` to `steps`; `rate_limit` is a limit that the search met or the stack file states.
    pub fn fit(
        stack: &StackModel,
        goals: &[Goal],
        steps: &[StepResult],
        rate_limit: Option<Rate>,
    ) -> Result<Self, FitError> {
        let steady = steady(steps);
        let different = steady.chunk_by(|a, b| b.offered.get() < 1.001 * a.offered.get()).count();
        if different < 3 {
            return Err(FitError::TooFewSteps { found: different });
        }
        let limit = goals.iter().filter_map(Goal::limit).reduce(f64::max);
        let limit = limit.ok_or(FitError::NoTimeGoal)?;
        let tiers: Vec<TierModel> =
            stack.tiers.iter().map(|tier| tier_model(tier, &steady)).collect();
        let (base, base_rate) = base(stack, &tiers, &steady);
        let grid = Grid::of(&base, limit);
        let highest = steady.last().map_or(Rate::ZERO, |step| step.offered);
        let mut model = Self {
            tiers,
            goals: goals.to_vec(),
            present: stack.present(),
            unloaded: grid.clone(),
            base: grid,
            base_rate,
            spread: 1.0,
            serial: None,
            rate_limit: rate_limit.or(stack.rate_limit),
            tested_to: highest,
            held_out_error: None,
            spread_error: 0.1,
        };
        model.explain(&steady);
        model.held_out_error = model.cross_validate(&steady);
        Ok(model)
    }

    /// Finds the spread of services, or, where cores cannot be what makes requests wait, the demand of
    /// something that serves one at a time.
    fn explain(&mut self, steady: &[&StepResult]) {
        let goal = self.judged_goal();
        let with_spread = |model: &Self, log: f64| model.with(log.exp(), None);
        let (log_spread, spread_misfit) =
            minimum(-3.0, 2.3, |log| with_spread(self, log).misfit(steady, &goal));
        let fastest = 0.999 / steady.last().map_or(1.0, |step| step.achieved().get());
        let suspect = self.suspect(steady);
        let serial = |log: f64| Some(Serial { demand: log.exp(), tier: suspect });
        let (log_demand, serial_misfit) = minimum(fastest.ln() - 4.0, fastest.ln(), |log| {
            self.with(1.0, serial(log)).misfit(steady, &goal)
        });
        let busiest = self.busiest(steady);
        *self = if serial_misfit < 0.5 * spread_misfit && busiest < 0.8 {
            self.with(1.0, serial(log_demand))
        } else {
            with_spread(self, log_spread)
        };
    }

    fn with(&self, spread: f64, serial: Option<Serial>) -> Self {
        let mut model = Self { spread, serial, ..self.clone() };
        model.unloaded = model.unloaded();
        model
    }

    fn judged_goal(&self) -> Goal {
        let timed = self.goals.iter().find(|goal| goal.limit().is_some());
        timed.copied().unwrap_or(self.goals[0])
    }

    /// Sum over steps of seconds × squared log ratio of predicted to measured.
    fn misfit(&self, steps: &[&StepResult], goal: &Goal) -> f64 {
        let from = 0.4 * steps.last().map_or(0.0, |step| step.offered.get());
        steps
            .iter()
            .filter(|step| step.offered.get() >= from)
            .map(|step| step.duration.as_secs_f64() * self.log_error(step, goal).powi(2))
            .sum()
    }

    /// ln(predicted/measured), at most a factor of 20 either way. What was measured far above the limit
    /// depends on how long it was watched, so it counts as no more than three times the limit.
    fn log_error(&self, step: &StepResult, goal: &Goal) -> f64 {
        let cap = 3.0 * goal.limit().unwrap_or(f64::INFINITY);
        let measured = goal.measure(&step.response()).min(cap);
        let predicted = self.predict(&self.present, step.achieved().get(), goal).min(cap);
        (predicted / measured).ln().clamp(-3.0, 3.0)
    }

    /// The share of its cores that the busiest tier uses in the highest step.
    fn busiest(&self, steady: &[&StepResult]) -> f64 {
        let rate = steady.last().map_or(0.0, |step| step.achieved().get());
        let full = self.ceilings(&self.present);
        let resources = full.iter().filter(|ceiling| ceiling.resource.is_for_sale());
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
        let waits = self.waits(&self.present, last.achieved().get());
        let growth = |index: usize| {
            let explained = waits[index].mean;
            Some(own(last, index)? - own(first, index)? - explained)
        };
        let grown = (0..self.tiers.len()).filter_map(|index| Some((index, growth(index)?)));
        grown.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }

    /// The mean relative error at each step of the model that was fitted without it and its neighbours
    /// in the list of every other step; `None` with fewer than four steps near the knee.
    fn cross_validate(&self, steady: &[&StepResult]) -> Option<f64> {
        let goal = self.judged_goal();
        let from = 0.4 * steady.last()?.offered.get();
        let near: Vec<&StepResult> =
            steady.iter().copied().filter(|step| step.offered.get() >= from).collect();
        if near.len() < 4 {
            return None;
        }
        let half = |odd: usize| -> Vec<&StepResult> {
            near.iter().copied().skip(odd).step_by(2).collect()
        };
        let mut errors = Vec::new();
        for odd in 0..2 {
            let mut model = self.clone();
            model.explain(&half(odd));
            errors.extend(half(1 - odd).iter().map(|s| model.log_error(s, &goal).abs()));
        }
        Some(errors.iter().sum::<f64>() / errors.len() as f64)
    }
}

fn tier_model(tier: &Tier, steady: &[&StepResult]) -> TierModel {
    let points = |of: &dyn Fn(&TierUse) -> Option<f64>| -> Vec<(f64, f64)> {
        let used = steady
            .iter()
            .filter_map(|step| Some((step.achieved().get(), of(step.tier(&tier.name)?)?)));
        used.collect()
    };
    let replicas = f64::from(tier.replicas);
    let cores = points(&|used| used.cores_used);
    let demand = robust_line(&cores).filter(|_| tier.kind != TierKind::External).map(|line| {
        let background = line.intercept.max(0.0) / replicas;
        let seconds = drifted(&cores, line.intercept.max(0.0), floored(line.slope));
        Demand { seconds, background }
    });
    let memory = robust_line(&points(&|used| Some(used.memory?.get() as f64))).map(|line| Memory {
        base: line.intercept / replicas,
        per_rate: if line.slope.low > 0.0 { line.slope.value } else { 0.0 },
    });
    let held = points(&|used| used.connections);
    // The lowest steps show how long a connection is held when nothing behind it waits.
    let low = held.iter().take(3.max(held.len() / 3));
    let (used, rates) =
        low.fold((0.0, 0.0), |(used, rates), (rate, held)| (used + held, rates + rate));
    let pool = tier.pool.filter(|_| used > 0.0).map(|limit| Pool { limit, hold: used / rates });
    TierModel {
        name: tier.name.clone(),
        kind: tier.kind,
        balancing: tier.balancing,
        demand,
        pool,
        memory,
    }
}

/// Demands that differ by more than this between the highest rates and all of them drift with the load.
const DRIFT: f64 = 0.05;
/// The highest rates: from this share of the highest of all.
const HIGHEST: f64 = 0.7;

/// The demand at the highest rates, where it drifts (a cache that hits more often the more is asked of it):
/// there the limit is, and there predictions begin.
fn drifted(cores: &[(f64, f64)], background: f64, slope: Estimate) -> Estimate {
    let highest = cores.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
    let top = cores.iter().filter(|(rate, _)| *rate >= HIGHEST * highest);
    let (used, rates, count) = top.fold((0.0, 0.0, 0), |(used, rates, count), (rate, cores)| {
        (used + cores - background, rates + rate, count + 1)
    });
    let demand = used / rates;
    if count < 2 || demand <= 0.0 || (demand / slope.value - 1.0).abs() <= DRIFT {
        return slope;
    }
    // What is left open about the slope is left open about the demand, too, and half of the drift.
    let half = (demand - slope.value).abs() / 2.0;
    let reach = ((slope.high - slope.low) / 2.0).hypot(half).min(demand);
    Estimate { value: demand, low: demand - reach, high: demand + reach }
}

fn floored(slope: Estimate) -> Estimate {
    let at_least = |value: f64| value.max(0.0);
    Estimate { value: at_least(slope.value), low: at_least(slope.low), high: at_least(slope.high) }
}

/// The histogram of the steps in which nobody waits much, and their mean rate by requests.
fn base(stack: &StackModel, tiers: &[TierModel], steady: &[&StepResult]) -> (Histogram, f64) {
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
    let counts = histograms.iter().map(|histogram| histogram.count() as f64);
    let total: f64 = counts.clone().sum();
    let rate =
        counts.zip(&low).map(|(count, step)| count * step.offered.get()).sum::<f64>() / total;
    (Histogram::merged(&histograms), rate)
}

/// The least value of `of` between `low` and `high`, and where: a scan, then golden section.
fn minimum(low: f64, high: f64, of: impl Fn(f64) -> f64) -> (f64, f64) {
    const SCAN: u32 = 12;
    let step = (high - low) / f64::from(SCAN);
    let at = |index: u32| low + step * f64::from(index);
    let best = (0..=SCAN).min_by(|a, b| of(at(*a)).total_cmp(&of(at(*b)))).unwrap_or(0);
    let (mut a, mut b) = (at(best.saturating_sub(1)), at((best + 1).min(SCAN)));
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..16 {
        let (left, right) = (b - ratio * (b - a), a + ratio * (b - a));
        if of(left) < of(right) {
            b = right;
        } else {
            a = left;
        }
    }
    let middle = f64::midpoint(a, b);
    (middle, of(middle))
}
