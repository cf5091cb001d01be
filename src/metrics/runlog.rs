//! The run log: `run.jsonl`, the only source of truth about a run.
//!
//! One JSON object a line: first the header, then one interval a second and events as they happen, last
//! the end. A log that stops early (`kill -9`) is read up to its last whole line.

use serde::{Deserialize, Serialize};

use super::abort::AbortNote;
use super::exemplar::{Exemplar, ExemplarPlace};
use super::lifecycle::LifecycleNote;
use super::sample_kind::SampleKind;
use super::source_event::SourceEvent;
use super::{
    BrowserUse, CapacityLine, ErrorClass, Interval, Objective, PageLoad, PagePicture, Readings,
    ScenarioId, ShardSummary, SplitInfo, StepId,
};
use plimsoll_units::{Nanos, Rate, Ratio, RunTime, Seed, words};

/// How load is offered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// Arrivals at intended times, whatever the responses: free of coordinated omission.
    Open,
    /// A fixed number of users, each waiting for its responses: the load slows down with the stack.
    Closed {
        /// How many users.
        vus: u32,
    },
}

/// One stage of the workload, in iterations per second of the whole run (all shards).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StageInfo {
    /// Rate at the beginning, iterations per second.
    pub from: Rate,
    /// Rate at the end; equal to `from` when the stage holds.
    pub to: Rate,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it; ramps are shown, but judged only on request.
    pub judged: bool,
}

words! {
    /// Where the intended starts of iterations came from.
    pub enum ArrivalProcess {
        /// Independent users; since the log says `exact_arrivals`, as many in each stage as its rate asks for.
        Poisson = "poisson",
        /// Independent exponential gaps.
        Exponential = "exponential",
        /// Equal gaps.
        Constant = "constant",
        /// The moments of recorded requests.
        Recorded = "recorded",
        /// None: users of a closed model begin again when they are done.
        Closed = "closed",
    }
}

/// A step as the log knows it. Its position is its [`StepId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// The metric's key.
    pub name: String,
    /// What each of its samples is.
    pub kind: SampleKind,
    /// Tags: `static`, `api`, …
    pub tags: Vec<String>,
}

impl StepInfo {
    /// Whether it is a time over or within several requests, and not a request.
    pub fn is_logical(&self) -> bool {
        self.kind.is_logical()
    }
}

/// A scenario as the log knows it. Its position is its [`ScenarioId`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// Its share of all arrivals.
    pub share: Ratio,
    /// Expected requests an iteration; 0 where nobody can tell.
    pub requests_per_iteration: f64,
}

/// The first line of a log: everything that later lines refer to, and the conditions of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// `plimsoll.run/1`.
    pub schema: String,
    /// The version of plimsoll that ran.
    pub version: String,
    /// The system's name.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// When the run began, RFC 3339 UTC.
    pub started_utc: String,
    /// The target's URL, without credentials.
    pub target: String,
    /// Hash of all files that make the scenario.
    pub scenario_hash: String,
    /// The seed.
    pub seed: Seed,
    /// Which shard of how many: (0, 1) is the whole.
    pub shard: (u32, u32),
    /// How load is offered.
    pub model: LoadModel,
    /// Where the intended starts came from.
    pub arrivals: ArrivalProcess,
    /// Whether each stage has as many arrivals, over all shards, as its rate asks for. Absent of older logs, in which
    /// their number varied as a Poisson law lets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact_arrivals: bool,
    /// Whether the scenarios' shares of the arrivals change over time, because several workloads are played at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changing_mix: bool,
    /// Whether response times have a lower bound beside them where the generator's lag may be part of them. Absent of
    /// older logs, which tell the lag of all requests together only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lag_bounds: bool,
    /// How long iterations may go on behind the last stage; zero where they end with it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub graceful_stop: Nanos,
    /// The stages.
    pub stages: Vec<StageInfo>,
    /// The steps, by [`StepId`].
    pub steps: Vec<StepInfo>,
    /// The scenarios, by [`ScenarioId`].
    pub scenarios: Vec<ScenarioInfo>,
    /// The SLO table.
    pub objectives: Vec<Objective>,
    /// How many workers generate the load.
    pub workers: u32,
    /// `max_vus`, or the number of users of a closed model.
    pub max_vus: u32,
    /// Free facts about the conditions: replicas, sizes, versions, tags.
    pub conditions: Vec<(String, String)>,
    /// The peak that the stack is to carry, growth included, in requests per second; absent where none is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast_peak: Option<Rate>,
    /// How the arrivals were split over two targets; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitInfo>,
    /// How many arrivals the schedule has, over all shards; absent of a shard, whose part is chance, and of older logs.
    /// Of a closed model with a number of iterations, how many this shard is to play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_arrivals: Option<u64>,
    /// How far this clock may be off those of the other shards, at the most; absent where nobody compared them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_error: Option<Nanos>,
    /// The shards whose logs were merged into this one; empty of any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardSummary>,
    /// The numbers, from 1, of shards that were left out of a merged log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(span: &Nanos) -> bool {
    span.is_zero()
}

