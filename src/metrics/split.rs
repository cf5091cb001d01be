//! A run whose arrivals are split over two targets: which side an iteration is on, and what each side came to.
//!
//! The sides are named as in blue-green deployments: blue is what serves now, green what is to replace it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lag::LateTime;
use super::times::FailedTimes;
use super::{
    Distribution, ErrorClass, Outcome, ResponseTimes, Sample, SparseDistribution, TimeParts,
};
use plimsoll_units::{Ratio, RunTime};

/// Which of the two targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Side {
    /// The target that serves now.
    Blue,
    /// The one that is to replace it.
    Green,
}

impl Side {
    /// Both, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The name used in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

/// The variant that an iteration is assigned to: its side, and the part of the run in which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// The position among [`SplitInfo::parts`].
    pub part: u16,
    /// The side.
    pub side: Side,
}

impl Variant {
    const fn index(self) -> usize {
        self.part as usize * Side::ALL.len() + self.side as usize
    }
}

/// A part of a run in which green has one share of the arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitPart {
    /// Where it begins.
    pub from: RunTime,
    /// Where it ends.
    pub until: RunTime,
    /// Green's share of the arrivals.
    pub share: Ratio,
}

/// How a run was split, as its log has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitInfo {
    /// Green's URL, without credentials; blue's is the run's target.
    pub green: String,
    /// The parts, in order; at least one.
    pub parts: Vec<SplitPart>,
    /// Whether both targets played every arrival; there is one part then, and each side has all of its arrivals.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duet: bool,
}

/// What one side did within an interval, of the iterations that began in one part of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SideInterval {
    /// The position among [`SplitInfo::parts`].
    pub part: u16,
    /// The side.
    pub side: Side,
    /// Iterations begun.
    pub iterations: u64,
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// Failed requests by class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Failures of no single request, by class; each counts as one more failed request in error rates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "gave_up")]
    pub iteration_errors: BTreeMap<ErrorClass, u64>,
    /// Intended start → last byte, of all steps.
    pub response_time: SparseDistribution,
    /// What of these was failures', and what may hold the generator's lag.
    #[serde(default, skip_serializing_if = "TimeParts::is_empty")]
    pub time_parts: TimeParts,
}

impl SideInterval {
    /// Its response times, to be asked for successes or failures.
    pub fn times(&self) -> ResponseTimes<'_> {
        ResponseTimes::new(&self.response_time, &self.time_parts, self.errors.values().sum())
    }
}

/// One worker's counts of one side.
#[derive(Debug, Clone)]
pub(super) struct SideCounts {
    iterations: u64,
    requests: u64,
    errors: [u64; ErrorClass::ALL.len()],
    iteration_errors: [u64; ErrorClass::ALL.len()],
    response_time: Distribution,
    failed_time: FailedTimes,
    late: Vec<LateTime>,
}

impl SideCounts {
    fn new() -> Self {
        let none = [0; ErrorClass::ALL.len()];
        Self {
            iterations: 0,
            requests: 0,
            errors: none,
            iteration_errors: none,
            response_time: Distribution::new(),
            failed_time: FailedTimes::default(),
            late: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.iterations == 0
            && self.requests == 0
            && self.iteration_errors.iter().all(|&count| count == 0)
    }

    fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        self.iterations = 0;
        self.requests = 0;
        self.errors.fill(0);
        self.iteration_errors.fill(0);
        self.response_time.clear();
        self.failed_time.clear();
        self.late.clear();
    }
}

/// One worker's counts of both sides in all parts; takes no memory in a run that is not split.
#[derive(Debug, Clone, Default)]
pub(super) struct SideRecorder(Vec<SideCounts>);

impl SideRecorder {
    pub(super) fn new(parts: usize) -> Self {
        Self((0..parts * Side::ALL.len()).map(|_| SideCounts::new()).collect())
    }

    /// How many parts there is room for.
    pub(super) fn parts(&self) -> usize {
        self.0.len() / Side::ALL.len()
    }

    pub(super) fn begun(&mut self, variant: Variant) {
        self.0[variant.index()].iterations += 1;
    }

    pub(super) fn record(&mut self, variant: Variant, sample: &Sample, late: Option<LateTime>) {
        let counts = &mut self.0[variant.index()];
        counts.requests += 1;
        if let Outcome::Failed(class) = sample.outcome {
            counts.errors[class as usize] += 1;
            counts.failed_time.record(sample.response_time());
        }
        counts.response_time.record(sample.response_time());
        counts.late.extend(late);
    }

    pub(super) fn iteration_error(&mut self, variant: Variant, class: ErrorClass) {
        self.0[variant.index()].iteration_errors[class as usize] += 1;
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(SideCounts::clear);
    }

    /// Adds what was counted to an interval's sides.
    pub(super) fn add_to(&self, sides: &mut Vec<SideInterval>) {
        for (index, counts) in self.0.iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
            let part = (index / Side::ALL.len()) as u16;
            let side = Side::ALL[index % Side::ALL.len()];
            let at = sides.iter().position(|known| (known.part, known.side) == (part, side));
            let at = at.unwrap_or_else(|| {
                sides.push(SideInterval::new(part, side));
                sides.len() - 1
            });
            sides[at].add(counts);
        }
        sides.sort_by_key(|side| (side.part, side.side));
    }
}

impl SideInterval {
    /// One in which nothing has happened.
    pub fn new(part: u16, side: Side) -> Self {
        Self {
            part,
            side,
            iterations: 0,
            requests: 0,
            errors: BTreeMap::new(),
            iteration_errors: BTreeMap::new(),
            response_time: SparseDistribution::default(),
            time_parts: TimeParts::default(),
        }
    }

    fn add(&mut self, counts: &SideCounts) {
        self.iterations += counts.iterations;
        self.requests += counts.requests;
        for class in ErrorClass::ALL {
            for (slot, counted) in [
                (&mut self.errors, &counts.errors),
                (&mut self.iteration_errors, &counts.iteration_errors),
            ] {
                let count = counted[class as usize];
                if count > 0 {
                    *slot.entry(class).or_default() += count;
                }
            }
        }
        self.response_time.merge(&counts.response_time.to_sparse());
        if let Some(times) = counts.failed_time.get() {
            self.time_parts.failed.merge(&times.to_sparse());
        }
        for is_failed in [false, true] {
            let late = counts.late.iter().filter(|late| late.is_failed == is_failed);
            let pairs: Vec<_> = late.map(|late| (late.upper, late.lower)).collect();
            self.time_parts.add_late(is_failed, &pairs);
        }
    }
}
