//! One request step → a request that only needs a user's values.

use ::http::{HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::names::ADDRESS;
use super::template::TemplateCompiler;
use super::{body, http};
use crate::template::find_close;
use crate::{
    AwsSigning, Body, Capture, CaptureSlot, CaptureSource, CaptureTake, Check, Delay, Escape,
    OnFailure, RequestPlan, RetryPlan, StatusSet, Template, UploadPiece,
};
use plimsoll_metrics::StepId;
use plimsoll_scenario::schema::{
    self, DelaySpec, OnFailureSpec, RequestSpec, Scenario, own_header,
};
use plimsoll_scenario::{ProblemKind, Problems, Spanned};

/// Compiles requests with the scenario's defaults.
pub(super) struct RequestCompiler<'a> {
    scenario: &'a Scenario,
    prefix: String,
}

/// Waits between attempts are the server's business: no share of think times changes them.
fn on_failure(spec: OnFailureSpec) -> OnFailure {
    match spec {
        OnFailureSpec::Stop => OnFailure::Stop,
        OnFailureSpec::Continue => OnFailure::Continue,
        OnFailureSpec::Retry(retry) => OnFailure::Retry(RetryPlan {
            times: retry.times,
            wait: delay(retry.wait),
            exponential: retry.exponential,
            max_wait: retry.max_wait,
            goes_on: retry.goes_on,
        }),
    }
}

/// A law as it is written.
pub(super) const fn delay(law: DelaySpec) -> Delay {
    match law {
        DelaySpec::Constant(span) => Delay::Constant(span),
        DelaySpec::Uniform(low, high) => Delay::Uniform(low, high),
        DelaySpec::Exponential(mean) => Delay::Exponential(mean),
        DelaySpec::Normal(mean, deviation) => Delay::Normal(mean, deviation),
    }
}

/// Headers in the order in which they were first given; a later one of a name replaces the earlier.
#[derive(Default)]
pub(super) struct HeaderList(pub(super) Vec<(HeaderName, Template)>);

impl HeaderList {
    fn put(&mut self, name: HeaderName, value: Template) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn put_all<'p>(
        &mut self,
        pairs: impl IntoIterator<Item = &'p (Spanned<String>, Spanned<String>)>,
        templates: TemplateCompiler<'_>,
        problems: &mut Problems,
    ) {
        for (name, value) in pairs {
            if let Some(name) = own_header(name, problems) {
                self.put(name, header_value(value, templates, problems));
            }
        }
    }
}

impl<'a> RequestCompiler<'a> {
    pub(super) fn new(scenario: &'a Scenario, prefix: String) -> Self {
        Self { scenario, prefix }
    }

    pub(super) fn compile(
        &self,
        request: &RequestSpec,
        step: StepId,
        templates: TemplateCompiler<'_>,
        problems: &mut Problems,
    ) -> RequestPlan {
        let timeout = request.timeout.or(self.scenario.http.timeout);
        let boundary = body::boundary(&request.body, templates).unwrap_or_default();
        RequestPlan {
            step,
            method: request.method.clone(),
            url: self.url(request, templates, problems),
            headers: self.headers((request, &boundary), templates, problems).0,
            body: body((request, &boundary), templates, problems),
            sign: request.sign.as_ref().map(|sign| signing(sign, templates, problems)),
            timeout: timeout.unwrap_or(http::TIMEOUT),
            session: None,
            checks: checks(request),
            captures: request
                .captures
                .iter()
                .filter_map(|capture| compile_capture(capture, templates))
                .collect(),
            on_failure: on_failure(request.on_failure),
            follow_redirects: request.follow_redirects,
            given_once: vec![],
            media: None,
            range: None,
        }
    }

    /// A path gets the target's prefix. A text that begins with an expression is the URL itself: a captured link
    /// must not be encoded once more.
    fn url(
        &self,
        request: &RequestSpec,
        templates: TemplateCompiler<'_>,
        problems: &mut Problems,
    ) -> Template {
        let text = &request.url;
        let mut url = Template::default();
        let whole = 0..text.value.len();
        let close = find_close(&text.value, 2).map(|at| at + 2);
        match close {
            Some(close) if text.value.starts_with("{{") => {
                url.append(&templates.compile_part(text, 0..close, Escape::None, problems));
                url.append(&templates.compile_part(
                    text,
                    close..text.value.len(),
                    Escape::Url,
                    problems,
                ));
            }
            _ if text.value.starts_with('/') => {
                url.push_literal(self.prefix.as_bytes());
                url.append(&templates.compile_part(text, whole, Escape::Url, problems));
            }
            _ => url.append(&templates.compile_part(text, whole, Escape::Url, problems)),
        }
        if let Some(reason) = unfit_url(&text.value) {
            let kind = ProblemKind::BadUrl { found: text.value.clone(), reason };
            problems.report(text.span, kind);
        }
        if !request.query.is_empty() {
            url.push_query_joint();
            url.append(&body::pairs(&request.query, Escape::Url, templates, problems));
        }
        url
    }

