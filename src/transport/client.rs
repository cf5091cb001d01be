//! A user's side of the network: its connections, its cookies, and requests from first byte to last.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Poll;

use url::Url;

use crate::metrics::{ErrorClass, Outcome, Sample, Side};
use crate::plan::{ConnectionUse, HttpPlan, RequestId};
use crate::units::RunTime;
use crate::user::{CheckResult, Response, ResponseHeaders as _, User};

use super::address::Origin;
use super::connect::{Connection, connect};
use super::cookies::CookieJar;
use super::decode::decode;
use super::events::EventStream;
use super::exchange::TimedResponse;
use super::group::ConcurrentRequests;
use super::hop::RequestBuffers;
use super::parser::ResponseParser;
use super::pool::ConnectionPool;
use super::prepared::{PreparedRequest, RequestParts};
use super::progress::RequestProgress;
use super::redirect;
use super::{Timer, TransportError, WorkerTransport};

/// A finished request.
#[derive(Debug)]
pub struct FinishedRequest {
    /// Its times and outcome.
    pub sample: Sample,
    /// What was wrong, without secrets; empty where all is well.
    pub message: String,
}

/// One user's connections and cookies.
#[derive(Debug)]
pub struct Client {
    pub(super) shared: Rc<WorkerTransport>,
    timer: Timer,
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

impl Client {
    /// The client of user `number`.
    pub fn new(shared: &Rc<WorkerTransport>, number: u64) -> Self {
        Self {
            timer: shared.timers.timer(),
            source: shared.sources.of_user(number),
            side: Side::Blue,
            shared: shared.clone(),
            pool: RefCell::default(),
            cookies: RefCell::default(),
            traced: RefCell::default(),
        }
    }

    /// The user's timer, for waiting between requests.
    pub fn timer(&self) -> &Timer {
        &self.timer
    }

    /// Begins the iteration `index`: a new visitor comes from an address of its own.
    pub fn begin_iteration(&mut self, index: u64) {
        if self.shared.http().connections == ConnectionUse::PerIteration {
            self.source = self.shared.sources.of_user(index);
        }
    }