impl RunHeader {
    /// Expected requests of an iteration, over all scenarios by their shares.
    pub fn requests_per_iteration(&self) -> f64 {
        self.scenarios.iter().map(|of| of.share.get() * of.requests_per_iteration).sum()
    }

    /// How many iterations users of a closed model play, where the run ends with them.
    pub const fn iterations_to_play(&self) -> Option<u64> {
        match self.model {
            LoadModel::Closed { .. } => self.planned_arrivals,
            LoadModel::Open => None,
        }
    }

    /// A run over loopback that holds one rate for so long, with one scenario of one step and no objective: what
    /// tests and benchmarks begin with, so that a new field concerns none of them.
    pub fn holding(rate: Rate, duration: Nanos) -> Self {
        Self {
            schema: RunLog::SCHEMA.to_owned(),
            version: "0.1.0".to_owned(),
            name: "ais".to_owned(),
            workload: "load".to_owned(),
            started_utc: "2026-05-04T09:30:00Z".to_owned(),
            target: "http://127.0.0.1:8080".to_owned(),
            scenario_hash: "0".to_owned(),
            seed: Seed::new(1),
            shard: (0, 1),
            model: LoadModel::Open,
            arrivals: ArrivalProcess::Poisson,
            exact_arrivals: false,
            changing_mix: false,
            lag_bounds: true,
            graceful_stop: Nanos::ZERO,
            stages: vec![StageInfo { from: rate, to: rate, duration, judged: true }],
            steps: vec![StepInfo {
                name: "get".to_owned(),
                kind: SampleKind::Get,
                tags: vec!["api".to_owned()],
            }],
            scenarios: vec![ScenarioInfo {
                name: "all".to_owned(),
                share: Ratio::new(1.0),
                requests_per_iteration: 1.0,
            }],
            objectives: vec![],
            workers: 1,
            max_vus: 100_000,
            conditions: vec![],
            forecast_peak: None,
            split: None,
            planned_arrivals: None,
            clock_error: None,
            shards: vec![],
            without: vec![],
        }
    }
}

/// What happened at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: RunTime,
    /// What.
    pub kind: EventKind,
}

/// Kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A mark set by the user or a hook.
    Mark(String),
    /// What a hook's command came to: how it ended and what it said.
    Hook(String),
    /// A steering command, in words; marks the run as steered.
    Steered(String),
    /// A source of the stack's metrics could not be read, or answers again.
    SourceError(SourceEvent),
    /// The first failures of a class, with what was seen.
    Failure(FailureExample),
    /// One of the slowest requests of a step, or of the first that failed, with what came back.
    Exemplar(Exemplar),
    /// Something the user should know.
    Warning(String),
    /// A condition of `abort` held for its time, and ended the run.
    Aborted(AbortNote),
}

/// An example of a failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureExample {
    /// Which step.
    pub step: StepId,
    /// Which scenario.
    pub scenario: ScenarioId,
    /// Why it failed.
    pub class: ErrorClass,
    /// The status, 0 if none came.
    pub status: u16,
    /// What was seen, without secrets.
    pub message: String,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The schedule was played to its end.
    Finished,
    /// The user stopped it.
    Interrupted,
    /// An objective or a guard stopped it early.
    Aborted,
    /// A data set was used up, and the scenario says that the run ends there.
    UsedUp,
}

/// The last line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When the last request ended.
    pub at: RunTime,
    /// Why the run ended.
    pub reason: StopReason,
}

