//! The collector: merges the workers' parts into intervals, in order.

use std::collections::BTreeMap;

use super::recorder::{ScenarioPart, StepPart};
use super::{
    Distribution, ErrorClass, GeneratorLoad, Interval, IntervalPart, Phase, ScenarioId,
    ScenarioInterval, SparseDistribution, StepId, StepInterval,
};
use crate::units::{Ratio, RunTime};

/// An interval that still waits for parts.
#[derive(Debug)]
struct Open {
    interval: Interval,
    schedule_lag: Distribution,
    closed_by: u64,
}

/// Merges parts into intervals. Yields an interval once every live worker has closed it.
#[derive(Debug)]
pub struct Collector {
    /// One bit a live worker.
    live: u64,
    open: BTreeMap<RunTime, Open>,
}

impl Collector {
    /// A collector for workers 0 to `workers` − 1; at most 64.
    pub fn new(workers: u32) -> Self {
        let live = if workers >= 64 { u64::MAX } else { (1 << workers) - 1 };
        Self { live, open: BTreeMap::new() }
    }

    /// Adds one worker's share. A late part is merged into its own interval.
    pub fn absorb(&mut self, part: &IntervalPart) {
        let open = self.open.entry(part.end).or_insert_with(|| Open {
            interval: Interval { start: part.start, end: part.end, ..Interval::default() },
            schedule_lag: Distribution::new(),
            closed_by: 0,
        });
        open.closed_by |= 1 << part.worker;
        open.schedule_lag.merge(&part.schedule_lag);
        let interval = &mut open.interval;
        interval.start = interval.start.min(part.start);
        interval.in_flight += part.in_flight;
        interval.in_flight_time += part.in_flight_time;
        interval.vus_busy += part.vus_busy;
        interval.vus += part.vus;
        interval.connections += part.connections;
        interval.generator = busier(interval.generator, part.generator);
        for (index, step) in part.steps.iter().enumerate() {
            if step.requests > 0 {
                let steps = if step.logical { &mut interval.logical } else { &mut interval.steps };
                let slot = steps.entry(StepId(index as u16)).or_default();
                merge_step(slot, step);
            }
        }
        for (index, scenario) in part.scenarios.iter().enumerate() {
            merge_scenario(interval, ScenarioId(index as u16), scenario);
        }
    }

    /// Notes that `worker` will close no more intervals.
    pub fn worker_finished(&mut self, worker: u32) {
        self.live &= !(1 << worker);
    }

    /// Returns the intervals that every live worker has closed, oldest first.
    pub fn drain_complete(&mut self) -> Vec<Interval> {
        let mut complete = Vec::new();
        while let Some(first) = self.open.first_entry() {
            if self.live & !first.get().closed_by != 0 {
                break;
            }
            let mut open = first.remove();
            open.interval.schedule_lag = open.schedule_lag.to_sparse();
            complete.push(open.interval);
        }
        complete
    }
}

fn busier(a: GeneratorLoad, b: GeneratorLoad) -> GeneratorLoad {
    GeneratorLoad {
        worker_cpu: Ratio::new(a.worker_cpu.get().max(b.worker_cpu.get())),
        waited: Ratio::new(a.waited.get().max(b.waited.get())),
        process_cpu: Ratio::new(a.process_cpu.get().max(b.process_cpu.get())),
        memory: a.memory.max(b.memory),
    }
}

fn merge_step(slot: &mut StepInterval, part: &StepPart) {
    slot.requests += part.requests;
    slot.exchanges += part.exchanges;
    slot.messages += part.messages;
    slot.bytes_received += part.bytes_received;
    slot.bytes_sent += part.bytes_sent;
    add_errors(&mut slot.errors, &part.errors);
    for &(status, count) in &part.statuses {
        *slot.statuses.entry(status).or_default() += count;
    }
    merge_into(&mut slot.response_time, &part.response_time);
    merge_into(&mut slot.service_time, &part.service_time);
    for phase in Phase::ALL {
        let times = &part.phases[phase as usize];
        if !times.is_empty() {
            merge_into(slot.phases.entry(phase).or_default(), times);
        }
    }
}

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
    let gave_up = part.gave_up.iter().any(|&count| count > 0);
    if part.requests == 0 && part.arrivals == super::ArrivalCounts::default() && !gave_up {
        return;
    }
    let slot: &mut ScenarioInterval = interval.scenarios.entry(id).or_default();
    slot.arrivals.add(part.arrivals);
    slot.requests += part.requests;
    slot.failed_requests += part.failed_requests;
    add_errors(&mut slot.gave_up, &part.gave_up);
    merge_into(&mut slot.response_time, &part.response_time);
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
    use crate::metrics::Recorder;
    use crate::units::Nanos;

    #[test]
    fn interval_is_complete_once_every_live_worker_closed_it() {
        let second = RunTime::ZERO + Nanos::from_secs(1);
        let mut collector = Collector::new(2);
        let mut parts = [0, 1].map(|worker| {
            let mut recorder = Recorder::new(worker, 1, 1);
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

    #[test]
    fn finished_worker_is_not_waited_for() {
        let second = RunTime::ZERO + Nanos::from_secs(1);
        let mut collector = Collector::new(2);
        collector.absorb(&Recorder::new(0, 0, 0).take_part(second));
        collector.worker_finished(1);
        assert_eq!(collector.drain_complete().len(), 1);
    }
}
