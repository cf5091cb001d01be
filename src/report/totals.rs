//! Merged totals: what all intervals of a part of the run come to.
//!
//! Histograms are merged and then asked; no percentile is ever averaged.

use std::collections::BTreeMap;

use crate::metrics::{
    ArrivalCounts, Distribution, ErrorClass, GeneratorLoad, Interval, Phase, ScenarioId,
    ScenarioInterval, StepId, StepInfo, StepInterval,
};
use crate::units::{Nanos, Rate, Ratio, RunTime};

/// What some requests came to: those of a step, of a tag, or of the whole run.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// HTTP exchanges behind them: what the server's log counts. Redirects count on their own.
    pub exchanges: u64,
    /// How often requests had to connect again because the server had closed their idle connection.
    pub reconnects: u64,
    /// Failures of no single request; each counts as one more in the error rate.
    pub iteration_errors: u64,
    /// Events or messages that came in streams.
    pub messages: u64,
    /// Failed requests by class, and failures of no single request.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Intended start → last byte.
    pub response_time: Distribution,
    /// Actual send → last byte.
    pub service_time: Distribution,
    /// The phases that happened.
    pub phases: BTreeMap<Phase, Distribution>,
}

impl Totals {
    /// Failed requests of all classes.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Failed requests among all requests; zero if there were none.
    pub fn error_rate(&self) -> Ratio {
        Ratio::of(self.failed(), self.attempts())
    }

    /// Requests, and failures of no single request: what error rates are shares of.
    pub fn attempts(&self) -> u64 {
        self.requests + self.iteration_errors
    }

    /// Adds failures of no single request.
    fn add_iteration_errors(&mut self, counts: &BTreeMap<ErrorClass, u64>) {
        self.iteration_errors += counts.values().sum::<u64>();
        add_counts(&mut self.errors, counts);
    }

    /// Adds one interval of a step.
    fn absorb(&mut self, interval: &StepInterval) {
        self.requests += interval.requests;
        self.exchanges += interval.exchanges;
        self.reconnects += interval.reconnects;
        self.messages += interval.messages;
        self.bytes_received += interval.bytes_received;
        self.bytes_sent += interval.bytes_sent;
        add_counts(&mut self.errors, &interval.errors);
        add_counts(&mut self.statuses, &interval.statuses);
        self.response_time.merge_sparse(&interval.response_time);
        self.service_time.merge_sparse(&interval.service_time);
        for (&phase, times) in &interval.phases {
            self.phase(phase).merge_sparse(times);
        }
    }

    /// Adds `other`.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.exchanges += other.exchanges;
        self.reconnects += other.reconnects;
        self.messages += other.messages;
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        add_counts(&mut self.errors, &other.errors);
        add_counts(&mut self.statuses, &other.statuses);
        self.response_time.merge(&other.response_time);
        self.service_time.merge(&other.service_time);
        for (&phase, times) in &other.phases {
            self.phase(phase).merge(times);
        }
    }

    /// Phases are recorded with two digits, so two digits keep all there is.
    fn phase(&mut self, phase: Phase) -> &mut Distribution {
        self.phases.entry(phase).or_insert_with(Distribution::coarse)
    }
}

fn add_counts<K: Ord + Copy>(sum: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (&key, count) in counts {
        *sum.entry(key).or_default() += count;
    }
}

/// What the iterations of one scenario came to.
#[derive(Debug, Clone, Default)]
pub struct ScenarioTotals {
    /// What became of its arrivals.
    pub arrivals: ArrivalCounts,
    /// Finished requests.
    pub requests: u64,
    /// Failed requests.
    pub failed_requests: u64,
    /// Response times of its requests.
    pub response_time: Distribution,
    /// Whole iterations, think time included.
    pub iteration_time: Distribution,
    /// Failures of no single request, by class.
    pub iteration_errors: BTreeMap<ErrorClass, u64>,
}

impl ScenarioTotals {
    fn absorb(&mut self, interval: &ScenarioInterval) {
        self.arrivals.add(interval.arrivals);
        self.requests += interval.requests;
        self.failed_requests += interval.failed_requests;
        self.response_time.merge_sparse(&interval.response_time);
        self.iteration_time.merge_sparse(&interval.iteration_time);
        add_counts(&mut self.iteration_errors, &interval.iteration_errors);
    }

    /// Failed requests, and failures of no single request, among all of both.
    pub fn error_rate(&self) -> Ratio {
        let iteration_errors = self.iteration_errors.values().sum::<u64>();
        Ratio::of(self.failed_requests + iteration_errors, self.requests + iteration_errors)
    }

