//! A run in a few numbers: what a gate compares and a repository keeps.

use serde::{Deserialize, Serialize};

use super::super::default_table::JudgedTable;
use super::super::validity::is_partial;
use super::super::window::JudgedWindow;
use super::super::{Strictness, ValidityStatus, judge};
use super::metric::GateMetric;
use super::step::{StepSummary, TimeSummary};
use plimsoll_metrics::{
    Answers, ArrivalProcess, LoadModel, Measure, Objective, RunHeader, RunLog, Scope, Selection,
    StageInfo, StepId, Tally,
};
use plimsoll_units::Seed;

/// Under which conditions a run was made: what must agree for a comparison to mean anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConditions {
    /// The system's name.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// Hash of all files that make the scenario.
    pub scenario_hash: String,
    /// How load was offered.
    pub model: LoadModel,
    /// `poisson`, `constant` or `closed`.
    pub arrivals: ArrivalProcess,
    /// The stages as played, overrides included.
    pub stages: Vec<StageInfo>,
    /// Which shard of how many.
    pub shard: (u32, u32),
    /// The seed.
    pub seed: Seed,
    /// Scheme and nearness of the target: `http, loopback`, `https, remote`.
    pub target_kind: String,
    /// Replicas, sizes and whatever else is known of the run's conditions.
    pub facts: Vec<(String, String)>,
}

impl RunConditions {
    fn of(header: &RunHeader) -> Self {
        Self {
            name: header.name.clone(),
            workload: header.workload.clone(),
            scenario_hash: header.scenario_hash.clone(),
            model: header.model,
            arrivals: header.arrivals,
            stages: header.stages.clone(),
            shard: header.shard,
            seed: header.seed,
            target_kind: target_kind(&header.target),
            facts: header.conditions.clone(),
        }
    }
}

/// Two targets may be compared with each other, but not one on this machine with one across a network.
fn target_kind(target: &str) -> String {
    let (scheme, rest) = target.split_once("://").unwrap_or(("http", target));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_near = ["127.", "localhost", "[::1]"].iter().any(|near| host.starts_with(near));
    format!("{scheme}, {}", if is_near { "loopback" } else { "remote" })
}

/// A run in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// When the run began, RFC 3339 UTC.
    pub started_utc: String,
    /// Whether the measurement can be trusted.
    pub validity: ValidityStatus,
    /// Whether it is a part of a run: killed, interrupted, cut off, or merged without some shards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Under which conditions.
    pub conditions: RunConditions,
    /// Whether its log tells times of failures from those of successes. Those of versions that did not write
    /// this may not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failures_apart: bool,
    /// All requests together first, then every step in the scenario's order.
    pub steps: Vec<StepSummary>,
    /// The rows of its SLO table that are metrics of a step or of all requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo: Vec<SloMetric>,
    /// The other rows of that table, by name: `uptime`, `db.connections`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo_other: Vec<String>,
}

/// A row of the SLO table that a summary holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SloMetric {
    /// The step's name; [`RunSummary::WHOLE`] for all requests together.
    pub step: String,
    /// What is compared.
    pub metric: GateMetric,
    /// Whose times, where it is a time.
    #[serde(default, skip_serializing_if = "Answers::is_default")]
    pub of: Answers,
}

impl SloMetric {
    /// That of an objective; `None` where summaries do not hold it.
    pub(super) fn of(objective: &Objective) -> Option<Self> {
        let step = match &objective.scope {
            Scope::Run => RunSummary::WHOLE.to_owned(),
            Scope::Step(name) => name.clone(),
            Scope::Scenario(_) | Scope::Tag(_) | Scope::Steps(_) | Scope::Page(_) => return None,
        };
        let metric = match objective.measure {
            Measure::ResponseTime(quantile) => GateMetric::of_quantile(quantile)?,
            Measure::MeanResponseTime => GateMetric::Mean,
            Measure::ErrorRate => GateMetric::ErrorRate,
            Measure::Phase(..)
            | Measure::IterationTime(_)
            | Measure::Uptime
            | Measure::Throughput
            | Measure::Observed(..)
            | Measure::Page(..)
            | Measure::Custom(_) => return None,
        };
        Some(Self { step, metric, of: objective.of })
    }
}

