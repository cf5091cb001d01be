//! Every deployment within the stack file's limits, cheapest first.

use crate::stack::{CapacityTier, Deployment, StackModel, TierDeployment};

/// More combinations than this are cut to the cheapest choices of each tier.
const COMBINATIONS_MAX: usize = 50_000;

/// All deployments that are nowhere smaller than the present one, the cheapest first, and among equally
/// dear ones the one that changes least.
pub fn deployments(stack: &StackModel) -> Vec<Deployment> {
    let mut choices: Vec<Vec<TierDeployment>> = stack.tiers.iter().map(choices).collect();
    let combinations = |choices: &[Vec<TierDeployment>]| {
        choices.iter().map(Vec::len).fold(1_usize, usize::saturating_mul)
    };
    while combinations(&choices) > COMBINATIONS_MAX {
        if let Some(longest) = choices.iter_mut().max_by_key(|choices| choices.len()) {
            longest.pop();
        }
    }
    let mut all: Vec<Deployment> = vec![Vec::new()];
    for tier in &choices {
        all = all
            .iter()
            .flat_map(|chosen| {
                tier.iter().map(move |choice| [chosen.as_slice(), &[*choice]].concat())
            })
            .collect();
    }
    let present = stack.present();
    let changes = |deployment: &Deployment| {
        deployment.iter().zip(&present).filter(|(then, now)| then != now).count()
    };
    all.sort_by_key(|deployment| (stack.monthly_cost(deployment), changes(deployment)));
    all
}

/// A tier's sizes and replicas from the present ones up, cheapest first.
fn choices(tier: &CapacityTier) -> Vec<TierDeployment> {
    let bigger = tier.sizes.iter().filter(|size| size.cores >= tier.size.cores);
    let mut all: Vec<TierDeployment> = std::iter::once(&tier.size)
        .chain(bigger.filter(|size| **size != tier.size))
        .flat_map(|size| {
            let most = tier.replicas_max.max(tier.replicas);
            (tier.replicas..=most).map(|replicas| TierDeployment::of(replicas, *size))
        })
        .collect();
    all.sort_by_key(|choice| choice.monthly_cost.times(u64::from(choice.replicas)));
    all
}

/// The most of everything.
pub(super) fn largest(stack: &StackModel) -> Deployment {
    let most = |tier: &CapacityTier| {
        let biggest = tier.sizes.iter().max_by(|a, b| a.cores.total_cmp(&b.cores));
        TierDeployment::of(
            tier.replicas_max.max(tier.replicas),
            biggest.copied().filter(|size| size.cores > tier.size.cores).unwrap_or(tier.size),
        )
    };
    stack.tiers.iter().map(most).collect()
}
