//! Blue and green in virtual time: two queues, whose difference is known.

use super::*;
use crate::GreenFailing;
use crate::simulated::{Queue, SimulatedRequest, fail_some, header};
use plimsoll_metrics::{
    Bound, ErrorClass, Measure, Objective, Outcome, RunEnd, RunHeader, Scope, SplitInfo, StopReason,
};
use plimsoll_units::{Quantity, Ratio, RunTime};

const SECONDS: u64 = 60;

/// Eight servers that take 1/30 s on average times `slower`.
fn play(rate: f64, slower: f64, seed: u64) -> Vec<SimulatedRequest> {
    Queue { rate, service_rate: 30.0 / slower, servers: 8, seconds: SECONDS }.play(seed)
}

/// The log of both sides' requests, with nothing in it but what sides tell.
fn log(blue: &[SimulatedRequest], green: &[SimulatedRequest], share: f64) -> RunLog {
    let until = RunTime::ZERO + Nanos::from_secs(SECONDS);
    let part = SplitPart { from: RunTime::ZERO, until, share: Ratio::new(share) };
    let split = SplitInfo { green: "http://127.0.0.1:2".into(), parts: vec![part], duet: false };
    let header = RunHeader { split: Some(split), ..header(100.0, SECONDS, vec![]) };
    let last = blue.iter().chain(green).map(|request| request.done_s).fold(0.0, f64::max);
    let seconds = SECONDS.max(last as u64 + 1);
    let mut intervals: Vec<Interval> = (0..seconds)
        .map(|second| Interval {
            start: RunTime::ZERO + Nanos::from_secs(second),
            end: RunTime::ZERO + Nanos::from_secs(second + 1),
            ..Interval::default()
        })
        .collect();
    for (side, requests) in [(Side::Blue, blue), (Side::Green, green)] {
        let mut ended: Vec<Vec<&SimulatedRequest>> = vec![vec![]; seconds as usize];
        for request in requests {
            ended[request.done_s as usize].push(request);
        }
        for (interval, ended) in intervals.iter_mut().zip(&ended).filter(|(_, it)| !it.is_empty()) {
            let mut found = SideInterval::new(0, side);
            found.requests = ended.len() as u64;
            let times = ended.iter().map(|it| Nanos::from_secs_f64(it.done_s - it.intended_s));
            found.response_time = times.collect();
            let failures = ended.iter().filter(|it| it.outcome != Outcome::Ok);
            let times = failures.map(|it| Nanos::from_secs_f64(it.done_s - it.intended_s));
            found.time_parts.failed = times.collect();
            for request in ended {
                if let Outcome::Failed(class) = request.outcome {
                    *found.errors.entry(class).or_default() += 1;
                }
            }
            interval.sides.push(found);
        }
    }
    let at = RunTime::ZERO + Nanos::from_secs(seconds);
    let end = Some(RunEnd { at, reason: StopReason::Finished });
    RunLog { intervals, end, ..RunLog::begun(header) }
}

fn contrast(blue: &[SimulatedRequest], green: &[SimulatedRequest], share: f64) -> Contrast {
    let found = blue_green(&log(blue, green, share)).expect("a split run");
    found.shares[0].contrast.clone().expect("both sides had requests")
}

/// How `trials` runs came out in which green, at `share`, takes `slower` times as long.
fn verdicts(trials: u64, share: f64, slower: f64) -> impl Fn(GreenVerdict) -> usize {
    let rate = 100.0;
    let found: Vec<GreenVerdict> = (0..trials)
        .map(|trial| {
            let blue = play(rate * (1.0 - share), 1.0, 2 * trial);
            let green = play(rate * share, slower, 2 * trial + 1);
            contrast(&blue, &green, share).verdict()
        })
        .collect();
    move |verdict| found.iter().filter(|&&it| it == verdict).count()
}

/// Goal: prove that nobody is sent back for nothing. Method: 200 pairs of like queues at each of two shares.
#[test]
fn equal_sides_are_called_worse_in_at_most_one_of_twenty_runs() {
    for share in [0.5, 0.1] {
        let worse = verdicts(200, share, 1.0)(GreenVerdict::Worse);
        assert!(worse <= 10, "{worse} of 200 at a share of {share}");
    }
}

/// Goal: prove that a difference which users would notice is found in a minute at 100 requests a second.
#[test]
fn green_that_is_a_fifth_slower_is_found() {
    let found = verdicts(40, 0.5, 1.2);
    assert!(found(GreenVerdict::Worse) >= 38, "{} of 40", found(GreenVerdict::Worse));
    assert_eq!(found(GreenVerdict::NoWorse), 0);
}

