//! The best deployment, found by playing them all.

use plimsoll::capacity::choice::{self, RequiredCapacity};
use plimsoll::capacity::des::{self, ServiceWork, SimulatedStack, SimulatedTier};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::capacity::stack::{StackModel, TierDeployment};
use plimsoll::units::Seed;

/// Whether `deployment` may be bought.
pub(super) fn is_legal(stack: &StackModel, deployment: &[TierDeployment]) -> bool {
    let total: f64 = deployment.iter().map(|d| d.cores * f64::from(d.replicas)).sum();
    let allowed = stack.quota.as_ref().and_then(|quota| quota.cores).unwrap_or(f64::INFINITY);
    total <= allowed
        && stack.tiers.iter().zip(deployment).all(|(tier, d)| d.replicas <= tier.replicas_max)
}

/// Plays every legal deployment with the true laws, cheapest first.
pub(super) fn brute_force(
    now: &SimulatedStack,
    described: &StackModel,
    slo_limit: SloLimit,
    need: &RequiredCapacity,
) -> Option<Vec<TierDeployment>> {
    let rate = need.rate();
    let played = |deployment: &[TierDeployment]| {
        let mut then = now.clone();
        for (tier, deployed) in then.tiers.iter_mut().zip(deployment) {
            tier.replicas = deployed.replicas;
            tier.work = ServiceWork::Cores(deployed.cores as u32);
        }
        let cpu = |tier: &SimulatedTier, d: &TierDeployment| {
            rate.get() * tier.service.mean() / d.cores / f64::from(d.replicas)
        };
        let busiest = then.tiers.iter().zip(deployment).map(|(t, d)| cpu(t, d)).fold(0.0, f64::max);
        (busiest, then)
    };
    let present = described.present();
    choice::deployments(described)
        .into_iter()
        .find(|deployment| {
            let (busiest, then) = played(deployment);
            let signalled = !described.signals.is_empty() && busiest > 0.7;
            if !is_legal(described, deployment) || signalled || busiest > 0.95 {
                return false;
            }
            let holds = |stack: &SimulatedStack, busiest: f64| {
                busiest < 0.99 && des::meets(stack, &[slo_limit], (rate, 300_000), Seed::new(3))
            };
            let mut lost = deployment.clone();
            lost[0].replicas -= 1;
            let (busiest_lost, left) = played(&lost);
            holds(&then, busiest) && (!need.n_plus_1 || holds(&left, busiest_lost))
        })
        .filter(|deployment| *deployment != present)
}
