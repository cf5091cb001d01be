//! Streams: requests whose answer goes on for a while.

use std::cell::RefCell;

use crate::metrics::{Outcome, Sample};
use crate::plan::{StreamId, StreamKind};
use crate::units::RunTime;
use crate::user::User;

use super::Client;
use super::client::{Finished, Lane};
use super::events::Events;
use super::socket::Conversation;

/// What a stream has to tell while it lasts.
#[derive(Debug)]
pub enum Heard {
    /// The request is through: at the end of events, or once an expected message has come.
    Request(Finished),
    /// A time within it: until the first event or message, or as long as it was open, with how many came. Failed
    /// where a WebSocket ends while it is held.
    Note(Sample),
}

impl Client {
    /// Opens a stream and reads it to its end, telling `heard` of exactly one request on the way.
    ///
    /// Events end with the response or with the one that meets `until`, at the latest after the request's
    /// timeout. A WebSocket stays open for its time, behind the message that it was to bring.
    pub async fn stream(
        &mut self,
        user: &mut User,
        id: StreamId,
        (intended, began): (RunTime, RunTime),
        heard: &dyn Fn(Heard),
    ) {
        let shared = self.shared.clone();
        let plan = &shared.plan.streams[id.0 as usize];
        let user = RefCell::new(user);
        let timer = shared.timers.timer();
        match &plan.kind {
            StreamKind::Events { until } => {
                let events = RefCell::new(Events::new(until.clone()));
                let lane = Lane { events: Some(&events), ..Lane::new(&user, &timer) };
                let finished = self.perform_in(lane, plan.request, intended, began).await;
                if let Some(first) = events.borrow().first() {
                    let times = (intended, began);
                    let first = Sample::of_time(plan.first, times, first, Outcome::Ok);
                    heard(Heard::Note(first));
                    let done = finished.sample.done;
                    let whole = Sample::of_time(plan.whole, (began, began), done, Outcome::Ok);
                    heard(Heard::Note(Sample { messages: events.borrow().count(), ..whole }));
                }
                heard(Heard::Request(finished));
            }
            StreamKind::Messages { send, expect, hold } => {
                let lane = Lane::new(&user, &timer);
                let hold = user.borrow_mut().draw(*hold);
                let times = (intended, began);
                Conversation { client: self, lane, plan, send, expect, hold, times }
                    .hold(heard)
                    .await;
            }
        }
    }
}
