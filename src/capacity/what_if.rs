//! What if: a change in a line of words, played on a simulation of the fitted model.
//!
//! Losing a replica at the peak, or a climb that is steeper than new replicas can come, are answered by no
//! formula. The model is played instead, in virtual time, and judged by the same objectives.

use std::fmt::Write as _;

use super::Histogram;
use super::autoscaler::{AutoscaledStack, Ramp, ScaleOut};
use super::des::{SimulatedWindow, StackSimulation};
use super::model::CapacityModel;
use super::slo_limits::SloLimit;
use super::stack::{Deployment, ScalingSignal, StackModel};
use plimsoll_units::{Nanos, Rate, RateUnit, Seed, WorkRate};

/// A change to the deployment or to what happens to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackChange {
    /// `api=4`: replicas by tier.
    pub replicas: Vec<(String, u32)>,
    /// `peak=1000 req/s`: what arrives; the planned peak if not given.
    pub peak: Option<WorkRate>,
    /// `lose=1`: so many replicas are lost half-way, of the tier named last, or of the one that scales out.
    pub lose: u32,
    /// `ramp=30m`: the longest climb to the peak that is tried, to find the steepest that survives.
    pub ramp: Option<Nanos>,
}

/// Why a change cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A word that is none.
    #[error("`{word}` is not a change; say for example `api=4 peak=1000 req/s lose=1`")]
    Word {
        /// The word.
        word: String,
    },
    /// A tier that the stack does not have.
    #[error("no tier is called `{tier}`; known here: {known}")]
    Tier {
        /// The name.
        tier: String,
        /// The tiers.
        known: String,
    },
    /// A value that cannot be read.
    #[error("`{key}={value}`: {why}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// No rate to play.
    #[error("no peak is known; say `peak=1000 req/s`")]
    NoPeak,
    /// Nothing left.
    #[error("`{tier}` has {replicas} replicas, so {lose} cannot be lost")]
    NoneLeft {
        /// The tier.
        tier: String,
        /// Its replicas.
        replicas: u32,
        /// How many were to be lost.
        lose: u32,
    },
}

impl StackChange {
    /// Reads `api=4 peak=1000 req/s lose=1 ramp=30m`, in any order, for `stack`.
    ///
    /// # Errors
    /// Words, tiers and values that mean nothing here.
    pub fn parse(text: &str, stack: &StackModel) -> Result<Self, ChangeError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for word in text.split_whitespace() {
            match (word.split_once('='), pairs.last_mut()) {
                (Some((key, value)), _) => pairs.push((key.to_owned(), value.to_owned())),
                // The unit of a rate may stand apart.
                (None, Some((_, value))) => *value = format!("{value} {word}"),
                (None, None) => return Err(ChangeError::Word { word: word.to_owned() }),
            }
        }
        let mut change = Self::default();
        for (key, value) in pairs {
            change.set(&key, &value, stack)?;
        }
        Ok(change)
    }

    fn set(&mut self, key: &str, value: &str, stack: &StackModel) -> Result<(), ChangeError> {
        let wrong = |why: String| ChangeError::Value { key: key.into(), value: value.into(), why };
        let count = |least: u32| match value.parse::<u32>() {
            Ok(count) if count >= least => Ok(count),
            _ => Err(wrong(format!("expected a whole number of at least {least}"))),
        };
        match key {
            "peak" => self.peak = Some(value.parse().map_err(|e| wrong(format!("{e}")))?),
            "ramp" => self.ramp = Some(value.parse().map_err(|e| wrong(format!("{e}")))?),
            "lose" => self.lose = count(1)?,
            tier if stack.tiers.iter().any(|known| known.name == tier) => {
                self.replicas.push((tier.to_owned(), count(1)?));
            }
            tier => {
                let known: Vec<&str> = stack.tiers.iter().map(|tier| tier.name.as_str()).collect();
                return Err(ChangeError::Tier { tier: tier.to_owned(), known: known.join(", ") });
            }
        }
        Ok(())
    }

    fn deployment(&self, stack: &StackModel) -> Deployment {
        let mut deployment = stack.present();
        for (tier, deployed) in stack.tiers.iter().zip(&mut deployment) {
            let describe_window = self.replicas.iter().rfind(|(name, _)| *name == tier.name);
            deployed.replicas =
                describe_window.map_or(deployed.replicas, |(_, replicas)| *replicas);
        }
        deployment
    }

    /// The tier that loses replicas.
    fn loser(&self, stack: &StackModel) -> usize {
        let named = self.replicas.last().map(|(name, _)| name);
        let found = match named {
            Some(name) => stack.tiers.iter().position(|tier| tier.name == *name),
            None => stack.tiers.iter().position(|tier| tier.replicas_max > 1),
        };
        found.unwrap_or(0)
    }
}

