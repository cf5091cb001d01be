//! What a `simulation.yaml` says, read and checked.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::limit::LimitSpec;
use super::model::{CallProgram, Fault, FaultAction, ModelTierSpec, ServiceTimeLaw, TierId};
use super::router::Router;
use super::template::{AnswerText, SimulationTemplates};
use plimsoll_units::{Nanos, RunTime};

/// A stack to be played: its tiers, its routes, and what will happen to it.
#[derive(Debug)]
pub struct Simulation {
    /// Its name.
    pub name: String,
    /// The tiers. Replicas and cores may be changed before serving, to try another deployment.
    pub tiers: Vec<ModelTierSpec>,
    /// What goes wrong, and when, counted from the start of serving.
    pub faults: Vec<Fault>,
    /// Timelines that only happen when they are chosen; see [`use_faults`](Self::use_faults).
    pub fault_sets: BTreeMap<String, Vec<Fault>>,
    pub(super) routes: Vec<SimulatedRoute>,
    pub(super) router: Router,
    pub(super) limits: Vec<LimitSpec>,
    pub(super) tokens: Vec<TokenSpec>,
    pub(super) stores: Vec<String>,
    pub(super) templates: SimulationTemplates,
    pub(super) sticky_cookie: Option<String>,
    pub(super) trust_forwarded: bool,
    pub(super) metrics_path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) gzip: bool,
}

impl Simulation {
    /// The tier called `name`, to change its replicas or cores.
    pub fn tier_mut(&mut self, name: &str) -> Option<&mut ModelTierSpec> {
        self.tiers.iter_mut().find(|tier| tier.name == name)
    }

    /// Lets the faults of the set `name` happen too; `false` if there is no such set.
    pub fn use_faults(&mut self, name: &str) -> bool {
        let set = self.fault_sets.get(name).cloned();
        self.faults.extend(set.iter().flatten());
        set.is_some()
    }

    /// Makes visits to the tier `name` take `factor` times as long from the beginning on; `false` if there is no
    /// such tier.
    pub fn slow(&mut self, name: &str, factor: f64) -> bool {
        let Some(index) = self.tiers.iter().position(|tier| tier.name == name) else {
            return false;
        };
        let action = FaultAction::Slow { tier: TierId(index as u8), factor };
        self.faults.push(Fault { at: RunTime::ZERO, action });
        true
    }

    /// The kinds of tokens.
    pub fn token_names(&self) -> Vec<String> {
        self.tokens.iter().map(|token| token.name.clone()).collect()
    }

    /// Changes how long tokens called `name` are good; `false` if there are none.
    pub fn set_token_ttl(&mut self, name: &str, ttl: Nanos) -> bool {
        let token = self.tokens.iter_mut().find(|token| token.name == name);
        token.map(|token| token.ttl = ttl).is_some()
    }

    /// The routes as `METHOD /path`, each with what a request to it does in the stack.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &CallProgram)> {
        self.routes.iter().map(|route| (route.name.as_str(), &route.program))
    }

    /// The mean time that a request to a route with this program keeps cores of `tier` busy, caches missed.
    pub fn demand(program: &CallProgram, tier: TierId) -> Nanos {
        use super::model::CallStep;
        let span = |op: &CallStep| match op {
            CallStep::Visit { tier: visited, law } if *visited == tier => law.mean(),
            _ => Nanos::ZERO,
        };
        program.iter().map(span).sum()
    }
}

/// One kind of request and its answer.
#[derive(Debug)]
pub(super) struct SimulatedRoute {
    /// `GET /api/bookings/{id}`, as in metrics.
    pub(super) name: String,
    pub(super) limits: Vec<usize>,
    pub(super) auth: Option<AuthSpec>,
    /// Fields that the body must have.
    pub(super) require: Vec<String>,
    pub(super) program: CallProgram,
    /// What a cache knows the answer by; otherwise path and query.
    pub(super) key: Option<AnswerText>,
    /// The answer needs an item of this store, named by the last parameter of the path.
    pub(super) find: Option<usize>,
    /// The answer is kept in this store under its `id`.
    pub(super) create: Option<usize>,
    /// A JSON object that changes the item found.
    pub(super) change: Option<AnswerText>,
    pub(super) issue: Option<TokenIssue>,
    pub(super) background: Option<BackgroundSpec>,
    pub(super) answer: AnswerSpec,
}

/// Where a token is looked for, and what its absence means.
#[derive(Debug)]
pub(super) struct AuthSpec {
    pub(super) token: usize,
    pub(super) bearer: bool,
    pub(super) cookie: Option<String>,
    pub(super) query: Option<String>,
    pub(super) status: StatusCode,
}

/// A kind of token.
#[derive(Debug)]
pub(super) struct TokenSpec {
    pub(super) name: String,
    pub(super) ttl: Nanos,
}

/// A token that the answer hands out.
#[derive(Debug)]
pub(super) struct TokenIssue {
    pub(super) token: usize,
    pub(super) subject: Option<AnswerText>,
    pub(super) cookie: Option<String>,
}

/// Work that goes on after the answer.
#[derive(Debug)]
pub(super) struct BackgroundSpec {
    pub(super) program: CallProgram,
    /// A JSON object that changes the created item when the work is done.
    pub(super) then: Option<AnswerText>,
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct AnswerSpec {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, AnswerText)>,
    pub(super) content: AnswerContent,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum AnswerContent {
    Empty,
    Text {
        kind: HeaderValue,
        text: AnswerText,
    },
    /// Bytes of no meaning: a media segment, a file.
    Filler {
        kind: HeaderValue,
        bytes: Bytes,
    },
    Events(EventStreamSpec),
    WebSocket(WebSocketSpec),
}

/// Server-sent events.
#[derive(Debug)]
pub(super) struct EventStreamSpec {
    pub(super) count: u32,
    pub(super) every: ServiceTimeLaw,
    pub(super) data: AnswerText,
    /// A last event.
    pub(super) end: Option<AnswerText>,
}

/// A WebSocket that pushes and answers.
#[derive(Debug)]
pub(super) struct WebSocketSpec {
    /// Sent in answer to each message of the client.
    pub(super) reply: Option<AnswerText>,
    pub(super) push: Option<(ServiceTimeLaw, AnswerText)>,
    pub(super) ping: Option<Nanos>,
}
