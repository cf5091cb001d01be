//! The collector: merges the workers' parts into intervals, in order.

use std::collections::BTreeMap;

use super::recorder::{ScenarioPart, StepPart};
use super::{
    Distribution, ErrorClass, Interval, IntervalPart, Phase, ScenarioId, ScenarioInterval,
    SparseDistribution, StepId, StepInterval,
};
use plimsoll_units::{Nanos, RunTime};

/// An interval that still waits for parts.
#[derive(Debug)]
struct OpenInterval {
    interval: Interval,
    schedule_lag: Distribution,
    /// Whether all its parts are the last of their workers, so that no other worker ends there.
    last: bool,
    /// Requests in flight when workers ended within it: nobody waits for them any more.
    abandoned: u64,
}

impl OpenInterval {
    fn new(part: &IntervalPart) -> Self {
        Self {
            interval: Interval { start: part.start, ..Interval::default() },
            schedule_lag: Distribution::new(),
            last: true,
            abandoned: 0,
        }
    }

    fn absorb(&mut self, part: &IntervalPart) {
        self.last &= part.last;
        if part.last {
            self.abandoned += part.in_flight;
        }
        self.schedule_lag.merge(&part.schedule_lag);
        let interval = &mut self.interval;
        interval.start = interval.start.min(part.start);
        interval.in_flight += part.in_flight;
        interval.in_flight_time += part.in_flight_time;
        interval.vus_busy += part.vus_busy;
        interval.vus += part.vus;
        interval.connections += part.connections;
        for (peer, count) in &part.opened {
            let peer = format!("{} {}", peer.address, peer.protocol);
            *interval.opened.entry(peer).or_default() += count;
        }
        interval.generator = interval.generator.busier(part.generator);
        for (index, step) in part.steps.iter().enumerate() {
            if !step.is_empty() {
                let steps = if step.logical { &mut interval.logical } else { &mut interval.steps };
                let slot = steps.entry(StepId(index as u16)).or_default();
                merge_step(slot, step);
            }
        }
        add_late(interval, part);
        part.sides.add_to(&mut interval.sides);
        for (index, scenario) in part.scenarios.iter().enumerate() {
            merge_scenario(interval, ScenarioId(index as u16), scenario);
        }
    }
}

/// Merges parts into intervals. Yields an interval once every live worker has come to its end.
#[derive(Debug)]
pub struct Collector {
    /// Up to where each live worker has handed its counts on; `None` once it is finished.
    reached: Vec<Option<RunTime>>,
    /// By end.
    open: BTreeMap<RunTime, OpenInterval>,
    /// The end of the last interval given out.
    given_out: RunTime,
    /// Requests that finished workers left in flight before that.
    abandoned: u64,
}

impl Collector {
    /// A collector for workers 0 to `workers` − 1.
    pub fn new(workers: u32) -> Self {
        let reached = vec![Some(RunTime::ZERO); workers as usize];
        Self { reached, open: BTreeMap::new(), given_out: RunTime::ZERO, abandoned: 0 }
    }

    /// Adds one worker's share. A worker that had to skip an end brings its counts with the next one. Workers
    /// end at slightly different times; their last parts go with the interval in which they end.
    pub fn absorb(&mut self, part: &IntervalPart) {
        if let Some(Some(reached)) = self.reached.get_mut(part.worker as usize) {
            *reached = part.end.max(*reached);
        }
        let following = self.open.range(part.end..).next().map(|(&end, _)| end);
        let end = following.filter(|_| part.last).unwrap_or(part.end);
        let known = self.open.remove(&end).or_else(|| self.take_last(part));
        let mut open = known.unwrap_or_else(|| OpenInterval::new(part));
        open.absorb(part);
        self.open.insert(end, open);
    }

    /// The counts of workers that ended within `part`. There is one such entry at the most: last parts join
    /// what is open after them, and the first part that ends later takes them in.
    fn take_last(&mut self, part: &IntervalPart) -> Option<OpenInterval> {
        let (&end, open) = self.open.range(part.start.min(part.end)..part.end).next_back()?;
        if open.last { self.open.remove(&end) } else { None }
    }

    /// Notes that `worker` will close no more intervals.
    pub fn worker_finished(&mut self, worker: u32) {
        if let Some(reached) = self.reached.get_mut(worker as usize) {
            *reached = None;
        }
    }

