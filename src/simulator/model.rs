//! A stack as a network of queues, played event by event in virtual time.
//!
//! Each tier has replicas, each replica a number of cores and one FIFO queue; a request is a program of
//! visits. Nothing in here reads a clock: the caller says what time it is, and everything that has become
//! due by then happens at exactly the moment the arithmetic gives, however late the caller asks. So what
//! the server plays on real sockets can be compared with formulas, and tests run in no time at all.

mod balance;
mod cache;
mod call;
mod clock;
mod durations;
mod fault;
mod flow;
mod law;
mod meter;
mod outage;
mod replica;
mod replication;
mod run;
mod scaler;
mod spec;
mod state;
mod tier;

pub use call::{CallOutcome, CallStart, FinishedCall};
pub use durations::Durations;
pub use fault::{Fault, FaultAction};
pub use law::ServiceTimeLaw;
pub use scaler::ScalerSpec;
pub use spec::{
    CacheSpec, CallProgram, CallStep, DiskSpec, Failover, MAX_REPLICAS, MAX_TIERS, ModelBalancing,
    ModelPoolSpec, ModelTierKind, ModelTierSpec, NetworkSpec, ReplicationSpec, TierId,
};
pub use state::StackModelRun;
pub use tier::{CacheState, ReplicaState, TierState};

#[cfg(test)]
mod tests;
