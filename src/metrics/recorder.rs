//! Recorders: one a worker, no lock, no allocation in the steady state, and they cannot fail.

use std::net::SocketAddr;

use super::lag::{LAG_MIN, LagEpisodes, LateTime};
use super::split::SideRecorder;
use super::times::FailedTimes;
use super::{
    ArrivalCounts, Distribution, ErrorClass, GeneratorLoad, Outcome, Phase, Sample, ScenarioId,
    StepId, Variant,
};
use plimsoll_units::{Nanos, RunTime};

/// So many late requests in a second take no memory that was not there before.
const LATE_ROOM: usize = 512;

/// One worker's counts of one step within an interval.
#[derive(Debug, Clone)]
pub(super) struct StepPart {
    /// Whether these are times over or within requests, and not requests.
    pub(super) logical: bool,
    pub(super) requests: u64,
    pub(super) exchanges: u64,
    pub(super) reconnects: u64,
    pub(super) retries: u64,
    pub(super) messages: u64,
    pub(super) errors: [u64; ErrorClass::ALL.len()],
    /// (status, count): a step meets few statuses, so a scan beats a map.
    pub(super) statuses: Vec<(u16, u64)>,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) response_time: Distribution,
    pub(super) failed_time: FailedTimes,
    pub(super) service_time: Distribution,
    pub(super) phases: [Distribution; Phase::ALL.len()],
}

impl StepPart {
    fn new() -> Self {
        Self {
            logical: false,
            requests: 0,
            exchanges: 0,
            reconnects: 0,
            retries: 0,
            messages: 0,
            errors: [0; ErrorClass::ALL.len()],
            statuses: Vec::with_capacity(4),
            bytes_received: 0,
            bytes_sent: 0,
            response_time: Distribution::new(),
            failed_time: FailedTimes::default(),
            service_time: Distribution::new(),
            phases: std::array::from_fn(|_| Distribution::coarse()),
        }
    }

    fn record(&mut self, sample: &Sample) {
        self.requests += 1;
        self.exchanges += u64::from(sample.exchanges);
        self.reconnects += u64::from(sample.reconnects);
        self.retries += u64::from(sample.attempt > 0);
        self.messages += sample.messages;
        if let Outcome::Failed(class) = sample.outcome {
            self.errors[class as usize] += 1;
            self.failed_time.record(sample.response_time());
        }
        if sample.status != 0 {
            self.count_status(sample.status);
        }
        self.bytes_received += sample.bytes_received;
        self.bytes_sent += sample.bytes_sent;
        self.response_time.record(sample.response_time());
        self.service_time.record(sample.service_time());
        for phase in Phase::ALL {
            if let Some(span) = sample.phases.get(phase) {
                self.phases[phase as usize].record(span);
            }
        }
    }

    fn count_status(&mut self, status: u16) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }

    /// Whether nothing is counted. Bytes come and go in streams that have not ended.
    pub(super) fn is_empty(&self) -> bool {
        self.requests == 0 && self.bytes_received == 0 && self.bytes_sent == 0
    }

    fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        self.requests = 0;
        self.exchanges = 0;
        self.reconnects = 0;
        self.retries = 0;
        self.messages = 0;
        self.errors = [0; ErrorClass::ALL.len()];
        self.statuses.clear();
        self.bytes_received = 0;
        self.bytes_sent = 0;
        self.response_time.clear();
        self.failed_time.clear();
        self.service_time.clear();
        self.phases.iter_mut().for_each(Distribution::clear);
    }
}

/// One worker's counts of one scenario within an interval.
#[derive(Debug, Clone, Default)]
pub(super) struct ScenarioPart {
    pub(super) arrivals: ArrivalCounts,
    pub(super) requests: u64,
    pub(super) errors: [u64; ErrorClass::ALL.len()],
    pub(super) response_time: Distribution,
    pub(super) failed_time: FailedTimes,
    pub(super) iteration_time: Distribution,
    pub(super) iteration_errors: [u64; ErrorClass::ALL.len()],
}

