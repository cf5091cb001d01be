//! What goes wrong, and when.

use super::TierId;
use plimsoll_units::{Nanos, RunTime};

/// One entry of the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// When, in run time.
    pub at: RunTime,
    /// What.
    pub action: FaultAction,
}

/// What happens to the stack. A fault that lasts is two entries: its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultAction {
    /// A replica dies with everything that it was doing, and refuses connections.
    Kill {
        /// Of this tier.
        tier: TierId,
        /// Counted from 0.
        replica: u8,
    },
    /// A dead or drained replica comes back, empty.
    Revive {
        /// Of this tier.
        tier: TierId,
        /// Counted from 0.
        replica: u8,
    },
    /// A replica gets no new requests but finishes what it has.
    Drain {
        /// Of this tier.
        tier: TierId,
        /// Counted from 0.
        replica: u8,
    },
    /// Visits that begin from now on take `factor` times as long; 1 ends it.
    Slow {
        /// Which tier.
        tier: TierId,
        /// How many times as long.
        factor: f64,
    },
    /// A share of the visits fails at once; share 0 ends it.
    Errors {
        /// Which tier.
        tier: TierId,
        /// Probability of failure, 0 to 1.
        share: f64,
        /// The status that the client sees.
        status: u16,
    },
    /// The standby of a tier stops applying what the primary commits, or goes on.
    Lag {
        /// Of this tier.
        tier: TierId,
        /// Whether it stops.
        stops: bool,
    },
    /// Everything stands still.
    Freeze {
        /// For how long.
        span: Nanos,
        /// From begin to begin, if it recurs.
        every: Option<Nanos>,
    },
}
