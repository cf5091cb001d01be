//! Runs with several symptoms each, and the cause that must head them.

use super::*;
use crate::simulated::{Queue, SimulatedRequest, fail_some, header, objective, record};
use crate::{Judgement, Strictness, judge};
use plimsoll_metrics::{
    LateTimes, Objective, Outcome, Reading, RunEnd, RunLog, SparseDistribution,
};
use plimsoll_units::{Quantity, Rate, Ratio};

const STEADY: Queue = Queue { rate: 80.0, service_rate: 50.0, servers: 4, seconds: 60 };

fn time(ms: u64) -> Quantity {
    Quantity::Time(Nanos::from_millis(ms))
}

fn share(value: f64) -> Quantity {
    Quantity::Share(Ratio::new(value))
}

fn table() -> Vec<Objective> {
    vec![
        objective(Measure::ResponseTime(0.95), None, Some(time(500))),
        objective(Measure::ErrorRate, None, Some(share(0.01))),
    ]
}

fn log_of(requests: &[SimulatedRequest], table: Vec<Objective>) -> RunLog {
    record(header(STEADY.rate, STEADY.seconds, table), requests)
}

fn judged(log: &RunLog) -> Judgement {
    judge(log, Strictness::Normal)
}

/// Lets arrivals of every second from `from` on find no user.
fn drop_from(log: &mut RunLog, from: usize, count: u64) {
    for interval in &mut log.intervals[from..60] {
        interval.arrivals.intended += count;
        interval.arrivals.dropped += count;
    }
    let rate = Rate::per_second(STEADY.rate + count as f64 * (60 - from) as f64 / 60.0);
    for stage in &mut log.header.stages {
        (stage.from, stage.to) = (rate, rate);
    }
}

/// Makes everything that is sent from second 20 on take so long.
fn slow_down(requests: &mut [SimulatedRequest], by_s: f64) {
    for request in requests.iter_mut().filter(|request| request.intended_s >= 20.0) {
        request.done_s += by_s;
    }
}

/// Goal: a generator without CPU is never taken for a slow stack, nor for too few users.
#[test]
fn generator_without_cpu_heads_the_arrivals_that_it_dropped() {
    let mut requests = STEADY.play(8);
    slow_down(&mut requests, 1.0);
    let mut log = log_of(&requests, table());
    drop_from(&mut log, 20, 400);
    let stack = judged(&log);
    assert!(matches!(stack.cause, Some(Cause::Overloaded(_))), "{:?}", stack.cause);
    for interval in &mut log.intervals {
        interval.generator.worker_cpu = Ratio::new(0.99);
    }
    let generator = judged(&log);
    assert_eq!(generator.verdict, Verdict::NotValid);
    let cause = generator.cause.expect("a cause");
    assert!(matches!(cause, Cause::Measurement { test: ValidityTest::GeneratorCpu }), "{cause:?}");
}

/// Goal: one cause of a run with 22 % errors, refused connections and an outage of ten seconds.
#[test]
fn outage_heads_the_errors_that_it_caused() {
    let mut requests = STEADY.play(1);
    fail_some(&mut requests, 0.05, ErrorClass::Http5xx, 1);
    for request in &mut requests {
        if (20.0..30.0).contains(&request.intended_s) {
            request.done_s = request.intended_s + 0.000_3;
            request.outcome = Outcome::Failed(ErrorClass::Refused);
        }
    }
    let judgement = judged(&log_of(&requests, table()));
    assert_eq!(judgement.verdict, Verdict::Fail);
    let Some(Cause::Outage(outage)) = &judgement.cause else { panic!("{:?}", judgement.cause) };
    assert_eq!((outage.class, outage.outages), (ErrorClass::Refused, 1));
    assert_eq!(outage.begin, RunTime::ZERO + Nanos::from_secs(20));
    let length = outage.length.as_secs_f64();
    assert!((9.0..=12.0).contains(&length), "{length}");
}

