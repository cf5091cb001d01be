//! A plan as a whole: what the engine is given.

use std::sync::Arc;

use super::{
    BrowserPlan, CaptureSlot, Dataset, DealtRows, Hook, HttpPlan, Lifecycle, LifecyclePlan, Load,
    PlaybackPlan, RequestPlan, ScenarioPlan, SessionPlan, Shard, SharedLogin, Split, StreamPlan,
    Target, TemplateSet,
};
use plimsoll_metrics::{AbortCondition, LifecyclePart, Objective, StepInfo};
use plimsoll_units::{Bytes, Nanos, Seed};

/// What responses and streams may hold, and how much more for each user: 50 users stay below 100 MB with all else.
const MEMORY: Bytes = Bytes::new(48 << 20);
const MEMORY_OF_USER: Bytes = Bytes::new(256 << 10);

/// Captured values shorter than this are states and numbers rather than secrets.
pub const SECRET_MIN: usize = 4;

/// Everything the engine needs to know, and nothing it would have to look up.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The system's name.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// Hash of all files that make the scenario: runs with different hashes are not compared.
    pub fingerprint: String,
    /// Everything random follows from it.
    pub seed: Seed,
    /// Which part of the arrivals is ours.
    pub shard: Shard,
    /// Where requests go.
    pub target: Target,
    /// A second target and its share of the arrivals; none in most runs.
    pub split: Option<Split>,
    /// How connections behave.
    pub http: HttpPlan,
    /// How load is offered.
    pub load: Load,
    /// How long iterations may go on behind the end of the load.
    pub graceful_stop: Nanos,
    /// What happens to the stack meanwhile, by time.
    pub hooks: Vec<Hook>,
    /// The journeys; at least one.
    pub scenarios: Vec<ScenarioPlan>,
    /// What is done once, before the load and behind it.
    pub lifecycle: Lifecycle,
    /// How long an iteration of their mix takes on average if every answer comes at once.
    pub iteration_time: Nanos,
    /// The metric keys, by `StepId`.
    pub steps: Vec<StepInfo>,
    /// The requests, by [`super::RequestId`].
    pub requests: Vec<RequestPlan>,
    /// The streams, by [`super::StreamId`].
    pub streams: Vec<StreamPlan>,
    /// The playbacks, by [`super::PlaybackId`].
    pub playbacks: Vec<PlaybackPlan>,
    /// Where a user's address is kept, if requests say whom they are forwarded for.
    pub address: Option<CaptureSlot>,
    /// The sessions, by [`super::SessionId`].
    pub sessions: Vec<SessionPlan>,
    /// Users with a real browser, also those that do not play beside this workload.
    pub browsers: Vec<BrowserPlan>,
    /// The data sets, by position.
    pub data: Arc<[Dataset]>,
    /// The compiled templates.
    pub templates: TemplateSet,
    /// The SLO table.
    pub objectives: Vec<Objective>,
    /// The longest that a step may take of an iteration that counts as goodput, by `StepId`; empty where nothing asks
    /// for it.
    pub step_limits: Box<[Nanos]>,
    /// What ends the run early.
    pub abort: Vec<AbortCondition>,
    /// Hosts outside loopback and private ranges that the scenario allows.
    pub allow_hosts: Vec<String>,
    /// Values that must never reach a log or report (from `${…}`), longest first.
    pub secrets: Vec<String>,
}

impl Plan {
    /// How often an arrival is played: twice where two targets play every one.
    pub fn plays(&self) -> u32 {
        if self.split.as_ref().is_some_and(Split::is_duet) { 2 } else { 1 }
    }

    /// How many rows the SLO table has that ask for something.
    pub fn judged_objectives(&self) -> usize {
        self.objectives.iter().filter(|row| !row.is_off()).count()
    }

    /// What responses and streams may hold in memory together, whatever servers send.
    pub fn max_memory(&self) -> Bytes {
        let users = u64::from(self.load.max_vus()) * u64::from(self.plays());
        let of_users = MEMORY.get() + MEMORY_OF_USER.get() * users;
        self.http.max_memory.unwrap_or(Bytes::new(of_users))
    }

    /// Expected requests an iteration, weighted over the scenarios; 0 where nobody can tell.
    pub fn requests_per_iteration(&self) -> f64 {
        let weight: f64 = self.scenarios.iter().map(|scenario| scenario.weight).sum();
        let requests: f64 = self
            .scenarios
            .iter()
            .map(|scenario| scenario.weight * scenario.requests_per_iteration)
            .sum();
        requests / weight
    }

    /// The plan whose one scenario is this part of its lifecycle. Rows are dealt and sessions are held for it alone, so
    /// that the load is the same with and without it.
    #[must_use]
    pub fn of_lifecycle(&self, part: LifecyclePart, played: &LifecyclePlan) -> Self {
        let mut plan = self.clone();
        plan.scenarios = vec![ScenarioPlan {
            name: part.word().to_owned(),
            weight: 1.0,
            program: played.program.clone(),
            requests_per_iteration: 0.0,
        }];
        plan.steps.extend(self.lifecycle.steps.iter().cloned());
        for dataset in Arc::make_mut(&mut plan.data) {
            dataset.dealt = DealtRows::default();
        }
        for session in &mut plan.sessions {
            session.shared = SharedLogin::default();
        }
        plan
    }

    /// Secrets that the setup has captured.
    pub fn given_secrets(&self) -> Vec<String> {
        let captures = self.requests.iter().flat_map(|request| &request.captures);
        let secret: Vec<CaptureSlot> =
            captures.filter(|capture| capture.secret).map(|capture| capture.slot).collect();
        let given = self.lifecycle.given.iter().filter(|(slot, _)| secret.contains(slot));
        given.map(|(_, value)| value.to_string()).filter(|text| text.len() >= SECRET_MIN).collect()
    }

    /// The same plan under another load and with arrivals of its own, sent to its first target alone. Its iterations
    /// end with the load.
    ///
    /// Nothing is compiled again: the templates' environment lives as long as the process, and there is one for
    /// all loads.
    #[must_use]
    pub fn rerated(&self, load: Load, seed: Seed) -> Self {
        Self { load, seed, split: None, graceful_stop: Nanos::ZERO, ..self.clone() }
    }
}
