//! `setup:` and `teardown:`: what is done once for a run.

use super::step::{StepSpec, flow};
use super::workload::positive;
use crate::declared::flow::LIFECYCLE;
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Span};
use plimsoll_units::Nanos;

/// What is done once for a run.
#[derive(Debug, Clone)]
pub struct LifecycleSpec {
    /// What is done.
    pub flow: Vec<StepSpec>,
    /// The longest time for all of it; a minute if not given.
    pub timeout: Option<Nanos>,
    /// Where it stands.
    pub span: Span,
}

/// A list of steps, or a mapping of those and a timeout.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<LifecycleSpec> {
    let (steps, timeout) = if let NodeValue::Sequence(_) = &node.value {
        (Some(node), None)
    } else {
        let mut fields = Fields::of(node, &LIFECYCLE, problems)?;
        let timeout = fields.node("timeout", problems);
        let timeout = timeout.and_then(|node| positive(node, "the timeout", problems));
        let steps = fields.node("flow", problems);
        fields.finish(problems);
        (steps, timeout)
    };
    let before = problems.len();
    let flow = flow(steps?, problems);
    if flow.is_empty() && problems.len() == before {
        problems.report(node.span, ProblemKind::Empty { what: "this list of steps" });
    }
    Some(LifecycleSpec { flow, timeout, span: node.span })
}
