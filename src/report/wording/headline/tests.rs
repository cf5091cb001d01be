//! The sentence of each cause.

use super::*;
use plimsoll_fixture as fixture;
use plimsoll_slo::{Finding, FullTier, LagEffect, LoadShortfall};
use plimsoll_units::{Nanos, Rate, RunTime};

fn told(cause: Cause) -> String {
    let mut judgement = fixture::pass();
    judgement.cause = Some(cause);
    headline(&judgement).expect("a cause")
}

fn seconds(seconds: u64) -> Nanos {
    Nanos::from_secs(seconds)
}

#[test]
fn outage_is_told_with_when_how_long_and_how_many() {
    let outage = |unserved| Outage {
        begin: RunTime::ZERO + seconds(20),
        length: seconds(10),
        outages: 1,
        unserved,
        requests: 1_050,
        class: ErrorClass::Refused,
    };
    insta::assert_snapshot!(
        told(Cause::Outage(outage(232))),
        @"The service was gone for 10 s from 0:20 on: 232 of 1,050 requests were not served, most of them refused; its own logs of that time tell why."
    );
    insta::assert_snapshot!(
        told(Cause::Outage(outage(1_050))),
        @"Nobody listens at the target: all 1,050 requests were refused; start it, or correct its address."
    );
}

#[test]
fn overload_is_told_with_its_signs_and_names_the_full_tier() {
    let full = FullTier { tier: "db".into(), metric: "pool_used".into(), used: Ratio::new(0.99) };
    let overload = |full, dropped| Overload {
        dropped,
        intended: 4_000,
        p95: Some(Nanos::from_millis(4_600)),
        full,
    };
    insta::assert_snapshot!(
        told(Cause::Overloaded(overload(Some(full), 1_960))),
        @"The load exceeds what the stack carries: 49.0 % of 4,000 arrivals found no free user, p95 is 4.60 s, db is full (pool_used 99.0 %); give db more room."
    );
    insta::assert_snapshot!(
        told(Cause::Overloaded(overload(None, 0))),
        @"The load exceeds what the stack carries: requests piled up to the end of the run, p95 is 4.60 s; find the rate that it carries with `plimsoll capacity`."
    );
}

#[test]
fn lag_is_told_with_what_it_leaves_open() {
    let mut judgement = fixture::pass();
    let lower = Quantity::Time(Nanos::from_millis(480));
    judgement.objectives[0].estimate = Some(Quantity::Time(Nanos::from_millis(520)));
    judgement.objectives[0].lag = Some(LagEffect { lower, decides: true });
    judgement.cause = Some(Cause::GeneratorLag { row: 0 });
    insta::assert_snapshot!(
        headline(&judgement).expect("a cause"),
        @"The generator was late by as much as decides: p95 lies between 480 ms and 520 ms, its max is 500 ms; give the generator a core of its own, or repeat the run."
    );
}

#[test]
fn time_that_is_missing_is_told_for_the_row_that_needs_most() {
    let more = Some(MoreTime::About(seconds(300)));
    insta::assert_snapshot!(
        told(Cause::TooShort { row: 0, more }),
        @"The interval of p95 straddles its max: run about 5 min 00 s longer to decide."
    );
}

#[test]
fn load_that_was_not_sent_names_the_steps_at_which_iterations_ended() {
    let shortfall = LoadShortfall {
        asked: Rate::per_second(60.0),
        sent: Rate::per_second(40.0),
        ended_early: Ratio::new(0.5),
        steps: vec![("a".into(), 100)],
    };
    insta::assert_snapshot!(
        told(Cause::LoadShortfall(shortfall)),
        @"40.0 of 60.0 req/s were sent, because 50 % of iterations ended early, at step a (100 failures): mend what fails there, or nothing is known of the rate asked for."
    );
}

/// Goal: a sentence is never cut, whatever its length.
#[test]
fn reason_is_told_whole_and_once() {
    let mut judgement = fixture::pass();
    let message = format!("{} the way out", "a long reason, ".repeat(60));
    judgement.validity.findings = vec![Finding {
        test: ValidityTest::ClientErrors,
        status: ValidityStatus::NotValid,
        message: message.clone(),
    }];
    judgement.cause = Some(Cause::Measurement { test: ValidityTest::ClientErrors });
    let told = headline(&judgement).expect("a cause");
    assert!(told.ends_with("the way out."), "{told}");
    assert!(further_findings(&judgement).is_empty());
}
