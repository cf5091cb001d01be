//! Routes: which request, what it does in the stack, what it is answered.

use http::{Method, StatusCode};

use super::answer::answer;
use super::names::DeclaredNames;
use super::names::other;
use super::names::position;
use super::visit::{append, program};
use crate::declared::route::{AUTH, BACKGROUND, EVERY_ROUTE, ISSUE, METHOD_KEYS, ROUTE};
use crate::model::CallStep;
use crate::router::{PathPattern, Router};
use crate::simulation::{AuthSpec, BackgroundSpec, SimulatedRoute, TokenIssue};
use crate::template::SimulationTemplates;
use plimsoll_scenario::format::listed;
use plimsoll_scenario::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, list, one_or_many, text,
};

const METHODS: [(&str, Method); 6] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("head", Method::HEAD),
];

/// What holds for every route unless the route says otherwise.
#[derive(Debug, Default)]
pub(super) struct RouteDefaults {
    visits: Vec<CallStep>,
    limits: Vec<usize>,
}

/// `every_route: { visits: [ … ], limits: [ … ] }`.
pub(super) fn every_route(
    node: Option<&Node>,
    names: &DeclaredNames,
    problems: &mut Problems,
) -> RouteDefaults {
    let mut every = RouteDefaults::default();
    let Some(mut fields) = node.and_then(|node| Fields::of(node, &EVERY_ROUTE, problems)) else {
        return every;
    };
    if let Some(node) = fields.node("visits", problems) {
        append(node, names, &mut every.visits, problems);
    }
    every.limits = fields
        .node("limits", problems)
        .map(|node| limits(node, names, problems))
        .unwrap_or_default();
    fields.finish(problems);
    every
}

fn limits(node: &Node, names: &DeclaredNames, problems: &mut Problems) -> Vec<usize> {
    let mut found = Vec::new();
    for item in one_or_many(node) {
        if let Some(name) = text(item, "the name of a limit", problems) {
            found.extend(position(name, "limit", &names.limits, item.span, problems));
        }
    }
    found
}

/// Reads routes.
pub(super) struct RouteReader<'a> {
    pub(super) names: &'a mut DeclaredNames,
    pub(super) templates: &'a mut SimulationTemplates,
    pub(super) every: RouteDefaults,
}

