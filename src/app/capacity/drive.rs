//! Plays the steps that a search asks for, one engine run each, and writes them down.
//!
//! Between two steps the stack must come to rest: the engine waits until nothing is in flight, and where
//! answers had timed out by then, the stack gets the time to work off what nobody waits for any more.
//! Otherwise a step would pay for the backlog of the one before.

use crate::capacity::notes::{CapacityNote, SearchNote, StepNote};
use crate::capacity::search::{CapacitySearch, SearchAction};
use crate::capacity::slo_limits::SloLimit;
use crate::capacity::step::{AbortReason, StepPurpose, StepVerdict};
use crate::capacity::watch::StepWatch;
use crate::engine::{Control, EngineError, Run, RunEvent, SteeringCommand};
use crate::metrics::{
    Counts, ErrorClass, Event, EventKind, Interval, RunEnd, RunHeader, RunLine, RunLog, StageInfo,
    StopReason,
};
use crate::slo::{ObjectiveStatus, Strictness, judge};
use crate::transport::Clock;
use crate::units::{Nanos, Rate, RunTime};

use super::super::exit::Failure;
use super::super::files::RunFolder;
use super::super::lifecycle;
use super::super::observing::SnapshotFeed;
use super::super::output::say;
use super::super::signals::StopSignals;
use super::super::talk;
use super::observer::SearchObserver;
use super::search_scenario::SearchScenario;

/// A search under way.
pub(super) struct SearchRun {
    pub(super) site: SearchScenario,
    pub(super) folder: RunFolder,
    /// The run's header, to judge steps by.
    pub(super) header: RunHeader,
    pub(super) note: SearchNote,
    pub(super) search: CapacitySearch,
    pub(super) watcher: SearchObserver,
    /// Counts from the beginning of this session.
    pub(super) clock: Clock,
    /// Time that the log covers already.
    pub(super) before: Nanos,
}

/// A step as it comes in.
struct StepInProgress {
    watch: StepWatch,
    warm_up: Nanos,
    hold: Nanos,
    /// All seconds, in the time of the engine's run.
    seconds: Vec<Interval>,
    aborted: Option<(AbortReason, RunTime)>,
}

/// How a search was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchExit {
    /// It has its answer.
    Done,
    /// The user stopped it.
    Interrupted,
}

impl SearchExit {
    /// How it stands in the log.
    const fn reason(self) -> StopReason {
        match self {
            Self::Done => StopReason::Finished,
            Self::Interrupted => StopReason::Interrupted,
        }
    }

    /// Whether the user stopped it.
    pub(super) const fn is_interrupted(self) -> bool {
        matches!(self, Self::Interrupted)
    }
}

/// Users are patient for this many times the tightest limit before they run short: as many requests in
/// flight stop a step at once.
const PATIENCE: u64 = 22;

/// A stack gets so long to work off what nobody waits for any more.
const SETTLE_MAX: Nanos = Nanos::from_secs(20);

impl SearchRun {
    /// Plays to the end, noting all that is needed to go on or to report.
    pub(super) async fn play(&mut self) -> Result<SearchExit, Failure> {
        let mut signals = StopSignals::new()?;
        talk::never_wait();
        let set_up = lifecycle::set_up(&mut self.site.plan, &self.site.options).await?;
        set_up.note(&mut self.folder)?;
        let left = self.measure(&mut signals).await;
        let stopped = async { signals.next().await };
        let note = lifecycle::tear_down(&mut self.site.plan, &self.site.options, stopped).await?;
        if let Some(note) = note {
            if let Some(why) = &note.failure {
                say(&format!("warning: the teardown failed: {why}"));
            }
            self.folder.append(&RunLine::Lifecycle(note))?;
        }
        let left = left?;
        self.end(left.reason())?;
        Ok(left)
    }

    /// Measures at one rate after the other.
    async fn measure(&mut self, signals: &mut StopSignals) -> Result<SearchExit, Failure> {
        loop {
            let (rate, hold, purpose) = match self.search.next_action() {
                SearchAction::Measure { rate, hold, purpose } => (rate, hold, purpose),
                SearchAction::Done(outcome) => {
                    self.watcher.ends(&outcome);
                    return Ok(SearchExit::Done);
                }
            };
            let Some((step, seconds)) = self.step(rate, hold, purpose, signals).await? else {
                self.watcher.ends(&self.search.interrupted());
                return Ok(SearchExit::Interrupted);
            };
            self.folder.append(&RunLine::Capacity(CapacityNote::Step(step.clone()).to_line()))?;
            let result = step.result(&seconds, &self.note);
            self.watcher.step(&result, step.invalid.as_deref(), &self.note.plan.slo_limits);
            self.search.on_step(result);
            self.watcher.known(&self.search);
        }
    }

