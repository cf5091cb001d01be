//! The first line of a run's log: the plan's names and the run's conditions.

use jiff::Timestamp;

use crate::metrics::{ArrivalProcess, LoadModel, RunHeader, RunLog, ScenarioInfo, StageInfo};
use crate::plan::{ArrivalLaw, Load, Plan, Shard, Split, VuStage};
use crate::schedule::Schedule;
use crate::units::{Rate, Ratio, RunTime};

use super::conditions::HeaderConditions;

/// The header of a run of `plan`.
pub(super) fn header(
    plan: &Plan,
    started: Timestamp,
    workers: u32,
    conditions: HeaderConditions,
) -> RunHeader {
    let weight: f64 = plan.scenarios.iter().map(|scenario| scenario.weight).sum();
    let scenarios = plan
        .scenarios
        .iter()
        .map(|scenario| ScenarioInfo {
            name: scenario.name.clone(),
            share: Ratio::new(scenario.weight / weight),
            requests_per_iteration: scenario.requests_per_iteration,
        })
        .collect();
    let (model, arrivals) = match &plan.load {
        Load::Open(open) => (LoadModel::Open, process(&open.arrivals)),
        Load::Closed(closed) => (LoadModel::Closed { vus: closed.vus }, ArrivalProcess::Closed),
    };
    let exact_arrivals = match &plan.load {
        Load::Open(open) => open.arrivals.is_exact(),
        Load::Closed(_) => false,
    };
    RunHeader {
        schema: RunLog::SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: plan.name.clone(),
        workload: plan.workload.clone(),
        started_utc: started.to_string(),
        target: plan.target.url(),
        scenario_hash: plan.fingerprint.clone(),
        seed: plan.seed,
        shard: (plan.shard.index, plan.shard.count),
        model,
        arrivals,
        exact_arrivals,
        changing_mix: matches!(&plan.load, Load::Open(open) if open.mix.is_some()),
        lag_bounds: true,
        graceful_stop: plan.graceful_stop,
        stages: stages(plan),
        steps: plan.steps.clone(),
        scenarios,
        objectives: plan.objectives.clone(),
        workers,
        max_vus: plan.load.max_vus(),
        conditions: conditions.facts,
        forecast_peak: conditions.forecast_peak,
        split: plan.split.as_ref().map(Split::info),
        planned_arrivals: planned_arrivals(plan),
        clock_error: None,
        shards: vec![],
        without: vec![],
    }
}

const fn process(law: &ArrivalLaw) -> ArrivalProcess {
    match law {
        ArrivalLaw::Poisson => ArrivalProcess::Poisson,
        ArrivalLaw::Exponential => ArrivalProcess::Exponential,
        ArrivalLaw::Constant => ArrivalProcess::Constant,
        ArrivalLaw::Recorded(_) => ArrivalProcess::Recorded,
    }
}

/// How many arrivals the schedule has, each counted as often as it is played; of a shard nobody knows without walking
/// them. Of a closed model with a number of iterations, how many are played here.
fn planned_arrivals(plan: &Plan) -> Option<u64> {
    let open = match &plan.load {
        Load::Open(open) => open,
        Load::Closed(closed) => {
            let of = closed.iterations.as_ref()?.of;
            return Some(u64::from(plan.shard.share_of(of, (0, 1))));
        }
    };
    let schedule = Schedule::new(open, plan.seed, plan.shard);
    let count = schedule.count_before(RunTime::NEVER) * u64::from(plan.plays());
    (plan.shard == Shard::WHOLE).then_some(count)
}

/// The stages in iterations: two an arrival where two targets play every one.
fn stages(plan: &Plan) -> Vec<StageInfo> {
    let plays = f64::from(plan.plays());
    match &plan.load {
        Load::Open(open) => open
            .stages
            .iter()
            .map(|stage| StageInfo {
                from: stage.from.times(plays),
                to: stage.to.times(plays),
                duration: stage.duration,
                judged: stage.judged,
            })
            .collect(),
        Load::Closed(closed) => {
            let (from, to) = (Rate::ZERO, Rate::ZERO);
            let stage = |stage: &VuStage| StageInfo {
                from,
                to,
                duration: stage.duration,
                judged: stage.judged,
            };
            closed.stages.iter().map(stage).collect()
        }
    }
}
