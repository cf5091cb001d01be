//! What responses, events and messages may hold in memory, all of a worker together, whatever the servers send.

use std::cell::Cell;
use std::rc::Rc;

use plimsoll_metrics::ErrorClass;
use plimsoll_units::Bytes;

use super::TransportError;

/// A worker's share of what a run may hold, before it is told.
const UNTOLD: u64 = 64 << 20;

/// A worker's share of what a run may hold.
#[derive(Debug, Clone)]
pub(super) struct MemoryBudget(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: Cell<u64>,
    held: Cell<u64>,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self(Rc::new(Shared { limit: Cell::new(UNTOLD), held: Cell::default() }))
    }
}

impl MemoryBudget {
    /// Allows `limit` bytes.
    pub(super) fn limit(&self, limit: u64) {
        self.0.limit.set(limit);
    }

    /// A buffer that takes its memory from this budget, and at most `max` bytes.
    pub(super) fn buffer(&self, max: u64) -> BoundedBuffer {
        BoundedBuffer { budget: self.clone(), bytes: Vec::new(), max, kept: KEPT }
    }

    /// The same that keeps `kept` bytes of its memory while nothing is in it.
    pub(super) fn lasting_buffer(&self, kept: usize) -> BoundedBuffer {
        BoundedBuffer { budget: self.clone(), bytes: Vec::new(), max: u64::MAX, kept }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        self.0.held.get()
    }

    fn take(&self, more: u64) -> Result<(), TransportError> {
        let (held, limit) = (self.0.held.get() + more, self.0.limit.get());
        if held > limit {
            let limit = Bytes::new(limit);
            let message = format!(
                "responses and streams under way would hold more than {limit} a worker (`http.max_memory`)"
            );
            return Err(TransportError::new(ErrorClass::BodyTooLarge, message));
        }
        self.0.held.set(held);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.0.held.set(self.0.held.get().saturating_sub(bytes));
    }
}

/// So much a buffer keeps while nothing is in it.
const KEPT: usize = 16 * 1024;

/// Bytes of one response, event or message. Gives its memory back when it is dropped.
#[derive(Debug)]
pub(super) struct BoundedBuffer {
    budget: MemoryBudget,
    bytes: Vec<u8>,
    max: u64,
    kept: usize,
}

impl BoundedBuffer {
    /// The budget that it takes its memory from.
    pub(super) fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// Empties it, for at most `max` bytes from now on.
    pub(super) fn restart(&mut self, max: u64) {
        self.clear();
        self.max = max;
    }

    /// Forgets what is behind `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Appends `more` to what `what` names.
    ///
    /// # Errors
    /// Where it would become larger than it may, or all buffers together would.
    pub(super) fn extend(&mut self, more: &[u8], what: &str) -> Result<(), TransportError> {
        let needed = self.bytes.len() + more.len();
        if needed as u64 > self.max {
            let limit = Bytes::new(self.max);
            let message = format!("{what} is larger than `max_body: {limit}`");
            return Err(TransportError::new(ErrorClass::BodyTooLarge, message));
        }
        let room = self.bytes.capacity();
        if needed > room {
            let wanted = needed.max(room.saturating_mul(2)).min(self.max as usize);
            self.budget.take((wanted - room) as u64)?;
            self.bytes.reserve_exact(wanted - self.bytes.len());
            // The allocator may round up.
            let surplus = self.bytes.capacity().saturating_sub(wanted);
            self.budget.0.held.set(self.budget.0.held.get() + surplus as u64);
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Empties it, and keeps little of its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        let before = self.bytes.capacity();
        if before > self.kept {
            self.bytes = Vec::new();
            self.budget.give_back(before as u64);
        }
    }

    /// Takes the last byte away.
    pub(super) fn pop(&mut self) {
        self.bytes.pop();
    }

    /// What is in it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for BoundedBuffer {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes.capacity() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_hold_no_more_than_their_budget_together() {
        let budget = MemoryBudget::default();
        budget.limit(100_000);
        let (mut one, mut other) = (budget.buffer(80_000), budget.buffer(80_000));
        one.extend(&vec![0; 60_000], "a message").expect("room");
        let error = other.extend(&vec![0; 60_000], "a message").expect_err("no room");
        assert_eq!(error.class, ErrorClass::BodyTooLarge);
        let error = one.extend(&vec![0; 20_001], "a message").expect_err("too large");
        assert!(error.message.starts_with("a message is larger than `max_body"), "{error}");
        one.clear();
        assert_eq!(budget.held(), 0);
        other.extend(&vec![0; 60_000], "a message").expect("room again");
        drop(other);
        assert_eq!(budget.held(), 0);
    }
}
