//! The engine: plays a plan against its target and hands on what it measures, second by second.
//!
//! One OS thread a worker, each with its own current-thread runtime, users, connections and recorder;
//! nothing is shared on the hot path. The coordinator merges the workers' seconds and talks to whoever
//! watches; it can stall without slowing the load.

mod closed;
mod command;
mod control;
mod coordinator;
mod dispatch;
mod iteration;
mod job;
mod lifecycle;
mod limits;
mod load;
mod machine;
mod message;
mod options;
mod orders;
mod pacing;
mod preflight;
mod run;
#[cfg(test)]
mod simulation;
mod slots;
mod tasks;
mod thread;
mod used_up;
mod worker;

pub use command::SteeringCommand;
pub use control::{Control, Steering};
pub use lifecycle::{PlayedLifecycle, play_lifecycle};
pub use limits::{ConnectionLimit, LimitError, prepare_limits, raise_descriptor_limit};
pub use message::{EngineError, RunEvent, is_partial};
pub use options::{RunOptions, most_workers, workers_for};
pub use preflight::{PreflightError, ProbedTarget, preflight};
pub use run::Run;
