//! Whether one deployment will do, and if not, why.

use std::fmt;

use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::required::{RequiredCapacity, kind};
use crate::model::{CapacityModel, Ceiling, CeilingResource};
use crate::option::{TiedDeployment, cost_per_million};
use crate::output::{OptionRow, OptionStatus, Recommendation, ScalingDirection, TierChoice};
use crate::search::SearchOutcome;
use crate::stack::{
    CapacityTier, CapacityTierKind, Deployment, ScalingSignal, StackModel, StackQuota,
    TierDeployment,
};
use plimsoll_units::{Bytes, RandomStream, Rate, Ratio};

const GIB: f64 = 1_073_741_824.0;
/// Draws of the Monte Carlo; 95 % are then told from 90 % (standard error 2 %).
const DRAWS: u64 = 128;
/// No model is surer than this of a rate, whatever its fit.
const RATE_ERROR_MIN: f64 = 0.01;

/// Why a deployment will not do.
#[derive(Debug, Clone, PartialEq)]
pub enum Rejection {
    /// It asks for more than the quota allows.
    Quota {
        /// `cores`, `memory` or `pods`.
        what: &'static str,
        /// What it asks for.
        asked: f64,
        /// What is allowed.
        allowed: f64,
    },
    /// Its pools open more connections than a tier accepts.
    Connections {
        /// The tier.
        tier: String,
        /// Connections of all pools.
        asked: u32,
        /// Connections accepted.
        allowed: u32,
    },
    /// A resource is full before the planned rate.
    Full {
        /// Which.
        ceiling: Ceiling,
    },
    /// A scaling signal would fire at the planned rate.
    Signal {
        /// The tier.
        tier: String,
        /// Its CPU at the planned rate.
        cpu: Ratio,
        /// The signal's threshold.
        above: Ratio,
    },
    /// An objective would be missed at the planned rate.
    TooSlow {
        /// The highest rate within every objective.
        slo_max: Rate,
    },
    /// It may well do, but not with the asked probability.
    Unsure {
        /// The probability.
        probability: Ratio,
    },
    /// It does not survive the loss of a replica.
    NoSpare {
        /// The tier that loses one.
        tier: String,
    },
    /// Something that is not for sale gives out first.
    Wall {
        /// What.
        ceiling: Ceiling,
    },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota { what, asked, allowed } => {
                write!(f, "needs {asked} {what}, the quota allows {allowed}")
            }
            Self::Connections { tier, asked, allowed } => {
                write!(f, "opens {asked} connections to {tier}, which accepts {allowed}")
            }
            Self::Full { ceiling } => {
                write!(f, "{} is full at {} req/s", name(ceiling), ceiling.rate)
            }
            Self::Signal { tier, cpu, above } => write!(
                f,
                "CPU of {tier} would be {:.0} %, above the signal of {above}",
                cpu.get() * 100.0
            ),
            Self::TooSlow { slo_max } => {
                write!(f, "meets the objectives only up to {slo_max} req/s")
            }
            Self::Unsure { probability } => {
                write!(f, "meets the objectives with {:.0} % only", probability.get() * 100.0)
            }
            Self::NoSpare { tier } => write!(f, "does not survive the loss of a replica of {tier}"),
            Self::Wall { ceiling } => write!(
                f,
                "{} is exhausted at {} req/s, and neither bigger nor more replicas widen it{}",
                name(ceiling),
                ceiling.rate,
                if ceiling.is_of_unknown_scope() { ", if all replicas share it" } else { "" }
            ),
        }
    }
}

fn name(ceiling: &Ceiling) -> String {
    let what = match ceiling.resource {
        CeilingResource::Cpu => "CPU",
        CeilingResource::Pool => "connection pool",
        CeilingResource::Memory => "memory",
        CeilingResource::RateLimit => return "the rate limit".to_owned(),
        CeilingResource::Lock if ceiling.is_for_sale() => "own lock of each replica",
        CeilingResource::Lock => "lock or other serial section",
        CeilingResource::External => "external service",
    };
    let to = ceiling.to.as_ref().map_or(String::new(), |to| format!(" to {to}"));
    if ceiling.tier.is_empty() {
        format!("a {what}")
    } else {
        format!("{what} of {}{to}", ceiling.tier)
    }
}

