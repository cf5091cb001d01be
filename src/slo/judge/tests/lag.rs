//! Verdicts of a generator whose core is taken away now and then, against stacks whose truth is known.

use rand::RngExt as _;
use rand_distr::{Distribution as _, Exp};

use super::*;
use crate::metrics::{Collector, Distribution, Recorder, RunHeader, Sample, StepId};
use crate::slo::{JudgedObjective, ObjectiveStatus};
use crate::units::{RandomStream, Seed};

/// A stack that serves in order of arrival.
#[derive(Debug, Clone, Copy)]
struct Stack {
    name: &'static str,
    servers: usize,
    /// Mean service time in seconds.
    service_s: f64,
    is_exponential: bool,
}

const STACKS: [Stack; 3] = [
    Stack { name: "M/M/1", servers: 1, service_s: 0.005, is_exponential: true },
    Stack { name: "M/M/8", servers: 8, service_s: 0.02, is_exponential: true },
    Stack { name: "M/D/1", servers: 1, service_s: 0.005, is_exponential: false },
];

/// What the generator does not get of its time; pieces of 1 to 50 ms.
const STOLEN: [f64; 3] = [0.0, 0.05, 0.2];
/// How heavily the stack is loaded.
const LOADS: [f64; 3] = [0.3, 0.6, 0.9];
/// Maxima as shares of the truth: below it, right at it, above it.
const LIMITS: [f64; 3] = [0.8, 1.0, 1.25];
const SECONDS: u64 = 60;

/// One run: arrivals, what they ask of the stack, and when the generator is held up.
struct Run {
    intended: Vec<f64>,
    work: Vec<f64>,
    stalls: Vec<(f64, f64)>,
}

impl Stack {
    fn rate(&self, load: f64) -> f64 {
        load * self.servers as f64 / self.service_s
    }

    fn play(&self, load: f64, stolen: f64, (seconds, seed): (f64, u64)) -> Run {
        let mut rng = Seed::new(seed).stream(RandomStream::Simulator, 0);
        let gap = Exp::new(self.rate(load)).expect("positive");
        let service = Exp::new(1.0 / self.service_s).expect("positive");
        let mut run = Run { intended: vec![], work: vec![], stalls: vec![] };
        let mut now = gap.sample(&mut rng);
        while now < seconds {
            run.intended.push(now);
            let drawn = service.sample(&mut rng);
            run.work.push(if self.is_exponential { drawn } else { self.service_s });
            now += gap.sample(&mut rng);
        }
        if stolen > 0.0 {
            let between = Exp::new(stolen / (0.025_5 * (1.0 - stolen))).expect("positive");
            let mut now = between.sample(&mut rng);
            while now < seconds + 10.0 {
                let length = rng.random_range(0.001..0.05);
                run.stalls.push((now, now + length));
                now += length + between.sample(&mut rng);
            }
        }
        run
    }

    /// When each request is done, if sent at `sent`.
    fn serve(&self, sent: &[f64], work: &[f64]) -> Vec<f64> {
        let mut free = vec![0.0_f64; self.servers];
        let served = sent.iter().zip(work).map(|(&sent, &work)| {
            let next = (0..free.len()).min_by(|&a, &b| free[a].total_cmp(&free[b]));
            let server = &mut free[next.expect("a server")];
            *server = server.max(sent) + work;
            *server
        });
        served.collect()
    }

    /// The p95 in seconds with a punctual generator, from a run of 200,000 requests.
    fn truth(&self, load: f64) -> f64 {
        let seconds = 200_000.0 / self.rate(load);
        let run = self.play(load, 0.0, (seconds, 99));
        let done = self.serve(&run.intended, &run.work);
        let times = done.iter().zip(&run.intended).map(|(done, intended)| done - intended);
        let mut times: Vec<f64> = times.collect();
        times.sort_by(f64::total_cmp);
        times[times.len() * 95 / 100]
    }
}