#[test]
fn green_that_fails_is_worse_by_its_errors_and_a_share_without_failures_is_not() {
    let (blue, mut green) = (play(50.0, 1.0, 1), play(50.0, 1.0, 2));
    let sound = contrast(&blue, &green, 0.5);
    assert_eq!(sound.rows[2].verdict, GreenVerdict::NoWorse, "{sound:?}");
    fail_some(&mut green, 0.02, ErrorClass::Http5xx, 3);
    let failing = contrast(&blue, &green, 0.5);
    assert_eq!(failing.rows[2].verdict, GreenVerdict::Worse, "{failing:?}");
    let effect = failing.rows[2].effect.expect("enough requests");
    assert!(effect.lower < 0.02 && effect.upper > 0.02, "{effect:?}");
}

/// Goal: prove that a green which fails fast does not look faster by it, unless its SLO table asks for all requests.
#[test]
fn times_of_failures_count_only_where_the_table_asks_for_all() {
    let (blue, mut green) = (play(50.0, 1.0, 1), play(50.0, 1.0, 1));
    fail_some(&mut green, 0.6, ErrorClass::Http5xx, 3);
    for request in green.iter_mut().filter(|it| it.outcome != Outcome::Ok) {
        request.done_s = request.intended_s + 0.001;
    }
    let mut log = log(&blue, &green, 0.5);
    let ratio = |log: &RunLog| {
        let found = blue_green(log).expect("a split run");
        let contrast = found.shares[0].contrast.clone().expect("both had requests");
        contrast.rows[0].effect.expect("enough requests").value
    };
    assert!((0.85..1.15).contains(&ratio(&log)), "{}", ratio(&log));
    let all = Answers::All;
    log.header.objectives = vec![Objective {
        name: "p95".to_owned(),
        scope: Scope::Run,
        measure: Measure::ResponseTime(0.95),
        bound: Bound::AtMost,
        target: None,
        limit: None,
        of: all,
    }];
    assert!(ratio(&log) < 0.85, "{}", ratio(&log));
}

/// Goal: prove that a duet is judged by pairs: what disturbs both cancels, the interval covers, and the answer says
/// what that was worth.
/// Method: 60 duets of a minute in which both sides have the same arrivals, green's answers take 20 % longer, and a
/// machine whose waves are as long as half a minute doubles the times of both now and then.
#[test]
fn duet_is_judged_by_the_differences_of_its_pairs() {
    const TRIALS: u64 = 60;
    let (mut covered, mut worse, mut narrower, mut saved) = (0, 0, 0, vec![]);
    for trial in 0..TRIALS {
        let disturbed = |seed: u64, slower: f64| -> Vec<SimulatedRequest> {
            let late = |mut request: SimulatedRequest| {
                let turn = (request.intended_s / 30.0 + trial as f64 / 7.0) * std::f64::consts::TAU;
                let time =
                    (request.done_s - request.intended_s) * slower * (1.5 + 0.5 * turn.sin());
                request.done_s = request.intended_s + time;
                request
            };
            play(100.0, 1.0, seed).into_iter().map(late).collect()
        };
        let (blue, green) = (disturbed(2 * trial, 1.0), disturbed(2 * trial + 1, 1.2));
        let mut log = log(&blue, &green, 0.5);
        let apart = blue_green(&log).expect("split").shares[0].contrast.clone().expect("both");
        log.header.split.as_mut().expect("split").duet = true;
        let paired = blue_green(&log).expect("split").shares[0].contrast.clone().expect("both");
        assert_eq!(paired.against, ContrastBasis::Pairs);
        let [apart, paired] = [&apart.rows[0], &paired.rows[0]];
        let width = |row: &ContrastRow| row.effect.map(|it| (it.upper / it.lower).ln());
        let effect = paired.effect.expect("a hundred stretches");
        covered += u64::from((effect.lower..=effect.upper).contains(&1.2));
        worse += u64::from(paired.verdict == GreenVerdict::Worse);
        narrower += u64::from(width(paired) < width(apart));
        saved.push(paired.saved.expect("they vary"));
        assert_eq!(apart.saved, None);
    }
    assert!(covered * 100 >= TRIALS * 90, "{covered} of {TRIALS} cover");
    assert!(worse * 100 >= TRIALS * 90, "{worse} of {TRIALS} found");
    assert!(narrower * 100 >= TRIALS * 75, "{narrower} of {TRIALS} narrower");
    assert!(crate::statistics::median(&saved) > 3.0, "{saved:?}");
}