/// Everything that a deployment is checked against.
pub(super) struct DeploymentChecker<'a> {
    model: &'a CapacityModel,
    stack: &'a StackModel,
    need: &'a RequiredCapacity,
    rate: f64,
    /// Standard error of ln(rate) of the model's predictions.
    rate_error: f64,
}

impl<'a> DeploymentChecker<'a> {
    pub(super) fn new(
        model: &'a CapacityModel,
        stack: &'a StackModel,
        found: &SearchOutcome,
        need: &'a RequiredCapacity,
    ) -> Self {
        let measured = found.slo_max.map_or(RATE_ERROR_MIN, |slo_max| {
            let off = (model.slo_max(&model.present) / slo_max.value).ln().abs();
            let scatter = (slo_max.high / slo_max.low).ln() / (2.0 * 1.96);
            off.hypot(scatter).max(RATE_ERROR_MIN)
        });
        let rate_error = measured.min(0.2);
        Self { model, stack, need, rate: need.rate().get(), rate_error }
    }

    /// The same for so many times the planned rate.
    pub(super) fn at(&self, times: f64) -> Self {
        Self { rate: self.rate * times, ..*self }
    }

    /// The standard error of ln(rate) that a deployment carries.
    pub(super) fn standard_error(&self) -> f64 {
        self.rate_error.hypot(self.demand_error())
    }

    /// Why `deployment` will not do; `None` if it will. The cheap reasons come first.
    pub(super) fn reject(&self, deployment: &Deployment) -> Option<Rejection> {
        self.over_quota(deployment)
            .or_else(|| self.over_connections(deployment))
            .or_else(|| self.full(deployment))
            .or_else(|| self.signalled(deployment))
            .or_else(|| self.too_slow(deployment))
            .or_else(|| self.spoiled_by_a_loss(deployment))
            .or_else(|| self.unsure(deployment))
    }

    /// What no money widens and is too low for the need.
    pub(super) fn wall(&self) -> Option<Rejection> {
        let ceilings = self.model.ceilings(&self.stack.present());
        let too_low = |one: &Ceiling| !one.is_for_sale() && one.rate.get() < self.rate;
        ceilings.into_iter().find(too_low).map(|ceiling| Rejection::Wall { ceiling })
    }

    fn over_quota(&self, deployment: &Deployment) -> Option<Rejection> {
        let quota = self.stack.quota.as_ref()?;
        let counted: Vec<(&CapacityTier, f64, f64)> = self
            .stack
            .tiers
            .iter()
            .zip(deployment)
            .filter(|(tier, _)| counts(quota, &tier.name, tier.kind))
            .map(|(tier, deployed)| {
                let replicas = f64::from(deployed.replicas);
                (tier, replicas * deployed.cores, replicas * deployed.memory.get() as f64 / GIB)
            })
            .collect();
        let pods = deployment.iter().zip(&self.stack.tiers);
        let pods = pods.filter(|(_, tier)| counts(quota, &tier.name, tier.kind));
        let sum =
            |of: &dyn Fn(&(&CapacityTier, f64, f64)) -> f64| counted.iter().map(of).sum::<f64>();
        let gib = |memory: Option<Bytes>| memory.map(|memory| memory.get() as f64 / GIB);
        let checks = [
            ("cores", sum(&|t| t.1), quota.cores),
            ("GiB of memory", sum(&|t| t.2), gib(quota.memory)),
            ("reserved cores", sum(&|t| t.1 * t.0.reserved_cores.get()), quota.reserved_cores),
            (
                "GiB of reserved memory",
                sum(&|t| t.2 * t.0.reserved_memory.get()),
                gib(quota.reserved_memory),
            ),
            ("pods", pods.map(|(d, _)| f64::from(d.replicas)).sum(), quota.pods.map(f64::from)),
        ];
        checks.into_iter().find_map(|(what, asked, allowed)| {
            let allowed = allowed?;
            (asked > allowed + 1e-9).then_some(Rejection::Quota { what, asked, allowed })
        })
    }

