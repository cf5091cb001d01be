//! The search against simulated stacks.

use super::*;
use crate::des::{
    SimulatedRateLimit, SimulatedServiceTime, SimulatedStack, SimulatedTier, StackSimulation,
    StepLoad, slo_max,
};
use crate::queueing::slo_max_mmc;
use crate::slo_limits::SloLimit;
use crate::step::{AbortRule, StepPurpose};
use plimsoll_units::{Ratio, Seed};

#[test]
fn the_documented_table_is_the_one_that_decides() {
    let document = include_str!("../../../docs/capacity.md");
    let rows: Vec<String> = decisions()
        .enumerate()
        .map(|(index, [known, done])| format!("| {} | {known} | {done} |", index + 1))
        .collect();
    let table = rows.join("\n");
    assert!(document.contains(&table), "docs/capacity.md must have:\n{table}");
}

fn p95(max_ms: u64) -> SloLimit {
    SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(max_ms) }
}

fn plan(slo_limit: SloLimit, start: f64) -> SearchPlan {
    SearchPlan {
        slo_limits: vec![slo_limit],
        start: Rate::per_second(start),
        climb: 2.0,
        rate_max: Rate::per_second(1e5),
        hold: Nanos::from_secs(20),
        hold_max: Nanos::from_secs(240),
        warm_up: Nanos::from_secs(5),
        budget: Nanos::from_secs(1_500),
        cores: Vec::new(),
        seed: Seed::new(3),
    }
}

fn run(stack: &SimulatedStack, plan: &SearchPlan, seed: u64) -> (CapacitySearch, SearchOutcome) {
    let rule = AbortRule::for_slo_limits(&plan.slo_limits);
    let (mut search, warm_up) = (CapacitySearch::new(plan.clone()), plan.warm_up);
    let mut simulation = StackSimulation::new(stack, Seed::new(seed));
    loop {
        match search.next_action() {
            SearchAction::Measure { rate, hold, purpose } => {
                let step =
                    simulation.measure(stack, &StepLoad { rate, warm_up, hold, purpose }, &rule);
                search.on_step(step);
            }
            SearchAction::Done(outcome) => return (search, *outcome),
        }
    }
}

fn api(cores: u32, service_ms: u64) -> SimulatedStack {
    let tier = SimulatedTier::cores("api", 1, cores, Nanos::from_millis(service_ms));
    SimulatedStack { tiers: vec![tier], rate_limit: None }
}

#[test]
fn search_finds_confirms_and_breaches_the_limit_of_mmc() {
    let limit = Nanos::from_millis(100);
    let truth = slo_max_mmc(Rate::per_second(100.0), 4, Ratio::new(0.95), limit);
    let truth = truth.expect("reachable").get();
    let (_, outcome) = run(&api(4, 10), &plan(p95(100), 20.0), 5);
    let found = outcome.slo_max.expect("something passed");
    assert!((found.value / truth - 1.0).abs() < 0.03, "{found:?}, truth {truth}");
    assert_eq!(outcome.end, SearchEnd::Complete);
    assert!(outcome.confirmed && outcome.breach_shown);
    let (pass, fail) = (outcome.pass.expect("pass").get(), outcome.fail.expect("fail").get());
    assert!(pass < fail && fail / pass <= 1.05, "{pass} {fail}");
    let held = outcome.held.expect("a rate was held");
    assert!(held.rate.get() <= pass && held.rate.get() <= truth * 1.01, "{held:?}, truth {truth}");
    assert!(held.rate.get() >= truth * 0.95 && held.hold >= Nanos::from_secs(40), "{held:?}");
    let above = outcome.failure_above.expect("looked for");
    assert!(matches!(above, FailureAbove::Shown(rate) if rate > held.rate), "{above:?}");
    assert_eq!(outcome.time_needed, None);
}

#[test]
fn search_of_too_little_time_says_how_much_it_would_take() {
    let little = SearchPlan { budget: Nanos::from_secs(150), ..plan(p95(100), 20.0) };
    let (_, outcome) = run(&api(4, 10), &little, 5);
    assert_eq!(outcome.end, SearchEnd::BudgetSpent);
    let needed = outcome.time_needed.expect("more is needed");
    assert!(needed > little.budget && needed <= Nanos::from_secs(1_500), "{needed}");
    // With that much it comes to its end.
    let enough = SearchPlan { budget: needed, ..little };
    let (_, outcome) = run(&api(4, 10), &enough, 5);
    assert!(outcome.confirmed || outcome.time_needed.is_some_and(|more| more > needed));
}

