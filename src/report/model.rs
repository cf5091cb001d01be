//! The one model from which every format is rendered.

use std::collections::BTreeMap;

use super::marks::{self, MarkChange};
use super::series::RunSeries;
use super::stack_figure::{self, StackFigure};
use super::totals::{PartTotals, SentRequests};
use plimsoll_metrics::{
    BrowserUse, ErrorClass, Event, EventKind, Exemplar, FailureExample, Interval, LifecycleNote,
    LoadModel, PagePicture, RunHeader, RunLog, ScenarioId, StepId, StopReason,
};
use plimsoll_slo::{
    Availability, BlueGreen, Judgement, PageSummary, SteadyPeriod, availability, blue_green,
    page_summaries,
};
use plimsoll_units::{Nanos, Rate, RunTime};

/// How the run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunCompletion {
    /// The schedule was played to its end.
    Finished,
    /// The user stopped it.
    Interrupted,
    /// An objective or a guard stopped it.
    Aborted,
    /// A data set was used up, and the scenario says that the run ends there.
    UsedUp,
    /// The log has no end: the run was killed, or still runs.
    Unfinished,
}

impl RunCompletion {
    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Aborted => "aborted",
            Self::UsedUp => "used_up",
            Self::Unfinished => "unfinished",
        }
    }
}

/// One class of errors, with what was seen.
#[derive(Debug, Clone)]
pub struct ErrorGroup {
    /// Why the requests failed.
    pub class: ErrorClass,
    /// How many in the shown part.
    pub count: u64,
    /// How many in the whole run.
    pub count_whole: u64,
    /// Where it happened in the whole run, most frequent first.
    pub steps: Vec<(StepId, u64)>,
    /// The first example in the log.
    pub example: Option<FailureExample>,
}

/// A finished run, merged and ready to be rendered.
#[derive(Debug, Clone)]
pub struct Report {
    /// The conditions of the run.
    pub header: RunHeader,
    /// What it came to.
    pub judgement: Judgement,
    /// How long it lasted.
    pub duration: Nanos,
    /// How it came to its end.
    pub completion: RunCompletion,
    /// Whether the log's last line was cut off.
    pub torn: bool,
    /// Whether anything lies in the judged part. If not, [`Report::shown`] is the whole run.
    pub judged: bool,
    /// The part whose figures are shown: the judged one, or the whole run where nothing was judged.
    pub shown: PartTotals,
    /// The whole run, ramps and warm-up included.
    pub whole: PartTotals,
    /// The whole run over time.
    pub series: RunSeries,
    /// The stack's own metrics over the shown part.
    pub stack: Vec<StackFigure>,
    /// What was served, and what was not, over the whole run.
    pub availability: Availability,
    /// Both targets of a run that was split; absent of any other.
    pub blue_green: Option<BlueGreen>,
    /// Error classes, most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// All events but failures, in order.
    pub events: Vec<Event>,
    /// What changed at each mark that was set under load.
    pub marks: Vec<MarkChange>,
    /// The slowest requests of each step, slowest first, and behind them the first that failed.
    pub exemplars: Vec<Exemplar>,
    /// Pages in real browsers; empty where none were loaded.
    pub pages: Vec<PageSummary>,
    /// What they looked like at their worst, where the file asked for it.
    pub pictures: Vec<PagePicture>,
    /// What real browsers took of the machine; absent where there were none.
    pub browsers: Option<BrowserUse>,
    /// What was done once for the run, outside its figures.
    pub lifecycle: Vec<LifecycleNote>,
    /// How often the load was steered.
    pub steering_acts: usize,
    /// The folder of the run, where the files are; only the terminal names it.
    pub folder: Option<String>,
}

impl Report {
    /// Merges a log. Takes time proportional to the log, memory proportional to steps.
    pub fn new(log: &RunLog, judgement: &Judgement) -> Self {
        let (judged, mut shown, mut whole) = parts(log, &judgement.steady);
        shown.finish(&log.header.steps);
        whole.finish(&log.header.steps);
        let is_steering = |event: &&Event| matches!(event.kind, EventKind::Steered(_));
        let stands_apart =
            |event: &Event| matches!(event.kind, EventKind::Failure(_) | EventKind::Exemplar(_));
        Self {
            header: log.header.clone(),
            judgement: judgement.clone(),
            duration: log.duration(),
            completion: completion(log),
            torn: log.torn,
            judged,
            stack: stack_figure::figures(
                log.intervals.iter().filter(|it| !judged || judgement.steady.holds(it)),
            ),
            availability: availability(log),
            blue_green: blue_green(log),
            errors: error_groups(log, &shown, &whole),
            exemplars: exemplars(log),
            shown,
            whole,
            series: RunSeries::of(&log.intervals, log.duration()),
            events: log.events.iter().filter(|event| !stands_apart(event)).cloned().collect(),
            marks: marks::changes(log, judged.then_some(&judgement.steady)),
            pages: page_summaries(log),
            pictures: log.pictures.clone(),
            browsers: log.browsers.clone(),
            lifecycle: log.lifecycle.clone(),
            steering_acts: log.events.iter().filter(is_steering).count(),
            folder: None,
        }
    }

