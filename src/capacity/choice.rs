//! Which deployment to buy: the cheapest one that carries the peak within every limit, with reasons.
//!
//! Every size and number of replicas that the stack file allows is looked at, cheapest first. A deployment
//! is kept when it fits the quota, stays below the scaling signals, and meets every objective at the
//! planned peak with the asked probability, also with one replica lost. What is not kept says why.

mod check;
mod options;
mod required;
#[cfg(test)]
mod tests;

use super::model::{CapacityModel, Ceiling};
use super::output::{OptionRow, OptionStatus, Recommendation};
use super::search::SearchOutcome;
use super::stack::{Deployment, StackModel};

use check::DeploymentChecker;
pub use check::Rejection;
pub use options::deployments;
pub use required::RequiredCapacity;

/// What was chosen, and what was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentChoice {
    /// The deployment to buy; `None` where none carries the peak, or none needs to be bought.
    pub deployment: Option<Deployment>,
    /// The same in words and money.
    pub recommendation: Recommendation,
    /// The options worth showing, cheapest first.
    pub options: Vec<OptionRow>,
}

/// Options shown at most that are not the present one, the chosen one or its alternatives.
const SHOWN_MAX: usize = 6;

/// Chooses for `need`; `found` is what the search measured on the present deployment.
pub fn choose(
    model: &CapacityModel,
    stack: &StackModel,
    found: &SearchOutcome,
    need: &RequiredCapacity,
) -> DeploymentChoice {
    let checker = DeploymentChecker::new(model, stack, found, need);
    let present = stack.present();
    let now = checker.row(&present, checker.reject(&present));
    let mut rows = OptionRows { present: Some(now), ..OptionRows::default() };
    if let Some(wall) = wall(model, stack, need) {
        let recommendation = checker.neither(&present, wall.to_string());
        return DeploymentChoice { deployment: None, recommendation, options: rows.ordered() };
    }
    let mut chosen: Option<(Deployment, OptionRow)> = None;
    for deployment in deployments(stack) {
        if deployment == present {
            if rows.present.as_ref().is_some_and(|row| row.status != OptionStatus::Rejected) {
                let reason = "the present deployment carries it".to_owned();
                let recommendation = checker.neither(&present, reason);
                return DeploymentChoice {
                    deployment: None,
                    recommendation,
                    options: rows.ordered(),
                };
            }
            continue;
        }
        match checker.reject(&deployment) {
            Some(rejection) if chosen.is_none() => rows.reject(&checker, &deployment, &rejection),
            Some(_) => {}
            None if chosen.is_none() => {
                let row = checker.row(&deployment, None);
                chosen = Some((deployment, row));
            }
            None => {
                rows.alternative(&checker, &deployment);
                break;
            }
        }
    }
    conclude(&checker, rows, chosen, &present)
}

fn conclude(
    checker: &DeploymentChecker<'_>,
    mut rows: OptionRows,
    chosen: Option<(Deployment, OptionRow)>,
    present: &Deployment,
) -> DeploymentChoice {
    let Some((deployment, mut row)) = chosen else {
        let reason = checker.out_of_reach();
        let recommendation = checker.neither(present, reason);
        return DeploymentChoice { deployment: None, recommendation, options: rows.ordered() };
    };
    row.status = OptionStatus::Recommended;
    row.reason = checker.praise(&deployment);
    let recommendation = Recommendation {
        kind: row.kind,
        tiers: row.tiers.clone(),
        monthly_cost: row.monthly_cost,
        reason: row.reason.clone(),
    };
    rows.chosen = Some(row);
    DeploymentChoice { deployment: Some(deployment), recommendation, options: rows.ordered() }
}

/// What no money widens and is too low for the need.
fn wall(model: &CapacityModel, stack: &StackModel, need: &RequiredCapacity) -> Option<Rejection> {
    let rate = need.rate();
    let ceilings = model.ceilings(&stack.present());
    let too_low = |ceiling: &&Ceiling| !ceiling.is_for_sale() && ceiling.rate < rate;
    ceilings.iter().find(too_low).map(|ceiling| Rejection::Wall { ceiling: ceiling.clone() })
}

#[derive(Default)]
struct OptionRows {
    present: Option<OptionRow>,
    chosen: Option<OptionRow>,
    others: Vec<OptionRow>,
}

impl OptionRows {
    fn reject(
        &mut self,
        checker: &DeploymentChecker<'_>,
        deployment: &Deployment,
        rejection: &Rejection,
    ) {
        // The dearest rejected ones come closest to what is needed: they are the ones to explain.
        if self.others.len() >= SHOWN_MAX {
            self.others.remove(0);
        }
        self.others.push(checker.row_without_rate(deployment, rejection));
    }

    fn alternative(&mut self, checker: &DeploymentChecker<'_>, deployment: &Deployment) {
        let mut row = checker.row(deployment, None);
        "carries it too, but costs more".clone_into(&mut row.reason);
        self.others.push(row);
    }

    fn ordered(self) -> Vec<OptionRow> {
        let mut all: Vec<OptionRow> =
            self.present.into_iter().chain(self.chosen).chain(self.others).collect();
        all.sort_by(|a, b| a.monthly_cost.total_cmp(&b.monthly_cost));
        all
    }
}
