//! Run logs of a simulated queue in virtual time, for tests.

use rand::RngExt as _;
use rand_distr::{Distribution as _, Exp};

use plimsoll_metrics::{
    ArrivalCounts, Bound, ErrorClass, Interval, Measure, Objective, Outcome, RunEnd, RunHeader,
    RunLog, ScenarioId, ScenarioInterval, Scope, StepId, StepInterval, StopReason,
};
use plimsoll_units::{Nanos, Quantity, RandomStream, Rate, RunTime, Seed};

/// One request of one iteration.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimulatedRequest {
    pub(super) intended_s: f64,
    pub(super) done_s: f64,
    pub(super) outcome: Outcome,
}

/// A queue with c exponential servers, fed by Poisson arrivals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queue {
    pub(super) rate: f64,
    pub(super) service_rate: f64,
    pub(super) servers: usize,
    pub(super) seconds: u64,
}

impl Queue {
    /// Plays the queue, empty at first.
    pub(super) fn play(&self, seed: u64) -> Vec<SimulatedRequest> {
        let mut rng = Seed::new(seed).stream(RandomStream::Simulator, 0);
        let gap = Exp::new(self.rate).expect("positive");
        let service = Exp::new(self.service_rate).expect("positive");
        let mut free_at = vec![0.0_f64; self.servers];
        let mut requests = Vec::new();
        let mut now = 0.0;
        loop {
            now += gap.sample(&mut rng);
            if now >= self.seconds as f64 {
                return requests;
            }
            let next = (0..self.servers).min_by(|&a, &b| free_at[a].total_cmp(&free_at[b]));
            let server = &mut free_at[next.expect("a server")];
            *server = server.max(now) + service.sample(&mut rng);
            requests.push(SimulatedRequest {
                intended_s: now,
                done_s: *server,
                outcome: Outcome::Ok,
            });
        }
    }
}

/// Marks a random share of the requests as failed.
pub(super) fn fail_some(
    requests: &mut [SimulatedRequest],
    share: f64,
    class: ErrorClass,
    seed: u64,
) {
    let mut rng = Seed::new(seed).stream(RandomStream::Bootstrap, 0);
    for request in requests {
        if rng.random::<f64>() < share {
            request.outcome = Outcome::Failed(class);
        }
    }
}

/// The header of a run that holds one rate.
pub(super) fn header(rate: f64, seconds: u64, objectives: Vec<Objective>) -> RunHeader {
    let held = RunHeader::holding(Rate::per_second(rate), Nanos::from_secs(seconds));
    RunHeader { objectives, ..held }
}

/// A row of the SLO table over the whole run.
pub(super) fn objective(
    measure: Measure,
    target: Option<Quantity>,
    limit: Option<Quantity>,
) -> Objective {
    let bound = match measure {
        Measure::Uptime | Measure::Throughput => Bound::AtLeast,
        _ => Bound::AtMost,
    };
    Objective {
        name: format!("{measure:?}"),
        scope: Scope::Run,
        measure,
        bound,
        target,
        limit,
        of: plimsoll_metrics::Answers::default(),
    }
}

/// The log of the requests, each an iteration of its own, as the engine would write it.
pub(super) fn record(header: RunHeader, requests: &[SimulatedRequest]) -> RunLog {
    let load = header.stages.iter().map(|stage| stage.duration.as_secs_f64()).sum::<f64>();
    let last = requests.iter().map(|request| request.done_s).fold(load, f64::max);
    let mut seconds: Vec<SimulatedSecond> = Vec::new();
    seconds.resize_with(last.ceil() as usize + 1, SimulatedSecond::default);
    for request in requests {
        seconds[request.intended_s as usize].arrivals += 1;
        seconds[request.done_s as usize].done.push(*request);
        let mut from = request.intended_s;
        while from < request.done_s {
            let second = from as usize;
            let to = request.done_s.min((second + 1) as f64);
            seconds[second].in_flight_s += to - from;
            from = to;
        }
    }
    let mut in_flight = 0;
    let intervals: Vec<Interval> = seconds
        .iter()
        .enumerate()
        .map(|(index, second)| {
            in_flight += second.arrivals;
            in_flight -= second.done.len() as u64;
            second.interval(index as u64, in_flight)
        })
        .collect();
    let at = intervals.last().map_or(RunTime::ZERO, |interval| interval.end);
    let end = Some(RunEnd { at, reason: StopReason::Finished });
    RunLog { intervals, end, ..RunLog::begun(header) }
}

/// What happened within one second.
#[derive(Debug, Default)]
struct SimulatedSecond {
    arrivals: u64,
    done: Vec<SimulatedRequest>,
    in_flight_s: f64,
}

impl SimulatedSecond {
    fn interval(&self, index: u64, in_flight: u64) -> Interval {
        let step = self.step();
        let failed = step.failed();
        let requests = step.requests;
        let arrivals = ArrivalCounts {
            intended: self.arrivals,
            started: self.arrivals,
            completed: requests - failed,
            failed,
            ..ArrivalCounts::default()
        };
        let scenario = ScenarioInterval {
            arrivals,
            requests,
            failed_requests: failed,
            response_time: step.response_time.clone(),
            iteration_time: step.response_time.clone(),
            ..ScenarioInterval::default()
        };
        let lag = std::iter::repeat_n(Nanos::from_micros(50), self.arrivals as usize);
        Interval {
            start: RunTime::ZERO + Nanos::from_secs(index),
            end: RunTime::ZERO + Nanos::from_secs(index + 1),
            arrivals,
            in_flight,
            in_flight_time: Nanos::from_secs_f64(self.in_flight_s),
            vus_busy: in_flight,
            schedule_lag: lag.collect(),
            steps: (requests > 0).then_some((StepId(0), step)).into_iter().collect(),
            scenarios: [(ScenarioId(0), scenario)].into(),
            ..Interval::default()
        }
    }

    fn step(&self) -> StepInterval {
        let mut step = StepInterval { requests: self.done.len() as u64, ..StepInterval::default() };
        for request in &self.done {
            match request.outcome {
                Outcome::Ok => *step.statuses.entry(200).or_default() += 1,
                Outcome::Failed(class) => *step.errors.entry(class).or_default() += 1,
            }
        }
        let times = self.done.iter().map(|r| Nanos::from_secs_f64(r.done_s - r.intended_s));
        step.response_time = times.collect();
        step.service_time = step.response_time.clone();
        step
    }
}
