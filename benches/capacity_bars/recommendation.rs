//! What to buy, against the best deployment there is, and against what other searches of the same stack recommend.

use plimsoll::capacity::choice::{self, DeploymentChoice, RequiredCapacity};
use plimsoll::capacity::des::SimulatedStack;
use plimsoll::capacity::model::CapacityModel;
use plimsoll::capacity::stack::{ScalingSignal, StackModel, StackQuota};
use plimsoll::units::{Nanos, RandomStream, Rate, Ratio, Seed};
use rand::RngExt;

use super::brute_force::{brute_force, is_legal};
use super::{Asked, cores, described, plan, quantile, search, stack};

/// One stack of two tiers, what its file says, and what it has to carry as a share of what it does.
fn to_scale(asked: &Asked, index: u64) -> (SimulatedStack, StackModel, f64) {
    let mut random = Seed::new(77 + asked.seed).stream(RandomStream::Simulator, index);
    let mut draw = |low: f64, high: f64| low + (high - low) * random.random::<f64>();
    let api_us = draw(6_000.0, 20_000.0) as u64;
    let now = stack(vec![
        cores("api", 2, 2, api_us),
        cores("db", 1, 4, (api_us as f64 * draw(0.2, 0.6)) as u64),
    ]);
    let mut described = described(&now);
    if index.is_multiple_of(2) {
        described.signals = vec![ScalingSignal::Cpu {
            tier: None,
            above: Ratio::new(0.7),
            lasting: Nanos::from_secs(120),
        }];
    }
    if index % 4 == 1 {
        described.quota = Some(StackQuota { cores: Some(24.0), ..StackQuota::default() });
    }
    (now, described, draw(1.1, 4.0))
}

/// What a search with `seed` recommends; the peak follows from what it found unless one is given.
fn recommended(
    (now, described, share): &(SimulatedStack, StackModel, f64),
    (index, seed): (u64, u64),
    peak: Option<Rate>,
) -> (DeploymentChoice, RequiredCapacity) {
    let slo_limit = quantile(0.95, 200);
    let (steps, outcome) = search(now, plan(slo_limit, 20.0, seed), seed);
    let model =
        CapacityModel::fit(described, &[slo_limit], &steps, outcome.rate_limit()).expect("steps");
    let found = outcome.slo_max.expect("passed").value;
    let need = RequiredCapacity {
        peak: peak.unwrap_or(Rate::per_second(found * share)),
        growth: Ratio::new(0.0),
        confidence: Ratio::new(0.95),
        n_plus_1: index % 3 != 0,
        seed: Seed::new(seed),
    };
    (choice::choose(&model, described, &outcome, &need), need)
}

/// The costs that a recommendation names as tied; `None` among them where nothing would do.
fn tied(chosen: &DeploymentChoice) -> Vec<Option<f64>> {
    let tie = chosen.recommendation.tie.as_ref();
    tie.map_or_else(Vec::new, |tie| tie.others.iter().map(|other| other.monthly_cost).collect())
}

/// The cheapest deployment that is found by playing every one of them, against the recommended one; and what five
/// searches of one stack recommend.
pub(super) fn recommendation(asked: &Asked) {
    let (mut same, mut told, mut ties, mut all, mut broken, mut dearer) = (0, 0, 0, 0, 0, 0.0);
    for index in 0..40 {
        let case = to_scale(asked, index);
        let (chosen, need) = recommended(&case, (index, index + 1_000 * asked.seed), None);
        let (now, described, _) = &case;
        let truth = brute_force(now, described, quantile(0.95, 200), &need);
        let cost = |deployment: &Option<_>| {
            deployment.as_ref().map(|d: &Vec<_>| described.monthly_cost(d).dollars())
        };
        let (ours, best) = (cost(&chosen.deployment), cost(&truth));
        let legal = chosen.deployment.as_ref().is_none_or(|d| is_legal(described, d));
        broken += usize::from(!legal);
        same += usize::from(ours == best);
        let others = tied(&chosen);
        ties += usize::from(!others.is_empty());
        told += usize::from(ours != best && others.contains(&best));
        all += 1;
        if let (Some(ours), Some(best)) = (ours, best) {
            dearer += ours / best - 1.0;
        }
        if ours != best {
            println!(
                "case {index}: recommended {ours:?}, best {best:?}, tied {others:?}, need {}",
                need.rate()
            );
        }
    }
    println!(
        "equal {same} of {all}, else told as a tie {told}; ties told {ties}, breaking a limit {broken}, mean extra cost \
         {:.1} %",
        100.0 * dearer / f64::from(all)
    );
    repeated(asked);
}

/// Sixteen stacks, five searches each, for the same peak.
fn repeated(asked: &Asked) {
    let (mut same, mut told) = (0, 0);
    for index in 0..16 {
        let case = to_scale(asked, index);
        let (first, need) = recommended(&case, (index, index), None);
        let seeds = (1..5).map(|run| 100 * run + index + 1_000 * asked.seed);
        let more = seeds.map(|seed| recommended(&case, (index, seed), Some(need.peak)).0);
        let found: Vec<DeploymentChoice> = std::iter::once(first).chain(more).collect();
        // In cents, so that they can be compared.
        let cents = |dollars: f64| (100.0 * dollars).round() as u64;
        let cost = |chosen: &DeploymentChoice| cents(chosen.recommendation.monthly_cost);
        let tied = |chosen: &DeploymentChoice| -> Vec<u64> {
            tied(chosen).into_iter().flatten().map(cents).collect()
        };
        let is_same = found.iter().all(|one| cost(one) == cost(&found[0]));
        // Every search names what any other recommends.
        let names = |one: &DeploymentChoice, other: &DeploymentChoice| {
            cost(one) == cost(other) || tied(one).contains(&cost(other))
        };
        let is_told = found.iter().all(|one| found.iter().all(|other| names(one, other)));
        same += usize::from(is_same);
        told += usize::from(!is_same && is_told);
        if !is_same && !is_told {
            let all: Vec<_> = found.iter().map(|one| (cost(one), tied(one))).collect();
            println!("case {index}: {all:?}");
        }
    }
    println!(
        "five searches of one stack recommend the same for {same} of 16, else told as a tie {told}"
    );
}
