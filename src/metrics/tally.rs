//! What some requests came to: every figure that leaves the program is counted here, and nowhere else.
//!
//! What each figure means:
//! - A *request* is one that ended, well or not. An *exchange* is what the server's log counts: redirects and
//!   repeats on a new connection count on their own.
//! - An *attempt* is a request, or a failure of no single request: a poll given up, a connection lost while it was
//!   held, a session that was refused, a script that could not go on. To its user that is no better than a
//!   failed request, so it counts as one more, attempted and failed. Error rates are failures among attempts.
//! - A step's or a tag's own failures are those of its requests; iteration errors belong to their scenario, its
//!   side and the run. A derived row (a poll's whole time, a stream's first event) counts its own times, which
//!   are no requests of anything else.
//! - A request is *served* if an answer came, whether or not it was the wanted one: an unexpected 4xx, a throttled
//!   answer and a failed check are service. *Unserved* is what failed for want of an answer (see
//!   [`ErrorClass::is_outage`]), given up or not. A broken script is neither.
//! - Times are those of successes unless all are asked for, and each has an upper and a lower bound: see
//!   [`ResponseTimes`].

mod counts;
mod selection;

pub use counts::Counts;
pub use selection::Selection;

use std::collections::BTreeMap;

use super::{
    Answers, Distribution, Interval, LateTimes, Phase, ResponseTimes, RunLog, ScenarioInterval,
    SideInterval, StepInterval,
};

/// What some requests came to over several intervals, with their times.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many, and what became of them.
    pub counts: Counts,
    /// Intended start → last byte, of all requests.
    pub response_time: Distribution,
    /// Of failed requests.
    pub failed_time: Distribution,
    /// Late successes: as recorded, and without lag.
    late: Late,
    /// Late failures.
    late_failed: Late,
    /// Whether an interval holds failures whose times are not told apart.
    untold_failures: bool,
    /// Actual send → last byte.
    pub service_time: Distribution,
    /// The phases that happened.
    pub phases: BTreeMap<Phase, Distribution>,
    /// Whole iterations, think time included: of the run and of scenarios.
    pub iteration_time: Distribution,
}

/// Late times, pooled.
#[derive(Debug, Clone, Default)]
struct Late {
    upper: Distribution,
    lower: Distribution,
}

impl Late {
    fn absorb(&mut self, times: &LateTimes) {
        self.upper.merge_sparse(&times.upper);
        self.lower.merge_sparse(&times.lower);
    }

    fn merge(&mut self, other: &Self) {
        self.upper.merge(&other.upper);
        self.lower.merge(&other.lower);
    }
}

impl Tally {
    /// What `selection` came to over `intervals`: those of a log, of a window, of a part.
    pub fn of<'a>(
        selection: &Selection,
        intervals: impl IntoIterator<Item = &'a Interval>,
    ) -> Self {
        let mut tally = Self::default();
        for interval in intervals {
            tally.add(selection, interval);
        }
        tally
    }

    /// What a whole run came to, drain included.
    pub fn of_log(log: &RunLog) -> Self {
        Self::of(&Selection::Run, &log.intervals)
    }

    /// Adds what `selection` came to within `interval`.
    pub fn add(&mut self, selection: &Selection, interval: &Interval) {
        self.counts.add(&selection.counts(interval));
        for times in selection.times(interval) {
            self.add_times(times);
        }
        for step in selection.steps(interval) {
            self.add_parts(step);
        }
        for times in selection.iteration_times(interval) {
            self.iteration_time.merge_sparse(times);
        }
    }

    /// Adds what a step came to within an interval.
    pub fn add_step(&mut self, step: &StepInterval) {
        self.counts.add_step(step);
        self.add_times(step.times());
        self.add_parts(step);
    }

    /// Adds what a scenario came to within an interval.
    pub fn add_scenario(&mut self, scenario: &ScenarioInterval) {
        self.counts.add_scenario(scenario);
        self.add_times(scenario.times());
        self.iteration_time.merge_sparse(&scenario.iteration_time);
    }

    /// Adds what a side came to within an interval.
    pub fn add_side(&mut self, side: &SideInterval) {
        self.counts.add_side(side);
        self.add_times(side.times());
    }

    /// Adds what an interval tells of the run and of no step: failures of no single request, arrivals, and whole
    /// iterations. With all its steps, that is the run.
    pub fn add_iterations(&mut self, interval: &Interval) {
        self.counts.add_iterations(interval);
        for scenario in interval.scenarios.values() {
            self.iteration_time.merge_sparse(&scenario.iteration_time);
        }
    }

    fn add_parts(&mut self, step: &StepInterval) {
        self.service_time.merge_sparse(&step.service_time);
        for (&phase, times) in &step.phases {
            self.phase(phase).merge_sparse(times);
        }
    }

    fn add_times(&mut self, times: ResponseTimes<'_>) {
        self.response_time.merge_sparse(times.all());
        self.failed_time.merge_sparse(times.failures());
        self.late.absorb(&times.parts().late);
        self.late_failed.absorb(&times.parts().late_failed);
        self.untold_failures |= !times.tells_failures();
    }

    /// Phases are recorded with two digits, so two digits keep all there is.
    fn phase(&mut self, phase: Phase) -> &mut Distribution {
        self.phases.entry(phase).or_insert_with(Distribution::coarse)
    }

    /// Adds `other`: other intervals of the same requests, or other requests.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.response_time.merge(&other.response_time);
        self.failed_time.merge(&other.failed_time);
        self.late.merge(&other.late);
        self.late_failed.merge(&other.late_failed);
        self.untold_failures |= other.untold_failures;
        self.service_time.merge(&other.service_time);
        for (&phase, times) in &other.phases {
            self.phase(phase).merge(times);
        }
        self.iteration_time.merge(&other.iteration_time);
    }

    /// Whether the times of successes are known: not where an old log pools them with those of failures.
    pub const fn tells_failures(&self) -> bool {
        !self.untold_failures
    }

    /// Response times of successes, as recorded: what tables show. See [`Self::upper`].
    pub fn success_time(&self) -> Distribution {
        self.upper(Answers::Successes)
    }

    /// Response times as recorded: what a punctual generator would have seen at the most. Those of successes
    /// are those of all where [`Self::tells_failures`] says no.
    pub fn upper(&self, of: Answers) -> Distribution {
        match of {
            Answers::Successes if self.tells_failures() => {
                self.response_time.without(&self.failed_time)
            }
            Answers::Successes | Answers::All => self.response_time.clone(),
        }
    }

    /// Response times less the generator's lag: what a punctual generator would have seen at the least.
    pub fn lower(&self, of: Answers) -> Distribution {
        let mut lower = self.upper(of).without(&self.late.upper);
        lower.merge(&self.late.lower);
        if of == Answers::All || self.untold_failures {
            lower = lower.without(&self.late_failed.upper);
            lower.merge(&self.late_failed.lower);
        }
        lower
    }
}

#[cfg(test)]
mod tests;
