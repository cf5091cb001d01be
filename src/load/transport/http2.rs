//! HTTP/2 exchanges: one write for a request, one read for most responses.
//!
//! There is no task between a user and its connection: whoever waits for a response reads for all who share
//! the connection, and hands the reading on when it leaves. While nobody waits, a watcher reads, so that
//! pings are answered and GOAWAY frames read.

mod frame;
mod hpack;
mod machine;
#[cfg(test)]
mod peer_tests;
mod receive;
mod send;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::AsyncWrite;

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::address::Origin;
use super::budget::{PART_COST, POLL_BUDGET, let_others};
use super::events::WatchedEvents;
use super::exchange::{ExchangeContext, TimedResponse, look_at_events};
use super::io::{ConnectionGuard, Io};
use super::parser::ResponseParser;
use super::prepared::RequestParts;
use super::{Clock, Timer, TransportError};
use machine::ConnectionMachine;
use send::OutgoingRequest;

/// An HTTP/2 connection; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Http2(Rc<SharedConnection>);

#[derive(Debug)]
struct SharedConnection(RefCell<DrivenConnection>);

#[derive(Debug)]
struct DrivenConnection {
    io: Io,
    connection: ConnectionMachine,
    /// How much of what is to be written has been.
    sent: usize,
    /// Bytes read and written so far.
    moved: u64,
    /// Who reads while nobody waits for a response.
    watcher: Option<Waker>,
    /// Who waits for the server to take one more stream.
    waiting: Vec<Waker>,
    _open: ConnectionGuard,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) struct StreamRequest<'a> {
    pub(super) origin: &'a Origin,
    pub(super) parts: &'a RequestParts,
    /// The `cookie` header; empty for none.
    pub(super) cookies: &'a str,
    pub(super) began: RunTime,
}

impl Http2 {
    /// A connection on `io` whose responses have heads of at most so many bytes. Its preface goes out with the first request; it closes when its last clone is dropped.
    pub(super) fn start(io: Io, open: ConnectionGuard, clock: Clock, max_head: usize) -> Self {
        let state = DrivenConnection {
            io,
            connection: ConnectionMachine::new(max_head),
            sent: 0,
            moved: 0,
            watcher: None,
            waiting: Vec::new(),
            _open: open,
        };
        let session = Rc::new(SharedConnection(RefCell::new(state)));
        tokio::task::spawn_local(watch(Rc::downgrade(&session), clock));
        Self(session)
    }

    /// Whether the connection can no longer carry requests.
    pub(super) fn is_stale(&self) -> bool {
        self.0.0.borrow().connection.closed().is_some()
    }

    /// Sends a request and reads the response into the parser, which has been started for it. The timer is
    /// armed with the deadline.
    pub(super) async fn exchange(
        &self,
        outgoing: StreamRequest<'_>,
        exchange_context: ExchangeContext<'_>,
    ) -> Result<TimedResponse, TransportError> {
        let ExchangeContext { parser, clock, timer, scratch, events, sent } = exchange_context;
        let mut in_flight =
            InFlightRequest { session: &self.0, parser, scratch, clock, timer, events, id: None };
        let done = poll_fn(|context| match in_flight.advance(&outgoing, context) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => {
                let message = "the response was not complete within `timeout`";
                let late = || TransportError::new(ErrorClass::ResponseTimeout, message);
                let leave = |events: WatchedEvents<'_>| {
                    events.stream.borrow().on_deadline().map(|()| clock.now())
                };
                timer.poll_expired(context).map(|()| events.map_or_else(|| Err(late()), leave))
            }
        })
        .await;
        let ended = in_flight.end();
        let parser = &*in_flight.parser;
        if let Some(ended) = &ended {
            sent.set(outgoing.head_size() + ended.body_sent);
        }
        let done = done?;
        let (written, first_byte) =
            ended.map_or((None, None), |ended| (ended.written, ended.first_byte));
        Ok(TimedResponse {
            status: parser.status(),
            began: outgoing.began,
            written: written.unwrap_or(done),
            first_byte: first_byte.unwrap_or(done),
            done,
            bytes_sent: sent.get(),
            bytes_received: parser.received(),
            body_size: parser.body_size(),
            reusable: !self.is_stale(),
        })
    }
}

