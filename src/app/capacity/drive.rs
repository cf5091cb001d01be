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
use crate::engine::{EngineError, Run, RunEvent, SteeringCommand};
#[cfg(feature = "fleet")]
use crate::fleet::LedSearchStep;
use crate::metrics::{
    Counts, ErrorClass, Event, EventKind, Interval, RunEnd, RunHeader, RunLine, RunLog, StageInfo,
    StopReason,
};
use crate::slo::{ObjectiveStatus, Strictness, judge};
use crate::transport::Clock;
use crate::units::{Nanos, Rate, RunTime};

use super::super::exit::{Exit, Failure};
use super::super::files::RunFolder;
use super::super::lifecycle;
use super::super::observing::SnapshotFeed;
use super::super::output::say;
use super::super::signals::StopSignals;
use super::super::talk;
use super::observer::SearchObserver;
use super::played::{PlayedStep, SearchAgents};
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
    /// The agents that play the steps; none where this process does.
    pub(super) agents: Option<SearchAgents>,
}

/// What a step is to be.
#[derive(Debug, Clone, Copy)]
struct AskedStep {
    index: u64,
    rate: Rate,
    duration: Nanos,
    patience: Nanos,
    purpose: StepPurpose,
}

/// What comes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepChange {
    /// The step goes on.
    None,
    /// It has to be stopped.
    Stop,
    /// It is over.
    End,
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
        // They may go: nothing more is played.
        self.agents = None;
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
        let asked = AskedStep {
            index: self.search.steps().len() as u64,
            rate,
            duration: warm_up + hold,
            patience: patience(&slo_limits),
            purpose,
        };
        let began = self.now();
        let mut played = match self.begin(asked).await {
            Err(failure) if failure.exit == Exit::Interrupted => return Ok(None),
            begun => begun?,
        };
        let watch = StepWatch::new(&slo_limits, rate);
        let mut playing = StepInProgress { watch, warm_up, hold, seconds: vec![], aborted: None };
        let (offset, is_stopped) = self.collect(&mut played, &mut playing, signals).await?;
        let lacking = self.complete(played, &mut playing, offset).await?;
        if is_stopped {
            return Ok(None);
        }
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
            invalid: lacking.or_else(|| playing.watch.invalid(&seconds, aborted.is_some())),
        };
        let shifted = seconds.into_iter().map(|second| shifted(second, offset)).collect();
        Ok(Some((note, shifted)))
    }

    /// Has a step begin, here or on agents.
    async fn begin(&mut self, asked: AskedStep) -> Result<PlayedStep, Failure> {
        let AskedStep { index, rate, duration, patience, purpose } = asked;
        let (plan, options) = self.site.step((index, rate), duration, patience)?;
        if let Some(note) = self.site.note.take() {
            self.watcher.note(&note);
        }
        self.watcher.begins((rate, purpose), duration);
        #[cfg(feature = "fleet")]
        if let Some(agents) = &mut self.agents {
            let step = LedSearchStep {
                origin: self.site.origin.clone(),
                seed: self.site.plan.seed,
                max_vus: self.site.max_vus,
                index,
                rate,
                duration,
                patience,
                preflight: agents.preflight,
            };
            return agents.begin(step, (&plan, &options), self.folder.path()).await;
        }
        let failed = |error: EngineError| Failure::while_doing("the step failed", &error);
        let run = Run::start(&plan, &options).map_err(failed)?;
        Ok(PlayedStep::Here(Box::new(run)))
    }

    /// Takes in all that is reported of a step, and writes it down in the time of the log. Returns how much later the step
    /// began than the log, and whether the user stopped it.
    async fn collect(
        &mut self,
        played: &mut PlayedStep,
        playing: &mut StepInProgress,
        signals: &mut StopSignals,
    ) -> Result<(Nanos, bool), Failure> {
        let mut observing = SnapshotFeed::begin(&self.site.watch, played.clock())?;
        let mut offset = None;
        let mut stopped = false;
        loop {
            let mut events = tokio::select! {
                events = played.next() => match events? {
                    Some(events) => events,
                    None => break,
                },
                events = observing.next() => events,
                command = self.watcher.next_steering() => {
                    stopped |= self.command(command, played).await?;
                    continue;
                }
                () = signals.next() => {
                    self.watcher.stopping();
                    played.order(SteeringCommand::Stop).await;
                    stopped = true;
                    continue;
                }
            };
            observing.add_to(&mut events);
            let offset = *offset.get_or_insert_with(|| self.offset(played));
            for event in events {
                match self.take(event, (offset, played.is_coarse()), playing)? {
                    StepChange::None => {}
                    StepChange::Stop => played.order(SteeringCommand::SkipStage).await,
                    StepChange::End => {
                        // Where a worker broke down, that is said behind the end.
                        played.next().await?;
                        return Ok((offset, stopped));
                    }
                }
            }
        }
        // Nothing that was played here ends without an end, unless it broke down.
        let is_broken = !played.is_coarse() && offset.is_none();
        Ok((offset.unwrap_or_else(|| self.offset(played)), stopped || is_broken))
    }

    /// How much later a step began than the log.
    fn offset(&self, played: &PlayedStep) -> Nanos {
        self.now().since(RunTime::ZERO + played.clock().now().since(RunTime::ZERO))
    }

    /// Takes in what agents have measured in full. Says why it is not that of all agents, where it is not.
    async fn complete(
        &mut self,
        played: PlayedStep,
        playing: &mut StepInProgress,
        offset: Nanos,
    ) -> Result<Option<String>, Failure> {
        let Some((mut seconds, lacking)) = played.finish().await? else { return Ok(None) };
        for second in &mut seconds {
            // The leader alone has read the stack's own metrics.
            let seen = playing.seconds.iter_mut().find(|seen| seen.end == second.end);
            if let Some(seen) = seen {
                second.readings = std::mem::take(&mut seen.readings);
            }
            self.folder.append(&RunLine::Interval(shifted(second.clone(), offset)))?;
        }
        playing.seconds = seconds;
        Ok(lacking)
    }

    /// Does what the user asks for, as far as a search can; true if that stops it.
    async fn command(
        &mut self,
        command: SteeringCommand,
        played: &mut PlayedStep,
    ) -> Result<bool, Failure> {
        match command {
            SteeringCommand::Stop | SteeringCommand::Abort => {
                played.order(command).await;
                return Ok(true);
            }
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
            // It has rules of its own, and its orders say when by themselves.
            | SteeringCommand::Rule(_)
            | SteeringCommand::At(..) => {}
        }
        Ok(false)
    }

    /// Takes in one event. Coarse seconds are only looked at.
    fn take(
        &mut self,
        event: RunEvent,
        (offset, is_coarse): (Nanos, bool),
        playing: &mut StepInProgress,
    ) -> Result<StepChange, Failure> {
        match event {
            RunEvent::Interval(interval) => {
                let interval = *interval;
                if !is_coarse {
                    self.folder.append(&RunLine::Interval(shifted(interval.clone(), offset)))?;
                }
                self.watcher.second(&interval);
                let must_stop = playing.take(interval);
                Ok(if must_stop { StepChange::Stop } else { StepChange::None })
            }
            RunEvent::Event(mut event) => {
                if let EventKind::Warning(text) = &event.kind
                    && is_coarse
                {
                    self.watcher.note(text);
                }
                event.at = event.at + offset;
                self.folder.append(&RunLine::Event(event))?;
                Ok(StepChange::None)
            }
            RunEvent::End(_) => Ok(StepChange::End),
        }
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