impl RouteReader<'_> {
    /// Reads all routes and enters them into `router`.
    pub(super) fn routes(
        &mut self,
        node: &Node,
        router: &mut Router,
        problems: &mut Problems,
    ) -> Vec<SimulatedRoute> {
        let mut routes = Vec::new();
        for item in list(node, "a list of routes", problems).unwrap_or_default() {
            let before = problems.len();
            let route = self.route(item, router, routes.len(), problems);
            match route {
                Some(route) => routes.push(route),
                // Positions in the router must not shift; the simulation is refused anyway.
                None => debug_assert!(problems.len() > before, "a route was dropped silently"),
            }
        }
        routes
    }

    fn route(
        &mut self,
        node: &Node,
        router: &mut Router,
        index: usize,
        problems: &mut Problems,
    ) -> Option<SimulatedRoute> {
        let mut fields = Fields::of(node, &ROUTE, problems)?;
        let (name, pattern) = Self::pattern(&mut fields, router, index, problems)?;
        let bare = fields.or("bare", false, problems);
        let limits = match fields.node("limits", problems) {
            Some(node) => limits(node, self.names, problems),
            None if bare => Vec::new(),
            None => self.every.limits.clone(),
        };
        let prefix = if bare { &[][..] } else { self.every.visits.as_slice() };
        let program = program(prefix, fields.node("visits", problems), self.names, problems);
        let route = SimulatedRoute {
            name,
            limits,
            auth: fields.node("auth", problems).and_then(|node| self.auth(node, problems)),
            require: fields.or("require", Vec::new(), problems),
            program,
            key: fields.node("key", problems).and_then(|node| self.templates.text(node, problems)),
            find: fields
                .node("find", problems)
                .and_then(|node| self.find(node, &pattern, problems)),
            create: fields.node("create", problems).and_then(|node| self.store(node, problems)),
            change: fields
                .node("change", problems)
                .and_then(|node| self.templates.json(node, problems)),
            issue: fields.node("issue", problems).and_then(|node| self.issue(node, problems)),
            background: fields
                .node("background", problems)
                .and_then(|node| self.background(node, problems)),
            answer: answer(fields.node("answer", problems), self.templates, problems)?,
        };
        check(&route, node, problems);
        fields.finish(problems);
        Some(route)
    }

    fn pattern(
        fields: &mut Fields<'_>,
        router: &mut Router,
        index: usize,
        problems: &mut Problems,
    ) -> Option<(String, PathPattern)> {
        let given: Vec<(&Method, &(KeyNode, Node))> = METHODS
            .iter()
            .filter_map(|(word, method)| Some((method, fields.entry(word, problems)?)))
            .collect();
        let [(method, (_, node))] = given.as_slice() else {
            let (place, fields_known) = (ROUTE.place, listed(METHOD_KEYS));
            let kind = ProblemKind::NeedsOneOf { place, fields: fields_known };
            problems.report(fields.span(), kind);
            return None;
        };
        let path = text(node, "a path", problems)?;
        let Some(pattern) = PathPattern::parse(path) else {
            let hint = "write it like `/api/bookings/{id}`; `{*rest}` at the end takes all";
            other(node.span, format!("`{path}` is not the path of a route"), hint, problems);
            return None;
        };
        let name = format!("{method} {path}");
        if !router.add((*method).clone(), pattern.clone(), index) {
            let hint = "keep one of them; the second would never be reached";
            other(node.span, format!("the route `{name}` is given twice"), hint, problems);
        }
        Some((name, pattern))
    }

    /// `bearer`, or `{ token: playback, query: token, status: 403 }`.
    fn auth(&mut self, node: &Node, problems: &mut Problems) -> Option<AuthSpec> {
        if let NodeValue::Scalar(scalar) = &node.value
            && scalar.text == "bearer"
        {
            let (token, status) = (0, StatusCode::UNAUTHORIZED);
            return Some(AuthSpec { token, bearer: true, cookie: None, query: None, status });
        }
        let mut fields = Fields::of(node, &AUTH, problems)?;
        let auth = AuthSpec {
            token: self.token(&mut fields, problems),
            bearer: fields.or("bearer", false, problems),
            cookie: fields.read("cookie", problems),
            query: fields.read("query", problems),
            status: fields
                .node("status", problems)
                .and_then(|node| super::names::status(node, problems))
                .unwrap_or(StatusCode::UNAUTHORIZED),
        };
        fields.finish(problems);
        Some(auth)
    }

    /// The kind of token; the first that is declared, unless one is named.
    fn token(&mut self, fields: &mut Fields<'_>, problems: &mut Problems) -> usize {
        let node = fields.node("token", problems);
        let named = node.and_then(|node| {
            let name = text(node, "the name of a token", problems)?;
            position(name, "token", &self.names.tokens, node.span, problems)
        });
        named.unwrap_or(0)
    }

    /// `issue: { token: session, subject: "{{ body.email }}", cookie: sid }`.
    fn issue(&mut self, node: &Node, problems: &mut Problems) -> Option<TokenIssue> {
        let mut fields = Fields::of(node, &ISSUE, problems)?;
        let token = self.token(&mut fields, problems);
        let subject = fields.node("subject", problems);
        let subject = subject.and_then(|node| self.templates.text(node, problems));
        let cookie = fields.read("cookie", problems);
        fields.finish(problems);
        Some(TokenIssue { token, subject, cookie })
    }

    fn store(&mut self, node: &Node, problems: &mut Problems) -> Option<usize> {
        let name = String::decode(node, problems)?;
        let stores = &mut self.names.stores;
        Some(stores.iter().position(|known| *known == name).unwrap_or_else(|| {
            stores.push(name);
            stores.len() - 1
        }))
    }

    fn find(
        &mut self,
        node: &Node,
        pattern: &PathPattern,
        problems: &mut Problems,
    ) -> Option<usize> {
        if !pattern.has_parameter() {
            let hint = "give the path a parameter, like `/api/bookings/{id}`";
            other(node.span, "`find` needs a path that names the item", hint, problems);
        }
        self.store(node, problems)
    }

    /// `background: { visits: [ … ], then: { status: done } }`.
    fn background(&mut self, node: &Node, problems: &mut Problems) -> Option<BackgroundSpec> {
        let mut fields = Fields::of(node, &BACKGROUND, problems)?;
        let program = program(&[], fields.node("visits", problems), self.names, problems);
        let then = fields.node("then", problems);
        let then = then.and_then(|node| self.templates.json(node, problems));
        fields.finish(problems);
        Some(BackgroundSpec { program, then })
    }
}

/// What only makes sense together.
fn check(route: &SimulatedRoute, node: &Node, problems: &mut Problems) {
    if route.change.is_some() && route.find.is_none() {
        let hint = "add `find: STORE`, which also answers 404 for unknown items";
        other(node.span, "`change` needs an item to change", hint, problems);
    }
    if route.background.as_ref().is_some_and(|work| work.then.is_some()) && route.create.is_none() {
        let hint = "add `create: STORE`, so that the result has a place";
        other(node.span, "`then` needs an item to change", hint, problems);
    }
}