/// What happens at one moment, in the order in which the engine tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// The generator is late with an arrival by so much: all it knows of having been held up.
    IsLate(Nanos),
    Ends(usize),
    Starts(usize),
}

impl Run {
    /// When the generator gets to what is due at `time`.
    fn awake(&self, time: f64) -> f64 {
        let next = self.stalls.partition_point(|stall| stall.1 <= time);
        let held = self.stalls.get(next).filter(|stall| stall.0 <= time);
        held.map_or(time, |stall| stall.1)
    }

    /// The log that the generator writes.
    fn log(&self, stack: &Stack, header: RunHeader) -> RunLog {
        let at = |seconds: f64| RunTime::ZERO + Nanos::from_secs_f64(seconds);
        let sent: Vec<f64> = self.intended.iter().map(|&due| self.awake(due)).collect();
        let done = stack.serve(&sent, &self.work);
        let read: Vec<f64> = done.iter().map(|&done| self.awake(done)).collect();
        let mut events = Vec::new();
        for index in 0..sent.len() {
            let late = sent[index] - self.intended[index];
            let is_first = index == 0 || sent[index - 1] < sent[index];
            if late > 0.0 && is_first {
                events.push((at(sent[index]), Happens::IsLate(Nanos::from_secs_f64(late))));
            }
            events.push((at(sent[index]), Happens::Starts(index)));
            events.push((at(read[index]), Happens::Ends(index)));
        }
        events.sort_unstable();
        let (mut recorder, mut collector) = (Recorder::new(0, 1, 1), Collector::new(1));
        let second = Nanos::from_secs(1);
        let mut end = RunTime::ZERO + second;
        let mut since = RunTime::ZERO;
        for (now, what) in events {
            while now >= end {
                collector.absorb(&recorder.take_part(end));
                end = end + second;
            }
            match what {
                Happens::IsLate(by) => recorder.held_up(now, since, now - by),
                Happens::Starts(index) => {
                    let due = at(self.intended[index]);
                    recorder.arrival_due(ScenarioId(0));
                    recorder.arrival_started(ScenarioId(0), now.since(due));
                    recorder.request_started(due, now);
                }
                Happens::Ends(index) => {
                    let sent = (at(self.intended[index]), at(sent[index]));
                    let sample = Sample::of_time(StepId(0), sent, now, Outcome::Ok);
                    recorder.record(ScenarioId(0), &sample);
                    recorder.iteration_ended(ScenarioId(0), false, sample.response_time());
                }
            }
            since = now;
        }
        collector.absorb(&recorder.take_part(end));
        let intervals = collector.drain_complete();
        let end = Some(RunEnd { at: end, reason: StopReason::Finished });
        RunLog { intervals, end, ..RunLog::begun(header) }
    }
}

/// How the same row came out by either rule; none where it gives no answer.
struct Answers {
    /// What this version says.
    new: Option<bool>,
    /// Not valid where p99 of schedule lag exceeded 2 % of the tightest time or 1 ms; else by the times as recorded.
    old: Option<bool>,
}

fn passes(row: &JudgedObjective) -> Option<bool> {
    match row.status {
        ObjectiveStatus::Pass | ObjectiveStatus::AtRisk => Some(true),
        ObjectiveStatus::Fail => Some(false),
        ObjectiveStatus::Inconclusive | ObjectiveStatus::NotMeasured => None,
    }
}

