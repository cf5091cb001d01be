//! A scenario in the making, and how it is written down.

use super::text::Text;
use super::yaml::{Entry, Value, document};
use crate::units::Nanos;

/// A scenario in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// Comment at the top.
    pub(super) head: Vec<String>,
    /// The system's name.
    pub(super) name: String,
    /// Where requests go if the environment says nothing.
    pub(super) target: String,
    /// Data sets: name, file, how a row is picked.
    pub(super) data: Vec<(String, String, &'static str)>,
    /// Headers of every request.
    pub(super) headers: Vec<(String, Text)>,
    /// Workloads, as they are written.
    pub(super) workloads: Vec<Entry>,
    /// The journeys.
    pub(super) journeys: Vec<Journey>,
}

/// One journey.
#[derive(Debug, Clone)]
pub(super) struct Journey {
    pub(super) name: String,
    /// Its share among all, where there are several.
    pub(super) weight: Option<u64>,
    pub(super) steps: Vec<Step>,
    pub(super) comment: Option<String>,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Request(Box<Request>),
    Parallel(Vec<Request>),
    Think(Nanos),
}

/// A request, or a stream that is opened with one.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The key of the step: `get`, `post`, `sse`, `websocket`, …
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Scheme and host with a variable before them, where it is not the target.
    pub(super) origin: Option<Text>,
    /// Segments of the path, percent-encoded as they go over the wire.
    pub(super) path: Vec<Text>,
    /// The query as names and values, still encoded.
    pub(super) query: Vec<(String, Option<Text>)>,
    pub(super) headers: Vec<(String, Text)>,
    pub(super) bearer: Option<Text>,
    pub(super) basic: Option<(Text, Text)>,
    pub(super) body: Body,
    /// As written: `200`, `2xx`, `[200, 201]`.
    pub(super) status: Option<String>,
    pub(super) captures: Vec<Capture>,
    pub(super) tag: Option<&'static str>,
    /// Further fields, as they are written.
    pub(super) extra: Vec<Entry>,
    pub(super) comment: Option<String>,
}

/// What a request carries.
#[derive(Debug, Clone, Default)]
pub(super) enum Body {
    #[default]
    None,
    Json(Json),
    Form(Vec<(String, Text)>),
    Text(Text),
    /// Parts of an upload.
    Multipart(Vec<(String, Part)>),
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(Text),
    File { filename: String, media_type: Option<String>, size: u64 },
}

/// JSON whose texts may be replaced.
#[derive(Debug, Clone)]
pub(super) enum Json {
    /// Null, a truth value or a number.
    Scalar(serde_json::Value),
    Text(Text),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// A value that a later step uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) name: String,
    pub(super) from: Source,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON path.
    Json(String),
    Regex(String),
    Header(String),
    Cookie(String),
}

/// The kind of step that sends `method`.
pub(super) fn kind_of(method: &str) -> &'static str {
    match method {
        "POST" => "post",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "HEAD" => "head",
        _ => "get",
    }
}

