//! Streams: requests whose answer goes on for a while.

use std::cell::RefCell;

use plimsoll_metrics::{Outcome, Sample};
use plimsoll_plan::{StreamId, StreamKind};
use plimsoll_units::RunTime;
use plimsoll_user::User;

use super::agent::UserAgent;
use super::context::RequestContext;
use super::events::{AwaitedEvents, EventStream, WatchedEvents};
use super::finished::{RequestTimes, StreamEvent};
use super::socket::WebSocketSession;

/// Plays a stream; see [`super::Client::stream`].
pub(super) async fn play(
    agent: &UserAgent,
    user: &mut User,
    id: StreamId,
    times: RequestTimes,
    on_event: &dyn Fn(StreamEvent),
) {
    let RequestTimes { intended, began } = times;
    let shared = agent.shared.clone();
    let plan = &shared.plan.streams[id.0 as usize];
    let user = RefCell::new(user);
    let timer = shared.timers.timer();
    match &plan.kind {
        StreamKind::Events { until, event, hold, gap } => {
            let request = &shared.plan.requests[plan.request.0 as usize];
            let awaited = AwaitedEvents {
                until: until.clone(),
                kind: event.clone(),
                hold: hold.map(|hold| user.borrow_mut().draw(hold)),
                keeps_last: request.needs_body(),
            };
            let max_body = shared.http().max_body.get();
            let times = (began, request.timeout);
            let mut events = EventStream::new(awaited, times, max_body, &shared.memory);
            if agent.is_traced() {
                events.show();
            }
            let events = RefCell::new(events);
            let on_gap = |before: RunTime, now: RunTime| {
                let gap = Sample::of_time(*gap, (before, before), now, Outcome::Ok);
                on_event(StreamEvent::derived_timing(gap));
            };
            let watched = WatchedEvents { stream: &events, on_gap: &on_gap };
            let context =
                RequestContext { events: Some(watched), ..RequestContext::new(&user, &timer) };
            let finished = agent.perform_in(context, plan.request, intended, began).await;
            if let Some(first) = events.borrow().first() {
                let times = (intended, began);
                let first = Sample::of_time(plan.first, times, first, Outcome::Ok);
                on_event(StreamEvent::derived_timing(first));
                let done = finished.sample.done;
                let whole = Sample::of_time(plan.whole, (began, began), done, Outcome::Ok);
                on_event(StreamEvent::derived_timing(Sample {
                    messages: events.borrow().count(),
                    ..whole
                }));
            }
            on_event(StreamEvent::Request(finished));
        }
        StreamKind::Messages { send, expect, hold } => {
            let context = RequestContext::new(&user, &timer);
            let hold = user.borrow_mut().draw(*hold);
            WebSocketSession { agent, context, plan, send, expect, hold, times }
                .hold(on_event)
                .await;
        }
    }
}
