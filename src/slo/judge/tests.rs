//! Judgements of simulated runs whose truth is known.

mod absent;
mod errors;
mod observed;
mod told;

use super::*;
use crate::simulated::{Queue, SimulatedRequest, fail_some, header, objective, record};
use plimsoll_metrics::{
    ArrivalProcess, CustomMeasure, ErrorClass, Event, EventKind, Interval, LoadModel, Measure,
    Objective, Outcome, Reading, RunEnd, ScenarioId, Scope, SourceEvent, SparseDistribution,
    StepId, StopReason,
};
use plimsoll_units::{Nanos, Quantity, Rate, Ratio, RunTime};

const STEADY: Queue = Queue { rate: 80.0, service_rate: 50.0, servers: 4, seconds: 60 };

fn time(ms: u64) -> Quantity {
    Quantity::Time(Nanos::from_millis(ms))
}

fn share(value: f64) -> Quantity {
    Quantity::Share(Ratio::new(value))
}

/// A row with target and max.
fn row(measure: Measure, target: Quantity, limit: Quantity) -> Objective {
    objective(measure, Some(target), Some(limit))
}

/// A row with a max only.
fn bounded(measure: Measure, limit: Quantity) -> Objective {
    objective(measure, None, Some(limit))
}

fn table() -> Vec<Objective> {
    vec![
        row(Measure::ResponseTime(0.95), time(200), time(500)),
        row(Measure::ResponseTime(0.99), time(500), time(1_000)),
        row(Measure::ErrorRate, share(0.001), share(0.01)),
        row(Measure::Uptime, share(0.999), share(0.995)),
    ]
}

fn run(queue: Queue, objectives: Vec<Objective>, seed: u64) -> RunLog {
    record(header(queue.rate, queue.seconds, objectives), &queue.play(seed))
}

fn finding<'a>(judgement: &'a Judgement, test: &str) -> &'a crate::Finding {
    let found = judgement.validity.findings.iter().find(|finding| finding.test.word() == test);
    found.unwrap_or_else(|| panic!("no finding {test}"))
}

#[track_caller]
fn assert_status(judgement: &Judgement, test: &str, status: ValidityStatus) {
    let found = finding(judgement, test);
    assert_eq!(found.status, status, "{}", found.message);
}

#[test]
fn steady_run_is_valid_and_passes() {
    let judgement = judge(&run(STEADY, table(), 1), Strictness::Normal);
    let reasons: Vec<_> = judgement.validity.reasons().collect();
    assert_eq!(judgement.validity.status, ValidityStatus::Valid, "{reasons:?}");
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.objectives);
    assert_eq!(judgement.verdict.exit_code(Strictness::Normal), 0);
    // A minute without an outage does not prove 99.9 %.
    let uptime = &judgement.objectives[3];
    assert_eq!(uptime.status, ObjectiveStatus::NotMeasured);
    assert!(uptime.note.contains("50m would"), "{}", uptime.note);
    let strict = judge(&run(STEADY, table(), 1), Strictness::Strict);
    assert_eq!(strict.verdict, Verdict::Inconclusive);
}

#[test]
fn demo_of_twenty_seconds_at_twenty_requests_measures_p99() {
    let demo = Queue { rate: 20.0, service_rate: 50.0, servers: 4, seconds: 20 };
    for seed in 0..20 {
        let judgement = judge(&run(demo, table(), seed), Strictness::Normal);
        assert_ne!(judgement.validity.status, ValidityStatus::NotValid);
        assert_eq!(judgement.objectives[1].status, ObjectiveStatus::Pass, "seed {seed}");
        assert!(judgement.objectives[1].interval.is_some());
        assert_eq!(judgement.verdict, Verdict::Pass);
    }
}

#[test]
fn dead_stack_is_a_valid_measurement_that_fails() {
    let requests: Vec<SimulatedRequest> = (0..600)
        .map(|n| SimulatedRequest {
            intended_s: f64::from(n) * 0.033,
            done_s: f64::from(n) * 0.033 + 0.000_2 + f64::from(n % 7) * 0.000_03,
            outcome: Outcome::Failed(ErrorClass::Refused),
        })
        .collect();
    let judgement = judge(&record(header(30.0, 20, table()), &requests), Strictness::Normal);
    assert_eq!(judgement.validity.status, ValidityStatus::Valid, "{:?}", judgement.validity);
    assert_eq!(judgement.verdict, Verdict::Fail);
    let statuses: Vec<_> = judgement.objectives.iter().map(|row| row.status).collect();
    assert_eq!(statuses[0], ObjectiveStatus::NotMeasured);
    assert_eq!(judgement.objectives[0].note, "n/a: all 600 requests failed");
    assert_eq!((statuses[2], statuses[3]), (ObjectiveStatus::Fail, ObjectiveStatus::Fail));
    assert_eq!(judgement.objectives[3].estimate, Some(share(0.0)));
}

