//! The leader during the run: shows what all agents do, steers them, and makes one log of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::{Control, RunEvent, SteeringCommand};
use crate::fleet::{AgentChange, AgentTold, Broadcast, LiveMerge, SteeringOrder};
use crate::metrics::{
    AbortNote, Event, EventKind, Interval, LateReadings, RunEnd, RunLine, StopReason,
};
use crate::plan::Plan;
use crate::slo::AbortWatch;
use crate::transport::{Clock, monotonic};
use crate::units::{Nanos, RunTime};

use super::super::audience::RunObserver;
use super::super::drive::tear_down;
use super::super::exit::{Exit, Failure};
use super::super::files::{self, LOG};
use super::super::mask;
use super::super::merge::ShardLogs;
use super::super::observing::SnapshotFeed;
use super::super::output::say;
use super::super::prepare::PreparedRun;
use super::super::signals::StopSignals;
use super::connection::broken;
use super::gather::Leading;
use super::intake::FleetIntake;
use super::logs::{LogProgress, LogStore};

/// The run begins so long after all agents are ready, at the least.
const LEAD: Nanos = Nanos::from_millis(1_250);
/// Of that, the last fifth is left to call the run off where an agent has not heard when it begins.
const CALL_OFF: u64 = 5;
/// Between two announcements of the beginning.
const ANNOUNCE: Duration = Duration::from_millis(100);
/// Between two looks for agents that are silent, and orders that were not seen.
const LOOK: Duration = Duration::from_millis(250);
/// An order takes effect so long after it was sent, at the least.
const NOTICE: Nanos = Nanos::from_millis(30);
/// An order that was not heard within this time is told to be missing.
const ACKNOWLEDGED_WITHIN: Nanos = Nanos::from_secs(2);
/// An agent that has not been heard of for so long is not waited for any more once all others have ended.
const GIVEN_UP: Nanos = Nanos::from_secs(15);

/// Leads the agents through the run, and makes one log of theirs.
pub(in crate::app) async fn lead(
    leading: Leading,
    prepared: &mut PreparedRun,
    observer: &mut impl RunObserver,
) -> Result<StopReason, Failure> {
    let mut signals = StopSignals::new()?;
    let mut leader = Leader::start(leading, &prepared.plan, prepared.folder.path()).await?;
    leader.abort = AbortWatch::of(&prepared.plan.abort, &prepared.header);
    let mut observing = SnapshotFeed::start(prepared, leader.clock)?;
    while !leader.is_over() {
        let asked = tokio::select! {
            () = leader.proceed() => None,
            events = observing.next() => {
                leader.events.extend(events);
                None
            }
            command = observer.next_steering() => Some(command),
            () = signals.next() => {
                observer.on_signal();
                Some(leader.on_signal())
            }
        };
        for command in asked.into_iter().chain(leader.on_broken_rule()) {
            leader.steer(command).await;
            observer.on_steering(leader.control.steering());
        }
        leader.note(&mut observing, (prepared, &mut *observer))?;
    }
    let end = RunEnd { at: leader.clock.now(), reason: leader.reason };
    leader.events.push(RunEvent::End(end));
    let last = observing.late(&leader.events).await;
    last.iter().try_for_each(|line| prepared.folder.append(line))?;
    leader.note(&mut observing, (prepared, &mut *observer))?;
    tear_down(prepared, end.at, observer, &mut signals).await?;
    leader.finish(prepared).await
}

