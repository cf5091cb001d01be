//! HTTP/1.1 exchanges: one write for the request, one read for most responses.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::TransportError;
use super::body::{BodyCursor, OutgoingMessage, size_of};
use super::budget::{PART_COST, POLL_BUDGET, let_others};
use super::exchange::{ExchangeContext, TimedResponse};
use super::io::{ConnectionGuard, Io};
use super::parser::{ParseProgress, ResponseParser};

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Http1 {
    io: Io,
    _open: ConnectionGuard,
}

impl Http1 {
    pub(super) fn new(io: Io, open: ConnectionGuard) -> Self {
        Self { io, _open: open }
    }

    /// Whether the peer closed the connection while it was idle. Costs no system call while it did not.
    pub(super) async fn is_stale(&mut self, scratch: &RefCell<Box<[u8]>>) -> bool {
        poll_fn(|context| Poll::Ready(self.io.is_stale(context, &mut scratch.borrow_mut()[..1])))
            .await
    }

    /// Sends `request` and reads the response into the parser, which has been started for it. The timer
    /// is armed with the deadline.
    pub(super) async fn exchange(
        &mut self,
        request: OutgoingMessage<'_>,
        began: RunTime,
        mut exchange_context: ExchangeContext<'_>,
    ) -> Result<TimedResponse, TransportError> {
        let mut exchange = InFlightExchange {
            cursor: BodyCursor::default(),
            written: 0,
            flushed: false,
            cut: None,
            written_at: began,
            first_byte: None,
        };
        let done = poll_fn(|context| {
            match exchange.advance(&mut self.io, request, &mut exchange_context, context) {
                Poll::Ready(outcome) => Poll::Ready(outcome),
                Poll::Pending => exchange_context.timer.poll_expired(context).map(|()| {
                    exchange_context.leave_events().unwrap_or_else(|| Err(too_late(&exchange)))
                }),
            }
        })
        .await;
        exchange_context.sent.set(exchange.written);
        let done = done?;
        let parser = exchange_context.parser;
        Ok(TimedResponse {
            status: parser.status(),
            began,
            written: exchange.written_at,
            first_byte: exchange.first_byte.unwrap_or(done),
            done,
            bytes_sent: exchange.written,
            bytes_received: parser.received(),
            body_size: parser.body_size(),
            reusable: parser.keep_alive() && exchange.flushed && exchange.cut.is_none(),
        })
    }
}

/// An exchange under way.
struct InFlightExchange {
    cursor: BodyCursor,
    written: u64,
    flushed: bool,
    /// Why the peer did not take the whole request.
    cut: Option<TransportError>,
    written_at: RunTime,
    first_byte: Option<RunTime>,
}

impl InFlightExchange {
    fn advance(
        &mut self,
        io: &mut Io,
        request: OutgoingMessage<'_>,
        exchange_context: &mut ExchangeContext<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<RunTime, TransportError>> {
        // A server may answer before it has read the whole request, or instead (RFC 9112 §9.5): the answer
        // counts, whatever became of the rest.
        if !self.flushed
            && let Poll::Ready(outcome) = self.write(io, request, context)
        {
            self.cut = outcome.err();
            // What this side cannot send, nobody answers.
            if let Some(error) = self.cut.take_if(|error| error.class == ErrorClass::Script) {
                return Poll::Ready(Err(error));
            }
            self.flushed = true;
            self.written_at = exchange_context.clock.now();
        }
        let mut scratch = exchange_context.scratch.borrow_mut();
        let limit = work(exchange_context.parser) + POLL_BUDGET;
        loop {
            if work(exchange_context.parser) > limit {
                return let_others(context);
            }
            let read = ready!(io.read(context, &mut scratch)).map_err(|error| {
                let failed = TransportError::from_io(&error, "reading the response");
                self.cut.take().unwrap_or(failed)
            })?;
            let now = exchange_context.clock.now();
            self.first_byte.get_or_insert(now);
            if read == 0 {
                if let Some(cut) =
                    self.cut.take().filter(|_| exchange_context.parser.received() == 0)
                {
                    return Poll::Ready(Err(cut));
                }
                return Poll::Ready(exchange_context.parser.end().map(|()| now));
            }
            let fed = exchange_context.parser.feed(&scratch[..read])?;
            let enough = exchange_context.look_at_events(now)?;
            if fed == ParseProgress::Complete || enough {
                return Poll::Ready(Ok(now));
            }
        }
    }

    fn write(
        &mut self,
        io: &mut Io,
        OutgoingMessage { text, fillers }: OutgoingMessage<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let failed = |error| TransportError::from_io(&error, "sending the request");
        let limit = self.written + POLL_BUDGET;
        let whole = text.len() as u64 + size_of(fillers);
        while self.written < whole {
            if self.written > limit {
                return let_others(context);
            }
            let rest = self.cursor.rest(text, fillers)?;
            let count = ready!(Pin::new(&mut *io).poll_write(context, rest))
                .map_err(failed)
                // rustls may report an error after parts of the request went out.
                .map_err(|error| {
                    let unseen = self.written == 0 && matches!(io, Io::Plain(_));
                    if unseen { error.unseen() } else { error }
                })?;
            self.cursor.advance(count, fillers);
            self.written += count as u64;
        }
        Pin::new(io).poll_flush(context).map_err(failed)
    }
}

/// What a response has cost so far, as the budget of a poll counts it.
fn work(parser: &ResponseParser) -> u64 {
    parser.received() + parser.parts() * PART_COST
}

fn too_late(exchange: &InFlightExchange) -> TransportError {
    let message = match (exchange.flushed, exchange.first_byte) {
        (false, _) => "the request could not be sent within `timeout`",
        (true, None) => "no answer within `timeout`",
        (true, Some(_)) => "the response was not complete within `timeout`",
    };
    TransportError::new(ErrorClass::ResponseTimeout, message)
}
