//! Ends a run once a condition of `abort` has held for its time.

use crate::engine::{Control, RunEvent};
use crate::metrics::{Event, EventKind, StopReason};
use crate::slo::AbortWatch;

use super::prepare::PreparedRun;

/// Looks at every second of a run that has conditions.
pub(super) struct AbortGuard {
    watch: Option<AbortWatch>,
    control: Control,
}

impl AbortGuard {
    pub(super) fn new(prepared: &PreparedRun, control: &Control) -> Self {
        let watch = AbortWatch::of(&prepared.plan.abort, &prepared.header);
        Self { watch, control: control.clone() }
    }

    /// Looks at the seconds among `events`. Where one of them ends the run, the reason is put behind it.
    pub(super) fn add_to(&mut self, events: &mut Vec<RunEvent>) {
        let Some(watch) = &mut self.watch else { return };
        let found = events.iter().enumerate().find_map(|(at, event)| match event {
            RunEvent::Interval(interval) => Some((at, interval.end, watch.on_interval(interval)?)),
            RunEvent::Event(_) | RunEvent::End(_) => None,
        });
        let Some((index, at, note)) = found else { return };
        // A run that is over already was not ended by it.
        self.watch = None;
        if self.control.reason() != StopReason::Finished
            || events.iter().any(|event| matches!(event, RunEvent::End(_)))
        {
            return;
        }
        self.control.stop(StopReason::Aborted);
        events.insert(index + 1, RunEvent::Event(Event { at, kind: EventKind::Aborted(note) }));
    }
}
