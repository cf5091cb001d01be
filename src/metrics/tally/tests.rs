//! What each figure counts, on an interval with one of everything.

use super::super::{
    ErrorClass as E, RunHeader, SampleKind, ScenarioId, ScenarioInterval, Scope, Side,
    SideInterval, SparseDistribution, StepId, StepInfo, StepInterval, TimeParts,
};
use super::*;
use plimsoll_units::{Nanos, Rate, Ratio};

fn times(ms: &[u64]) -> SparseDistribution {
    ms.iter().copied().map(Nanos::from_millis).collect()
}

fn info(name: &str, kind: SampleKind) -> StepInfo {
    StepInfo { name: name.into(), kind, tags: vec!["api".into()] }
}

fn header() -> RunHeader {
    let mut header = RunHeader::holding(Rate::per_second(1.0), Nanos::from_secs(1));
    header.steps = vec![
        info("get", SampleKind::Get),
        info("wait", SampleKind::Poll),
        info("buy", SampleKind::Post),
    ];
    header
}

/// Four requests of `get`, of which an unexpected 404 and a 500; one of `buy`; two polls, one of them given up;
/// and a script that broke.
fn interval() -> Interval {
    let get = StepInterval {
        requests: 4,
        exchanges: 5,
        errors: [(E::Http4xx, 1), (E::Http5xx, 1)].into(),
        statuses: [(200, 2), (404, 1), (500, 1)].into(),
        response_time: times(&[10, 20, 1, 2]),
        time_parts: TimeParts { failed: times(&[1, 2]), ..TimeParts::default() },
        ..StepInterval::default()
    };
    let buy = StepInterval { requests: 1, response_time: times(&[30]), ..StepInterval::default() };
    let poll = StepInterval {
        requests: 2,
        errors: [(E::ResponseTimeout, 1)].into(),
        response_time: times(&[900, 5_000]),
        time_parts: TimeParts { failed: times(&[5_000]), ..TimeParts::default() },
        ..StepInterval::default()
    };
    let scenario = ScenarioInterval {
        requests: 5,
        failed_requests: 2,
        errors: get.errors.clone(),
        iteration_errors: [(E::ResponseTimeout, 1), (E::Script, 1)].into(),
        response_time: times(&[10, 20, 1, 2, 30]),
        time_parts: TimeParts { failed: times(&[1, 2]), ..TimeParts::default() },
        ..ScenarioInterval::default()
    };
    let green = SideInterval {
        requests: 5,
        errors: get.errors.clone(),
        iteration_errors: scenario.iteration_errors.clone(),
        response_time: scenario.response_time.clone(),
        time_parts: scenario.time_parts.clone(),
        iterations: 3,
        ..SideInterval::new(1, Side::Green)
    };
    Interval {
        steps: [(StepId(0), get), (StepId(2), buy)].into(),
        logical: [(StepId(1), poll)].into(),
        scenarios: [(ScenarioId(0), scenario)].into(),
        sides: vec![green],
        ..Interval::default()
    }
}

fn of(scope: &Scope) -> Tally {
    let selection = Selection::of(scope, &header()).expect("the run has it");
    Tally::of(&selection, [&interval()])
}

/// Requests, attempts, failures, served, unserved, and the greatest time of successes in milliseconds.
fn told(tally: &Tally) -> (u64, u64, u64, u64, u64, f64) {
    let Counts { requests, .. } = tally.counts;
    let counts = &tally.counts;
    let slowest = tally.upper(Answers::Successes).max().as_millis_f64().round();
    (requests, counts.attempts(), counts.failed(), counts.served(), counts.unserved(), slowest)
}

#[test]
fn run_scenario_and_side_count_what_was_given_up() {
    let whole = (5, 7, 4, 4, 2, 30.0);
    assert_eq!(told(&of(&Scope::Run)), whole);
    assert_eq!(told(&of(&Scope::Scenario("all".into()))), whole);
    for part in [None, Some(1)] {
        let side = Tally::of(&Selection::Side(Side::Green, part), [&interval()]);
        assert_eq!(told(&side), whole);
    }
    for (side, part) in [(Side::Blue, None), (Side::Green, Some(0))] {
        let side = Tally::of(&Selection::Side(side, part), [&interval()]);
        assert_eq!(told(&side), (0, 0, 0, 0, 0, 0.0));
    }
    assert_eq!(of(&Scope::Run).counts.error_rate(), Ratio::of(4, 7));
    assert_eq!(of(&Scope::Run).counts.failed_by(E::ResponseTimeout), 1);
}

#[test]
fn step_counts_its_own_requests_and_a_derived_row_its_own_times() {
    assert_eq!(told(&of(&Scope::Step("get".into()))), (4, 4, 2, 3, 1, 20.0));
    assert_eq!(told(&of(&Scope::Step("wait".into()))), (2, 2, 1, 1, 1, 900.0));
}

#[test]
fn tag_pools_requests_and_no_derived_rows() {
    assert_eq!(told(&of(&Scope::Tag("api".into()))), (5, 5, 2, 4, 1, 30.0));
    let mut header = header();
    header.steps.iter_mut().for_each(|step| step.tags.clear());
    header.steps[1].tags.push("slow".into());
    assert_eq!(
        Selection::of(&Scope::Tag("slow".into()), &header),
        Some(Selection::step(StepId(1)))
    );
    assert_eq!(Selection::of(&Scope::Tag("api".into()), &header), None);
}

#[test]
fn scenario_of_an_old_log_takes_failures_for_unserved() {
    let mut interval = interval();
    let scenario = interval.scenarios.get_mut(&ScenarioId(0)).expect("it is there");
    scenario.errors.clear();
    scenario.time_parts = TimeParts::default();
    let tally = Tally::of(&Selection::Scenario(ScenarioId(0)), [&interval]);
    assert_eq!(told(&tally), (5, 7, 4, 3, 3, 30.0));
    assert!(!tally.tells_failures());
    assert_eq!(tally.upper(Answers::Successes).count(), 5, "they cannot be told apart");
}

#[test]
fn tally_of_two_parts_is_that_of_both() {
    let both = Tally::of(&Selection::Run, [&interval(), &interval()]);
    let mut sum = of(&Scope::Run);
    sum.merge(&of(&Scope::Run));
    assert_eq!(both.counts, sum.counts);
    for answers in [Answers::Successes, Answers::All] {
        assert_eq!(both.lower(answers).to_sparse(), sum.lower(answers).to_sparse());
    }
}