impl StreamRequest<'_> {
    /// Bytes of path and headers before compression.
    fn head_size(&self) -> u64 {
        let headers = self.parts.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        (self.parts.path.len() + headers + self.cookies.len()) as u64
    }

    fn request(&self) -> OutgoingRequest<'_> {
        let RequestParts { method, path, headers, body } = self.parts;
        let (is_tls, authority) = (self.origin.tls, self.origin.authority.as_str());
        OutgoingRequest { method, path, is_tls, authority, headers, cookies: self.cookies, body }
    }
}

/// A request under way. However it ends, its stream does, and the parser has what came.
struct InFlightRequest<'a> {
    session: &'a SharedConnection,
    parser: &'a mut ResponseParser,
    scratch: &'a RefCell<Box<[u8]>>,
    clock: Clock,
    timer: &'a Timer,
    /// Who looks at a stream's events as they come.
    events: Option<WatchedEvents<'a>>,
    /// Its stream, once there is one.
    id: Option<u32>,
}

impl InFlightRequest<'_> {
    fn advance(
        &mut self,
        outgoing: &StreamRequest<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<RunTime, TransportError>> {
        let mut state = self.session.0.borrow_mut();
        let mut scratch = self.scratch.borrow_mut();
        let mut waker = None;
        let limit = state.work() + POLL_BUDGET;
        loop {
            if state.work() > limit {
                return let_others(context);
            }
            let Some(id) = self.id else {
                self.id = state.begin(outgoing.request(), self.parser, context)?;
                if self.id.is_none() {
                    ready!(state.turn(context, &mut scratch, self.clock));
                }
                continue;
            };
            // Nobody needs to wake the one who reads.
            waker = state.connection.stream(id).and_then(|stream| stream.waker.take()).or(waker);
            let turned = state.turn(context, &mut scratch, self.clock);
            let Some(stream) = state.connection.stream(id) else {
                return Poll::Ready(Err(TransportError::new(ErrorClass::Reset, "no such stream")));
            };
            // The last events may come together with the end of the stream.
            if self.events.is_some() {
                let now = self.clock.now();
                if look_at_events(self.events, self.timer, (&mut stream.parser, now))? {
                    return Poll::Ready(Ok(now));
                }
            }
            if let Some(outcome) = &stream.outcome {
                return Poll::Ready(outcome.clone());
            }
            if turned.is_pending() {
                let same = waker.filter(|known| known.will_wake(context.waker()));
                stream.waker = Some(same.unwrap_or_else(|| context.waker().clone()));
                return Poll::Pending;
            }
        }
    }

    /// Leaves the connection to others.
    fn end(&mut self) -> Option<EndedStream> {
        let id = self.id.take()?;
        let mut state = self.session.0.borrow_mut();
        let stream = state.connection.take(id)?;
        let body_sent = stream.body_sent();
        *self.parser = stream.parser;
        state.hand_over(&mut self.scratch.borrow_mut(), self.clock);
        let (written, first_byte) = (stream.written, stream.first_byte);
        Some(EndedStream { written, first_byte, body_sent })
    }
}

/// What is known of a stream at its end.
struct EndedStream {
    /// When the request was written.
    written: Option<RunTime>,
    /// When the response began.
    first_byte: Option<RunTime>,
    /// How much of the request's body went out.
    body_sent: u64,
}

