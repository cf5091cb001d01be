//! The one cause that explains most of a verdict, from an ordered list: the stack before the generator.
//!
//! A run in trouble shows many symptoms at once: a stack that gives out makes requests slow, then makes them fail,
//! then leaves no user free, and keeps the generator busy. A reader needs the first of these. The order is that of
//! cause and effect: no service, a limit at the edge, too much load, errors, an objective exceeded; and only where
//! the stack explains nothing, the measurement.

use serde::{Deserialize, Serialize};

use super::abort::abort_of;
use super::load_shortfall::LoadShortfall;
use super::overload::Overload;
use super::validity::MeasurementFindings;
use super::{
    Finding, JudgedObjective, MoreTime, ObjectiveStatus, ObservedRateLimit, ValidityStatus,
    ValidityTest, Verdict,
};
use plimsoll_metrics::{
    AbortNote, Counts, CustomMeasure, ErrorClass, Measure, RunLog, Selection, StopReason,
};
use plimsoll_units::{Nanos, RunTime};

/// Why a run came out as it did, most telling first; rows are positions in [`super::Judgement::objectives`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There was no service, for a while or at all.
    Outage(Outage),
    /// A limit at the edge was met instead of the stack.
    RateLimited {
        /// What it lets through, where the run tells.
        limit: Option<ObservedRateLimit>,
    },
    /// The load exceeds what the stack carries.
    Overloaded(Overload),
    /// Too many requests failed.
    Errors {
        /// The row that they exceed.
        row: usize,
        /// Failed requests of the whole run, and failures of no single request.
        failed: u64,
        /// Requests of the whole run, and failures of no single request.
        attempts: u64,
        /// Why most of them failed.
        class: Option<ErrorClass>,
    },
    /// An objective's max is exceeded, or its min is not reached.
    ObjectiveExceeded {
        /// The first such row.
        row: usize,
    },
    /// A condition of `abort` held for its time, and ended the run.
    Aborted {
        /// When.
        at: RunTime,
        /// Which, and what was measured.
        note: AbortNote,
    },
    /// The run ended before its schedule did.
    EndedEarly {
        /// Who ended it; absent where the log has no end.
        by: Option<StopReason>,
    },
    /// Shards were left out when the run was merged.
    ShardsLeftOut {
        /// How many.
        left_out: usize,
        /// Of so many.
        of: usize,
    },
    /// Fewer requests were sent than asked for, because iterations ended early.
    LoadShortfall(LoadShortfall),
    /// The measurement cannot support a verdict.
    Measurement {
        /// The test that it failed.
        test: ValidityTest,
    },
    /// The run is too short to tell whether an objective holds.
    TooShort {
        /// The row that needs most time.
        row: usize,
        /// How much that is.
        more: Option<MoreTime>,
    },
    /// The generator was late, and an objective hangs on by how much.
    GeneratorLag {
        /// The first such row.
        row: usize,
    },
    /// Nothing measured what the table asks for.
    NotMeasured {
        /// The first such row.
        row: usize,
    },
    /// A target is missed, no max is exceeded.
    TargetMissed {
        /// The first such row.
        row: usize,
    },
}

impl Cause {
    /// The name used in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Outage(_) => "outage",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded(_) => "overloaded",
            Self::Errors { .. } => "errors",
            Self::ObjectiveExceeded { .. } => "objective_exceeded",
            Self::Aborted { .. } => "aborted",
            Self::EndedEarly { .. } => "ended_early",
            Self::ShardsLeftOut { .. } => "shards_left_out",
            Self::LoadShortfall(_) => "load_shortfall",
            Self::Measurement { .. } => "measurement",
            Self::TooShort { .. } => "too_short",
            Self::GeneratorLag { .. } => "generator_lag",
            Self::NotMeasured { .. } => "not_measured",
            Self::TargetMissed { .. } => "target_missed",
        }
    }
}

/// A time without service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the longest outage began.
    pub begin: RunTime,
    /// How long it lasted, to the second; to the end of the run where it did not end before.
    pub length: Nanos,
    /// How many outages there were.
    pub outages: u64,
    /// Requests of the whole run that got no service.
    pub unserved: u64,
    /// All requests of the whole run.
    pub requests: u64,
    /// Why most of them got none.
    pub class: ErrorClass,
}

