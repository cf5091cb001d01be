//! A run under way: its worker threads and their coordinator.

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::transport::Clock;
use plimsoll_plan::Plan;
use plimsoll_units::Nanos;

use super::control::Control;
use super::coordinator::Coordinator;
use super::machine::StealMeter;
use super::message::{EngineError, RunEvent};
use super::options::RunOptions;
use super::thread;

/// A run under way.
#[derive(Debug)]
pub struct Run {
    coordinator: Coordinator,
    clock: Clock,
    threads: Vec<JoinHandle<()>>,
    steal: StealMeter,
}

/// Time for workers to get ready before the first arrival can be due.
const LEAD: Nanos = Nanos::from_millis(50);

impl Run {
    /// Starts the workers.
    ///
    /// # Errors
    /// Where a thread cannot be started.
    pub fn start(plan: &Arc<Plan>, options: &RunOptions) -> Result<Self, EngineError> {
        Self::start_on(Clock::starting_in(LEAD), plan, options)
    }

    /// Starts the workers of a run that begins as `clock` has it.
    ///
    /// # Errors
    /// Where a thread cannot be started.
    pub fn start_on(
        clock: Clock,
        plan: &Arc<Plan>,
        options: &RunOptions,
    ) -> Result<Self, EngineError> {
        plan.templates.begin_at(clock.unix_start());
        let (coordinator, assignments) = Coordinator::new(plan, options, clock);
        let mut threads = Vec::new();
        for assignment in assignments {
            let index = assignment.index;
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || thread::main(assignment))
                .map_err(|error| EngineError::Worker {
                    worker: index,
                    message: error.to_string(),
                })?;
            threads.push(thread);
        }
        Ok(Self { coordinator, clock, threads, steal: StealMeter::new() })
    }

    /// A handle to stop or steer the run from elsewhere.
    pub fn control(&self) -> Control {
        self.coordinator.control()
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Awaits the next events. The last of them is [`RunEvent::End`].
    ///
    /// # Errors
    /// Behind the end, where a worker broke down: so that all that was measured is reported first.
    pub async fn next(&mut self) -> Result<Option<Vec<RunEvent>>, EngineError> {
        if let Some(mut events) = self.coordinator.next().await {
            self.steal.tell(&mut events);
            return Ok(Some(events));
        }
        for thread in self.threads.drain(..) {
            // A worker that panicked has told so itself.
            let _ = thread.join();
        }
        match self.coordinator.failure() {
            Some(error) => Err(error.clone()),
            None => Ok(None),
        }
    }
}
