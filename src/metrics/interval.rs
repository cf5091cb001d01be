//! One second of a run, all workers together: the unit of the run log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ErrorClass, Phase, Readings, ResponseTimes, ScenarioId, SideInterval, SparseDistribution,
    StepId, TimeParts,
};
use plimsoll_units::{Nanos, Ratio, RunTime};

/// What became of arrivals (iterations) within an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// Intended starts that fell due.
    pub intended: u64,
    /// Iterations begun.
    pub started: u64,
    /// Arrivals dropped because all `max_vus` were busy.
    pub dropped: u64,
    /// Iterations that ended without a failure.
    pub completed: u64,
    /// Iterations that ended early or with a failed request.
    pub failed: u64,
    /// Iterations cut off because the run stopped.
    pub unfinished: u64,
    /// Those completed of which a step took longer than its max; counted where `goodput` is asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slow: u64,
}

impl ArrivalCounts {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.intended += other.intended;
        self.started += other.started;
        self.dropped += other.dropped;
        self.completed += other.completed;
        self.failed += other.failed;
        self.unfinished += other.unfinished;
        self.slow += other.slow;
    }
}

/// How hard the generator itself worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorLoad {
    /// CPU of the busiest worker, as a share of one core.
    pub worker_cpu: Ratio,
    /// How long the worker that waited longest was ready to run and had no core, as a share of the interval.
    #[serde(default)]
    pub waited: Ratio,
    /// What the hypervisor took of the machine for others while it had work, as a share of the time of its cores.
    #[serde(default, skip_serializing_if = "is_none")]
    pub stolen: Ratio,
    /// CPU of the whole process, in cores.
    pub process_cpu: Ratio,
    /// Resident memory of the process in bytes.
    pub memory: u64,
}

impl GeneratorLoad {
    /// The load of the busiest of two workers, or generators: the greater of each figure.
    pub(super) fn busier(self, other: Self) -> Self {
        let greater = |a: Ratio, b: Ratio| Ratio::new(a.get().max(b.get()));
        Self {
            worker_cpu: greater(self.worker_cpu, other.worker_cpu),
            waited: greater(self.waited, other.waited),
            stolen: greater(self.stolen, other.stolen),
            process_cpu: greater(self.process_cpu, other.process_cpu),
            memory: self.memory.max(other.memory),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(share: &Ratio) -> bool {
    share.get() == 0.0
}

/// What one step did within an interval. Requests count where they ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepInterval {
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// HTTP exchanges behind them: redirects and repeats on a new connection count on their own.
    pub exchanges: u64,
    /// How often requests had to connect again because the server had closed their idle connection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reconnects: u64,
    /// Requests that were sent again, because an attempt before had failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Events or messages that came in streams.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// Failed requests by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Intended start → last byte.
    pub response_time: SparseDistribution,
    /// What of these was failures', and what may hold the generator's lag.
    #[serde(default, skip_serializing_if = "TimeParts::is_empty")]
    pub time_parts: TimeParts,
    /// Actual send → last byte.
    pub service_time: SparseDistribution,
    /// The phases that happened.
    pub phases: BTreeMap<Phase, SparseDistribution>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// No second counts more, and no run lasts longer in nanoseconds: two years, or 10¹² arrivals for a day at once.
const COUNT_MAX: u64 = 1 << 56;

impl StepInterval {
    fn all_counts(&self) -> impl Iterator<Item = u64> {
        let own = [
            self.requests,
            self.exchanges,
            self.reconnects,
            self.retries,
            self.messages,
            self.bytes_received,
            self.bytes_sent,
        ];
        own.into_iter().chain(self.errors.values().copied()).chain(self.statuses.values().copied())
    }

    /// Failed requests of all classes.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Its response times, to be asked for successes or failures.
    pub fn times(&self) -> ResponseTimes<'_> {
        ResponseTimes::new(&self.response_time, &self.time_parts, self.failed())
    }
}

/// What one scenario did within an interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioInterval {
    /// What became of its arrivals.
    pub arrivals: ArrivalCounts,
    /// Finished requests of this scenario.
    pub requests: u64,
    /// Failed requests of this scenario.
    pub failed_requests: u64,
    /// The same by class. Empty in logs of versions that did not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Response times of this scenario's requests.
    pub response_time: SparseDistribution,
    /// What of these was failures', and what may hold the generator's lag.
    #[serde(default, skip_serializing_if = "TimeParts::is_empty")]
    pub time_parts: TimeParts,
    /// Whole iterations, intended start → end, think time included.
    pub iteration_time: SparseDistribution,
    /// Failures of no single request, by class: a poll that timed out, a connection lost while it was open, a script
    /// that could not go on. Each ends an iteration and counts as one more failed request in error rates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "gave_up")]
    pub iteration_errors: BTreeMap<ErrorClass, u64>,
}

impl ScenarioInterval {
    /// Its response times, to be asked for successes or failures.
    pub fn times(&self) -> ResponseTimes<'_> {
        ResponseTimes::new(&self.response_time, &self.time_parts, self.failed_requests)
    }
}

