//! `simulation.yaml` → [`Simulation`], with every problem at once.

mod answer;
mod asset;
mod fault;
mod law;
mod limit;
mod names;
mod route;
#[cfg(test)]
mod tests;
mod tier;
mod visit;

use plimsoll_scenario::{
    EntityName, Fields, Node, Problem, Problems, SourceId, entries, text, yaml,
};
use plimsoll_units::Nanos;

use super::declared::simulation::{ROOT, TOKEN};
use super::model::{ModelBalancing, ModelTierSpec};
use super::router::Router;
use super::simulation::{Simulation, TokenSpec};
use super::template::SimulationTemplates;

use names::{DeclaredNames, constant_headers};

/// The path of the metrics unless the file names another.
const METRICS_PATH: &str = "/__sim/metrics";

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
