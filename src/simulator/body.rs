//! Bodies that are sent: whole, or event by event.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};

use super::play::{CallCompletion, Serving};
use super::simulation::{AnswerContent, EventStreamSpec};
use super::template::{AnswerScope, AnswerText};

/// The body of an answer.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// All at once; `None` when it has been taken.
    Whole(Option<Bytes>),
    /// Server-sent events, each at its time.
    Events(Box<EventBody>),
}

impl AnswerBody {
    /// A body that is there already.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(events) => {
                let event = ready!(events.poll_event(context));
                Poll::Ready(event.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A stream of events under way.
#[derive(Debug)]
pub(super) struct EventBody {
    play: Rc<Serving>,
    route: usize,
    scope: AnswerScope,
    /// The pause before the next event; none before the first.
    pause: Option<CallCompletion>,
}

impl EventBody {
    /// The stream of a route whose content is events.
    pub(super) fn new(play: Rc<Serving>, route: usize, scope: AnswerScope) -> Self {
        Self { play, route, scope, pause: None }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(pause) = &mut self.pause {
            ready!(Pin::new(pause).poll(context));
            self.pause = None;
        }
        let play = self.play.clone();
        let AnswerContent::Events(events) = &play.simulation.routes[self.route].answer.content
        else {
            return Poll::Ready(None);
        };
        self.scope.number += 1;
        Poll::Ready(self.event(events))
    }

    fn event(&mut self, events: &EventStreamSpec) -> Option<Bytes> {
        let number = self.scope.number;
        let data = match &events.end {
            _ if number <= u64::from(events.count) => self.render(&events.data),
            Some(end) if number == u64::from(events.count) + 1 => self.render(end),
            _ => return None,
        };
        if number < u64::from(events.count) {
            self.pause = Some(self.play.pause(events.every));
        }
        let mut event = BytesMut::with_capacity(data.len() + 16);
        for line in data.split(|byte| *byte == b'\n') {
            event.put_slice(b"data: ");
            event.put_slice(line);
            event.put_u8(b'\n');
        }
        event.put_u8(b'\n');
        Some(event.freeze())
    }

    fn render(&self, text: &AnswerText) -> Bytes {
        self.play.simulation.templates.render(text, &self.scope).unwrap_or_default()
    }
}
