//! `on_failure:`: what follows a request that fails.

use http::Method;

use super::delay::{DelaySpec, law};
use super::workload::positive;
use crate::declared::failure::{FAILURE, FAILURE_ACTIONS, RETRY};
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Span, word};
use plimsoll_units::Nanos;

/// What follows a request that fails.
#[derive(Debug, Clone, Copy, Default)]
pub enum OnFailureSpec {
    /// The end of the iteration.
    #[default]
    Stop,
    /// The next step.
    Continue,
    /// Another attempt.
    Retry(RetrySpec),
}

/// How a request is sent again.
#[derive(Debug, Clone, Copy)]
pub struct RetrySpec {
    /// How many more attempts there are.
    pub times: u32,
    /// From a failure to the next attempt.
    pub wait: DelaySpec,
    /// Whether each wait is twice as long as the one before.
    pub exponential: bool,
    /// The longest wait.
    pub max_wait: Nanos,
    /// Whether the iteration goes on behind the last attempt.
    pub goes_on: bool,
    /// Where it stands.
    pub span: Span,
}

const ACTIONS: [(&str, OnFailureAction); 3] = [
    ("stop", OnFailureAction::Stop),
    ("continue", OnFailureAction::Continue),
    ("retry", OnFailureAction::Retry),
];

#[derive(Clone, Copy)]
enum OnFailureAction {
    Stop,
    Continue,
    Retry,
}

const ENDS: [(&str, bool); 2] = [("stop", false), ("continue", true)];

/// Reads what follows a failure of a request by `method`.
pub(super) fn read(node: &Node, method: &Method, problems: &mut Problems) -> OnFailureSpec {
    let spec = match &node.value {
        NodeValue::Mapping(_) => failure(node, problems),
        _ => word(node, &FAILURE_ACTIONS, &ACTIONS, problems).map(|action| match action {
            OnFailureAction::Stop => (OnFailureSpec::Stop, false),
            OnFailureAction::Continue => (OnFailureSpec::Continue, false),
            OnFailureAction::Retry => (OnFailureSpec::Retry(RetrySpec::plain(node.span)), false),
        }),
    };
    let Some((spec, is_idempotent)) = spec else { return OnFailureSpec::Stop };
    // RFC 9110 §9.2.2.
    if matches!(spec, OnFailureSpec::Retry(_)) && !is_idempotent && !method.is_idempotent() {
        let method = method.to_string();
        problems.report(node.span, ProblemKind::RetryUnfit { method });
    }
    spec
}

/// Reads what follows a failure of a step that lasts: whether its user goes on.
pub(super) fn read_end(fields: &mut Fields<'_>, problems: &mut Problems) -> bool {
    fields.word("on_failure", &ENDS, problems).unwrap_or(false)
}

impl OnFailureSpec {
    /// Of a step of several requests: what follows where one of them fails, and whether its user goes on behind the step
    /// then.
    pub(super) const fn of_parts(self) -> (Self, bool) {
        match self {
            Self::Stop => (Self::Stop, false),
            Self::Continue => (Self::Stop, true),
            Self::Retry(retry) => {
                (Self::Retry(RetrySpec { goes_on: false, ..retry }), retry.goes_on)
            }
        }
    }
}

impl RetrySpec {
    const fn plain(span: Span) -> Self {
        Self {
            times: 3,
            wait: DelaySpec::Constant(Nanos::from_secs(1)),
            exponential: false,
            max_wait: Nanos::from_secs(60),
            goes_on: false,
            span,
        }
    }
}

fn failure(node: &Node, problems: &mut Problems) -> Option<(OnFailureSpec, bool)> {
    let mut fields = Fields::of(node, &FAILURE, problems)?;
    let inner = fields.node("retry", problems);
    let goes_on = fields.word("then", &ENDS, problems).unwrap_or(false);
    fields.finish(problems);
    let (retry, is_idempotent) = retry(inner?, problems)?;
    let span = node.span;
    Some((OnFailureSpec::Retry(RetrySpec { goes_on, span, ..retry }), is_idempotent))
}

fn retry(node: &Node, problems: &mut Problems) -> Option<(RetrySpec, bool)> {
    let mut fields = Fields::of(node, &RETRY, problems)?;
    let plain = RetrySpec::plain(node.span);
    let times = fields.or("times", plain.times, problems);
    let wait = fields.node("wait", problems).and_then(|node| law(node, problems));
    let exponential = fields.or("exponential", plain.exponential, problems);
    let max_wait = fields.node("max_wait", problems);
    let max_wait = max_wait.and_then(|node| positive(node, "the longest wait", problems));
    let is_idempotent = fields.or("idempotent", false, problems);
    fields.finish(problems);
    let (wait, max_wait) = (wait.unwrap_or(plain.wait), max_wait.unwrap_or(plain.max_wait));
    Some((RetrySpec { times, wait, exponential, max_wait, ..plain }, is_idempotent))
}