/// Tells all agents when the run begins, until each has heard it. Returns it by this machine's monotonic clock.
async fn announce(leading: &mut Leading) -> Result<Nanos, Failure> {
    let lead = LEAD.max(Nanos::new(leading.round_trip().get().saturating_mul(20)));
    let start = monotonic() + lead;
    let decided = Nanos::new(start.get() - lead.get() / CALL_OFF);
    let mut missing: BTreeSet<u32> = leading.agents.keys().copied().collect();
    let mut announcing = tokio::time::interval(ANNOUNCE);
    while !missing.is_empty() && monotonic() < decided {
        tokio::select! {
            _ = announcing.tick() => {
                let word = Broadcast::Start(start);
                let sent = leading.carrier.tell(leading.subjects.to_all(), &word).await;
                sent.map_err(|error| broken(&error))?;
            }
            Some(told) = leading.told.recv() => {
                if let AgentTold::Starting { number } = told {
                    missing.remove(&number);
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(start);
    }
    let why = format!("agents did not hear when to start: {}", numbers(&missing));
    leading.cancel(why.clone()).await;
    Err(Failure::new(Exit::Judged(97), format!("error: {why}\nnothing was sent")))
}

fn numbers<'a>(all: impl IntoIterator<Item = &'a u32>) -> String {
    let all: Vec<String> = all.into_iter().map(u32::to_string).collect();
    all.join(", ")
}

/// An order that not all agents have seen.
#[derive(Debug)]
struct OpenOrder {
    order: SteeringOrder,
    missing: BTreeSet<u32>,
    late: Vec<u32>,
    sent: RunTime,
    is_told: bool,
}

/// What the leader knows of its run.
pub(super) struct Leader {
    leading: Leading,
    intake: FleetIntake,
    looks: tokio::time::Interval,
    pub(super) clock: Clock,
    /// Of no workers: it computes what an order comes to.
    control: Control,
    live: LiveMerge,
    /// How well each agent's clock is known.
    clock_errors: BTreeMap<u32, Nanos>,
    orders: Vec<OpenOrder>,
    revision: u32,
    signals: u32,
    reason: StopReason,
    /// Looks at the seconds of all agents together.
    abort: Option<AbortWatch>,
    /// The rule that has just been broken.
    broken_rule: Option<AbortNote>,
    /// What is still to be noted.
    pub(super) events: Vec<RunEvent>,
}

impl Leader {
    /// Tells all agents when `plan` begins. Their logs come into `folder`.
    pub(super) async fn start(
        mut leading: Leading,
        plan: &Plan,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let live = leading.carrier.subscribe(leading.subjects.all_live()).await;
        let live = live.map_err(|error| broken(&error))?;
        let clock = Clock::beginning_at(announce(&mut leading).await?);
        let intake = FleetIntake::start(&leading, live, LogStore::new(folder))?;
        let errors = leading.agents.iter();
        let errors = errors.filter_map(|(number, agent)| Some((*number, agent.clock?.error)));
        Ok(Self {
            clock_errors: errors.collect(),
            live: LiveMerge::new(leading.agents.len() as u32),
            leading,
            intake,
            looks: tokio::time::interval(LOOK),
            clock,
            control: Control::of_nobody(plan, clock),
            orders: vec![],
            revision: 0,
            signals: 0,
            reason: StopReason::Finished,
            abort: None,
            broken_rule: None,
            events: vec![],
        })
    }

    /// Takes in what comes next. May be dropped while it waits.
    pub(super) async fn proceed(&mut self) {
        tokio::select! {
            Some(second) = self.intake.seconds.recv() => self.on_live(second),
            Some(told) = self.leading.told.recv() => self.on_told(&told),
            Some(change) = self.intake.pieces.recv() => self.on_piece(change),
            _ = self.looks.tick() => self.look().await,
        }
    }

    /// Takes the seconds that all agents have told, and holds them to the rules of `abort`.
    fn take_seconds(&mut self) {
        for second in self.live.complete() {
            if let Some(watch) = &mut self.abort
                && let Some(note) = watch.on_interval(&second)
            {
                self.abort = None;
                // A run that is over already was not ended by it.
                self.broken_rule = (self.reason == StopReason::Finished).then_some(note);
            }
            self.events.push(RunEvent::Interval(Box::new(second)));
        }
    }

    fn warn(&mut self, text: String) {
        let kind = EventKind::Warning(text);
        self.events.push(RunEvent::Event(Event { at: self.clock.now(), kind }));
    }

    fn name(&self, number: u32) -> String {
        let host = self.leading.agents.get(&number).map_or("", |agent| agent.host.as_str());
        format!("agent {number} ({host})")
    }

    fn on_sign(&mut self, number: u32) {
        self.live.on_sign(number, self.clock.now());
    }

    fn on_live(&mut self, (number, interval): (u32, Interval)) {
        let now = self.clock.now();
        if let Some(change) = self.live.on_second(number, interval, now) {
            self.tell(change);
        }
        self.take_seconds();
    }

    fn tell(&mut self, change: AgentChange) {
        let text = match change {
            AgentChange::Silent { number, since } => format!(
                "{} has been silent since {since}; the others do not take its load",
                self.name(number)
            ),
            AgentChange::Back { number } => format!("{} is heard of again", self.name(number)),
        };
        self.warn(text);
    }

    fn on_told(&mut self, told: &AgentTold) {
        self.on_sign(told.number());
        match *told {
            AgentTold::Clock { number, error } => {
                self.clock_errors.insert(number, error);
            }
            AgentTold::Acknowledged { number, revision, late } => {
                let order = self.orders.iter_mut().find(|it| it.order.revision == revision);
                if let Some(order) = order
                    && order.missing.remove(&number)
                    && late
                {
                    order.late.push(number);
                }
            }
            AgentTold::Ready(_) | AgentTold::Failed { .. } | AgentTold::Starting { .. } => {}
        }
    }

    fn on_piece(&mut self, change: Result<LogProgress, String>) {
        match change {
            Ok(LogProgress { number, is_end }) => {
                self.on_sign(number);
                if is_end {
                    self.live.on_ended(number);
                    self.take_seconds();
                }
            }
            Err(why) => self.warn(why),
        }
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_over(&self) -> bool {
        self.live.is_over(self.clock.now(), GIVEN_UP)
    }

    /// Looks for agents that are silent and for orders that were not seen.
    async fn look(&mut self) {
        let now = self.clock.now();
        for change in self.live.silent(now) {
            self.tell(change);
        }
        self.take_seconds();
        let unfinished = self.live.unfinished();
        let mut warnings = vec![];
        for open in &mut self.orders {
            open.missing.retain(|number| unfinished.contains(number));
            if open.missing.is_empty() || open.is_told {
                continue;
            }
            if now.since(open.sent) > ACKNOWLEDGED_WITHIN {
                open.is_told = true;
                let missing = numbers(&open.missing);
                warnings.push(format!("order {} was not heard by: {missing}", open.order.revision));
            }
            let word = Broadcast::Order(open.order.clone());
            // Acknowledged or not will be seen.
            let _ = self.leading.carrier.tell(self.leading.subjects.to_all(), &word).await;
        }
        for open in self.orders.extract_if(.., |open| open.missing.is_empty()) {
            if !open.late.is_empty() {
                let late = numbers(&open.late);
                warnings.push(format!("order {} came too late to: {late}", open.order.revision));
            }
        }
        for text in warnings {
            self.warn(text);
        }
    }

    /// Sends a command to all agents, to take effect at one moment beyond the slowest round trip.
    pub(super) async fn steer(&mut self, command: SteeringCommand) {
        if let SteeringCommand::Mark(_) = command {
            self.events.push(RunEvent::Event(command.carry_out(&self.control)));
            return;
        }
        let error = self.clock_errors.values().max().copied().unwrap_or(Nanos::ZERO);
        let way = Nanos::new(self.leading.round_trip().get().saturating_mul(3)) + error;
        let now = self.clock.now();
        let at = now + NOTICE.max(way);
        self.revision += 1;
        let order = SteeringOrder { revision: self.revision, at, command: command.clone() };
        let word = Broadcast::Order(order.clone());
        let sent = self.leading.carrier.tell(self.leading.subjects.to_all(), &word).await;
        if let Err(error) = sent {
            self.warn(format!("order {} could not be sent: {error}", self.revision));
        }
        let missing = self.live.unfinished().into_iter().collect();
        self.orders.push(OpenOrder { order, missing, late: vec![], sent: now, is_told: false });
        let event = SteeringCommand::At(at, Box::new(command)).carry_out(&self.control);
        self.events.push(RunEvent::Event(event));
    }

    /// What a signal asks for.
    const fn on_signal(&mut self) -> SteeringCommand {
        self.signals += 1;
        self.reason = StopReason::Interrupted;
        if self.signals == 1 { SteeringCommand::Stop } else { SteeringCommand::Abort }
    }

    /// What a rule asks for that has just been broken.
    fn on_broken_rule(&mut self) -> Option<SteeringCommand> {
        let note = self.broken_rule.take()?;
        self.reason = StopReason::Aborted;
        Some(SteeringCommand::Rule(note))
    }

    /// Writes down and shows what has happened since the last time.
    fn note(
        &mut self,
        observing: &mut SnapshotFeed,
        (prepared, observer): (&mut PreparedRun, &mut impl RunObserver),
    ) -> Result<(), Failure> {
        let mut events = std::mem::take(&mut self.events);
        if events.is_empty() {
            return Ok(());
        }
        observing.add_to(&mut events);
        for event in events {
            match event {
                RunEvent::Interval(interval) => {
                    if !interval.readings.is_empty() {
                        let readings = interval.readings.clone();
                        let late = LateReadings { at: interval.start, readings };
                        prepared.folder.append(&RunLine::Readings(late))?;
                    }
                    observer.on_interval(*interval);
                }
                RunEvent::Event(event) => {
                    let event = mask::event(event);
                    prepared.folder.append(&RunLine::Event(event.clone()))?;
                    observer.on_event(event);
                }
                RunEvent::End(end) => observer.on_end(&end),
            }
        }
        Ok(())
    }

    /// Merges the agents' logs into the run's own.
    async fn finish(mut self, prepared: &mut PreparedRun) -> Result<StopReason, Failure> {
        let folder = prepared.folder.path().to_owned();
        prepared.folder.flush()?;
        let own = own_lines(&folder)?;
        let merged = self.merged(&folder)?;
        prepared.header = merged.header.clone();
        prepared.folder.replace(|write| merged.write(&own, write))?;
        let unfinished = self.live.unfinished();
        if unfinished.is_empty() {
            self.forget().await;
        } else {
            say(&format!(
                "the logs of agents {} are not complete\nhint: what is on their disks can be merged later: `plimsoll merge \
                 {}/agents/* LOG…`",
                numbers(&unfinished),
                folder.display()
            ));
        }
        Ok(self.reason)
    }

    /// The logs that came into `folder`, as one.
    pub(super) fn merged(&mut self, folder: &Path) -> Result<ShardLogs, Failure> {
        self.intake.stop();
        let (logs, without) = self.fetched(folder);
        if logs.is_empty() {
            return Err(Failure::new(
                Exit::Judged(97),
                "error: no agent has sent its log; those on the agents' disks can be merged",
            ));
        }
        let mut merged = ShardLogs::open(&logs, &without)?;
        for shard in &mut merged.header.shards {
            let known = self.clock_errors.get(&shard.number).copied();
            shard.clock_error = known.max(shard.clock_error);
        }
        Ok(merged)
    }

    /// Has the server throw away what is on this disk now.
    pub(super) async fn forget(&self) {
        let Leading { carrier, subjects, .. } = &self.leading;
        let _ = carrier.delete_stream(subjects).await;
    }

    /// The folders of the logs that came, and the shards of which nothing did.
    fn fetched(&self, folder: &Path) -> (Vec<PathBuf>, Vec<u32>) {
        let (mut logs, mut without) = (vec![], vec![]);
        for &number in self.leading.agents.keys() {
            let log = LogStore::folder(folder, number);
            if log.join(LOG).exists() {
                logs.push(log);
            } else {
                without.push(number);
            }
        }
        (logs, without)
    }
}

/// What the leader has written down itself, but for orders, which stand in the agents' logs too.
fn own_lines(folder: &Path) -> Result<Vec<RunLine>, Failure> {
    let text = files::read(&folder.join(LOG))
        .map_err(|error| Failure::while_doing("cannot read the leader's log", &error))?;
    let is_own = |line: &RunLine| match line {
        RunLine::Event(event) => {
            !matches!(event.kind, EventKind::Steered(_) | EventKind::Aborted(_))
        }
        RunLine::Readings(_)
        | RunLine::Page(_)
        | RunLine::Picture(_)
        | RunLine::Browsers(_)
        | RunLine::Lifecycle(_) => true,
        RunLine::Run(_) | RunLine::Interval(_) | RunLine::Capacity(_) | RunLine::End(_) => false,
    };
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<RunLine>(line).ok());
    Ok(lines.filter(is_own).collect())
}