    /// The side that its requests go to.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Goes over to `side`, if it is not there yet. Nothing is taken along: what one side says in cookies or on a
    /// connection means nothing to the other, also where they differ in nothing but a port.
    pub fn go_to(&mut self, side: Side) {
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
    pub fn end_iteration(&mut self) {
        if self.shared.http().connections == ConnectionUse::PerIteration {
            self.forget();
        }
    }

    /// Performs one request of the plan from rendering to judgement. `began` is now.
    pub async fn perform(
        &mut self,
        user: &mut User,
        id: RequestId,
        intended: RunTime,
        began: RunTime,
    ) -> FinishedRequest {
        let user = RefCell::new(user);
        self.perform_in(RequestContext::new(&user, &self.timer), id, intended, began).await
    }

    /// Performs several requests at once and hands on each as it ends: over HTTP/2 on one connection, over
    /// HTTP/1.1 on connections of their own. They share the user's cookies: what one of them sets, those sent later bring along.
    pub async fn perform_all(
        &mut self,
        user: &mut User,
        ids: &[RequestId],
        (intended, began): (RunTime, RunTime),
        finished: &dyn Fn(FinishedRequest),
    ) {
        let user = RefCell::new(user);
        let timers: Vec<Timer> = ids.iter().map(|_| self.shared.timers.timer()).collect();
        let group = ConcurrentRequests::default();
        let (this, user, group) = (&*self, &user, &group);
        let requests = ids.iter().zip(&timers).map(|(&id, timer)| {
            Box::pin(async move {
                let context =
                    RequestContext { group: Some(group), ..RequestContext::new(user, timer) };
                finished(this.perform_in(context, id, intended, began).await);
            })
        });
        let mut requests: Vec<_> = requests.collect();
        poll_fn(|context| {
            requests.retain_mut(|request| request.as_mut().poll(context).is_pending());
            if requests.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Performs one request in its context.
    pub(super) async fn perform_in(
        &self,
        context: RequestContext<'_>,
        id: RequestId,
        intended: RunTime,
        began: RunTime,
    ) -> FinishedRequest {
        let shared = &self.shared;
        let request = &shared.plan.requests[id.0 as usize];
        let mut progress = RequestProgress::new(began, request.timeout);
        let mut parser = shared.parsers.borrow_mut().pop().unwrap_or_else(ResponseParser::new);
        let mut sent = shared.buffers.borrow_mut().pop().unwrap_or_default();
        let buffers =
            RequestBuffers { parser: &mut parser, progress: &mut progress, sent: &mut sent };
        let result = self.run(context, id, buffers).await;
        context.timer.disarm();
        let (done, result) = match result {
            Ok((answer, body)) => {
                (answer.done, judge(context, id, &answer, &parser, (body.as_deref(), began)))
            }
            Err(error) => {
                context.user.borrow_mut().on_failure(error.class);
                let outcome = Outcome::Failed(error.class);
                (shared.clock().now(), CheckResult { outcome, message: error.message })
            }
        };
        shared.parsers.borrow_mut().push(parser);
        shared.buffers.borrow_mut().push(sent);
        let sample = progress.into_sample(request, intended, done, result.outcome);
        let message = context.user.borrow().redacted(result.message);
        FinishedRequest { sample, message }
    }

    /// All exchanges of one request: redirects are followed. Returns the last answer, and its body
    /// decompressed where it is looked into and was compressed.
    async fn run(
        &self,
        context: RequestContext<'_>,
        id: RequestId,
        mut buffers: RequestBuffers<'_>,
    ) -> Result<(TimedResponse, Option<Vec<u8>>), TransportError> {
        let shared = &self.shared;
        let request = &shared.plan.requests[id.0 as usize];
        let prepared = &shared.prepared_target(self.side).requests[id.0 as usize];
        let (mut origin, mut parts) = self.first_hop(context, prepared)?;
        let mut hops = 0;
        loop {
            buffers.sent.clear();
            let answer =
                self.exchange((context, prepared), &origin, &mut parts, &mut buffers).await?;
            buffers.progress.add(&answer);
            if !request.follow_redirects || !redirect::is_redirect(answer.status) {
                let body = decoded(buffers.parser, prepared.keep_body, shared.http())?;
                return Ok((answer, body));
            }
            let location = buffers.parser.headers().first("location");
            let Some(location) = location else { return Ok((answer, None)) };
            if hops == shared.http().max_redirects {
                let message = format!("more than {hops} redirects (`max_redirects`)");
                return Err(TransportError::new(ErrorClass::Redirect, message));
            }
            hops += 1;
            let current = match parts {
                Some(parts) => Rc::unwrap_or_clone(parts),
                // Nothing is drawn anew: what is sent on is what was sent.
                None => prepared.parts_of(buffers.sent)?,
            };
            let from = origin.url(&current.path).ok_or_else(|| not_a_url(&current.path))?;
            let (to, next) = redirect::follow(answer.status, &location, &from, current)?;
            self.stays_on_side(&to)?;
            origin = Rc::new(to);
            parts = Some(Rc::new(next));
        }
    }

    /// Where a request goes first; with its parts, where its URL may be absolute.
    pub(super) fn first_hop(
        &self,
        context: RequestContext<'_>,
        prepared: &PreparedRequest,
    ) -> Result<(Rc<Origin>, Option<Rc<RequestParts>>), TransportError> {
        if prepared.is_relative() {
            return Ok((self.target().clone(), None));
        }
        let mut parts = Rc::unwrap_or_clone(prepared.parts(&mut context.user.borrow_mut())?);
        if parts.path.starts_with('/') {
            return Ok((self.target().clone(), Some(Rc::new(parts))));
        }
        let url = Url::parse(&parts.path).map_err(|_| not_a_url(&parts.path))?;
        let origin = Origin::of_url(&url).ok_or_else(|| not_a_url(&parts.path))?;
        parts.path = redirect::path_and_query(&url);
        self.stays_on_side(&origin)?;
        let target = self.target();
        let origin = if origin == **target { target.clone() } else { Rc::new(origin) };
        Ok((origin, Some(Rc::new(parts))))
    }

    /// Where its requests go unless they say otherwise.
    fn target(&self) -> &Rc<Origin> {
        &self.shared.prepared_target(self.side).target
    }

    /// Refuses to go to the other side's target: what is measured there would be counted here.
    fn stays_on_side(&self, origin: &Origin) -> Result<(), TransportError> {
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

    /// Whether somebody wants to read every exchange.
    pub(super) fn is_traced(&self) -> bool {
        self.traced.borrow().is_some()
    }

    /// Keeps every exchange as text from now on, for [`Client::traced`].
    pub fn trace(&mut self) {
        self.traced.get_mut().get_or_insert_default();
    }

    /// The exchanges since the last call.
    pub fn traced(&mut self) -> Vec<ExchangeTrace> {
        self.traced.get_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) async fn open(
        &self,
        context: RequestContext<'_>,
        origin: &Origin,
        progress: &mut RequestProgress,
    ) -> Result<Connection, TransportError> {
        let deadline = (context.timer, progress.deadline);
        connect(&self.shared, origin, self.source, deadline, &mut progress.phases).await
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
            ConnectionUse::PerUser | ConnectionUse::PerIteration => &self.pool,
        }
    }
}

/// The context of one of a user's concurrent requests. The user is borrowed only between awaits.
#[derive(Clone, Copy)]
pub(super) struct RequestContext<'a> {
    pub(super) user: &'a RefCell<&'a mut User>,
    pub(super) timer: &'a Timer,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<&'a RefCell<EventStream>>,
    /// The requests that are sent at once with this one.
    pub(super) group: Option<&'a ConcurrentRequests>,
}

impl<'a> RequestContext<'a> {
    /// A request on its own.
    pub(super) fn new(user: &'a RefCell<&'a mut User>, timer: &'a Timer) -> Self {
        Self { user, timer, events: None, group: None }
    }
}

pub(super) fn not_a_url(text: &str) -> TransportError {
    TransportError::new(ErrorClass::Script, format!("`{text}` is not a URL that can be requested"))
}

/// The body after decompression; `None` where it was not compressed or is not looked into.
fn decoded(
    parser: &ResponseParser,
    keep_body: bool,
    http: &HttpPlan,
) -> Result<Option<Vec<u8>>, TransportError> {
    if !keep_body || !parser.is_encoded() {
        return Ok(None);
    }
    match parser.headers().first("content-encoding") {
        Some(encoding) => decode(parser.body().to_vec(), &encoding, http.max_body).map(Some),
        None => Ok(None),
    }
}

/// Lets the user judge an answer.
fn judge(
    context: RequestContext<'_>,
    id: RequestId,
    answer: &TimedResponse,
    parser: &ResponseParser,
    (body, began): (Option<&[u8]>, RunTime),
) -> CheckResult {
    let events = context.events.map(RefCell::borrow);
    let last = events.as_ref().and_then(|events| events.last());
    let mut user = context.user.borrow_mut();
    let response = Response {
        status: answer.status,
        headers: &parser.headers(),
        body: last.or(body).unwrap_or_else(|| parser.body()),
        size: answer.body_size,
        service_time: answer.done.since(began),
    };
    let result = user.on_response(id, &response);
    match events.as_ref().and_then(|events| events.missing()) {
        Some(message) if answer.status < 400 => {
            user.fail_iteration();
            CheckResult { outcome: Outcome::Failed(ErrorClass::CheckFailed), message }
        }
        _ => result,
    }
}