#[test]
fn load_beyond_capacity_is_overloaded_and_never_passes() {
    let overload = Queue { rate: 250.0, ..STEADY };
    let generous = vec![row(Measure::ResponseTime(0.95), time(60_000), time(120_000))];
    let judgement = judge(&run(overload, generous, 3), Strictness::Normal);
    assert!(judgement.validity.overloaded, "{:?}", judgement.validity);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judge(&run(overload, table(), 3), Strictness::Normal).verdict, Verdict::Fail);
}

#[test]
fn statuses_follow_estimate_and_interval() {
    let p95 = |target, limit| {
        let rows = vec![row(Measure::ResponseTime(0.95), time(target), time(limit))];
        judge(&run(STEADY, rows, 5), Strictness::Normal)
    };
    let estimate = p95(500, 900).objectives[0].clone();
    let base = estimate.estimate.expect("measured").base();
    let (lower, upper) = estimate.interval.expect("a minute has batches");
    assert!(lower.base() < base && base < upper.base());
    let ms = (base * 1e3) as u64;
    assert_eq!(p95(ms + 20, ms * 4).verdict, Verdict::Pass);
    let at_risk = p95(ms - 5, ms * 4);
    assert_eq!(at_risk.verdict, Verdict::AtRisk);
    assert_eq!(at_risk.verdict.exit_code(Strictness::Normal), 0);
    assert_eq!(at_risk.verdict.exit_code(Strictness::Strict), 99);
    let straddling = p95(1, ms + 1);
    assert_eq!(straddling.verdict, Verdict::Inconclusive);
    assert!(straddling.objectives[0].note.contains("the interval contains the max"));
    assert_eq!(straddling.verdict.exit_code(Strictness::Normal), 97);
    assert_eq!(p95(1, ms / 2).verdict, Verdict::Fail);
    assert_eq!(p95(1, ms / 2).verdict.exit_code(Strictness::Normal), 99);
}

#[test]
fn few_samples_print_their_number() {
    let rows = vec![row(Measure::ResponseTime(0.99), time(100), time(200))];
    let sparse = Queue { rate: 0.5, service_rate: 50.0, servers: 1, seconds: 16 };
    let judgement = judge(&run(sparse, rows, 6), Strictness::Normal);
    let row = &judgement.objectives[0];
    assert_eq!(row.status, ObjectiveStatus::NotMeasured);
    assert!(row.note.starts_with("n/a (n="), "{}", row.note);
    assert!(row.note.contains("needs at least 299"), "{}", row.note);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "nothing was measured");
}

#[test]
fn dropped_arrivals_and_client_faults_are_not_valid() {
    let mut log = run(STEADY, table(), 7);
    log.intervals[20].arrivals.dropped += 3;
    log.intervals[20].arrivals.intended += 3;
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "dropped", ValidityStatus::NotValid);
    assert_status(&judgement, "achieved_rate", ValidityStatus::Valid);
    assert_eq!(judgement.verdict, Verdict::NotValid);

    let mut requests = STEADY.play(8);
    requests[100].outcome = Outcome::Failed(ErrorClass::OutOfPorts);
    let judgement = judge(&record(header(80.0, 60, table()), &requests), Strictness::Normal);
    assert_status(&judgement, "client_errors", ValidityStatus::NotValid);
    assert!(finding(&judgement, "client_errors").message.contains("source_ips"));
}

#[test]
fn failures_of_no_single_request_count_in_error_rates() {
    let mut log = run(STEADY, vec![row(Measure::ErrorRate, share(0.01), share(0.05))], 7);
    let scenario = log.intervals[20].scenarios.get_mut(&ScenarioId(0)).expect("active");
    scenario.iteration_errors.insert(ErrorClass::ResponseTimeout, 100_000);
    let judgement = judge(&log, Strictness::Normal);
    assert_eq!(judgement.objectives[0].status, ObjectiveStatus::Fail);
    assert_status(&judgement, "client_errors", ValidityStatus::Valid);
}

#[test]
fn broken_script_is_not_valid() {
    let mut log = run(STEADY, table(), 7);
    let scenario = log.intervals[20].scenarios.get_mut(&ScenarioId(0)).expect("active");
    scenario.iteration_errors.insert(ErrorClass::Script, 1);
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "client_errors", ValidityStatus::NotValid);
    assert_eq!(judgement.verdict, Verdict::NotValid);
}

