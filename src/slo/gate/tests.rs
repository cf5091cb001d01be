//! Gates over simulated runs.

use super::*;
use crate::simulated::{Queue, header, objective, record};
use plimsoll_metrics::{Answers, ErrorClass, Measure, Outcome};
use plimsoll_units::{Nanos, Quantity, Seed};

/// Five runs of a lightly loaded queue whose service takes `slowness` times as long.
fn runs(slowness: f64, first_seed: u64) -> Vec<RunSummary> {
    (first_seed..first_seed + 5)
        .map(|seed| {
            let queue =
                Queue { rate: 30.0, service_rate: 50.0 / slowness, servers: 4, seconds: 40 };
            let mut header = header(queue.rate, queue.seconds, vec![]);
            header.seed = Seed::new(seed);
            header.conditions = vec![("api.replicas".into(), "3".into())];
            RunSummary::of(&record(header, &queue.play(seed)))
        })
        .collect()
}

#[test]
fn slower_candidate_regresses_and_equal_one_does_not() {
    let baseline = runs(1.0, 0);
    let slower = compare(&baseline, &runs(1.4, 100), &GateRules::default()).expect("alike");
    assert_eq!(slower.verdict, GateVerdict::Regressed);
    assert_eq!(slower.verdict.exit_code(), 98);
    let mean =
        slower.regressed().find(|row| row.metric == GateMetric::Mean).expect("mean regressed");
    assert!((mean.regression.effect.expect("positive") - 1.4).abs() < 0.15);
    assert_eq!(mean.step, RunSummary::WHOLE);
    // Five tests at most: the adjusted p still reaches 0.02.
    assert!(mean.regression.p <= 0.02);

    let equal = compare(&baseline, &runs(1.0, 200), &GateRules::default()).expect("alike");
    assert_ne!(equal.verdict, GateVerdict::Regressed);
    let errors = equal.rows.iter().find(|row| row.metric == GateMetric::ErrorRate).expect("a row");
    assert_eq!(errors.regression.verdict, RegressionVerdict::NotRegressed);
}

#[test]
fn too_few_runs_ask_for_more() {
    let found = compare(&runs(1.0, 0)[..3], &runs(3.0, 9), &GateRules::default()).expect("alike");
    assert_eq!((found.verdict, found.more_runs), (GateVerdict::NeedMoreRuns, 2));
    assert_eq!(found.verdict.exit_code(), 97);
}

#[test]
fn unlike_conditions_are_refused_all_at_once() {
    let baseline = runs(1.0, 0);
    let mut candidate = runs(1.0, 9);
    candidate[1].conditions.scenario_hash = "other".into();
    candidate[2].conditions.facts[0].1 = "4".into();
    candidate[3].validity = crate::ValidityStatus::NotValid;
    let unlike = compare(&baseline, &candidate, &GateRules::default()).expect_err("unlike");
    let text: Vec<String> = unlike.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 3, "{text:?}");
    assert!(text[0].contains("api.replicas differs: `3` in the baseline, `4`"), "{text:?}");
    assert!(
        compare(
            &baseline,
            &candidate,
            &GateRules { likeness: ComparisonRule::Waived, ..GateRules::default() }
        )
        .is_ok()
    );
    assert_eq!(alike(&[], &candidate[..1]), [ConditionMismatch::NoRun { side: "baseline" }]);
}

#[test]
fn one_side_that_repeats_a_seed_is_refused() {
    let baseline = runs(1.0, 0);
    let mut candidate = runs(1.0, 9);
    for run in &mut candidate {
        run.conditions.seed = Seed::new(7);
    }
    let unlike = alike(&baseline, &candidate);
    assert!(matches!(unlike.as_slice(), [ConditionMismatch::Seeds { .. }]), "{unlike:?}");
    let same: Vec<RunSummary> = candidate.clone();
    assert!(alike(&same, &candidate).is_empty());
}

#[test]
fn baseline_survives_text() {
    let baseline = Baseline::of(runs(1.0, 0));
    assert_eq!(Baseline::read(&baseline.to_text()).expect("valid"), baseline);
    assert!(Baseline::read("{}").is_err());
    let future = baseline.to_text().replace("baseline/1", "baseline/2");
    let error = Baseline::read(&future).expect_err("unknown schema");
    assert!(error.to_string().contains("`plimsoll.baseline/2`"));
}

#[test]
fn rules_choose_steps_metrics_and_how_much_counts() {
    let (baseline, candidate) = (runs(1.0, 0), runs(1.4, 100));
    let rules = GateRules {
        metrics: vec![GateMetric::Mean],
        effect_min: Some(2.0),
        ..GateRules::default()
    };
    let tolerant = compare(&baseline, &candidate, &rules).expect("alike");
    assert!(tolerant.rows.iter().all(|row| row.metric == GateMetric::Mean));
    assert_eq!(tolerant.verdict, GateVerdict::NotRegressed, "+40 % is less than +200 %");

    let elsewhere = GateRules { steps: vec!["no such step".into()], ..GateRules::default() };
    let nothing = compare(&baseline, &candidate, &elsewhere).expect("alike");
    assert_eq!((nothing.verdict, nothing.rows.len()), (GateVerdict::NeedMoreRuns, 0));
}

