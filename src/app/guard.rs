//! Watches green while it takes its share: says when its errors are too many for certain, and stops sending to it
//! where that was asked for.

use crate::engine::{Control, RunEvent};
use crate::metrics::{Event, EventKind};
use crate::report::format;
use crate::slo::{GreenFailing, GreenWatch};
use crate::units::Ratio;

use super::prepare::PreparedRun;

/// Looks at every second of a run that is split.
pub(super) struct GreenGuard {
    watch: Option<GreenWatch>,
    rollback: bool,
    control: Control,
}

impl GreenGuard {
    pub(super) fn new(prepared: &PreparedRun, control: &Control) -> Self {
        let watch = GreenWatch::of(&prepared.header);
        Self { watch, rollback: prepared.rollback, control: control.clone() }
    }

    /// Looks at the seconds among `events`, and puts what it has to say behind the one that shows it.
    pub(super) fn add_to(&mut self, events: &mut Vec<RunEvent>) {
        let Some(watch) = &mut self.watch else { return };
        let found = events.iter().enumerate().find_map(|(at, event)| match event {
            RunEvent::Interval(interval) => Some((at, watch.on_interval(interval)?)),
            RunEvent::Event(_) | RunEvent::End(_) => None,
        });
        let Some((at, failing)) = found else { return };
        if self.rollback {
            self.control.back_to_blue();
        }
        let kind = EventKind::Warning(words(&failing, self.rollback));
        events.insert(at + 1, RunEvent::Event(Event { at: failing.at, kind }));
        // It has warned, and does not warn again.
        self.watch = None;
    }
}

fn words(failing: &GreenFailing, rollback: bool) -> String {
    let GreenFailing { since, failed, attempts, max, .. } = *failing;
    let text = format!(
        "green failed {} of {} requests since {} ({}), for certain more than the {max} that \
         `error_rate` allows",
        format::count(failed),
        format::count(attempts),
        format::moment(since),
        format::share(Ratio::of(failed, attempts)),
    );
    if rollback { text + ": from now on all arrivals go to blue" } else { text }
}
