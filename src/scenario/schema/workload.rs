//! `workloads:`: how load is offered.

use crate::scenario::declared::load::{CLOSED, HOOK, OPEN, RECORDED, STAGE};
use crate::scenario::format::listed;
use crate::scenario::{Fields, Node, NodeValue, ProblemKind, Problems, Span, Spanned, list};
use crate::units::{Nanos, Ratio, WorkRate};

/// A workload.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its name.
    pub name: Spanned<String>,
    /// The share of think times that users take; all of it if not given.
    pub think: Option<Ratio>,
    /// How long iterations may go on behind the end; not at all if not given.
    pub graceful_stop: Option<Nanos>,
    /// Open or closed.
    pub shape: WorkloadShape,
    /// What happens to the stack meanwhile, in the order of the file.
    pub hooks: Vec<HookSpec>,
}

/// Something that is done or noted at a moment of the run.
#[derive(Debug, Clone)]
pub struct HookSpec {
    /// When.
    pub at: Nanos,
    /// A command for the shell, run in the scenario's folder.
    pub run: Option<String>,
    /// A mark for the log.
    pub mark: Option<String>,
    /// How long the command may take; a minute if not given.
    pub timeout: Option<Nanos>,
}

/// Open or closed.
#[derive(Debug, Clone)]
pub enum WorkloadShape {
    /// Arrivals at a rate.
    Open(OpenShape),
    /// A number of users.
    Closed(ClosedShape),
    /// Arrivals at recorded times.
    Recorded(RecordedShape),
}

/// Arrivals at the times that a data set tells: row by row, with the scenario that each plays.
#[derive(Debug, Clone)]
pub struct RecordedShape {
    /// The data set. Its column `at` has seconds from the start, `scenario` a scenario's name.
    pub dataset: Spanned<String>,
    /// How many times as fast.
    pub speed: f64,
    /// The maximum number of users.
    pub max_vus: Option<Spanned<u32>>,
}

/// Arrivals at a rate.
#[derive(Debug, Clone)]
pub struct OpenShape {
    /// The law of the gaps.
    pub arrivals: ArrivalLawSpec,
    /// The maximum number of users.
    pub max_vus: Option<Spanned<u32>>,
    /// The stages, in order.
    pub stages: Vec<StageSpec>,
}

/// The law of the gaps between arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrivalLawSpec {
    /// Independent users, in the number that the rate asks for.
    Poisson,
    /// Independent users, in a number that varies.
    Exponential,
    /// Equal gaps.
    Constant,
}

/// A stage: it holds a rate or goes to one.
#[derive(Debug, Clone)]
pub struct StageSpec {
    /// The rate.
    pub rate: Spanned<WorkRate>,
    /// Whether it starts from the rate before it, instead of holding.
    pub ramps: bool,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it.
    pub judge: Option<bool>,
    /// The share of its arrivals that goes to green; none if not given.
    pub green: Option<Spanned<Ratio>>,
    /// Where it stands.
    pub span: Span,
}

/// A number of users, each waiting for its answers.
#[derive(Debug, Clone)]
pub struct ClosedShape {
    /// How many.
    pub vus: Spanned<u32>,
    /// How long new iterations are started.
    pub duration: Nanos,
    /// The least time from one iteration's start to the next of the same user.
    pub pace: Option<Nanos>,
}