    /// Returns the intervals that every live worker has closed, oldest first.
    pub fn drain_complete(&mut self) -> Vec<Interval> {
        let all_reached = self.reached.iter().flatten().min().copied();
        let mut complete = Vec::new();
        while let Some(first) = self.open.first_entry() {
            let end = *first.key();
            if all_reached.is_some_and(|reached| reached < end) {
                break;
            }
            let open = first.remove();
            let mut interval = open.interval;
            interval.start = interval.start.max(self.given_out);
            interval.end = end;
            interval.in_flight += self.abandoned;
            interval.schedule_lag = open.schedule_lag.to_sparse();
            self.abandoned += open.abandoned;
            self.given_out = end;
            complete.push(interval);
        }
        complete
    }
}

fn merge_step(slot: &mut StepInterval, part: &StepPart) {
    slot.requests += part.requests;
    slot.exchanges += part.exchanges;
    slot.reconnects += part.reconnects;
    slot.retries += part.retries;
    slot.messages += part.messages;
    slot.bytes_received += part.bytes_received;
    slot.bytes_sent += part.bytes_sent;
    add_errors(&mut slot.errors, &part.errors);
    for &(status, count) in &part.statuses {
        *slot.statuses.entry(status).or_default() += count;
    }
    merge_into(&mut slot.response_time, &part.response_time);
    if let Some(times) = part.failed_time.get() {
        merge_into(&mut slot.time_parts.failed, times);
    }
    merge_into(&mut slot.service_time, &part.service_time);
    for phase in Phase::ALL {
        let times = &part.phases[phase as usize];
        if !times.is_empty() {
            merge_into(slot.phases.entry(phase).or_default(), times);
        }
    }
}

/// Files the requests that may hold lag under their steps and scenarios.
fn add_late(interval: &mut Interval, part: &IntervalPart) {
    let (mut steps, mut scenarios): (BTreeMap<_, Pairs>, BTreeMap<_, Pairs>) = Default::default();
    for (step, scenario, late) in &part.late {
        let pair = (late.upper, late.lower);
        steps.entry((*step, scenario.is_none(), late.is_failed)).or_default().push(pair);
        if let Some(scenario) = scenario {
            scenarios.entry((*scenario, late.is_failed)).or_default().push(pair);
        }
    }
    for ((step, is_logical, is_failed), pairs) in steps {
        let slots = if is_logical { &mut interval.logical } else { &mut interval.steps };
        slots.entry(step).or_default().time_parts.add_late(is_failed, &pairs);
    }
    for ((scenario, is_failed), pairs) in scenarios {
        let slot = interval.scenarios.entry(scenario).or_default();
        slot.time_parts.add_late(is_failed, &pairs);
    }
}

/// Response times as recorded, each with its lower bound.
type Pairs = Vec<(Nanos, Nanos)>;

fn add_errors(slot: &mut BTreeMap<ErrorClass, u64>, counts: &[u64; ErrorClass::ALL.len()]) {
    for class in ErrorClass::ALL {
        let count = counts[class as usize];
        if count > 0 {
            *slot.entry(class).or_default() += count;
        }
    }
}

fn merge_scenario(interval: &mut Interval, id: ScenarioId, part: &ScenarioPart) {
    interval.arrivals.add(part.arrivals);
    let iteration_errors = part.iteration_errors.iter().any(|&count| count > 0);
    if part.requests == 0 && part.arrivals == super::ArrivalCounts::default() && !iteration_errors {
        return;
    }
    let slot: &mut ScenarioInterval = interval.scenarios.entry(id).or_default();
    slot.arrivals.add(part.arrivals);
    slot.requests += part.requests;
    slot.failed_requests += part.errors.iter().sum::<u64>();
    add_errors(&mut slot.errors, &part.errors);
    add_errors(&mut slot.iteration_errors, &part.iteration_errors);
    merge_into(&mut slot.response_time, &part.response_time);
    if let Some(times) = part.failed_time.get() {
        merge_into(&mut slot.time_parts.failed, times);
    }
    merge_into(&mut slot.iteration_time, &part.iteration_time);
}

