//! What a search plays on: the scenario, made into a plan for each step, and what the stack is.

use std::path::Path;
use std::sync::Arc;

use crate::capacity::notes::LoadOrigin;
use crate::capacity::stack::{Deployed, StackModel};
use crate::engine::{RunOptions, most_workers, prepare_limits, workers_for};
use crate::observe::WatchPlan;
use crate::plan::{ArrivalLaw, Load, OpenLoad, Overrides, Plan, Stage};
use crate::scenario::{FileAccess, Loaded, load_from};
use crate::units::{Nanos, Rate, RateUnit, Seed, WorkRate};

use super::super::asked::FleetRole;
use super::super::compiled::{permit_for, plan_of, tls_for};
use super::super::exit::{Exit, Failure};
use super::super::prepare::FileRecord;
use super::super::{files, sources};

/// A scenario from which steps are made.
pub(in crate::app) struct SearchScenario {
    loaded: Loaded,
    /// What it is made of, secrets included.
    #[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "no agents in this build"))]
    pub(super) origin: LoadOrigin,
    /// The plan of the workload as it stands: names, objectives, expectations.
    pub(in crate::app) plan: Arc<Plan>,
    pub(super) options: RunOptions,
    /// How the stack's own metrics are read.
    pub(super) watch: WatchPlan,
    workers: Option<u32>,
    pub(super) max_vus: Option<u32>,
    told_of_rows: bool,
    /// A note about the steps that has not been printed yet.
    pub(super) note: Option<String>,
}

/// What a search's scenario is read from.
pub(in crate::app) struct SearchSource<'a> {
    pub(in crate::app) origin: &'a LoadOrigin,
    pub(in crate::app) seed: Option<u64>,
    /// Whether agents play the steps, or this is one of them.
    pub(in crate::app) role: FleetRole<'a>,
    /// Notes the files that agents need too.
    pub(in crate::app) read: &'a FileRecord,
}

/// Where a search is limited by what the scenario says nothing about.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::app) struct SearchLimits {
    pub(in crate::app) workers: Option<u32>,
    pub(in crate::app) max_vus: Option<u32>,
}

/// Fewer users are never worth saving; more do not fit a machine's ports and descriptors.
const VUS_MIN: u32 = 200;

const VUS_MAX: u32 = 20_000;

/// A search has to know what could be changed.
pub(in crate::app) fn without_stack() -> Failure {
    Failure::new(
        Exit::Usage,
        "error: the scenario names no stack file\nhint: write `stack: stack.yaml` and describe the tiers there; `plimsoll \
         schema` and scenarios/ais/stack.yaml show how",
    )
}

/// What a search asks for beside the scenario's file.
pub(in crate::app) fn search_overrides(origin: &LoadOrigin, seed: Option<u64>) -> Overrides {
    Overrides {
        workload: origin.workload.clone(),
        target: origin.target.clone(),
        think: origin.think,
        seed: seed.map(Seed::new),
        ..Overrides::default()
    }
}

impl SearchScenario {
    /// Loads and checks the scenario that `source` names.
    pub(in crate::app) fn open(
        source: &SearchSource<'_>,
        limits: SearchLimits,
        may_load: &[String],
    ) -> Result<Self, Failure> {
        let SearchSource { origin, seed, role, read } = *source;
        let path = Path::new(&origin.path);
        let reading = |path: &Path| read.read(role, path);
        let access = FileAccess { read: &reading, ..role.files() };
        let loaded = load_from(path, &origin.settings, access, &files::variable);
        let overrides = search_overrides(origin, seed);
        let (mut plan, watch) = plan_of(&loaded, &overrides, role.stack_programs())?;
        if plan.requests_per_iteration() <= 0.0 {
            return Err(Failure::new(
                Exit::Usage,
                "error: a search offers requests per second, and a loop does not say how many rounds it makes\nhint: give \
                 `foreach`, `while` and `repeat` their `rounds`",
            ));
        }
        // A search asks what one stack carries.
        plan.split = None;
        let plan = Arc::new(plan);
        let options = RunOptions {
            workers: 1,
            tls: tls_for(&plan)?,
            permit: permit_for(&plan, may_load),
            connections: u64::MAX,
        };
        let SearchLimits { workers, max_vus } = limits;
        Ok(Self {
            loaded,
            origin: origin.clone(),
            plan,
            watch,
            options,
            workers,
            max_vus,
            told_of_rows: false,
            note: None,
        })
    }

