//! `workloads:`: how load is offered.

use crate::scenario::{
    Decode as _, Fields, Node, ProblemKind, Problems, Span, Spanned, list, number_within, word,
};
use crate::units::{Nanos, Ratio, WorkRate};

/// A workload.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its name.
    pub name: Spanned<String>,
    /// The share of think times that users take; all of it if not given.
    pub think: Option<Ratio>,
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
    /// The most users at once.
    pub max_vus: Option<Spanned<u32>>,
}

/// Arrivals at a rate.
#[derive(Debug, Clone)]
pub struct OpenShape {
    /// The law of the gaps.
    pub arrivals: ArrivalLawSpec,
    /// The most users at once.
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
    let mut fields = Fields::of(node, "a workload", problems)?;
    let place = fields.span();
    let think = fields.optional("think", problems);
    let shape = match (fields.has("stages"), fields.has("vus"), fields.has("recorded")) {
        (false, false, false) => {
            let kind = ProblemKind::NeedsOneOf {
                place: "a workload",
                fields: "`stages` (a rate), `vus` (a closed number of users) and `recorded` (a data set)",
            };
            problems.report(place, kind);
            return None;
        }
        (true, false, false) => open(&mut fields, problems).map(WorkloadShape::Open),
        (false, true, false) => closed(&mut fields, problems).map(WorkloadShape::Closed),
        (false, false, true) => recorded(&mut fields, problems).map(WorkloadShape::Recorded),
        (true, ..) | (_, true, _) => {
            let kind = ProblemKind::Conflict {
                place: "a workload",
                fields: "`stages`, `vus` and `recorded`",
            };
            problems.report(place, kind);
            return None;
        }
    };
    let hooks = fields.node("hooks").map(|node| hooks(node, problems)).unwrap_or_default();
    fields.finish(problems);
    Some(Workload { name, think, shape: shape?, hooks })
}

fn hooks(node: &Node, problems: &mut Problems) -> Vec<HookSpec> {
    let items = list(node, "a list of hooks", problems).unwrap_or_default();
    items.iter().filter_map(|item| hook(item, problems)).collect()
}

fn hook(node: &Node, problems: &mut Problems) -> Option<HookSpec> {
    let mut fields = Fields::of(node, "a hook", problems)?;
    let span = fields.span();
    let at = fields.required("at", problems);
    let run: Option<String> = fields.optional("run", problems);
    let mark: Option<String> = fields.optional("mark", problems);
    let timeout = fields.node("timeout").and_then(|node| positive(node, "`timeout`", problems));
    if run.is_none() && mark.is_none() {
        let kind = ProblemKind::NeedsOneOf { place: "a hook", fields: "`run` and `mark`" };
        problems.report(span, kind);
    }
    fields.finish(problems);
    Some(HookSpec { at: at?, run, mark, timeout })
}

fn open(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<OpenShape> {
    let known = [
        ("poisson", ArrivalLawSpec::Poisson),
        ("exponential", ArrivalLawSpec::Exponential),
        ("constant", ArrivalLawSpec::Constant),
    ];
    let arrivals =
        fields.node("arrivals").and_then(|node| word(node, "a law of arrivals", &known, problems));
    let max_vus = fields.node("max_vus").and_then(|node| at_least_one(node, "`max_vus`", problems));
    let node = fields.required_node("stages", problems)?;
    let items = list(node, "a list of stages", problems)?;
    if items.is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`stages`" });
    }
    let stages: Vec<_> = items.iter().map(|item| stage(item, problems)).collect();
    let arrivals = arrivals.unwrap_or(ArrivalLawSpec::Poisson);
    Some(OpenShape { arrivals, max_vus, stages: stages.into_iter().flatten().collect() })
}

fn stage(node: &Node, problems: &mut Problems) -> Option<StageSpec> {
    let mut fields = Fields::of(node, "a stage", problems)?;
    let span = fields.span();
    let hold: Option<Spanned<WorkRate>> = fields.optional("rate", problems);
    let ramp: Option<Spanned<WorkRate>> = fields.optional("ramp_to", problems);
    let duration_node = fields.required_node("duration", problems);
    let duration = duration_node.and_then(|node| positive(node, "`duration`", problems));
    let judge = fields.optional("judge", problems);
    let green = fields.node("green").and_then(|node| share(node, problems));
    match (fields.has("rate"), fields.has("ramp_to")) {
        (true, true) => {
            let kind = ProblemKind::Conflict { place: "a stage", fields: "`rate` and `ramp_to`" };
            problems.report(span, kind);
        }
        (false, false) => {
            let kind = ProblemKind::NeedsOneOf { place: "a stage", fields: "`rate` and `ramp_to`" };
            problems.report(span, kind);
        }
        _ => {}
    }
    fields.finish(problems);
    let ramps = ramp.is_some();
    Some(StageSpec { rate: hold.or(ramp)?, ramps, duration: duration?, judge, green, span })
}

/// A share of arrivals: not more than all of them.
fn share(node: &Node, problems: &mut Problems) -> Option<Spanned<Ratio>> {
    let share: Spanned<Ratio> = Spanned::decode(node, problems)?;
    if share.value.get() > 1.0 {
        let message =
            format!("`green` is a share of the arrivals; {} is more than all", share.value);
        let hint = Some("write `0%` to `100%`".to_owned());
        problems.report(node.span, ProblemKind::Other { message, hint });
        return None;
    }
    Some(share)
}

fn closed(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<ClosedShape> {
    let vus = fields.node("vus").and_then(|node| at_least_one(node, "`vus`", problems));
    let duration = fields
        .required_node("duration", problems)
        .and_then(|node| positive(node, "`duration`", problems));
    let pace = fields.optional("pace", problems);
    Some(ClosedShape { vus: vus?, duration: duration?, pace })
}

fn recorded(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RecordedShape> {
    let dataset = fields.required("recorded", problems);
    let speed = fields
        .node("speed")
        // Beyond these, a second of the recording is less than a millisecond, or a quarter of an hour.
        .and_then(|node| number_within(node, "`speed`", (0.001, 1_000.0), problems));
    let max_vus = fields.node("max_vus").and_then(|node| at_least_one(node, "`max_vus`", problems));
    Some(RecordedShape { dataset: dataset?, speed: speed.unwrap_or(1.0), max_vus })
}

fn at_least_one(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Spanned<u32>> {
    // A million users are far beyond the descriptors and ports of one machine.
    let count = crate::scenario::number_within(node, what, (1.0, 1e6), problems)?;
    Some(Spanned::new(count as u32, node.span))
}

/// A time that is not zero.
pub(super) fn positive(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Nanos> {
    let span: Nanos = crate::scenario::Decode::decode(node, problems)?;
    if span.is_zero() {
        problems.report(node.span, ProblemKind::NotPositive { what });
        return None;
    }
    Some(span)
}
