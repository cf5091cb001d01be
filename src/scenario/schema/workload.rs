//! `workloads:`: how load is offered.

use crate::declared::load::{CLOSED, HOOK, OPEN, PARALLEL, RECORDED, STAGE, VU_STAGE};
use crate::format::listed;
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Span, Spanned, list};
use plimsoll_units::{Nanos, Ratio, WorkRate};

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

impl Workload {
    /// The scenarios that it chooses; empty where it plays all, or what other workloads choose.
    pub fn chosen(&self) -> &[ChosenScenario] {
        match &self.shape {
            WorkloadShape::Open(open) => &open.scenarios,
            WorkloadShape::Closed(closed) => &closed.scenarios,
            WorkloadShape::Recorded(_) | WorkloadShape::Parallel(_) => &[],
        }
    }
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
    /// Several open workloads at once, by name.
    Parallel(Vec<Spanned<String>>),
}

/// A scenario that a workload plays, and its weight there, where it has one of its own.
#[derive(Debug, Clone)]
pub struct ChosenScenario {
    /// Its name.
    pub name: Spanned<String>,
    /// Its weight in this workload.
    pub weight: Option<f64>,
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
    /// The scenarios that it plays; all if empty.
    pub scenarios: Vec<ChosenScenario>,
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
    /// How long it lasts, in time or in iterations.
    pub length: StageLength,
    /// Whether the run is judged on it.
    pub judge: Option<bool>,
    /// The share of its arrivals that goes to green; none if not given.
    pub green: Option<Spanned<Ratio>>,
    /// Where it stands.
    pub span: Span,
}

/// How long a stage lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageLength {
    /// So long.
    Time(Nanos),
    /// As long as so many iterations take at its rate.
    Iterations(u32),
}

/// How many users there are.
#[derive(Debug, Clone)]
pub enum VusSpec {
    /// Always as many.
    Constant(u32),
    /// As many as the stages say, in order.
    Stages(Vec<VuStageSpec>),
}

/// A stage of a closed workload: it keeps a number of users or goes to one.
#[derive(Debug, Clone, Copy)]
pub struct VuStageSpec {
    /// The number.
    pub vus: u32,
    /// Whether it starts from the number before it, instead of keeping one.
    pub ramps: bool,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it.
    pub judge: Option<bool>,
}

/// A number of users, each waiting for its answers.
#[derive(Debug, Clone)]
pub struct ClosedShape {
    /// How many.
    pub vus: VusSpec,
    /// How long new iterations are started, where that is said.
    pub duration: Option<Nanos>,
    /// How many iterations are played, where that is said.
    pub iterations: Option<u32>,
    /// The scenarios that it plays; all if empty.
    pub scenarios: Vec<ChosenScenario>,
    /// The least time from one iteration's start to the next of the same user.
    pub pace: Option<Nanos>,
}

pub(super) fn read(
    name: Spanned<String>,
    node: &Node,
    problems: &mut Problems,
) -> Option<Workload> {
    let kinds =
        [("stages", &OPEN), ("vus", &CLOSED), ("recorded", &RECORDED), ("parallel", &PARALLEL)];
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
        "recorded" => recorded(&mut fields, problems).map(WorkloadShape::Recorded),
        _ => parallel(&mut fields, problems).map(WorkloadShape::Parallel),
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
    let scenarios = fields
        .node("scenarios", problems)
        .map(|node| scenarios(node, problems))
        .unwrap_or_default();
    let node = fields.node("stages", problems)?;
    let items = list(node, "a list of stages", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`stages`" });
    }
    let stages: Vec<_> = items.iter().map(|item| stage(item, problems)).collect();
    let arrivals = arrivals.unwrap_or(ArrivalLawSpec::Poisson);
    let stages = stages.into_iter().flatten().collect();
    Some(OpenShape { arrivals, max_vus, stages, scenarios })
}

fn parallel(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<Spanned<String>>> {
    let node = fields.node("parallel", problems)?;
    let items = list(node, "a list of workloads", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`parallel`" });
        return None;
    }
    let names = items.iter().map(|item| crate::Decode::decode(item, problems));
    names.collect::<Vec<_>>().into_iter().collect()
}

/// `[search, book]` or `{ search: 3, book: 1 }`.
fn scenarios(node: &Node, problems: &mut Problems) -> Vec<ChosenScenario> {
    if let NodeValue::Mapping(entries) = &node.value {
        let chosen = entries.iter().filter_map(|(key, value)| {
            let name = Spanned::new(key.text.clone(), key.span);
            let weight: f64 = crate::Decode::decode(value, problems)?;
            if !weight.is_finite() || weight <= 0.0 {
                let what = "the weight".to_owned();
                problems.report(value.span, ProblemKind::NotPositive { what });
                return None;
            }
            Some(ChosenScenario { name, weight: Some(weight) })
        });
        return chosen.collect();
    }
    let Some(items) = list(node, "a list of scenarios", problems) else { return vec![] };
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`scenarios`" });
    }
    let chosen = |item| {
        let name = crate::Decode::decode(item, problems)?;
        Some(ChosenScenario { name, weight: None })
    };
    items.iter().filter_map(chosen).collect()
}