    fn headers(
        &self,
        (request, boundary): (&RequestSpec, &str),
        templates: TemplateCompiler<'_>,
        problems: &mut Problems,
    ) -> HeaderList {
        let mut headers = HeaderList::default();
        headers.put(header::ACCEPT, Template::constant("*/*"));
        let agent = concat!("plimsoll/", env!("CARGO_PKG_VERSION"));
        headers.put(header::USER_AGENT, Template::constant(agent));
        match &request.body {
            schema::BodySpec::Json(_) => {
                headers.put(header::CONTENT_TYPE, Template::constant("application/json"));
            }
            schema::BodySpec::Form(_) => {
                let form = Template::constant("application/x-www-form-urlencoded");
                headers.put(header::CONTENT_TYPE, form);
            }
            schema::BodySpec::Multipart(_) => {
                let kind = format!("multipart/form-data; boundary={boundary}");
                headers.put(header::CONTENT_TYPE, Template::constant(kind));
            }
            schema::BodySpec::Graphql(_) => {
                headers.put(header::ACCEPT, Template::constant(GRAPHQL_ANSWER));
                headers.put(header::CONTENT_TYPE, Template::constant("application/json"));
            }
            schema::BodySpec::File(_, media_type) => {
                headers.put(header::CONTENT_TYPE, header_value(media_type, templates, problems));
            }
            schema::BodySpec::None | schema::BodySpec::Text(_) => {}
        }
        if let Some(address) = templates.slot(ADDRESS) {
            let name = HeaderName::from_static("x-forwarded-for");
            headers.put(name, Template::slot(address, Escape::None));
        }
        headers.put_all(&self.scenario.http.headers, templates, problems);
        if let Some(token) = &request.bearer {
            let mut value = Template::constant("Bearer ");
            value.append(&header_value(token, templates, problems));
            headers.put(header::AUTHORIZATION, value);
        }
        if let Some((user, password)) = &request.basic {
            headers.put(header::AUTHORIZATION, basic(user, password, templates, problems));
        }
        headers.put_all(&request.headers, templates, problems);
        headers
    }
}

/// What a GraphQL server answers with (GraphQL over HTTP, §6.1).
const GRAPHQL_ANSWER: &str = "application/graphql-response+json, application/json;q=0.9";

/// Why a text cannot be a URL, if it cannot.
fn unfit_url(text: &str) -> Option<&'static str> {
    let absolute = text.starts_with("http://") || text.starts_with("https://");
    if text.is_empty() {
        // Reported as missing.
        return None;
    }
    if text.starts_with("ws://") || text.starts_with("wss://") {
        return Some("`websocket` opens `http://` for `ws://`, and `https://` for `wss://`");
    }
    if !text.starts_with(['/', '{']) && !absolute {
        return Some("a path begins with `/`");
    }
    if absolute && authority(text).contains('@') {
        return Some("credentials in it are never sent; use `basic: { user: …, password: … }`");
    }
    let mut at = 0;
    while at < text.len() {
        let open = text[at..].find("{{").map_or(text.len(), |offset| at + offset);
        let literal = &text[at..open];
        if literal.contains("{%") || literal.contains("{#") {
            // Reported with the template.
            return None;
        }
        if literal.contains('#') {
            return Some("a fragment is never sent");
        }
        if literal.contains(|c: char| !c.is_ascii_graphic()) {
            return Some("blanks and characters outside ASCII must be percent-encoded");
        }
        at = find_close(text, (open + 2).min(text.len())).map_or(text.len(), |close| close + 2);
    }
    None
}

