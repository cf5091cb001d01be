//! What a request costs a tier: robust regression, with the cache's hit ratio as a factor where it changed.
//!
//! A cache that fills during a search makes later steps cheaper than earlier ones. Without the hit ratio that
//! looks like a demand that falls with the rate, since a search measures low rates first.

use super::fitted::{CacheHits, CapacityModel, Demand, MemoryModel, PoolModel, TierModel};
use crate::regression::{Estimate, median, robust_line, student_t};
use crate::stack::{CapacityTier, CapacityTierKind};
use crate::step::{StepResult, TierUse};

/// Hit ratios that differ by more than this between steps are a factor of demand; demands that differ by more
/// between the highest rates and all of them drift with the load.
const DRIFT: f64 = 0.05;
/// The highest rates: from this share of the highest of all.
const HIGHEST: f64 = 0.7;
/// So many connections seen in use, readings of a second each, tell how long one is held with an error of 8 %.
const IN_USE_SEEN: f64 = 150.0;
/// Fewer steps cannot tell background, demand and misses apart.
const STEPS_FOR_HITS: usize = 5;

/// The hit ratio, where all steps know it and it changed. `latest` is that of the last steps in time.
pub(super) fn hits(steady: &[&StepResult], latest: Option<f64>) -> Option<CacheHits> {
    let known: Vec<f64> = steady.iter().filter_map(|step| step.hit_ratio).collect();
    let (lowest, highest) =
        known.iter().fold((1.0_f64, 0.0_f64), |(low, high), hit| (low.min(*hit), high.max(*hit)));
    let enough = known.len() == steady.len() && known.len() >= STEPS_FOR_HITS;
    (enough && highest - lowest > DRIFT)
        .then(|| CacheHits { lowest, latest: latest.unwrap_or(highest) })
}

/// The hit ratio of the last two steps in time.
pub(super) fn latest_hits(steps: &[StepResult]) -> Option<f64> {
    let known = steps.iter().rev().filter(|step| step.valid && step.aborted.is_none());
    let last: Vec<f64> = known.filter_map(|step| step.hit_ratio).take(2).collect();
    (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64)
}

impl CapacityModel {
    /// The model for a cache that is as full as it was in the latest of `steps`: what it says of another deployment
    /// can be compared with what was measured there only if the caches hit alike.
    #[must_use]
    pub fn at_hits_of(&self, steps: &[StepResult]) -> Self {
        latest_hits(steps).map_or_else(|| self.clone(), |ratio| self.at_hits(ratio))
    }

    /// The model for a cache that is as empty as it was in the first of the steps.
    #[must_use]
    pub fn at_lowest_hits(&self) -> Self {
        self.hits.map_or_else(|| self.clone(), |hits| self.at_hits(hits.lowest))
    }

    fn at_hits(&self, ratio: f64) -> Self {
        let mut model = self.clone();
        let Some(hits) = model.hits.as_mut() else { return model };
        for demand in model.tiers.iter_mut().filter_map(|tier| tier.demand.as_mut()) {
            let more = demand.per_miss * (hits.latest - ratio);
            let Estimate { value, low, high } = demand.seconds;
            let moved = Estimate { value: value + more, low: low + more, high: high + more };
            demand.seconds = floored(moved);
        }
        hits.latest = ratio;
        model
    }
}

pub(super) fn tier_model(
    tier: &CapacityTier,
    steady: &[&StepResult],
    hits: Option<CacheHits>,
) -> TierModel {
    let points = |of: &dyn Fn(&TierUse) -> Option<f64>| -> Vec<(f64, f64)> {
        let used = steady
            .iter()
            .filter_map(|step| Some((step.achieved().get(), of(step.tier(&tier.name)?)?)));
        used.collect()
    };
    let replicas = f64::from(tier.replicas);
    let memory =
        robust_line(&points(&|used| Some(used.memory?.get() as f64))).map(|line| MemoryModel {
            base: line.intercept / replicas,
            per_rate: if line.slope.low > 0.0 { line.slope.value } else { 0.0 },
        });
    let pools = tier.pools.iter().filter_map(|pool| {
        let (to, limit) = (pool.to.clone(), pool.connections);
        Some(PoolModel { hold: held_for(&tier.name, &to, steady)?, to, limit })
    });
    let demand = match hits {
        _ if tier.kind == CapacityTierKind::External => None,
        Some(hits) => with_hits(tier, steady, hits)
            .or_else(|| without_hits(&points(&|used| used.cores_used), replicas)),
        None => without_hits(&points(&|used| used.cores_used), replicas),
    };
    TierModel {
        name: tier.name.clone(),
        kind: tier.kind,
        balancing: tier.balancing,
        demand,
        pools: pools.collect(),
        memory,
    }
}

