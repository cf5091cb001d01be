//! From one request to its answer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::rc::Rc;

use bytes::BytesMut;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use minijinja::Value;

use super::access_log::AccessLogEntry;
use super::answer::{self, Refusal};
use super::body::AnswerBody;
use super::exposition;
use super::identity::{client_address, cookie, presented_token};
use super::limit::LimitDecision;
use super::model::{CallOutcome, CallStart, FinishedCall, ServiceTimeLaw};
use super::play::{BackgroundWork, Serving};
use super::router::RouteMatch;
use super::simulation::{AnswerContent, SimulatedRoute};
use super::template::{AnswerScope, AnswerText};
use plimsoll_plan::value::reckoned_of;
use plimsoll_units::RunTime;

/// The largest body that is read at all.
const BODY_LIMIT: u64 = 256 << 20;

/// The largest body whose fields templates can see.
const PARSED_LIMIT: usize = 1 << 20;

/// Answers one request.
pub(super) async fn handle(
    play: Rc<Serving>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    if request.uri().path() == play.simulation.metrics_path {
        return answer::plain(StatusCode::OK, exposition::CONTENT_TYPE, exposition::text(&play));
    }
    let at = play.clock.now();
    let arrival = {
        let mut desk = play.desk.borrow_mut();
        desk.arrivals += 1;
        desk.arrivals
    };
    let (parts, body) = request.into_parts();
    let simulation = &play.simulation;
    let client = client_address(&parts.headers, peer, simulation.trust_forwarded);
    let mut exchange = ServerExchange { play: &play, parts, client, at, route: None, received: 0 };
    let mut response = match exchange.answer(body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    exchange.add_headers(&mut response);
    exchange.note(arrival, response.status());
    response
}

struct ServerExchange<'p> {
    play: &'p Rc<Serving>,
    parts: Parts,
    client: IpAddr,
    at: RunTime,
    route: Option<usize>,
    received: u64,
}