impl ScenarioPart {
    fn clear(&mut self) {
        self.arrivals = ArrivalCounts::default();
        self.requests = 0;
        self.errors.fill(0);
        self.response_time.clear();
        self.failed_time.clear();
        self.iteration_time.clear();
        self.iteration_errors.fill(0);
    }
}

/// One worker's share of an interval, on its way to the [`super::Collector`].
#[derive(Debug, Clone)]
pub struct IntervalPart {
    /// Which worker.
    pub worker: u32,
    /// Where the interval begins.
    pub start: RunTime,
    /// Where it ends.
    pub end: RunTime,
    /// Requests in flight at the end.
    pub in_flight: u64,
    /// Users busy at the end.
    pub vus_busy: u64,
    /// Users that exist at the end.
    pub vus: u64,
    /// Open connections at the end.
    pub connections: u64,
    /// Connections opened, by the peer's address and what is spoken with it.
    pub opened: Vec<(ReachedPeer, u64)>,
    /// Whether it is the worker's last: it ends when the worker did, and not with a second.
    pub last: bool,
    /// The load of this worker and the process.
    pub generator: GeneratorLoad,
    pub(super) in_flight_time: Nanos,
    pub(super) schedule_lag: Distribution,
    /// Requests that may hold lag, with their scenario; without one those that are times over several requests.
    pub(super) late: Vec<(StepId, Option<ScenarioId>, LateTime)>,
    pub(super) steps: Vec<StepPart>,
    pub(super) scenarios: Vec<ScenarioPart>,
    pub(super) sides: SideRecorder,
}

impl IntervalPart {
    fn new(worker: u32, steps: usize, scenarios: usize, parts: usize) -> Self {
        Self {
            worker,
            start: RunTime::ZERO,
            end: RunTime::ZERO,
            in_flight: 0,
            vus_busy: 0,
            vus: 0,
            connections: 0,
            opened: vec![],
            last: false,
            generator: GeneratorLoad::default(),
            in_flight_time: Nanos::ZERO,
            schedule_lag: Distribution::new(),
            late: Vec::with_capacity(LATE_ROOM),
            steps: (0..steps).map(|_| StepPart::new()).collect(),
            scenarios: (0..scenarios).map(|_| ScenarioPart::default()).collect(),
            sides: SideRecorder::new(parts),
        }
    }

    /// What became of arrivals in it, over all scenarios.
    pub fn arrivals(&self) -> ArrivalCounts {
        let mut sum = ArrivalCounts::default();
        self.scenarios.iter().for_each(|scenario| sum.add(scenario.arrivals));
        sum
    }

    /// A part of the same interval in which nothing is counted.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let parts = self.sides.parts();
        Self {
            start: self.start,
            end: self.end,
            in_flight: self.in_flight,
            vus_busy: self.vus_busy,
            vus: self.vus,
            connections: self.connections,
            last: self.last,
            ..Self::new(self.worker, self.steps.len(), self.scenarios.len(), parts)
        }
    }

    /// How many lags of arrivals it holds.
    pub fn lags(&self) -> u64 {
        self.schedule_lag.count()
    }

    /// Empties the part so that its recorder can use it again.
    pub fn clear(&mut self) {
        self.last = false;
        self.opened.clear();
        self.in_flight_time = Nanos::ZERO;
        self.schedule_lag.clear();
        self.late.clear();
        self.steps.iter_mut().for_each(StepPart::clear);
        self.scenarios.iter_mut().for_each(ScenarioPart::clear);
        self.sides.clear();
    }
}

/// With whom a connection is, and what is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedPeer {
    /// The address that was reached.
    pub address: SocketAddr,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
}