/// How long a request of `tier` holds a connection to `to`, by Little's law: from the lowest of the steps, which show
/// it when nothing behind waits. A third of them, or as many as it takes to know it.
///
/// A pool's use is read at moments, once a second. Connections in use at a moment are Poisson as long as none is
/// waited for (M/G/∞), so n readings of u on average tell u with a relative error of 1/√(n·u): six at 20 requests a
/// second of 15 ms are wrong by three quarters.
fn held_for(tier: &str, to: &str, steady: &[&StepResult]) -> Option<f64> {
    let known = steady.iter().filter_map(|step| {
        let seconds = step.duration.as_secs_f64();
        let used = step.tier(tier)?.connections.get(to)?;
        Some([used * seconds, step.achieved().get() * seconds])
    });
    let known: Vec<[f64; 2]> = known.collect();
    let least = 3.max(known.len() / 3);
    let (mut used, mut requests) = (0.0, 0.0);
    for (index, step) in known.iter().enumerate() {
        if index >= least && used >= IN_USE_SEEN {
            break;
        }
        used += step[0];
        requests += step[1];
    }
    (used > 0.0).then(|| used / requests)
}

fn without_hits(cores: &[(f64, f64)], replicas: f64) -> Option<Demand> {
    let line = robust_line(cores)?;
    let background = line.intercept.max(0.0);
    let seconds = drifted(cores, background, floored(line.slope));
    Some(Demand { seconds, per_miss: 0.0, background: background / replicas })
}

/// The demand at the highest rates, where it drifts with the load for a reason that nothing observes: there the
/// limit is, and there predictions begin.
fn drifted(cores: &[(f64, f64)], background: f64, slope: Estimate) -> Estimate {
    let highest = cores.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
    let top = cores.iter().filter(|(rate, _)| *rate >= HIGHEST * highest);
    let (used, rates, count) = top.fold((0.0, 0.0, 0), |(used, rates, count), (rate, cores)| {
        (used + cores - background, rates + rate, count + 1)
    });
    let demand = used / rates;
    if count < 2 || demand <= 0.0 || (demand / slope.value - 1.0).abs() <= DRIFT {
        return slope;
    }
    // What is left open about the slope is left open about the demand, too, and half of the drift.
    let half = (demand - slope.value).abs() / 2.0;
    let reach = ((slope.high - slope.low) / 2.0).hypot(half).min(demand);
    Estimate { value: demand, low: demand - reach, high: demand + reach }
}

fn floored(slope: Estimate) -> Estimate {
    let at_least = |value: f64| value.max(0.0);
    Estimate { value: at_least(slope.value), low: at_least(slope.low), high: at_least(slope.high) }
}

/// One step: what makes cores work, and how many do.
struct DemandRow {
    /// 1, the rate, and the rate of misses.
    causes: [f64; 3],
    cores: f64,
    /// One over its variance, up to a factor.
    weight: f64,
}

