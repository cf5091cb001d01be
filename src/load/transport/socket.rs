//! `WebSockets` (RFC 6455) over the connections of the load path: the handshake is HTTP/1.1, pings are answered
//! while messages are awaited, and the closing handshake is waited for.

mod close;
mod deflate;
mod frame;
mod handshake;
mod machine;
mod open;
mod text;

use std::future::poll_fn;
use std::task::Poll;

use rand_pcg::Pcg64Mcg;

use plimsoll_metrics::{ErrorClass, Outcome, Sample};
use plimsoll_plan::{Check, RequestPlan, SocketMessage, SocketMessageForm, StreamPlan};
use plimsoll_units::{Nanos, RandomStream, RunTime};
use plimsoll_user::{CheckResult, Response, ResponseHeaders, meets};

use super::TransportError;
use super::address::Origin;
use super::agent::UserAgent;
use super::clock::unix_seconds;
use super::connect::{ReachedOrigin, Route, reach};
use super::context::RequestContext;
use super::cookies::CookieTime;
use super::finished::{FinishedRequest, RequestTimes, StreamEvent};
use super::hop::Hop;
use super::parser::{ParseProgress, ResponseParser};
use super::prepared::RequestParts;
use super::progress::RequestProgress;
use handshake::{HandshakeExchange, OpeningHandshake};
use machine::{SocketEvent, WebSocketMachine};
use open::{OpenWebSocket, SocketContext};

/// The closing handshake takes no longer.
const CLOSE_TIMEOUT: Nanos = Nanos::from_secs(1);

/// One WebSocket from its opening to its closing handshake.
pub(super) struct WebSocketSession<'a> {
    pub(super) agent: &'a UserAgent,
    pub(super) context: RequestContext<'a>,
    pub(super) plan: &'a StreamPlan,
    pub(super) send: &'a [SocketMessage],
    pub(super) expect: &'a [Check],
    /// How long it stays open, from the handshake on.
    pub(super) hold: Nanos,
    /// When it was meant to begin, and when it did.
    pub(super) times: RequestTimes,
}

