//! Scaling signals: `api.cpu > 70% for 2m`.

use crate::{ProblemKind, Problems, Spanned};
use plimsoll_units::{Nanos, Quantity};

/// When the stack scales.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalSpec {
    /// The tier that is looked at; empty for the stack as a whole.
    pub tier: String,
    /// The metric: `cpu`, `p95`, `throughput`.
    pub metric: String,
    /// Whether it fires above the threshold (scale out) or below it (scale in).
    pub above: bool,
    /// The threshold.
    pub threshold: Quantity,
    /// For how long.
    pub sustained: Nanos,
    /// As written.
    pub text: String,
}

const EXPECTED: &str = "a signal like `api.cpu > 70% for 2m`";

impl SignalSpec {
    pub(super) fn read(
        text: &Spanned<String>,
        tiers: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let found = || text.value.clone();
        let above = text.value.contains('>');
        let parts = text.value.split_once(['>', '<']);
        let Some((subject, condition)) = parts else {
            let kind = ProblemKind::BadNumber { expected: EXPECTED, found: found() };
            problems.report(text.span, kind);
            return None;
        };
        let (threshold, sustained) = match condition.split_once(" for ") {
            Some((threshold, sustained)) => (threshold, sustained.parse::<Nanos>()),
            None => (condition, Ok(Nanos::ZERO)),
        };
        let (threshold, sustained) = match (threshold.parse::<Quantity>(), sustained) {
            (Ok(threshold), Ok(sustained)) => (threshold, sustained),
            (Err(error), _) | (_, Err(error)) => {
                problems.report(text.span, ProblemKind::BadUnit { found: found(), error });
                return None;
            }
        };
        let (tier, metric) = subject.trim().split_once('.').unwrap_or(("", subject.trim()));
        if !tier.is_empty() && !tiers.contains(&tier) {
            let known = tiers.iter().map(|name| (*name).to_owned()).collect();
            let kind = ProblemKind::UnknownName { what: "tier", name: tier.to_owned(), known };
            problems.report(text.span, kind);
            return None;
        }
        Some(Self {
            tier: tier.to_owned(),
            metric: metric.to_owned(),
            above,
            threshold,
            sustained,
            text: found(),
        })
    }
}