impl ServerExchange<'_> {
    async fn answer(&mut self, body: Incoming) -> Result<Response<AnswerBody>, Refusal> {
        let play = self.play;
        let (index, path) =
            match play.simulation.router.find(&self.parts.method, self.parts.uri.path()) {
                RouteMatch::Route(index, parameters) => (index, parameters),
                RouteMatch::OtherMethod => {
                    return Err(Refusal::app(StatusCode::METHOD_NOT_ALLOWED));
                }
                RouteMatch::Nothing => return Err(Refusal::app(StatusCode::NOT_FOUND)),
            };
        self.route = Some(index);
        let route = &play.simulation.routes[index];
        self.pass_limits(route).await?;
        let body = self.read_body(body).await?;
        let query = self.parts.uri.query().unwrap_or_default();
        let (epoch, query) = (play.epoch, query.to_owned());
        let mut scope = AnswerScope { path, query, body, epoch, ..AnswerScope::default() };
        scope.user = self.user(route)?;
        require(route, &scope)?;
        let key = self.cache_key(route, &scope);
        let finished = self.enter(route, key).await?;
        scope.at = play.clock.now();
        if let Some(store) = route.find {
            let id = scope.path.last().map_or("", |(_, id)| id.as_str());
            let item = play.desk.borrow().stores[store].find(id);
            scope.item = item.ok_or(Refusal::app(StatusCode::NOT_FOUND))?;
        }
        let mut response = self.compose(index, scope)?;
        self.remember_replica(&finished, response.headers_mut());
        Ok(response)
    }

    /// Every limit of the route counts the request, unless one before has refused it.
    async fn pass_limits(&self, route: &SimulatedRoute) -> Result<(), Refusal> {
        for limit in &route.limits {
            let verdict = self.play.desk.borrow_mut().limits[*limit].judge(self.client, self.at);
            match verdict {
                LimitDecision::Pass(delay) if delay.is_zero() => {}
                LimitDecision::Pass(delay) => {
                    self.play.pause(ServiceTimeLaw::Constant(delay)).await;
                }
                LimitDecision::Refuse(wait) => {
                    return Err(Refusal::limit(&self.play.simulation.limits[*limit], wait));
                }
            }
        }
        Ok(())
    }

    /// Reads the whole body, and its fields if it has some.
    async fn read_body(&mut self, mut body: Incoming) -> Result<Value, Refusal> {
        if body.is_end_stream() {
            return Ok(Value::UNDEFINED);
        }
        let mut kept = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::app(StatusCode::BAD_REQUEST))?;
            let Some(data) = frame.data_ref() else { continue };
            self.received += data.len() as u64;
            if self.received > BODY_LIMIT {
                return Err(Refusal::app(StatusCode::PAYLOAD_TOO_LARGE));
            }
            if kept.len() + data.len() <= PARSED_LIMIT {
                kept.extend_from_slice(data);
            }
        }
        fields(&self.parts.headers, &kept)
    }

    /// The subject of the token, where the route asks for one.
    fn user(&self, route: &SimulatedRoute) -> Result<Option<String>, Refusal> {
        let Some(auth) = &route.auth else { return Ok(None) };
        let simulation = &self.play.simulation;
        let query = self.parts.uri.query().unwrap_or_default();
        let token = presented_token(auth, &self.parts.headers, query);
        let token = token.ok_or(Refusal::unauthorized(auth.status, "missing token"))?;
        let audience = &simulation.tokens[auth.token].name;
        match self.play.signer.check(&token, audience, self.play.clock.now()) {
            Ok(subject) => Ok(Some(subject)),
            Err(error) => Err(Refusal::unauthorized(auth.status, error.message())),
        }
    }

    fn cache_key(&self, route: &SimulatedRoute, scope: &AnswerScope) -> u64 {
        let mut hasher = DefaultHasher::new();
        match &route.key {
            Some(text) => {
                route.name.hash(&mut hasher);
                let key = self.play.simulation.templates.render(text, scope);
                key.unwrap_or_default().hash(&mut hasher);
            }
            None => self.parts.uri.hash(&mut hasher),
        }
        hasher.finish()
    }

    /// Goes through the stack.
    async fn enter(&self, route: &SimulatedRoute, key: u64) -> Result<FinishedCall, Refusal> {
        let cookie_name = self.play.simulation.sticky_cookie.as_deref();
        let sticky = cookie_name.and_then(|name| cookie(&self.parts.headers, name)?.parse().ok());
        let program = route.program.clone();
        let safe = self.parts.method.is_safe();
        let start = CallStart { program, tag: 0, sticky, key, safe };
        let finished = self.play.enter(self.play.clock.now(), start).await;
        match finished.outcome {
            CallOutcome::Done => Ok(finished),
            // nginx's own 503 means a limit; an empty or overfull group is its application's word.
            CallOutcome::Failed { status: 503 } => {
                Err(Refusal::app(StatusCode::SERVICE_UNAVAILABLE))
            }
            CallOutcome::Failed { status } => Err(Refusal::edge(status)),
        }
    }

    /// Makes the answer, with everything that the route does besides.
    fn compose(
        &mut self,
        index: usize,
        mut scope: AnswerScope,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let (play, route) = (self.play, &self.play.simulation.routes[index]);
        let mut headers = HeaderMap::new();
        let varies = matches!(
            route.answer.content,
            AnswerContent::Text { text: AnswerText::Template(_), .. }
        );
        if varies || route.create.is_some() {
            scope.id = play.simulation.templates.fresh_id();
        }
        if let Some(issue) = &route.issue {
            answer::issue(play, issue, &mut scope, &mut headers)?;
        }
        if let (Some(store), Some(change)) = (route.find, &route.change) {
            let fields = answer::json(play, change, &scope)?;
            let id = scope.path.last().map_or("", |(_, id)| id.as_str());
            let mut desk = play.desk.borrow_mut();
            desk.stores[store].change(id, &fields);
            scope.item = desk.stores[store].find(id).unwrap_or_default();
        }
        for (name, text) in &route.answer.headers {
            let value = answer::render(play, text, &scope)?;
            let value = http::HeaderValue::from_maybe_shared(value);
            headers.append(name.clone(), value.map_err(|_| Refusal::template("a header"))?);
        }
        let mut response = match &route.answer.content {
            AnswerContent::WebSocket(_) => {
                super::websocket::accept(play, index, &mut self.parts, scope.clone())?
            }
            _ => answer::content(play, index, &self.parts.headers, &scope)?,
        };
        if let Some(store) = route.create {
            self.create(route, store, response.body(), &scope)?;
        }
        response.headers_mut().extend(headers);
        Ok(response)
    }

    /// Keeps what was answered, and starts the work on it.
    fn create(
        &self,
        route: &SimulatedRoute,
        store: usize,
        body: &AnswerBody,
        scope: &AnswerScope,
    ) -> Result<(), Refusal> {
        let play = self.play;
        let AnswerBody::Whole(Some(bytes)) = body else { return Ok(()) };
        let Ok(item) = serde_json::from_slice::<serde_json::Value>(bytes) else { return Ok(()) };
        let id = play.desk.borrow_mut().stores[store].insert(item, &scope.id);
        if let Some(background) = &route.background {
            let then = background.then.as_ref().map(|text| answer::json(play, text, scope));
            let then = then.transpose()?.unwrap_or_default();
            let program = background.program.clone();
            play.work(play.clock.now(), BackgroundWork { program, store, id, then });
        }
        Ok(())
    }

    /// A balancer with sticky sessions tells the client where it belongs.
    fn remember_replica(&self, finished: &FinishedCall, headers: &mut HeaderMap) {
        let name = self.play.simulation.sticky_cookie.as_deref();
        let (Some(name), Some(replica)) = (name, finished.sticky) else { return };
        let replica = replica.to_string();
        if cookie(&self.parts.headers, name) != Some(&replica)
            && let Ok(value) = format!("{name}={replica}; Path=/; Max-Age=86400").parse()
        {
            headers.append(header::SET_COOKIE, value);
        }
    }

    /// Headers that every answer has.
    fn add_headers(&self, response: &mut Response<AnswerBody>) {
        let headers = response.headers_mut();
        for (name, value) in &self.play.simulation.headers {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        if let Some(id) = self.parts.headers.get("x-correlation-id") {
            headers.insert("x-correlation-id", id.clone());
        }
    }

    /// Counts the answer and logs it.
    fn note(&self, arrival: u64, status: StatusCode) {
        let mut desk = self.play.desk.borrow_mut();
        *desk.answered.entry((self.route, status.as_u16())).or_default() += 1;
        let Some(log) = &mut desk.log else { return };
        let header = |name: &str| {
            let value = self.parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let correlation = match header("x-correlation-id") {
            "" => header("traceparent"),
            id => id,
        };
        let uri = self.parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let entry = AccessLogEntry {
            arrival,
            at_ns: self.at.get(),
            took_ns: self.play.clock.now().since(self.at).get(),
            client: self.client,
            method: self.parts.method.as_str(),
            uri,
            version: if self.parts.version == http::Version::HTTP_2 { "2" } else { "1.1" },
            status: status.as_u16(),
            user_agent: header("user-agent"),
            correlation,
            received: self.received,
        };
        if log.write(&entry).is_err() {
            // A log that cannot be written any more is closed; the run goes on.
            desk.log = None;
        }
    }
}

/// The fields of a JSON or form body; a body of any other type has none.
fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default();
    if kind.contains("json") {
        let json: serde_json::Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::bad_request("the body is not valid JSON"))?;
        return Ok(reckoned_of(&json));
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Ok(Value::from_pairs(url::form_urlencoded::parse(body)));
    }
    Ok(Value::UNDEFINED)
}

/// Fields that the body must have, and not empty.
fn require(route: &SimulatedRoute, scope: &AnswerScope) -> Result<(), Refusal> {
    for name in &route.require {
        let value = scope.body.get_attr(name).unwrap_or_default();
        if value.is_undefined() || value.is_none() || value.as_str() == Some("") {
            return Err(Refusal::bad_request(&format!("`{name}` is missing")));
        }
    }
    Ok(())
}
