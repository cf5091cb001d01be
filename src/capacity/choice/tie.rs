//! What another search of the same stack might as well recommend.
//!
//! A measurement leaves a few per cent of the rate open. Where a price hangs on less than that, two searches recommend
//! different deployments, and neither is wrong: that is told.

use super::check::DeploymentChecker;
use crate::option::{RecommendationTie, TiedDeployment};
use crate::stack::Deployment;

/// Two searches differ by less than so many standard errors of one of them in 95 % of cases: 1.96·√2.
const APART: f64 = 2.77;

/// What is recommended instead of `chosen` (`None`: nothing will do) where the stack carries as much less or more as two
/// searches may differ; `None` where that changes nothing. `all` are the deployments, cheapest first.
pub(super) fn tie(
    checker: &DeploymentChecker<'_>,
    all: &[Deployment],
    chosen: Option<&Deployment>,
) -> Option<RecommendationTie> {
    let open = APART * checker.standard_error();
    let at = chosen.and_then(|chosen| all.iter().position(|one| one == chosen));
    // What carries a rate carries a lower one, and what does not carry it carries no higher one.
    let lower = checker.at((-open).exp());
    let below = first(&lower, &all[..at.unwrap_or(all.len())]).or(chosen);
    let higher = checker.at(open.exp());
    let above = at.and_then(|at| first(&higher, &all[at..]));
    let others: Vec<TiedDeployment> = [below, above]
        .into_iter()
        .filter(|other| *other != chosen)
        .map(|other| checker.tied(other))
        .collect();
    (!others.is_empty()).then_some(RecommendationTie { open, others })
}

/// The first of `deployments` that will do.
fn first<'a>(
    checker: &DeploymentChecker<'_>,
    deployments: &'a [Deployment],
) -> Option<&'a Deployment> {
    if checker.wall().is_some() {
        return None;
    }
    deployments.iter().find(|one| checker.reject(one).is_none())
}
