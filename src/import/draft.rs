//! A scenario in the making, and how it is written down.

mod body;
mod json;
mod stages;

pub(super) use self::body::{BodyDraft, UploadPartDraft};
use self::body::{multipart, name};
pub(super) use self::json::JsonDraft;
pub(super) use self::stages::StagesDraft;
use super::text::{DraftText, TextPiece};
use super::yaml::{YamlEntry, YamlValue, document};
use plimsoll_units::Nanos;

/// A scenario in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct ScenarioDraft {
    /// Comment at the top.
    pub(super) head: Vec<String>,
    /// The system's name.
    pub(super) name: String,
    /// Where requests go if the environment says nothing.
    pub(super) target: String,
    /// Data sets: name, file, how a row is picked.
    pub(super) data: Vec<(String, String, &'static str)>,
    /// Headers of every request.
    pub(super) headers: Vec<(String, DraftText)>,
    /// Workloads, as they are written.
    pub(super) workloads: Vec<YamlEntry>,
    /// The journeys.
    pub(super) journeys: Vec<JourneyDraft>,
    /// Users with a real browser, as they are written.
    pub(super) browsers: Vec<YamlEntry>,
    /// Rows of the SLO table; a table to begin with where there are none.
    pub(super) objectives: Vec<YamlEntry>,
}

/// One journey.
#[derive(Debug, Clone)]
pub(super) struct JourneyDraft {
    pub(super) name: String,
    /// Its share among all, where there are several.
    pub(super) weight: Option<u64>,
    pub(super) steps: Vec<StepDraft>,
    pub(super) comment: Option<String>,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) enum StepDraft {
    Request(Box<RequestDraft>),
    Parallel(Vec<RequestDraft>),
    Think(Nanos),
    /// A think time by a law, as it is written.
    Law(YamlValue),
    /// A step with steps inside: `repeat`, `if`, `poll`.
    Nested {
        key: &'static str,
        fields: Vec<YamlEntry>,
        flow: Vec<StepDraft>,
    },
    /// One of several steps, drawn anew each time.
    Choose(Vec<StepDraft>),
}

/// A request, or a stream that is opened with one.
#[derive(Debug, Clone)]
pub(super) struct RequestDraft {
    /// The key of the step: `get`, `post`, `sse`, `websocket`, …
    pub(super) kind: &'static str,
    /// The method of a `request`.
    pub(super) method: Option<String>,
    pub(super) name: String,
    /// Scheme and host with a variable before them, where it is not the target.
    pub(super) origin: Option<DraftText>,
    /// Segments of the path, percent-encoded as they go over the wire.
    pub(super) path: Vec<DraftText>,
    /// The query as names and values, still encoded.
    pub(super) query: Vec<(String, Option<DraftText>)>,
    pub(super) headers: Vec<(String, DraftText)>,
    pub(super) bearer: Option<DraftText>,
    pub(super) basic: Option<(DraftText, DraftText)>,
    pub(super) body: BodyDraft,
    /// As written: `200`, `2xx`, `[200, 201]`.
    pub(super) status: Option<String>,
    /// Checks besides the status, as they are written.
    pub(super) checks: Vec<YamlEntry>,
    pub(super) captures: Vec<CaptureDraft>,
    pub(super) tag: Option<&'static str>,
    /// What a WebSocket sends.
    pub(super) send: Vec<JsonDraft>,
    /// Further fields, as they are written.
    pub(super) extra: Vec<YamlEntry>,
    pub(super) comment: Option<String>,
}

/// A value that a later step uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaptureDraft {
    pub(super) name: String,
    pub(super) from: CaptureOrigin,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CaptureOrigin {
    /// A JSON path.
    Json(String),
    Regex(String),
    /// The same of a page, in which entities of HTML stand for their characters.
    HtmlRegex(String),
    Header(String),
    Cookie(String),
}

/// Whether a step can send `method`: any but what asks a proxy for a tunnel.
pub(super) fn is_sent(method: &str) -> bool {
    method.len() <= METHOD_MAX
        && method.parse().is_ok_and(|method: ::http::Method| method != ::http::Method::CONNECT)
}