/// One second of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Where it begins.
    pub start: RunTime,
    /// Where it ends.
    pub end: RunTime,
    /// What became of arrivals.
    pub arrivals: ArrivalCounts,
    /// Requests in flight at the end.
    pub in_flight: u64,
    /// The sum over requests of their time in flight within the interval; divided by its length: the mean number in flight.
    pub in_flight_time: Nanos,
    /// Users busy at the end.
    pub vus_busy: u64,
    /// Users that exist at the end.
    pub vus: u64,
    /// Open connections at the end.
    pub connections: u64,
    /// Connections opened, by the peer's address and what is spoken with it: `10.0.0.7:443 HTTP/2`. Empty in logs of
    /// versions that did not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opened: BTreeMap<String, u64>,
    /// Intended start → actual start of arrivals.
    pub schedule_lag: SparseDistribution,
    /// The generator's own load.
    pub generator: GeneratorLoad,
    /// By step; steps without requests are absent.
    pub steps: BTreeMap<StepId, StepInterval>,
    /// Times over or within several requests (a poll, a stream's first event), by step; mostly empty. They are
    /// not requests, so nothing that counts or pools requests looks here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logical: BTreeMap<StepId, StepInterval>,
    /// By scenario; scenarios without activity are absent.
    pub scenarios: BTreeMap<ScenarioId, ScenarioInterval>,
    /// By part and side of a run that is split over two targets; empty of any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<SideInterval>,
    /// The stack's own metrics, read within the interval.
    pub readings: Readings,
}

impl Interval {
    /// What one step did, whether it is a request or a time over several.
    pub fn step(&self, id: StepId) -> Option<&StepInterval> {
        self.steps.get(&id).or_else(|| self.logical.get(&id))
    }

    /// Finished requests of all steps.
    pub fn requests(&self) -> u64 {
        self.steps.values().map(|step| step.requests).sum()
    }

    /// Failures of no single request, by class, of all scenarios.
    pub fn iteration_errors(&self) -> impl Iterator<Item = (ErrorClass, u64)> {
        let all = self.scenarios.values().flat_map(|scenario| &scenario.iteration_errors);
        all.map(|(&class, &count)| (class, count))
    }

    /// Whether a run can have had it. What no run counts would overflow sums further on.
    pub fn is_possible(&self) -> bool {
        let steps = self.steps.values().chain(self.logical.values());
        let mut counts: Vec<u64> = steps.flat_map(StepInterval::all_counts).collect();
        let of_scenarios = self.scenarios.values().map(|it| it.arrivals).chain([self.arrivals]);
        counts.extend(of_scenarios.flat_map(|of| {
            [of.intended, of.started, of.dropped, of.completed, of.failed, of.unfinished]
        }));
        for scenario in self.scenarios.values() {
            counts.extend([scenario.requests, scenario.failed_requests]);
            counts.extend(scenario.errors.values().chain(scenario.iteration_errors.values()));
        }
        for side in &self.sides {
            counts.extend([side.iterations, side.requests]);
            counts.extend(side.errors.values().chain(side.iteration_errors.values()));
        }
        let in_flight = self.in_flight_time.get();
        counts.extend([self.in_flight, in_flight, self.vus_busy, self.vus, self.connections]);
        self.start <= self.end
            && self.end.get() <= COUNT_MAX
            && counts.iter().all(|&count| count <= COUNT_MAX)
    }

    /// How long the interval is.
    pub fn length(&self) -> Nanos {
        self.end.since(self.start)
    }

    /// Whether it is only what was left of a second when the run had drained. Drawn like a whole second, it would look as
    /// if the stack had collapsed.
    pub fn is_remainder(&self) -> bool {
        const SHORTEST: Nanos = Nanos::from_millis(500);
        self.length() < SHORTEST
    }
}
