//! The capacity section of `result.json`, as stable as its schema version.

use serde::{Deserialize, Serialize};

use super::autoscaling::AutoscalingAdvice;
use super::choice::{DeploymentChoice, RequiredCapacity};
use super::lock_scope::LockFinding;
use super::model::{CacheHits, CapacityModel, Ceiling, Contradiction, ExcludedStep, StepExclusion};
pub use super::option::{
    DeploymentCost, OptionRow, OptionStatus, Recommendation, RecommendationTie, ScalingDirection,
    TiedDeployment, TierChoice,
};
use super::search::{FailureAbove, SearchEnd, SearchOutcome};
use super::stack::{Deployment, StackModel};
use super::step::StepPurpose;
use plimsoll_units::Nanos;

/// What one tier costs a request and can carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierSection {
    /// Its name.
    pub tier: String,
    /// CPU milliseconds a request; absent where nothing observed it.
    pub demand_ms: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// The rate at which the first of its resources is full.
    pub ceiling_per_s: Option<f64>,
}

/// A prediction that was measured afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiedPrediction {
    /// The deployment.
    pub tiers: Vec<TierChoice>,
    /// SLO-max as predicted from the search alone.
    pub predicted_per_s: f64,
    /// The cache's hit ratio that it is predicted for, where demands depend on it: that of the check.
    #[serde(default)]
    pub hit_ratio: Option<f64>,
    /// SLO-max as measured.
    pub measured_per_s: f64,
    /// predicted/measured − 1.
    pub error: f64,
}

/// One measured step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// What was offered.
    pub rate_per_s: f64,
    /// Half of the response times are at most this.
    pub p50_ms: f64,
    /// 95 % of them.
    pub p95_ms: f64,
    /// 99 % of them.
    pub p99_ms: f64,
    /// Whether every objective held.
    pub passed: bool,
    /// Why the step was played; absent of older files.
    #[serde(default)]
    pub purpose: Option<StepPurpose>,
    /// How long it was held, seconds.
    #[serde(default)]
    pub hold_s: f64,
    /// Why it says nothing of a stack at rest; absent where it does.
    #[serde(default)]
    pub not_at_rest: Option<StepExclusion>,
}

/// What the model says of the objective on response time that binds, to be drawn beside what was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelLine {
    /// `p95`, `mean`.
    pub measure: String,
    /// The objective's max.
    pub limit_ms: f64,
    /// Rate, requests per second, and the response time that the model has there, milliseconds; ascending.
    pub points: Vec<[f64; 2]>,
}

/// What the bottleneck tier would carry with so many replicas of such a size, all else as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaledCeiling {
    /// The tier.
    pub tier: String,
    /// Its replicas.
    pub replicas: u32,
    /// Cores of one.
    pub cores: f64,
    /// The highest rate within every objective, predicted.
    pub slo_max_per_s: f64,
    /// What would give out first.
    pub bottleneck: Option<Ceiling>,
    /// US dollars a month, the whole stack.
    pub monthly_cost: f64,
    /// Whether the rate lies beyond twice what was measured.
    pub unverified: bool,
}

/// The whole section. Whatever a file leaves out is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapacitySection {
    /// The claim: the highest rate that was held, valid, at rest and within every objective; absent where none was.
    pub slo_max_per_s: Option<f64>,
    /// How long it was held, warm-ups left out, seconds.
    pub held_for_s: Option<f64>,
    /// Where the limit lies, an estimate; absent where nothing passed.
    pub limit_per_s: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Whether the claim was held in a step of its own, after it was chosen.
    pub confirmed: bool,
    /// Whether the stack was seen to fail above the claim, or what stopped it.
    pub failure_above: Option<FailureAbove>,
    /// The time that a search would take for the answer, where this one had less, seconds.
    pub time_needed_s: Option<f64>,
    /// What the stack file says and the measurement refutes.
    pub contradictions: Vec<Contradiction>,
    /// Who shares the lock that was found, where searches with other replicas tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockFinding>,
    /// Why the search ended.
    pub end: Option<SearchEnd>,
    /// What gives out first.
    pub bottleneck: Option<Ceiling>,
    /// What gives out next.
    pub next_bottleneck: Option<Ceiling>,
    /// The tiers.
    pub tiers: Vec<TierSection>,
    /// The mean relative error of the model's response times on steps that it had not seen.
    pub held_out_error: Option<f64>,
    /// The same of the rate at which the model has the response time that was measured.
    pub held_out_rate_error: Option<f64>,
    /// The cache's hit ratio, where it changed while measuring.
    pub cache_hits: Option<CacheHits>,
    /// The steps that the model was not fitted to.
    pub left_out: Vec<ExcludedStep>,
    /// Tiers of one replica that cannot be scaled out.
    pub single_points: Vec<String>,
    /// Why there is no model, where there is none.
    pub no_model: Option<String>,
    /// What was measured, by rate.
    pub curve: Vec<CurvePoint>,
    /// The limit on response time, and the model's line.
    pub model_line: Option<ModelLine>,
    /// What more and bigger replicas of the bottleneck tier would carry.
    pub scaled: Vec<ScaledCeiling>,
    /// What was asked to be predicted.
    pub predicted: Vec<ScaledCeiling>,
    /// The rate that is planned for: the peak with its growth; absent where no peak was asked for.
    pub planned_per_s: Option<f64>,
    /// The options worth showing.
    pub options: Vec<OptionRow>,
    /// What to buy; absent where no peak was asked for.
    pub recommendation: Option<Recommendation>,
    /// What the present deployment costs at the claim; absent where the stack file has no prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<DeploymentCost>,
    /// What to tell the autoscaler of the tier that gives out first; absent where more replicas do not widen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<AutoscalingAdvice>,
    /// The rate at which to raise an alert: 80 % of the measured capacity.
    pub alert_rate_per_s: Option<f64>,
    /// Predictions that were measured afterwards.
    pub verified: Vec<VerifiedPrediction>,
    /// Checks that ended without a limit that a prediction could be compared with.
    pub checks_without_limit: usize,
}