#[test]
fn generator_that_lags_and_sweats_voids_nothing_that_does_not_hang_on_it() {
    let mut log = run(STEADY, table(), 9);
    for interval in &mut log.intervals {
        interval.schedule_lag = std::iter::repeat_n(Nanos::from_millis(5), 80).collect();
        interval.generator.worker_cpu = Ratio::new(0.9);
    }
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "schedule_lag", ValidityStatus::Valid);
    let message = &finding(&judgement, "schedule_lag").message;
    let told = "100 % of arrivals began more than 1 ms late, which changes no objective";
    assert!(message.ends_with(told), "{message}");
    assert_status(&judgement, "generator_cpu", ValidityStatus::Suspect);
    assert_eq!(judgement.verdict, Verdict::Pass);

    log.intervals.iter_mut().for_each(|interval| interval.generator.stolen = Ratio::new(0.06));
    let message = finding(&judge(&log, Strictness::Normal), "schedule_lag").message.clone();
    let told = "; the hypervisor took 6 % of this machine's time for others (steal)";
    assert!(message.ends_with(told), "{message}");
}

#[test]
fn arrivals_short_of_the_stages_are_not_valid() {
    let log = record(header(160.0, 60, table()), &STEADY.play(10));
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "intended_rate", ValidityStatus::NotValid);
}

#[test]
fn lost_iterations_break_conservation() {
    let mut log = run(STEADY, table(), 11);
    log.intervals[30].arrivals.completed -= 1;
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "conservation", ValidityStatus::NotValid);
}

#[test]
fn wrong_times_break_littles_law() {
    let mut log = run(STEADY, table(), 12);
    for interval in &mut log.intervals {
        interval.in_flight_time = Nanos::new(interval.in_flight_time.get() * 11 / 10);
    }
    assert_status(&judge(&log, Strictness::Normal), "littles_law", ValidityStatus::Suspect);
    for interval in &mut log.intervals {
        interval.in_flight_time = interval.in_flight_time * 2;
    }
    assert_status(&judge(&log, Strictness::Normal), "littles_law", ValidityStatus::NotValid);
}

#[test]
fn throttled_answers_make_the_run_rate_limited() {
    // The edge lets 10 a second through.
    let mut requests = STEADY.play(13);
    let (mut second, mut passed) = (0, 0);
    for request in &mut requests {
        if request.intended_s as u64 > second {
            (second, passed) = (request.intended_s as u64, 0);
        }
        passed += 1;
        if passed > 10 {
            request.outcome = Outcome::Failed(ErrorClass::Throttled);
            request.done_s = request.intended_s + 0.001;
        }
    }
    let judgement = judge(&record(header(80.0, 60, table()), &requests), Strictness::Normal);
    assert!(judgement.validity.rate_limited);
    assert_eq!(judgement.verdict, Verdict::NotValid);
    let message = &finding(&judgement, "rate_limited").message;
    assert!(message.starts_with("RATE-LIMITED: 10.0 req/s per address"), "{message}");
}

#[test]
fn partial_steered_and_torn_runs_are_suspect() {
    let mut log = run(STEADY, table(), 14);
    log.events.push(Event { at: RunTime::ZERO, kind: EventKind::Steered("rate 90".into()) });
    assert_status(&judge(&log, Strictness::Normal), "steered", ValidityStatus::Suspect);

    let mut torn = run(STEADY, table(), 14);
    torn.end = None;
    torn.torn = true;
    torn.intervals.truncate(45);
    let judgement = judge(&torn, Strictness::Normal);
    assert_eq!(judgement.validity.status, ValidityStatus::Suspect, "{:?}", judgement.validity);
    assert!(finding(&judgement, "complete").message.starts_with("partial run"));

    let mut stopped = run(STEADY, table(), 14);
    stopped.end = Some(RunEnd { at: RunTime::ZERO, reason: StopReason::Interrupted });
    assert_status(&judge(&stopped, Strictness::Normal), "complete", ValidityStatus::Suspect);
}