#[test]
fn metric_that_a_run_was_too_short_for_is_told() {
    let (baseline, mut candidate) = (runs(1.0, 0), runs(1.0, 9));
    candidate[2].steps[1].p99 = None;
    candidate[2].steps[1].requests = 12;
    let found = compare(&baseline, &candidate, &GateRules::default()).expect("alike");
    let step = candidate[2].steps[1].name.clone();
    let expected = ExcludedMetric {
        step,
        metric: GateMetric::P99,
        of: Answers::Successes,
        reason: MetricExclusion::TooFewRequests,
        requests_min: 12,
        decides: false,
    };
    assert_eq!(found.left_out, [expected]);
}

#[test]
fn trend_finds_where_the_level_changed_and_leaves_out_what_is_not_valid() {
    let model = runs(1.0, 0).remove(0);
    let mut history: Vec<RunSummary> = (0..24)
        .map(|at| {
            let mut run = model.clone();
            let jitter = [0.0, 1.0, -1.0, 0.5][at % 4];
            let ms = if at < 12 { 100.0 + jitter } else { 120.0 + jitter };
            run.steps[0].p95 = Some(Nanos::from_secs_f64(ms / 1e3));
            run
        })
        .collect();
    history[3].validity = crate::ValidityStatus::NotValid;
    let trend = MetricTrend::of(&history, RunSummary::WHOLE, GateMetric::P95);
    assert_eq!(trend.points.len(), 23);
    assert_eq!(trend.changes.len(), 1, "{:?}", trend.changes);
    assert_eq!(trend.points[trend.changes[0].index].0, 12);
    assert!((trend.changes[0].change() - 0.2).abs() < 0.01);
}

/// Five runs of which a tenth of the requests fails at once, judged by p95 of these requests. With `stall`, failures
/// take seconds instead.
fn failing_runs(of: Answers, stall: f64, first_seed: u64) -> Vec<RunSummary> {
    (first_seed..first_seed + 5)
        .map(|seed| {
            let queue = Queue { rate: 30.0, service_rate: 50.0, servers: 4, seconds: 40 };
            let mut requests = queue.play(seed);
            for request in requests.iter_mut().step_by(10) {
                request.outcome = Outcome::Failed(ErrorClass::Http5xx);
                request.done_s = request.intended_s + 0.001 + stall;
            }
            let max = Quantity::Time(Nanos::from_secs(9));
            let mut row = objective(Measure::ResponseTime(0.95), None, Some(max));
            row.of = of;
            let mut header = header(queue.rate, queue.seconds, vec![row]);
            header.seed = Seed::new(seed);
            let mut log = record(header, &requests);
            for (second, interval) in log.intervals.iter_mut().enumerate() {
                let failed = requests.iter().filter(|request| {
                    request.outcome != Outcome::Ok && request.done_s as usize == second
                });
                let times = failed.map(|one| Nanos::from_secs_f64(one.done_s - one.intended_s));
                let times: plimsoll_metrics::SparseDistribution = times.collect();
                for step in interval.steps.values_mut() {
                    step.time_parts.failed = times.clone();
                }
            }
            RunSummary::of(&log)
        })
        .collect()
}

fn deciding_p95(found: &GateComparison) -> &GateRow {
    found.deciding().find(|row| row.metric == GateMetric::P95).expect("a row that decides")
}

#[test]
fn row_of_all_requests_is_compared_over_all_requests() {
    let before = failing_runs(Answers::All, 0.0, 0);
    let after = failing_runs(Answers::All, 3.0, 100);
    let found = compare(&before, &after, &GateRules::default()).expect("alike");
    let row = deciding_p95(&found);
    assert_eq!((row.of, row.regression.verdict), (Answers::All, RegressionVerdict::Regressed));
    assert!(row.candidate > 3.0, "a tenth of all takes 3 s: {}", row.candidate);
    // Successes are as quick as before, and inform.
    let inform = |row: &&GateRow| row.metric == GateMetric::P95 && row.of == Answers::Successes;
    let successes = found.rows.iter().find(inform).expect("a row");
    assert!(!successes.decides && successes.candidate < 1.0, "{successes:?}");

    let of_successes = |stall, seed| failing_runs(Answers::Successes, stall, seed);
    let (before, after) = (of_successes(0.0, 0), of_successes(3.0, 100));
    let found = compare(&before, &after, &GateRules::default()).expect("alike");
    assert_eq!(deciding_p95(&found).of, Answers::Successes);
    assert_ne!(found.verdict, GateVerdict::Regressed);
}

