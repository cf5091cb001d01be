//! Who watches a run.

use crate::engine::{Steering, SteeringCommand};
use crate::metrics::{Event, Interval, PageLoad, RunEnd};

/// Who watches a run. None of these may wait: the log is written by the same thread.
pub(super) trait RunObserver {
    /// One second is complete, and in the log.
    fn on_interval(&mut self, interval: Interval);
    /// A real browser loaded a page, and it is in the log.
    fn on_page(&mut self, load: PageLoad);
    /// Something happened, and is in the log.
    fn on_event(&mut self, event: Event);
    /// The stages have changed.
    fn on_steering(&mut self, steering: Steering);
    /// A signal stops the run.
    fn on_signal(&mut self);
    /// The run is over.
    fn on_end(&mut self, end: &RunEnd);
    /// Awaits the observer's next steering command. May be dropped while it waits.
    async fn next_steering(&mut self) -> SteeringCommand;
}
