//! Streams: requests whose answer goes on for a while.

use std::cell::RefCell;

use crate::metrics::{Outcome, Sample};
use crate::plan::{StreamId, StreamKind};
use crate::units::RunTime;
use crate::user::User;

use super::Client;
use super::client::{FinishedRequest, RequestContext};
use super::events::EventStream;
use super::socket::WebSocketSession;

/// What a stream yields while it lasts.
#[derive(Debug)]
pub enum StreamEvent {
    /// The request is through: at the end of events, or once an expected message has come.
    Request(FinishedRequest),
    /// A time within it: until the first event or message, or as long as it was open, with how many came. Failed
    /// where a WebSocket ends while it is held.
    DerivedTiming(Sample),
}

impl Client {
    /// Opens a stream and reads it to its end, calling `on_event` with exactly one request on the way.
    ///
    /// Events end with the response or with the one that meets `until`, at the latest after the request's
    /// timeout. A WebSocket stays open for its time, behind the message that it was to bring.
    pub async fn stream(
        &mut self,
        user: &mut User,
        id: StreamId,
        (intended, began): (RunTime, RunTime),
        on_event: &dyn Fn(StreamEvent),
    ) {
        let shared = self.shared.clone();
        let plan = &shared.plan.streams[id.0 as usize];
        let user = RefCell::new(user);
        let timer = shared.timers.timer();
        match &plan.kind {
            StreamKind::Events { until } => {
                let events = RefCell::new(EventStream::new(until.clone()));
                let context =
                    RequestContext { events: Some(&events), ..RequestContext::new(&user, &timer) };
                let finished = self.perform_in(context, plan.request, intended, began).await;
                if let Some(first) = events.borrow().first() {
                    let times = (intended, began);
                    let first = Sample::of_time(plan.first, times, first, Outcome::Ok);
                    on_event(StreamEvent::DerivedTiming(first));
                    let done = finished.sample.done;
                    let whole = Sample::of_time(plan.whole, (began, began), done, Outcome::Ok);
                    on_event(StreamEvent::DerivedTiming(Sample {
                        messages: events.borrow().count(),
                        ..whole
                    }));
                }
                on_event(StreamEvent::Request(finished));
            }
            StreamKind::Messages { send, expect, hold } => {
                let context = RequestContext::new(&user, &timer);
                let hold = user.borrow_mut().draw(*hold);
                let times = (intended, began);
                WebSocketSession { client: self, context, plan, send, expect, hold, times }
                    .hold(on_event)
                    .await;
            }
        }
    }
}
