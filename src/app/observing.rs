//! The stack's own metrics of a run: which sources, and how their readings come into the log.

use crate::engine::RunEvent;
use crate::metrics::{Event, EventKind, Reading};
use crate::observe::{self, News, Watch, WatchPlan};
use crate::plan::{Plan, redact};
use crate::scenario::{Loaded, Problem};
use crate::transport::Clock;
use crate::units::RunTime;

use super::exit::{Exit, Failure};
use super::run::Prepared;

/// The sources of the stack file, or all that is wrong with them.
pub(super) fn described(loaded: &Loaded) -> Result<WatchPlan, Vec<Problem>> {
    let stack = loaded.scenario.as_ref().and_then(|scenario| scenario.stack.as_ref());
    stack.map_or(Ok(WatchPlan::default()), |stack| {
        observe::described(stack, &loaded.sources.secrets)
    })
}

/// What is read: the sources of the file, or the simulator's own where that is the target.
///
/// A stack file that names no source says nothing against asking the target whether it is the simulator;
/// a target without a stack file gets no request that the scenario does not send.
pub(super) async fn chosen(
    watch: WatchPlan,
    loaded: &Loaded,
    plan: &Plan,
    simulated: bool,
) -> WatchPlan {
    let has_stack = loaded.scenario.as_ref().is_some_and(|scenario| scenario.stack.is_some());
    if simulated || (has_stack && watch.sources.is_empty()) {
        return observe::simulated(&plan.target.url()).await.unwrap_or(watch);
    }
    watch
}

/// Readings on their way into the log.
pub(super) struct Observing {
    watch: Option<Watch>,
    secrets: Vec<String>,
    waiting: Vec<(RunTime, Vec<Reading>)>,
}

impl Observing {
    /// Begins to read what the run's stack file describes, on the run's clock.
    pub(super) fn start(prepared: &Prepared, clock: Clock) -> Result<Self, Failure> {
        Self::begin(&prepared.watch, &prepared.plan, clock)
    }

    /// Begins to read what `watch` names while `plan` is played.
    pub(super) fn begin(watch: &WatchPlan, plan: &Plan, clock: Clock) -> Result<Self, Failure> {
        let watch = Watch::start(watch.clone(), clock).map_err(|errors| {
            let first = errors.first().map(|(_, error)| error.to_string()).unwrap_or_default();
            Failure::new(Exit::Error, format!("error: the stack cannot be observed: {first}"))
        })?;
        Ok(Self { watch, secrets: plan.secrets.clone(), waiting: Vec::new() })
    }

    /// Awaits the next reading and returns the events that it brings. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Vec<RunEvent> {
        let Some(watch) = &mut self.watch else { return std::future::pending().await };
        let news = watch.next().await;
        self.take(news)
    }

    /// Puts what was read until the end of each second into its interval. A source that took longer than
    /// that is filed under the next one.
    pub(super) fn add_to(&mut self, events: &mut Vec<RunEvent>) {
        while let Some(news) = self.watch.as_mut().and_then(Watch::take) {
            let troubles = self.take(news);
            events.splice(0..0, troubles);
        }
        for event in events {
            let RunEvent::Interval(interval) = event else { continue };
            let later = self
                .waiting
                .split_off(self.waiting.iter().take_while(|(at, _)| *at <= interval.end).count());
            let now = std::mem::replace(&mut self.waiting, later);
            // Of two readings in one second the later one counts.
            if let Some((_, readings)) = now.into_iter().next_back() {
                interval.readings = readings;
            }
        }
    }

    fn take(&mut self, news: News) -> Vec<RunEvent> {
        let News { at, readings, troubles } = news;
        if !readings.is_empty() {
            self.waiting.push((at, readings));
        }
        let event = |text: String| {
            let kind =
                EventKind::SourceError(redact(&text, self.secrets.iter().map(String::as_str)));
            RunEvent::Event(Event { at, kind })
        };
        troubles.into_iter().map(event).collect()
    }
}