    fn over_connections(&self, deployment: &Deployment) -> Option<Rejection> {
        let opened = |to: &str| -> u32 {
            let holders = self.stack.tiers.iter().zip(deployment);
            let of = |(tier, deployed): (&CapacityTier, &TierDeployment)| -> u32 {
                let pools = tier.pools.iter().filter(|pool| pool.to == to);
                pools.map(|pool| pool.connections * deployed.replicas).sum()
            };
            holders.map(of).sum()
        };
        self.stack.tiers.iter().find_map(|tier| {
            let (allowed, asked) = (tier.connections_max?, opened(&tier.name));
            let tier = tier.name.clone();
            (asked > allowed).then_some(Rejection::Connections { tier, asked, allowed })
        })
    }

    fn full(&self, deployment: &Deployment) -> Option<Rejection> {
        let ceilings = self.model.ceilings(deployment);
        let lowest = ceilings.into_iter().next().filter(|c| c.rate.get() < self.rate)?;
        Some(Rejection::Full { ceiling: lowest })
    }

    fn signalled(&self, deployment: &Deployment) -> Option<Rejection> {
        let tiers = self.model.tiers.iter().zip(deployment);
        let cpus = tiers.filter_map(|(tier, deployed)| {
            let demand = tier.demand?;
            let used = self.rate * demand.seconds.value / f64::from(deployed.replicas);
            Some((&tier.name, (used + demand.background) / deployed.cores))
        });
        let cpus: Vec<(&String, f64)> = cpus.collect();
        self.stack.signals.iter().find_map(|signal| match signal {
            ScalingSignal::Cpu { tier, above, .. } => cpus
                .iter()
                .filter(|(name, _)| tier.as_ref().is_none_or(|tier| tier == *name))
                .find(|(_, cpu)| *cpu > above.get())
                .map(|(name, cpu)| Rejection::Signal {
                    tier: (*name).clone(),
                    cpu: Ratio::new(*cpu),
                    above: *above,
                }),
            // More capacity does not lower the arrival rate: this signal is shown, not obeyed.
            ScalingSignal::RequestRate { .. } => None,
        })
    }

    fn too_slow(&self, deployment: &Deployment) -> Option<Rejection> {
        (!self.model.is_within(deployment, self.rate)).then(|| Rejection::TooSlow {
            slo_max: Rate::per_second(self.model.slo_max(deployment)),
        })
    }

    fn spoiled_by_a_loss(&self, deployment: &Deployment) -> Option<Rejection> {
        if !self.need.n_plus_1 {
            return None;
        }
        let lost = |index: usize| {
            let tier = &self.stack.tiers[index];
            if !tier.may_have_spare() {
                return None;
            }
            let mut left = deployment.clone();
            left[index].replicas -= 1;
            let survives =
                left[index].replicas > 0 && self.probability(&left) >= self.need.confidence.get();
            (!survives).then(|| Rejection::NoSpare { tier: tier.name.clone() })
        };
        (0..deployment.len()).find_map(lost)
    }

    fn unsure(&self, deployment: &Deployment) -> Option<Rejection> {
        let probability = self.probability(deployment);
        (probability < self.need.confidence.get())
            .then_some(Rejection::Unsure { probability: Ratio::new(probability) })
    }

    /// P(every objective is met at the planned rate), over what the measurement leaves open: the rate
    /// that the model says, each tier's demand, and the spread of services.
    pub(super) fn probability(&self, deployment: &Deployment) -> f64 {
        let reach = 1.0 + 4.0 * self.standard_error();
        if self.model.is_within(deployment, self.rate * reach) {
            return 1.0;
        }
        if !self.model.is_within(deployment, self.rate / reach) {
            return 0.0;
        }
        let within = (0..DRAWS).filter(|draw| {
            let mut random = self.need.seed.stream(RandomStream::Bootstrap, *draw);
            let rate = self.rate * (self.rate_error * normal(&mut random)).exp();
            self.model.redrawn(&mut random).is_within(deployment, rate)
        });
        within.count() as f64 / DRAWS as f64
    }

    /// The largest relative standard error of a tier's demand.
    fn demand_error(&self) -> f64 {
        let demands = self.model.tiers.iter().filter_map(|tier| tier.demand);
        demands
            .filter(|demand| demand.seconds.value > 0.0)
            .map(|demand| demand.seconds.standard_error() / demand.seconds.value)
            .fold(0.0, f64::max)
            .min(0.2)
    }

    /// A row of the table of options.
    pub(super) fn row(&self, deployment: &Deployment, rejection: Option<Rejection>) -> OptionRow {
        let probability = self.probability(deployment);
        let mut row = self.bare_row(deployment, self.model.slo_max(deployment), probability);
        if let Some(rejection) = rejection {
            row.reason = rejection.to_string();
            row.status = OptionStatus::Rejected;
        }
        row
    }