/// A longer name of a method is a mistake.
const METHOD_MAX: usize = 40;

/// The kind of step that sends `method`.
fn kind_of(method: &str) -> &'static str {
    match method {
        "GET" => "get",
        "POST" => "post",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "HEAD" => "head",
        "OPTIONS" => "options",
        _ => "request",
    }
}

impl RequestDraft {
    /// A request of a method, which [`is_sent`].
    pub(super) fn of_method(method: &str, name: impl Into<String>) -> Self {
        let kind = kind_of(method);
        let method = (kind == "request").then(|| method.to_owned());
        Self { method, ..Self::new(kind, name) }
    }

    /// A request of the target's `path`.
    pub(super) fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind,
            method: None,
            name: name.into(),
            origin: None,
            path: vec![],
            query: vec![],
            headers: vec![],
            bearer: None,
            basic: None,
            body: BodyDraft::None,
            status: None,
            checks: vec![],
            captures: vec![],
            tag: None,
            send: vec![],
            extra: vec![],
            comment: None,
        }
    }

    /// Every text in it that could hold a value from elsewhere.
    pub(super) fn texts_mut(&mut self) -> Vec<&mut DraftText> {
        let mut texts: Vec<&mut DraftText> = self.path.iter_mut().collect();
        texts.extend(self.query.iter_mut().filter_map(|(_, text)| text.as_mut()));
        texts.extend(self.headers.iter_mut().map(|(_, text)| text));
        texts.extend(self.bearer.as_mut());
        if let Some((user, password)) = &mut self.basic {
            texts.extend([user, password]);
        }
        match &mut self.body {
            BodyDraft::None => {}
            BodyDraft::Json(json) => json.texts_mut(&mut texts),
            BodyDraft::Form(pairs) => texts.extend(pairs.iter_mut().map(|(_, text)| text)),
            BodyDraft::Text(text) => texts.push(text),
            BodyDraft::Multipart(parts) => {
                texts.extend(parts.iter_mut().filter_map(|(_, part)| match part {
                    UploadPartDraft::Text(text) => Some(text),
                    UploadPartDraft::File { .. } => None,
                }));
            }
        }
        self.send.iter_mut().for_each(|message| message.texts_mut(&mut texts));
        texts
    }

    /// The URL as it is written: the path, and a query that is short enough to stand in it.
    pub(super) fn url(&self, with_query: bool) -> String {
        let mut url = DraftText(self.origin.iter().flat_map(|origin| origin.0.clone()).collect());
        for segment in &self.path {
            url.0.push(TextPiece::Literal("/".to_owned()));
            url.0.extend(segment.0.iter().cloned());
        }
        if self.path.is_empty() && self.origin.is_none() {
            url = DraftText::literal("/");
        }
        for (index, (name, value)) in self.query.iter().enumerate().filter(|_| with_query) {
            let sign = if index == 0 { '?' } else { '&' };
            let equals = if value.is_some() { "=" } else { "" };
            url.0.push(TextPiece::Literal(format!("{sign}{name}{equals}")));
            url.0.extend(value.iter().flat_map(|value| value.0.clone()));
        }
        url.merged().written()
    }

    fn entry(&self) -> YamlEntry {
        // `get` carries no body.
        let (kind, method) = match (self.kind, &self.body) {
            ("get", BodyDraft::None) => ("get", None),
            ("get", _) => ("request", Some("GET")),
            (kind, _) => (kind, self.method.as_deref()),
        };
        let method = method.map(|method| YamlEntry::new("method", YamlValue::text(method)));
        let mut fields: Vec<YamlEntry> = method.into_iter().collect();
        fields.push(YamlEntry::new("name", YamlValue::text(&self.name)));
        fields.push(YamlEntry::new("url", YamlValue::text(self.url(true))));
        let texts = |pairs: &[(String, DraftText)]| {
            let entries = pairs
                .iter()
                .map(|(key, text)| YamlEntry::new(key, YamlValue::text(text.written())));
            YamlValue::Map(entries.collect())
        };
        if !self.headers.is_empty() {
            fields.push(YamlEntry::new("headers", texts(&self.headers)));
        }
        if let Some(token) = &self.bearer {
            fields.push(YamlEntry::new("bearer", YamlValue::text(token.written())));
        }
        if let Some((user, password)) = &self.basic {
            let pair =
                [("user".to_owned(), user.clone()), ("password".to_owned(), password.clone())];
            fields.push(YamlEntry::new("basic", texts(&pair)));
        }
        match &self.body {
            BodyDraft::None => {}
            BodyDraft::Json(json) => fields.push(YamlEntry::new("json", json.value())),
            BodyDraft::Form(pairs) => {
                let pairs: Vec<(String, DraftText)> =
                    pairs.iter().map(|(key, text)| (name(key), text.clone())).collect();
                fields.push(YamlEntry::new("form", texts(&pairs)));
            }
            BodyDraft::Text(text) => {
                fields.push(YamlEntry::new("body", YamlValue::text(text.written())));
            }
            BodyDraft::Multipart(parts) => {
                fields.push(YamlEntry::new("multipart", multipart(parts)));
            }
        }
        let status =
            self.status.iter().map(|status| YamlEntry::new("status", YamlValue::plain(status)));
        let checks: Vec<YamlEntry> = status.chain(self.checks.iter().cloned()).collect();
        if !checks.is_empty() {
            fields.push(YamlEntry::new("check", YamlValue::Map(checks)));
        }
        if !self.captures.is_empty() {
            let captures = self
                .captures
                .iter()
                .map(|capture| YamlEntry::new(&capture.name, capture.from.value()));
            fields.push(YamlEntry::new("capture", YamlValue::Map(captures.collect())));
        }
        if !self.send.is_empty() {
            let messages = self.send.iter().map(JsonDraft::value).collect();
            fields.push(YamlEntry::new("send", YamlValue::List(messages)));
        }
        fields.extend(self.extra.iter().cloned());
        if let Some(tag) = self.tag {
            fields.push(YamlEntry::new("tags", YamlValue::text(tag)));
        }
        let entry = YamlEntry::new(kind, YamlValue::Map(fields));
        match &self.comment {
            Some(comment) => entry.with_comment(comment),
            None => entry,
        }
    }
}