/// The share of the capacity at which to raise an alert (Running's alert threshold; DESIGN §8).
const ALERT_SHARE: f64 = 0.8;

impl CapacitySection {
    /// The section of a search, the model fitted to it, and the choice made from that.
    pub fn new(
        found: &SearchOutcome,
        model: Option<&CapacityModel>,
        choice: Option<&DeploymentChoice>,
    ) -> Self {
        let ceilings = model.map(|model| model.ceilings(&model.present)).unwrap_or_default();
        let tiers = model.map(|model| tiers(model, &ceilings)).unwrap_or_default();
        let mut ceilings = ceilings.into_iter();
        let held_out = model.and_then(|model| model.held_out);
        Self {
            slo_max_per_s: found.held.map(|held| held.rate.get()),
            held_for_s: found.held.map(|held| held.hold.as_secs_f64()),
            limit_per_s: found.slo_max.map(|rate| rate.value),
            interval: found.slo_max.map(|rate| [rate.low, rate.high]),
            confirmed: found.confirmed,
            failure_above: found.failure_above,
            time_needed_s: found.time_needed.map(Nanos::as_secs_f64),
            contradictions: model.map(|model| model.contradictions.clone()).unwrap_or_default(),
            lock: None,
            end: Some(found.end),
            bottleneck: ceilings.next(),
            next_bottleneck: ceilings.next(),
            tiers,
            held_out_error: held_out.map(|held_out| held_out.time),
            held_out_rate_error: held_out.and_then(|held_out| held_out.rate),
            cache_hits: model.and_then(|model| model.hits),
            left_out: model.map(|model| model.left_out.clone()).unwrap_or_default(),
            single_points: Vec::new(),
            no_model: None,
            curve: Vec::new(),
            model_line: None,
            scaled: Vec::new(),
            predicted: Vec::new(),
            planned_per_s: None,
            options: choice.map(|choice| choice.options.clone()).unwrap_or_default(),
            recommendation: choice.map(|choice| choice.recommendation.clone()),
            cost: None,
            autoscaling: None,
            alert_rate_per_s: found.held.map(|held| ALERT_SHARE * held.rate.get()),
            verified: Vec::new(),
            checks_without_limit: 0,
        }
    }
}

impl CapacitySection {
    /// What the recommended deployment costs at its own predicted SLO-max; `None` where nothing is to be bought.
    pub fn recommended_cost(&self) -> Option<DeploymentCost> {
        let kind = self.recommendation.as_ref()?.kind;
        let bought = self.options.iter().find(|row| row.status == OptionStatus::Recommended)?;
        let cost = DeploymentCost::of(bought.monthly_cost, bought.slo_max_per_s);
        cost.filter(|_| kind != ScalingDirection::Neither)
    }
}

fn tiers(model: &CapacityModel, ceilings: &[Ceiling]) -> Vec<TierSection> {
    let section = |tier: &super::model::TierModel| {
        let seconds = tier.demand.map(|demand| demand.seconds);
        TierSection {
            tier: tier.name.clone(),
            demand_ms: seconds.map(|seconds| 1e3 * seconds.value),
            interval: seconds.map(|seconds| [1e3 * seconds.low, 1e3 * seconds.high]),
            ceiling_per_s: ceilings.iter().find(|c| c.tier == tier.name).map(|c| c.rate.get()),
        }
    };
    model.tiers.iter().map(section).collect()
}

impl VerifiedPrediction {
    /// Compares what `model` says of `deployment` with what a search on it `measured`, per second.
    pub fn new(
        model: &CapacityModel,
        stack: &StackModel,
        deployment: &Deployment,
        measured: f64,
    ) -> Self {
        let predicted_per_s = model.slo_max(deployment);
        let tiers = stack.tiers.iter().zip(deployment).map(|(tier, deployed)| TierChoice {
            tier: tier.name.clone(),
            replicas: deployed.replicas,
            cores: deployed.cores,
            memory: deployed.memory,
        });
        Self {
            tiers: tiers.collect(),
            predicted_per_s,
            hit_ratio: model.hits.map(|hits| hits.latest),
            measured_per_s: measured,
            error: predicted_per_s / measured - 1.0,
        }
    }
}

/// From a finished search to the section: fits the model and, where a peak is asked for, chooses.
pub fn assemble(
    stack: &StackModel,
    model: Option<&CapacityModel>,
    found: &SearchOutcome,
    need: Option<&RequiredCapacity>,
) -> (CapacitySection, Option<DeploymentChoice>) {
    let choice = model.zip(need).map(|(m, need)| super::choice::choose(m, stack, found, need));
    let mut section = CapacitySection::new(found, model, choice.as_ref());
    let single = stack.tiers.iter().filter(|tier| tier.is_single_point());
    section.single_points = single.map(|tier| tier.name.clone()).collect();
    let monthly = stack.monthly_cost(&stack.present()).dollars();
    section.cost = section.slo_max_per_s.and_then(|rate| DeploymentCost::of(monthly, rate));
    (section, choice)
}