    /// The same report, knowing the folder its files are in.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<String>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The name of a step.
    pub fn step_name(&self, id: StepId) -> String {
        let known = self.header.steps.get(usize::from(id.0));
        known.map_or_else(|| format!("step {}", id.0), |step| step.name.clone())
    }

    /// The name of a scenario.
    pub fn scenario_name(&self, id: ScenarioId) -> String {
        let known = self.header.scenarios.get(usize::from(id.0));
        known.map_or_else(|| format!("scenario {}", id.0), |scenario| scenario.name.clone())
    }

    /// All steps in the scenario's order, those never reached included.
    pub fn step_ids(&self) -> Vec<StepId> {
        let mut ids: Vec<StepId> =
            (0..self.header.steps.len()).map(|id| StepId(id as u16)).collect();
        ids.extend(
            self.whole.steps.keys().filter(|id| usize::from(id.0) >= self.header.steps.len()),
        );
        ids
    }

    /// All scenarios in the file's order.
    pub fn scenario_ids(&self) -> Vec<ScenarioId> {
        let known = self.header.scenarios.len();
        let mut ids: Vec<ScenarioId> = (0..known).map(|id| ScenarioId(id as u16)).collect();
        ids.extend(self.whole.scenarios.keys().filter(|id| usize::from(id.0) >= known));
        ids
    }

    /// Requests per second that were asked for in `part`; absent for a closed model.
    ///
    /// By the stages, where each has as many arrivals as its rate asks for; else by the arrivals that fell due, times
    /// the expected requests an iteration of their scenario.
    pub fn intended_rate(&self, part: &PartTotals) -> Option<Rate> {
        if matches!(self.header.model, LoadModel::Closed { .. }) || part.span.is_zero() {
            return None;
        }
        if let Some(asked) = self.asked_by_stages(part) {
            return Some(asked);
        }
        let expected = |(id, totals): (&ScenarioId, &plimsoll_metrics::Tally)| {
            let info = self.header.scenarios.get(usize::from(id.0));
            info.map_or(0.0, |info| info.requests_per_iteration)
                * totals.counts.arrivals.intended as f64
        };
        let requests: f64 = part.scenarios.iter().map(expected).sum();
        Some(Rate::per_second(requests / part.span.as_secs_f64()))
    }

    /// `None` where the stages do not say it of this run alone: part of it was left out, it is one of several shards, it
    /// was steered or stopped, or it counts two targets.
    fn asked_by_stages(&self, part: &PartTotals) -> Option<Rate> {
        let header = &self.header;
        let is_whole = part.span == part.to.since(part.from);
        let is_as_planned = header.exact_arrivals
            && !header.changing_mix
            && header.shard.1 == 1
            && !header.split.as_ref().is_some_and(|split| split.duet)
            && self.steering_acts == 0
            && self.completion == RunCompletion::Finished;
        if !(is_whole && is_as_planned) {
            return None;
        }
        let (from, to) = (part.from.since(RunTime::ZERO), part.to.since(RunTime::ZERO));
        let (mut begin, mut iterations) = (Nanos::ZERO, 0.0);
        for stage in &header.stages {
            let end = begin + stage.duration;
            let (first, last) = (from.max(begin), to.min(end));
            if first < last {
                let slope = (stage.to.get() - stage.from.get()) / stage.duration.as_secs_f64();
                let at = |time: Nanos| {
                    stage.from.get() + slope * time.saturating_sub(begin).as_secs_f64()
                };
                // A ramp is a straight line: its mean is that of its ends.
                iterations +=
                    f64::midpoint(at(first), at(last)) * last.saturating_sub(first).as_secs_f64();
            }
            begin = end;
        }
        let requests = iterations * header.requests_per_iteration();
        (requests > 0.0).then(|| Rate::per_second(requests / part.span.as_secs_f64()))
    }

    /// How long the schedule was to last; zero for a closed model without stages.
    pub fn planned(&self) -> Nanos {
        self.header.stages.iter().map(|stage| stage.duration).sum()
    }
}