impl CaptureOrigin {
    fn value(&self) -> YamlValue {
        let only = |key, text: &str| YamlValue::only(key, YamlValue::text(text));
        match self {
            Self::Json(path) => YamlValue::text(path),
            Self::Regex(pattern) => only("regex", pattern),
            Self::HtmlRegex(pattern) => YamlValue::Map(vec![
                YamlEntry::new("regex", YamlValue::text(pattern)),
                YamlEntry::new("unescape_html", YamlValue::plain("true")),
            ]),
            Self::Header(name) => only("header", name),
            Self::Cookie(name) => only("cookie", name),
        }
    }
}

impl StepDraft {
    /// Every request in it.
    pub(super) fn requests_mut(&mut self) -> Vec<&mut RequestDraft> {
        match self {
            Self::Request(request) => vec![request],
            Self::Parallel(requests) => requests.iter_mut().collect(),
            Self::Think(_) | Self::Law(_) => vec![],
            Self::Nested { flow, .. } | Self::Choose(flow) => {
                flow.iter_mut().flat_map(Self::requests_mut).collect()
            }
        }
    }

    fn value(&self) -> YamlValue {
        match self {
            Self::Request(request) => YamlValue::Map(vec![request.entry()]),
            Self::Parallel(requests) => {
                let requests =
                    requests.iter().map(|request| YamlValue::Map(vec![request.entry()])).collect();
                YamlValue::Map(vec![YamlEntry::block("parallel", YamlValue::List(requests))])
            }
            Self::Think(span) => YamlValue::only("think", YamlValue::plain(span.to_string())),
            Self::Law(law) => YamlValue::only("think", law.clone()),
            Self::Nested { key, fields, flow } => {
                let mut fields = fields.clone();
                let flow = flow.iter().map(Self::value).collect();
                fields.push(YamlEntry::block("flow", YamlValue::List(flow)));
                YamlValue::Map(vec![YamlEntry::block(*key, YamlValue::Map(fields))])
            }
            Self::Choose(steps) => {
                let branch = |step: &Self| {
                    let flow = YamlEntry::block("flow", YamlValue::List(vec![step.value()]));
                    YamlValue::Map(vec![flow])
                };
                let branches = YamlValue::List(steps.iter().map(branch).collect());
                YamlValue::Map(vec![YamlEntry::block("choose", branches)])
            }
        }
    }
}

