//! One copy of a tier: cores, a queue, and whether it is alive.

use std::collections::VecDeque;

use super::call::CallRef;
use super::law::ServiceTimeLaw;
use super::meter::BusyMeter;
use plimsoll_units::RunTime;

/// A connection borrowed from the pool of a replica in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    /// The replica whose pool it is.
    pub(super) owner: u8,
    /// Its life; a pool dies with its replica.
    pub(super) epoch: u32,
}

/// A visit that waits for a core.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueuedVisit {
    pub(super) call: CallRef,
    pub(super) law: ServiceTimeLaw,
    pub(super) lease: Option<Lease>,
    /// When it began to wait, for a connection or a core.
    pub(super) since: RunTime,
}

/// What the scaler makes of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ReplicaStage {
    /// It belongs to the tier.
    #[default]
    Settled,
    /// It is ordered and does not serve yet.
    Starting,
    /// It was told to finish its work and go.
    Leaving,
    /// It is gone, and its place may be used again.
    Retired,
}

/// One replica.
#[derive(Debug, Default)]
pub(super) struct ModelReplica {
    /// It answers.
    pub(super) up: bool,
    /// The balancer counts on it.
    pub(super) listed: bool,
    /// What the scaler makes of it.
    pub(super) stage: ReplicaStage,
    /// Which life this is; services of an earlier life are void.
    pub(super) epoch: u32,
    pub(super) busy: BusyMeter,
    pub(super) waiting: BusyMeter,
    pub(super) queue: VecDeque<QueuedVisit>,
    /// Requests that it holds or works on.
    pub(super) open: BusyMeter,
    /// Visits that it has finished.
    pub(super) served: u64,
}

impl ModelReplica {
    /// A replica that serves.
    pub(super) fn serving() -> Self {
        Self { up: true, listed: true, ..Self::default() }
    }
}

/// Connections that one replica in front keeps to a tier.
#[derive(Debug, Default)]
pub(super) struct ReplicaPool {
    pub(super) epoch: u32,
    /// Its replica is dead.
    pub(super) closed: bool,
    pub(super) in_use: u32,
    /// Visits that wait for a connection.
    pub(super) waiting: VecDeque<QueuedVisit>,
}
