//! Steps measured on the simulation, in the form in which the engine measures a real stack.

use std::collections::BTreeMap;

use super::{ServiceWork, SimulatedStack, SimulatedWindow, StackSimulation};
use crate::regression::robust_line;
use crate::slo_limits::SloLimit;
use crate::step::{AbortRule, Batch, StepPurpose, StepResult, TierUse};
use plimsoll_units::{Nanos, Rate, Ratio, Seed};

/// The span of one batch.
const BATCH: Nanos = Nanos::from_secs(1);

/// The load of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLoad {
    /// Arrivals.
    pub rate: Rate,
    /// Played before the hold, and cut.
    pub warm_up: Nanos,
    /// The span that is measured.
    pub hold: Nanos,
    /// Why it is played.
    pub purpose: StepPurpose,
}

impl StackSimulation {
    /// Plays the step of `load`, stopped early where `rule` says so. Numbers of tiers
    /// without cores are left out, as nothing observes an external service from inside.
    pub fn measure(
        &mut self,
        stack: &SimulatedStack,
        load: &StepLoad,
        rule: &AbortRule,
    ) -> StepResult {
        let StepLoad { rate, warm_up, hold, purpose } = *load;
        self.set_stage(rate, warm_up + hold);
        self.advance(warm_up);
        let mut windows: Vec<SimulatedWindow> = Vec::new();
        let (mut in_flight, mut aborted) = (Vec::new(), None);
        for _ in 0..(hold.get() / BATCH.get()).max(1) {
            let window = self.advance(BATCH);
            in_flight.push(window.in_flight);
            aborted = rule.judge(rate, &in_flight, 0, window.response.count());
            windows.push(window);
            if aborted.is_some() {
                break;
            }
        }
        // The next step must not inherit this one's backlog.
        self.drain();
        let tiers = stack.tiers.iter().enumerate().map(|(i, tier)| {
            let mean = |of: fn(&super::SimulatedTierWindow) -> f64| {
                Some(windows.iter().map(|w| of(&w.tiers[i])).sum::<f64>() / windows.len() as f64)
            };
            let cores = matches!(tier.work, ServiceWork::Cores(_));
            TierUse {
                tier: tier.name.clone(),
                cores_used: if cores { mean(|t| t.cores_used) } else { None },
                in_flight: mean(|t| t.in_flight),
                connections: pool_used(stack, i, mean(|t| t.connections)),
                memory: None,
            }
        });
        StepResult {
            purpose,
            offered: rate,
            warm_up,
            duration: BATCH * windows.len() as u64,
            dispersion: 1.0,
            tiers: tiers.collect(),
            hit_ratio: None,
            batches: windows
                .into_iter()
                .map(|w| Batch { response: w.response, errors: 0, throttled: w.throttled })
                .collect(),
            others: None,
            aborted,
            valid: true,
        }
    }

    /// Lets the stack become empty before the next step; at most an hour of virtual time.
    fn drain(&mut self) {
        self.set_rate(Rate::ZERO);
        for _ in 0..36_000 {
            if self.advance(Nanos::from_millis(100)).in_flight == 0 {
                break;
            }
        }
    }
}

/// The pool of the `index`-th tier is called by the tier behind it.
fn pool_used(stack: &SimulatedStack, index: usize, used: Option<f64>) -> BTreeMap<String, f64> {
    let behind = stack.tiers.get(index + 1).filter(|_| stack.tiers[index].pool.is_some());
    behind.zip(used).map(|(tier, used)| (tier.name.clone(), used)).into_iter().collect()
}

/// The highest rate at which a stack meets all of `slo_limits`, played with about `requests` requests a rate.
/// Deterministic; `None` if even a rate of one request in ten seconds does not meet them.
pub fn slo_max(
    stack: &SimulatedStack,
    slo_limits: &[SloLimit],
    requests: u64,
    seed: Seed,
) -> Option<Rate> {
    let within = |rate: f64| excess(stack, slo_limits, (rate, requests / 64), seed) <= 1.0;
    let mut low = 0.1;
    if !within(low) {
        return None;
    }
    let mut high = low * 2.0;
    while within(high) && high < 1e7 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..7 {
        let middle = (low * high).sqrt();
        if within(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    // Close to the crossing the logarithm of the excess is a line; chance averages out over its points.
    let mut centre = (low * high).sqrt();
    for (width, share) in [(0.02, 16), (0.008, 4)] {
        let points: Vec<(f64, f64)> = [-1.0, -0.5, 0.0, 0.5, 1.0]
            .iter()
            .map(|side| {
                let rate = centre * (1.0 + side * width);
                (rate, excess(stack, slo_limits, (rate, requests / share), seed).ln())
            })
            .collect();
        let line = robust_line(&points)?;
        if line.slope.value > 0.0 {
            let crossing = -line.intercept / line.slope.value;
            centre = crossing.clamp(centre * (1.0 - 2.0 * width), centre * (1.0 + 2.0 * width));
        }
    }
    Some(Rate::per_second(centre))
}

/// Whether a stack meets all of `slo_limits` at `rate`, played with about `requests` requests.
pub fn meets(
    stack: &SimulatedStack,
    slo_limits: &[SloLimit],
    (rate, requests): (Rate, u64),
    seed: Seed,
) -> bool {
    excess(stack, slo_limits, (rate.get(), requests), seed) <= 1.0
}

/// The largest ratio of a measured value to its limit; beyond 1 an SLO limit is exceeded.
fn excess(
    stack: &SimulatedStack,
    slo_limits: &[SloLimit],
    (rate, requests): (f64, u64),
    seed: Seed,
) -> f64 {
    let mut simulation = StackSimulation::new(stack, seed);
    simulation.set_rate(Rate::per_second(rate));
    let span = Nanos::from_secs_f64(requests as f64 / rate);
    simulation.advance(Nanos::new(span.get() / 10));
    let window = simulation.advance(span);
    let over = (window.in_flight as f64 - 0.02 * requests as f64) / requests as f64;
    let refused = Ratio::of(window.throttled, window.arrivals).get();
    slo_limits
        .iter()
        .map(|slo_limit| {
            slo_limit.measure(&window.response) / slo_limit.limit().unwrap_or(f64::INFINITY)
        })
        .fold(if over > 0.0 { 2.0 } else { refused / 0.01 }, f64::max)
}