fn completion(log: &RunLog) -> RunCompletion {
    match log.end.map(|end| end.reason) {
        Some(StopReason::Finished) => RunCompletion::Finished,
        Some(StopReason::Interrupted) => RunCompletion::Interrupted,
        Some(StopReason::Aborted) => RunCompletion::Aborted,
        Some(StopReason::UsedUp) => RunCompletion::UsedUp,
        None => RunCompletion::Unfinished,
    }
}

/// Whether anything was judged, the shown part and the whole. The shown part is what objectives speak of: the
/// judged stages, and the answers that came to their last requests while the run drained.
fn parts(log: &RunLog, steady: &SteadyPeriod) -> (bool, PartTotals, PartTotals) {
    let (mut inside, mut late, mut outside) =
        (PartTotals::default(), PartTotals::default(), PartTotals::default());
    for interval in &log.intervals {
        let part = if steady.holds(interval) {
            &mut inside
        } else if steady.ends_in(interval) {
            &mut late
        } else {
            &mut outside
        };
        part.absorb(interval);
    }
    let whole = inside.joined(&late).joined(&outside);
    if inside.span.is_zero() {
        return (false, whole.clone(), whole);
    }
    inside.add_late(&late);
    inside.sent = sent(log, &inside, steady);
    (true, inside, whole)
}

/// Requests that the load of `part` made. `None` where it has gaps.
///
/// Between two moments, those are what ended there, less what was under way at the first, and what was under way at
/// the last. An iteration makes requests for a while after its arrival, so that a load which begins with the part
/// makes the last of them behind its end. Where iterations are let do so, and none had begun before, all requests of the
/// run are its own.
fn sent(log: &RunLog, part: &PartTotals, steady: &SteadyPeriod) -> Option<SentRequests> {
    if part.span != part.to.since(part.from) {
        return None;
    }
    let header = &log.header;
    let requests = |of: &dyn Fn(&Interval) -> bool| -> u64 {
        log.intervals.iter().filter(|one| of(one)).map(Interval::requests).sum()
    };
    let under_way =
        |at: RunTime| log.intervals.iter().find(|one| one.end == at).map_or(0, |one| one.in_flight);
    let ended = requests(&|one| steady.holds(one));
    let begun = ended + under_way(part.to);
    let load_end = header.stages.iter().fold(RunTime::ZERO, |at, stage| at + stage.duration);
    let is_all_load = part.from == RunTime::ZERO && part.to == load_end;
    let is_finished = log.end.is_some_and(|end| end.reason == StopReason::Finished);
    let goes_on = is_all_load && is_finished && !header.graceful_stop.is_zero();
    let after_end = if goes_on { requests(&|_| true).saturating_sub(begun) } else { 0 };
    let count = (begun + after_end).saturating_sub(under_way(part.from));
    Some(SentRequests { count, after_end })
}

fn exemplars(log: &RunLog) -> Vec<Exemplar> {
    let kept = log.events.iter().filter_map(|event| match &event.kind {
        EventKind::Exemplar(exemplar) => Some(exemplar.clone()),
        _ => None,
    });
    let mut kept: Vec<Exemplar> = kept.collect();
    kept.sort_by_key(|one| {
        let (slowest, first) = match one.class {
            None => (one.response_time, RunTime::ZERO),
            Some(_) => (Nanos::ZERO, one.intended),
        };
        (one.step, one.class.is_some(), std::cmp::Reverse(slowest), first)
    });
    kept
}

fn error_groups(log: &RunLog, shown: &PartTotals, whole: &PartTotals) -> Vec<ErrorGroup> {
    let mut examples: BTreeMap<ErrorClass, &FailureExample> = BTreeMap::new();
    for event in &log.events {
        if let EventKind::Failure(example) = &event.kind {
            examples.entry(example.class).or_insert(example);
        }
    }
    let mut groups: Vec<ErrorGroup> = whole
        .run
        .counts
        .failures()
        .into_iter()
        .map(|(class, count_whole)| {
            let count_in = |totals: &plimsoll_metrics::Tally| totals.counts.failed_by(class);
            let mut steps: Vec<(StepId, u64)> = whole
                .steps
                .iter()
                .map(|(&id, totals)| (id, count_in(totals)))
                .filter(|&(_, count)| count > 0)
                .collect();
            steps.sort_by_key(|&(id, count)| (std::cmp::Reverse(count), id));
            let example = examples.get(&class).map(|&example| example.clone());
            ErrorGroup { class, count: count_in(&shown.run), count_whole, steps, example }
        })
        .collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.count_whole), group.class));
    groups
}
