//! A user agent (RFC 9110 §3.5): a user's connections and cookies, which all its requests share.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use plimsoll_metrics::{ErrorClass, Side};
use plimsoll_plan::ConnectionUse;

use super::address::Origin;
use super::connect::{Route, connect};
use super::connection::Connection;
use super::cookies::CookieJar;
use super::exchange::TimedResponse;
use super::group::ConcurrentRequests;
use super::parser::ResponseParser;
use super::pool::ConnectionPool;
use super::progress::RequestProgress;
use super::{Timer, TransportError, WorkerTransport};

/// What all requests of a user share, those that are under way at once too: connections and cookies.
#[derive(Debug)]
pub(super) struct UserAgent {
    number: u64,
    pub(super) shared: Rc<WorkerTransport>,
    pub(super) source: Option<IpAddr>,
    side: Side,
    pool: RefCell<ConnectionPool>,
    pub(super) cookies: RefCell<CookieJar>,
    /// Every exchange as text, where somebody wants to read them.
    traced: RefCell<Option<Vec<ExchangeTrace>>>,
}

/// One exchange as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeTrace {
    /// Request line, headers and body.
    pub request: String,
    /// Status, headers and the beginning of the body; or what went wrong.
    pub response: String,
}

impl UserAgent {
    /// The user agent of user `number`.
    pub(super) fn new(shared: &Rc<WorkerTransport>, number: u64) -> Self {
        Self {
            number,
            source: shared.sources.of_user(number),
            side: Side::Blue,
            shared: shared.clone(),
            pool: RefCell::default(),
            cookies: RefCell::default(),
            traced: RefCell::default(),
        }
    }

    /// Begins the iteration `index`: a new visitor comes from an address of its own.
    pub(super) fn begin_iteration(&mut self, index: u64) {
        if self.shared.http().connections == ConnectionUse::PerIteration {
            self.source = self.shared.sources.of_user(index);
        }
    }

    /// The side that its requests go to.
    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// Goes over to `side`, if it is not there yet. Nothing is taken along: what one side says in cookies or on a
    /// connection means nothing to the other, also where they differ in nothing but a port.
    pub(super) fn go_to(&mut self, side: Side) {
        if self.side != side {
            self.side = side;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.pool.get_mut().clear(&self.shared.connection_limit);
        self.cookies.get_mut().clear();
    }

    /// Ends an iteration: a visitor who leaves takes connections and cookies along.
    pub(super) fn end_iteration(&mut self) {
        if self.shared.http().connections == ConnectionUse::PerIteration {
            self.forget();
        }
    }

    /// The one `cookie` header for a request to `path` that has the scenario's `own` cookies (RFC 6265 §5.4): those,
    /// and the jar's of other names. Empty where the jar has none.
    pub(super) fn cookies_for(
        &self,
        (origin, host): (&Origin, &str),
        path: &str,
        own: &str,
    ) -> String {
        let cookies = self.cookies.borrow();
        if cookies.is_empty() {
            return String::new();
        }
        origin
            .url_as(host, path)
            .map_or_else(String::new, |url| cookies.header(&url, own, self.shared.clock().now()))
    }

    pub(super) fn has_no_cookies(&self) -> bool {
        self.cookies.borrow().is_empty()
    }

    /// Where its requests go unless they say otherwise.
    pub(super) fn target(&self) -> &Rc<Origin> {
        &self.shared.prepared_target(self.side).target
    }

    /// Refuses to go to the other side's target: what is measured there would be counted here.
    pub(super) fn stays_on_side(&self, origin: &Origin) -> Result<(), TransportError> {
        if *origin == **self.target() || !self.shared.is_target(origin) {
            return Ok(());
        }
        let message =
            format!("{} sends on to {}, the other side", self.side.name(), origin.authority);
        Err(TransportError::new(ErrorClass::Redirect, message))
    }

    /// Keeps an exchange for whoever wants to read it.
    pub(super) fn note(
        &self,
        request: impl FnOnce() -> String,
        outcome: &Result<TimedResponse, TransportError>,
        parser: &ResponseParser,
    ) {
        if let Some(traced) = &mut *self.traced.borrow_mut() {
            let response = match outcome {
                Ok(_) => TimedResponse::describe(parser),
                Err(error) => error.to_string(),
            };
            traced.push(ExchangeTrace { request: request(), response });
        }
    }

    /// The connection that it shares with other users, if users share a few.
    pub(super) fn shared_connection(&self) -> Option<&ConcurrentRequests> {
        self.shared.shared_with(self.number)
    }

    /// Whether somebody wants to read every exchange.
    pub(super) fn is_traced(&self) -> bool {
        self.traced.borrow().is_some()
    }

    /// Keeps every exchange as text from now on, for [`Self::traced`].
    pub(super) fn trace(&mut self) {
        self.traced.get_mut().get_or_insert_default();
    }

    /// The exchanges since the last call.
    pub(super) fn traced(&mut self) -> Vec<ExchangeTrace> {
        self.traced.get_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) async fn open(
        &self,
        timer: &Timer,
        origin: &Origin,
        progress: &mut RequestProgress,
    ) -> Result<Connection, TransportError> {
        let route = Route { origin, source: self.source, timer, deadline: progress.deadline };
        connect(&self.shared, route, &mut progress.phases).await
    }

    /// An idle connection to `origin` that is still open. Where there were some and the server has closed all of
    /// them, the request has to connect again, and that is counted.
    pub(super) async fn take_idle(
        &self,
        origin: &Rc<Origin>,
        progress: &mut RequestProgress,
    ) -> Option<Connection> {
        let shared = &self.shared;
        let mut closed = 0;
        loop {
            let idle = self.pool().borrow_mut().take(origin, &shared.connection_limit);
            let Some(mut connection) = idle else {
                progress.reconnects += closed;
                return None;
            };
            let stale = match &mut connection {
                Connection::Http1(http1) => http1.is_stale(&shared.scratch).await,
                Connection::Http2(http2) => http2.is_stale(),
            };
            if !stale {
                return Some(connection);
            }
            closed = 1;
        }
    }

    pub(super) fn keep(&self, origin: &Rc<Origin>, connection: Connection) {
        self.pool().borrow_mut().put(origin, connection, &self.shared.connection_limit);
    }

    /// The pool of idle connections: the user's own, or the worker's.
    fn pool(&self) -> &RefCell<ConnectionPool> {
        match self.shared.http().connections {
            ConnectionUse::Shared => &self.shared.pool,
            ConnectionUse::PerUser | ConnectionUse::PerIteration | ConnectionUse::Streams(_) => {
                &self.pool
            }
        }
    }
}
