//! One request from rendering to judgement: its exchanges, redirects included, and what the user says of the answer.

use std::borrow::Cow;
use std::rc::Rc;

use http::HeaderValue;
use url::Url;

use plimsoll_metrics::{ErrorClass, Exemplar, Outcome, Sample};
use plimsoll_plan::{Correlation, RequestId, redact};
use plimsoll_units::RunTime;
use plimsoll_user::{CheckResult, Response, ResponseHeaders as _, User};

use super::address::Origin;
use super::agent::UserAgent;
use super::body::RenderedMessage;
use super::clock::unix_seconds;
use super::context::RequestContext;
use super::decode::decode;
use super::error::not_a_url;
use super::exchange::TimedResponse;
use super::exemplars::{looked_into, shown_body, shown_head};
use super::finished::FinishedRequest;
use super::hop::{Hop, RequestBuffers};
use super::memory::BoundedBuffer;
use super::parser::ResponseParser;
use super::prepared::{PreparedRequest, RequestParts, path_of};
use super::progress::RequestProgress;
use super::redirect;
use super::sign::AwsSigner;
use super::{TransportError, WorkerTransport};

impl UserAgent {
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
        let mut parser = shared.parser();
        let mut sent = shared.buffers.borrow_mut().pop().unwrap_or_default();
        let buffers =
            RequestBuffers { parser: &mut parser, progress: &mut progress, sent: &mut sent };
        let result = self.run(context, id, buffers).await;
        context.timer.disarm();
        let (done, result) = match result {
            Ok(last) => (last.answer.done, judge((context, id), &last, &parser, began)),
            Err(error) => {
                context.user.borrow_mut().on_failure(id, error.class);
                let outcome = Outcome::Failed(error.class);
                (shared.clock().now(), CheckResult { outcome, message: error.message })
            }
        };
        let parts = progress.parts.take();
        let sample = progress.into_sample(request, intended, done, result.outcome);
        let user = context.user.borrow();
        let message = user.redacted(result.message);
        if shared.exemplars.wants(&sample) {
            let correlation =
                correlation_of(&shared.plan.http.correlation, parts.as_deref(), &sent);
            match sample.outcome {
                Outcome::Ok => shared.exemplars.keep_slow(&sample, &correlation),
                Outcome::Failed(_) => self.keep_failure(&user, &sample, &correlation, &parser),
            }
        }
        drop(user);
        shared.parsers.borrow_mut().push(parser);
        shared.buffers.borrow_mut().push(sent);
        FinishedRequest { sample, message }
    }

    /// Keeps a failure with what came back, without secrets.
    fn keep_failure(
        &self,
        user: &User,
        sample: &Sample,
        correlation: &str,
        parser: &ResponseParser,
    ) {
        let shared = &self.shared;
        let secrets = || shared.plan.secrets.iter().map(String::as_str);
        let hidden = |text: &str| user.redacted(redact(text, secrets()));
        let mut exemplar = Exemplar { correlation: correlation.to_owned(), ..Exemplar::of(sample) };
        if sample.status != 0 {
            exemplar.head = shown_head(&hidden(&parser.head_text()));
            if !parser.is_encoded() {
                exemplar.body = shown_body(&hidden(&looked_into(parser.body())));
            }
        }
        shared.exemplars.keep_failure(sample.done, exemplar);
    }

    /// All exchanges of one request: redirects are followed.
    async fn run(
        &self,
        context: RequestContext<'_>,
        id: RequestId,
        mut buffers: RequestBuffers<'_>,
    ) -> Result<LastAnswer, TransportError> {
        let shared = &self.shared;
        let request = &shared.plan.requests[id.0 as usize];
        let prepared = &shared.prepared_target(self.side()).requests[id.0 as usize];
        let mut hop = self.first_hop(context, prepared)?;
        let mut hops = 0;
        let signed_for = hop.origin.clone();
        loop {
            buffers.sent.clear();
            buffers.progress.parts = None;
            if let (Some(sign), Some(unsigned), true) =
                (&request.sign, &mut hop.parts, hop.origin == signed_for)
            {
                let mut user = context.user.borrow_mut();
                let signer = AwsSigner::of(sign, &mut user, unix_seconds())?;
                let mut keys = shared.signing_keys.borrow_mut();
                signer.sign(Rc::make_mut(unsigned), &hop.origin.authority, &mut keys)?;
            }
            buffers.progress.parts.clone_from(&hop.parts);
            let answer = self.exchange((context, prepared), &mut hop, &mut buffers).await?;
            let Hop { origin, parts } = &mut hop;
            buffers.progress.add(&answer);
            if !request.follow_redirects || !redirect::is_redirect(answer.status) {
                let body = decoded(buffers.parser, prepared.keep_body, shared).await?;
                let url = request.media.and_then(|_| {
                    let sent = &buffers.sent.text;
                    let path = match &*parts {
                        Some(parts) => parts.path.as_str(),
                        None if !sent.is_empty() => path_of(sent),
                        None => prepared.constant().map_or("/", |message| path_of(message.text)),
                    };
                    origin.url(path)
                });
                return Ok(LastAnswer { answer, body, url });
            }
            let Some(location) = redirect::location(&buffers.parser.headers()) else {
                return Ok(LastAnswer { answer, body: None, url: None });
            };
            if hops == shared.http().max_redirects {
                let message = format!("more than {hops} redirects (`max_redirects`)");
                return Err(TransportError::new(ErrorClass::Redirect, message));
            }
            hops += 1;
            buffers.progress.parts = None;
            let current = match parts.take() {
                Some(parts) => Rc::unwrap_or_clone(parts),
                // Nothing is drawn anew: what is sent on is what was sent.
                None => prepared.parts_of(buffers.sent)?,
            };
            let from = origin.url(&current.path).ok_or_else(|| not_a_url(&current.path))?;
            let (to, next) = redirect::follow(answer.status, &location, &from, current)?;
            self.stays_on_side(&to)?;
            hop = Hop { origin: Rc::new(to), parts: Some(Rc::new(next)) };
        }
    }

    /// Where a request goes first; with its parts, where its URL may be absolute.
    pub(super) fn first_hop(
        &self,
        context: RequestContext<'_>,
        prepared: &PreparedRequest,
    ) -> Result<Hop, TransportError> {
        if prepared.is_relative() {
            return Ok(Hop { origin: self.target().clone(), parts: None });
        }
        let mut parts = Rc::unwrap_or_clone(prepared.parts(&mut context.user.borrow_mut())?);
        if is_plain_path(&parts.path) {
            return Ok(Hop { origin: self.target().clone(), parts: Some(Rc::new(parts)) });
        }
        let not_a_url = || not_a_url(&parts.path);
        // A link is taken as a browser takes it (WHATWG URL): what cannot stand in one is encoded, line ends are left
        // out, and `//host/path` leads to another host.
        let text = parts.path.trim_matches(|c: char| c <= ' ');
        let url = if text.starts_with(['/', '\\']) {
            let base = self.target().url("/").ok_or_else(not_a_url)?;
            base.join(text).map_err(|_| not_a_url())?
        } else {
            Url::parse(text).map_err(|_| not_a_url())?
        };
        let origin = Origin::of_url(&url).ok_or_else(not_a_url)?;
        parts.path = redirect::path_and_query(&url);
        self.stays_on_side(&origin)?;
        let target = self.target();
        let origin = if origin == **target { target.clone() } else { Rc::new(origin) };
        Ok(Hop { origin, parts: Some(Rc::new(parts)) })
    }
}

