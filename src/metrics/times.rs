//! Response times told apart: of successes and of failures, as recorded and as they would at least have been.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Distribution, SparseDistribution};
use plimsoll_units::Nanos;

/// Response times that may hold more of the generator's lag than the histogram's error: each is counted twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateTimes {
    /// As recorded, from the intended start: what a punctual generator would have seen at the most.
    pub upper: SparseDistribution,
    /// Less the lag that may be in it: what a punctual generator would have seen at the least.
    pub lower: SparseDistribution,
}

impl LateTimes {
    fn is_empty(&self) -> bool {
        self.upper.is_empty()
    }

    fn merge(&mut self, other: &Self) {
        self.upper.merge(&other.upper);
        self.lower.merge(&other.lower);
    }
}

/// What of the response times beside it was failures', and what the generator's lag may be part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeParts {
    /// Of failed requests. Empty in logs of versions that did not tell them apart.
    #[serde(default, skip_serializing_if = "SparseDistribution::is_empty")]
    pub failed: SparseDistribution,
    /// Of successes that may hold lag.
    #[serde(default, skip_serializing_if = "LateTimes::is_empty")]
    pub late: LateTimes,
    /// Of failed requests that may hold lag.
    #[serde(default, skip_serializing_if = "LateTimes::is_empty")]
    pub late_failed: LateTimes,
}

impl TimeParts {
    /// Whether all requests succeeded and none was late, as mostly.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.late.is_empty() && self.late_failed.is_empty()
    }

    /// Adds `other`.
    pub fn merge(&mut self, other: &Self) {
        self.failed.merge(&other.failed);
        self.late.merge(&other.late);
        self.late_failed.merge(&other.late_failed);
    }

    /// Adds late times: of each its value as recorded and its lower bound.
    pub(super) fn add_late(&mut self, is_failed: bool, pairs: &[(Nanos, Nanos)]) {
        let late = if is_failed { &mut self.late_failed } else { &mut self.late };
        late.merge(&LateTimes {
            upper: pairs.iter().map(|pair| pair.0).collect(),
            lower: pairs.iter().map(|pair| pair.1).collect(),
        });
    }
}

/// Response times of failed requests. Takes memory from the first failure on.
#[derive(Debug, Clone, Default)]
pub(super) struct FailedTimes(Option<Box<Distribution>>);

impl FailedTimes {
    pub(super) fn record(&mut self, time: Nanos) {
        self.0.get_or_insert_default().record(time);
    }

    pub(super) fn clear(&mut self) {
        if let Some(times) = &mut self.0
            && !times.is_empty()
        {
            times.clear();
        }
    }

    /// The times, if there are any.
    pub(super) fn get(&self) -> Option<&Distribution> {
        self.0.as_deref().filter(|times| !times.is_empty())
    }
}

/// Which requests a row on times speaks of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Requests that were answered as expected.
    #[default]
    Successes,
    /// All requests, failed ones included.
    All,
}

impl Answers {
    /// Whether it is what a row speaks of that says nothing else.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Successes => "successes",
            Self::All => "all",
        }
    }
}

/// The response times of some requests, to be asked for those of successes, of failures, or of all.
#[derive(Debug, Clone, Copy)]
pub struct ResponseTimes<'a> {
    all: &'a SparseDistribution,
    parts: &'a TimeParts,
    failed: u64,
}

impl<'a> ResponseTimes<'a> {
    /// The times of `all` requests, `failed` of which failed, with what is told apart of them.
    pub const fn new(all: &'a SparseDistribution, parts: &'a TimeParts, failed: u64) -> Self {
        Self { all, parts, failed }
    }

