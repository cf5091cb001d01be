//! `poll:` something again and again until a condition holds.

use super::step::{StepSpec, inner_flow};
use crate::scenario::declared::flow::POLL;
use crate::scenario::names::EntityName;
use crate::scenario::{Fields, Node, Problems, Spanned};
use crate::units::Nanos;

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

impl PollSpec {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
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