/// A row's name with what it speaks of: `uptime`, `p95 of scenario booking`.
fn name_of(objective: &Objective) -> String {
    match &objective.scope {
        Scope::Run => objective.name.clone(),
        scope => format!("{} of {scope}", objective.name),
    }
}

impl RunSummary {
    /// The name of the row for all requests together. No step can have it: names have no spaces.
    pub const WHOLE: &str = "all requests";

    /// The numbers of the judged part of a run, after warm-up.
    pub fn of(log: &RunLog) -> Self {
        let window = JudgedWindow::of(log);
        let JudgedTable { written, added } = JudgedTable::of(&log.header);
        // Without a table the gate has its own rule, which the default one adds nothing to.
        let added = added.into_iter().filter(|_| !written.is_empty());
        let objectives: Vec<Objective> = written.iter().cloned().chain(added).collect();
        let slo: Vec<SloMetric> = objectives.iter().filter_map(SloMetric::of).collect();
        let named = log.header.steps.iter().zip(0..);
        let named = named.map(|(info, id)| (info.name.as_str(), Selection::step(StepId(id))));
        let (mut steps, mut failures_apart) = (vec![], true);
        for (name, selection) in [(Self::WHOLE, Selection::Run)].into_iter().chain(named) {
            let tally = tally(&window, &selection);
            let asks = |row: &SloMetric| row.step == name && row.of == Answers::All;
            let all = slo.iter().any(asks).then(|| TimeSummary::of(&tally.upper(Answers::All)));
            failures_apart &= tally.tells_failures();
            steps.push(StepSummary { all, ..StepSummary::of(name, &tally) });
        }
        Self {
            started_utc: log.header.started_utc.clone(),
            validity: judge(log, Strictness::Normal).validity.status,
            partial: is_partial(log),
            conditions: RunConditions::of(&log.header),
            failures_apart,
            steps,
            slo,
            slo_other: objectives
                .iter()
                .filter(|objective| SloMetric::of(objective).is_none())
                .map(name_of)
                .collect(),
        }
    }
}

/// Derived rows count their own times; the row of all requests also counts what was given up.
fn tally(window: &JudgedWindow<'_>, selection: &Selection) -> Tally {
    Tally::of(selection, window.steady().iter().chain(&window.tail).copied())
}

/// Runs to compare against, as committed: `baseline.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `plimsoll.baseline/1`.
    pub schema: String,
    /// The runs, at least five for a verdict.
    pub runs: Vec<RunSummary>,
}

/// Why a baseline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not JSON, or not of this shape.
    #[error("not a baseline: {0}")]
    Broken(#[from] serde_json::Error),
    /// A schema this version does not know.
    #[error("the baseline has schema `{found}`; this version reads `{}`", Baseline::SCHEMA)]
    UnknownSchema {
        /// The schema found.
        found: String,
    },
}

impl Baseline {
    /// The schema written and read here.
    pub const SCHEMA: &str = "plimsoll.baseline/1";

    /// A baseline of these runs.
    pub fn of(runs: Vec<RunSummary>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), runs }
    }

    /// Reads `baseline.json`.
    ///
    /// # Errors
    /// Where the text is not a baseline of this schema.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let baseline: Self = serde_json::from_str(text)?;
        if baseline.schema == Self::SCHEMA {
            Ok(baseline)
        } else {
            Err(BaselineError::UnknownSchema { found: baseline.schema })
        }
    }

    /// The text of `baseline.json`, indented so that its changes can be reviewed.
    pub fn to_text(&self) -> String {
        // Cannot fail: every key is a string.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
