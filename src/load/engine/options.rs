//! What a run needs besides its plan.

use crate::transport::{HostPermit, TlsSetup};
use plimsoll_plan::{ConnectionUse, Load, Plan};

/// What a run needs besides its plan.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// How many workers; see [`workers_for`].
    pub workers: u32,
    /// The TLS configuration.
    pub tls: TlsSetup,
    /// Hosts beyond loopback and private ranges that may be loaded.
    pub permit: HostPermit,
    /// So many connections may be open at once over all workers; `u64::MAX` where all users can have theirs.
    pub connections: u64,
}

/// One core's worth of requests a second, with room to spare for a timely schedule.
const RATE_PER_WORKER: f64 = 15_000.0;

/// How many workers `plan` needs on a machine with `cores`: as few as carry its peak, because workers that
/// have nothing to do still disturb the others and the target.
pub fn workers_for(plan: &Plan, cores: u32) -> u32 {
    let plays = f64::from(plan.plays());
    let peak = plan.load.peak().get() * plan.requests_per_iteration() * plays;
    let share = peak / f64::from(plan.shard.count);
    let wanted = match plan.load {
        Load::Open(_) => (share / RATE_PER_WORKER).ceil() as u32,
        // A closed model takes what it can get; half the machine leaves room for a local target.
        Load::Closed(_) => cores.div_ceil(2),
    };
    wanted.clamp(1, cores.clamp(1, most_workers(plan)))
}

/// The most workers that `plan` may have: as many as there are connections, where users share a few.
pub const fn most_workers(plan: &Plan) -> u32 {
    match plan.http.connections {
        ConnectionUse::Streams(count) if count < WORKERS_MAX => count,
        _ => WORKERS_MAX,
    }
}

/// More cores than this are not used.
const WORKERS_MAX: u32 = 64;