fn answers(stack: &Stack, load: f64, truth: f64, stolen: (f64, u64)) -> Vec<Answers> {
    let time = |seconds: f64| Quantity::Time(Nanos::from_secs_f64(seconds));
    let rows = LIMITS.map(|share| bounded(Measure::ResponseTime(0.95), time(share * truth)));
    let run = stack.play(load, stolen.0, (SECONDS as f64, stolen.1));
    let rate = run.intended.len() as f64 / SECONDS as f64;
    let log = run.log(stack, header(rate, SECONDS, rows.to_vec()));
    let judgement = judge(&log, Strictness::Normal);
    assert_ne!(judgement.verdict, Verdict::NotValid, "{:?}", judgement.validity);
    let mut lags = Distribution::new();
    log.intervals.iter().for_each(|interval| lags.merge_sparse(&interval.schedule_lag));
    let mut blind = log;
    for interval in &mut blind.intervals {
        interval
            .steps
            .values_mut()
            .for_each(|step| step.time_parts = crate::metrics::TimeParts::default());
    }
    let blind = judge(&blind, Strictness::Normal);
    let pairs = judgement.objectives.iter().zip(&blind.objectives).zip(LIMITS);
    let of = |((row, blind), share): ((&JudgedObjective, &JudgedObjective), f64)| {
        let allowed = (0.02 * share * truth).max(0.001);
        let is_valid = lags.quantile(0.99).as_secs_f64() <= allowed;
        Answers { new: passes(row), old: passes(blind).filter(|_| is_valid) }
    };
    pairs.map(of).collect()
}

/// Wrong passes, wrong failures and no answers by either rule, and how many rows there were.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    rows: u64,
    new: [u64; 3],
    old: [u64; 3],
}

impl Counted {
    fn add(&mut self, share: f64, answers: &Answers) {
        self.rows += 1;
        for (counts, answer) in [(&mut self.new, answers.new), (&mut self.old, answers.old)] {
            match answer {
                // Right at the truth the max is kept.
                Some(true) if share < 1.0 => counts[0] += 1,
                Some(false) if share >= 1.0 => counts[1] += 1,
                Some(_) => {}
                None => counts[2] += 1,
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "the table is kept in benches/results")]
    fn print(&self, what: &str) {
        let percent = |count: u64| format!("{:.1} %", count as f64 * 100.0 / self.rows as f64);
        let cells: Vec<String> = self.new.iter().chain(&self.old).map(|n| percent(*n)).collect();
        println!("| {what} | {} | {} |", self.rows, cells.join(" | "));
    }
}

/// Goal: prove that no verdict is wrong because the generator was late, and that most runs still have one.
/// Method: a generator from which 0, 5 and 20 % of its time are taken, in front of queues at 30, 60 and 90 % of their
/// capacity for a minute, with a max of p95 below, at and above the truth; the rule before (2 % of the tightest time, else
/// not valid) beside it.
#[test]
#[expect(clippy::print_stdout, reason = "the table is kept in benches/results")]
fn verdicts_hold_whatever_is_taken_from_the_generator() {
    const RUNS: u64 = 1;
    println!(
        "| stack, load, stolen, max | rows | wrong pass | wrong fail | no answer | old: wrong pass | wrong fail | no answer |"
    );
    println!("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut by_stolen = [Counted::default(); STOLEN.len()];
    for (stack, load) in STACKS.iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
        let truth = stack.truth(load);
        for (index, stolen) in STOLEN.into_iter().enumerate() {
            let mut by_limit = [Counted::default(); LIMITS.len()];
            for seed in 0..RUNS {
                let answers = answers(stack, load, truth, (stolen, 1 + seed));
                for (at, answer) in answers.iter().enumerate() {
                    by_limit[at].add(LIMITS[at], answer);
                    by_stolen[index].add(LIMITS[at], answer);
                }
            }
            for (counted, share) in by_limit.iter().zip(LIMITS) {
                let what = format!("{}, {load}, {:.0} %, {share}", stack.name, stolen * 100.0);
                counted.print(&what);
            }
        }
    }
    for (counted, stolen) in by_stolen.iter().zip(STOLEN) {
        counted.print(&format!("all, {:.0} %", stolen * 100.0));
        assert_eq!(counted.new[0], 0, "wrong passes with {stolen} of the time taken");
        assert!(
            counted.new[1] * 100 <= counted.rows,
            "{counted:?} with {stolen} of the time taken"
        );
    }
}
