//! How often intervals cover the truth and how often steady runs raise an alarm, in virtual time.

use super::*;
use crate::simulated::{Queue, header, objective, record};
use plimsoll_metrics::{Measure, RunLog};
use plimsoll_units::{Nanos, Quantity};

fn run(queue: Queue, seed: u64) -> RunLog {
    let limit = Some(Quantity::Time(Nanos::from_secs(3_600)));
    let row = |measure| objective(measure, None, limit);
    let rows = vec![
        row(Measure::ResponseTime(0.5)),
        row(Measure::ResponseTime(0.95)),
        row(Measure::ResponseTime(0.99)),
        row(Measure::MeanResponseTime),
    ];
    record(header(queue.rate, queue.seconds, rows), &queue.play(seed))
}

/// Goal: prove that a nominal 95 % interval covers the truth, although consecutive requests depend on
/// each other, and that a steady run raises no alarm.
/// Method: M/M/1 at ρ = 0.8 for ten minutes (24,000 requests), where P(R > t) = e^(−(μ − λ)t); judged like any run.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants")]
fn intervals_cover_the_truth_of_a_busy_queue() {
    const TRIALS: u64 = 150;
    let queue = Queue { rate: 40.0, service_rate: 50.0, servers: 1, seconds: 600 };
    let gap = queue.service_rate - queue.rate;
    let truth = [0.5_f64, 0.05, 0.01].map(|tail| -tail.ln() / gap);
    let truth = [truth[0], truth[1], truth[2], 1.0 / gap];
    let (mut covered, mut alarms) = ([0_u64; 4], 0);
    for seed in 0..TRIALS {
        let judgement = judge(&run(queue, seed), Strictness::Normal);
        alarms += u64::from(judgement.validity.status != ValidityStatus::Valid);
        for (index, row) in judgement.objectives.iter().take(truth.len()).enumerate() {
            let (lower, upper) = row.interval.expect("enough seconds");
            covered[index] += u64::from((lower.base()..=upper.base()).contains(&truth[index]));
        }
    }
    let share = |count: u64| count as f64 / TRIALS as f64;
    println!(
        "M/M/1, ρ 0.8, {} requests, {TRIALS} runs: coverage of a nominal 95 %: p50 {:.1} %, p95 \
         {:.1} %, p99 {:.1} %, mean {:.1} %; steady runs with an alarm {:.1} %",
        queue.rate * queue.seconds as f64,
        share(covered[0]) * 100.0,
        share(covered[1]) * 100.0,
        share(covered[2]) * 100.0,
        share(covered[3]) * 100.0,
        share(alarms) * 100.0
    );
    assert!(covered.iter().all(|&count| share(count) >= 0.93), "{covered:?}");
    assert!(share(alarms) <= 0.01, "{alarms}");
}

/// Goal: prove that fewer than 1 % of steady runs are suspected, and overload is not missed.
/// Method: 400 runs of a minute at ρ = 0.8 and 0.5 and of 20 s at 0.4; then 60 at 120 % of what the
/// servers carry.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants")]
fn steady_runs_raise_no_alarm_and_overloaded_ones_do() {
    let queue = |rate, seconds| Queue { rate, service_rate: 25.0, servers: 2, seconds };
    let mut alarms = 0;
    for seed in 0..400 {
        let steady = [queue(40.0, 60), queue(25.0, 60), queue(20.0, 20)][seed as usize % 3];
        let judgement = judge(&run(steady, 1_000 + seed), Strictness::Normal);
        alarms += u64::from(judgement.validity.status != ValidityStatus::Valid);
    }
    let overloaded = (0..60)
        .filter(|seed| judge(&run(queue(60.0, 60), *seed), Strictness::Normal).validity.overloaded)
        .count();
    println!(
        "steady runs with an alarm: {alarms} of 400; runs at 120 % of capacity for a minute called \
         overloaded: {overloaded} of 60"
    );
    assert!(alarms < 4, "{alarms}");
    assert!(overloaded >= 57, "{overloaded}");
}