/// Counts what one worker does. Filled parts are swapped for empty ones, so closing an interval costs
/// the worker no walk over histograms.
#[derive(Debug)]
pub struct Recorder {
    current: IntervalPart,
    spare: Option<IntervalPart>,
    in_flight: u64,
    in_flight_since: RunTime,
    /// Arrivals due that are not begun.
    waiting: u64,
    episodes: LagEpisodes,
}

impl Recorder {
    /// A recorder for `worker`, with room for `steps` and `scenarios`.
    pub fn new(worker: u32, steps: usize, scenarios: usize) -> Self {
        Self {
            current: IntervalPart::new(worker, steps, scenarios, 0),
            spare: None,
            in_flight: 0,
            in_flight_since: RunTime::ZERO,
            waiting: 0,
            episodes: LagEpisodes::new(),
        }
    }

    /// The same with room for both sides in so many parts of a run that is split over two targets.
    #[must_use]
    pub fn with_split(mut self, parts: usize) -> Self {
        self.current.sides = SideRecorder::new(parts);
        self
    }

    /// Counts an iteration that began on its side.
    pub fn side_begun(&mut self, variant: Variant) {
        self.current.sides.begun(variant);
    }

    /// Counts a finished request for its side, besides [`Self::record`].
    pub fn record_side(&mut self, variant: Variant, sample: &Sample) {
        let lag = self.episodes.within(sample);
        self.current.sides.record(variant, sample, LateTime::of(sample, lag));
    }

    /// Counts a failure of no single request for its side, besides [`Self::iteration_error`].
    pub fn side_iteration_error(&mut self, variant: Variant, class: ErrorClass) {
        self.current.sides.iteration_error(variant, class);
    }

    /// Notes that the generator comes to itself at `now`, which looked after its connections last at `since` and
    /// meant to do so again at `expected`. Told before requests are recorded that it reads only then, so
    /// that their times are known to hold lag.
    pub fn held_up(&mut self, now: RunTime, since: RunTime, expected: RunTime) {
        if now.since(expected) > LAG_MIN {
            self.episodes.held_up(now, now.since(since));
        }
    }

    /// Counts one request that was to go out at `intended` and goes out at `now`.
    pub fn request_started(&mut self, intended: RunTime, now: RunTime) {
        self.settle_in_flight(now);
        self.episodes.started(intended, now, self.in_flight);
        self.in_flight += 1;
    }

    /// Counts one finished request. Values out of range are clamped and counted in `clamped`.
    pub fn record(&mut self, scenario: ScenarioId, sample: &Sample) {
        self.settle_in_flight(sample.done);
        self.in_flight = self.in_flight.saturating_sub(1);
        let lag = self.episodes.within(sample);
        self.episodes.ended(sample, self.in_flight);
        if let Some(late) = LateTime::of(sample, lag) {
            self.current.late.push((sample.step, Some(scenario), late));
        }
        self.current.steps[sample.step.0 as usize].record(sample);
        let part = &mut self.current.scenarios[scenario.0 as usize];
        part.requests += 1;
        if let Outcome::Failed(class) = sample.outcome {
            part.errors[class as usize] += 1;
            part.failed_time.record(sample.response_time());
        }
        part.response_time.record(sample.response_time());
    }

    /// Counts a time over or within requests that are counted on their own: a poll, a stream's first event.
    /// It is no request, so the scenario's counts of requests are left alone.
    pub fn record_logical(&mut self, scenario: ScenarioId, sample: &Sample) {
        let lag = self.episodes.within_all(sample);
        if let Some(late) = LateTime::of(sample, lag) {
            self.current.late.push((sample.step, None, late));
        }
        let part = &mut self.current.steps[sample.step.0 as usize];
        part.logical = true;
        part.record(sample);
        if let Outcome::Failed(class) = sample.outcome {
            self.iteration_error(scenario, class);
        }
    }

