//! The steps of a flow.

use super::delay::{DelaySpec, law};
use super::request::RequestSpec;
use super::stream::{PlaybackSpec, StreamSpec};
use super::workload::positive;
use crate::scenario::declared::flow::{BRANCH, IF, POLL, REPEAT, STEP};
use crate::scenario::names::EntityName;
use crate::scenario::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, Span, Spanned, list, text,
};
use crate::units::Nanos;

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
        "think" => StepKind::Think(law(value, problems)?),
        "use" => StepKind::Use(Decode::decode(value, problems)?),
        "repeat" => repeat(value, problems)?,
        "if" => branch_on(value, problems)?,
        "choose" => choose(value, problems)?,
        "parallel" => StepKind::Parallel(parallel(value, problems)?),
        "pace" => StepKind::Pace(positive(value, "the pace", problems)?),
        "poll" => StepKind::Poll(Box::new(PollSpec::read(value, problems)?)),
        "sse" => StepKind::Stream(Box::new(StreamSpec::read_events(value, problems)?)),
        "websocket" => StepKind::Stream(Box::new(StreamSpec::read_messages(value, problems)?)),
        "hls" => StepKind::Playback(Box::new(PlaybackSpec::read(value, problems)?)),
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

/// A step is a mapping with one key. Where there are more, the indentation is mostly what is wrong.
fn only_entry<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n (KeyNode, Node)> {
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

fn repeat(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &REPEAT, problems)?;
    let times = fields.node("times", problems).and_then(|node| times(node, problems));
    let flow = inner_flow(&mut fields, problems);
    fields.finish(problems);
    Some(StepKind::Repeat { times: times.unwrap_or((1, 1)), flow })
}

/// `3` or `1..3`.
fn times(node: &Node, problems: &mut Problems) -> Option<(u32, u32)> {
    let found = text(node, "a number of rounds like `3` or `1..3`", problems)?;
    let parsed = match found.split_once("..") {
        Some((low, high)) => low.trim().parse().ok().zip(high.trim().parse().ok()),
        None => found.parse().ok().map(|times| (times, times)),
    };
    let Some((low, high)) = parsed else {
        let expected = "a number of rounds like `3` or `1..3`";
        problems.report(node.span, ProblemKind::BadNumber { expected, found: found.to_owned() });
        return None;
    };
    if low > high {
        problems.report(node.span, ProblemKind::RangeReversed { found: found.to_owned() });
        return None;
    }
    Some((low, high))
}

fn branch_on(node: &Node, problems: &mut Problems) -> Option<StepKind> {
    let mut fields = Fields::of(node, &IF, problems)?;
    let when: Option<Spanned<String>> = fields.read("when", problems);
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
        let until = fields.read("until", problems);
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
            flow,
        })
    }
}