    /// The stack file in the terms of capacity; a single tier that nothing is known of where there is none.
    pub(super) fn stack(&self, deployed: &Deployed) -> Result<StackModel, Failure> {
        let file = self.loaded.scenario.as_ref().and_then(|scenario| scenario.stack.as_ref());
        let file = file.ok_or_else(without_stack)?;
        let unknown = deployed.tiers().find(|(_, name)| file.tier(name).is_none());
        if let Some((option, name)) = unknown {
            let known = file.tier_names().join("`, `");
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "error: `{option}`: no tier is called `{name}`\nhint: known here: `{known}`"
                ),
            ));
        }
        let mut stack = StackModel::described(file, deployed);
        if stack.name.is_empty() {
            stack.name.clone_from(&self.plan.name);
        }
        Ok(stack)
    }

    /// The peak that the stack file expects, and its growth.
    pub(super) fn forecast(&self) -> Option<(WorkRate, f64)> {
        let stack = self.loaded.scenario.as_ref()?.stack.as_ref()?;
        Some((stack.forecast.peak?, stack.forecast.growth.get()))
    }

    /// A rate of requests.
    pub(super) fn requests(&self, rate: WorkRate) -> Rate {
        match rate.unit {
            RateUnit::Requests => rate.rate,
            RateUnit::Iterations => rate.rate.times(self.plan.requests_per_iteration()),
        }
    }

    /// The highest rate of the workload, requests per second.
    pub(super) fn workload_peak(&self) -> Rate {
        self.plan.load.peak().times(self.plan.requests_per_iteration())
    }

    /// The plan of the `index`-th step: `rate` requests a second for `duration`, with arrivals of its own.
    /// No answer may take longer than `patience` before users run short.
    pub(in crate::app) fn step(
        &mut self,
        (index, rate): (u64, Rate),
        duration: Nanos,
        patience: Nanos,
    ) -> Result<(Arc<Plan>, RunOptions), Failure> {
        let seed = self.plan.seed;
        // Steps with the same arrivals would err in the same direction.
        let seed = Seed::new(seed.get().wrapping_add(index.wrapping_mul(0x9E37_79B9)));
        let plan = &self.plan;
        let arrivals = match &plan.load {
            // A recording has the rates that it has; a search asks for others.
            Load::Open(OpenLoad { arrivals: ArrivalLaw::Recorded(_), .. }) | Load::Closed(_) => {
                ArrivalLaw::Poisson
            }
            Load::Open(OpenLoad { arrivals, .. }) => arrivals.clone(),
        };
        let rate = rate.times(1.0 / plan.requests_per_iteration().max(1e-9));
        let stages = vec![Stage { from: rate, to: rate, duration, judged: true }];
        let max_vus = self.max_vus.unwrap_or_else(|| enough_users(plan, rate, patience));
        let plan =
            plan.rerated(Load::Open(OpenLoad { arrivals, stages, max_vus, mix: None }), seed);
        let limit = prepare_limits(&plan)
            .map_err(|error| Failure::new(Exit::Error, format!("error: {error}")))?;
        self.tell_of_rows(&plan);
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let workers =
            self.workers.unwrap_or_else(|| workers_for(&plan, cores)).clamp(1, most_workers(&plan));
        let options = RunOptions { workers, connections: limit.most, ..self.options.clone() };
        Ok((Arc::new(plan), options))
    }

    /// Chooses the sources of the stack's own metrics; a simulated stack has its own.
    pub(super) async fn look(&mut self, simulated: bool) {
        let watch = std::mem::take(&mut self.watch);
        let (plan, tls) = (&self.plan, &self.options.tls);
        self.watch = sources::chosen(watch, &self.loaded, (plan, tls), simulated).await;
    }

    /// A search needs more users than a workload when the stack drowns; they share rows then.
    fn tell_of_rows(&mut self, plan: &Plan) {
        use crate::plan::Pick;
        let vus = plan.load.max_vus() as usize;
        let short = plan.data.iter().find(|set| set.pick == Pick::Unique && set.rows.len() < vus);
        if let (Some(set), false) = (short, self.told_of_rows) {
            self.told_of_rows = true;
            self.note = Some(format!(
                "if more than {} users are busy at once, they share rows of `{}`",
                set.rows.len(),
                set.name
            ));
        }
    }
}

/// Users for `rate` iterations a second, each of which may wait for answers as long as `patience`.
fn enough_users(plan: &Plan, rate: Rate, patience: Nanos) -> u32 {
    let seconds = plan.iteration_time.as_secs_f64() + patience.as_secs_f64();
    ((rate.get() * seconds).ceil() as u32).clamp(VUS_MIN, VUS_MAX)
}