    /// What is told apart of them.
    pub const fn parts(&self) -> &'a TimeParts {
        self.parts
    }

    /// Whether the times of failures are told apart: always, but in logs of old versions that hold failures.
    pub fn tells_failures(&self) -> bool {
        self.parts.failed.count() == self.failed
    }

    /// Of all requests, as recorded: upper bounds.
    pub const fn all(&self) -> &'a SparseDistribution {
        self.all
    }

    /// Of failed requests, as recorded; none where they are not told apart.
    pub const fn failures(&self) -> &'a SparseDistribution {
        &self.parts.failed
    }

    /// Of successes, as recorded. Of all requests where failures are not told apart.
    pub fn successes(&self) -> Cow<'a, SparseDistribution> {
        if !self.tells_failures() {
            return Cow::Borrowed(self.all);
        }
        less(self.all, &self.parts.failed)
    }

    /// As recorded: what a punctual generator would have seen at the most.
    pub fn upper(&self, of: Answers) -> Cow<'a, SparseDistribution> {
        match of {
            Answers::Successes => self.successes(),
            Answers::All => Cow::Borrowed(self.all),
        }
    }

    /// Less the generator's lag: what a punctual generator would have seen at the least.
    pub fn lower(&self, of: Answers) -> Cow<'a, SparseDistribution> {
        let lower = bounded(self.upper(of), &self.parts.late);
        if of == Answers::All || !self.tells_failures() {
            bounded(lower, &self.parts.late_failed)
        } else {
            lower
        }
    }

    /// Whether upper and lower bounds differ for any of them.
    pub fn has_lag(&self, of: Answers) -> bool {
        let failures = of == Answers::All || !self.tells_failures();
        !self.parts.late.is_empty() || failures && !self.parts.late_failed.is_empty()
    }
}

/// `times` with the late ones at their lower values.
fn bounded<'a>(
    times: Cow<'a, SparseDistribution>,
    late: &LateTimes,
) -> Cow<'a, SparseDistribution> {
    if late.is_empty() {
        return times;
    }
    match times.checked_sub(&late.upper) {
        Some(mut punctual) => {
            punctual.merge(&late.lower);
            Cow::Owned(punctual)
        }
        None => times,
    }
}

/// `all` without `some`; `all` itself where those are none, or are not among them (no log of ours tells that).
fn less<'a>(all: &'a SparseDistribution, some: &SparseDistribution) -> Cow<'a, SparseDistribution> {
    if some.is_empty() {
        return Cow::Borrowed(all);
    }
    all.checked_sub(some).map_or(Cow::Borrowed(all), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: &[u64]) -> SparseDistribution {
        ms.iter().copied().map(Nanos::from_millis).collect()
    }

    fn told(times: &SparseDistribution) -> Vec<u64> {
        let ms = |value: Nanos| (value.as_millis_f64()).floor() as u64;
        times.buckets().flat_map(|(value, count)| vec![ms(value); count as usize]).collect()
    }

    #[test]
    fn successes_and_all_have_bounds_of_their_own() {
        let all = of(&[5, 10, 40, 80, 90]);
        let parts = TimeParts {
            failed: of(&[5, 90]),
            late: LateTimes { upper: of(&[80]), lower: of(&[50]) },
            late_failed: LateTimes { upper: of(&[90]), lower: of(&[20]) },
        };
        let times = ResponseTimes::new(&all, &parts, 2);
        assert_eq!(told(&times.upper(Answers::Successes)), [10, 40, 80]);
        assert_eq!(told(&times.lower(Answers::Successes)), [10, 40, 50]);
        assert_eq!(told(&times.upper(Answers::All)), [5, 10, 40, 80, 90]);
        assert_eq!(told(&times.lower(Answers::All)), [5, 10, 20, 40, 50]);
    }

    #[test]
    fn old_log_with_failures_tells_all_times_for_those_of_successes() {
        let (all, parts) = (of(&[5, 10]), TimeParts::default());
        let times = ResponseTimes::new(&all, &parts, 1);
        assert!(!times.tells_failures());
        assert_eq!(told(&times.successes()), [5, 10]);
        assert!(ResponseTimes::new(&all, &parts, 0).tells_failures());
    }
}
