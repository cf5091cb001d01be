//! The page of a search for capacity.

use super::*;

/// A step of a search, 20 s at `rate`, with the p95 that a queue of capacity 300/s has there.
fn search_step(purpose: StepPurpose, rate: f64) -> SearchStep {
    let p95 = if rate < 298.0 { 0.120 / (1.0 - rate / 300.0) } else { 9.0 };
    let outcome = match rate {
        rate if rate >= 300.0 => StepOutcome::Stopped(AbortReason::InFlightRunaway),
        _ if p95 <= 0.5 => StepOutcome::Within,
        _ => StepOutcome::Exceeds,
    };
    SearchStep {
        purpose,
        rate: Rate::per_second(rate),
        time: Some(Nanos::from_secs_f64(p95)),
        p99: Some(Nanos::from_secs_f64(p95 * 1.6)),
        failed: Ratio::new(if rate >= 300.0 { 0.03 } else { 0.0 }),
        hold: Nanos::from_secs(20),
        besides: Nanos::from_secs(5),
        outcome,
    }
}

pub(super) fn searching() -> Model {
    let slo_limits = vec![
        SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(500) },
        SloLimit::ErrorRate { max: Ratio::new(0.01) },
    ];
    let mut search = SearchView::new("ais", "http://127.0.0.1:8080", slo_limits);
    search.steps = vec![
        search_step(StepPurpose::Baseline, 25.0),
        search_step(StepPurpose::Bracket, 50.0),
        search_step(StepPurpose::Bracket, 100.0),
        search_step(StepPurpose::Bracket, 200.0),
        search_step(StepPurpose::Bracket, 400.0),
        search_step(StepPurpose::Refine, 256.0),
        search_step(StepPurpose::Refine, 220.0),
    ];
    search.steps[2].outcome = StepOutcome::Invalid;
    search.bracket = (Some(Rate::per_second(220.0)), Some(Rate::per_second(256.0)));
    search.left = Nanos::from_secs(740);
    search.doing = Some(StepUnderWay {
        purpose: StepPurpose::Refine,
        rate: Rate::per_second(231.0),
        length: Nanos::from_secs(25),
        elapsed: Nanos::from_secs(12),
        p95: Some(Nanos::from_millis(486)),
        in_flight: 42,
    });
    let mut model = fresh();
    update(&mut model, Message::Search(Box::new(search)));
    model
}

#[test]
fn capacity_page_shows_the_search_at_every_size() {
    snapshots("capacity", &searching());
}

#[test]
fn capacity_page_ends_with_the_answer() {
    let mut model = searching();
    let mut search = model.search.clone().expect("a search");
    search.doing = None;
    search.outcome = Some(SearchOutcome {
        slo_max: Some(Estimate { value: 228.4, low: 224.9, high: 231.6 }),
        pass: Some(Rate::per_second(226.0)),
        fail: Some(Rate::per_second(231.0)),
        confirmed: true,
        held: Some(HeldRate { rate: Rate::per_second(226.0), hold: Nanos::from_secs(40) }),
        failure_above: Some(FailureAbove::Shown(Rate::per_second(231.0))),
        time_needed: None,
        breach_shown: true,
        limit: Some(SearchLimit::ResponseTime),
        end: SearchEnd::Complete,
    });
    update(&mut model, Message::Search(Box::new(search)));
    snapshots("capacity_done", &model);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Quit);
}

#[test]
fn search_under_way_is_stopped_by_s_and_left_after_a_question() {
    let mut model = searching();
    assert_eq!(press(&mut model, KeyCode::Char('s')), Command::Steer(SteeringCommand::Stop));
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Nothing);
    assert_eq!(press(&mut model, KeyCode::Char('y')), Command::StopAndQuit);
}

#[test]
fn search_that_is_over_shows_its_report_and_its_curve_in_turns() {
    let mut model = searching();
    press(&mut model, KeyCode::Char('v'));
    assert_eq!(model.page, Page::Capacity, "there is no report yet");
    let mut view = model.search.clone().expect("a search");
    view.end(SearchOutcome {
        slo_max: None,
        pass: None,
        fail: None,
        confirmed: false,
        held: None,
        failure_above: None,
        time_needed: None,
        breach_shown: false,
        limit: None,
        end: SearchEnd::Interrupted,
    });
    let report = Report::new(&log(), &judge(&log(), Strictness::Normal));
    let capacity = "SLO-max 228 req/s\nbottleneck api\n".to_owned();
    let finished = FinishedRun { report, folder: "reports/ais/x".into(), capacity, opened: true };
    update(&mut model, Message::Finished(Box::new(finished)));
    update(&mut model, Message::Search(Box::new(view)));
    assert_eq!(model.page, Page::Capacity);
    press(&mut model, KeyCode::Char('v'));
    let text = drawn(&model, (80, 24)).backend().to_string();
    assert!(text.contains("capacity ───") && text.contains("bottleneck api"), "{text}");
    press(&mut model, KeyCode::Char('v'));
    assert_eq!(model.page, Page::Capacity);
}

