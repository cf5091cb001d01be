//! A user's side of the network: its connections, its cookies, and requests from first byte to last.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Poll;

use url::Url;

use crate::metrics::{ErrorClass, Outcome, Sample};
use crate::plan::{ConnectionUse, HttpPlan, RequestId};
use crate::units::RunTime;
use crate::user::{Headers as _, Response, Seen, User};

use super::address::Origin;
use super::connect::{Connection, connect};
use super::cookies::Jar;
use super::decode::decode;
use super::events::Events;
use super::exchange::Answer;
use super::http1::Tools;
use super::http2::Outgoing;
use super::kept::Kept;
use super::parser::ResponseParser;
use super::progress::Progress;
use super::redirect;
use super::wire::{Parts, Wire};
use super::{Shared, Timer, TransportError};

/// A finished request.
#[derive(Debug)]
pub struct Finished {
    /// Its times and outcome.
    pub sample: Sample,
    /// What was wrong, without secrets; empty where all is well.
    pub message: String,
}

/// One user's connections and cookies.
#[derive(Debug)]
pub struct Client {
    pub(super) shared: Rc<Shared>,
    timer: Timer,
    pub(super) source: Option<IpAddr>,
    kept: RefCell<Kept>,
    cookies: RefCell<Jar>,
    /// Every exchange as text, where somebody wants to read them.
    traced: RefCell<Option<Vec<Exchange>>>,
}

/// One exchange as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Request line, headers and body.
    pub request: String,
    /// Status, headers and the beginning of the body; or what went wrong.
    pub response: String,
}

