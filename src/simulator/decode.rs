//! `simulation.yaml` → [`Simulation`], with every problem at once.

mod answer;
mod fault;
mod law;
mod limit;
mod route;
mod tier;
mod visit;

use http::{HeaderName, HeaderValue};

use super::declared::simulation::{ROOT, TOKEN};
use super::model::{ModelBalancing, ModelTierSpec, TierId};
use super::router::Router;
use super::simulation::{Simulation, TokenSpec};
use super::template::SimulationTemplates;
use crate::scenario::{
    EntityName, Fields, KeyNode, Node, Problem, ProblemKind, Problems, SourceId, Span, entries,
    text, yaml,
};
use crate::units::Nanos;

/// The path of the metrics unless the file names another.
const METRICS_PATH: &str = "/__sim/metrics";

/// What the parts of the file refer to by name.
#[derive(Debug, Default)]
struct DeclaredNames {
    tiers: Vec<String>,
    limits: Vec<String>,
    tokens: Vec<String>,
    /// Stores need no declaration: whatever a route creates is one.
    stores: Vec<String>,
}

impl Simulation {
    /// Reads a `simulation.yaml`. Spans point into the file that is known as `source`.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(text: &str, source: SourceId) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let simulation = yaml::parse(text, source, &mut problems)
            .and_then(|root| simulation(&root, &mut problems));
        match simulation {
            Some(simulation) if problems.is_empty() => Ok(simulation),
            _ => Err(problems.into_sorted()),
        }
    }
}

fn simulation(root: &Node, problems: &mut Problems) -> Option<Simulation> {
    let mut fields = Fields::of(root, &ROOT, problems)?;
    let name: Option<EntityName> = fields.read("name", problems);
    let tiers_node = fields.node("tiers", problems);
    let mut names = DeclaredNames::default();
    let tiers = tiers_node.map(|node| tier::tiers(node, &mut names, problems));
    let limits =
        fields.node("limits", problems).map(|node| limit::limits(node, &mut names, problems));
    let tokens = tokens(fields.node("tokens", problems), &mut names, problems);
    let known = tiers.as_deref().unwrap_or_default();
    let (faults, fault_sets) = fields
        .node("faults", problems)
        .map(|node| fault::faults(node, known, &names, problems))
        .unwrap_or_default();
    let mut templates = SimulationTemplates::new();
    let every = route::every_route(fields.node("every_route", problems), &names, problems);
    let routes_node = fields.node("routes", problems);
    let mut router = Router::default();
    let mut reader = route::RouteReader { names: &mut names, templates: &mut templates, every };
    let routes = routes_node.map(|node| reader.routes(node, &mut router, problems));
    let headers = fields.node("headers", problems).map(|node| constant_headers(node, problems));
    let metrics_path = fields.or("metrics", METRICS_PATH.to_owned(), problems);
    let trust_forwarded = fields.or("trust_forwarded", false, problems);
    let gzip = fields.or("gzip", false, problems);
    fields.finish(problems);
    let tiers = tiers?;
    Some(Simulation {
        name: name?.0.value,
        sticky_cookie: sticky_cookie(tiers_node, &tiers),
        tiers,
        faults,
        fault_sets,
        routes: routes?,
        router,
        limits: limits.unwrap_or_default(),
        tokens,
        stores: names.stores,
        templates,
        trust_forwarded,
        metrics_path,
        headers: headers.unwrap_or_default(),
        gzip,
    })
}

/// The cookie of the sticky tier, if there is one.
fn sticky_cookie(node: Option<&Node>, tiers: &[ModelTierSpec]) -> Option<String> {
    let tier = tiers.iter().find(|tier| tier.balancing == ModelBalancing::Sticky)?;
    let sticky = node?.get(&tier.name)?.get("balancing")?.get("sticky")?;
    text(sticky, "the name of a cookie", &mut Problems::default()).map(str::to_owned)
}

/// The kinds of tokens; without any, there is `session`, good for an hour.
fn tokens(
    node: Option<&Node>,
    names: &mut DeclaredNames,
    problems: &mut Problems,
) -> Vec<TokenSpec> {
    let mut tokens = Vec::new();
    let given = node.and_then(|node| entries(node, "names of tokens", problems));
    for (key, node) in given.unwrap_or_default() {
        if let Some(mut fields) = Fields::of(node, &TOKEN, problems) {
            let ttl = fields.read("ttl", problems);
            fields.finish(problems);
            names.tokens.push(key.text.clone());
            tokens.push(TokenSpec { name: key.text.clone(), ttl: ttl.unwrap_or_default() });
        }
    }
    if node.is_none() {
        names.tokens.push("session".to_owned());
        tokens.push(TokenSpec { name: "session".to_owned(), ttl: Nanos::from_secs(3_600) });
    }
    tokens
}

fn constant_headers(node: &Node, problems: &mut Problems) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (key, value) in entries(node, "names of headers", problems).unwrap_or_default() {
        let Some(name) = header_name(key, problems) else { continue };
        if let Some(value) = text(value, "a text", problems)
            .and_then(|found| header_value(found, value.span, problems))
        {
            headers.push((name, value));
        }
    }
    headers
}

fn header_name(key: &KeyNode, problems: &mut Problems) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(key.text.as_bytes()).ok();
    if name.is_none() {
        let kind = ProblemKind::BadHeader { found: key.text.clone(), what: "a header's name" };
        problems.report(key.span, kind);
    }
    name
}

fn header_value(found: &str, span: Span, problems: &mut Problems) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(found).ok();
    if value.is_none() {
        let kind = ProblemKind::BadHeader { found: found.to_owned(), what: "a header's value" };
        problems.report(span, kind);
    }
    value
}

/// The position of `name` in `known`.
fn position(
    name: &str,
    what: &'static str,
    known: &[String],
    span: Span,
    problems: &mut Problems,
) -> Option<usize> {
    let found = known.iter().position(|other| other == name);
    if found.is_none() {
        let kind = ProblemKind::UnknownName { what, name: name.to_owned(), known: known.to_vec() };
        problems.report(span, kind);
    }
    found
}

/// The tier that `node` names.
fn tier_id(node: &Node, names: &DeclaredNames, problems: &mut Problems) -> Option<TierId> {
    let name = text(node, "the name of a tier", problems)?;
    position(name, "tier", &names.tiers, node.span, problems).map(|at| TierId(at as u8))
}

/// A problem that only a simulation can have.
fn other(span: Span, message: impl Into<String>, hint: impl Into<String>, problems: &mut Problems) {
    let kind = ProblemKind::Other { message: message.into(), hint: Some(hint.into()) };
    problems.report(span, kind);
}

/// A status: 200 to 599.
fn status(node: &Node, problems: &mut Problems) -> Option<http::StatusCode> {
    let found = text(node, "a status", problems)?;
    let status = found.parse::<http::StatusCode>().ok();
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    if status.is_none() {
        let expected = "a status from 200 to 599";
        problems.report(node.span, ProblemKind::BadNumber { expected, found: found.to_owned() });
    }
    status
}

#[cfg(test)]
mod tests;
