//! `observe:`: where the stack's own metrics are read.

use serde_json_path::JsonPath;

use crate::declared::observe::{
    COMMAND_SOURCE, EXPORTER, HTTP_SOURCE, OBSERVE, QUERIES, TIER_OBSERVE,
};
use crate::decode::{text_map, texts};
use crate::schema::{json_path, own_header};
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Spanned, one_or_many};
use plimsoll_units::Nanos;

/// Where metrics are read, for the stack as a whole.
#[derive(Debug, Clone, Default)]
pub struct Observe {
    /// The base URL of Prometheus.
    pub prometheus: Option<Spanned<String>>,
    /// How often metrics are read; the observer's default if not given.
    pub every: Option<Nanos>,
    /// How long a source may take; the observer's default if not given.
    pub timeout: Option<Nanos>,
}

/// Where a tier's metrics are read. Several sources may give one metric; the first that answers counts.
#[derive(Debug, Clone, Default)]
pub struct TierObserve {
    /// Metrics by `PromQL` query.
    pub prometheus: Vec<(Spanned<String>, Spanned<String>)>,
    /// Exposition endpoints, one a replica or one for all.
    pub exporters: Vec<ExporterSpec>,
    /// Documents in JSON, one a replica or one for all.
    pub http: Vec<HttpSourceSpec>,
    /// Programs that print lines of JSON.
    pub commands: Vec<CommandSourceSpec>,
    /// A `PostgreSQL` connection string.
    pub postgres: Option<Spanned<String>>,
    /// A Redis URL.
    pub redis: Option<Spanned<String>>,
    /// Control groups, by path below the mount or absolute; one a replica.
    pub cgroups: Vec<Spanned<String>>,
    /// Processes on this machine: a file that holds a process id; one a replica.
    pub processes: Vec<Spanned<String>>,
}

/// An exposition endpoint.
#[derive(Debug, Clone)]
pub struct ExporterSpec {
    /// Its URL.
    pub url: Spanned<String>,
    /// Which ready-made mapping it gets: `node`, `postgres`, `redis`, `nginx`, `nodejs`, `cadvisor`; guessed
    /// from what it exposes if not given.
    pub preset: Option<Spanned<String>>,
    /// Further metrics: name here → series there, with labels if needed.
    pub metrics: Vec<(Spanned<String>, Spanned<String>)>,
}

/// A document in JSON that holds metrics.
#[derive(Debug, Clone)]
pub struct HttpSourceSpec {
    /// Its address.
    pub url: Spanned<String>,
    /// What is asked with it, by names in lower case.
    pub headers: Vec<(String, String)>,
    /// Where each metric stands in it.
    pub metrics: Vec<(Spanned<String>, JsonPath)>,
}

/// A program that prints lines of JSON that hold metrics.
#[derive(Debug, Clone)]
pub struct CommandSourceSpec {
    /// The program and its arguments; empty where the environment names none.
    pub run: Vec<Spanned<String>>,
    /// From one start to the next; the observer's default if not given.
    pub every: Option<Nanos>,
    /// How long it may take; the observer's default if not given.
    pub timeout: Option<Nanos>,
    /// What it gets as its environment.
    pub env: Vec<(String, String)>,
    /// Where a line says which replica it is about.
    pub replica: Option<JsonPath>,
    /// Where each metric stands in a line.
    pub metrics: Vec<(Spanned<String>, JsonPath)>,
}

impl Observe {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(mut fields) = Fields::of(node, &OBSERVE, problems) else {
            return Self::default();
        };
        let observe = Self {
            prometheus: fields.read("prometheus", problems),
            every: fields.read("every", problems),
            timeout: fields.read("timeout", problems),
        };
        fields.finish(problems);
        observe
    }
}

impl TierObserve {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(mut fields) = Fields::of(node, &TIER_OBSERVE, problems) else {
            return Self::default();
        };
        let observe = Self {
            prometheus: fields
                .node("prometheus", problems)
                .map(|node| queries(node, problems))
                .unwrap_or_default(),
            exporters: fields
                .node("exporter", problems)
                .map(|node| exporters(node, problems))
                .unwrap_or_default(),
            http: fields
                .node("http", problems)
                .map(|node| http_sources(node, problems))
                .unwrap_or_default(),
            commands: fields
                .node("command", problems)
                .map(|node| commands(node, problems))
                .unwrap_or_default(),
            postgres: fields.read("postgres", problems),
            redis: fields.read("redis", problems),
            cgroups: fields
                .node("cgroup", problems)
                .map(|node| texts(node, problems))
                .unwrap_or_default(),
            processes: fields
                .node("process", problems)
                .map(|node| texts(node, problems))
                .unwrap_or_default(),
        };
        fields.finish(problems);
        observe
    }
}