/// Goal: prove that a hold in which a queue grows confirms nothing, though its figures are within the limit.
#[test]
fn hold_that_is_not_at_rest_confirms_nothing() {
    let (search, outcome) = run(&api(4, 10), &plan(p95(100), 20.0), 5);
    let held = outcome.held.expect("a rate was held").rate;
    let mut steps = search.steps().to_vec();
    let is_confirming = |step: &StepResult| step.purpose == StepPurpose::Confirm;
    for step in steps.iter_mut().filter(|step| is_confirming(step)) {
        // The same answers, the slowest last.
        let mean = |batch: &crate::step::Batch| batch.response.mean();
        let slowest = step.batches.iter().map(mean).fold(0.0, f64::max);
        let count = step.batches.len();
        for (index, batch) in step.batches.iter_mut().enumerate() {
            let share = 0.2 + 0.8 * (index as f64 + 1.0) / count as f64;
            let time = Nanos::from_secs_f64(0.095_f64.min(slowest * 2.0) * share);
            let answers = batch.response.count();
            batch.response = crate::Histogram::from_pairs([(time, answers)]);
        }
        assert!(step.seems_within(&plan(p95(100), 20.0).slo_limits));
    }
    let outcome = CapacitySearch::resume(plan(p95(100), 20.0), steps).interrupted();
    assert!(!outcome.confirmed, "{outcome:?}");
    let claimed = outcome.held.map_or(Rate::ZERO, |held| held.rate);
    assert!(claimed <= held, "{claimed} {held}");
}

/// Goal: prove that a claim is seldom more than 1 % too high, however few requests tell of the limit.
/// Method: one core of 25 ms in five minutes, p95 within 300 ms: some 9,000 requests in all. SLO-max is known in closed form.
#[test]
fn claim_from_few_requests_is_careful() {
    let limit = Nanos::from_millis(300);
    let truth = slo_max_mmc(Rate::per_second(40.0), 1, Ratio::new(0.95), limit);
    let truth = truth.expect("reachable").get();
    let minutes = SearchPlan {
        hold: Nanos::from_secs(6),
        hold_max: Nanos::from_secs(30),
        warm_up: Nanos::from_secs(2),
        budget: Nanos::from_secs(300),
        ..plan(p95(300), 20.0)
    };
    let too_much = |seed: &u64| {
        let plan = SearchPlan { seed: Seed::new(*seed), ..minutes.clone() };
        let (_, outcome) = run(&api(1, 25), &plan, *seed);
        outcome.held.is_some_and(|held| held.rate.get() > 1.01 * truth)
    };
    assert!((0..20).filter(too_much).count() <= 1);
}

#[test]
fn search_goes_on_where_an_interrupted_one_stopped() {
    let (search, outcome) = run(&api(4, 10), &plan(p95(100), 20.0), 5);
    for kept in 0..search.steps().len() {
        let steps = search.steps()[..kept].to_vec();
        let next = CapacitySearch::resume(plan(p95(100), 20.0), steps).next_action();
        let step = &search.steps()[kept];
        let SearchAction::Measure { rate, purpose, .. } = next else {
            panic!("ended after {kept} steps")
        };
        assert_eq!((rate, purpose), (step.offered, step.purpose));
    }
    let again = CapacitySearch::resume(plan(p95(100), 20.0), search.steps().to_vec()).next_action();
    assert_eq!(again, SearchAction::Done(Box::new(outcome)));
}

#[test]
fn search_names_a_rate_limit_and_not_the_stack() {
    let mut stack = api(8, 5);
    stack.rate_limit = Some(SimulatedRateLimit { rate: Rate::per_second(150.0), burst: 20 });
    let (_, outcome) = run(&stack, &plan(p95(200), 20.0), 1);
    assert_eq!(outcome.limit, Some(SearchLimit::RateLimited));
    let found = outcome.slo_max.expect("something passed");
    assert!((found.value / 150.0 - 1.0).abs() < 0.05, "{found:?}");
}

#[test]
fn search_of_a_stack_that_is_always_too_slow_says_so() {
    let (_, outcome) = run(&api(1, 100), &plan(p95(50), 8.0), 1);
    assert_eq!((outcome.end, outcome.slo_max), (SearchEnd::NeverWithin, None));
}

#[test]
fn search_that_meets_no_limit_claims_no_more_than_it_offered() {
    let mut plan = plan(p95(200), 50.0);
    plan.rate_max = Rate::per_second(300.0);
    let (_, outcome) = run(&api(8, 5), &plan, 1);
    assert_eq!(outcome.end, SearchEnd::NoLimitFound);
    assert_eq!((outcome.pass, outcome.fail), (Some(Rate::per_second(300.0)), None));
    assert_eq!(outcome.failure_above, Some(FailureAbove::NotAllowed(Rate::per_second(300.0))));
}

