//! The simulation against exact queueing theory.

use super::*;
use crate::queueing::Mmc;

fn one_tier(replicas: u32, cores: u32, service: Nanos) -> SimulatedStack {
    SimulatedStack {
        tiers: vec![SimulatedTier::cores("api", replicas, cores, service)],
        rate_limit: None,
    }
}

fn play(stack: &SimulatedStack, rate: f64, seconds: u64) -> SimulatedWindow {
    let mut simulation = StackSimulation::new(stack, Seed::new(7));
    simulation.set_rate(Rate::per_second(rate));
    simulation.advance(Nanos::from_secs(seconds / 20));
    simulation.advance(Nanos::from_secs(seconds))
}

fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted, "{found} is not {wanted}");
}

#[test]
fn des_of_one_tier_equals_mmc() {
    let window = play(&one_tier(1, 4, Nanos::from_millis(10)), 320.0, 500);
    let exact = Mmc { arrivals: 320.0, service: 100.0, servers: 4 };
    close(window.response.mean(), exact.response_mean(), 0.02);
    close(window.response.quantile(0.95), exact.response_quantile(0.95), 0.03);
    close(window.tiers[0].cores_used, 3.2, 0.01);
}

#[test]
fn des_obeys_littles_law() {
    let window = play(&one_tier(3, 2, Nanos::from_millis(20)), 200.0, 300);
    let completed = window.response.count() as f64 / window.duration.as_secs_f64();
    close(window.tiers[0].in_flight, completed * window.response.mean(), 0.01);
}

#[test]
fn des_of_random_balancing_equals_separate_queues() {
    let mut stack = one_tier(2, 1, Nanos::from_millis(10));
    stack.tiers[0].balancing = SimulatedBalancing::Random;
    let exact = Mmc { arrivals: 70.0, service: 100.0, servers: 1 };
    close(play(&stack, 140.0, 2_000).response.mean(), exact.response_mean(), 0.03);
}

#[test]
fn des_pool_of_one_connection_is_a_single_server() {
    let mut stack = one_tier(1, 4, Nanos::from_micros(1));
    stack.tiers[0].pool = Some(1);
    stack.tiers.push(SimulatedTier::cores("db", 1, 4, Nanos::from_millis(10)));
    let exact = Mmc { arrivals: 70.0, service: 100.0, servers: 1 };
    let window = play(&stack, 70.0, 4_000);
    close(window.response.mean(), exact.response_mean(), 0.04);
    close(window.tiers[0].connections, 0.7, 0.02);
}

#[test]
fn des_lock_is_shared_by_all_replicas() {
    let mut stack = one_tier(4, 4, Nanos::from_micros(1));
    stack.tiers[0].lock = Some(SimulatedServiceTime::Exponential { mean: Nanos::from_millis(10) });
    let exact = Mmc { arrivals: 60.0, service: 100.0, servers: 1 };
    close(play(&stack, 60.0, 4_000).response.mean(), exact.response_mean(), 0.03);
}

#[test]
fn des_rate_limit_refuses_what_is_above_it() {
    let mut stack = one_tier(1, 4, Nanos::from_millis(1));
    stack.rate_limit = Some(SimulatedRateLimit { rate: Rate::per_second(50.0), burst: 20 });
    let window = play(&stack, 200.0, 600);
    close(window.throttled as f64, 150.0 * 600.0, 0.02);
    close(window.response.count() as f64, 50.0 * 600.0, 0.01);
}

#[test]
fn des_repeats_itself_with_the_same_seed() {
    let stack = one_tier(3, 2, Nanos::from_millis(20));
    assert_eq!(play(&stack, 250.0, 20), play(&stack, 250.0, 20));
}

#[test]
fn des_loses_and_gains_replicas_but_never_the_last() {
    let mut simulation = StackSimulation::new(&one_tier(2, 1, Nanos::from_millis(5)), Seed::new(1));
    simulation.lose_replica(0);
    simulation.lose_replica(0);
    assert_eq!(simulation.serving(0), 1);
    simulation.add_replica(0);
    assert_eq!(simulation.serving(0), 2);
}

#[test]
fn des_stage_has_as_many_arrivals_as_its_rate_asks_for_spread_over_all_of_it() {
    for seed in 0..20 {
        let stack = one_tier(1, 8, Nanos::from_millis(1));
        let mut simulation = StackSimulation::new(&stack, Seed::new(seed));
        simulation.set_stage(Rate::per_second(50.0), Nanos::from_secs(40));
        let halves = [20, 20].map(|span| simulation.advance(Nanos::from_secs(span)).arrivals);
        assert_eq!(halves.iter().sum::<u64>(), 2_000);
        // A binomial law: five of its standard deviations.
        assert!(halves[0].abs_diff(1_000) <= 112, "{halves:?}");
        assert_eq!(simulation.advance(Nanos::from_secs(20)).arrivals, 0);
    }
}
