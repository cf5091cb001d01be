//! Verdicts of a generator whose core is taken away now and then, against stacks whose truth is known.

use plimsoll::capacity::queueing::Mmc;
use plimsoll::metrics::{
    Answers, Bound, Collector, Distribution, Measure, Objective, Outcome, Recorder, RunEnd,
    RunHeader, RunLog, Sample, ScenarioId, Scope, StepId, StopReason, TimeParts,
};
use plimsoll::slo::{JudgedObjective, ObjectiveStatus, Strictness, Verdict, judge};
use plimsoll::units::{Nanos, Quantity, RandomStream, Rate, RunTime, Seed};
use rand::RngExt as _;
use rand_distr::{Distribution as _, Exp};

/// A stack that serves in order of arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stack {
    pub(super) name: &'static str,
    servers: usize,
    /// Mean service time in seconds.
    service_s: f64,
    is_exponential: bool,
}

pub(super) const STACKS: [Stack; 3] = [
    Stack { name: "M/M/1", servers: 1, service_s: 0.005, is_exponential: true },
    Stack { name: "M/M/8", servers: 8, service_s: 0.02, is_exponential: true },
    Stack { name: "M/D/1", servers: 1, service_s: 0.005, is_exponential: false },
];

/// What the generator does not get of its time; pieces of 1 to 50 ms.
pub(super) const STOLEN: [f64; 3] = [0.0, 0.05, 0.2];
/// How heavily the stack is loaded.
pub(super) const LOADS: [f64; 3] = [0.3, 0.6, 0.9];
/// Maxima as shares of the truth: below it, right at it, above it.
pub(super) const LIMITS: [f64; 3] = [0.8, 1.0, 1.25];
/// How long a run is.
pub(super) const SECONDS: u64 = 60;

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
}

/// What a punctual generator would measure of a stack under a load, in the long run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    load: f64,
    /// The p95 in seconds.
    pub(super) p95: f64,
}

impl Truth {
    /// By formula where there is one; else from a run of so many `requests`.
    pub(super) fn of(stack: &Stack, load: f64, requests: usize) -> Self {
        let (arrivals, service) = (stack.rate(load), 1.0 / stack.service_s);
        let p95 = if stack.is_exponential {
            Mmc { arrivals, service, servers: stack.servers as u32 }.response_quantile(0.95)
        } else {
            let run = stack.play(load, 0.0, (requests as f64 / arrivals, 99));
            let done = stack.serve(&run.intended, &run.work);
            let times = done.iter().zip(&run.intended).map(|(done, intended)| done - intended);
            let mut times: Vec<f64> = times.collect();
            times.sort_by(f64::total_cmp);
            times[times.len() * 95 / 100]
        };
        Self { load, p95 }
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

/// How one row came out, by either rule; none where it gives no answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOutcome {
    /// What this version says.
    new: Option<bool>,
    /// Not valid where p99 of schedule lag exceeded 2 % of the tightest time or 1 ms; else by the times as recorded.
    old: Option<bool>,
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Outcomes {
    /// One row a maximum, in the order of [`LIMITS`].
    pub(super) rows: Vec<RowOutcome>,
    /// Whether the interval holds the truth.
    pub(super) covers: bool,
}

fn passes(row: &JudgedObjective) -> Option<bool> {
    match row.status {
        ObjectiveStatus::Pass | ObjectiveStatus::AtRisk => Some(true),
        ObjectiveStatus::Fail => Some(false),
        ObjectiveStatus::Inconclusive | ObjectiveStatus::NotMeasured => None,
    }
}

fn row(max_s: f64) -> Objective {
    Objective {
        name: "p95".into(),
        scope: Scope::Run,
        measure: Measure::ResponseTime(0.95),
        bound: Bound::AtMost,
        target: None,
        limit: Some(Quantity::Time(Nanos::from_secs_f64(max_s))),
        of: Answers::default(),
    }
}

impl Outcomes {
    /// Plays and judges a run with so much of its time `stolen`.
    ///
    /// # Panics
    /// If the run is not valid: lag alone voids nothing.
    pub(super) fn play(stack: &Stack, truth: &Truth, stolen: f64, seed: u64) -> Self {
        let run = stack.play(truth.load, stolen, (SECONDS as f64, seed));
        let rate = Rate::per_second(run.intended.len() as f64 / SECONDS as f64);
        let objectives = LIMITS.map(|share| row(share * truth.p95)).to_vec();
        let header =
            RunHeader { objectives, ..RunHeader::holding(rate, Nanos::from_secs(SECONDS)) };
        let log = run.log(stack, header);
        let judged = judge(&log, Strictness::Normal);
        assert_ne!(judged.verdict, Verdict::NotValid, "{:?}", judged.validity);
        let mut lags = Distribution::new();
        log.intervals.iter().for_each(|interval| lags.merge_sparse(&interval.schedule_lag));
        let mut blind = log;
        for interval in &mut blind.intervals {
            interval.steps.values_mut().for_each(|step| step.time_parts = TimeParts::default());
        }
        let blind = judge(&blind, Strictness::Normal);
        let pairs = judged.objectives.iter().zip(&blind.objectives).zip(LIMITS);
        let of = |((row, blind), share): ((&JudgedObjective, &JudgedObjective), f64)| {
            let allowed = (0.02 * share * truth.p95).max(0.001);
            let is_valid = lags.quantile(0.99).as_secs_f64() <= allowed;
            RowOutcome { new: passes(row), old: passes(blind).filter(|_| is_valid) }
        };
        let interval = judged.objectives[0].interval;
        let covers = interval
            .is_some_and(|(lower, upper)| (lower.base()..=upper.base()).contains(&truth.p95));
        Self { rows: pairs.map(of).collect(), covers }
    }
}

/// Wrong passes, wrong failures and no answers by either rule, of how many rows, and intervals that cover.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CellCounts {
    pub(super) rows: u64,
    covered: u64,
    pub(super) new: [u64; 3],
    old: [u64; 3],
}

impl CellCounts {
    /// Counts a row whose maximum is `share` of the truth. Right at the truth the max is kept.
    pub(super) fn add(&mut self, share: f64, (row, covers): (&RowOutcome, bool)) {
        self.rows += 1;
        self.covered += u64::from(covers);
        for (counts, answer) in [(&mut self.new, row.new), (&mut self.old, row.old)] {
            match answer {
                Some(true) if share < 1.0 => counts[0] += 1,
                Some(false) if share >= 1.0 => counts[1] += 1,
                Some(_) => {}
                None => counts[2] += 1,
            }
        }
    }

    /// A line of the table. Wrong answers of this version have the upper end of Wilson's 95 % interval beside them.
    pub(super) fn line(&self, what: &str) -> String {
        let percent = |count: u64| format!("{:.2} %", count as f64 * 100.0 / self.rows as f64);
        let bounded = |count: u64| {
            format!("{} (≤ {:.2} %)", percent(count), wilson_upper(count, self.rows) * 100.0)
        };
        let [pass, fail, none] = self.new;
        let cells = [bounded(pass), bounded(fail), percent(none), percent(self.covered)];
        let cells = cells.into_iter().chain(self.old.map(percent));
        format!("| {what} | {} | {} |", self.rows, cells.collect::<Vec<_>>().join(" | "))
    }
}

/// The upper end of E. Wilson's score interval (1927) at 95 %, two-sided.
pub(super) fn wilson_upper(hits: u64, of: u64) -> f64 {
    let (n, z) = (of as f64, 1.959_964_f64);
    let p = hits as f64 / n;
    let middle = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (middle + reach) / (1.0 + z * z / n)
}
