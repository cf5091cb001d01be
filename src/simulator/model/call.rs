//! One request on its way through the stack.

use super::spec::{CallProgram, MAX_TIERS, TierId};
use plimsoll_units::RunTime;

/// What the caller says about a request that arrives.
#[derive(Debug, Clone)]
pub struct CallStart {
    /// What it does.
    pub program: CallProgram,
    /// The caller's own number for it, given back in [`FinishedCall`].
    pub tag: u64,
    /// The replica of the sticky tier that served this client before.
    pub sticky: Option<u8>,
    /// What a cache knows its answer by.
    pub key: u64,
    /// It may be sent twice without harm (GET), so a balancer may retry it after it was interrupted.
    pub safe: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It went all its way.
    Done,
    /// Something on the way refused it or died under it; the client sees this status.
    Failed {
        /// An HTTP status, 4xx or 5xx.
        status: u16,
    },
}

/// A request that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedCall {
    /// The caller's number.
    pub tag: u64,
    /// How it ended.
    pub outcome: CallOutcome,
    /// When it ended, in run time.
    pub at: RunTime,
    /// The replica of the sticky tier that served it.
    pub sticky: Option<u8>,
    /// Whether it found its answer in a cache; `None` if it looked nowhere.
    pub cache_hit: Option<bool>,
}

/// No replica.
const NOWHERE: u8 = u8::MAX;

/// A request under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) start: CallStart,
    /// Tells this pass from earlier ones, after a retry and after the slot was used again.
    pub(super) ticket: u32,
    pub(super) at: u16,
    pub(super) cache_hit: Option<bool>,
    held: [u8; MAX_TIERS],
}

impl Call {
    pub(super) fn new(start: CallStart, ticket: u32) -> Self {
        Self { start, ticket, at: 0, cache_hit: None, held: [NOWHERE; MAX_TIERS] }
    }

    /// The replica of `tier` that holds this request.
    pub(super) fn held_by(&self, tier: TierId) -> Option<u8> {
        Some(self.held[tier.index()]).filter(|replica| *replica != NOWHERE)
    }

    /// Makes `replica` hold it, or nobody.
    pub(super) fn hold(&mut self, tier: TierId, replica: Option<u8>) {
        self.held[tier.index()] = replica.unwrap_or(NOWHERE);
    }
}

/// A reference to a call that may have ended or started over meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallRef {
    pub(super) slot: u32,
    pub(super) ticket: u32,
}