/// Whether a rendered URL is a path in which nothing is to be encoded or resolved.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains("/.")
        && path.bytes().all(is_plain)
}

/// The body after decompression; `None` where it was not compressed or is not looked into.
async fn decoded(
    parser: &ResponseParser,
    keep_body: bool,
    shared: &WorkerTransport,
) -> Result<Option<BoundedBuffer>, TransportError> {
    // Of nothing, nothing is encoded, whatever the header says of a body that might have been.
    if !keep_body || !parser.is_encoded() || parser.body().is_empty() {
        return Ok(None);
    }
    // Lines of one name are one list (RFC 9110 §5.3).
    let mut encodings = String::new();
    parser.headers().each("content-encoding", &mut |value| {
        encodings.push_str(&String::from_utf8_lossy(value));
        encodings.push(',');
    });
    decode(parser.body(), &encodings, shared.memory.clone(), shared.http().max_body).await
}

/// The last answer of a request.
struct LastAnswer {
    answer: TimedResponse,
    /// The body decompressed, where it is looked into and was compressed.
    body: Option<BoundedBuffer>,
    /// Where it was found, if references in it are followed.
    url: Option<Url>,
}

/// The first identifier that a request was sent with; empty where it has none.
fn correlation_of<'a>(
    asked: &[Correlation],
    parts: Option<&'a RequestParts>,
    sent: &'a RenderedMessage,
) -> Cow<'a, str> {
    let name = match asked.first() {
        None => return Cow::Borrowed(""),
        Some(Correlation::TraceParent) => "traceparent",
        Some(Correlation::Id(name)) => name.as_str(),
    };
    let value = match parts {
        Some(parts) => parts.headers.get(name).map(HeaderValue::as_bytes),
        None => sent.text.split(|byte| *byte == b'\n').find_map(|line| {
            let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b": ")?;
            Some(value.trim_ascii_end())
        }),
    };
    String::from_utf8_lossy(value.unwrap_or_default())
}

/// Lets the user judge an answer.
fn judge(
    (context, id): (RequestContext<'_>, RequestId),
    last: &LastAnswer,
    parser: &ResponseParser,
    began: RunTime,
) -> CheckResult {
    let LastAnswer { answer, body, url } = last;
    let events = context.events.map(|events| events.stream.borrow());
    let event = events.as_ref().and_then(|events| events.last());
    let mut user = context.user.borrow_mut();
    let response = Response {
        status: answer.status,
        headers: &parser.headers(),
        url: url.as_ref(),
        body: event.or(body.as_ref().map(BoundedBuffer::bytes)).unwrap_or_else(|| parser.body()),
        size: answer.body_size,
        service_time: answer.done.since(began),
    };
    let result = user.on_response(id, &response);
    match events.as_ref().and_then(|events| events.missing()) {
        Some(message) if answer.status < 400 => {
            let class = ErrorClass::CheckFailed;
            user.on_failure(id, class);
            CheckResult { outcome: Outcome::Failed(class), message }
        }
        _ => result,
    }
}
