//! The highest valid rate against run logs whose limits are set by hand.

use super::*;
use crate::simulated::{Queue, header, record};
use crate::window::JudgedWindow;
use plimsoll_metrics::{LoadModel, RunLog, StageInfo};
use plimsoll_units::Ratio;

/// 100/s for 40 s against a stack that has room.
const EVEN: Queue = Queue { rate: 100.0, service_rate: 500.0, servers: 4, seconds: 40 };

/// Sets each second's lag in milliseconds and its CPU.
fn with(mut log: RunLog, of: impl Fn(&Interval) -> (u64, f64)) -> RunLog {
    for interval in &mut log.intervals {
        let (lag_ms, cpu) = of(interval);
        interval.schedule_lag = std::iter::repeat_n(Nanos::from_millis(lag_ms), 80).collect();
        interval.generator.worker_cpu = Ratio::new(cpu);
    }
    log
}

fn even() -> RunLog {
    record(header(EVEN.rate, EVEN.seconds, vec![]), &EVEN.play(5))
}

fn highest(log: &RunLog) -> Option<HighestRate> {
    CarriedLoad::of(&JudgedWindow::of(log)).highest
}

/// Four stages of ten seconds at 100, 200, 300 and 400 a second, one after the other.
fn staircase() -> RunLog {
    let mut requests = Vec::new();
    let mut head = header(100.0, 10, vec![]);
    head.stages.clear();
    for (index, rate) in [100.0, 200.0, 300.0, 400.0].into_iter().enumerate() {
        let queue = Queue { rate, service_rate: 5_000.0, servers: 4, seconds: 10 };
        requests.extend(queue.play(index as u64).into_iter().map(|mut one| {
            one.intended_s += index as f64 * 10.0;
            one.done_s += index as f64 * 10.0;
            one
        }));
        let (from, to) = (Rate::per_second(rate), Rate::per_second(rate));
        head.stages.push(StageInfo { from, to, duration: Nanos::from_secs(10), judged: true });
    }
    record(head, &requests)
}

/// Goal: the rate named is one at which seconds of this run kept to the limits.
/// Method: whatever carries more than 330 a second is late and busy.
#[test]
fn highest_rate_is_the_busiest_second_that_kept_to_the_limits() {
    let late = |of: &Interval| if of.requests() > 330 { (5, 0.97) } else { (0, 0.5) };
    let found = highest(&with(staircase(), late)).expect("a rate");
    assert!((290.0..=330.0).contains(&found.rate.get()), "{found}");
    assert!(matches!(found.basis, RateBasis::Measured { .. }), "{found}");
}

/// Goal: where no second was valid, what is said is an estimate and says so.
/// Method: 100 requests a second take 0.95 of a core, so that 0.8 of it carry 84.2.
#[test]
fn highest_rate_of_a_hopeless_run_is_an_estimate_from_its_cpu() {
    let found = highest(&with(even(), |of| (900, of.requests() as f64 * 0.009_5))).expect("a rate");
    assert_eq!(found.rate, Rate::per_second(84.0));
    let told = found.to_string();
    assert!(told.starts_with("about 84 req/s on cores of its own, an estimate"), "{told}");
    assert!(told.contains("9500.0 µs"), "{told}");
}

/// Half of its time it was ready and had no core: with one of its own, 0.4 of it for 100 a second, it carries 200.
#[test]
fn highest_rate_of_a_worker_kept_from_its_core_speaks_of_a_core_of_its_own() {
    let mut log = with(even(), |of| (900, of.requests() as f64 * 0.004));
    log.intervals.iter_mut().for_each(|of| of.generator.waited = Ratio::new(0.6));
    assert_eq!(highest(&log).expect("a rate").rate, Rate::per_second(200.0));
}

/// A worker that was late and yet idle did not have its core: nothing tells what it would have carried.
#[test]
fn highest_rate_is_not_guessed_where_the_worker_had_time_to_spare() {
    assert_eq!(highest(&with(even(), |_| (900, 0.2))), None);
}

/// Every other second is late at one and the same rate, so a lower one would not have helped.
#[test]
fn highest_rate_is_not_told_where_the_rate_is_not_the_cause() {
    let log = with(even(), |of| {
        (if (of.start.as_secs_f64() as u64).is_multiple_of(2) { 5 } else { 0 }, 0.2)
    });
    assert_eq!(highest(&log), None);
}

#[test]
fn estimates_have_two_digits_and_are_rounded_down() {
    let rounded = [40_641.0, 9_999.0, 84.2, 200.0, 7.6].map(|rate| two_digits(rate) as u64);
    assert_eq!(rounded, [40_000, 9_900, 84, 200, 7]);
}

#[test]
fn highest_rate_is_told_of_overtaxed_generators_only() {
    assert_eq!(highest(&with(even(), |_| (0, 0.3))), None);
}

/// The last interval is too short for its CPU to be known: it stands there as nothing.
#[test]
fn highest_rate_leaves_the_stub_at_the_end_out() {
    let mut log = with(even(), |of| (900, of.requests() as f64 * 0.009_5));
    let last = log.intervals.iter_mut().rfind(|one| one.arrivals.intended > 0).expect("a second");
    last.end = last.start + Nanos::from_millis(100);
    last.schedule_lag = std::iter::repeat_n(Nanos::ZERO, 80).collect();
    last.generator.worker_cpu = Ratio::default();
    let found = highest(&log).expect("a rate");
    assert!(matches!(found.basis, RateBasis::Estimated { .. }), "{found}");
}

/// Goal: a closed workload asks for no rate; its busiest seconds are not held against its quieter ones.
#[test]
fn closed_workload_beyond_the_generator_has_a_highest_rate() {
    let late = |of: &Interval| if of.requests() > 90 { (5, 0.97) } else { (0, 0.5) };
    let mut log = with(even(), late);
    log.header.model = LoadModel::Closed { vus: 50 };
    for stage in &mut log.header.stages {
        (stage.from, stage.to) = (Rate::ZERO, Rate::ZERO);
    }
    let found = highest(&log).expect("a rate");
    assert!((80.0..=90.0).contains(&found.rate.get()), "{found}");
}
