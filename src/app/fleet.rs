//! Agents and their leader: the files, the clocks and the processes behind what they say to each other.

mod agent;
mod clocks;
mod connection;
mod gather;
mod intake;
mod lead;
mod link;
mod logs;
mod observer;
mod pulse;
mod search;
mod services;
mod step;
mod thread;
mod upload;
mod waiting;

pub(super) use agent::agent;
pub(super) use gather::{Gathering, Leading};
pub(super) use lead::lead;
pub(super) use pulse::LeaderPulse;
pub(super) use step::{LedStep, StepLog};