fn stage(node: &Node, problems: &mut Problems) -> Option<StageSpec> {
    let mut fields = Fields::of(node, &STAGE, problems)?;
    let span = fields.span();
    let hold: Option<Spanned<WorkRate>> = fields.read("rate", problems);
    let ramp: Option<Spanned<WorkRate>> = fields.read("ramp_to", problems);
    let duration = fields.read("duration", problems);
    let iterations = fields.read("iterations", problems);
    let judge = fields.read("judge", problems);
    let green = fields.read("green", problems);
    fields.finish(problems);
    let ramps = ramp.is_some();
    let length = duration.map(StageLength::Time).or(iterations.map(StageLength::Iterations));
    Some(StageSpec { rate: hold.or(ramp)?, ramps, length: length?, judge, green, span })
}

fn closed(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ClosedShape> {
    let span = fields.span();
    let node = fields.node("vus", problems);
    let duration: Option<Spanned<Nanos>> = fields.read("duration", problems);
    let iterations = fields.read("iterations", problems);
    let pace = fields.read("pace", problems);
    let scenarios = fields
        .node("scenarios", problems)
        .map(|node| scenarios(node, problems))
        .unwrap_or_default();
    let vus = vus(node?, problems)?;
    match (&vus, &duration, iterations) {
        (VusSpec::Stages(_), Some(duration), _) => {
            let kind = ProblemKind::Conflict {
                place: "a workload whose users come in stages",
                fields: "`duration` and the stages' own".to_owned(),
            };
            problems.report(duration.span, kind);
        }
        (VusSpec::Constant(_), None, None) if !fields.has("duration") => {
            let fields = listed(&["duration", "iterations"]);
            let kind = ProblemKind::NeedsOneOf { place: CLOSED.place, fields };
            problems.report(span, kind);
        }
        _ => {}
    }
    let duration = duration.map(|it| it.value);
    Some(ClosedShape { vus, duration, iterations, scenarios, pace })
}

fn vus(node: &Node, problems: &mut Problems) -> Option<VusSpec> {
    if let NodeValue::Sequence(items) = &node.value {
        if items.is_empty() {
            problems.report(node.span, ProblemKind::Empty { what: "`vus`" });
        }
        let stages: Vec<_> = items.iter().map(|item| vu_stage(item, problems)).collect();
        let stages: Vec<VuStageSpec> = stages.into_iter().flatten().collect();
        if !stages.is_empty() && stages.iter().all(|stage| stage.vus == 0) {
            let what = "the greatest number of users".to_owned();
            problems.report(node.span, ProblemKind::NotPositive { what });
            return None;
        }
        return (!stages.is_empty()).then_some(VusSpec::Stages(stages));
    }
    let vus: u32 = crate::Decode::decode(node, problems)?;
    if vus == 0 || f64::from(vus) > VUS_MAX {
        let (low, high, found) = (1.0, VUS_MAX, f64::from(vus));
        let what = "`vus`".to_owned();
        problems.report(node.span, ProblemKind::OutOfRange { what, low, high, found });
        return None;
    }
    Some(VusSpec::Constant(vus))
}

/// The most users that a workload may have.
const VUS_MAX: f64 = 1e6;

fn vu_stage(node: &Node, problems: &mut Problems) -> Option<VuStageSpec> {
    let mut fields = Fields::of(node, &VU_STAGE, problems)?;
    let keeps = fields.read("vus", problems);
    let ramp = fields.read("ramp_to", problems);
    let duration = fields.read("duration", problems);
    let judge = fields.read("judge", problems);
    fields.finish(problems);
    let ramps = ramp.is_some();
    Some(VuStageSpec { vus: keeps.or(ramp)?, ramps, duration: duration?, judge })
}

fn recorded(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RecordedShape> {
    let dataset = fields.read("recorded", problems);
    let speed = fields.read("speed", problems);
    let max_vus = fields.read("max_vus", problems);
    Some(RecordedShape { dataset: dataset?, speed: speed.unwrap_or(1.0), max_vus })
}

/// A time that is not zero.
pub(super) fn positive(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Nanos> {
    let span: Nanos = crate::Decode::decode(node, problems)?;
    if span.is_zero() {
        problems.report(node.span, ProblemKind::NotPositive { what: what.to_owned() });
        return None;
    }
    Some(span)
}
