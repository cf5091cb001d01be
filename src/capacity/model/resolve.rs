//! Resolves what cannot be true together, before the model says anything.
//!
//! A resource that a rate needs more of than there is cannot have carried it. Where a stack was held at rest at that
//! rate, the rate is the fact, and something that was told is wrong: how much there is of the resource, or the figure
//! of its use. A little is error of the figure, and is set right; more is named, and nothing is concluded from it.

use super::contradiction::Contradiction;
use super::fitted::TierModel;
use crate::slo_limits::SloLimit;
use crate::stack::{CapacityTier, StackModel};
use crate::step::{StepResult, TierUse};

/// Beyond this factor more was in use than there is, and not by error of the figure.
const IN_USE: f64 = 1.05;
/// A time that a connection is held may be wrong by this factor by error of the figure.
const HOLD_ERROR: f64 = 1.4;
/// A pool is used this much at most while a stack is at rest.
const USED_MOST: f64 = 0.98;

/// The highest rate among the steps at rest that were within every objective; zero if none was.
pub(super) fn held(steady: &[&StepResult], slo_limits: &[SloLimit]) -> f64 {
    let within = steady.iter().filter(|step| step.seems_within(slo_limits));
    within.map(|step| step.offered.get()).fold(0.0, f64::max)
}

/// Sets right what is a little wrong in `tiers`, and takes out what cannot be true.
pub(super) fn resolve(
    tiers: &mut [TierModel],
    stack: &StackModel,
    steady: &[&StepResult],
    held: f64,
) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for (model, tier) in tiers.iter_mut().zip(&stack.tiers) {
        pools(model, tier, (steady, held), &mut found);
        let cores = tier.size.cores * f64::from(tier.replicas);
        let used = most(steady, &tier.name, |used| used.cores_used);
        if let Some((rate_per_s, needed)) = used.filter(|(_, used)| *used > IN_USE * cores) {
            model.demand = None;
            let (tier, what) = (tier.name.clone(), "cores".to_owned());
            found.push(Contradiction { tier, what, told: cores, needed, rate_per_s });
        }
    }
    found
}

fn pools(
    model: &mut TierModel,
    tier: &CapacityTier,
    (steady, held): (&[&StepResult], f64),
    found: &mut Vec<Contradiction>,
) {
    model.pools.retain_mut(|pool| {
        let told = f64::from(pool.limit * tier.replicas);
        let in_use = most(steady, &tier.name, |used| used.connections.get(&pool.to).copied());
        let over = in_use.filter(|(_, used)| *used > IN_USE * told);
        let asked = held * pool.hold;
        let asked = (asked > HOLD_ERROR * told).then_some((held, asked));
        if let Some((rate_per_s, needed)) = over.or(asked) {
            let (tier, what) = (tier.name.clone(), format!("connections to {}", pool.to));
            found.push(Contradiction { tier, what, told, needed, rate_per_s });
            return false;
        }
        if held > 0.0 {
            pool.hold = pool.hold.min(USED_MOST * told / held);
        }
        true
    });
}

/// The most that any step used of something, and at which rate.
fn most(
    steady: &[&StepResult],
    tier: &str,
    of: impl Fn(&TierUse) -> Option<f64>,
) -> Option<(f64, f64)> {
    let used = steady.iter().filter_map(|step| Some((step.offered.get(), of(step.tier(tier)?)?)));
    used.max_by(|a, b| a.1.total_cmp(&b.1))
}
