//! Merged totals: what all intervals of a part of the run come to.
//!
//! Histograms are merged and then asked; no percentile is ever averaged.

use std::collections::BTreeMap;

use plimsoll_metrics::{
    Distribution, GeneratorLoad, Interval, ScenarioId, StepId, StepInfo, Tally,
};
use plimsoll_units::{Nanos, Rate, Ratio, RunTime};

/// The totals of a part of the run.
#[derive(Debug, Clone, Default)]
pub struct PartTotals {
    /// Where its first interval begins.
    pub from: RunTime,
    /// Where its last interval ends.
    pub to: RunTime,
    /// The sum of its intervals' lengths.
    pub span: Nanos,
    /// Requests that its load made, where that is known better than by what ended within it: see [`PartTotals::rate`].
    pub sent: Option<SentRequests>,
    /// All requests together, and what became of arrivals.
    pub run: Tally,
    /// By step, times over and within several requests included; steps that were not reached are absent.
    pub steps: BTreeMap<StepId, Tally>,
    /// By scenario; scenarios without activity are absent.
    pub scenarios: BTreeMap<ScenarioId, Tally>,
    /// By tag of the steps.
    pub tags: BTreeMap<String, Tally>,
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
    /// Connections opened, by the peer's address and what is spoken with it.
    pub opened: BTreeMap<String, u64>,
}

/// Requests that the load of a part made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentRequests {
    /// All of them.
    pub count: u64,
    /// Those that iterations which were let go on behind the end of the load made there.
    pub after_end: u64,
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
        self.run.add_iterations(interval);
        add(&mut self.opened, &interval.opened);
        self.schedule_lag.merge_sparse(&interval.schedule_lag);
        self.raise(interval.generator, [interval.vus, interval.in_flight, interval.connections]);
        for (&id, step) in interval.steps.iter().chain(&interval.logical) {
            self.steps.entry(id).or_default().add_step(step);
        }
        for (&id, scenario) in &interval.scenarios {
            self.scenarios.entry(id).or_default().add_scenario(scenario);
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
        self.run.merge(&late.run);
        add(&mut self.opened, &late.opened);
        for (&id, step) in &late.steps {
            self.steps.entry(id).or_default().merge(step);
        }
        for (&id, scenario) in &late.scenarios {
            self.scenarios.entry(id).or_default().merge(scenario);
        }
    }

    /// Requests per second of its load: those that were sent within it; where it is all of the load, and iterations
    /// were let go on behind its end, those of all its iterations.
    pub fn rate(&self) -> Rate {
        Rate::of(self.sent.map_or(self.run.counts.requests, |sent| sent.count), self.span)
    }

    /// The part of [`PartTotals::rate`] that `count` of its requests are. Of an overloaded stack, answers to what was
    /// sent before this part come within it, and those to what it sent behind its end: counts over its length would
    /// add up to more than was ever sent.
    pub(super) fn rate_of(&self, count: u64) -> Rate {
        match self.run.counts.requests {
            0 => Rate::of(count, self.span),
            all => Rate::per_second(self.rate().get() * (count as f64 / all as f64)),
        }
    }
}

/// Whether there are values enough for a quantile: it needs 1/(1 − q) of them. Of 8 requests, a p99 would only be the
/// maximum by another name.
pub fn is_enough(count: u64, q: f64) -> bool {
    count as f64 * (1.0 - q) >= 1.0 - 1e-9
}

fn add(opened: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (peer, count) in more {
        *opened.entry(peer.clone()).or_default() += count;
    }
}