#[test]
fn search_stops_when_the_generator_gives_out() {
    let mut search = CapacitySearch::new(plan(p95(200), 50.0));
    let mut simulation = StackSimulation::new(&api(8, 5), Seed::new(1));
    for _ in 0..4 {
        let rule = AbortRule::for_slo_limits(&[p95(200)]);
        let load = StepLoad {
            rate: Rate::per_second(50.0),
            warm_up: Nanos::ZERO,
            hold: Nanos::from_secs(20),
            purpose: StepPurpose::Baseline,
        };
        let mut step = simulation.measure(&api(8, 5), &load, &rule);
        step.valid = false;
        search.on_step(step);
    }
    let SearchAction::Done(outcome) = search.next_action() else { panic!("goes on") };
    assert_eq!(outcome.end, SearchEnd::GeneratorLimit);
}

#[test]
fn claim_that_fails_when_held_is_not_confirmed_by_what_passed_before() {
    let (fast, slow, plan) = (api(4, 10), api(1, 3), plan(p95(60), 300.0));
    let rule = AbortRule::for_slo_limits(&plan.slo_limits);
    let rate = Rate::per_second(300.0);
    let measure = |stack: &SimulatedStack, purpose, seed| {
        let mut simulation = StackSimulation::new(stack, Seed::new(seed));
        {
            let load = StepLoad { rate, warm_up: plan.warm_up, hold: plan.hold, purpose };
            simulation.measure(stack, &load, &rule)
        }
    };
    let mut steps: Vec<StepResult> =
        (0..4).map(|seed| measure(&fast, StepPurpose::Refine, seed)).collect();
    let held = measure(&slow, StepPurpose::Confirm, 4);
    assert!(
        !Level::of(&[&held], &plan.slo_limits).seems_within(&plan.slo_limits),
        "the hold exceeds the limit"
    );
    steps.push(held);
    let together: Vec<&StepResult> = steps.iter().collect();
    assert!(
        Level::of(&together, &plan.slo_limits).seems_within(&plan.slo_limits),
        "all of it together does not exceed it"
    );
    assert!(!CapacitySearch::resume(plan, steps).interrupted().confirmed);
}

/// A step of four cores at 10 ms.
fn hold(rate: f64, used: f64, hit_ratio: Option<f64>, p95_ms: u64) -> StepResult {
    answered(rate, rate, used, hit_ratio, p95_ms)
}

fn answered(
    rate: f64,
    answered: f64,
    used: f64,
    hit_ratio: Option<f64>,
    p95_ms: u64,
) -> StepResult {
    let times = [(Nanos::from_millis(p95_ms / 2), 90), (Nanos::from_millis(p95_ms), 10)];
    let share = (answered / 100.0) as u64;
    let response = crate::Histogram::from_pairs(times.map(|(at, n)| (at, n * share)));
    let batch = crate::step::Batch { response, errors: 0, throttled: 0 };
    let used = crate::step::TierUse {
        tier: "api".to_owned(),
        cores_used: Some(used),
        ..Default::default()
    };
    StepResult {
        purpose: StepPurpose::Bracket,
        offered: Rate::per_second(rate),
        warm_up: Nanos::from_secs(2),
        duration: Nanos::from_secs(8),
        dispersion: 7.0,
        batches: vec![batch; 8],
        others: None,
        tiers: vec![used],
        hit_ratio,
        aborted: None,
        valid: true,
    }
}

#[test]
fn rate_beyond_full_cores_never_passes_however_short_its_hold() {
    let cores = vec![("api".to_owned(), 4.0)];
    let plan = SearchPlan { cores, ..plan(p95(100), 100.0) };
    let short = answered(450.0, 400.0, 4.0, None, 90);
    let steps = vec![hold(300.0, 3.0, None, 40), hold(400.0, 4.0, None, 50), short];
    let (pass, fail) = CapacitySearch::resume(plan.clone(), steps.clone()).bracket();
    assert_eq!((pass.map(Rate::get), fail.map(Rate::get)), (Some(400.0), Some(450.0)));
    // Without knowledge of the cores its figures are all there is.
    let blind = SearchPlan { cores: Vec::new(), ..plan };
    assert_eq!(CapacitySearch::resume(blind, steps).bracket().0.map(Rate::get), Some(450.0));
}