/// cores = b + X·(D + E·m) with the share m of misses; b, D and E are at least zero, as work is. Chance in the
/// number and kind of requests makes the variance of `cores` grow with the rate and fall with the time, so steps
/// weigh by duration over rate, and less if they lie off (Huber).
fn with_hits(tier: &CapacityTier, steady: &[&StepResult], hits: CacheHits) -> Option<Demand> {
    let row = |step: &&StepResult| {
        let (rate, misses) = (step.achieved().get(), 1.0 - step.hit_ratio?);
        let cores = step.tier(&tier.name)?.cores_used?;
        let weight = step.duration.as_secs_f64() / rate.max(1e-9);
        Some(DemandRow { causes: [1.0, rate, rate * misses], cores, weight })
    };
    let mut rows: Vec<DemandRow> = steady.iter().filter_map(row).collect();
    if rows.len() < STEPS_FOR_HITS {
        return None;
    }
    let own: Vec<f64> = rows.iter().map(|row| row.weight).collect();
    let mut found = least_squares(&rows)?;
    for _ in 0..20 {
        let off: Vec<f64> = rows
            .iter()
            .zip(&own)
            .map(|(row, weight)| found.residual(row).abs() * weight.sqrt())
            .collect();
        let mut sorted = off.clone();
        sorted.sort_by(f64::total_cmp);
        let scale = 1.4826 * median(&mut sorted[3..]);
        for ((row, own), off) in rows.iter_mut().zip(&own).zip(&off) {
            row.weight = if *off <= 1.345 * scale { *own } else { own * 1.345 * scale / off };
        }
        found = least_squares(&rows)?;
    }
    let [background, always, per_miss] = found.factors;
    let misses = 1.0 - hits.latest;
    let value = always + per_miss * misses;
    let freedom = rows.len() as f64 - 3.0;
    let square: f64 = rows.iter().map(|row| row.weight * found.residual(row).powi(2)).sum();
    let variance = found.variance_of([0.0, 1.0, misses]) * square / freedom.max(1.0);
    let reach = (student_t(0.975, freedom) * variance.sqrt()).min(value);
    let seconds = Estimate { value, low: value - reach, high: value + reach };
    Some(Demand { seconds, per_miss, background: background / f64::from(tier.replicas) })
}

/// A solution of the normal equations, and their inverse (with zeros for causes that were left out).
struct Solution {
    factors: [f64; 3],
    inverse: [[f64; 3]; 3],
    misfit: f64,
}

impl Solution {
    fn residual(&self, row: &DemandRow) -> f64 {
        let told: f64 = self.factors.iter().zip(row.causes).map(|(f, cause)| f * cause).sum();
        row.cores - told
    }

    fn variance_of(&self, of: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        for (row, a) in self.inverse.iter().zip(of) {
            sum += row.iter().zip(of).map(|(cell, b)| a * cell * b).sum::<f64>();
        }
        sum.max(0.0)
    }
}

/// Weighted least squares with no factor below zero: the best of all subsets of causes whose solution has none.
fn least_squares(rows: &[DemandRow]) -> Option<Solution> {
    let subsets =
        [[true, true, true], [false, true, true], [true, true, false], [false, true, false]];
    let solved = subsets.into_iter().filter_map(|causes| solve(rows, causes));
    let allowed = solved.filter(|found| found.factors.iter().all(|factor| *factor >= 0.0));
    allowed.min_by(|a, b| a.misfit.total_cmp(&b.misfit))
}

fn solve(rows: &[DemandRow], used: [bool; 3]) -> Option<Solution> {
    let (mut normal, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for row in rows {
        for i in 0..3 {
            right[i] += row.weight * row.causes[i] * row.cores;
            for (cell, cause) in normal[i].iter_mut().zip(row.causes) {
                *cell += row.weight * row.causes[i] * cause;
            }
        }
    }
    for (index, used) in used.into_iter().enumerate() {
        if !used {
            (0..3).for_each(|other| (normal[index][other], normal[other][index]) = (0.0, 0.0));
            (normal[index][index], right[index]) = (1.0, 0.0);
        }
    }
    let mut inverse = inverse(normal)?;
    let mut factors = [0.0; 3];
    for i in 0..3 {
        factors[i] = (0..3).map(|j| inverse[i][j] * right[j]).sum();
        if !used[i] {
            inverse[i][i] = 0.0;
        }
    }
    let mut found = Solution { factors, inverse, misfit: 0.0 };
    found.misfit = rows.iter().map(|row| row.weight * found.residual(row).powi(2)).sum();
    Some(found)
}

/// By cofactors; `None` where the causes cannot be told apart.
fn inverse(m: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    let scale = m[0][0] * m[1][1] * m[2][2];
    (determinant.abs() > 1e-9 * scale.abs()).then(|| {
        let mut inverse = [[0.0; 3]; 3];
        for (r, row) in inverse.iter_mut().enumerate() {
            for (c, cell) in row.iter_mut().enumerate() {
                *cell = minor(c, r) / determinant;
            }
        }
        inverse
    })
}