impl ScenarioDraft {
    /// The text of `scenario.yaml`.
    pub(super) fn written(&self) -> String {
        let variable = self.name.to_ascii_uppercase();
        let target = format!("${{{variable}_URL:-{}}}", self.target);
        let mut entries = vec![
            YamlEntry::new("name", YamlValue::text(&self.name)),
            YamlEntry::new("target", YamlValue::text(target)),
        ];
        if !self.data.is_empty() {
            let sets = self.data.iter().map(|(name, file, pick)| {
                let mut fields = vec![("file", file.as_str()), ("pick", pick)];
                // Who gives each row once ends with the last one.
                fields.extend((*pick == "once").then_some(("when_used_up", "stop")));
                let field =
                    |(key, value): (&str, &str)| YamlEntry::new(key, YamlValue::text(value));
                YamlEntry::new(name, YamlValue::Map(fields.into_iter().map(field).collect()))
            });
            entries.push(YamlEntry::block("data", YamlValue::Map(sets.collect())));
        }
        if !self.headers.is_empty() {
            let headers = self
                .headers
                .iter()
                .map(|(name, text)| YamlEntry::new(name, YamlValue::text(text.written())))
                .collect();
            let headers = YamlEntry::new("headers", YamlValue::Map(headers));
            entries.push(YamlEntry::block("http", YamlValue::Map(vec![headers])));
        }
        entries.push(YamlEntry::block("workloads", YamlValue::Map(self.workloads.clone())));
        let journeys = self.journeys.iter().map(JourneyDraft::entry).collect();
        entries.push(YamlEntry::block("scenarios", YamlValue::Map(journeys)));
        if !self.browsers.is_empty() {
            entries.push(YamlEntry::block("browsers", YamlValue::Map(self.browsers.clone())));
        }
        entries.push(if self.objectives.is_empty() {
            first_objectives()
        } else {
            YamlEntry::block("slo", YamlValue::Map(self.objectives.clone()))
        });
        document(&self.head, &entries)
    }
}

impl JourneyDraft {
    fn entry(&self) -> YamlEntry {
        let mut fields = vec![];
        if let Some(weight) = self.weight {
            fields.push(YamlEntry::new("weight", YamlValue::plain(weight.to_string())));
        }
        let steps = self.steps.iter().map(StepDraft::value).collect();
        fields.push(YamlEntry::block("flow", YamlValue::List(steps)));
        let entry = YamlEntry::block(&self.name, YamlValue::Map(fields));
        match &self.comment {
            Some(comment) => entry.with_comment(comment),
            None => entry,
        }
    }
}

/// A table to begin with: no recording says what users need.
fn first_objectives() -> YamlEntry {
    let row = |target: &str, max: &str| {
        YamlValue::Map(vec![
            YamlEntry::new("target", YamlValue::plain(target)),
            YamlEntry::new("max", YamlValue::plain(max)),
        ])
    };
    let rows = vec![
        YamlEntry::new("p95", row("500ms", "1s")),
        YamlEntry::new("error_rate", row("0.1%", "1%")),
    ];
    YamlEntry::block("slo", YamlValue::Map(rows))
        .with_comment("To begin with: write here what your users need.")
}

/// A workload of stages, each a rate and a time.
pub(super) fn stages(name: &str, stages: &[(String, Nanos)]) -> YamlEntry {
    let stages = stages.iter().map(|(rate, span)| {
        YamlValue::Map(vec![
            YamlEntry::new("rate", YamlValue::plain(rate)),
            YamlEntry::new("duration", YamlValue::plain(span.to_string())),
        ])
    });
    let stages = YamlValue::List(stages.collect());
    YamlEntry::new(name, YamlValue::Map(vec![YamlEntry::new("stages", stages)]))
}
