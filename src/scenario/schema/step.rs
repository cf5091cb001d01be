//! The steps of a flow.

use super::delay::{DelaySpec, law};
use super::failure::read_end;
use super::graphql;
use super::request::RequestSpec;
use super::stream::{PlaybackSpec, StreamSpec};
use super::workload::positive;
use crate::declared::flow::{BRANCH, FOREACH, IF, POLL, REPEAT, STEP, WHILE};
use crate::names::EntityName;
use crate::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, Span, Spanned, list, text,
};
use plimsoll_units::Nanos;

/// One step of a flow.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Send a request.
    Request(Box<RequestSpec>),
    /// Do nothing for a while.
    Think(DelaySpec),
    /// Do what a named flow does.
    Use(Spanned<String>),
    /// Do something several times.
    Repeat {
        /// Least and greatest number of rounds.
        times: (u32, u32),
        /// What is done.
        flow: Vec<StepSpec>,
    },
    /// Do nothing for as long as data say: a template.
    ThinkBy(Spanned<String>),
    /// Do something as often as data say.
    RepeatBy(Box<RepeatBySpec>),
    /// Do something for each item of a list.
    ForEach(Box<ForEachSpec>),
    /// Do something as long as a condition holds.
    While(Box<WhileSpec>),
    /// Do something on a condition.
    If {
        /// An expression.
        when: Spanned<String>,
        /// What is done where it holds.
        then: Vec<StepSpec>,
        /// What is done where it does not.
        otherwise: Vec<StepSpec>,
    },
    /// Do one of several things.
    Choose(Vec<Branch>),
    /// Send several requests at once.
    Parallel(Vec<RequestSpec>),
    /// Wait until so much time has passed since the last such step, or since the iteration began.
    Pace(Nanos),
    /// Do something again and again until a condition holds.
    Poll(Box<PollSpec>),
    /// Open a stream of events or messages.
    Stream(Box<StreamSpec>),
    /// Watch a video.
    Playback(Box<PlaybackSpec>),
}

impl StepSpec {
    /// The lists of steps that it holds.
    pub fn inner(&self) -> Vec<&[StepSpec]> {
        match &self.kind {
            StepKind::Repeat { flow, .. } => vec![flow],
            StepKind::RepeatBy(repeat) => vec![&repeat.flow],
            StepKind::ForEach(each) => vec![&each.flow],
            StepKind::While(held) => vec![&held.flow],
            StepKind::If { then, otherwise, .. } => vec![then, otherwise],
            StepKind::Choose(branches) => {
                branches.iter().map(|branch| branch.flow.as_slice()).collect()
            }
            StepKind::Poll(poll) => vec![&poll.flow],
            StepKind::Request(_)
            | StepKind::Think(_)
            | StepKind::ThinkBy(_)
            | StepKind::Use(_)
            | StepKind::Parallel(_)
            | StepKind::Pace(_)
            | StepKind::Stream(_)
            | StepKind::Playback(_) => vec![],
        }
    }
}

/// Something that is done for each item of a list.
#[derive(Debug, Clone)]
pub struct ForEachSpec {
    /// The list: an expression.
    pub list: Spanned<String>,
    /// The item's name.
    pub item: Spanned<String>,
    /// The most items.
    pub limit: Option<u32>,
    /// How many are expected on average, where the author says so.
    pub rounds: Option<f64>,
    /// What is done.
    pub flow: Vec<StepSpec>,
}

/// Something that is done as long as a condition holds.
#[derive(Debug, Clone)]
pub struct WhileSpec {
    /// The condition.
    pub when: Spanned<String>,
    /// The most rounds.
    pub max: u32,
    /// No round begins after so long.
    pub timeout: Option<Nanos>,
    /// How many rounds are expected on average, where the author says so.
    pub rounds: Option<f64>,
    /// What is done.
    pub flow: Vec<StepSpec>,
}

/// Something that is done as often as data say.
#[derive(Debug, Clone)]
pub struct RepeatBySpec {
    /// How often: a template.
    pub times: Spanned<String>,
    /// How many rounds are expected on average, where the author says so.
    pub rounds: Option<f64>,
    /// What is done.
    pub flow: Vec<StepSpec>,
}

/// One of the things that `choose` chooses from.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its weight among all.
    pub weight: f64,
    /// What is done.
    pub flow: Vec<StepSpec>,
}

