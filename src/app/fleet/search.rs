//! An agent's part of a step of a search for capacity.

use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::cli::AgentArgs;
use crate::fleet::LedSearchStep;
use crate::metrics::{RunHeader, RunLine};
use crate::observe::WatchPlan;
use crate::plan::Shard;

use super::super::asked::{AgentWork, FleetRole};
use super::super::capacity::{SearchLimits, SearchScenario, SearchSource};
use super::super::conditions::HeaderConditions;
use super::super::exit::Failure;
use super::super::files::RunFolder;
use super::super::header::header;
use super::super::hooks::HookPlan;
use super::super::lifecycle::SetUp;
use super::super::mask;
use super::super::preflight::look_ahead;
use super::super::prepare::{FileRecord, PreparedRun, plan_hash};

/// Compiles the step from what the leader has sent, reaches the target and opens the log.
pub(super) fn prepare_step(
    runtime: &Runtime,
    step: &LedSearchStep,
    (work, shard): (&AgentWork, Shard),
    args: &AgentArgs,
) -> Result<PreparedRun, Failure> {
    let source = SearchSource {
        origin: &step.origin,
        seed: Some(step.seed.get()),
        role: FleetRole::Agent(work),
        read: &FileRecord::default(),
    };
    let limits = SearchLimits { workers: args.workers, max_vus: step.max_vus };
    let mut site = SearchScenario::open(&source, limits, &args.i_may_load)?;
    let plan = Arc::make_mut(&mut site.plan);
    plan.shard = shard;
    work.leave_to_leader(plan)
        .map_err(|error| Failure::while_doing("what the leader's setup has captured", &error))?;
    let (plan, options) = site.step((step.index, step.rate), step.duration, step.patience)?;
    if step.preflight {
        look_ahead(runtime, &plan, &options)?;
    }
    let whole = RunHeader {
        clock_error: Some(work.clock_error),
        ..header(&plan, work.started, options.workers, HeaderConditions::default())
    };
    let plan_hash = plan_hash(&whole);
    let header = mask::header(whole);
    let mut folder = RunFolder::create(&args.out, &plan.name, work.started)?;
    folder.append(&RunLine::Run(header.clone()))?;
    Ok(PreparedRun {
        plan,
        options,
        header,
        folder,
        set_up: SetUp::default(),
        watch: WatchPlan::default(),
        signals: vec![],
        browser_hosts: None,
        warnings: vec![],
        rollback: false,
        outside: HookPlan::default(),
        start: None,
        plan_hash,
        agents: None,
    })
}