#[test]
fn service_that_does_with_less_the_busier_it_is_may_use_its_cores_up() {
    let cores = vec![("api".to_owned(), 4.0)];
    let plan = SearchPlan { cores, ..plan(p95(100), 100.0) };
    let steps =
        vec![hold(200.0, 3.0, None, 30), hold(300.0, 3.6, None, 40), hold(400.0, 3.9, None, 50)];
    assert_eq!(CapacitySearch::resume(plan, steps).bracket().0.map(Rate::get), Some(400.0));
}

#[test]
fn climb_goes_just_beyond_where_cores_would_be_full() {
    let cores = vec![("api".to_owned(), 4.0)];
    let plan = SearchPlan { cores, ..plan(p95(100), 100.0) };
    let search = CapacitySearch::resume(plan, vec![hold(300.0, 3.0, None, 40)]);
    let SearchAction::Measure { rate, .. } = search.next_action() else { panic!("a step") };
    assert!((rate.get() - 440.0).abs() < 1.0, "{rate}");
}

#[test]
fn failure_with_a_colder_cache_is_measured_again() {
    let cold = vec![hold(200.0, 2.0, Some(0.5), 40), hold(300.0, 3.0, Some(0.55), 150)];
    let plan = plan(p95(100), 100.0);
    assert_eq!(
        CapacitySearch::resume(plan.clone(), cold.clone()).bracket().1.map(Rate::get),
        Some(300.0)
    );
    let warmed = [cold, vec![hold(200.0, 1.5, Some(0.7), 30)]].concat();
    let search = CapacitySearch::resume(plan, warmed);
    assert_eq!(search.bracket().1, None);
    // Half-way to where it failed, not twice as much.
    let SearchAction::Measure { rate, .. } = search.next_action() else { panic!("a step") };
    assert!((rate.get() - 245.0).abs() < 1.0, "{rate}");
}

/// The claims of forty searches of a minute within p95 150 ms, as shares of the truth, in holds of four seconds.
fn claims_within_a_minute(service: SimulatedServiceTime) -> Vec<f64> {
    let stack = SimulatedStack {
        tiers: vec![SimulatedTier { service, ..api(2, 20).tiers.remove(0) }],
        rate_limit: None,
    };
    let truth = slo_max(&stack, &[p95(150)], 400_000, Seed::new(9)).expect("reachable").get();
    let plan = SearchPlan {
        hold: Nanos::from_secs(4),
        hold_max: Nanos::from_secs(15),
        warm_up: Nanos::from_secs(2),
        budget: Nanos::from_secs(60),
        ..plan(p95(150), 20.0)
    };
    let claim = |seed| {
        let (_, outcome) = run(&stack, &plan, seed);
        outcome.held.expect("something passed").rate.get() / truth
    };
    (0..40).map(claim).collect()
}

/// Goal: prove that a search which is given too little time still says about how much is carried.
/// Method: a minute leaves eight holds, two of them near the limit. The less chance there is in the service, the nearer.
#[test]
fn short_search_claims_too_little_rather_than_too_much() {
    let mean = Nanos::from_millis(20);
    let laws = [
        (SimulatedServiceTime::Exponential { mean }, 0.7),
        (SimulatedServiceTime::Constant { mean }, 0.8),
    ];
    for (law, least) in laws {
        let claims = claims_within_a_minute(law);
        let near = claims.iter().filter(|claim| (least..1.05).contains(*claim)).count();
        assert!(near >= 38, "{near} of 40, {law:?}: {claims:.2?}");
    }
}

fn with_purpose(purpose: StepPurpose, step: StepResult) -> StepResult {
    StepResult { purpose, ..step }
}

