//! How much one connection may keep its worker busy at a time.
//!
//! A server that sends faster than it can be read would otherwise hold up all other users of the worker, and its own
//! deadline.

use std::pin::pin;
use std::task::{Context, Poll};

/// What a connection may read and write before others have their turn. A read of 64 KiB takes some 20 µs where bytes
/// are counted, and some 300 µs where they are small frames.
pub(super) const POLL_BUDGET: u64 = 256 * 1024;

/// What a frame, a head or a chunk costs beyond its bytes: as much as so many bytes that are counted.
pub(super) const PART_COST: u64 = 64;

/// Pending, to be polled again once others had their turn and the sockets were looked at.
pub(super) fn let_others<T>(context: &mut Context<'_>) -> Poll<T> {
    // The runtime wakes behind its next look at the sockets: waking at once would starve those who wait for one.
    let yielding: Poll<()> = pin!(tokio::task::yield_now()).poll(context);
    debug_assert!(yielding.is_pending());
    Poll::Pending
}