impl WebSocketSession<'_> {
    /// Plays it to its end.
    pub(super) async fn hold(&self, on_event: &dyn Fn(StreamEvent)) {
        let shared = &self.agent.shared;
        let request = self.request();
        let mut progress = RequestProgress::new(self.times.began, request.timeout);
        let mut parser = shared.parser();
        let mut open = None;
        let result = match self.open(&mut progress, &mut parser).await {
            Ok(Some(opened)) => {
                let opened = open.insert(opened);
                let came = self.converse(opened, progress.deadline, on_event).await;
                let (received, sent) = opened.take_traffic();
                progress.bytes_received += received;
                progress.bytes_sent += sent;
                match came {
                    Ok(()) => {
                        let (message, size) = opened.machine.message();
                        self.judge(&parser, (message, size), opened.opened)
                    }
                    Err(error) => self.failed(error),
                }
            }
            Ok(None) => self.refused(&parser),
            Err(error) => self.failed(error),
        };
        let well = result.outcome == Outcome::Ok;
        shared.parsers.borrow_mut().push(parser);
        let done = open.as_ref().filter(|_| well).map_or_else(|| self.now(), |open| open.opened);
        let sample = progress.into_sample(request, self.times.intended, done, result.outcome);
        let message = self.context.user.borrow().redacted(result.message);
        on_event(StreamEvent::Request(FinishedRequest { sample, message }));
        if let Some(open) = open {
            self.stay(*open, well, on_event).await;
        }
        self.context.timer.disarm();
    }

    fn now(&self) -> RunTime {
        self.agent.shared.clock().now()
    }

    fn request(&self) -> &RequestPlan {
        &self.agent.shared.plan.requests[self.plan.request.0 as usize]
    }

    fn socket_context(&self) -> SocketContext<'_> {
        let shared = &self.agent.shared;
        SocketContext { clock: shared.clock(), timer: self.context.timer, scratch: &shared.scratch }
    }

    fn failed(&self, error: TransportError) -> CheckResult {
        self.context.user.borrow_mut().on_failure(self.plan.request, error.class);
        CheckResult { outcome: Outcome::Failed(error.class), message: error.message }
    }

    fn judge(
        &self,
        parser: &ResponseParser,
        (body, size): (&[u8], u64),
        at: RunTime,
    ) -> CheckResult {
        let headers: &dyn ResponseHeaders = &parser.headers();
        let service_time = at.since(self.times.began);
        let status = parser.status();
        let response = Response { status, headers, url: None, body, size, service_time };
        self.context.user.borrow_mut().on_response(self.plan.request, &response)
    }

    /// The server answered something else than 101.
    fn refused(&self, parser: &ResponseParser) -> CheckResult {
        let result = self.judge(parser, (parser.body(), parser.body_size()), self.now());
        if result.outcome != Outcome::Ok {
            return result;
        }
        let message = format!("status {}, expected 101", parser.status());
        self.failed(TransportError::new(ErrorClass::CheckFailed, message))
    }

    /// Connects and shakes hands, all before the request's deadline. None where the server answers something else,
    /// which is in the parser then.
    async fn open(
        &self,
        progress: &mut RequestProgress,
        parser: &mut ResponseParser,
    ) -> Result<Option<Box<OpenWebSocket>>, TransportError> {
        let shared = &self.agent.shared;
        let prepared =
            &shared.prepared_target(self.agent.side()).requests[self.plan.request.0 as usize];
        let Hop { origin, parts } = self.agent.first_hop(self.context, prepared)?;
        let parts = match parts {
            Some(parts) => parts,
            None => prepared.parts(&mut self.context.user.borrow_mut())?,
        };
        let cookies = self.agent.cookies_for((&origin, parts.host()), &parts.path, parts.cookie());
        let mut chance = self.chance();
        let named = (origin.authority.as_str(), cookies.as_str());
        let handshake =
            OpeningHandshake::new(&parts, named, shared.http().compression, &mut chance)?;
        let (timer, deadline) = (self.context.timer, progress.deadline);
        let route = Route { origin: &origin, source: self.agent.source, timer, deadline };
        // RFC 6455 §4.1: a proxy opens a tunnel, with or without TLS in it.
        let way = (shared.proxy_of(&origin), &shared.tls.upgradable);
        let reached = Box::pin(reach(shared, route, way, &mut progress.phases)).await?;
        let ReachedOrigin { mut io, guard, .. } = reached;
        progress.exchanges += 1;
        let max_body = shared.http().max_body.get();
        parser.start(false, true, max_body);
        parser.expect_switch();
        let mut exchange = HandshakeExchange::new(&mut io, &handshake, parser);
        let shaken = self.shake(&mut exchange, progress).await;
        let (sent, unread) = exchange.end();
        progress.status = parser.status();
        progress.bytes_sent = sent;
        progress.bytes_received = parser.received() + unread.len() as u64;
        shaken?;
        self.keep_cookies(&origin, &parts, parser);
        if parser.status() != 101 {
            return Ok(None);
        }
        let deflate = handshake.verify(&parser.headers())?;
        let content = shared.memory.buffer(max_body);
        let machine = WebSocketMachine::new(content, chance, deflate);
        let open = OpenWebSocket::new((io, guard), machine, unread, self.now());
        Ok(Some(Box::new(open)))
    }

    /// Keys and masks are drawn from the seed, apart from all other chance.
    fn chance(&self) -> Pcg64Mcg {
        let number = self.context.user.borrow().number();
        let seed = self.agent.shared.plan.seed.derive(RandomStream::WebSocket, number);
        seed.stream(RandomStream::WebSocket, self.times.began.get())
    }

    fn keep_cookies(&self, origin: &Origin, parts: &RequestParts, parser: &ResponseParser) {
        let headers = parser.headers();
        if self.agent.shared.http().cookies
            && headers.first("set-cookie").is_some()
            && let Some(url) = origin.url_as(parts.host(), &parts.path)
        {
            let now = CookieTime { run: self.now(), unix: unix_seconds() };
            self.agent.cookies.borrow_mut().absorb(&headers, &url, now);
        }
    }

    /// Sends the handshake and reads the answer into the parser.
    async fn shake(
        &self,
        exchange: &mut HandshakeExchange<'_>,
        progress: &mut RequestProgress,
    ) -> Result<(), TransportError> {
        let SocketContext { clock, timer, scratch } = self.socket_context();
        let began = clock.now();
        timer.arm(progress.deadline);
        loop {
            let turned =
                poll_fn(|context| match exchange.turn(context, &mut scratch.borrow_mut()) {
                    Poll::Ready(turned) => Poll::Ready(turned),
                    Poll::Pending => {
                        let message = "the handshake was not answered within `timeout`";
                        timer.poll_expired(context).map(|()| Err(too_late(message)))
                    }
                });
            if turned.await? == ParseProgress::Complete {
                progress.wait = clock.now().since(began);
                return Ok(());
            }
            if clock.now() >= progress.deadline {
                return Err(too_late("the answer to the handshake did not end within `timeout`"));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends what is to be sent and awaits the expected message.
    async fn converse(
        &self,
        open: &mut OpenWebSocket,
        deadline: RunTime,
        on_event: &dyn Fn(StreamEvent),
    ) -> Result<(), TransportError> {
        self.context.timer.arm(deadline);
        if self.expect.is_empty() && !self.request().needs_body() {
            open.machine.count_only();
        }
        for message in self.send {
            let script = |why: &str| TransportError::new(ErrorClass::Script, why);
            let mut written = Vec::new();
            let rendered = self.context.user.borrow_mut().render(&message.content, &mut written);
            rendered.map_err(|error| script(&error.to_string()))?;
            let bytes = message.form.read(written);
            let bytes =
                bytes.ok_or_else(|| script("a binary message is not what it is said to be in"))?;
            match message.form {
                SocketMessageForm::Text => {
                    open.machine.send_text(&String::from_utf8_lossy(&bytes));
                }
                _ => open.machine.send_binary(&bytes),
            }
        }
        loop {
            match open.next(self.socket_context(), deadline).await {
                Ok(None) => {
                    return Err(too_late("the expected message did not come within `timeout`"));
                }
                Ok(Some(SocketEvent::Close(close))) => return Err(close.error()),
                Ok(Some(SocketEvent::Message)) => {}
                Err(error) => return Err(error),
            }
            open.messages += 1;
            if open.messages == 1 {
                let times = (self.times.intended, self.times.began);
                let first = Sample::of_time(self.plan.first, times, self.now(), Outcome::Ok);
                on_event(StreamEvent::derived_timing(first));
            }
            if meets(self.expect, open.machine.message().0) {
                return Ok(());
            }
        }
    }

    /// Stays until its time is over, unless something went wrong before, and closes it.
    async fn stay(&self, mut open: OpenWebSocket, well: bool, on_event: &dyn Fn(StreamEvent)) {
        // What came before belongs to the request.
        open.take_traffic();
        let ended = if well { self.linger(&mut open, on_event).await } else { Ok(()) };
        let outcome = match &ended {
            Ok(()) => Outcome::Ok,
            Err(error) => Outcome::Failed(error.class),
        };
        let times = (open.opened, open.opened);
        let whole = Sample::of_time(self.plan.whole, times, self.now(), outcome);
        let sample = Sample { messages: open.messages, ..whole };
        let mut message = String::new();
        if let Err(error) = ended {
            self.context.user.borrow_mut().on_failure(self.plan.request, error.class);
            message = self.context.user.borrow().redacted(error.message);
        }
        on_event(StreamEvent::DerivedTiming(FinishedRequest { sample, message }));
        self.close(&mut open).await;
        self.tell_traffic(&mut open, on_event);
    }

    /// Reads until its time is over. A server that closes normally has ended it sooner, which is no failure.
    async fn linger(
        &self,
        open: &mut OpenWebSocket,
        on_event: &dyn Fn(StreamEvent),
    ) -> Result<(), TransportError> {
        let until = open.opened + self.hold;
        self.context.timer.arm(until);
        open.machine.count_only();
        loop {
            let next = open.next(self.socket_context(), until).await;
            self.tell_traffic(open, on_event);
            match next? {
                None => return Ok(()),
                Some(SocketEvent::Message) => open.messages += 1,
                Some(SocketEvent::Close(close)) if close.is_normal() => return Ok(()),
                Some(SocketEvent::Close(close)) => return Err(close.error()),
            }
        }
    }

    fn tell_traffic(&self, open: &mut OpenWebSocket, on_event: &dyn Fn(StreamEvent)) {
        let (received, sent) = open.take_traffic();
        if received > 0 || sent > 0 {
            on_event(StreamEvent::Traffic { step: self.plan.whole, received, sent });
        }
    }

    /// The closing handshake, begun or answered.
    async fn close(&self, open: &mut OpenWebSocket) {
        let begins = !open.machine.is_closing();
        open.machine.close_normally();
        if !begins {
            return open.flush_now().await;
        }
        let deadline = self.now() + CLOSE_TIMEOUT;
        self.context.timer.arm(deadline);
        // The server may have left first, or talk on; there is nothing more to learn from it.
        while let Ok(Some(SocketEvent::Message)) = open.next(self.socket_context(), deadline).await
        {
        }
    }
}

fn too_late(message: &str) -> TransportError {
    TransportError::new(ErrorClass::ResponseTimeout, message)
}
