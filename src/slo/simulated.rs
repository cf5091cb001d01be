//! Run logs of a simulated queue in virtual time, for tests: recorded by the real recorder and collector.

use rand::RngExt as _;
use rand_distr::{Distribution as _, Exp};

use crate::metrics::{
    Bound, Collector, ErrorClass, LoadModel, Measure, Objective, Outcome, Phases, Recorder, RunEnd,
    RunHeader, RunLog, Sample, ScenarioId, ScenarioInfo, Scope, StageInfo, StepId, StepInfo,
    StopReason,
};
use crate::units::{Nanos, Quantity, Rate, Ratio, RunTime, Seed, Stream};

/// One request of one iteration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
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
    pub(super) fn play(&self, seed: u64) -> Vec<Request> {
        let mut rng = Seed::new(seed).stream(Stream::Simulator, 0);
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
            requests.push(Request { intended_s: now, done_s: *server, outcome: Outcome::Ok });
        }
    }
}

/// Marks a random share of the requests as failed.
pub(super) fn fail_some(requests: &mut [Request], share: f64, class: ErrorClass, seed: u64) {
    let mut rng = Seed::new(seed).stream(Stream::Bootstrap, 0);
    for request in requests {
        if rng.random::<f64>() < share {
            request.outcome = Outcome::Failed(class);
        }
    }
}

/// The header of a run that holds one rate.
pub(super) fn header(rate: f64, seconds: u64, objectives: Vec<Objective>) -> RunHeader {
    RunHeader {
        schema: RunLog::SCHEMA.to_owned(),
        version: "0.0.0".to_owned(),
        name: "simulated".to_owned(),
        workload: "hold".to_owned(),
        started_utc: "2026-01-01T00:00:00Z".to_owned(),
        target: "http://127.0.0.1:1".to_owned(),
        scenario_hash: "h".to_owned(),
        seed: Seed::new(1),
        shard: (0, 1),
        model: LoadModel::Open,
        arrivals: "poisson".to_owned(),
        stages: vec![StageInfo {
            from: Rate::per_second(rate),
            to: Rate::per_second(rate),
            duration: Nanos::from_secs(seconds),
            judged: true,
        }],
        steps: vec![StepInfo { name: "get".into(), kind: "GET".into(), tags: vec!["api".into()] }],
        scenarios: vec![ScenarioInfo {
            name: "only".into(),
            share: Ratio::new(1.0),
            requests_per_iteration: 1.0,
        }],
        objectives,
        workers: 1,
        max_vus: 100_000,
        conditions: vec![],
    }
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
    Objective { name: format!("{measure:?}"), scope: Scope::Run, measure, bound, target, limit }
}

/// Records the requests, each an iteration of its own, as the engine would.
pub(super) fn record(header: RunHeader, requests: &[Request]) -> RunLog {
    let time = |seconds: f64| RunTime::ZERO + Nanos::from_secs_f64(seconds);
    let mut events: Vec<(RunTime, bool, usize)> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        events.push((time(request.intended_s), false, index));
        events.push((time(request.done_s), true, index));
    }
    events.sort_unstable();
    let load = header.stages.iter().map(|stage| stage.duration).sum::<Nanos>();
    let last = events.last().map_or(RunTime::ZERO, |event| event.0).max(RunTime::ZERO + load);
    let (mut recorder, mut collector) = (Recorder::new(0, 1, 1), Collector::new(1));
    let mut log = RunLog { header, intervals: vec![], events: vec![], end: None, torn: false };
    let (second, mut next) = (Nanos::from_secs(1), 0);
    let mut end = RunTime::ZERO + second;
    loop {
        while next < events.len() && events[next].0 < end {
            let (now, is_end, index) = events[next];
            replay(&mut recorder, requests[index], now, is_end);
            next += 1;
        }
        let mut part = recorder.take_part(end);
        part.vus_busy = recorder.in_flight();
        collector.absorb(&part);
        part.clear();
        recorder.recycle(part);
        if end >= last && next == events.len() {
            break;
        }
        end = end + second;
    }
    log.intervals = collector.drain_complete();
    log.end = Some(RunEnd { at: end, reason: StopReason::Finished });
    log
}

fn replay(recorder: &mut Recorder, request: Request, now: RunTime, is_end: bool) {
    let scenario = ScenarioId(0);
    if !is_end {
        recorder.arrival_started(scenario, Nanos::from_micros(50));
        recorder.request_started(now);
        return;
    }
    let intended = RunTime::ZERO + Nanos::from_secs_f64(request.intended_s);
    let sample = Sample {
        step: StepId(0),
        intended,
        sent: intended,
        done: now,
        phases: Phases::default(),
        status: if request.outcome == Outcome::Ok { 200 } else { 0 },
        bytes_received: 100,
        bytes_sent: 100,
        outcome: request.outcome,
    };
    recorder.record(scenario, &sample);
    recorder.iteration_ended(scenario, request.outcome != Outcome::Ok, sample.response_time());
}
