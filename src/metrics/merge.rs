//! One second of several shards as one: counts are added, distributions merged bucket by bucket.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::{Interval, ReadingRef, ScenarioInterval, SideInterval, StepInterval};

impl Interval {
    /// Adds what another shard did in the same second. The order makes no difference, but for readings: of the
    /// stack's own metrics, which every shard may have read, those already here stay.
    pub fn merge(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.arrivals.add(other.arrivals);
        self.in_flight += other.in_flight;
        self.in_flight_time += other.in_flight_time;
        self.vus_busy += other.vus_busy;
        self.vus += other.vus;
        self.connections += other.connections;
        for (peer, count) in &other.opened {
            *self.opened.entry(peer.clone()).or_default() += count;
        }
        self.schedule_lag.merge(&other.schedule_lag);
        self.generator = self.generator.busier(other.generator);
        for (mine, others) in [(&mut self.steps, &other.steps), (&mut self.logical, &other.logical)]
        {
            for (&id, step) in others {
                add_step(mine.entry(id).or_default(), step);
            }
        }
        for (&id, scenario) in &other.scenarios {
            add_scenario(self.scenarios.entry(id).or_default(), scenario);
        }
        for side in &other.sides {
            match self.sides.iter_mut().find(|it| (it.part, it.side) == (side.part, side.side)) {
                Some(known) => add_side(known, side),
                None => self.sides.push(side.clone()),
            }
        }
        self.sides.sort_by_key(|side| (side.part, side.side));
        let mut more = vec![];
        for reading in other.readings.iter() {
            let is_known = |known: ReadingRef<'_>| {
                (known.tier, known.metric, known.replica)
                    == (reading.tier, reading.metric, reading.replica)
            };
            if !self.readings.iter().any(is_known) {
                more.push(reading.to_reading());
            }
        }
        if !more.is_empty() {
            let known = self.readings.iter().map(ReadingRef::to_reading);
            self.readings = known.chain(more).collect();
        }
    }
}

fn add_step(mine: &mut StepInterval, other: &StepInterval) {
    mine.requests += other.requests;
    mine.exchanges += other.exchanges;
    mine.reconnects += other.reconnects;
    mine.retries += other.retries;
    mine.messages += other.messages;
    add(&mut mine.errors, &other.errors);
    add(&mut mine.statuses, &other.statuses);
    mine.bytes_received += other.bytes_received;
    mine.bytes_sent += other.bytes_sent;
    mine.response_time.merge(&other.response_time);
    mine.time_parts.merge(&other.time_parts);
    mine.service_time.merge(&other.service_time);
    for (&phase, times) in &other.phases {
        mine.phases.entry(phase).or_default().merge(times);
    }
}

fn add_scenario(mine: &mut ScenarioInterval, other: &ScenarioInterval) {
    mine.arrivals.add(other.arrivals);
    mine.requests += other.requests;
    mine.failed_requests += other.failed_requests;
    add(&mut mine.errors, &other.errors);
    mine.response_time.merge(&other.response_time);
    mine.time_parts.merge(&other.time_parts);
    mine.iteration_time.merge(&other.iteration_time);
    add(&mut mine.iteration_errors, &other.iteration_errors);
}

fn add_side(mine: &mut SideInterval, other: &SideInterval) {
    mine.iterations += other.iterations;
    mine.requests += other.requests;
    add(&mut mine.errors, &other.errors);
    add(&mut mine.iteration_errors, &other.iteration_errors);
    mine.response_time.merge(&other.response_time);
    mine.time_parts.merge(&other.time_parts);
}

fn add<K: Ord + Copy, N: AddAssign + Copy + Default>(
    mine: &mut BTreeMap<K, N>,
    others: &BTreeMap<K, N>,
) {
    for (&key, &count) in others {
        *mine.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Collector, ErrorClass, Interval, Outcome, Recorder, Sample, ScenarioId, SparseDistribution,
        StepId,
    };
    use plimsoll_units::{Nanos, RunTime};

    /// Goal: prove that merged shards are what one generator would have recorded of all their samples.
    /// Method: 3,000 samples into one recorder and, dealt out, into three.
    #[test]
    fn merged_seconds_are_those_of_one_recorder_in_any_order() {
        let recorder = || Recorder::new(0, 2, 1);
        let (mut whole, mut parts) = (recorder(), [recorder(), recorder(), recorder()]);
        for n in 0..3_000_u64 {
            let from = RunTime::ZERO + Nanos::from_micros(n * 100);
            let until = from + Nanos::from_micros(500 + n * n % 90_000);
            let failed = n % 7 == 0;
            let outcome = if failed { Outcome::Failed(ErrorClass::Http5xx) } else { Outcome::Ok };
            let sample = Sample::of_time(StepId((n % 2) as u16), (from, from), until, outcome);
            for recorder in [&mut whole, &mut parts[(n * n % 3) as usize]] {
                recorder.arrival_due(ScenarioId(0));
                recorder.arrival_started(ScenarioId(0), Nanos::new(n * 50));
                recorder.request_started(from, from);
                recorder.record(ScenarioId(0), &sample);
            }
        }
        let end = RunTime::ZERO + Nanos::from_secs(1);
        let interval = |recorder: &mut Recorder| -> Interval {
            let mut collector = Collector::new(1);
            collector.absorb(&recorder.take_part(end));
            collector.drain_complete().remove(0)
        };
        let whole = interval(&mut whole);
        let [one, two, three] = parts.each_mut().map(interval);
        for order in [[&one, &two, &three], [&three, &one, &two]] {
            let mut merged = order[0].clone();
            merged.merge(order[1]);
            merged.merge(order[2]);
            merged.in_flight_time = whole.in_flight_time;
            assert_eq!(merged, whole);
        }
        let mut twice = SparseDistribution::default();
        twice.merge(&whole.schedule_lag);
        assert_eq!(twice, whole.schedule_lag);
    }
}