/// A poll. All of it is one step with a time of its own; its requests are counted as well.
#[derive(Debug, Clone)]
pub struct PollSpec {
    /// The metric's key of the whole.
    pub name: Spanned<String>,
    /// From the start of one round to the start of the next.
    pub every: Nanos,
    /// The longest time for the whole.
    pub timeout: Nanos,
    /// How many rounds are expected on average, so that a rate in req/s can be kept.
    pub rounds: f64,
    /// An expression: when it holds, the poll is over.
    pub until: Spanned<String>,
    /// Whether its user goes on where the condition does not hold in time.
    pub goes_on: bool,
    /// One round.
    pub flow: Vec<StepSpec>,
}

/// Reads a list of steps; those that are wrong are reported and left out.
pub(super) fn flow(node: &Node, problems: &mut Problems) -> Vec<StepSpec> {
    let Some(items) = list(node, "a list of steps", problems) else { return vec![] };
    items.iter().filter_map(|item| step(item, problems)).collect()
}

fn step(node: &Node, problems: &mut Problems) -> Option<StepSpec> {
    let (key, value) = only_entry(node, problems)?;
    let kind = match key.text.as_str() {
        "think" => think(value, problems)?,
        "use" => StepKind::Use(Decode::decode(value, problems)?),
        "repeat" => repeat(value, problems)?,
        "foreach" => for_each(value, problems)?,
        "while" => while_loop(value, problems)?,
        "if" => branch_on(value, problems)?,
        "choose" => choose(value, problems)?,
        "parallel" => StepKind::Parallel(parallel(value, problems)?),
        "pace" => StepKind::Pace(positive(value, "the pace", problems)?),
        "poll" => StepKind::Poll(Box::new(PollSpec::read(value, problems)?)),
        "sse" => StepKind::Stream(Box::new(StreamSpec::read_events(value, problems)?)),
        "websocket" => StepKind::Stream(Box::new(StreamSpec::read_messages(value, problems)?)),
        "hls" => StepKind::Playback(Box::new(PlaybackSpec::read(value, problems)?)),
        "graphql" => StepKind::Request(Box::new(graphql::read(value, problems)?)),
        "request" => StepKind::Request(Box::new(RequestSpec::read_any(value, problems)?)),
        method if STEP.property(method).is_some() => {
            StepKind::Request(Box::new(RequestSpec::read(key, value, problems)?))
        }
        kind => {
            let kind = ProblemKind::UnknownStep { kind: kind.to_owned(), known: STEP.names() };
            problems.report(key.span, kind);
            return None;
        }
    };
    Some(StepSpec { span: key.span, kind })
}

/// A law of delays, or a template that says how long.
fn think(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    match &node.value {
        NodeValue::Scalar(scalar) if is_template(&scalar.text) => {
            Some(StepKind::ThinkBy(Spanned::new(scalar.text.clone(), node.span)))
        }
        _ => Some(StepKind::Think(law(node, problems)?)),
    }
}

/// A step is a mapping with one key. Where there are more, the indentation is mostly what is wrong.
pub(super) fn only_entry<'n>(
    node: &'n Node,
    problems: &mut Problems,
) -> Option<&'n (KeyNode, Node)> {
    let NodeValue::Mapping(entries) = &node.value else {
        let kind =
            ProblemKind::WrongShape { expected: "a step like `get: { … }`", found: node.kind() };
        problems.report(node.span, kind);
        return None;
    };
    let (first, rest) = entries.split_first()?;
    if let Some((second, _)) = rest.first() {
        let kind = ProblemKind::BesideStep {
            field: second.text.clone(),
            step: first.0.text.clone(),
            is_step: STEP.property(&second.text).is_some(),
        };
        problems.report(second.span, kind);
        return None;
    }
    Some(first)
}

/// Whether a text is filled in before it means something.
fn is_template(text: &str) -> bool {
    text.contains("{{")
}

fn repeat(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &REPEAT, problems)?;
    let times_node = fields.node("times", problems);
    let rounds: Option<Spanned<f64>> = fields.read("rounds", problems);
    let flow = inner_flow(&mut fields, problems);
    fields.finish(problems);
    let times_node = times_node?;
    let written = text(times_node, TIMES, problems)?;
    if is_template(written) {
        let times = Spanned::new(written.to_owned(), times_node.span);
        let rounds = rounds.map(|rounds| rounds.value);
        return Some(StepKind::RepeatBy(Box::new(RepeatBySpec { times, rounds, flow })));
    }
    if let Some(rounds) = rounds {
        let kind = ProblemKind::Conflict {
            place: "`repeat` without a template",
            fields: "`times` and `rounds`".to_owned(),
        };
        problems.report(rounds.span, kind);
    }
    let times = times(times_node, written, problems).unwrap_or((1, 1));
    Some(StepKind::Repeat { times, flow })
}

const TIMES: &str = "a number of rounds like `3` or `1..3`";