/// Goal: prove that the page follows a real search. Method: a queue of capacity 100/s as arithmetic, until
/// one rate has passed and one has failed.
#[test]
fn capacity_page_follows_a_search() {
    let slo_limits = vec![SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(300) }];
    let (warm_up, left) = (Nanos::from_secs(2), Nanos::from_secs(600));
    let plan = SearchPlan {
        slo_limits: slo_limits.clone(),
        start: Rate::per_second(30.0),
        climb: 2.0,
        rate_max: Rate::per_second(1_000.0),
        hold: Nanos::from_secs(10),
        hold_max: Nanos::from_secs(20),
        warm_up,
        budget: left,
        cores: vec![],
        seed: plimsoll_units::Seed::new(1),
    };
    let mut search = CapacitySearch::new(plan);
    let mut view = SearchView::new("queue", "http://127.0.0.1:1", slo_limits);
    for seen in 0..3 {
        view.follow(&search, left);
        assert_eq!(view.steps.len(), seen);
        let SearchAction::Measure { rate, hold, purpose } = search.next_action() else {
            panic!("a step to play");
        };
        view.begin(purpose, rate, hold + warm_up);
        search.on_step(played(rate, hold, purpose));
    }
    view.follow(&search, left);
    let (pass, fail) = view.bracket;
    assert_eq!((pass.map(Rate::get), fail.map(Rate::get)), (Some(60.0), Some(120.0)));
    let outcomes: Vec<StepOutcome> = view.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Within, StepOutcome::Within, StepOutcome::Exceeds]);
    let mut model = fresh();
    update(&mut model, Message::Search(Box::new(view)));
    let text = drawn(&model, (120, 40)).backend().to_string();
    assert!(text.contains("between 60.0 and 120.0 req/s"), "{text}");
}

/// A step of an M/M/1 queue that serves 100 requests a second, second by second.
fn played(rate: Rate, hold: Nanos, purpose: StepPurpose) -> StepResult {
    let mean = if rate.get() < 99.0 { 1.0 / (100.0 - rate.get()) } else { 5.0 };
    let requests = rate.get() as u64;
    let batch = || {
        let time = |index: u64| {
            let share = (index as f64 + 0.5) / requests as f64;
            (Nanos::from_secs_f64(-mean * (1.0 - share).ln()), 1)
        };
        let response = Histogram::from_pairs((0..requests).map(time));
        Batch { response, errors: 0, throttled: 0 }
    };
    StepResult {
        purpose,
        offered: rate,
        warm_up: Nanos::from_secs(2),
        duration: hold,
        dispersion: 1.0,
        batches: (0..hold.as_secs_f64() as u64).map(|_| batch()).collect(),
        others: None,
        tiers: vec![],
        hit_ratio: None,
        aborted: None,
        valid: true,
    }
}

/// Goal: prove that who sees a search go down need not wait for its end to know that a rate limit was met.
/// Method: the first step is answered by 429 for three quarters.
#[test]
fn rate_limit_is_named_as_soon_as_a_step_meets_it() {
    let slo_limits = vec![SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_secs(9) }];
    let mut search = CapacitySearch::new(SearchPlan {
        slo_limits: slo_limits.clone(),
        start: Rate::per_second(40.0),
        climb: 2.0,
        rate_max: Rate::per_second(1_000.0),
        hold: Nanos::from_secs(10),
        hold_max: Nanos::from_secs(20),
        warm_up: Nanos::from_secs(2),
        budget: Nanos::from_secs(600),
        cores: vec![],
        seed: plimsoll_units::Seed::new(1),
    });
    let SearchAction::Measure { rate, hold, purpose } = search.next_action() else {
        panic!("a step to play");
    };
    let mut step = played(rate, hold, purpose);
    for batch in &mut step.batches {
        batch.throttled = 3 * batch.response.count();
    }
    search.on_step(step);
    let mut view = SearchView::new("queue", "http://127.0.0.1:1", slo_limits);
    view.follow(&search, Nanos::from_secs(500));
    assert_eq!(view.steps[0].outcome, StepOutcome::Throttled);
    let mut model = fresh();
    update(&mut model, Message::Search(Box::new(view)));
    let text = drawn(&model, (160, 40)).backend().to_string();
    assert!(text.contains("about 10.0 of 40.0 req/s pass"), "{text}");
    assert!(text.contains("✖ rate limit"), "{text}");
}