/// The cause of `verdict`; none of a pass.
pub(super) fn of(
    log: &RunLog,
    verdict: Verdict,
    rows: &[JudgedObjective],
    examined: &MeasurementFindings,
) -> Option<Cause> {
    let search = CauseSearch { log, rows, examined };
    match verdict {
        Verdict::Pass => None,
        Verdict::AtRisk => {
            search.first(ObjectiveStatus::AtRisk).map(|row| Cause::TargetMissed { row })
        }
        Verdict::Fail => {
            let stack = search.of_the_stack(ObjectiveStatus::Fail);
            stack.or_else(|| search.aborted()).or_else(|| search.errors()).or_else(|| {
                search.first(ObjectiveStatus::Fail).map(|row| Cause::ObjectiveExceeded { row })
            })
        }
        Verdict::NotValid => {
            search.of_the_stack(ObjectiveStatus::Fail).or_else(|| search.measurement())
        }
        Verdict::Inconclusive => {
            search.of_the_stack(ObjectiveStatus::Inconclusive).or_else(|| search.unknown())
        }
    }
}

/// Everything that a cause is looked for in.
struct CauseSearch<'a> {
    log: &'a RunLog,
    rows: &'a [JudgedObjective],
    examined: &'a MeasurementFindings,
}

impl CauseSearch<'_> {
    fn first(&self, status: ObjectiveStatus) -> Option<usize> {
        self.rows.iter().position(|row| row.status == status)
    }

    /// The first row with `status` that counts failures.
    fn first_of_errors(&self, status: ObjectiveStatus) -> Option<usize> {
        self.rows.iter().position(|row| row.status == status && counts_failures(row))
    }

    /// No service, a limit at the edge, or too much load; `status` is that of rows which show an outage.
    fn of_the_stack(&self, status: ObjectiveStatus) -> Option<Cause> {
        let validity = &self.examined.validity;
        if self.first_of_errors(status).is_some()
            && let Some(outage) = outage(self.log, self.examined)
        {
            return Some(Cause::Outage(outage));
        }
        if validity.rate_limited {
            return Some(Cause::RateLimited { limit: validity.rate_limit });
        }
        self.examined.overload.clone().map(Cause::Overloaded)
    }

    fn aborted(&self) -> Option<Cause> {
        let (at, note) = abort_of(self.log)?;
        Some(Cause::Aborted { at, note: note.clone() })
    }

    fn errors(&self) -> Option<Cause> {
        let row = self.first_of_errors(ObjectiveStatus::Fail)?;
        let counts = &self.examined.counts;
        let class = most(counts, |_| true).map(|(class, _)| class);
        let (failed, attempts) = (counts.failed(), counts.attempts());
        Some(Cause::Errors { row, failed, attempts, class })
    }

    /// The finding that voids the measurement: faults of the setup before those of speed, which follow
    /// from them, and a generator without CPU before the users that it kept waiting.
    fn measurement(&self) -> Option<Cause> {
        const FIRST: [ValidityTest; 4] = [
            ValidityTest::ClientErrors,
            ValidityTest::Requests,
            ValidityTest::GeneratorCpu,
            ValidityTest::Dropped,
        ];
        let voids = |finding: &&Finding| finding.status == ValidityStatus::NotValid;
        let findings = &self.examined.validity.findings;
        let rank = |finding: &&Finding| {
            FIRST.iter().position(|test| *test == finding.test).unwrap_or(FIRST.len())
        };
        let found = findings.iter().filter(voids).min_by_key(rank)?;
        Some(Cause::Measurement { test: found.test })
    }

    fn unknown(&self) -> Option<Cause> {
        let reason = self.log.end.map(|end| end.reason);
        let header = &self.log.header;
        let left_out = header.without.len();
        if left_out > 0 && reason == Some(StopReason::Finished) {
            return Some(Cause::ShardsLeftOut { left_out, of: left_out + header.shards.len() });
        }
        if self.examined.is_partial {
            return Some(Cause::EndedEarly { by: reason });
        }
        if let Some(shortfall) = &self.examined.shortfall {
            return Some(Cause::LoadShortfall(shortfall.clone()));
        }
        let straddling = || {
            self.rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.status == ObjectiveStatus::Inconclusive)
        };
        let by_lag = |row: &JudgedObjective| row.lag.is_some_and(|lag| lag.decides);
        if let Some((row, found)) = longest(straddling().filter(|(_, row)| !by_lag(row))) {
            return Some(Cause::TooShort { row, more: found.more_time });
        }
        if let Some((row, _)) = straddling().next() {
            return Some(Cause::GeneratorLag { row });
        }
        let unmeasured = self.rows.iter().enumerate();
        let mut unmeasured =
            unmeasured.filter(|(_, row)| row.status == ObjectiveStatus::NotMeasured);
        unmeasured.next().map(|(row, _)| Cause::NotMeasured { row })
    }
}