/// Readings of a second that had been written without them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LateReadings {
    /// A time within that second.
    pub at: RunTime,
    /// What was reported of it.
    pub readings: Readings,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunLine {
    /// The first line.
    Run(RunHeader),
    /// One second.
    Interval(Interval),
    /// Something happened.
    Event(Event),
    /// A real browser loaded a page.
    Page(PageLoad),
    /// What a page looked like at its worst; stands behind the last page.
    Picture(PagePicture),
    /// What real browsers took of the machine; stands behind the last page.
    Browsers(BrowserUse),
    /// What the stack told after its second was written; filed under that second when the log is read.
    Readings(LateReadings),
    /// What a setup or teardown came to; a setup stands before the first second, a teardown behind the last.
    Lifecycle(LifecycleNote),
    /// What a search for capacity notes between the seconds that it plays.
    Capacity(CapacityLine),
    /// The last line.
    End(RunEnd),
}

impl RunLine {
    /// The line as text, with the line feed.
    pub fn to_text(&self) -> String {
        // Cannot fail: every key is a string or an integer.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// A whole log in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLog {
    /// The first line.
    pub header: RunHeader,
    /// All whole intervals.
    pub intervals: Vec<Interval>,
    /// All events.
    pub events: Vec<Event>,
    /// What was done once for the run, in order; of a merged one, by each shard.
    pub lifecycle: Vec<LifecycleNote>,
    /// Page loads of real browsers, in order; empty where there are none.
    pub pages: Vec<PageLoad>,
    /// What pages looked like at their worst, where the file asks for it.
    pub pictures: Vec<PagePicture>,
    /// What these browsers took of the machine; absent where there were none, and of a run that was killed.
    pub browsers: Option<BrowserUse>,
    /// What a search for capacity noted, in order; empty for any other run.
    pub capacity: Vec<CapacityLine>,
    /// The last line; absent where the run was killed.
    pub end: Option<RunEnd>,
    /// Whether the last line was cut off in the middle.
    pub torn: bool,
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RunLogError {
    /// No line at all.
    #[error("the run log is empty")]
    Empty,
    /// The first line is not a header.
    #[error("line 1 is not a run header: {0}")]
    NoHeader(#[source] serde_json::Error),
    /// The first line belongs elsewhere.
    #[error("line 1 is not a run header")]
    NotAHeader,
    /// A line in the middle is broken.
    #[error("line {line} is broken: {source}")]
    BrokenLine {
        /// 1-based.
        line: usize,
        /// What the JSON reader said.
        source: serde_json::Error,
    },
    /// A line counts what no run can have had.
    #[error("line {line} is broken: no run has such counts or times")]
    Impossible {
        /// 1-based.
        line: usize,
    },
    /// A schema this version does not know.
    #[error("the run log has schema `{found}`; this version reads `{}`", RunLog::SCHEMA)]
    UnknownSchema {
        /// The schema found.
        found: String,
    },
}

impl RunLog {
    /// The schema written and read here.
    pub const SCHEMA: &str = "plimsoll.run/1";

    /// The log of one step of a search, which is a run of its own: a warm-up and a hold, played to their end.
    pub fn of_step(header: &RunHeader, stages: [StageInfo; 2], intervals: Vec<Interval>) -> Self {
        let header = RunHeader { stages: stages.to_vec(), ..header.clone() };
        let at = intervals.last().map_or(RunTime::ZERO, |second| second.end);
        let end = Some(RunEnd { at, reason: StopReason::Finished });
        Self { intervals, end, ..Self::begun(header) }
    }

    /// A log that has only its first line.
    pub const fn begun(header: RunHeader) -> Self {
        Self {
            header,
            intervals: vec![],
            events: vec![],
            lifecycle: vec![],
            pages: vec![],
            pictures: vec![],
            browsers: None,
            capacity: vec![],
            end: None,
            torn: false,
        }
    }

    pub(super) fn push(&mut self, line: RunLine) {
        match line {
            RunLine::Interval(interval) => self.intervals.push(interval),
            RunLine::Event(event) => self.add_event(event),
            RunLine::Lifecycle(note) => self.lifecycle.push(note),
            RunLine::Page(load) => self.pages.push(load),
            RunLine::Picture(picture) => self.pictures.push(picture),
            RunLine::Browsers(used) => match &mut self.browsers {
                Some(known) => known.absorb(&used),
                None => self.browsers = Some(used),
            },
            RunLine::Capacity(note) => self.capacity.push(note),
            RunLine::End(end) => self.end = Some(end),
            RunLine::Readings(readings) => self.file(&readings),
            RunLine::Run(_) => {}
        }
    }

    /// Adds an event; of exemplars, no more than a report shows.
    fn add_event(&mut self, event: Event) {
        let EventKind::Exemplar(new) = &event.kind else { return self.events.push(event) };
        let known = self.events.iter().enumerate().filter_map(|(at, known)| match &known.kind {
            EventKind::Exemplar(exemplar) => Some((at, exemplar)),
            _ => None,
        });
        match new.place(known) {
            ExemplarPlace::Free => self.events.push(event),
            ExemplarPlace::Of(at) => {
                self.events.remove(at);
                self.events.push(event);
            }
            ExemplarPlace::None => {}
        }
    }

    /// Files what was reported late where its second has no such reading, or one of "no data". What was read in
    /// time stays.
    pub(super) fn file(&mut self, late: &LateReadings) {
        let index = self.intervals.partition_point(|interval| interval.end <= late.at);
        let own = self.intervals.get_mut(index).filter(|interval| interval.start <= late.at);
        let Some(interval) = own else { return };
        interval.readings.fill(&late.readings);
    }

    /// How long the run lasted, up to its end or its last interval.
    pub fn duration(&self) -> Nanos {
        let last = self.intervals.last().map_or(RunTime::ZERO, |interval| interval.end);
        self.end.map_or(last, |end| end.at.max(last)).since(RunTime::ZERO)
    }

    /// Whether a steering command changed the load while it ran.
    pub fn steered(&self) -> bool {
        self.events.iter().any(|event| matches!(event.kind, EventKind::Steered(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CustomMeasure, Measure, Reading};
    use plimsoll_units::Quantity;

    fn reading(metric: &str, replica: &str, value: Option<f64>) -> Reading {
        let (tier, metric, replica) = ("api".into(), metric.into(), replica.into());
        Reading { tier, metric, replica, value: value.map(Quantity::Count) }
    }

    #[test]
    fn late_reading_fills_its_second_wherever_its_line_stands() {
        let second = |start: u64| RunTime::new(start * 1_000_000_000);
        let interval = |start, readings: Vec<Reading>| {
            RunLine::Interval(Interval {
                start: second(start),
                end: second(start + 1),
                readings: readings.into(),
                ..Interval::default()
            })
        };
        let header = RunHeader::holding(Rate::per_second(1.0), Nanos::from_secs(3));
        let late = LateReadings {
            at: second(1),
            readings: vec![reading("cpu", "1", Some(2.0)), reading("cores", "", Some(9.0))].into(),
        };
        let lines = [
            RunLine::Run(header),
            interval(0, vec![]),
            RunLine::Readings(late.clone()),
            RunLine::Readings(LateReadings { at: second(7), ..late }),
            interval(1, vec![reading("cpu", "", None), reading("cores", "", Some(3.0))]),
        ];
        let text: String = lines.iter().map(RunLine::to_text).collect();
        let log = RunLog::read(&text).expect("a log");
        assert!(log.intervals[0].readings.is_empty());
        let filed = vec![reading("cores", "", Some(3.0)), reading("cpu", "1", Some(2.0))];
        assert_eq!(log.intervals[1].readings, filed.into(), "what was read in time stays");
    }

    #[test]
    fn words_of_the_log_are_kept_and_an_unknown_one_is_refused() {
        let text = r#"{"name":"a.first_event","kind":"first event","tags":[]}"#;
        let step: StepInfo = serde_json::from_str(text).expect("a step");
        assert_eq!(step.kind, SampleKind::FirstEvent);
        assert_eq!(serde_json::to_string(&step).expect("JSON"), text);
        let measure = r#"{"custom":"rebuffer_ratio"}"#;
        assert_eq!(
            serde_json::from_str::<Measure>(measure).expect("a measure"),
            Measure::Custom(CustomMeasure::RebufferRatio)
        );
        let wrong = serde_json::from_str::<StepInfo>(&text.replace("first event", "guess"));
        assert!(wrong.expect_err("unknown").to_string().contains("unknown variant `guess`"));
    }
}