/// A stack that serves two requests of five is not gone.
#[test]
fn errors_all_over_the_run_are_no_outage() {
    for share in [0.05, 0.6] {
        let mut requests = STEADY.play(2);
        fail_some(&mut requests, share, ErrorClass::Http5xx, 2);
        let judgement = judged(&log_of(&requests, table()));
        let Some(Cause::Errors { row: 1, class, failed, attempts }) = judgement.cause else {
            panic!("{:?}", judgement.cause)
        };
        assert_eq!(class, Some(ErrorClass::Http5xx));
        assert!((failed as f64 / attempts as f64 - share).abs() < 0.02);
    }
}

/// Goal: a stack that leaves no user free failed; it is not the users that were too few.
/// Method: answers take 4.6 s from second 20 on, the database's pool is full, and as many arrivals again are dropped.
#[test]
fn overloaded_stack_fails_though_arrivals_were_dropped() {
    let mut requests = STEADY.play(3);
    slow_down(&mut requests, 4.6);
    let mut log = log_of(&requests, table());
    drop_from(&mut log, 24, 80);
    for interval in &mut log.intervals {
        interval.readings.push(Reading {
            tier: "db".into(),
            metric: "pool_used".into(),
            replica: String::new(),
            value: Some(share(0.99)),
        });
    }
    let judgement = judged(&log);
    assert_eq!(judgement.verdict, Verdict::Fail, "{:?}", judgement.validity);
    let Some(Cause::Overloaded(overload)) = &judgement.cause else {
        panic!("{:?}", judgement.cause)
    };
    assert_eq!(overload.dropped, 36 * 80);
    assert!(overload.p95.is_some_and(|p95| p95 > Nanos::from_secs(4)));
    assert_eq!(overload.full.as_ref().map(|full| full.tier.as_str()), Some("db"));
}

#[test]
fn answers_slower_than_before_are_the_stacks_even_without_an_objective() {
    let mut requests = STEADY.play(3);
    slow_down(&mut requests, 4.6);
    let mut log = log_of(&requests, vec![]);
    drop_from(&mut log, 24, 80);
    let judgement = judged(&log);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(matches!(judgement.cause, Some(Cause::Overloaded(_))), "{:?}", judgement.cause);
}

#[test]
fn arrivals_dropped_by_a_stack_as_fast_as_ever_found_too_few_users() {
    let mut log = log_of(&STEADY.play(4), table());
    drop_from(&mut log, 0, 80);
    let judgement = judged(&log);
    assert_eq!(judgement.verdict, Verdict::NotValid);
    let cause = Some(Cause::Measurement { test: ValidityTest::Dropped });
    assert_eq!(judgement.cause, cause);
}

#[test]
fn limit_at_the_edge_heads_the_errors_that_it_caused() {
    let mut requests = STEADY.play(5);
    fail_some(&mut requests, 0.5, ErrorClass::Throttled, 5);
    let judgement = judged(&log_of(&requests, table()));
    assert!(matches!(judgement.cause, Some(Cause::RateLimited { .. })), "{:?}", judgement.cause);
}

#[test]
fn objective_exceeded_is_the_cause_where_nothing_else_is() {
    let table = vec![
        objective(Measure::ErrorRate, None, Some(share(0.01))),
        objective(Measure::ResponseTime(0.95), None, Some(time(10))),
    ];
    let judgement = judged(&log_of(&STEADY.play(6), table));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.cause, Some(Cause::ObjectiveExceeded { row: 1 }));
}