    /// Counts bytes of a stream that goes on, so that they are known even where the run ends before it does.
    pub fn record_traffic(&mut self, step: StepId, received: u64, sent: u64) {
        let part = &mut self.current.steps[step.0 as usize];
        part.logical = true;
        part.bytes_received += received;
        part.bytes_sent += sent;
    }

    /// Counts a failure of no single request that ended an iteration.
    pub fn iteration_error(&mut self, scenario: ScenarioId, class: ErrorClass) {
        self.current.scenarios[scenario.0 as usize].iteration_errors[class as usize] += 1;
    }

    /// Counts an arrival that has come due. What becomes of it is told by [`Self::arrival_started`] or
    /// [`Self::arrival_dropped`], or by [`Self::iteration_unfinished`] where the run ends before it begins.
    pub fn arrival_due(&mut self, scenario: ScenarioId) {
        self.waiting += 1;
        self.current.scenarios[scenario.0 as usize].arrivals.intended += 1;
    }

    /// Counts an arrival that began `lag` after its intended start.
    pub fn arrival_started(&mut self, scenario: ScenarioId, lag: Nanos) {
        self.waiting = self.waiting.saturating_sub(1);
        self.current.schedule_lag.record(lag);
        self.current.scenarios[scenario.0 as usize].arrivals.started += 1;
    }

    /// Counts an arrival that found no free user.
    pub fn arrival_dropped(&mut self, scenario: ScenarioId) {
        self.waiting = self.waiting.saturating_sub(1);
        self.current.scenarios[scenario.0 as usize].arrivals.dropped += 1;
    }

    /// Counts an iteration that ran to its end, failed or not, `time` after its intended start.
    pub fn iteration_ended(&mut self, scenario: ScenarioId, failed: bool, time: Nanos) {
        let part = &mut self.current.scenarios[scenario.0 as usize];
        if failed {
            part.arrivals.failed += 1;
        } else {
            part.arrivals.completed += 1;
        }
        part.iteration_time.record(time);
    }

    /// Counts that an iteration which was completed had a step beyond its max.
    pub fn iteration_slow(&mut self, scenario: ScenarioId) {
        self.current.scenarios[scenario.0 as usize].arrivals.slow += 1;
    }

    /// Counts an iteration cut off because the run stops.
    pub fn iteration_unfinished(&mut self, scenario: ScenarioId) {
        self.current.scenarios[scenario.0 as usize].arrivals.unfinished += 1;
    }

    /// Counts `count` arrivals that came due and that the run does not reach any more.
    pub fn arrivals_given_up(&mut self, scenario: ScenarioId, count: u64) {
        let arrivals = &mut self.current.scenarios[scenario.0 as usize].arrivals;
        arrivals.intended += count;
        arrivals.unfinished += count;
    }

    /// Arrivals that have come due and are neither begun nor dropped yet.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Requests in flight now.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Closes the interval ending at `end` and starts an empty one.
    pub fn take_part(&mut self, end: RunTime) -> IntervalPart {
        self.settle_in_flight(end);
        let next = self.spare.take().unwrap_or_else(|| {
            let (steps, scenarios) = (self.current.steps.len(), self.current.scenarios.len());
            let parts = self.current.sides.parts();
            IntervalPart::new(self.current.worker, steps, scenarios, parts)
        });
        let mut part = std::mem::replace(&mut self.current, next);
        self.current.start = end;
        part.end = end;
        part.in_flight = self.in_flight;
        part
    }

    /// Gives an emptied part back for the next interval.
    pub fn recycle(&mut self, part: IntervalPart) {
        self.spare = Some(part);
    }