impl Client {
    /// The client of user `number`.
    pub fn new(shared: &Rc<Shared>, number: u64) -> Self {
        Self {
            timer: shared.timers.timer(),
            source: shared.sources.of_user(number),
            shared: shared.clone(),
            kept: RefCell::default(),
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

    /// Ends an iteration: a visitor who leaves takes connections and cookies along.
    pub fn end_iteration(&mut self) {
        if self.shared.http().connections == ConnectionUse::PerIteration {
            self.kept.get_mut().clear(&self.shared.ration);
            self.cookies.get_mut().clear();
        }
    }

    /// Performs one request of the plan from rendering to judgement. `began` is now.
    pub async fn perform(
        &mut self,
        user: &mut User,
        id: RequestId,
        intended: RunTime,
        began: RunTime,
    ) -> Finished {
        let user = RefCell::new(user);
        self.perform_in(Lane { user: &user, timer: &self.timer, events: None }, id, intended, began)
            .await
    }

    /// Performs several requests at once, on connections of their own, and tells each as it ends. They
    /// share the user's cookies: what one of them sets, those sent later bring along.
    pub async fn perform_all(
        &mut self,
        user: &mut User,
        ids: &[RequestId],
        (intended, began): (RunTime, RunTime),
        finished: &dyn Fn(Finished),
    ) {
        let user = RefCell::new(user);
        let timers: Vec<Timer> = ids.iter().map(|_| self.shared.timers.timer()).collect();
        let (this, user) = (&*self, &user);
        let lanes = ids.iter().zip(&timers).map(|(&id, timer)| {
            Box::pin(async move {
                let lane = Lane { user, timer, events: None };
                finished(this.perform_in(lane, id, intended, began).await);
            })
        });
        let mut lanes: Vec<_> = lanes.collect();
        poll_fn(|context| {
            lanes.retain_mut(|lane| lane.as_mut().poll(context).is_pending());
            if lanes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Performs one request on a lane.
    pub(super) async fn perform_in(
        &self,
        lane: Lane<'_>,
        id: RequestId,
        intended: RunTime,
        began: RunTime,
    ) -> Finished {
        let shared = &self.shared;
        let request = &shared.plan.requests[id.0 as usize];
        let mut progress = Progress::new(began, request.timeout);
        let mut parser = shared.parsers.borrow_mut().pop().unwrap_or_else(ResponseParser::new);
        let result = self.run(lane, id, &mut parser, &mut progress).await;
        lane.timer.disarm();
        let (done, seen) = match result {
            Ok((answer, body)) => {
                (answer.done, judge(lane, id, &answer, &parser, (body.as_deref(), began)))
            }
            Err(error) => {
                lane.user.borrow_mut().on_failure(error.class);
                let outcome = Outcome::Failed(error.class);
                (shared.clock().now(), Seen { outcome, message: error.message })
            }
        };
        shared.parsers.borrow_mut().push(parser);
        let sample = progress.into_sample(request, intended, done, seen.outcome);
        Finished { sample, message: seen.message }
    }

    /// All exchanges of one request: redirects are followed. Returns the last answer, and its body
    /// decompressed where it is looked into and was compressed.
    async fn run(
        &self,
        lane: Lane<'_>,
        id: RequestId,
        parser: &mut ResponseParser,
        progress: &mut Progress,
    ) -> Result<(Answer, Option<Vec<u8>>), TransportError> {
        let shared = &self.shared;
        let request = &shared.plan.requests[id.0 as usize];
        let wire = &shared.wires[id.0 as usize];
        let (mut origin, mut parts) = self.first_hop(lane, wire)?;
        let mut hops = 0;
        loop {
            let answer =
                self.exchange((lane, wire), &origin, &mut parts, (parser, progress)).await?;
            progress.add(&answer);
            if !request.follow_redirects || !redirect::is_redirect(answer.status) {
                let body = decoded(parser, wire.keep_body, shared.http())?;
                return Ok((answer, body));
            }
            let location = parser.headers().first("location");
            let Some(location) = location else { return Ok((answer, None)) };
            if hops == shared.http().max_redirects {
                let message = format!("more than {hops} redirects (`max_redirects`)");
                return Err(TransportError::new(ErrorClass::Redirect, message));
            }
            hops += 1;
            let current = match parts {
                Some(parts) => parts,
                None => wire.parts(&mut lane.user.borrow_mut())?,
            };
            let current = Rc::unwrap_or_clone(current);
            let from = origin.url(&current.path).ok_or_else(|| not_a_url(&current.path))?;
            let (to, next) = redirect::follow(answer.status, &location, &from, current)?;
            origin = Rc::new(to);
            parts = Some(Rc::new(next));
        }
    }

    /// Where a request goes first; with its parts, where its URL may be absolute.
    pub(super) fn first_hop(
        &self,
        lane: Lane<'_>,
        wire: &Wire,
    ) -> Result<(Rc<Origin>, Option<Rc<Parts>>), TransportError> {
        if wire.is_relative() {
            return Ok((self.shared.target.clone(), None));
        }
        let mut parts = Rc::unwrap_or_clone(wire.parts(&mut lane.user.borrow_mut())?);
        if parts.path.starts_with('/') {
            return Ok((self.shared.target.clone(), Some(Rc::new(parts))));
        }
        let url = Url::parse(&parts.path).map_err(|_| not_a_url(&parts.path))?;
        let origin = Origin::of_url(&url).ok_or_else(|| not_a_url(&parts.path))?;
        parts.path = redirect::path_and_query(&url);
        let origin = if origin == *self.shared.target {
            self.shared.target.clone()
        } else {
            Rc::new(origin)
        };
        Ok((origin, Some(Rc::new(parts))))
    }

    /// One exchange on a connection, new or kept. Where a kept connection turns out to be closed before a
    /// byte of the answer came, an idempotent request is sent again on a new one (RFC 9112 §9.3.1).
    async fn exchange(
        &self,
        (lane, wire): (Lane<'_>, &Wire),
        origin: &Rc<Origin>,
        parts: &mut Option<Rc<Parts>>,
        (parser, progress): (&mut ResponseParser, &mut Progress),
    ) -> Result<Answer, TransportError> {
        let shared = &self.shared;
        let mut may_retry = wire.method.is_idempotent();
        loop {
            let kept = self.take_kept(origin).await;
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Box::pin(self.open(lane, origin, progress)).await?,
            };
            lane.timer.arm(progress.deadline);
            if parts.is_none() && matches!(connection, Connection::Http2(_)) {
                *parts = Some(wire.parts(&mut lane.user.borrow_mut())?);
            }
            // The clock was read when the request began; a new connection has taken time since.
            let began = if was_kept && progress.exchanges == 0 {
                progress.began
            } else {
                shared.clock().now()
            };
            progress.exchanges += 1;
            let way = Way { origin, parts: parts.as_deref(), wire, began };
            let outcome = self.send_on(&mut connection, lane, way, parser).await;
            match outcome {
                Ok(answer) => {
                    self.keep_cookies(way, parser);
                    if answer.reusable {
                        self.keep(origin, connection);
                    }
                    return Ok(answer);
                }
                Err(error) => {
                    let silent = error.class == ErrorClass::Reset && parser.received() == 0;
                    if !(was_kept && may_retry && silent) {
                        return Err(error);
                    }
                    may_retry = false;
                }
            }
        }
    }

    /// Sends a request on an open connection, in the way that its protocol asks for.
    async fn send_on(
        &self,
        connection: &mut Connection,
        lane: Lane<'_>,
        way: Way<'_>,
        parser: &mut ResponseParser,
    ) -> Result<Answer, TransportError> {
        let shared = &self.shared;
        let Way { origin, parts, wire, began } = way;
        let cookies = self.cookie_header(way);
        let keep_body = wire.keep_body || lane.events.is_some() || self.traced.borrow().is_some();
        let max_body = shared.http().max_body.get();
        let method = parts.map_or(&wire.method, |parts| &parts.method);
        parser.start(*method == http::Method::HEAD, keep_body, max_body);
        let (scratch, events) = (&shared.scratch, lane.events);
        let tools = Tools { parser, clock: shared.clock(), timer: lane.timer, scratch, events };
        let http1 = match (connection, parts) {
            (Connection::Http1(http1), _) => http1,
            (Connection::Http2(http2), Some(parts)) => {
                let outgoing = Outgoing { origin, parts, cookies: &cookies, began };
                let outcome = http2.exchange(outgoing, tools).await;
                self.note(|| parts.describe(&origin.authority, &cookies), &outcome, parser);
                return outcome;
            }
            (Connection::Http2(_), None) => return Err(not_a_url("")),
        };
        if let (Some(bytes), None, true) = (wire.constant(), parts, cookies.is_empty()) {
            let outcome = http1.exchange(bytes, began, tools).await;
            self.note(|| String::from_utf8_lossy(bytes).into_owned(), &outcome, parser);
            return outcome;
        }
        let mut bytes = shared.buffers.borrow_mut().pop().unwrap_or_default();
        bytes.clear();
        let rendered = match parts {
            Some(parts) => {
                parts.write_http1(&origin.authority, &cookies, &mut bytes);
                Ok(())
            }
            None => wire.render(&mut lane.user.borrow_mut(), &cookies, &mut bytes),
        };
        let outcome = match rendered {
            Ok(()) => http1.exchange(&bytes, began, tools).await,
            Err(error) => Err(error),
        };
        self.note(|| String::from_utf8_lossy(&bytes).into_owned(), &outcome, parser);
        shared.buffers.borrow_mut().push(bytes);
        outcome
    }

    /// Keeps an exchange for whoever wants to read it.
    fn note(
        &self,
        request: impl FnOnce() -> String,
        outcome: &Result<Answer, TransportError>,
        parser: &ResponseParser,
    ) {
        if let Some(traced) = &mut *self.traced.borrow_mut() {
            let response = match outcome {
                Ok(_) => Answer::describe(parser),
                Err(error) => error.to_string(),
            };
            traced.push(Exchange { request: request(), response });
        }
    }

    /// Keeps every exchange as text from now on, for [`Client::traced`].
    pub fn trace(&mut self) {
        self.traced.get_mut().get_or_insert_default();
    }

    /// The exchanges since the last call.
    pub fn traced(&mut self) -> Vec<Exchange> {
        self.traced.get_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    async fn open(
        &self,
        lane: Lane<'_>,
        origin: &Origin,
        progress: &mut Progress,
    ) -> Result<Connection, TransportError> {
        let deadline = (lane.timer, progress.deadline);
        connect(&self.shared, origin, self.source, deadline, &mut progress.phases).await
    }

    /// A kept connection to `origin` that is still open.
    async fn take_kept(&self, origin: &Rc<Origin>) -> Option<Connection> {
        let shared = &self.shared;
        loop {
            let mut connection = self.kept().borrow_mut().take(origin, &shared.ration)?;
            let stale = match &mut connection {
                Connection::Http1(http1) => http1.is_stale(&shared.scratch).await,
                Connection::Http2(http2) => http2.is_stale(),
            };
            if !stale {
                return Some(connection);
            }
        }
    }

    fn keep(&self, origin: &Rc<Origin>, connection: Connection) {
        self.kept().borrow_mut().put(origin, connection, &self.shared.ration);
    }

    /// Where idle connections are kept: one's own place, or everybody's.
    fn kept(&self) -> &RefCell<Kept> {
        match self.shared.http().connections {
            ConnectionUse::Shared => &self.shared.kept,
            ConnectionUse::PerUser | ConnectionUse::PerIteration => &self.kept,
        }
    }

    pub(super) fn cookie_header(&self, way: Way<'_>) -> String {
        let cookies = self.cookies.borrow();
        if cookies.is_empty() {
            return String::new();
        }
        way.url().map_or_else(String::new, |url| cookies.header(&url))
    }

    fn keep_cookies(&self, way: Way<'_>, parser: &ResponseParser) {
        if !self.shared.http().cookies || !parser.sets_cookies() {
            return;
        }
        if let Some(url) = way.url() {
            self.cookies.borrow_mut().absorb(&parser.headers(), &url);
        }
    }
}

/// What one of a user's concurrent requests works with. The user is borrowed only between awaits.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    pub(super) user: &'a RefCell<&'a mut User>,
    pub(super) timer: &'a Timer,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<&'a RefCell<Events>>,
}

/// One exchange on its way.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) origin: &'a Origin,
    /// The request in parts, where the prepared one does not do.
    pub(super) parts: Option<&'a Parts>,
    pub(super) wire: &'a Wire,
    pub(super) began: RunTime,
}

impl Way<'_> {
    /// The URL that the rules of cookies look at: of a prepared request, its part that does not vary.
    fn url(&self) -> Option<Url> {
        let path = self.parts.map_or_else(|| self.wire.literal_path(), |parts| &parts.path);
        self.origin.url(path)
    }
}

fn not_a_url(text: &str) -> TransportError {
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
    lane: Lane<'_>,
    id: RequestId,
    answer: &Answer,
    parser: &ResponseParser,
    (body, began): (Option<&[u8]>, RunTime),
) -> Seen {
    let events = lane.events.map(RefCell::borrow);
    let last = events.as_ref().and_then(|events| events.last());
    let mut user = lane.user.borrow_mut();
    let response = Response {
        status: answer.status,
        headers: &parser.headers(),
        body: last.or(body).unwrap_or_else(|| parser.body()),
        size: answer.body_size,
        service_time: answer.done.since(began),
    };
    let seen = user.on_response(id, &response);
    match events.as_ref().and_then(|events| events.missing()) {
        Some(message) if answer.status < 400 => {
            user.give_up();
            Seen { outcome: Outcome::Failed(ErrorClass::CheckFailed), message }
        }
        _ => seen,
    }
}