/// How long each half is played, and how long the first has to settle before.
const HALF: Nanos = Nanos::from_secs(120);
const SETTLE: Nanos = Nanos::from_secs(20);

/// What changes are played on.
#[derive(Debug, Clone, Copy)]
pub struct WhatIf<'a> {
    /// The stack as learnt from a search.
    pub model: &'a CapacityModel,
    /// The stack as deployed then.
    pub stack: &'a StackModel,
    /// The peak that is planned for, requests per second, where a change names none.
    pub planned: Option<Rate>,
    /// Requests that one iteration makes on average.
    pub requests_per_iteration: f64,
    /// For arrivals and services.
    pub seed: Seed,
}

impl WhatIf<'_> {
    /// Plays `change`, and says what users would see.
    ///
    /// # Errors
    /// Where there is no peak, or more is lost than there is.
    pub fn play(&self, change: &StackChange) -> Result<String, ChangeError> {
        let Self { model, stack, planned, requests_per_iteration, seed } = *self;
        let asked = change.peak.map(|peak| match peak.unit {
            RateUnit::Requests => peak.rate,
            RateUnit::Iterations => peak.rate.times(requests_per_iteration),
        });
        let peak = asked.or(planned).ok_or(ChangeError::NoPeak)?;
        let deployment = change.deployment(stack);
        let loser = change.loser(stack);
        let replicas = deployment.get(loser).map_or(0, |deployed| deployed.replicas);
        if change.lose >= replicas && change.lose > 0 {
            let tier = stack.tiers[loser].name.clone();
            return Err(ChangeError::NoneLeft { tier, replicas, lose: change.lose });
        }
        let played = model.simulated(&deployment);
        let mut simulation = StackSimulation::new(&played, seed);
        simulation.set_rate(peak);
        simulation.advance(SETTLE);
        let mut text = format!("{peak} req/s on {}, simulated\n", words(stack, &deployment));
        let window = simulation.advance(HALF);
        describe_window(&mut text, "as deployed", &window, model, &deployment);
        if change.lose > 0 {
            for _ in 0..change.lose {
                simulation.lose_replica(loser);
            }
            let mut left = deployment.clone();
            left[loser].replicas -= change.lose;
            let window = simulation.advance(HALF);
            let name = format!("{} of {} lost", change.lose, stack.tiers[loser].name);
            describe_window(&mut text, &name, &window, model, &left);
        }
        if let Some(longest) = change.ramp {
            text.push_str(&self.climb(&deployment, peak, longest));
        }
        Ok(text)
    }

    /// The steepest climb from half the peak that the first autoscaled tier survives.
    fn climb(&self, deployment: &Deployment, peak: Rate, longest: Nanos) -> String {
        let Self { model, stack, seed, .. } = *self;
        let rule = stack.signals.iter().find_map(|signal| match signal {
            ScalingSignal::Cpu { tier: Some(tier), above, lasting } => {
                let index = stack.tiers.iter().position(|known| known.name == *tier)?;
                let tier = &stack.tiers[index];
                Some(ScaleOut {
                    tier: index,
                    above: *above,
                    lasting: *lasting,
                    lag: tier.delay?,
                    replicas_max: tier.replicas_max,
                })
            }
            _ => None,
        });
        let Some(rule) = rule else {
            return "  no autoscaler: a CPU signal of a tier and its `scale: { out: { delay } }` make one\n"
            .to_owned();
        };
        let ramp = Ramp { from: peak.times(0.5), to: peak, over: longest };
        let stack_now = model.simulated(deployment);
        let slo_limits = &model.slo_limits;
        let autoscaled = AutoscaledStack { stack: &stack_now, rule: &rule, slo_limits, seed };
        match autoscaled.steepest_ramp(&ramp) {
            Some(over) => {
                let slope =
                    (ramp.to.get() - ramp.from.get()) / (over.as_secs_f64() / 60.0).max(0.5);
                format!(
                    "  the steepest climb from {} to {} req/s that survives takes {over}: {slope:.1} req/s a \
                 minute, while {} scales at {} for {} and a replica serves after {}\n",
                    ramp.from,
                    ramp.to,
                    stack.tiers[rule.tier].name,
                    rule.above,
                    rule.lasting,
                    rule.lag
                )
            }
            None => format!(
                "  no climb from {} to {} req/s within {longest} survives\n",
                ramp.from, ramp.to
            ),
        }
    }
}

