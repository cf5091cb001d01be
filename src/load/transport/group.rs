//! Requests that a user sends at once: over HTTP/2 they share one connection, as a browser's do.
//!
//! The first of them opens it while the others wait to learn which protocol is spoken there. Over HTTP/1.1 each
//! then opens one of its own. Users that share a few connections use the same, for as long as the run lasts.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::Notify;

use super::TransportError;
use super::address::Origin;
use super::connection::Connection;
use super::http2::Http2;

/// The connection to an origin, as far as it is known.
#[derive(Debug)]
enum OriginConnection {
    /// Somebody is opening the first connection.
    Opening,
    /// All go on this one; kept for later by the first that is through.
    Shared { connection: Http2, pooled: bool },
    /// Each needs its own.
    Separate,
}

/// Requests sent at once.
#[derive(Debug, Default)]
pub(super) struct ConcurrentRequests {
    /// Whether the connection is shared for as long as the run lasts, and in no pool.
    is_lasting: bool,
    origins: RefCell<Vec<(Rc<Origin>, OriginConnection)>>,
    changed: Notify,
}

impl ConcurrentRequests {
    /// Requests of many users, for as long as the run lasts.
    pub(super) fn lasting() -> Self {
        Self { is_lasting: true, ..Self::default() }
    }

    /// What a request to `origin` does, once that is known.
    pub(super) async fn choice(&self, origin: &Rc<Origin>) -> ConnectionChoice {
        loop {
            match self.look(origin) {
                Some(choice) => return choice,
                None => self.changed.notified().await,
            }
        }
    }

    /// Takes what the first request found idle; where nothing, and a new connection `may_be_http2`, the others wait for
    /// it, and the caller has to call [`Self::opened`]. Somebody else may have begun meanwhile; two connections do no harm.
    pub(super) fn found_idle(
        &self,
        origin: &Rc<Origin>,
        idle: Option<&Connection>,
        may_be_http2: bool,
    ) {
        self.know(
            origin,
            match idle {
                Some(Connection::Http2(http2)) => shared(http2),
                None if may_be_http2 => OriginConnection::Opening,
                Some(Connection::Http1(_)) | None => OriginConnection::Separate,
            },
        );
    }

    /// Takes the result of opening a connection.
    pub(super) fn opened(&self, origin: &Rc<Origin>, opened: &Result<Connection, TransportError>) {
        match opened {
            Ok(Connection::Http2(http2)) => self.know(origin, shared(http2)),
            // One of those who come later tries again.
            Err(_) if self.is_lasting => self.forget(origin),
            // Where one could not connect, each tries on its own and reports its own failure.
            Ok(Connection::Http1(_)) | Err(_) => self.know(origin, OriginConnection::Separate),
        }
    }

    /// Whether a connection that carried a request is to be kept for later: a shared one only once.
    pub(super) fn keeps(&self, origin: &Rc<Origin>, connection: &Connection) -> bool {
        if matches!(connection, Connection::Http1(_)) {
            return true;
        }
        if self.is_lasting {
            return false;
        }
        let mut origins = self.origins.borrow_mut();
        match origins.iter_mut().find(|(known, _)| known == origin) {
            Some((_, OriginConnection::Shared { pooled, .. })) => !std::mem::replace(pooled, true),
            _ => true,
        }
    }

    fn look(&self, origin: &Rc<Origin>) -> Option<ConnectionChoice> {
        let origins = self.origins.borrow();
        match origins.iter().find(|(known, _)| known == origin) {
            Some((_, OriginConnection::Opening)) => None,
            Some((_, OriginConnection::Shared { connection, .. })) if !connection.is_stale() => {
                Some(ConnectionChoice::Take(connection.clone()))
            }
            None | Some((_, OriginConnection::Shared { .. })) => Some(ConnectionChoice::First),
            Some((_, OriginConnection::Separate)) => Some(ConnectionChoice::Separate),
        }
    }

    fn forget(&self, origin: &Rc<Origin>) {
        self.origins.borrow_mut().retain(|(known, _)| known != origin);
        self.changed.notify_waiters();
    }

    fn know(&self, origin: &Rc<Origin>, what: OriginConnection) {
        let mut origins = self.origins.borrow_mut();
        match origins.iter_mut().find(|(known, _)| known == origin) {
            Some((_, known)) => *known = what,
            None => origins.push((origin.clone(), what)),
        }
        self.changed.notify_waiters();
    }
}

/// What a request of the group does.
pub(super) enum ConnectionChoice {
    /// Look for an idle connection, or open the first one.
    First,
    /// Use this one.
    Take(Http2),
    /// Have one of its own.
    Separate,
}

fn shared(http2: &Http2) -> OriginConnection {
    OriginConnection::Shared { connection: http2.clone(), pooled: false }
}