    fn merge(&mut self, other: &Self) {
        self.arrivals.add(other.arrivals);
        self.requests += other.requests;
        self.failed_requests += other.failed_requests;
        self.response_time.merge(&other.response_time);
        self.iteration_time.merge(&other.iteration_time);
        add_counts(&mut self.iteration_errors, &other.iteration_errors);
    }
}

/// The totals of a part of the run.
#[derive(Debug, Clone, Default)]
pub struct PartTotals {
    /// Where its first interval begins.
    pub from: RunTime,
    /// Where its last interval ends.
    pub to: RunTime,
    /// The sum of its intervals' lengths.
    pub span: Nanos,
    /// What became of arrivals.
    pub arrivals: ArrivalCounts,
    /// All requests together.
    pub run: Totals,
    /// By step, times over and within several requests included; steps that were not reached are absent.
    pub steps: BTreeMap<StepId, Totals>,
    /// By scenario; scenarios without activity are absent.
    pub scenarios: BTreeMap<ScenarioId, ScenarioTotals>,
    /// By tag of the steps.
    pub tags: BTreeMap<String, Totals>,
    /// Intended start → actual start of arrivals.
    pub schedule_lag: Distribution,
    /// The highest load of the generator in any interval.
    pub generator: GeneratorLoad,
    /// The most users that existed.
    pub vus: u64,
    /// The most requests in flight at the end of an interval.
    pub in_flight: u64,
    /// The most open connections at the end of an interval.
    pub connections: u64,
}

impl PartTotals {
    /// Adds one interval. [`PartTotals::finish`] fills in what is summed over steps.
    pub(super) fn absorb(&mut self, interval: &Interval) {
        if self.span.is_zero() {
            self.from = interval.start;
        }
        self.from = self.from.min(interval.start);
        self.to = self.to.max(interval.end);
        self.span += interval.length();
        self.arrivals.add(interval.arrivals);
        self.schedule_lag.merge_sparse(&interval.schedule_lag);
        self.raise(interval.generator, [interval.vus, interval.in_flight, interval.connections]);
        for (&id, step) in interval.steps.iter().chain(&interval.logical) {
            self.steps.entry(id).or_default().absorb(step);
        }
        for (&id, scenario) in &interval.scenarios {
            self.scenarios.entry(id).or_default().absorb(scenario);
        }
    }

    fn raise(&mut self, load: GeneratorLoad, [vus, in_flight, connections]: [u64; 3]) {
        let own = &mut self.generator;
        own.worker_cpu = Ratio::new(own.worker_cpu.get().max(load.worker_cpu.get()));
        own.process_cpu = Ratio::new(own.process_cpu.get().max(load.process_cpu.get()));
        own.memory = own.memory.max(load.memory);
        self.vus = self.vus.max(vus);
        self.in_flight = self.in_flight.max(in_flight);
        self.connections = self.connections.max(connections);
    }

    /// Sums the steps up to tags and to the whole. Times over several requests are no requests.
    pub(super) fn finish(&mut self, steps: &[StepInfo]) {
        let is_logical =
            |id: &StepId| steps.get(usize::from(id.0)).is_some_and(StepInfo::is_logical);
        for (id, totals) in self.steps.iter().filter(|(id, _)| !is_logical(id)) {
            self.run.merge(totals);
            let tags = steps.get(usize::from(id.0)).map_or(&[][..], |step| &step.tags);
            for tag in tags {
                self.tags.entry(tag.clone()).or_default().merge(totals);
            }
        }
        for scenario in self.scenarios.values() {
            self.run.add_iteration_errors(&scenario.iteration_errors);
        }
    }

    /// This part and `other` together; not yet finished.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.from = if other.span.is_zero() { both.from } else { both.from.min(other.from) };
        both.from = if self.span.is_zero() { other.from } else { both.from };
        both.to = both.to.max(other.to);
        both.span += other.span;
        both.schedule_lag.merge(&other.schedule_lag);
        both.raise(other.generator, [other.vus, other.in_flight, other.connections]);
        both.add_late(other);
        both
    }

    /// Adds answers that came after this part's end; it becomes no longer by them.
    pub(super) fn add_late(&mut self, late: &Self) {
        self.arrivals.add(late.arrivals);
        for (&id, step) in &late.steps {
            self.steps.entry(id).or_default().merge(step);
        }
        for (&id, scenario) in &late.scenarios {
            self.scenarios.entry(id).or_default().merge(scenario);
        }
    }

    /// Finished requests per second.
    pub fn rate(&self) -> Rate {
        Rate::of(self.run.requests, self.span)
    }
}