/// The row that needs most time; the first of equals.
fn longest<'a>(
    rows: impl Iterator<Item = (usize, &'a JudgedObjective)>,
) -> Option<(usize, &'a JudgedObjective)> {
    rows.reduce(|a, b| if b.1.more_time > a.1.more_time { b } else { a })
}

/// Whether a row speaks of failures rather than of times.
fn counts_failures(row: &JudgedObjective) -> bool {
    match &row.objective.measure {
        Measure::ErrorRate | Measure::Uptime => true,
        Measure::Custom(name) => {
            matches!(name, CustomMeasure::Failures | CustomMeasure::Recover)
        }
        _ => false,
    }
}

/// The class of most failures among those that are meant.
fn most(counts: &Counts, is_meant: impl Fn(ErrorClass) -> bool) -> Option<(ErrorClass, u64)> {
    let all = counts.failures().into_iter();
    all.filter(|(class, count)| *count > 0 && is_meant(*class)).max_by_key(|(_, count)| *count)
}

/// So many seconds with service in a row end an outage.
const SERVED_SECONDS: usize = 3;
/// So many percent of a second's requests without service make it one of an outage. A stack that serves more of them,
/// if fewer than it should, fails by its errors.
const UNSERVED_PERCENT_MIN: u64 = 80;
/// Requests that wait without any answer in a second, from which there is no service.
const WAITING_MIN: u64 = 5;

/// The outages of a run, where they hold at least half of all that went wrong.
///
/// An outage is a spell of seconds in which four of five requests or more got no service: no answer, or one with 5xx. Requests that timed out at a stack that also
/// left arrivals without a user, or piled them up, tell of too much load and not of an outage.
fn outage(log: &RunLog, examined: &MeasurementFindings) -> Option<Outage> {
    let (class, _) = most(&examined.counts, ErrorClass::is_outage)?;
    if class == ErrorClass::ResponseTimeout && examined.overload.is_some() {
        return None;
    }
    let spells = spells(log);
    let longest = spells.iter().max_by_key(|spell| spell.length)?;
    let lost: u64 = spells.iter().map(|spell| spell.lost).sum();
    let wrong = examined.counts.failed() + examined.counts.arrivals.dropped;
    (lost * 2 >= wrong).then(|| Outage {
        begin: longest.begin,
        length: longest.length,
        outages: spells.len() as u64,
        unserved: examined.counts.unserved(),
        requests: examined.counts.attempts(),
        class,
    })
}

/// Seconds without service in a row; fewer than three with service in between belong to them.
struct OutageSpell {
    begin: RunTime,
    length: Nanos,
    /// Requests without an answer, and arrivals that were dropped, meanwhile.
    lost: u64,
}

fn spells(log: &RunLog) -> Vec<OutageSpell> {
    let mut spells: Vec<OutageSpell> = Vec::new();
    let mut served = SERVED_SECONDS;
    for interval in &log.intervals {
        let counts = Selection::Run.counts(interval);
        let unserved = counts.unserved();
        let stalled = counts.requests == 0 && interval.in_flight >= WAITING_MIN;
        let least = UNSERVED_PERCENT_MIN * counts.attempts();
        let is_down = unserved > 0 && unserved * 100 >= least;
        if !is_down && !stalled {
            served += 1;
            continue;
        }
        if served >= SERVED_SECONDS {
            spells.push(OutageSpell { begin: interval.start, length: Nanos::ZERO, lost: 0 });
        }
        served = 0;
        if let Some(spell) = spells.last_mut() {
            spell.length = interval.end.since(spell.begin);
            spell.lost += unserved + counts.arrivals.dropped;
        }
    }
    spells
}

#[cfg(test)]
mod tests;