pub(super) fn read(
    name: Spanned<String>,
    node: &Node,
    problems: &mut Problems,
) -> Option<Workload> {
    let kinds = [("stages", &OPEN), ("vus", &CLOSED), ("recorded", &RECORDED)];
    let given: Vec<_> = kinds.iter().filter(|(key, _)| node.get(key).is_some()).collect();
    let &[&(key, declared)] = given.as_slice() else {
        let (place, fields) = (OPEN.place, listed(&kinds.map(|(key, _)| key)));
        let kind = match (&node.value, given.len()) {
            (NodeValue::Mapping(_), 0) => ProblemKind::NeedsOneOf { place, fields },
            (NodeValue::Mapping(_), _) => ProblemKind::Conflict { place, fields },
            _ => ProblemKind::WrongShape { expected: place, found: node.kind() },
        };
        problems.report(node.span, kind);
        return None;
    };
    let mut fields = Fields::of(node, declared, problems)?;
    let think = fields.read("think", problems);
    let graceful_stop = fields.read("graceful_stop", problems);
    let shape = match key {
        "stages" => open(&mut fields, problems).map(WorkloadShape::Open),
        "vus" => closed(&mut fields, problems).map(WorkloadShape::Closed),
        _ => recorded(&mut fields, problems).map(WorkloadShape::Recorded),
    };
    let hooks =
        fields.node("hooks", problems).map(|node| hooks(node, problems)).unwrap_or_default();
    fields.finish(problems);
    Some(Workload { name, think, graceful_stop, shape: shape?, hooks })
}

fn hooks(node: &Node, problems: &mut Problems) -> Vec<HookSpec> {
    let items = list(node, "a list of hooks", problems).unwrap_or_default();
    items.iter().filter_map(|item| hook(item, problems)).collect()
}

fn hook(node: &Node, problems: &mut Problems) -> Option<HookSpec> {
    let mut fields = Fields::of(node, &HOOK, problems)?;
    let at = fields.read("at", problems);
    let run: Option<String> = fields.read("run", problems);
    let mark: Option<String> = fields.read("mark", problems);
    let timeout = fields.read("timeout", problems);
    fields.finish(problems);
    Some(HookSpec { at: at?, run, mark, timeout })
}

fn open(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<OpenShape> {
    let known = [
        ("poisson", ArrivalLawSpec::Poisson),
        ("exponential", ArrivalLawSpec::Exponential),
        ("constant", ArrivalLawSpec::Constant),
    ];
    let arrivals = fields.word("arrivals", &known, problems);
    let max_vus = fields.read("max_vus", problems);
    let node = fields.node("stages", problems)?;
    let items = list(node, "a list of stages", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`stages`" });
    }
    let stages: Vec<_> = items.iter().map(|item| stage(item, problems)).collect();
    let arrivals = arrivals.unwrap_or(ArrivalLawSpec::Poisson);
    Some(OpenShape { arrivals, max_vus, stages: stages.into_iter().flatten().collect() })
}

fn stage(node: &Node, problems: &mut Problems) -> Option<StageSpec> {
    let mut fields = Fields::of(node, &STAGE, problems)?;
    let span = fields.span();
    let hold: Option<Spanned<WorkRate>> = fields.read("rate", problems);
    let ramp: Option<Spanned<WorkRate>> = fields.read("ramp_to", problems);
    let duration = fields.read("duration", problems);
    let judge = fields.read("judge", problems);
    let green = fields.read("green", problems);
    fields.finish(problems);
    let ramps = ramp.is_some();
    Some(StageSpec { rate: hold.or(ramp)?, ramps, duration: duration?, judge, green, span })
}

fn closed(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ClosedShape> {
    let vus = fields.read("vus", problems);
    let duration = fields.read("duration", problems);
    let pace = fields.read("pace", problems);
    Some(ClosedShape { vus: vus?, duration: duration?, pace })
}

fn recorded(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RecordedShape> {
    let dataset = fields.read("recorded", problems);
    let speed = fields.read("speed", problems);
    let max_vus = fields.read("max_vus", problems);
    Some(RecordedShape { dataset: dataset?, speed: speed.unwrap_or(1.0), max_vus })
}

/// A time that is not zero.
pub(super) fn positive(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Nanos> {
    let span: Nanos = crate::scenario::Decode::decode(node, problems)?;
    if span.is_zero() {
        problems.report(node.span, ProblemKind::NotPositive { what: what.to_owned() });
        return None;
    }
    Some(span)
}
