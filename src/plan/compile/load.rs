//! Workload → load: rates become iterations per second, and what the users cannot carry is refused.

use super::demand::{JourneyDemand, MixDemand};
use crate::{ArrivalLaw, Dataset, Hook, Load, OpenLoad, Overrides, Pick, Stage, UsedUp};
use plimsoll_scenario::schema::{
    ArrivalLawSpec, ConnectionsSpec, DataFile, HookSpec, OpenShape, Scenario, StageLength,
    StageSpec, Workload,
};
use plimsoll_scenario::{ProblemKind, Problems, Span, Spanned};
use plimsoll_units::{Nanos, Rate, RateUnit, RunTime, WorkRate};

/// The workload that is asked for, or the first of the file.
pub(super) fn choose<'s>(
    scenario: &'s Scenario,
    overrides: &Overrides,
    problems: &mut Problems,
) -> Option<&'s Workload> {
    let Some(name) = &overrides.workload else { return scenario.workloads.first() };
    let found = scenario.workloads.iter().find(|workload| workload.name.value == *name);
    if found.is_none() {
        let known = scenario.workloads.iter().map(|known| known.name.value.clone()).collect();
        let kind = ProblemKind::UnknownName { what: "workload", name: name.clone(), known };
        problems.report(Span::COMMAND_LINE, kind);
    }
    found
}

/// How long a hook's command may take where the file does not say.
const HOOK_TIMEOUT: Nanos = Nanos::from_secs(60);

/// The hooks of a workload, by time. Overrides of rate and duration do not move them.
pub(super) fn hooks(workload: &Workload) -> Vec<Hook> {
    let hook = |spec: &HookSpec| {
        let command = spec.run.clone();
        Hook {
            at: RunTime::ZERO + spec.at,
            mark: spec.mark.clone().or_else(|| command.clone()).unwrap_or_default(),
            run: command.map(|command| (command, spec.timeout.unwrap_or(HOOK_TIMEOUT))),
        }
    };
    let mut hooks: Vec<Hook> = workload.hooks.iter().map(hook).collect();
    hooks.sort_by_key(|hook| hook.at);
    hooks
}

/// Compiles workloads.
#[derive(Clone)]
pub(super) struct LoadCompiler<'a> {
    pub(super) overrides: &'a Overrides,
    /// What an iteration of each scenario asks for.
    pub(super) journeys: &'a [JourneyDemand],
    /// What an iteration of the workload's mix asks for on average.
    pub(super) demand: MixDemand,
    /// The share of its iterations that ask for each data set.
    pub(super) shares: Vec<f64>,
    pub(super) files: &'a [DataFile],
    pub(super) data: &'a [Dataset],
    pub(super) scenario: &'a Scenario,
    /// Whether this is the workload that is played; others are checked only.
    pub(super) is_played: bool,
}

impl<'a> LoadCompiler<'a> {
    /// One for the workload that is played; its mix is not known yet.
    pub(super) fn new(
        scenario: &'a Scenario,
        data: &'a [Dataset],
        journeys: &'a [JourneyDemand],
        overrides: &'a Overrides,
    ) -> Self {
        let (demand, files) = (MixDemand::default(), &scenario.data[..]);
        Self { overrides, journeys, demand, shares: vec![], files, data, scenario, is_played: true }
    }

    pub(super) fn open(&self, shape: &OpenShape, problems: &mut Problems) -> Option<OpenLoad> {
        let mut stages = vec![];
        let mut last = Rate::ZERO;
        for spec in &shape.stages {
            let to = self.iterations(&spec.rate, problems)?;
            let from = if spec.ramps { last } else { to };
            let judged = spec.judge.unwrap_or(!spec.ramps);
            stages.push(Stage { from, to, duration: Nanos::ZERO, judged });
            last = to;
        }
        if stages.is_empty() {
            return None;
        }
        let by_time = |spec: &StageSpec| matches!(spec.length, StageLength::Time(_));
        if stages.iter().all(|stage| stage.to == Rate::ZERO) && shape.stages.iter().all(by_time) {
            let what = "the greatest rate".to_owned();
            problems.report(shape.stages[0].rate.span, ProblemKind::NotPositive { what });
            return None;
        }
        self.apply_rate(&mut stages, problems)?;
        for (stage, spec) in stages.iter_mut().zip(&shape.stages) {
            stage.duration = length_of(stage, spec, problems)?;
        }
        apply_duration(&mut stages, self.overrides.duration);
        let asked = self.overrides.max_vus.map(|vus| Spanned::new(vus, Span::COMMAND_LINE));
        let asked = asked.or_else(|| shape.max_vus.clone());
        if let Some(asked) = &asked {
            self.check_littles_law(&stages, &shape.stages, asked.value, problems);
            if !self.each_visitor() {
                self.check_rows(asked.value, problems);
            }
        }
        self.check_visitors(&stages, problems);
        Some(OpenLoad {
            arrivals: match shape.arrivals {
                ArrivalLawSpec::Poisson => ArrivalLaw::Poisson,
                ArrivalLawSpec::Exponential => ArrivalLaw::Exponential,
                ArrivalLawSpec::Constant => ArrivalLaw::Constant,
            },
            max_vus: asked.map_or_else(|| self.enough_users(&stages), |asked| asked.value),
            stages,
            mix: None,
        })
    }