impl Drop for InFlightRequest<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl DrivenConnection {
    /// Begins a stream; none while the server takes no more.
    fn begin(
        &mut self,
        request: OutgoingRequest<'_>,
        parser: &mut ResponseParser,
        context: &Context<'_>,
    ) -> Result<Option<u32>, TransportError> {
        if let Some(error) = self.connection.closed() {
            return Err(error.clone().unseen());
        }
        if !self.connection.has_room() {
            self.waiting.push(context.waker().clone());
            return Ok(None);
        }
        let another = parser.another();
        let parser = std::mem::replace(parser, another);
        Ok(Some(self.connection.begin(request, parser)))
    }

    /// Bytes and frames so far, as the budget of a poll counts them.
    fn work(&self) -> u64 {
        self.moved + self.connection.frames() * PART_COST
    }

    /// Writes what is to be written, and reads once. Ready as long as there may be more to read.
    fn turn(&mut self, context: &mut Context<'_>, scratch: &mut [u8], clock: Clock) -> Poll<()> {
        let turned = match self.flush(context, clock) {
            Poll::Ready(Err(error)) => Err((error, "sending the request")),
            // What cannot be written now does not keep from reading.
            Poll::Ready(Ok(())) | Poll::Pending => match ready!(self.io.read(context, scratch)) {
                Ok(0) => {
                    self.connection.end();
                    Ok(())
                }
                Ok(count) => {
                    self.moved += count as u64;
                    self.connection.feed(&scratch[..count], clock.now());
                    Ok(())
                }
                Err(error) => Err((error, "reading the response")),
            },
        };
        if let Err((error, doing)) = turned {
            self.connection.fail(&TransportError::from_io(&error, doing));
        }
        Poll::Ready(())
    }

    /// Writes until nothing is left that may be written now.
    fn flush(&mut self, context: &mut Context<'_>, clock: Clock) -> Poll<io::Result<()>> {
        let limit = self.moved + POLL_BUDGET;
        while !self.connection.out.is_empty() {
            while self.sent < self.connection.out.len() {
                let rest = &self.connection.out[self.sent..];
                let count = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
                self.sent += count;
                self.moved += count as u64;
            }
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.sent = 0;
            self.connection.flushed(clock.now());
            if self.moved > limit {
                return let_others(context);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Somebody else reads from now on: another who waits, or the watcher.
    fn hand_over(&mut self, scratch: &mut [u8], clock: Clock) {
        self.waiting.drain(..).for_each(Waker::wake);
        if let Some(next) = self.connection.streams.iter_mut().find_map(|next| next.waker.take()) {
            next.wake();
            return;
        }
        if self.connection.streams.is_empty()
            && let Some(watcher) = self.watcher.clone()
        {
            self.rest(&mut Context::from_waker(&watcher), scratch, clock);
        }
    }

    /// Does what there is to do on an idle connection.
    fn rest(&mut self, context: &mut Context<'_>, scratch: &mut [u8], clock: Clock) {
        let limit = self.work() + POLL_BUDGET;
        while self.connection.closed().is_none() && self.turn(context, scratch, clock).is_ready() {
            if self.work() > limit {
                let _: Poll<()> = let_others(context);
                break;
            }
        }
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

/// Reads while nobody waits for a response, until the connection is closed on either side.
async fn watch(session: Weak<SharedConnection>, clock: Clock) {
    poll_fn(|context| {
        let Some(session) = session.upgrade() else { return Poll::Ready(()) };
        let mut state = session.0.borrow_mut();
        match &state.watcher {
            Some(known) if known.will_wake(context.waker()) => {}
            _ => state.watcher = Some(context.waker().clone()),
        }
        if state.connection.streams.is_empty() {
            state.rest(context, &mut [0; IDLE_READ], clock);
        }
        if state.connection.closed().is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Room for what comes while nobody waits: pings, settings, GOAWAY.
const IDLE_READ: usize = 256;

impl Drop for SharedConnection {
    fn drop(&mut self) {
        if let Some(watcher) = self.0.get_mut().watcher.take() {
            watcher.wake();
        }
    }
}
