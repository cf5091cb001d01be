//! Conditions of `abort` that cannot end a run.

use crate::metrics::{AbortCondition, Scope};
use crate::plan::{Plan, ScenarioPlan};
use crate::slo::requests_needed;

/// The conditions for which the load never brings enough requests, each with what it lacks. Of a closed model, and where
/// nobody says how many rounds a loop makes, nobody knows.
pub(super) fn out_of_reach(plan: &Plan) -> Vec<String> {
    let iterations = plan.load.peak().get() / f64::from(plan.shard.count);
    let is_told = plan.scenarios.iter().all(|one| one.requests_per_iteration > 0.0);
    if iterations <= 0.0 || !is_told {
        return vec![];
    }
    let weights: f64 = plan.scenarios.iter().map(|one| one.weight).sum();
    let rate = |one: &ScenarioPlan| iterations * one.weight / weights * one.requests_per_iteration;
    let note = |condition: &AbortCondition| {
        // A step has the requests of all scenarios at the most.
        let speaks_of = |one: &&ScenarioPlan| match &condition.scope {
            Scope::Scenario(name) => one.name == *name,
            _ => true,
        };
        let rate: f64 = plan.scenarios.iter().filter(speaks_of).map(rate).sum();
        // A stage brings what it should on average, and no stretch of it much more.
        let due = (rate * condition.sustained.as_secs_f64()).ceil() as u64;
        let needed = requests_needed(&condition.measure);
        (due < needed).then(|| {
            format!(
                "`abort: {}` cannot end the run: it needs {needed} requests within {}, and {due} are due; give it a longer \
                 time",
                condition.text, condition.sustained
            )
        })
    };
    plan.abort.iter().filter_map(note).collect()
}