    /// A rate from the command line has no meaning where the workload has none of its own.
    pub(super) fn refuse_rate(
        &self,
        workload: &Workload,
        model: &'static str,
        problems: &mut Problems,
    ) -> Option<()> {
        if self.overrides.rate.is_none() {
            return Some(());
        }
        let kind = ProblemKind::OverrideUnfit {
            overridden: "--rate",
            workload: workload.name.value.clone(),
            model,
        };
        problems.report(Span::COMMAND_LINE, kind);
        None
    }

    /// Iterations per second: a rate of requests is divided by the requests an iteration makes on average.
    pub(super) fn iterations(
        &self,
        rate: &Spanned<WorkRate>,
        problems: &mut Problems,
    ) -> Option<Rate> {
        match rate.value.unit {
            RateUnit::Iterations => Some(rate.value.rate),
            RateUnit::Requests if self.demand.is_untold => {
                problems.report(rate.span, ProblemKind::RoundsUntold);
                None
            }
            RateUnit::Requests if self.demand.requests > 0.0 => {
                Some(rate.value.rate.times(1.0 / self.demand.requests))
            }
            RateUnit::Requests => {
                problems.report(rate.span, ProblemKind::RateOfNothing);
                None
            }
        }
    }

    fn apply_rate(&self, stages: &mut [Stage], problems: &mut Problems) -> Option<()> {
        let Some(rate) = self.overrides.rate else { return Some(()) };
        let wanted = self.iterations(&Spanned::new(rate, Span::COMMAND_LINE), problems)?;
        let peak = stages.iter().fold(0.0_f64, |peak, stage| peak.max(stage.to.get()));
        for stage in stages {
            if peak > 0.0 {
                stage.from = stage.from.times(wanted.get() / peak);
                stage.to = stage.to.times(wanted.get() / peak);
            }
        }
        Some(())
    }

    /// N = X·R (Little 1961): think times alone keep `seconds` × rate users busy.
    fn check_littles_law(
        &self,
        stages: &[Stage],
        specs: &[StageSpec],
        max_vus: u32,
        problems: &mut Problems,
    ) {
        let seconds = self.demand.seconds;
        if seconds <= 0.0 {
            return;
        }
        let carried = f64::from(max_vus) / seconds;
        for (stage, spec) in stages.iter().zip(specs) {
            if stage.to.get() > carried {
                let kind = ProblemKind::BeyondUsers {
                    rate: stage.to.to_string(),
                    max_vus,
                    carried: Rate::per_second(carried).to_string(),
                    seconds,
                };
                problems.report(spec.rate.span, kind);
            }
        }
    }

    /// Whether every arrival is another user.
    pub(super) fn each_visitor(&self) -> bool {
        self.scenario.http.connections == Some(ConnectionsSpec::PerIteration)
    }

    /// Whether there is a row for every arrival, where every one is another user.
    pub(super) fn check_visitors(&self, stages: &[Stage], problems: &mut Problems) {
        // Another workload says so when it is played: a demo has new users where the file has not.
        if !self.each_visitor() || !self.is_played {
            return;
        }
        let arrivals = expected_arrivals(stages);
        for ((file, set), share) in self.files.iter().zip(self.data).zip(&self.shares) {
            let visitors = (arrivals * share).round();
            if set.pick == Pick::Unique {
                let who = "arrivals, each of which is a new user,";
                let kind = too_few_rows(set, visitors as u64, who);
                if let Some(kind) = kind {
                    problems.report(file.pick_span, kind);
                }
            }
        }
    }