impl Request {
    /// A request of the target's `path`.
    pub(super) fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            origin: None,
            path: vec![],
            query: vec![],
            headers: vec![],
            bearer: None,
            basic: None,
            body: Body::None,
            status: None,
            captures: vec![],
            tag: None,
            extra: vec![],
            comment: None,
        }
    }

    /// Every text in it that could hold a value from elsewhere.
    pub(super) fn texts_mut(&mut self) -> Vec<&mut Text> {
        let mut texts: Vec<&mut Text> = self.path.iter_mut().collect();
        texts.extend(self.query.iter_mut().filter_map(|(_, text)| text.as_mut()));
        texts.extend(self.headers.iter_mut().map(|(_, text)| text));
        texts.extend(self.bearer.as_mut());
        if let Some((user, password)) = &mut self.basic {
            texts.extend([user, password]);
        }
        match &mut self.body {
            Body::None => {}
            Body::Json(json) => json.texts_mut(&mut texts),
            Body::Form(pairs) => texts.extend(pairs.iter_mut().map(|(_, text)| text)),
            Body::Text(text) => texts.push(text),
            Body::Multipart(parts) => {
                texts.extend(parts.iter_mut().filter_map(|(_, part)| match part {
                    Part::Text(text) => Some(text),
                    Part::File { .. } => None,
                }));
            }
        }
        texts
    }

    /// The URL as it is written: the path, and a query that is short enough to stand in it.
    fn url(&self, with_query: bool) -> String {
        let mut url = Text(self.origin.iter().flat_map(|origin| origin.0.clone()).collect());
        for segment in &self.path {
            url.0.push(super::text::Piece::Literal("/".to_owned()));
            url.0.extend(segment.0.iter().cloned());
        }
        if self.path.is_empty() && self.origin.is_none() {
            url = Text::literal("/");
        }
        for (index, (name, value)) in self.query.iter().enumerate().filter(|_| with_query) {
            let sign = if index == 0 { '?' } else { '&' };
            let equals = if value.is_some() { "=" } else { "" };
            url.0.push(super::text::Piece::Literal(format!("{sign}{name}{equals}")));
            url.0.extend(value.iter().flat_map(|value| value.0.clone()));
        }
        merged(url).written()
    }

    fn entry(&self) -> Entry {
        let mut fields = vec![Entry::new("name", Value::text(&self.name))];
        fields.push(Entry::new("url", Value::text(self.url(true))));
        let texts = |pairs: &[(String, Text)]| {
            let entries =
                pairs.iter().map(|(key, text)| Entry::new(key, Value::text(text.written())));
            Value::Map(entries.collect())
        };
        if !self.headers.is_empty() {
            fields.push(Entry::new("headers", texts(&self.headers)));
        }
        if let Some(token) = &self.bearer {
            fields.push(Entry::new("bearer", Value::text(token.written())));
        }
        if let Some((user, password)) = &self.basic {
            let pair =
                [("user".to_owned(), user.clone()), ("password".to_owned(), password.clone())];
            fields.push(Entry::new("basic", texts(&pair)));
        }
        match &self.body {
            Body::None => {}
            Body::Json(json) => fields.push(Entry::new("json", json.value())),
            Body::Form(pairs) => fields.push(Entry::new("form", texts(pairs))),
            Body::Text(text) => fields.push(Entry::new("body", Value::text(text.written()))),
            Body::Multipart(parts) => {
                let parts = parts.iter().map(|(name, part)| Entry::new(name, part.value()));
                fields.push(Entry::new("multipart", Value::Map(parts.collect())));
            }
        }
        if let Some(status) = &self.status {
            fields.push(Entry::new("check", Value::only("status", Value::plain(status))));
        }
        if !self.captures.is_empty() {
            let captures =
                self.captures.iter().map(|capture| Entry::new(&capture.name, capture.from.value()));
            fields.push(Entry::new("capture", Value::Map(captures.collect())));
        }
        fields.extend(self.extra.iter().cloned());
        if let Some(tag) = self.tag {
            fields.push(Entry::new("tags", Value::text(tag)));
        }
        let entry = Entry::new(self.kind, Value::Map(fields));
        match &self.comment {
            Some(comment) => entry.with_comment(comment),
            None => entry,
        }
    }
}

/// Literals side by side become one, so that what stands at their seam is escaped as well.
fn merged(text: Text) -> Text {
    use super::text::Piece::Literal;
    let mut pieces = vec![];
    for piece in text.0 {
        match (pieces.last_mut(), piece) {
            (Some(Literal(before)), Literal(more)) => before.push_str(&more),
            (_, piece) => pieces.push(piece),
        }
    }
    Text(pieces)
}

impl Source {
    fn value(&self) -> Value {
        let only = |key, text: &str| Value::only(key, Value::text(text));
        match self {
            Self::Json(path) => Value::text(path),
            Self::Regex(pattern) => only("regex", pattern),
            Self::Header(name) => only("header", name),
            Self::Cookie(name) => only("cookie", name),
        }
    }
}

impl Part {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::text(text.written()),
            Self::File { filename, media_type, size } => {
                let mut fields = vec![
                    Entry::new("filename", Value::text(Text::literal(filename).written())),
                    Entry::new("size", Value::plain(format!("{size} B"))),
                ];
                if let Some(media_type) = media_type {
                    fields.push(Entry::new("type", Value::text(media_type)));
                }
                Value::Map(fields)
            }
        }
    }
}