/// `3` or `1..3`.
fn times(node: &Node, found: &str, problems: &mut Problems) -> Option<(u32, u32)> {
    let parsed = match found.split_once("..") {
        Some((low, high)) => low.trim().parse().ok().zip(high.trim().parse().ok()),
        None => found.parse().ok().map(|times| (times, times)),
    };
    let Some((low, high)) = parsed else {
        let kind = ProblemKind::BadNumber { expected: TIMES, found: found.to_owned() };
        problems.report(node.span, kind);
        return None;
    };
    if low > high {
        problems.report(node.span, ProblemKind::RangeReversed { found: found.to_owned() });
        return None;
    }
    Some((low, high))
}

fn for_each(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &FOREACH, problems)?;
    let list = fields.read("in", problems).map(bare);
    let item: Option<EntityName> = fields.read("as", problems);
    let limit = fields.read("limit", problems);
    let rounds = fields.read("rounds", problems);
    let flow = inner_flow(&mut fields, problems);
    fields.finish(problems);
    let item = item?.0;
    if item.value.contains(['-', '.']) {
        problems.report(item.span, ProblemKind::BadName { found: item.value.clone() });
    }
    Some(StepKind::ForEach(Box::new(ForEachSpec { list: list?, item, limit, rounds, flow })))
}

/// An expression, written with braces or without.
fn bare(text: Spanned<String>) -> Spanned<String> {
    let inner = text.value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    match inner {
        Some(inner) if !inner.contains("}}") => Spanned::new(inner.trim().to_owned(), text.span),
        _ => text,
    }
}

fn while_loop(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &WHILE, problems)?;
    let when = fields.read("when", problems).map(bare);
    let max = fields.read("max", problems);
    let timeout = fields.node("timeout", problems);
    let timeout = timeout.and_then(|node| positive(node, "the timeout", problems));
    let rounds = fields.read("rounds", problems);
    let flow = inner_flow(&mut fields, problems);
    fields.finish(problems);
    Some(StepKind::While(Box::new(WhileSpec { when: when?, max: max?, timeout, rounds, flow })))
}

fn branch_on(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &IF, problems)?;
    let when = fields.read("when", problems).map(bare);
    let then = inner_flow(&mut fields, problems);
    let otherwise =
        fields.node("else", problems).map(|node| flow(node, problems)).unwrap_or_default();
    fields.finish(problems);
    Some(StepKind::If { when: when?, then, otherwise })
}

fn choose(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let items = list(node, "a list of branches with `weight` and `flow`", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`choose`" });
    }
    let branches: Vec<Branch> = items
        .iter()
        .filter_map(|item| {
            let mut fields = Fields::of(item, &BRANCH, problems)?;
            let weight = fields.or("weight", 1.0, problems);
            let flow = inner_flow(&mut fields, problems);
            fields.finish(problems);
            Some(Branch { weight, flow })
        })
        .collect();
    if !branches.is_empty() && branches.iter().all(|branch| branch.weight <= 0.0) {
        problems.report(node.span, ProblemKind::WeightsZero);
    }
    Some(StepKind::Choose(branches))
}

/// Only requests can go out at once: whatever else a person does, it is one thing at a time.
fn parallel(node: &Node, problems: &mut Problems) -> Option<Vec<RequestSpec>> {
    let items = list(node, "a list of requests", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`parallel`" });
    }
    let mut requests = vec![];
    for item in items {
        match step(item, problems) {
            Some(StepSpec { kind: StepKind::Request(request), .. }) => requests.push(*request),
            Some(other) => problems.report(other.span, ProblemKind::NotParallel),
            None => {}
        }
    }
    Some(requests)
}

fn inner_flow(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<StepSpec> {
    let node = fields.node("flow", problems);
    node.map(|node| flow(node, problems)).unwrap_or_default()
}

impl PollSpec {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &POLL, problems)?;
        let name: Option<EntityName> = fields.read("name", problems);
        let every = fields.read("every", problems);
        let timeout = fields.read("timeout", problems);
        let rounds = fields.read("rounds", problems);
        let until = fields.read("until", problems).map(bare);
        let goes_on = read_end(&mut fields, problems);
        let flow = inner_flow(&mut fields, problems);
        let nothing = Spanned::new(String::new(), fields.span());
        fields.finish(problems);
        Some(Self {
            name: name.map_or(nothing.clone(), |name| name.0),
            every: every.unwrap_or(Nanos::from_secs(1)),
            timeout: timeout.unwrap_or(Nanos::from_secs(30)),
            // The least that shows a poll at work; the run tells where it is far off.
            rounds: rounds.unwrap_or(2.0),
            until: until.unwrap_or(nothing),
            goes_on,
            flow,
        })
    }
}
