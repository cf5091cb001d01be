//! A user's side of the network, as the engine sees it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use plimsoll_metrics::Side;
use plimsoll_plan::{RequestId, StreamId};
use plimsoll_units::RunTime;
use plimsoll_user::{RequestAttempt, User};

use super::agent::{ExchangeTrace, UserAgent};
use super::context::RequestContext;
use super::finished::{FinishedRequest, RequestTimes, StreamEvent};
use super::group::ConcurrentRequests;
use super::{Timer, WorkerTransport, stream};

/// One user's connections and cookies.
#[derive(Debug)]
pub struct Client {
    timer: Timer,
    agent: UserAgent,
}

impl Client {
    /// The client of user `number`.
    pub fn new(shared: &Rc<WorkerTransport>, number: u64) -> Self {
        Self { timer: shared.timers.timer(), agent: UserAgent::new(shared, number) }
    }

    /// The user's timer, for waiting between requests.
    pub fn timer(&self) -> &Timer {
        &self.timer
    }

    /// Begins the iteration `index`: a new visitor comes from an address of its own.
    pub fn begin_iteration(&mut self, index: u64) {
        self.agent.begin_iteration(index);
    }

    /// The side that its requests go to.
    pub fn side(&self) -> Side {
        self.agent.side()
    }

    /// Goes over to `side`, if it is not there yet. Nothing is taken along: what one side says in cookies or on a
    /// connection means nothing to the other, also where they differ in nothing but a port.
    pub fn go_to(&mut self, side: Side) {
        self.agent.go_to(side);
    }

    /// Ends an iteration: a visitor who leaves takes connections and cookies along.
    pub fn end_iteration(&mut self) {
        self.agent.end_iteration();
    }

    /// Keeps every exchange as text from now on, for [`Client::traced`].
    pub fn trace(&mut self) {
        self.agent.trace();
    }

    /// The exchanges since the last call.
    pub fn traced(&mut self) -> Vec<ExchangeTrace> {
        self.agent.traced()
    }

    /// Performs one request of the plan from rendering to judgement. `began` is now.
    pub async fn perform(
        &mut self,
        user: &mut User,
        attempt: RequestAttempt,
        intended: RunTime,
        began: RunTime,
    ) -> FinishedRequest {
        let user = RefCell::new(user);
        let (context, id) = (RequestContext::new(&user, &self.timer), attempt.request);
        let mut finished = self.agent.perform_in(context, id, intended, began).await;
        (finished.sample.attempt, finished.sample.waited) = (attempt.number, attempt.waited);
        finished
    }

    /// Performs several requests at once and hands on each as it ends: over HTTP/2 on one connection, over
    /// HTTP/1.1 on connections of their own. They share the user's cookies: what one of them sets, those sent later bring along.
    pub async fn perform_all(
        &mut self,
        user: &mut User,
        ids: &[RequestId],
        RequestTimes { intended, began }: RequestTimes,
        finished: &dyn Fn(FinishedRequest),
    ) {
        let user = RefCell::new(user);
        let timers: Vec<Timer> = ids.iter().map(|_| self.agent.shared.timers.timer()).collect();
        let group = ConcurrentRequests::default();
        let (agent, user, group) = (&self.agent, &user, &group);
        let requests = ids.iter().zip(&timers).map(|(&id, timer)| {
            Box::pin(async move {
                let context =
                    RequestContext { group: Some(group), ..RequestContext::new(user, timer) };
                finished(agent.perform_in(context, id, intended, began).await);
            })
        });
        let mut requests: Vec<_> = requests.collect();
        poll_fn(|context| {
            requests.retain_mut(|request| request.as_mut().poll(context).is_pending());
            if requests.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Opens a stream and reads it to its end, calling `on_event` with exactly one request on the way.
    ///
    /// Events end with the response or with the one that meets `until`, at the latest after the request's
    /// timeout. A WebSocket stays open for its time, behind the message that it was to bring.
    pub async fn stream(
        &mut self,
        user: &mut User,
        id: StreamId,
        times: RequestTimes,
        on_event: &dyn Fn(StreamEvent),
    ) {
        stream::play(&self.agent, user, id, times, on_event).await;
    }
}