/// Settings of ready-made queries, and queries by metric.
fn queries(node: &Node, problems: &mut Problems) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(mut fields) = Fields::of(node, &QUERIES, problems) else { return vec![] };
    for name in QUERIES.names() {
        let _ = fields.node(name, problems);
    }
    fields.finish(problems);
    text_map(node, QUERIES.place, problems)
}

fn exporters(node: &Node, problems: &mut Problems) -> Vec<ExporterSpec> {
    one_or_many(node)
        .iter()
        .filter_map(|item| {
            if let NodeValue::Scalar(_) = item.value {
                let url = crate::Decode::decode(item, problems)?;
                return Some(ExporterSpec { url, preset: None, metrics: vec![] });
            }
            let mut fields = Fields::of(item, &EXPORTER, problems)?;
            let url = fields.read("url", problems);
            let preset = fields.read("preset", problems);
            let metrics = fields
                .node("metrics", problems)
                .map(|node| text_map(node, "a mapping of metrics to series", problems))
                .unwrap_or_default();
            fields.finish(problems);
            Some(ExporterSpec { url: url?, preset, metrics })
        })
        .collect()
}

fn http_sources(node: &Node, problems: &mut Problems) -> Vec<HttpSourceSpec> {
    let read = |item: &Node, problems: &mut Problems| {
        let mut fields = Fields::of(item, &HTTP_SOURCE, problems)?;
        let url = fields.read("url", problems);
        let headers = fields
            .node("headers", problems)
            .map(|node| text_map(node, "a mapping of headers", problems))
            .unwrap_or_default();
        let metrics = paths(fields.node("metrics", problems), problems);
        fields.finish(problems);
        let headers = headers.into_iter().filter_map(|(name, value)| {
            Some((own_header(&name, problems)?.as_str().to_owned(), value.value))
        });
        let headers = headers.collect();
        Some(HttpSourceSpec { url: url?, headers, metrics })
    };
    one_or_many(node).iter().filter_map(|item| read(item, problems)).collect()
}

/// Metrics and where each stands in a document.
fn paths(node: Option<&Node>, problems: &mut Problems) -> Vec<(Spanned<String>, JsonPath)> {
    let texts = node.map(|node| text_map(node, "a mapping of metrics to paths", problems));
    let texts = texts.unwrap_or_default().into_iter();
    texts
        .filter_map(|(name, path)| Some((name, json_path(&path.value, path.span, problems)?)))
        .collect()
}

fn commands(node: &Node, problems: &mut Problems) -> Vec<CommandSourceSpec> {
    let read = |item: &Node, problems: &mut Problems| {
        let mut fields = Fields::of(item, &COMMAND_SOURCE, problems)?;
        let run = fields.node("run", problems).map(|node| arguments(node, problems));
        let every = fields.read("every", problems);
        let timeout = fields.read("timeout", problems);
        let env = fields.node("env", problems);
        let env = env.map(|node| text_map(node, "a mapping of variables", problems));
        let replica: Option<Spanned<String>> = fields.read("replica", problems);
        let metrics = paths(fields.node("metrics", problems), problems);
        fields.finish(problems);
        let env = env.unwrap_or_default().into_iter();
        let env = env.map(|(name, value)| (name.value, value.value)).collect();
        let replica = replica.and_then(|path| json_path(&path.value, path.span, problems));
        Some(CommandSourceSpec { run: run?, every, timeout, env, replica, metrics })
    };
    one_or_many(node).iter().filter_map(|item| read(item, problems)).collect()
}

/// What only a shell would read.
const OF_SHELLS: [char; 10] = ['"', '\'', '|', '&', ';', '<', '>', '$', '`', '\\'];

/// The program and its arguments: a list of them, or a text that is split at blanks.
fn arguments(node: &Node, problems: &mut Problems) -> Vec<Spanned<String>> {
    let texts = texts(node, problems);
    if !matches!(node.value, NodeValue::Scalar(_)) {
        return texts;
    }
    let Some(text) = texts.into_iter().next() else { return vec![] };
    if text.value.contains(OF_SHELLS) {
        let message = "a command that is one text is split at blanks; no shell reads it".to_owned();
        let hint = "write a list, `[program, argument]`, or ask for a shell: `[sh, -c, 'a | b']`";
        let kind = ProblemKind::Other { message, hint: Some(hint.to_owned()) };
        problems.report(text.span, kind);
    }
    let words = text.value.split_whitespace();
    words.map(|word| Spanned { value: word.to_owned(), ..text.clone() }).collect()
}