    fn now(&self) -> RunTime {
        self.clock.now() + self.before
    }

    fn end(&mut self, reason: StopReason) -> Result<(), Failure> {
        let at = self.now();
        self.folder.append(&RunLine::End(RunEnd { at, reason }))?;
        self.folder.flush()
    }

    /// Plays one step; `None` if the user stopped it.
    async fn step(
        &mut self,
        rate: Rate,
        hold: Nanos,
        purpose: StepPurpose,
        signals: &mut StopSignals,
    ) -> Result<Option<(StepNote, Vec<Interval>)>, Failure> {
        let hold = whole_seconds(hold);
        let warm_up = whole_seconds(self.note.plan.warm_up);
        let slo_limits = self.note.plan.slo_limits.clone();
        let index = self.search.steps().len() as u64;
        let patience = patience(&slo_limits);
        let (plan, options) = self.site.step((index, rate), warm_up + hold, patience)?;
        if let Some(note) = self.site.note.take() {
            self.watcher.note(&note);
        }
        self.watcher.begins((rate, purpose), warm_up + hold);
        let began = self.now();
        let failed = |error: EngineError| Failure::while_doing("the step failed", &error);
        let run = Run::start(&plan, &options).map_err(failed)?;
        let watch = StepWatch::new(&slo_limits, rate);
        let mut playing = StepInProgress { watch, warm_up, hold, seconds: vec![], aborted: None };
        let Some(offset) = self.collect(run, &mut playing, signals).await? else {
            return Ok(None);
        };
        self.settle(&playing).await;
        let seconds = playing.hold_seconds();
        let aborted = playing.aborted.map(|(reason, _)| reason);
        let length: Nanos = seconds.iter().map(Interval::length).sum();
        let note = StepNote {
            purpose,
            offered: rate,
            warm_up: self.now().since(began).saturating_sub(length),
            began: RunTime::ZERO + offset,
            from: seconds.first().map_or(RunTime::ZERO, |second| second.start) + offset,
            to: seconds.last().map_or(RunTime::ZERO, |second| second.end) + offset,
            aborted,
            others: self.others(&playing),
            invalid: playing.watch.invalid(&seconds, aborted.is_some()),
        };
        let shifted = seconds.into_iter().map(|second| shifted(second, offset)).collect();
        Ok(Some((note, shifted)))
    }

    /// Takes in all that the engine reports, and writes it down in the time of the log. Returns how much
    /// later the step began than the log; `None` if the user stopped it.
    async fn collect(
        &mut self,
        mut run: Run,
        playing: &mut StepInProgress,
        signals: &mut StopSignals,
    ) -> Result<Option<Nanos>, Failure> {
        let failed = |error: EngineError| Failure::while_doing("the step failed", &error);
        let control = run.control();
        let mut observing = SnapshotFeed::begin(&self.site.watch, run.clock())?;
        let mut offset = None;
        let mut stopped = false;
        loop {
            let mut events = tokio::select! {
                events = run.next() => match events.map_err(failed)? {
                    Some(events) => events,
                    None => break,
                },
                events = observing.next() => events,
                command = self.watcher.next_steering() => {
                    stopped |= self.command(&command, &control)?;
                    continue;
                }
                () = signals.next() => {
                    self.watcher.stopping();
                    control.stop(StopReason::Interrupted);
                    stopped = true;
                    continue;
                }
            };
            observing.add_to(&mut events);
            let offset = *offset.get_or_insert_with(|| {
                self.now().since(RunTime::ZERO + run.clock().now().since(RunTime::ZERO))
            });
            for event in events {
                if self.take(event, offset, playing, &control)? {
                    // Where a worker broke down, that is said behind the end.
                    run.next().await.map_err(failed)?;
                    return Ok((!stopped).then_some(offset));
                }
            }
        }
        Ok(offset.filter(|_| !stopped))
    }

    /// Does what the user asks for, as far as a search can; true if that stops it.
    fn command(&mut self, command: &SteeringCommand, control: &Control) -> Result<bool, Failure> {
        match command {
            SteeringCommand::Stop => control.stop(StopReason::Interrupted),
            SteeringCommand::Abort => control.abort(StopReason::Interrupted),
            SteeringCommand::Mark(text) => {
                let event = Event { at: self.now(), kind: EventKind::Mark(text.clone()) };
                self.folder.append(&RunLine::Event(event))?;
                self.watcher.note(&format!("marked: {text}"));
            }
            // The rates of a search are its own.
            SteeringCommand::Scale(_)
            | SteeringCommand::Hold
            | SteeringCommand::SkipStage
            | SteeringCommand::Pause
            | SteeringCommand::Resume
            // No agents play a search, and it has rules of its own.
            | SteeringCommand::Rule(_)
            | SteeringCommand::At(..) => {}
        }
        Ok(matches!(command, SteeringCommand::Stop | SteeringCommand::Abort))
    }

