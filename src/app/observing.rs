//! The stack's own metrics of a run: which sources, and how their readings come into the log.

use crate::engine::RunEvent;
use crate::metrics::{Event, EventKind, LateReadings, Reading, RunLine, SourceEvent};
use crate::observe::{Snapshot, StackWatch, WatchPlan};
use crate::transport::Clock;
use crate::units::RunTime;

use super::exit::{Exit, Failure};
use super::hooks::HookThread;
use super::prepare::PreparedRun;
use super::{mask, wall};

/// Readings on their way into the log.
pub(super) struct SnapshotFeed {
    watch: Option<StackWatch>,
    clock: Clock,
    /// Hooks and marks, where this run has any.
    outside: Option<HookThread>,
    waiting: Vec<(RunTime, Vec<Reading>)>,
}

impl SnapshotFeed {
    /// Begins to read what the run's stack file describes, on the run's clock, and to wait for hooks and marks.
    pub(super) fn start(prepared: &PreparedRun, clock: Clock) -> Result<Self, Failure> {
        let outside = HookThread::start(prepared.outside.clone(), clock)?;
        let observing = Self::begin(&prepared.watch, clock)?;
        Ok(Self { outside: Some(outside), ..observing })
    }

    /// Begins to read what `watch` names.
    pub(super) fn begin(watch: &WatchPlan, clock: Clock) -> Result<Self, Failure> {
        let watch = StackWatch::start(watch.clone(), clock).map_err(|errors| {
            let first = errors.first().map(|(_, error)| error.to_string()).unwrap_or_default();
            Failure::new(Exit::Error, format!("error: the stack cannot be observed: {first}"))
        })?;
        Ok(Self { watch, clock, outside: None, waiting: Vec::new() })
    }

    /// Awaits the next reading, mark or end of a hook, and returns the events that it brings. May be dropped
    /// while it waits.
    pub(super) async fn next(&mut self) -> Vec<RunEvent> {
        let Self { watch, outside, .. } = self;
        let read = async {
            match watch {
                Some(watch) => watch.next().await,
                None => std::future::pending().await,
            }
        };
        let happened = async {
            match outside {
                Some(outside) => outside.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            snapshot = read => self.take(snapshot),
            event = happened => vec![RunEvent::Event(event)],
        }
    }

    /// Puts what was read until the end of each second into its interval. A source that took longer than
    /// that is filed under the next one.
    pub(super) fn add_to(&mut self, events: &mut Vec<RunEvent>) {
        while let Some(snapshot) = self.watch.as_mut().and_then(StackWatch::take) {
            let troubles = self.take(snapshot);
            events.splice(0..0, troubles);
        }
        self.close(events);
        for event in events {
            let RunEvent::Interval(interval) = event else { continue };
            let later = self
                .waiting
                .split_off(self.waiting.iter().take_while(|(at, _)| *at <= interval.end).count());
            let now = std::mem::replace(&mut self.waiting, later);
            interval.readings = latest(now.into_iter().flat_map(|(_, readings)| readings)).into();
        }
    }

    /// What the sources give for seconds that were written without them, once `events` end the run. Goes into the
    /// log before the end's line.
    pub(super) async fn late(&mut self, events: &[RunEvent]) -> Vec<RunLine> {
        let (Some((_, end)), Some(watch)) = (end_of(events), &mut self.watch) else {
            return Vec::new();
        };
        let late = watch.missed(end, wall::began(self.clock)).await.into_iter();
        late.map(|(at, readings)| RunLine::Readings(LateReadings { at, readings: readings.into() }))
            .collect()
    }

    /// Where the run ends, so does what comes from outside: its last events go before the end.
    fn close(&mut self, events: &mut Vec<RunEvent>) {
        let Some((index, ends)) = end_of(events) else { return };
        let last = self.outside.take().map(HookThread::finish).unwrap_or_default();
        let last = last.into_iter().map(|event| Event { at: event.at.min(ends), ..event });
        let last: Vec<_> = last.map(RunEvent::Event).collect();
        events.splice(index..index, last);
    }

    fn take(&mut self, snapshot: Snapshot) -> Vec<RunEvent> {
        let Snapshot { at, mut readings, troubles } = snapshot;
        // A source names replicas as it likes.
        for reading in readings.iter_mut().filter(|reading| !reading.replica.is_empty()) {
            reading.replica = mask::text(&reading.replica);
        }
        if !readings.is_empty() {
            self.waiting.push((at, readings));
        }
        let event = |source: SourceEvent| {
            let kind = EventKind::SourceError(source);
            RunEvent::Event(Event { at, kind })
        };
        troubles.into_iter().map(event).collect()
    }
}

/// Where the run's end stands among `events`, and when it was.
fn end_of(events: &[RunEvent]) -> Option<(usize, RunTime)> {
    events.iter().enumerate().find_map(|(index, event)| match event {
        RunEvent::End(end) => Some((index, end.at)),
        _ => None,
    })
}

/// Of several readings of one thing in one second, the last one.
fn latest(readings: impl Iterator<Item = Reading>) -> Vec<Reading> {
    let mut kept: Vec<Reading> = Vec::new();
    for reading in readings {
        let is_same = |known: &&mut Reading| {
            (&known.tier, &known.metric, &known.replica)
                == (&reading.tier, &reading.metric, &reading.replica)
        };
        match kept.iter_mut().find(is_same) {
            Some(known) => *known = reading,
            None => kept.push(reading),
        }
    }
    kept
}
