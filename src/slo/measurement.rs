//! What the measurement itself is worth.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, ValidityStatus};
use super::{HighestRate, ObservedRateLimit};

/// Whether the measurement can be trusted, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst of all findings.
    pub status: ValidityStatus,
    /// All tests, passed ones included.
    pub findings: Vec<Finding>,
    /// The stack's in-flight or response time grew without end: the load exceeds what it carries.
    pub overloaded: bool,
    /// Throttled answers dominate, or a rate is pinned while the stack idles: the edge's limit was measured, not
    /// the stack's capacity.
    pub rate_limited: bool,
    /// That limit, where the run tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<ObservedRateLimit>,
    /// Where the generator could not send what it was to send: the highest rate that would have been valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_rate: Option<HighestRate>,
}

impl Validity {
    /// The messages of the tests that did not pass, the worst first.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        let with = |status| self.findings.iter().filter(move |finding| finding.status == status);
        let all = with(ValidityStatus::NotValid).chain(with(ValidityStatus::Suspect));
        all.map(|finding| finding.message.as_str())
    }
}