    /// Takes in one event; true at the end of the run.
    fn take(
        &mut self,
        event: RunEvent,
        offset: Nanos,
        playing: &mut StepInProgress,
        control: &Control,
    ) -> Result<bool, Failure> {
        match event {
            RunEvent::Interval(interval) => {
                let interval = *interval;
                self.folder.append(&RunLine::Interval(shifted(interval.clone(), offset)))?;
                self.watcher.second(&interval);
                if playing.take(interval) {
                    control.skip_stage();
                }
            }
            RunEvent::Event(mut event) => {
                event.at = event.at + offset;
                self.folder.append(&RunLine::Event(event))?;
            }
            RunEvent::End(_) => return Ok(true),
        }
        Ok(false)
    }

    /// Lets the stack work off the requests that timed out: as long as that many answers take at the rate
    /// at which it answered.
    async fn settle(&self, playing: &StepInProgress) {
        let given_up: u64 = playing.seconds.iter().map(timeouts).sum();
        let answered: u64 = playing.hold_seconds().iter().map(|s| Counts::of(s).successes()).sum();
        let seconds = playing.hold_seconds().len().max(1) as f64;
        if given_up > 0 {
            let wait = given_up as f64 * seconds / answered.max(1) as f64;
            let wait = Nanos::from_secs_f64(wait).min(SETTLE_MAX);
            tokio::time::sleep(wait.into()).await;
        }
    }

    /// The verdict on the rows of the SLO table that are not SLO limits.
    fn others(&self, playing: &StepInProgress) -> Option<StepVerdict> {
        let stage =
            |duration, judged| StageInfo { from: Rate::ZERO, to: Rate::ZERO, duration, judged };
        let stages = [stage(playing.warm_up, false), stage(playing.hold, true)];
        let log = RunLog::of_step(&self.header, stages, playing.seconds.clone());
        let judgement = judge(&log, Strictness::Normal);
        let rows = judgement.objectives.iter().filter(|row| SloLimit::of(&row.objective).is_none());
        let verdicts = rows.filter(|row| row.objective.limit.is_some()).filter_map(|row| {
            match row.status {
                ObjectiveStatus::Fail => Some(StepVerdict::Fail),
                ObjectiveStatus::Pass | ObjectiveStatus::AtRisk => Some(StepVerdict::Pass),
                // A step is too short to prove an uptime; that says nothing about its rate.
                ObjectiveStatus::Inconclusive | ObjectiveStatus::NotMeasured => None,
            }
        });
        verdicts.reduce(|a, b| if a == StepVerdict::Fail { a } else { b })
    }
}

impl StepInProgress {
    /// Takes in one second; true if the step has to be stopped now.
    fn take(&mut self, second: Interval) -> bool {
        let within = second.end <= RunTime::ZERO + self.warm_up + self.hold;
        let reason = match self.aborted {
            None if within => self.watch.on_interval(&second),
            _ => None,
        };
        if let Some(reason) = reason {
            self.aborted = Some((reason, second.end));
        }
        self.seconds.push(second);
        reason.is_some()
    }

    /// The seconds of the hold; of a step that was stopped while warming up, all until then.
    fn hold_seconds(&self) -> Vec<Interval> {
        let planned = RunTime::ZERO + self.warm_up + self.hold;
        let stop = self.aborted.map_or(planned, |(_, at)| at);
        let start = RunTime::ZERO + self.warm_up;
        let from = if stop <= start { RunTime::ZERO } else { start };
        let inside = |second: &&Interval| second.start >= from && second.end <= stop;
        self.seconds.iter().filter(inside).cloned().collect()
    }
}

fn patience(slo_limits: &[SloLimit]) -> Nanos {
    let limit = slo_limits.iter().filter_map(SloLimit::limit).fold(10.0, f64::min);
    Nanos::from_secs_f64(limit) * PATIENCE
}

fn timeouts(second: &Interval) -> u64 {
    // A poll that was given up left nothing for the stack to work off.
    Counts::of(second).errors.get(&ErrorClass::ResponseTimeout).copied().unwrap_or(0)
}

fn whole_seconds(span: Nanos) -> Nanos {
    Nanos::from_secs((span.as_secs_f64().round() as u64).max(1))
}

fn shifted(mut interval: Interval, offset: Nanos) -> Interval {
    interval.start = interval.start + offset;
    interval.end = interval.end + offset;
    interval
}