#[test]
fn duet_too_short_for_pairs_is_judged_by_equal_seconds() {
    let mut log = log(&play(10.0, 1.0, 1), &play(10.0, 1.0, 2), 0.5);
    log.header.split.as_mut().expect("split").duet = true;
    let found = blue_green(&log).expect("split").shares[0].contrast.clone().expect("both");
    // 600 requests a side: ten stretches of 59 for p95, two of 299 for p99.
    assert!(found.rows[0].saved.is_some() && found.rows[1].saved.is_none(), "{found:?}");
    assert!(found.rows[1].effect.is_some(), "{found:?}");
}

/// Goal: prove that what disturbs both sides cancels. Method: the stack behind both gets slower and quicker again,
/// twice a minute; the same figures are held against each other as of one time, and as of different ones.
#[test]
fn disturbance_of_both_sides_cancels_within_the_same_seconds() {
    let disturbed = |requests: Vec<SimulatedRequest>| -> Vec<SimulatedRequest> {
        let late = |mut request: SimulatedRequest| {
            let turn = request.done_s / 30.0 * std::f64::consts::TAU;
            request.done_s += 0.1 * (1.0 + turn.sin());
            request
        };
        requests.into_iter().map(late).collect()
    };
    let (blue, green) = (disturbed(play(100.0, 1.0, 5)), disturbed(play(100.0, 1.0, 6)));
    let log = log(&blue, &green, 0.5);
    let part = log.header.split.as_ref().expect("split").parts[0];
    let seconds = PartSeconds::of(&log, &judged_spans(&log), (0, part));
    let sides = Side::ALL.map(|side| seconds.of_side(side));
    let width = |against| {
        let effect =
            Contrast::of([&sides[0], &sides[1]], against, |_| Answers::default()).rows[0].effect;
        let effect = effect.expect("enough requests");
        (effect.upper / effect.lower).ln()
    };
    let (same, other) = (width(ContrastBasis::SameSeconds), width(ContrastBasis::Before));
    assert!(same < 0.75 * other, "{same} within the same seconds, {other} within others");
}

#[test]
fn few_requests_say_what_is_missing_and_no_side_alone_is_judged() {
    let green = play(0.5, 1.0, 1);
    let few = contrast(&play(99.0, 1.0, 2), &green, 0.01);
    assert_eq!(few.verdict(), GreenVerdict::NeedsMore);
    assert!(few.rows[1].note.starts_with("green n/a (n="), "{}", few.rows[1].note);
    let log = log(&[], &green, 1.0);
    let found = blue_green(&log).expect("a split run");
    assert_eq!(found.shares[0].contrast, None);
    assert_eq!(found.requests, [0, green.len() as u64]);
}

/// Green's failures of each second, out of ten requests.
fn watched(failures: &[u64]) -> Option<GreenFailing> {
    let max = Some(Quantity::Share(Ratio::new(0.01)));
    let (bound, measure, scope) = (Bound::AtMost, Measure::ErrorRate, Scope::Run);
    let name = "error_rate".to_owned();
    let row = Objective {
        name,
        scope,
        measure,
        bound,
        target: None,
        limit: max,
        of: plimsoll_metrics::Answers::default(),
    };
    let mut log = log(&[], &[], 0.1);
    log.header.objectives = vec![row];
    let mut watch = GreenWatch::of(&log.header).expect("a max to watch");
    let told: Vec<GreenFailing> = failures
        .iter()
        .enumerate()
        .filter_map(|(second, &failed)| {
            let mut side = SideInterval::new(0, Side::Green);
            side.requests = 10;
            side.errors.insert(ErrorClass::Http5xx, failed);
            let end = RunTime::ZERO + Nanos::from_secs(second as u64 + 1);
            watch.on_interval(&Interval { end, sides: vec![side], ..Interval::default() })
        })
        .collect();
    assert!(told.len() <= 1, "told more than once");
    told.first().copied()
}

#[test]
fn failing_green_is_told_of_once_it_is_certain_and_only_once() {
    assert_eq!(watched(&[0, 1, 0, 0, 1, 0, 0, 0]), None);
    let told = watched(&[0, 0, 5, 5, 5, 5]).expect("half of all fail");
    assert_eq!((told.at.as_secs_f64() as u64, told.failed, told.attempts), (4, 10, 40));
}