fn words(stack: &StackModel, deployment: &Deployment) -> String {
    let tiers = stack.tiers.iter().zip(deployment);
    let tiers = tiers.map(|(tier, deployed)| format!("{} {}", tier.name, deployed.replicas));
    tiers.collect::<Vec<_>>().join(", ")
}

fn describe_window(
    text: &mut String,
    name: &str,
    window: &SimulatedWindow,
    model: &CapacityModel,
    deployment: &Deployment,
) {
    let response = &window.response;
    let within = |slo_limit: &SloLimit| match slo_limit.limit() {
        Some(limit) => slo_limit.measure(response) <= limit,
        None => true,
    };
    let verdict =
        if model.slo_limits.iter().all(within) { "within" } else { "exceeds the objectives" };
    let _ = writeln!(
        text,
        "  {name:<16} p95 {:>8}  p99 {:>8}  in flight {:>6}  {verdict}",
        ms(response, 0.95),
        ms(response, 0.99),
        window.in_flight
    );
    for (index, (tier, deployed)) in model.tiers.iter().zip(deployment).enumerate() {
        let cores = f64::from(deployed.replicas) * deployed.cores;
        if tier.demand.is_some() {
            let share = 100.0 * window.tiers[index].cores_used / cores.max(1e-9);
            let _ = writeln!(text, "    {:<14} CPU {share:>3.0} %", tier.name);
        }
    }
}

fn ms(response: &Histogram, p: f64) -> String {
    match response.count() {
        0 => "n/a".to_owned(),
        _ => format!("{:.0} ms", 1e3 * response.quantile(p)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{CapacityTier, CapacityTierKind, ReplicaSize};
    use plimsoll_units::{Bytes, Money, Ratio};

    fn stack() -> StackModel {
        let api = CapacityTier {
            name: "api".to_owned(),
            kind: CapacityTierKind::Api,
            replicas: 2,
            replicas_max: 5,
            size: ReplicaSize { cores: 2.0, memory: Bytes::new(1), monthly_cost: Money::default() },
            sizes: Vec::new(),
            reserved_cores: Ratio::new(1.0),
            reserved_memory: Ratio::new(1.0),
            balancing: crate::des::SimulatedBalancing::LeastConnections,
            pools: Vec::new(),
            connections_max: None,
            delay: None,
            lock: None,
        };
        StackModel {
            name: "x".to_owned(),
            tiers: vec![api],
            rate_limit: None,
            signals: Vec::new(),
            quota: None,
            fixed_cost: Money::default(),
        }
    }

    #[test]
    fn change_reads_replicas_peak_with_its_unit_and_losses() {
        let change =
            StackChange::parse("api=4 peak=1000 req/s lose=1", &stack()).expect("readable");
        assert_eq!(change.replicas, [("api".to_owned(), 4)]);
        assert_eq!(change.peak.map(|peak| peak.to_string()), Some("1000 req/s".to_owned()));
        assert_eq!((change.lose, change.ramp), (1, None));
    }

    #[test]
    fn change_that_means_nothing_is_refused_with_what_is_known() {
        let said =
            |text: &str| StackChange::parse(text, &stack()).expect_err("refused").to_string();
        assert_eq!(said("web=3"), "no tier is called `web`; known here: api");
        assert_eq!(said("api=0"), "`api=0`: expected a whole number of at least 1");
        assert!(said("more").starts_with("`more` is not a change"));
        assert!(said("peak=1000/s").starts_with("`peak=1000/s`: "));
    }
}