/// Goal: prove that the drain of an interrupted run is not taken for a stack that went silent.
/// Method: stopped after 30 of 60 s; then nothing arrives for 5 s.
#[test]
fn interrupted_run_is_judged_up_to_its_last_arrival() {
    let mut log = run(STEADY, vec![bounded(Measure::Throughput, share(0.0))], 21);
    log.intervals.truncate(35);
    for interval in &mut log.intervals[30..] {
        interval.arrivals = plimsoll_metrics::ArrivalCounts::default();
        interval.steps.clear();
        interval.scenarios.clear();
    }
    log.end = Some(RunEnd { at: log.intervals[34].end, reason: StopReason::Interrupted });
    let judgement = judge(&log, Strictness::Normal);
    assert_eq!(judgement.steady.stages[0].1, RunTime::ZERO + Nanos::from_secs(30));
    let rate = judgement.objectives[0].estimate.expect("measured").base();
    assert!((rate - 80.0).abs() < 8.0, "{rate}");
}

#[test]
fn closed_model_is_noted_and_still_valid() {
    let mut log = run(STEADY, table(), 15);
    log.header.model = LoadModel::Closed { vus: 10 };
    log.header.arrivals = ArrivalProcess::Closed;
    let judgement = judge(&log, Strictness::Normal);
    assert_eq!(judgement.validity.status, ValidityStatus::Valid);
    assert!(finding(&judgement, "load_model").message.contains("coordinated omission"));
}