    fn settle_in_flight(&mut self, now: RunTime) {
        // Samples may end a little before the last settled moment; time never runs backwards here.
        if now > self.in_flight_since {
            self.current.in_flight_time += now.since(self.in_flight_since) * self.in_flight;
            self.in_flight_since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Phases, StepId};

    fn sample(intended_ms: u64, done_ms: u64) -> Sample {
        Sample {
            step: StepId(0),
            intended: RunTime::ZERO + Nanos::from_millis(intended_ms),
            sent: RunTime::ZERO + Nanos::from_millis(intended_ms),
            done: RunTime::ZERO + Nanos::from_millis(done_ms),
            phases: Phases::default(),
            status: 200,
            bytes_received: 10,
            bytes_sent: 5,
            exchanges: 1,
            reconnects: 0,
            attempt: 0,
            waited: Nanos::ZERO,
            messages: 0,
            outcome: Outcome::Ok,
        }
    }

    #[test]
    fn failed_poll_counts_for_its_scenario_even_where_nothing_else_happened() {
        let mut recorder = Recorder::new(0, 1, 1);
        let class = ErrorClass::ResponseTimeout;
        let failed = Sample { outcome: Outcome::Failed(class), ..sample(0, 300) };
        recorder.record_logical(ScenarioId(0), &failed);
        let interval = closed(&mut recorder);
        assert_eq!(interval.iteration_errors().collect::<Vec<_>>(), [(class, 1)]);
    }

    fn closed(recorder: &mut Recorder) -> crate::Interval {
        let mut collector = crate::Collector::new(1);
        collector.absorb(&recorder.take_part(RunTime::ZERO + Nanos::from_secs(1)));
        collector.drain_complete().remove(0)
    }

    #[test]
    fn times_of_failures_and_of_late_requests_are_told_apart() {
        let mut recorder = Recorder::new(0, 2, 1).with_split(1);
        let (scenario, variant) = (ScenarioId(0), Variant { part: 0, side: crate::Side::Green });
        let failed = Sample { outcome: Outcome::Failed(ErrorClass::Http5xx), ..sample(0, 10) };
        let late = Sample { sent: RunTime::ZERO + Nanos::from_millis(30), ..sample(0, 80) };
        let late_failed = Sample { outcome: failed.outcome, ..late };
        for sample in [sample(0, 40), failed, late, late_failed] {
            recorder.request_started(sample.intended, sample.sent);
            recorder.record(scenario, &sample);
            recorder.record_side(variant, &sample);
        }
        recorder.record_logical(scenario, &Sample { step: StepId(1), ..late });
        let interval = closed(&mut recorder);
        let of = |ms: &[u64]| ms.iter().copied().map(Nanos::from_millis).collect();
        let parts = crate::TimeParts {
            failed: of(&[10, 80]),
            late: crate::LateTimes { upper: of(&[80]), lower: of(&[50]) },
            late_failed: crate::LateTimes { upper: of(&[80]), lower: of(&[50]) },
        };
        assert_eq!(interval.steps[&StepId(0)].time_parts, parts);
        assert_eq!(interval.scenarios[&scenario].time_parts, parts);
        assert_eq!(interval.scenarios[&scenario].errors, [(ErrorClass::Http5xx, 2)].into());
        assert_eq!(interval.sides[0].time_parts, parts);
        let derived = &interval.logical[&StepId(1)].time_parts;
        let twice = crate::LateTimes { upper: of(&[80]), lower: of(&[20]) };
        assert_eq!((&derived.late, derived.failed.count()), (&twice, 0), "it met two episodes");
    }

    #[test]
    fn in_flight_time_is_the_area_under_the_curve() {
        let mut recorder = Recorder::new(0, 1, 1);
        for at in [RunTime::ZERO, RunTime::ZERO + Nanos::from_millis(100)] {
            recorder.request_started(at, at);
        }
        recorder.record(ScenarioId(0), &sample(0, 300));
        recorder.record(ScenarioId(0), &sample(100, 500));
        let part = recorder.take_part(RunTime::ZERO + Nanos::from_secs(1));
        assert_eq!(part.in_flight_time, Nanos::from_millis(300 + 400));
        assert_eq!(part.in_flight, 0);
    }
}