    /// Whether there is a row for every arrival of the load, where none is given twice and the run would fail for it.
    /// What another workload needs is said when it is played.
    pub(super) fn check_given_once(&self, load: Option<&Load>, problems: &mut Problems) {
        let Some(load) = load.filter(|_| self.is_played) else { return };
        for ((file, set), share) in self.files.iter().zip(self.data).zip(&self.shares) {
            if set.pick == Pick::Once(UsedUp::Fail) && *share > 0.0 {
                let (needed, who) = match wanted_rows(load, *share, self.overrides) {
                    Some(arrivals) => (arrivals, "arrivals that ask for one,"),
                    None => (load.users(), "users, each of which asks for one at once,"),
                };
                let kind = too_few_rows(set, needed, who);
                if let Some(kind) = kind {
                    problems.report(file.pick_span, kind);
                }
            }
        }
    }

    /// Whether there is a row for every user.
    pub(super) fn check_rows(&self, users: u32, problems: &mut Problems) {
        for (file, set) in self.files.iter().zip(self.data) {
            if set.pick == Pick::Unique {
                let kind = too_few_rows(set, u64::from(users), "users,");
                if let Some(kind) = kind {
                    problems.report(file.pick_span, kind);
                }
            }
        }
    }

    /// Users for the highest rate if every iteration took its think times and another ten seconds; but not more
    /// than there are rows to give them.
    pub(super) fn enough_users(&self, stages: &[Stage]) -> u32 {
        let peak = stages.iter().fold(0.0_f64, |peak, s| peak.max(s.from.get()).max(s.to.get()));
        let wanted = (peak * (self.demand.seconds + 10.0)).ceil().clamp(100.0, 100_000.0);
        let rows = self
            .data
            .iter()
            .filter(|set| set.pick == Pick::Unique && !set.rows.is_empty() && !self.each_visitor())
            .map(|set| set.rows.len())
            .min();
        (wanted as u32).min(rows.map_or(u32::MAX, |rows| rows as u32))
    }
}

/// What is wrong with a data set that has fewer rows than are needed; nothing of one without rows, which has been
/// reported.
fn too_few_rows(set: &Dataset, users: u64, who: &'static str) -> Option<ProblemKind> {
    let rows = set.rows.len();
    let pick = if set.pick == Pick::Unique { "unique" } else { "once" };
    let dataset = set.name.clone();
    (rows > 0 && users > rows as u64).then_some(ProblemKind::DataTooSmall {
        dataset,
        rows,
        users,
        who,
        pick,
    })
}

/// How many arrivals stages have on average.
fn expected_arrivals(stages: &[Stage]) -> f64 {
    let of = |stage: &Stage| {
        f64::midpoint(stage.from.get(), stage.to.get()) * stage.duration.as_secs_f64()
    };
    stages.iter().map(of).sum()
}

/// Notes how many iterations of the load ask for a row of each data set.
pub(super) fn note_wanted(
    data: &mut [Dataset],
    (load, shares): (&Load, &[f64]),
    overrides: &Overrides,
) {
    for (set, share) in data.iter_mut().zip(shares) {
        set.wanted = wanted_rows(load, *share, overrides);
    }
}

/// How many iterations of a load ask for a row, where a share of them does; none where responses decide it. In a duet
/// every arrival has the row of its number.
fn wanted_rows(load: &Load, share: f64, overrides: &Overrides) -> Option<u64> {
    let share = if overrides.duet.is_some() { 1.0 } else { share };
    match load {
        Load::Open(open) => Some((expected_arrivals(&open.stages) * share).round() as u64),
        Load::Closed(closed) => {
            let of = closed.iterations.as_ref()?.of;
            Some((f64::from(of) * share).round() as u64)
        }
    }
}

/// How long a stage lasts: as long as its rate needs for so many iterations, where it counts those.
fn length_of(stage: &Stage, spec: &StageSpec, problems: &mut Problems) -> Option<Nanos> {
    let iterations = match spec.length {
        StageLength::Time(span) => return Some(span),
        StageLength::Iterations(iterations) => f64::from(iterations),
    };
    let mean = f64::midpoint(stage.from.get(), stage.to.get());
    if mean <= 0.0 {
        let what = "the rate of a stage that counts iterations".to_owned();
        problems.report(spec.rate.span, ProblemKind::NotPositive { what });
        return None;
    }
    Some(Nanos::from_secs_f64(iterations / mean))
}

/// Stretches stages to the duration that is wanted.
pub(super) fn apply_duration(stages: &mut [Stage], wanted: Option<Nanos>) {
    let whole: Nanos = stages.iter().map(|stage| stage.duration).sum();
    let Some(wanted) = wanted else { return };
    for stage in stages {
        let share = stage.duration.as_secs_f64() / whole.as_secs_f64();
        stage.duration = Nanos::from_secs_f64(wanted.as_secs_f64() * share);
    }
}
