//! An open WebSocket on its connection: one read at a time, written to as the server takes it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::super::io::{ConnectionGuard, Io};
use super::super::{Clock, Timer, TransportError};
use super::machine::{SocketEvent, WebSocketMachine};

/// So many events are handed on before other users have their turn.
const EVENTS_A_TURN: u32 = 64;

/// What a conversation needs besides its connection.
#[derive(Clone, Copy)]
pub(super) struct SocketContext<'a> {
    pub(super) clock: Clock,
    pub(super) timer: &'a Timer,
    /// Room to read into, shared by all users of a worker: nothing stays in it over an await.
    pub(super) scratch: &'a RefCell<Box<[u8]>>,
}

/// An open WebSocket.
pub(super) struct OpenWebSocket {
    io: Io,
    _guard: ConnectionGuard,
    pub(super) machine: WebSocketMachine,
    /// What was read and not looked at, and from where on.
    unread: (Vec<u8>, usize),
    /// How much of what is to be written has been.
    sent: usize,
    /// Why the server takes nothing more.
    cut: Option<TransportError>,
    events: u32,
    pub(super) opened: RunTime,
    /// How many messages have come.
    pub(super) messages: u64,
    bytes_received: u64,
    bytes_sent: u64,
}

impl OpenWebSocket {
    /// A WebSocket on `io` behind whose handshake `unread` came as well.
    pub(super) fn new(
        (io, guard): (Io, ConnectionGuard),
        machine: WebSocketMachine,
        unread: Vec<u8>,
        opened: RunTime,
    ) -> Self {
        Self {
            io,
            _guard: guard,
            machine,
            unread: (unread, 0),
            sent: 0,
            cut: None,
            events: 0,
            opened,
            messages: 0,
            bytes_received: 0,
            bytes_sent: 0,
        }
    }

    /// Bytes received and sent since the last call.
    pub(super) fn take_traffic(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.bytes_received), std::mem::take(&mut self.bytes_sent))
    }

    /// The next event; none once `deadline` has passed, for which the timer is armed.
    pub(super) async fn next(
        &mut self,
        socket_context: SocketContext<'_>,
        deadline: RunTime,
    ) -> Result<Option<SocketEvent>, TransportError> {
        let SocketContext { clock, timer, scratch } = socket_context;
        loop {
            if self.events >= EVENTS_A_TURN {
                self.events = 0;
                tokio::task::yield_now().await;
            }
            // A server that never pauses must not keep us from hearing the timer.
            if clock.now() >= deadline {
                return Ok(None);
            }
            let turned = poll_fn(|context| match self.turn(context, &mut scratch.borrow_mut()) {
                Poll::Ready(turned) => Poll::Ready(Some(turned)),
                Poll::Pending => {
                    self.events = 0;
                    timer.poll_expired(context).map(|()| None)
                }
            });
            match turned.await {
                None => return Ok(None),
                Some(Ok(None)) => self.events = EVENTS_A_TURN,
                Some(turned) => {
                    self.events += 1;
                    return turned;
                }
            }
        }
    }

    /// Writes what there is room for, and looks at what was read, or reads once.
    fn turn(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<Result<Option<SocketEvent>, TransportError>> {
        // The server may have said why it takes nothing more: what it sent is read first.
        if self.cut.is_none()
            && let Poll::Ready(Err(error)) = self.flush(context)
        {
            self.cut = Some(TransportError::from_io(&error, "writing to the WebSocket"));
        }
        let (unread, at) = &mut self.unread;
        if *at < unread.len() {
            let fed = self.machine.feed(&unread[*at..]);
            let (taken, event) = fed.map_err(|failure| failure.error)?;
            *at += taken;
            if *at == unread.len() {
                self.unread = (vec![], 0);
            }
            return Poll::Ready(Ok(event));
        }
        let read = ready!(self.io.read(context, scratch)).map_err(|error| {
            let failed = TransportError::from_io(&error, "reading from the WebSocket");
            self.cut.take().unwrap_or(failed)
        })?;
        if read == 0 {
            let message = "the server closed the WebSocket: 1006 (no close frame came)";
            return Poll::Ready(Err(TransportError::new(ErrorClass::Reset, message)));
        }
        self.bytes_received += read as u64;
        let (taken, event) =
            self.machine.feed(&scratch[..read]).map_err(|failure| failure.error)?;
        if taken < read {
            self.unread = (scratch[taken..read].to_vec(), 0);
        }
        Poll::Ready(Ok(event))
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.machine.out.is_empty() {
            while self.sent < self.machine.out.len() {
                let rest = &self.machine.out[self.sent..];
                let count = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
                self.sent += count;
                self.bytes_sent += count as u64;
            }
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.sent = 0;
            self.machine.flushed();
        }
        Poll::Ready(Ok(()))
    }

    /// Says once more what is to be said, if the server takes it at once: why the connection fails.
    pub(super) async fn flush_now(&mut self) {
        poll_fn(|context| {
            // Nobody hears of an error here: the connection is given up.
            let _ = self.flush(context);
            Poll::Ready(())
        })
        .await;
    }
}