/// Where there is one worker, this is one conversion and no merge.
fn merge_into(slot: &mut SparseDistribution, part: &Distribution) {
    let part = part.to_sparse();
    if slot.is_empty() {
        *slot = part;
    } else {
        slot.merge(&part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorder;

    #[test]
    fn interval_is_complete_once_every_live_worker_closed_it() {
        let second = RunTime::ZERO + Nanos::from_secs(1);
        let mut collector = Collector::new(2);
        let mut parts = [0, 1].map(|worker| {
            let mut recorder = Recorder::new(worker, 1, 1);
            recorder.arrival_due(ScenarioId(0));
            recorder.arrival_started(ScenarioId(0), Nanos::from_micros(u64::from(worker) + 1));
            recorder.take_part(second)
        });
        parts[1].vus = 3;
        collector.absorb(&parts[0]);
        assert!(collector.drain_complete().is_empty());
        collector.absorb(&parts[1]);
        let complete = collector.drain_complete();
        assert_eq!(complete.len(), 1);
        assert_eq!(complete[0].arrivals.started, 2);
        assert_eq!(complete[0].vus, 3);
        assert_eq!(complete[0].schedule_lag.count(), 2);
    }

    /// What one worker did up to `end_ms`: some arrivals, and one request for each still in flight.
    fn part(recorder: &mut Recorder, end_ms: u64, started: u64) -> IntervalPart {
        for _ in 0..started {
            recorder.arrival_due(ScenarioId(0));
            recorder.arrival_started(ScenarioId(0), Nanos::ZERO);
            recorder.request_started(at(end_ms), at(end_ms));
        }
        recorder.take_part(at(end_ms))
    }

    fn at(ms: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_millis(ms)
    }

    /// Start and end in milliseconds, arrivals started, requests in flight.
    fn told(intervals: &[Interval]) -> Vec<(u64, u64, u64, u64)> {
        let ms = |time: RunTime| time.get() / 1_000_000;
        let row = |i: &Interval| (ms(i.start), ms(i.end), i.arrivals.started, i.in_flight);
        intervals.iter().map(row).collect()
    }

    #[test]
    fn skipped_end_holds_nothing_back_and_loses_nothing() {
        let [mut one, mut other] = [0, 1].map(|worker| Recorder::new(worker, 1, 1));
        let mut collector = Collector::new(2);
        for end in [1_000, 2_000, 3_000] {
            collector.absorb(&part(&mut one, end, 1));
        }
        collector.absorb(&part(&mut other, 2_000, 5));
        assert_eq!(told(&collector.drain_complete()), [(0, 1_000, 1, 1), (1_000, 2_000, 6, 7)]);
        collector.absorb(&part(&mut other, 3_000, 1));
        assert_eq!(told(&collector.drain_complete()), [(2_000, 3_000, 2, 9)]);
    }

    #[test]
    fn workers_that_end_apart_share_their_last_interval() {
        for order in [[0, 1], [1, 0]] {
            let mut recorders = [0, 1].map(|worker| Recorder::new(worker, 1, 1));
            let mut collector = Collector::new(2);
            for recorder in &mut recorders {
                collector.absorb(&part(recorder, 1_000, 1));
            }
            for worker in order {
                let end = [1_403, 1_407][worker];
                let last = IntervalPart { last: true, ..part(&mut recorders[worker], end, 2) };
                collector.absorb(&last);
                collector.worker_finished(worker as u32);
            }
            let expected = [(0, 1_000, 2, 2), (1_000, 1_407, 4, 6)];
            assert_eq!(told(&collector.drain_complete()), expected, "{order:?}");
        }
    }

    #[test]
    fn worker_that_ends_earlier_goes_with_the_second_it_ends_in() {
        let mut recorders = [0, 1].map(|worker| Recorder::new(worker, 1, 1));
        let mut collector = Collector::new(2);
        let last = IntervalPart { last: true, ..part(&mut recorders[0], 400, 2) };
        collector.absorb(&last);
        assert!(collector.drain_complete().is_empty());
        collector.worker_finished(0);
        collector.absorb(&part(&mut recorders[1], 1_000, 1));
        collector.absorb(&part(&mut recorders[1], 2_000, 1));
        let last = IntervalPart { last: true, ..part(&mut recorders[1], 2_300, 0) };
        collector.absorb(&last);
        collector.worker_finished(1);
        // The two requests that the first worker gave up stay unanswered to the end.
        let expected = [(0, 1_000, 3, 3), (1_000, 2_000, 1, 4), (2_000, 2_300, 0, 4)];
        assert_eq!(told(&collector.drain_complete()), expected);
    }

    #[test]
    fn finished_worker_is_not_waited_for() {
        let second = RunTime::ZERO + Nanos::from_secs(1);
        let mut collector = Collector::new(2);
        collector.absorb(&Recorder::new(0, 0, 0).take_part(second));
        collector.worker_finished(1);
        assert_eq!(collector.drain_complete().len(), 1);
    }
}