#[test]
fn empty_and_damaged_logs_are_not_valid_and_have_no_nan() {
    let empty = record(header(80.0, 60, table()), &[]);
    let judgement = judge(&empty, Strictness::Normal);
    assert_eq!(judgement.verdict, Verdict::NotValid);
    let mut nothing = empty;
    nothing.intervals.clear();
    nothing.end = None;
    nothing.header.stages.clear();
    let judgement = judge(&nothing, Strictness::Normal);
    assert_eq!(judgement.verdict, Verdict::NotValid);
    nothing.intervals = vec![Interval::default(); 3];
    let text = format!("{:?}", judge(&nothing, Strictness::Normal));
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn warm_up_is_left_out_of_times_and_reported() {
    let mut requests = STEADY.play(16);
    for request in &mut requests {
        let slowness = 2.0 * (-request.intended_s / 2.0).exp();
        request.done_s += slowness;
    }
    let rows = vec![row(Measure::ResponseTime(0.95), time(200), time(500))];
    let judgement = judge(&record(header(80.0, 60, rows), &requests), Strictness::Normal);
    assert!(
        judgement.steady.stages[0].0 >= RunTime::ZERO + Nanos::from_secs(5),
        "{:?}",
        judgement.steady
    );
    assert_eq!(judgement.verdict, Verdict::Pass, "{:?}", judgement.objectives);
}

/// Goal: prove that requests still out when the load ends are judged.
/// Method: the stack freezes 1 s in every 10 s, the last time right at the end; the truth is
/// P(response > t) = (1 − t)/10, so p95 is 0.5 s and p99 0.9 s.
#[test]
fn freezes_are_measured_as_arithmetic_says() {
    let requests: Vec<SimulatedRequest> = (0..15_000)
        .map(|n| {
            let intended_s = (f64::from(n) + 0.5) / 500.0;
            let within = intended_s % 10.0;
            let thaw = if within >= 9.0 { 10.0 - within } else { 0.0 };
            SimulatedRequest {
                intended_s,
                done_s: intended_s + thaw + 0.000_5,
                outcome: Outcome::Ok,
            }
        })
        .collect();
    let rows = vec![
        bounded(Measure::ResponseTime(0.95), time(2_000)),
        bounded(Measure::ResponseTime(0.99), time(2_000)),
        bounded(Measure::Uptime, share(0.5)),
    ];
    let mut header = header(500.0, 30, rows);
    header.arrivals = ArrivalProcess::Constant;
    let judgement = judge(&record(header, &requests), Strictness::Normal);
    assert_eq!(judgement.validity.status, ValidityStatus::Valid, "{:?}", judgement.validity);
    let base = |row: usize| judgement.objectives[row].estimate.expect("measured").base();
    assert!((base(0) - 0.5).abs() < 0.01, "{}", base(0));
    assert!((base(1) - 0.9).abs() < 0.018, "{}", base(1));
    // 3 of 30 seconds without any answer.
    assert!((base(2) - 0.9).abs() < 1e-9, "{}", base(2));
}

#[test]
fn error_rate_without_errors_needs_enough_requests() {
    let rows = |limit| vec![bounded(Measure::ErrorRate, share(limit))];
    let small = Queue { rate: 5.0, service_rate: 50.0, servers: 1, seconds: 20 };
    let judgement = judge(&run(small, rows(0.005), 17), Strictness::Normal);
    assert_eq!(judgement.objectives[0].status, ObjectiveStatus::NotMeasured);
    assert!(judgement.objectives[0].note.contains("598 requests would"));
    assert_eq!(judgement.objectives[0].estimate, Some(share(0.0)));
    let judgement = judge(&run(STEADY, rows(0.005), 17), Strictness::Normal);
    assert_eq!(judgement.objectives[0].status, ObjectiveStatus::Pass);

    let mut requests = STEADY.play(18);
    fail_some(&mut requests, 0.05, ErrorClass::Http5xx, 18);
    let judgement = judge(&record(header(80.0, 60, rows(0.01)), &requests), Strictness::Normal);
    assert_eq!(judgement.objectives[0].status, ObjectiveStatus::Fail);
    let (lower, upper) = judgement.objectives[0].interval.expect("batches");
    assert!(lower.base() > 0.03 && upper.base() < 0.07);
}

/// Goal: prove that goodput is the share of ended iterations that neither failed nor had a slow step.
#[test]
fn goodput_counts_iterations_that_kept_to_every_max() {
    let goodput = |min| Objective {
        bound: plimsoll_metrics::Bound::AtLeast,
        ..bounded(Measure::Custom(CustomMeasure::Goodput), share(min))
    };
    let mut log = run(STEADY, vec![goodput(0.5), goodput(0.95)], 19);
    for interval in &mut log.intervals {
        for arrivals in std::iter::once(&mut interval.arrivals)
            .chain(interval.scenarios.values_mut().map(|scenario| &mut scenario.arrivals))
        {
            arrivals.slow = arrivals.completed / 4;
        }
    }
    let judged = judge(&log, Strictness::Normal).objectives;
    let estimate = judged[0].estimate.expect("a share").base();
    assert!((0.74..0.78).contains(&estimate), "{estimate}");
    assert_eq!(judged[0].status, ObjectiveStatus::Pass, "{:?}", judged[0]);
    assert_eq!(judged[1].status, ObjectiveStatus::Fail, "{:?}", judged[1]);
    let judged = judge(&run(STEADY, vec![goodput(0.999_9)], 19), Strictness::Normal).objectives;
    assert!(judged[0].note.contains("too few to prove"), "{:?}", judged[0]);
}

#[test]
fn scopes_select_and_missing_ones_say_so() {
    let scoped =
        |scope| Objective { scope, ..row(Measure::ResponseTime(0.95), time(500), time(900)) };
    let rows = vec![
        scoped(Scope::Scenario("all".into())),
        scoped(Scope::Step("get".into())),
        scoped(Scope::Tag("api".into())),
        scoped(Scope::Step("absent".into())),
        row(Measure::Custom(CustomMeasure::RebufferRatio), share(0.005), share(0.01)),
        row(Measure::IterationTime(0.95), time(500), time(900)),
        objective(Measure::Throughput, None, Some(Quantity::Rate(Rate::per_second(70.0)))),
    ];
    let judged = judge(&run(STEADY, rows, 19), Strictness::Normal).objectives;
    assert_eq!(judged[0].estimate, judged[1].estimate);
    assert_eq!(judged[1].estimate, judged[2].estimate);
    assert_eq!(judged[3].note, "n/a: the run has no step absent");
    assert!(judged[4].note.starts_with("n/a: nothing observes"));
    assert_eq!(judged[5].status, ObjectiveStatus::Pass);
    assert_eq!(judged[6].status, ObjectiveStatus::Pass, "{:?}", judged[6]);
}

/// Sixty in a hundred requests fail at once, and the log tells their times apart.
#[test]
fn failures_that_come_at_once_make_no_quantile_better() {
    use plimsoll_metrics::Answers::{All, Successes};
    let p95 = |of: plimsoll_metrics::Answers, fails: bool| {
        let row = Objective { of, ..bounded(Measure::ResponseTime(0.95), time(10_000)) };
        let mut log = run(STEADY, vec![row], 3);
        if fails {
            for interval in &mut log.intervals {
                let Some(step) = interval.steps.get_mut(&StepId(0)) else { continue };
                let failed: SparseDistribution =
                    (0..step.requests * 3 / 2).map(|_| Nanos::from_millis(1)).collect();
                step.requests += failed.count();
                step.errors.insert(ErrorClass::Http5xx, failed.count());
                step.response_time.merge(&failed);
                step.time_parts.failed = failed;
            }
        }
        let judged = judge(&log, Strictness::Normal).objectives.remove(0);
        judged.estimate.expect("measured").base()
    };
    let (before, after) = (p95(Successes, false), p95(Successes, true));
    assert!((before - after).abs() < 1e-9, "{before} became {after}");
    assert!(p95(All, true) < 0.9 * before, "of all requests it looks better");
}
