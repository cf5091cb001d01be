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
mod tie;

use super::model::CapacityModel;
use super::output::{OptionRow, OptionStatus, Recommendation, ScalingDirection};
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
    let (present, all) = (stack.present(), deployments(stack));
    let mut choice = cheapest(&checker, &all, &present);
    let is_enough = choice
        .options
        .iter()
        .any(|row| row.kind == ScalingDirection::Neither && row.status != OptionStatus::Rejected);
    let chosen = choice.deployment.as_ref().or_else(|| is_enough.then_some(&present));
    choice.recommendation.tie = tie::tie(&checker, &all, chosen);
    choice
}

/// The cheapest of `all` that will do.
fn cheapest(
    checker: &DeploymentChecker<'_>,
    all: &[Deployment],
    present: &Deployment,
) -> DeploymentChoice {
    let now = checker.row(present, checker.reject(present));
    let is_enough = now.status != OptionStatus::Rejected;
    let mut rows = OptionRows { present: Some(now), ..OptionRows::default() };
    let nothing = |reason: String, rows: OptionRows| DeploymentChoice {
        deployment: None,
        recommendation: checker.neither(present, reason),
        options: rows.ordered(),
    };
    if let Some(wall) = checker.wall() {
        return nothing(wall.to_string(), rows);
    }
    let mut chosen: Option<(Deployment, OptionRow)> = None;
    for deployment in all {
        if deployment == present {
            if is_enough {
                return nothing("the present deployment carries it".to_owned(), rows);
            }
            continue;
        }
        match checker.reject(deployment) {
            Some(rejection) if chosen.is_none() => rows.reject(checker, deployment, &rejection),
            Some(_) => {}
            None if chosen.is_none() => {
                chosen = Some((deployment.clone(), checker.row(deployment, None)));
            }
            None => {
                rows.alternative(checker, deployment);
                break;
            }
        }
    }
    let Some((deployment, row)) = chosen else { return nothing(checker.out_of_reach(), rows) };
    conclude(checker, rows, deployment, row)
}

fn conclude(
    checker: &DeploymentChecker<'_>,
    mut rows: OptionRows,
    deployment: Deployment,
    mut row: OptionRow,
) -> DeploymentChoice {
    row.status = OptionStatus::Recommended;
    row.reason = checker.praise(&deployment);
    let recommendation = Recommendation {
        kind: row.kind,
        tiers: row.tiers.clone(),
        monthly_cost: row.monthly_cost,
        reason: row.reason.clone(),
        tie: None,
    };
    rows.chosen = Some(row);
    DeploymentChoice { deployment: Some(deployment), recommendation, options: rows.ordered() }
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