/// Goal: the time named is the longest that any row needs.
/// Method: one max is a little further from its estimate than the other.
#[test]
fn row_that_needs_most_time_is_named() {
    let log = |table| log_of(&STEADY.play(7), table);
    let p95 = judged(&log(vec![objective(Measure::ResponseTime(0.95), None, Some(time(9_000)))]));
    let estimate = p95.objectives[0].estimate.expect("measured").base();
    let upper = p95.objectives[0].interval.expect("batches").1.base();
    let between = |part: f64| {
        Some(Quantity::Time(Nanos::from_secs_f64(estimate + part * (upper - estimate))))
    };
    let rows = [0.8, 0.4, 0.6].map(|at| objective(Measure::ResponseTime(0.95), None, between(at)));
    let judgement = judged(&log(rows.to_vec()));
    let needed: Vec<_> = judgement.objectives.iter().map(|row| row.more_time).collect();
    assert_eq!(judgement.cause, Some(Cause::TooShort { row: 1, more: needed[1] }));
    assert!(needed[1] > needed[2] && needed[2] > needed[0], "{needed:?}");
}

#[test]
fn part_of_a_run_never_passes_but_may_fail() {
    let mut killed = log_of(&STEADY.play(8), table());
    killed.intervals.truncate(45);
    killed.end = None;
    let judgement = judged(&killed);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.cause, Some(Cause::EndedEarly { by: None }));
    assert_eq!(judgement.verdict.exit_code(Strictness::Normal), 97);
    let mut stopped = log_of(&STEADY.play(8), table());
    stopped.end = Some(RunEnd { at: RunTime::ZERO, reason: StopReason::Interrupted });
    let cause = judged(&stopped).cause;
    assert_eq!(cause, Some(Cause::EndedEarly { by: Some(StopReason::Interrupted) }));
    killed.header.objectives = vec![objective(Measure::ResponseTime(0.95), None, Some(time(10)))];
    assert_eq!(judged(&killed).verdict, Verdict::Fail);
}

/// Goal: a load that was not the one asked for is never a pass, and the reason says where iterations ended.
/// Method: iterations have two steps, and seven of ten fail at the first; the table allows that.
#[test]
fn load_cut_short_by_failures_is_no_pass() {
    let mut requests = STEADY.play(9);
    fail_some(&mut requests, 0.7, ErrorClass::Http5xx, 9);
    let mut log = log_of(&requests, vec![objective(Measure::ErrorRate, None, Some(share(0.9)))]);
    log.header.scenarios[0].requests_per_iteration = 2.0;
    let judgement = judged(&log);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let Some(Cause::LoadShortfall(found)) = &judgement.cause else {
        panic!("{:?}", judgement.cause)
    };
    assert!((found.sent.get() / found.asked.get() - 0.5).abs() < 0.01, "{found}");
    assert!(found.to_string().contains("70 % of iterations ended early, at step get ("), "{found}");
    log.header.scenarios[0].requests_per_iteration = 1.0;
    assert_eq!(judged(&log).verdict, Verdict::Pass);
}

/// Counts every request as one that may hold 20 ms of lag.
fn make_late(log: &mut RunLog) {
    for interval in &mut log.intervals {
        for step in interval.steps.values_mut() {
            let times = step.response_time.clone();
            let all = times.buckets().flat_map(|(time, count)| {
                let time = time.saturating_sub(Nanos::from_millis(20));
                std::iter::repeat_n(time, count as usize)
            });
            let lower: SparseDistribution = all.collect();
            step.time_parts.late = LateTimes { upper: times, lower };
        }
    }
}

