//! What the server saw.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use plimsoll_units::Nanos;

/// One request as the server read it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Receipt {
    pub(super) at: Nanos,
    pub(super) connection: usize,
    /// Its number among the requests of the connection, from 1.
    pub(super) number: u32,
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
    pub(super) is_idempotent: bool,
    pub(super) user: u64,
}

/// All that the server saw.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By step and iteration; those of constant requests have no iteration and are only counted.
    pub(super) requests: BTreeMap<(String, u64), Vec<Receipt>>,
    /// Every request, constant ones too.
    pub(super) received: u64,
    /// How long the server took for all those that it answered.
    pub(super) took: Nanos,
    /// Whether it answered every request in full, with success.
    pub(super) all_well: bool,
    /// Answers that somebody else got.
    pub(super) mixed_up: Vec<String>,
    /// Addresses that connections came from.
    pub(super) sources: BTreeSet<Option<IpAddr>>,
}
