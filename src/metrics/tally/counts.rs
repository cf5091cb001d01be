//! How many requests there were, and what became of them.

use std::collections::BTreeMap;

use super::super::{
    ArrivalCounts, ErrorClass, Interval, ScenarioInterval, SideInterval, StepInterval,
};
use plimsoll_units::Ratio;

/// Counts of some requests. The module says what each figure means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that ended, failed ones included; of a derived row its times.
    pub requests: u64,
    /// HTTP exchanges behind them. Of steps, tags and the run.
    pub exchanges: u64,
    /// How often requests had to connect again because the server had closed their idle connection. Of steps,
    /// tags and the run.
    pub reconnects: u64,
    /// Requests that were sent again, because an attempt before had failed. Of steps, tags and the run.
    pub retries: u64,
    /// Events or messages that came in streams. Of steps.
    pub messages: u64,
    /// Failed requests by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Failed requests of which no class is known: in logs of old versions, of a scenario.
    pub errors_untold: u64,
    /// Failures of no single request, by class. Of scenarios, sides and the run.
    pub iteration_errors: BTreeMap<ErrorClass, u64>,
    /// Responses by status. Of steps, tags and the run.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes received. Of steps, tags and the run.
    pub bytes_received: u64,
    /// Bytes sent. Of steps, tags and the run.
    pub bytes_sent: u64,
    /// What became of arrivals. Of scenarios and the run; of a side those started.
    pub arrivals: ArrivalCounts,
}

impl Counts {
    /// Counts of all requests of an interval, and of what was given up.
    pub fn of(interval: &Interval) -> Self {
        let mut counts = Self::default();
        interval.steps.values().for_each(|step| counts.add_step(step));
        counts.add_iterations(interval);
        counts
    }

    /// What error rates are shares of: requests, and failures of no single request.
    pub fn attempts(&self) -> u64 {
        self.requests + self.iteration_errors.values().sum::<u64>()
    }

    /// Counts of one side within one interval.
    pub fn of_side(side: &SideInterval) -> Self {
        let mut counts = Self::default();
        counts.add_side(side);
        counts
    }

    /// Failed requests, without iteration errors.
    pub fn failed_requests(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.errors_untold
    }

    /// Failed requests, and failures of no single request.
    pub fn failed(&self) -> u64 {
        self.failed_requests() + self.iteration_errors.values().sum::<u64>()
    }

    /// Requests that were answered as expected.
    pub fn successes(&self) -> u64 {
        self.requests.saturating_sub(self.failed_requests())
    }

    /// Failures among attempts; zero if there were none.
    pub fn error_rate(&self) -> Ratio {
        Ratio::of(self.failed(), self.attempts())
    }

    /// Failures of one class, of requests or of none.
    pub fn failed_by(&self, class: ErrorClass) -> u64 {
        let of = |counts: &BTreeMap<ErrorClass, u64>| counts.get(&class).copied().unwrap_or(0);
        of(&self.errors) + of(&self.iteration_errors)
    }

    /// Failures by class, of requests or of none; those untold are in no class.
    pub fn failures(&self) -> BTreeMap<ErrorClass, u64> {
        let mut all = self.errors.clone();
        add_counts(&mut all, &self.iteration_errors);
        all
    }

    /// Requests that were answered, as wanted or not.
    pub fn served(&self) -> u64 {
        self.requests.saturating_sub(outages(&self.errors) + self.errors_untold)
    }

    /// Requests and iterations that came to nothing for want of an answer. Failures of untold class count: nothing
    /// says that they were answered.
    pub fn unserved(&self) -> u64 {
        outages(&self.errors) + self.errors_untold + outages(&self.iteration_errors)
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.exchanges += other.exchanges;
        self.reconnects += other.reconnects;
        self.retries += other.retries;
        self.messages += other.messages;
        add_counts(&mut self.errors, &other.errors);
        self.errors_untold += other.errors_untold;
        add_counts(&mut self.iteration_errors, &other.iteration_errors);
        add_counts(&mut self.statuses, &other.statuses);
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.arrivals.add(other.arrivals);
    }

    /// Adds a step's requests.
    pub(super) fn add_step(&mut self, step: &StepInterval) {
        self.requests += step.requests;
        self.exchanges += step.exchanges;
        self.reconnects += step.reconnects;
        self.retries += step.retries;
        self.messages += step.messages;
        add_counts(&mut self.errors, &step.errors);
        add_counts(&mut self.statuses, &step.statuses);
        self.bytes_received += step.bytes_received;
        self.bytes_sent += step.bytes_sent;
    }

    pub(super) fn add_scenario(&mut self, scenario: &ScenarioInterval) {
        self.requests += scenario.requests;
        add_counts(&mut self.errors, &scenario.errors);
        let told: u64 = scenario.errors.values().sum();
        self.errors_untold += scenario.failed_requests.saturating_sub(told);
        add_counts(&mut self.iteration_errors, &scenario.iteration_errors);
        self.arrivals.add(scenario.arrivals);
    }

    pub(super) fn add_side(&mut self, side: &SideInterval) {
        self.requests += side.requests;
        add_counts(&mut self.errors, &side.errors);
        add_counts(&mut self.iteration_errors, &side.iteration_errors);
        self.arrivals.started += side.iterations;
    }

    /// Adds what an interval counts for no request: what was given up, what became of arrivals, and the bytes that came
    /// and went while `WebSockets` were held.
    pub(super) fn add_iterations(&mut self, interval: &Interval) {
        for step in interval.logical.values() {
            self.bytes_received += step.bytes_received;
            self.bytes_sent += step.bytes_sent;
        }
        for scenario in interval.scenarios.values() {
            add_counts(&mut self.iteration_errors, &scenario.iteration_errors);
        }
        self.arrivals.add(interval.arrivals);
    }
}

fn outages(counts: &BTreeMap<ErrorClass, u64>) -> u64 {
    counts.iter().filter(|(class, _)| class.is_outage()).map(|(_, count)| count).sum()
}

fn add_counts<K: Ord + Copy>(sum: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (&key, count) in counts {
        *sum.entry(key).or_default() += count;
    }
}