/// Goal: lag is in doubt only where it decides.
/// Method: the same run with a max below, within and above what 20 ms of lag leave open.
#[test]
fn lag_is_the_cause_only_where_it_decides() {
    let plain = log_of(
        &STEADY.play(10),
        vec![objective(Measure::ResponseTime(0.95), None, Some(time(9_000)))],
    );
    let estimate = judged(&plain).objectives[0].estimate.expect("measured").base();
    let with_max = |max_s: f64| {
        let max = Some(Quantity::Time(Nanos::from_secs_f64(max_s)));
        let mut log =
            log_of(&STEADY.play(10), vec![objective(Measure::ResponseTime(0.95), None, max)]);
        make_late(&mut log);
        judged(&log)
    };
    assert_eq!(with_max(estimate * 2.0).verdict, Verdict::Pass);
    assert_eq!(with_max((estimate - 0.02) * 0.5).verdict, Verdict::Fail);
    let open = with_max(estimate - 0.01);
    assert_eq!(open.verdict, Verdict::Inconclusive);
    assert_eq!(open.cause, Some(Cause::GeneratorLag { row: 0 }));
    let lag = open.objectives[0].lag.expect("late");
    assert!(lag.decides && (estimate - lag.lower.base() - 0.02).abs() < 0.000_3, "{lag:?}");
    let (low, high) = open.objectives[0].interval.expect("batches");
    assert!(low.base() < lag.lower.base() && high.base() > estimate, "{low:?} {high:?}");
    assert_eq!(open.validity.status, ValidityStatus::Suspect);
}

/// Goal: errors are judged whatever the lag.
#[test]
fn lag_takes_nothing_from_a_row_on_errors() {
    let mut requests = STEADY.play(11);
    fail_some(&mut requests, 0.05, ErrorClass::Http5xx, 11);
    let mut log = log_of(&requests, vec![objective(Measure::ErrorRate, None, Some(share(0.01)))]);
    make_late(&mut log);
    for interval in &mut log.intervals {
        interval.schedule_lag = std::iter::repeat_n(Nanos::from_secs(2), 80).collect();
        interval.generator.worker_cpu = Ratio::new(0.9);
    }
    assert_eq!(judged(&log).verdict, Verdict::Fail);
    log.header.objectives[0].limit = Some(share(0.2));
    assert_eq!(judged(&log).verdict, Verdict::Pass);
}

/// Goal: a busy generator voids a run only where it was late by as much as matters.
#[test]
fn busy_generator_is_not_valid_only_where_its_lag_decides() {
    let estimate = {
        let log = log_of(
            &STEADY.play(12),
            vec![objective(Measure::ResponseTime(0.95), None, Some(time(9_000)))],
        );
        judged(&log).objectives[0].estimate.expect("measured").base()
    };
    let verdict = |max_s: f64| {
        let max = Some(Quantity::Time(Nanos::from_secs_f64(max_s)));
        let mut log =
            log_of(&STEADY.play(12), vec![objective(Measure::ResponseTime(0.95), None, max)]);
        make_late(&mut log);
        for interval in &mut log.intervals {
            interval.generator.worker_cpu = Ratio::new(0.9);
        }
        let judgement = judged(&log);
        (judgement.verdict, judgement.cause)
    };
    assert_eq!(verdict(estimate * 2.0), (Verdict::Pass, None));
    let test = ValidityTest::GeneratorCpu;
    let voided = (Verdict::NotValid, Some(Cause::Measurement { test }));
    assert_eq!(verdict(estimate - 0.01), voided);
}

#[test]
fn run_without_a_table_is_judged_by_the_default_one() {
    let judgement = judged(&log_of(&STEADY.play(13), vec![]));
    assert!(judgement.by_default_table);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:?}", judgement.objectives);
    let names: Vec<&str> =
        judgement.objectives.iter().map(|row| row.objective.name.as_str()).collect();
    assert_eq!(names, ["error_rate", "achieved_rate"]);

    let mut requests = STEADY.play(13);
    fail_some(&mut requests, 1.1, ErrorClass::Http5xx, 13);
    let judgement = judged(&log_of(&requests, vec![]));
    assert_eq!(judgement.verdict.exit_code(Strictness::Normal), 99);
}

#[test]
fn few_requests_without_a_table_are_no_reason_to_doubt() {
    let few = Queue { rate: 2.0, service_rate: 50.0, servers: 1, seconds: 13 };
    let log = record(header(few.rate, few.seconds, vec![]), &few.play(1));
    let judgement = judged(&log);
    assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:?}");
    assert_eq!(judgement.objectives[0].status, ObjectiveStatus::NotMeasured);
}