/// What stands between `//` and the path.
fn authority(absolute: &str) -> &str {
    let rest = absolute.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn header_value(
    text: &Spanned<String>,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let template = templates.compile(text, Escape::Header, problems);
    if template.as_constant().is_some_and(|bytes| HeaderValue::from_bytes(bytes).is_err()) {
        let kind = ProblemKind::BadHeader { found: text.value.clone(), what: "a header's value" };
        problems.report(text.span, kind);
    }
    template
}

/// Keys as they are: no header carries the secret one.
fn signing(
    sign: &schema::AwsSignSpec,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> AwsSigning {
    let mut compile = |text: &Spanned<String>| templates.compile(text, Escape::Header, problems);
    AwsSigning {
        service: sign.service.value.clone(),
        region: sign.region.value.clone(),
        access_key: compile(&sign.access_key),
        secret_key: compile(&sign.secret_key),
        session_token: sign.session_token.as_ref().map(compile),
    }
}

/// Base64 is made once where user and password are constant, and per request where they are not.
fn basic(
    user: &Spanned<String>,
    password: &Spanned<String>,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let (left, right) = (
        templates.compile(user, Escape::None, problems),
        templates.compile(password, Escape::None, problems),
    );
    let mut template = Template::constant("Basic ");
    if let (Some(user), Some(password)) = (left.as_constant(), right.as_constant()) {
        let pair = [user, b":", password].concat();
        template.push_literal(STANDARD.encode(pair).as_bytes());
        return template;
    }
    let call = format!(
        "{{{{ base64({} ~ ':' ~ {}) }}}}",
        as_expression(&user.value),
        as_expression(&password.value)
    );
    template.append(&templates.compile(&Spanned::new(call, user.span), Escape::None, problems));
    template
}

/// A text with `{{ … }}` as one expression: `a{{ b }}` is `('a' ~ (b))`.
fn as_expression(text: &str) -> String {
    let mut parts = vec![];
    let mut at = 0;
    while at < text.len() {
        let open = text[at..].find("{{").map_or(text.len(), |offset| at + offset);
        if open > at {
            parts.push(serde_json::Value::from(&text[at..open]).to_string());
        }
        let Some(close) = find_close(text, (open + 2).min(text.len())) else { break };
        parts.push(format!("({})", text[open + 2..close].trim()));
        at = close + 2;
    }
    if parts.is_empty() { "''".to_owned() } else { format!("({})", parts.join(" ~ ")) }
}

fn body(
    (request, boundary): (&RequestSpec, &str),
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Body {
    match &request.body {
        schema::BodySpec::None => Body::None,
        _ if !request.may_carry => {
            let kind = ProblemKind::BodyUnfit { method: request.method.to_string() };
            problems.report(request.name.span, kind);
            Body::None
        }
        schema::BodySpec::Json(node) => Body::Text(body::json(node, templates, problems)),
        schema::BodySpec::Form(pairs) => {
            Body::Text(body::pairs(pairs, Escape::Form, templates, problems))
        }
        schema::BodySpec::Graphql(graphql) => {
            Body::Text(body::graphql(graphql, templates, problems))
        }
        schema::BodySpec::File(file, _) => {
            let piece = templates.content(file).map(UploadPiece::File);
            Body::Upload(piece.into_iter().collect())
        }
        schema::BodySpec::Multipart(parts) => {
            body::multipart((parts, boundary), templates, problems)
        }
        schema::BodySpec::Text(text) => Body::Text(templates.compile(text, Escape::None, problems)),
    }
}

/// The assertions on a request's response. Whether a GraphQL answer has errors is looked at behind the status and before
/// anything else, for they explain what is missing.
fn checks(request: &RequestSpec) -> Vec<Check> {
    let mut checks: Vec<Check> = request.checks.iter().map(check).collect();
    if matches!(&request.body, schema::BodySpec::Graphql(graphql) if !graphql.allow_errors) {
        checks.sort_by_key(|check| !matches!(check, Check::Status(_)));
        let behind = checks.iter().filter(|check| matches!(check, Check::Status(_))).count();
        checks.insert(behind, Check::Graphql);
    }
    checks
}

pub(super) fn check(check: &schema::CheckSpec) -> Check {
    match check {
        schema::CheckSpec::Status(ranges) => Check::Status(StatusSet(ranges.clone())),
        schema::CheckSpec::Time(limit) => Check::Time(*limit),
        schema::CheckSpec::Size(limit) => Check::Size(*limit),
        schema::CheckSpec::Header(name, must) => Check::Header(name.clone(), must.clone()),
        schema::CheckSpec::Json(path, text, must) => {
            Check::Json(path.clone(), text.clone(), must.clone())
        }
        schema::CheckSpec::Body(must) => Check::Body(must.clone()),
        schema::CheckSpec::Hex(must) => Check::Hex(must.clone()),
    }
}

fn compile_capture(
    capture: &schema::CaptureSpec,
    templates: TemplateCompiler<'_>,
) -> Option<Capture> {
    let name = &capture.name.value;
    let slot: CaptureSlot = templates.slot(name)?;
    let from = capture.from.as_ref()?;
    let source = match from {
        schema::CaptureFrom::Json(path, text) => match json_keys(text) {
            Some(keys) if capture.take != CaptureTake::All => CaptureSource::JsonKeys(keys),
            _ => CaptureSource::Json(path.clone()),
        },
        schema::CaptureFrom::Regex(regex) => CaptureSource::Body(regex.clone()),
        schema::CaptureFrom::Header(name) => CaptureSource::Header(name.clone()),
        schema::CaptureFrom::Cookie(name) => CaptureSource::Cookie(name.clone()),
    };
    Some(Capture {
        slot,
        name: name.clone(),
        source,
        written: format!("{from}{}", templates.place(capture.name.span)),
        take: capture.take,
        unescape_html: capture.unescape_html,
        default: capture.default.clone(),
        secret: capture.secret.unwrap_or_else(|| sounds_secret(name)),
    })
}

/// `$.a.b` as its keys; such paths are found without building a tree.
fn json_keys(path: &str) -> Option<Vec<String>> {
    let keys: Vec<&str> = path.strip_prefix("$.")?.split('.').collect();
    let plain = |key: &&str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    keys.iter().all(plain).then(|| keys.into_iter().map(str::to_owned).collect())
}

/// What is called a token or password is kept out of reports, unless the author says otherwise.
fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "password", "secret", "jwt", "session", "api_key"]
        .iter()
        .any(|word| name.contains(word))
}
