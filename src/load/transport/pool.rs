//! The connection pool, and the connection limit of a worker.
//!
//! Mostly a user keeps its connections itself. Where descriptors or ports would not do for all users, the
//! idle ones of a whole worker stand in one queue, so that the one idle for longest can be closed when
//! somebody needs a new one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use plimsoll_metrics::ErrorClass;

use super::TransportError;
use super::address::Origin;
use super::connection::Connection;

/// Idle connections by their origins.
#[derive(Debug, Default)]
pub(super) struct ConnectionPool(Vec<(Rc<Origin>, IdleConnection)>);

/// An idle connection: held by the pool itself, or queued for eviction.
#[derive(Debug)]
enum IdleConnection {
    Owned(Connection),
    /// In the queue of the connection limit under this number, unless it was evicted.
    Queued(u64),
}

impl ConnectionPool {
    /// Takes out a connection to `origin`; the last one used is the warmest.
    pub(super) fn take(
        &mut self,
        origin: &Rc<Origin>,
        connection_limit: &WorkerConnectionLimit,
    ) -> Option<Connection> {
        let same = |known: &Rc<Origin>| Rc::ptr_eq(known, origin) || known == origin;
        loop {
            let at = self.0.iter().rposition(|(known, _)| same(known))?;
            match self.0.swap_remove(at).1 {
                IdleConnection::Owned(connection) => return Some(connection),
                IdleConnection::Queued(number) => {
                    if let Some(connection) = connection_limit.idle.borrow_mut().remove(&number) {
                        return Some(connection);
                    }
                }
            }
        }
    }

    /// Keeps a connection for the next request to `origin`.
    pub(super) fn put(
        &mut self,
        origin: &Rc<Origin>,
        connection: Connection,
        connection_limit: &WorkerConnectionLimit,
    ) {
        let held = match connection_limit.limit.get() {
            UNLIMITED => IdleConnection::Owned(connection),
            _ => IdleConnection::Queued(connection_limit.queue(connection)),
        };
        self.0.push((origin.clone(), held));
    }

    /// Closes all.
    pub(super) fn clear(&mut self, connection_limit: &WorkerConnectionLimit) {
        for (_, held) in self.0.drain(..) {
            if let IdleConnection::Queued(number) = held {
                connection_limit.idle.borrow_mut().remove(&number);
            }
        }
    }
}

/// The machine has enough for all users.
const UNLIMITED: u64 = u64::MAX;

/// How many connections a worker may have open at once.
#[derive(Debug)]
pub(super) struct WorkerConnectionLimit {
    limit: Cell<u64>,
    next: Cell<u64>,
    /// Idle connections by age; empty without a limit.
    idle: RefCell<BTreeMap<u64, Connection>>,
    /// How many were closed to make room.
    closed: Cell<u64>,
}

impl Default for WorkerConnectionLimit {
    fn default() -> Self {
        let zero = || Cell::new(0);
        Self { limit: Cell::new(UNLIMITED), next: zero(), idle: RefCell::default(), closed: zero() }
    }
}

impl WorkerConnectionLimit {
    /// Allows `limit` connections at once.
    pub(super) fn limit(&self, limit: u64) {
        self.limit.set(limit.max(1));
    }

    /// How many idle connections were closed to make room.
    pub(super) fn closed(&self) -> u64 {
        self.closed.get()
    }

    fn queue(&self, connection: Connection) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.idle.borrow_mut().insert(number, connection);
        number
    }

    /// Makes room for one more connection besides `open`: closes the one idle for longest if need be.
    ///
    /// # Errors
    /// Where none is idle.
    pub(super) fn make_room(&self, open: u64) -> Result<(), TransportError> {
        let limit = self.limit.get();
        if open < limit {
            return Ok(());
        }
        let oldest = self.idle.borrow_mut().pop_first();
        if oldest.is_some() {
            self.closed.set(self.closed.get() + 1);
            return Ok(());
        }
        let message = format!(
            "all {limit} connections of this worker are in use; raise the limit of file descriptors \
             (`ulimit -Hn`), add `http.source_ips`, or lower `max_vus`"
        );
        Err(TransportError::new(ErrorClass::OutOfDescriptors, message))
    }
}