    /// A row of a rejected option, without the Monte Carlo that its rejection made needless.
    pub(super) fn row_without_rate(
        &self,
        deployment: &Deployment,
        rejection: &Rejection,
    ) -> OptionRow {
        let slo_max = self.model.slo_max(deployment);
        let probability = match rejection {
            Rejection::Unsure { probability } => probability.get(),
            Rejection::TooSlow { .. } | Rejection::Full { .. } | Rejection::Wall { .. } => 0.0,
            _ => f64::from(u8::from(slo_max >= self.rate)),
        };
        let mut row = self.bare_row(deployment, slo_max, probability);
        (row.status, row.reason) = (OptionStatus::Rejected, rejection.to_string());
        row
    }

    fn bare_row(&self, deployment: &Deployment, slo_max: f64, p_slo_met: f64) -> OptionRow {
        let reach = 1.96 * self.standard_error();
        let cost = self.stack.monthly_cost(deployment);
        let survives = RequiredCapacity { n_plus_1: true, ..*self.need };
        let checker = DeploymentChecker { need: &survives, ..*self };
        OptionRow {
            tiers: self.tiers(deployment),
            kind: kind(&self.model.present, deployment),
            slo_max_per_s: slo_max,
            interval: [slo_max * (-reach).exp(), slo_max * reach.exp()],
            p_slo_met,
            monthly_cost: cost.dollars(),
            cost_per_million_requests: cost_per_million(cost.dollars(), self.need.peak.get()),
            n_plus_1: checker.spoiled_by_a_loss(deployment).is_none(),
            status: OptionStatus::Feasible,
            reason: "carries it".to_owned(),
            unverified: slo_max > 2.0 * self.model.tested_to.get(),
        }
    }

    fn tiers(&self, deployment: &Deployment) -> Vec<TierChoice> {
        let tiers = self.stack.tiers.iter().zip(deployment);
        tiers
            .filter(|(tier, _)| tier.kind != CapacityTierKind::External)
            .map(|(tier, deployed)| TierChoice {
                tier: tier.name.clone(),
                replicas: deployed.replicas,
                cores: deployed.cores,
                memory: deployed.memory,
            })
            .collect()
    }

    /// The recommendation to buy nothing.
    pub(super) fn neither(&self, present: &Deployment, reason: String) -> Recommendation {
        Recommendation {
            kind: ScalingDirection::Neither,
            tiers: self.tiers(present),
            monthly_cost: self.stack.monthly_cost(present).dollars(),
            reason,
            tie: None,
        }
    }

    /// A deployment that another search might recommend; `None` where nothing will do then.
    pub(super) fn tied(&self, deployment: Option<&Deployment>) -> TiedDeployment {
        TiedDeployment {
            tiers: deployment.map_or_else(Vec::new, |deployment| self.tiers(deployment)),
            monthly_cost: deployment.map(|one| self.stack.monthly_cost(one).dollars()),
        }
    }

    /// Why the chosen one is good.
    pub(super) fn praise(&self, deployment: &Deployment) -> String {
        let lost = if self.need.n_plus_1 { ", also with one replica lost" } else { "" };
        let next = self.model.ceilings(deployment).into_iter().next();
        let next = next.map_or(String::new(), |c| format!("; next bottleneck: {}", name(&c)));
        format!("the cheapest that carries {} req/s{lost}{next}", self.need.rate())
    }

    /// Why nothing will do although everything that binds is for sale.
    pub(super) fn out_of_reach(&self) -> String {
        let largest: Deployment = super::options::largest(self.stack);
        let reason = self.reject(&largest).map_or(String::new(), |reason| format!(": {reason}"));
        format!(
            "no deployment within the limits carries {} req/s; the largest one{reason}",
            self.need.rate()
        )
    }
}

fn counts(quota: &StackQuota, name: &String, kind: CapacityTierKind) -> bool {
    if quota.tiers.is_empty() {
        kind != CapacityTierKind::External
    } else {
        quota.tiers.contains(name)
    }
}

pub(super) fn normal(random: &mut Pcg64Mcg) -> f64 {
    StandardNormal.sample(random)
}