/// What `steps` say to `plan`, with a claim of 400/s.
fn claiming<T>(
    plan: &SearchPlan,
    steps: &[StepResult],
    ask: impl Fn(&SearchEvidence<'_>) -> T,
) -> T {
    let levels = levels(steps, &plan.slo_limits, &plan.cores);
    let mut seen = SearchEvidence::of(plan, steps, &levels, 20);
    seen.claim = Some(Rate::per_second(400.0));
    ask(&seen)
}

/// Goal: prove that a failure which did not show is given more time, and all there is where it does not do for both.
#[test]
fn failure_above_is_held_longer_where_it_did_not_show() {
    let plan = plan(p95(100), 100.0);
    let mut steps = vec![with_purpose(StepPurpose::Confirm, hold(400.0, 3.0, None, 60))];
    let wanted = |plan: &SearchPlan, steps: &[StepResult]| {
        claiming(plan, steps, |seen| seen.breach_hold(440.0))
    };
    assert_eq!(wanted(&plan, &steps), Nanos::from_secs(60));
    let short = SearchPlan { budget: Nanos::from_secs(200), ..plan.clone() };
    assert_eq!(wanted(&short, &steps), Nanos::from_secs(180));
    steps.push(with_purpose(StepPurpose::Breach, hold(440.0, 3.3, None, 90)));
    assert_eq!(wanted(&plan, &steps), Nanos::from_secs(180));
}

#[test]
fn failure_is_looked_for_once_less_than_the_gap_above_the_claim() {
    let plan = plan(p95(100), 100.0);
    let mut steps = vec![
        with_purpose(StepPurpose::Confirm, hold(400.0, 3.0, None, 60)),
        with_purpose(StepPurpose::Breach, hold(440.0, 3.3, None, 300)),
    ];
    let nearer = |steps: &[StepResult]| {
        claiming(&plan, steps, |seen| seen.nearer_failure().filter(|rate| rate.is_finite()))
    };
    let found = nearer(&steps).expect("10 % is further than the gap");
    assert!(found > 400.0 && found < 420.0, "{found}");
    steps.push(with_purpose(StepPurpose::Refine, hold(418.0, 3.1, None, 70)));
    assert_eq!(nearer(&steps), None, "it was tried");
}

/// Goal: prove that time spent in overload does not make a line through lower rates believed beyond it.
/// Method: the line through three steps reaches the limit at 440/s; at 430/s a third is not answered, for 200 s.
#[test]
fn curve_is_not_believed_beyond_a_rate_that_overloads() {
    let plan = plan(p95(100), 100.0);
    let mut drowned = answered(430.0, 300.0, 4.0, None, 900);
    (drowned.duration, drowned.batches) =
        (Nanos::from_secs(200), vec![drowned.batches[0].clone(); 200]);
    let mut steps =
        vec![hold(200.0, 2.0, None, 40), hold(300.0, 3.0, None, 54), hold(400.0, 3.9, None, 80)];
    let crossing = |steps: &[StepResult]| {
        claiming(&plan, steps, |seen| seen.crossing.map(|crossing| crossing.rate.value))
    };
    let alone = crossing(&steps).expect("a line");
    assert!(alone > 430.0, "{alone}");
    steps.push(drowned);
    let found = crossing(&steps).expect("between what passes and what drowns");
    assert!(found < 430.0, "{found}");
}

/// Goal: prove that holds which each leave it open show a failure together.
/// Method: three rates more than 4 % above the claim, each above the limit by less than its own scatter tells.
#[test]
fn what_fails_at_lower_rates_fails_all_the_more_above_them() {
    let plan = plan(p95(100), 100.0);
    let uneven = |rate: f64, times: [u64; 8]| {
        let mut step = hold(rate, 3.0, None, 100);
        for (batch, p95_ms) in step.batches.iter_mut().zip(times) {
            *batch = hold(rate, 3.0, None, p95_ms).batches[0].clone();
        }
        step
    };
    let steps = vec![
        with_purpose(StepPurpose::Confirm, hold(400.0, 3.0, None, 60)),
        uneven(420.0, [130, 70, 135, 130, 140, 130, 130, 135]),
        uneven(430.0, [135, 130, 70, 130, 140, 135, 130, 130]),
        uneven(440.0, [70, 130, 140, 135, 80, 130, 140, 135]),
    ];
    let shown = |steps: &[StepResult]| {
        claiming(&plan, steps, |seen| {
            let level = seen.levels.last().expect("measured");
            (level.shows_failure(&plan.slo_limits), seen.fails_at(level, 400.0))
        })
    };
    assert_eq!(shown(&steps), (false, true));
}

/// A hold at 400/s whose eight batches have p95s of so many milliseconds.
fn moving(p95s_ms: [u64; 8]) -> StepResult {
    let batches = p95s_ms.iter().map(|p95_ms| hold(400.0, 3.0, None, *p95_ms).batches[0].clone());
    StepResult { batches: batches.collect(), ..hold(400.0, 3.0, None, 60) }
}

#[test]
fn hold_in_which_times_fall_is_at_rest_for_a_claim_and_one_in_which_they_rise_is_not() {
    let rising = [20, 25, 30, 40, 50, 60, 70, 80];
    let mut falling = rising;
    falling.reverse();
    let at_rest = |p95s_ms| crate::model::is_at_rest(&moving(p95s_ms), &[p95(100)]);
    assert_eq!([at_rest(rising), at_rest(falling), at_rest([60; 8])], [false, true, true]);
}