#[test]
fn baseline_that_kept_no_times_of_all_requests_is_said_to_lack_them() {
    let mut before = failing_runs(Answers::All, 0.0, 0);
    for run in &mut before {
        for step in &mut run.steps {
            step.all = None;
        }
    }
    let after = failing_runs(Answers::All, 0.0, 100);
    let found = compare(&before, &after, &GateRules::default()).expect("alike");
    let missing = found.left_out.iter().find(|left| left.of == Answers::All).expect("left out");
    assert_eq!((missing.reason, missing.decides), (MetricExclusion::NotKept, true));
    assert_ne!(found.verdict, GateVerdict::NotRegressed);
}

#[test]
fn rows_say_in_how_many_runs_times_of_failures_may_be_pooled() {
    let text = Baseline::of(failing_runs(Answers::Successes, 0.0, 0)).to_text();
    assert_eq!(text.matches("failures_apart").count(), 5);
    let old = text.replace("\"failures_apart\": true,", "");
    let old = Baseline::read(&old).expect("an older version wrote no such key").runs;
    let found = compare(&old, &failing_runs(Answers::Successes, 0.0, 100), &GateRules::default());
    let found = found.expect("alike");
    for row in found.rows.iter().filter(|row| row.step == RunSummary::WHOLE) {
        let expected = if row.metric == GateMetric::ErrorRate { (0, 0) } else { (5, 0) };
        assert_eq!(row.pooled, expected, "{:?}", row.metric);
    }
    // Where nothing failed there is nothing to pool.
    let mut clean = runs(1.0, 0);
    for run in &mut clean {
        run.failures_apart = false;
    }
    let candidate = runs(1.0, 100);
    let found = compare(&clean, &candidate, &GateRules::default()).expect("alike");
    assert!(found.rows.iter().all(|row| row.pooled == (0, 0)));
}

/// Five runs judged by p95 alone, of which `share` of the requests fails.
fn runs_without_a_row_on_errors(share: f64, first_seed: u64) -> Vec<RunSummary> {
    (first_seed..first_seed + 5)
        .map(|seed| {
            let queue = Queue { rate: 30.0, service_rate: 50.0, servers: 4, seconds: 40 };
            let mut requests = queue.play(seed);
            crate::simulated::fail_some(&mut requests, share, ErrorClass::Http5xx, seed);
            let max = Quantity::Time(Nanos::from_secs(9));
            let row = objective(Measure::ResponseTime(0.95), None, Some(max));
            let mut header = header(queue.rate, queue.seconds, vec![row]);
            header.seed = Seed::new(seed);
            RunSummary::of(&record(header, &requests))
        })
        .collect()
}

#[test]
fn error_rate_decides_where_the_table_says_nothing_of_errors() {
    let mut before = runs_without_a_row_on_errors(0.0, 0);
    let after = runs_without_a_row_on_errors(0.05, 100);
    let decided = |before: &[RunSummary], after: &[RunSummary]| {
        let found = compare(before, after, &GateRules::default()).expect("alike");
        let of_errors = found.deciding().find(|row| row.metric == GateMetric::ErrorRate);
        (found.verdict, of_errors.expect("a row that decides").regression.verdict)
    };
    let regressed = (GateVerdict::Regressed, RegressionVerdict::Regressed);
    assert_eq!(decided(&before, &after), regressed);
    let same = runs_without_a_row_on_errors(0.0, 200);
    assert_eq!(decided(&before, &same).1, RegressionVerdict::NotRegressed);
    // The candidate's table decides, also against a baseline of a version that knew no such row.
    for run in &mut before {
        run.slo.retain(|row| row.metric != GateMetric::ErrorRate);
    }
    assert_eq!(decided(&before, &after), regressed);
}

/// Goal: prove that a baseline without what decides is no pass, however well the rest compares.
/// Method: summaries as a version wrote them that counted no times within steps: 0 requests, and no value.
#[test]
fn baseline_that_counted_nothing_of_a_row_that_decides_is_no_pass() {
    let with_row = |mut runs: Vec<RunSummary>| {
        for run in &mut runs {
            run.slo.push(SloMetric {
                step: "get".to_owned(),
                metric: GateMetric::P95,
                of: Answers::Successes,
            });
        }
        runs
    };
    let (mut before, after) = (with_row(runs(1.0, 0)), with_row(runs(1.0, 100)));
    let found = compare(&before, &after, &GateRules::default()).expect("alike");
    assert!(found.left_out.iter().all(|left| !left.decides), "{:?}", found.left_out);
    for run in &mut before {
        let step = run.steps.iter_mut().find(|step| step.name == "get").expect("a step");
        *step = StepSummary::of("get", &plimsoll_metrics::Tally::default());
    }
    let assert_lacking = |before: &[RunSummary]| {
        let found = compare(before, &after, &GateRules::default()).expect("alike");
        let left = found.left_out.iter().find(|left| left.decides).expect("left out");
        assert_eq!((left.step.as_str(), left.reason), ("get", MetricExclusion::NotCounted));
        assert_eq!(found.verdict, GateVerdict::NeedMoreRuns);
    };
    assert_lacking(&before);
    for run in &mut before {
        run.steps.retain(|step| step.name != "get");
    }
    assert_lacking(&before);
}
