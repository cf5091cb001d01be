//! What a row says of what its log does not tell.

use super::*;

#[test]
fn log_without_lower_bounds_says_so_where_lag_was_enough_to_matter() {
    let notes = |lag: u64, lag_bounds: bool| -> Vec<String> {
        let mut log = run(STEADY, table(), 9);
        log.header.lag_bounds = lag_bounds;
        for interval in &mut log.intervals {
            interval.schedule_lag = std::iter::repeat_n(Nanos::from_millis(lag), 80).collect();
        }
        let rows = judge(&log, Strictness::Normal).objectives;
        let said = |note: &String| note.contains("generator's lag, up to");
        rows.into_iter().map(|row| row.note).filter(said).collect()
    };
    assert!(notes(50, false).iter().all(|note| note.contains("judged as recorded")));
    assert!(!notes(50, false).is_empty());
    assert_eq!((notes(50, true), notes(0, false)), (vec![], vec![]));
}

#[test]
fn source_that_failed_gives_no_data_and_its_reason_rather_than_zero() {
    let measure = Measure::Observed("db".into(), "connections".into());
    let mut row = objective(measure, None, Some(Quantity::Count(150.0)));
    row.name = "db.connections".into();
    let mut log = run(STEADY, vec![row], 20);
    for interval in &mut log.intervals {
        interval.readings.push(Reading {
            tier: "db".into(),
            metric: "connections".into(),
            replica: String::new(),
            value: None,
        });
    }
    let silent = SourceEvent {
        tier: "db".into(),
        replica: String::new(),
        source: "PostgreSQL".into(),
        reason: Some("no answer within 1s".into()),
    };
    log.events.push(Event { at: RunTime::ZERO, kind: EventKind::SourceError(silent) });
    let judged = &judge(&log, Strictness::Normal).objectives[0];
    assert_eq!((judged.estimate, judged.status), (None, ObjectiveStatus::NotMeasured));
    assert_eq!(judged.note, "n/a: no data; db, PostgreSQL: no answer within 1s");
}

/// Logs of the first versions count the failures of a scenario, and not their classes.
#[test]
fn uptime_of_a_scenario_whose_failures_have_no_class_says_so() {
    let mut uptime = objective(Measure::Uptime, None, Some(share(0.5)));
    uptime.scope = Scope::Scenario("all".into());
    let mut requests = STEADY.play(4);
    fail_some(&mut requests, 0.05, ErrorClass::Http4xx, 4);
    let mut log = record(header(STEADY.rate, STEADY.seconds, vec![uptime]), &requests);
    let note = |log: &RunLog| judge(log, Strictness::Normal).objectives[0].note.clone();
    assert!(note(&log).contains("all count as not served"), "{}", note(&log));
    for interval in &mut log.intervals {
        let errors = interval.steps.get(&StepId(0)).map(|step| step.errors.clone());
        let scenario = interval.scenarios.get_mut(&ScenarioId(0)).expect("a scenario");
        scenario.errors = errors.unwrap_or_default();
    }
    assert!(!note(&log).contains("not served"), "{}", note(&log));
}
