//! Runs of which an agent was absent for a while.

use super::*;
use plimsoll_metrics::{RunHeader, ShardAbsence, ShardSummary};

fn at(second: u64) -> RunTime {
    RunTime::ZERO + Nanos::from_secs(second)
}

fn shard(number: u32, absences: &[(u64, Option<u64>)]) -> ShardSummary {
    ShardSummary {
        number,
        started_utc: "2026-05-04T09:30:00Z".to_owned(),
        workers: 1,
        intended: 4_000,
        requests: 4_000,
        failed: 0,
        schedule_lag_p99: Nanos::from_micros(50),
        worker_cpu: Ratio::new(0.1),
        response_time_p95: Nanos::from_millis(50),
        clock_error: None,
        doubt: None,
        absences: absences
            .iter()
            .map(|&(from, to)| ShardAbsence { from: at(from), to: to.map(at) })
            .collect(),
        missed: 0,
        open: 0,
    }
}

/// A run of 100 s by two agents, of which the second was absent.
fn led(absences: &[(u64, Option<u64>)]) -> RunLog {
    let queue = Queue { seconds: 100, ..STEADY };
    let shards = vec![shard(1, &[]), shard(2, absences)];
    let header = header(queue.rate, queue.seconds, table());
    record(RunHeader { shards, ..header }, &queue.play(3))
}

/// Makes all response times between two moments a hundred times as long.
fn slowed(log: &mut RunLog, from: u64, to: u64) {
    let within = |interval: &&mut Interval| interval.start >= at(from) && interval.end <= at(to);
    for interval in log.intervals.iter_mut().filter(within) {
        for step in interval.steps.values_mut() {
            let slow =
                |(time, count): (Nanos, u64)| std::iter::repeat_n(time * 100, count as usize);
            step.response_time = step.response_time.buckets().flat_map(slow).collect();
        }
    }
}

/// Goal: prove that seconds without an agent are cut from what is judged, of all agents, and told, where they are few.
/// Method: in these seconds everything is a hundred times as slow, which fails the run if it is judged.
#[test]
fn seconds_without_an_agent_are_cut_where_they_are_few() {
    let mut slow = led(&[]);
    slowed(&mut slow, 50, 54);
    assert_ne!(judge(&slow, Strictness::Normal).verdict, Verdict::Pass);
    slow.header.shards[1] = shard(2, &[(50, Some(54))]);
    let judgement = judge(&slow, Strictness::Normal);
    assert_status(&judgement, "shards", ValidityStatus::Valid);
    let told = &finding(&judgement, "shards").message;
    let expected = "all 2 shards were on time but in 4 s (4 %) that are not judged: shard 2: it stood still from 50 s to 54 s: \
                    the process was stopped, or its machine was";
    assert_eq!(told, expected);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:?}", judgement.objectives);
    assert_eq!(judgement.validity.status, ValidityStatus::Valid, "{:?}", judgement.validity);
    let whole = judge(&led(&[]), Strictness::Normal);
    let p95 = |of: &Judgement| of.objectives[0].estimate.expect("measured").base();
    assert!((p95(&judgement) / p95(&whole) - 1.0).abs() < 0.1, "the rest is as it was");
}

#[test]
fn run_that_was_long_without_an_agent_is_not_valid() {
    for absences in [vec![(94, None)], vec![(10, Some(13)), (40, Some(43))], vec![(0, None)]] {
        let judgement = judge(&led(&absences), Strictness::Normal);
        assert_status(&judgement, "shards", ValidityStatus::NotValid);
        assert_eq!(judgement.validity.status, ValidityStatus::NotValid);
        let told = &finding(&judgement, "shards").message;
        assert!(told.contains("are without it, too much to be cut"), "{told}");
    }
}

/// Goal: prove that of a log that was cut off, what the schedule still had is told apart from what is missing for no reason.
#[test]
fn arrivals_of_an_absent_agent_are_accounted_for() {
    let mut log = led(&[(97, None)]);
    let found: u64 = log.intervals.iter().map(|interval| interval.arrivals.intended).sum();
    log.header.planned_arrivals = Some(found + 120);
    log.header.shards[1].missed = 121;
    log.header.shards[1].open = 2;
    let judgement = judge(&log, Strictness::Normal);
    assert_status(&judgement, "intended_rate", ValidityStatus::Valid);
    let told = &finding(&judgement, "intended_rate").message;
    assert!(told.ends_with(", of which 121 were those of absent shards"), "{told}");
    let told = &finding(&judgement, "shards").message;
    assert!(told.ends_with("the machine it ran on; 121 arrivals were not played"), "{told}");
    for missed in [119, 123] {
        log.header.shards[1].missed = missed;
        let judgement = judge(&log, Strictness::Normal);
        assert_status(&judgement, "intended_rate", ValidityStatus::NotValid);
    }
}