impl Json {
    /// JSON as recorded: a text in it is a literal.
    pub(super) fn recorded(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self::Text(Text::literal(text)),
            serde_json::Value::Array(items) => {
                Self::List(items.iter().map(Self::recorded).collect())
            }
            serde_json::Value::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| (key.clone(), Self::recorded(value))).collect(),
            ),
            scalar => Self::Scalar(scalar.clone()),
        }
    }

    fn texts_mut<'t>(&'t mut self, texts: &mut Vec<&'t mut Text>) {
        match self {
            Self::Scalar(_) => {}
            Self::Text(text) => texts.push(text),
            Self::List(items) => items.iter_mut().for_each(|item| item.texts_mut(texts)),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, item)| item.texts_mut(texts)),
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Scalar(scalar) => Value::Plain(scalar.to_string()),
            Self::Text(text) => Value::text(text.written()),
            Self::List(items) => Value::List(items.iter().map(Self::value).collect()),
            Self::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, item)| Entry::new(Text::literal(key).written(), item.value()))
                    .collect(),
            ),
        }
    }
}

impl Step {
    fn value(&self) -> Value {
        match self {
            Self::Request(request) => Value::Map(vec![request.entry()]),
            Self::Parallel(requests) => {
                let requests =
                    requests.iter().map(|request| Value::Map(vec![request.entry()])).collect();
                Value::Map(vec![Entry::block("parallel", Value::List(requests))])
            }
            Self::Think(span) => Value::only("think", Value::plain(span.to_string())),
        }
    }
}

impl Draft {
    /// The text of `scenario.yaml`.
    pub(super) fn written(&self) -> String {
        let variable = self.name.to_ascii_uppercase();
        let target = format!("${{{variable}_URL:-{}}}", self.target);
        let mut entries = vec![
            Entry::new("name", Value::text(&self.name)),
            Entry::new("target", Value::text(target)),
        ];
        if !self.data.is_empty() {
            let sets = self.data.iter().map(|(name, file, pick)| {
                let fields = [("file", file.as_str()), ("pick", pick)];
                let fields = fields.map(|(key, value)| Entry::new(key, Value::text(value)));
                Entry::new(name, Value::Map(fields.into()))
            });
            entries.push(Entry::block("data", Value::Map(sets.collect())));
        }
        if !self.headers.is_empty() {
            let headers = self
                .headers
                .iter()
                .map(|(name, text)| Entry::new(name, Value::text(text.written())))
                .collect();
            let headers = Entry::new("headers", Value::Map(headers));
            entries.push(Entry::block("http", Value::Map(vec![headers])));
        }
        entries.push(Entry::block("workloads", Value::Map(self.workloads.clone())));
        let journeys = self.journeys.iter().map(Journey::entry).collect();
        entries.push(Entry::block("scenarios", Value::Map(journeys)));
        entries.push(first_objectives());
        document(&self.head, &entries)
    }
}

impl Journey {
    fn entry(&self) -> Entry {
        let mut fields = vec![];
        if let Some(weight) = self.weight {
            fields.push(Entry::new("weight", Value::plain(weight.to_string())));
        }
        let steps = self.steps.iter().map(Step::value).collect();
        fields.push(Entry::block("flow", Value::List(steps)));
        let entry = Entry::block(&self.name, Value::Map(fields));
        match &self.comment {
            Some(comment) => entry.with_comment(comment),
            None => entry,
        }
    }
}

/// A table to begin with: no recording says what users need.
fn first_objectives() -> Entry {
    let row = |target: &str, max: &str| {
        Value::Map(vec![
            Entry::new("target", Value::plain(target)),
            Entry::new("max", Value::plain(max)),
        ])
    };
    let rows =
        vec![Entry::new("p95", row("500ms", "1s")), Entry::new("error_rate", row("0.1%", "1%"))];
    Entry::block("slo", Value::Map(rows))
        .with_comment("To begin with: write here what your users need.")
}

/// A workload of stages, each a rate and a time.
pub(super) fn stages(name: &str, stages: &[(String, Nanos)]) -> Entry {
    let stages = stages.iter().map(|(rate, span)| {
        Value::Map(vec![
            Entry::new("rate", Value::plain(rate)),
            Entry::new("duration", Value::plain(span.to_string())),
        ])
    });
    let stages = Value::List(stages.collect());
    Entry::new(name, Value::Map(vec![Entry::new("stages", stages)]))
}
