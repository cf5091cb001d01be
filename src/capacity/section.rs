//! From the searches of a log to the capacity section: model, what-if, choice, and checked predictions.

use super::autoscaling::AutoscalingAdvice;
use super::choice;
use super::lock_scope::LockFinding;
use super::model::{CapacityModel, exclusion};
use super::notes::LoggedSearch;
use super::output::{
    CapacitySection, CurvePoint, ModelLine, ScaledCeiling, VerifiedPrediction, assemble,
};
use super::search::SearchOutcome;
use super::slo_limits::SloLimit;
use super::stack::{CapacityTierKind, Deployment, ReplicaSize, StackModel, TierDeployment};
use super::step::StepResult;

/// Sizes and replicas that the table of the bottleneck tier shows at most.
const SIZES_SHOWN: usize = 3;
const REPLICAS_SHOWN: u32 = 6;

/// All that a log's searches come to.
pub struct SectionFindings {
    /// The section for reports.
    pub section: CapacitySection,
    /// What the first search found.
    pub outcome: SearchOutcome,
    /// What was learnt from it; `None` where too little was measured.
    pub model: Option<CapacityModel>,
    /// What to deploy, where something is to be bought.
    pub deployment: Option<Deployment>,
}

/// The findings of `searches`, the first of which is the search itself; `None` without one.
pub fn findings(searches: &[LoggedSearch]) -> Option<SectionFindings> {
    let (first, checks) = searches.split_first()?;
    let note = &first.note;
    let outcome = first.outcome();
    let fit = |stack: &StackModel| {
        CapacityModel::fit(stack, &note.plan.slo_limits, &first.steps, outcome.rate_limit())
    };
    let (before, no_model) = match fit(&note.stack) {
        Ok(model) => (Some(model), None),
        Err(error) => (None, Some(error.to_string())),
    };
    // A lock whose scope the checks tell is known from here on; what was predicted before stays what it was.
    let lock = before.as_ref().and_then(|model| LockFinding::of(model, &note.stack, checks));
    let stack = lock.as_ref().map_or_else(|| note.stack.clone(), |lock| known(&note.stack, lock));
    let model = if lock.is_some() { fit(&stack).ok() } else { before.clone() };
    let (mut section, choice) = assemble(&stack, model.as_ref(), &outcome, note.need.as_ref());
    section.no_model = no_model;
    section.lock = lock;
    section.planned_per_s = note.need.map(|need| need.rate().get());
    section.curve = curve(&first.steps, &note.plan.slo_limits);
    if let Some(model) = &model {
        section.model_line = model_line(model, &section.curve, &note.plan.slo_limits);
        section.scaled = scaled(model, &stack);
        let held = section.slo_max_per_s.unwrap_or_default();
        section.autoscaling = AutoscalingAdvice::of(model, &stack, held);
        section.predicted = predicted(model, &stack, &note.predict);
    }
    if let Some(model) = &before {
        let verified = checks.iter().filter_map(|check| verified(model, &note.stack, check));
        section.verified = verified.collect();
        section.checks_without_limit = checks.len() - section.verified.len();
    }
    let deployment = choice.and_then(|choice: choice::DeploymentChoice| choice.deployment);
    Some(SectionFindings { section, outcome, model, deployment })
}

/// `stack`, with what is known of its lock.
fn known(stack: &StackModel, lock: &LockFinding) -> StackModel {
    let mut stack = stack.clone();
    for tier in stack.tiers.iter_mut().filter(|tier| tier.name == lock.tier) {
        tier.lock = Some(lock.scope);
    }
    stack
}

/// The steps by rate, those of one rate merged.
fn curve(steps: &[StepResult], slo_limits: &[SloLimit]) -> Vec<CurvePoint> {
    let mut points: Vec<CurvePoint> =
        steps.iter().filter(|step| step.valid).filter_map(|step| point(step, slo_limits)).collect();
    points.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    points
}

fn point(step: &StepResult, slo_limits: &[SloLimit]) -> Option<CurvePoint> {
    let response = step.response();
    if response.count() == 0 {
        return None;
    }
    let ms = |p: f64| 1e3 * response.quantile(p);
    Some(CurvePoint {
        rate_per_s: step.offered.get(),
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        passed: step.seems_within(slo_limits),
        purpose: Some(step.purpose),
        hold_s: step.duration.as_secs_f64(),
        not_at_rest: exclusion(step, slo_limits),
    })
}

/// Points of the model's line.
const LINE_POINTS: u32 = 48;
/// The line ends where the model has so many times the limit.
const LINE_ENDS: f64 = 4.0;

/// The model over the rates that were measured, for the first limit on response time.
fn model_line(
    model: &CapacityModel,
    curve: &[CurvePoint],
    slo_limits: &[SloLimit],
) -> Option<ModelLine> {
    let (slo_limit, limit) = slo_limits.iter().find_map(|one| Some((one, one.limit()?)))?;
    let (lowest, highest) = (curve.first()?.rate_per_s, curve.last()?.rate_per_s);
    let points = (0..=LINE_POINTS).map(|index| {
        let rate = lowest + (highest - lowest) * f64::from(index) / f64::from(LINE_POINTS);
        [rate, 1e3 * model.predict(&model.present, rate, slo_limit)]
    });
    let points = points.take_while(|[_, ms]| *ms <= LINE_ENDS * 1e3 * limit).collect();
    Some(ModelLine { measure: slo_limit.figure(), limit_ms: 1e3 * limit, points })
}

/// What more and bigger replicas of the bottleneck tier would carry, as far as they may be bought.
fn scaled(model: &CapacityModel, stack: &StackModel) -> Vec<ScaledCeiling> {
    let ceilings = model.ceilings(&model.present);
    let scalable = |name: &str| stack.tiers.iter().position(|tier| tier.name == name);
    let for_sale = ceilings.iter().filter(|ceiling| ceiling.is_for_sale());
    let tiers = for_sale.filter_map(|ceiling| scalable(&ceiling.tier));
    let mut tiers = tiers.filter(|index| {
        let tier = &stack.tiers[*index];
        tier.kind != CapacityTierKind::External && (tier.replicas_max > 1 || !tier.sizes.is_empty())
    });
    let Some(index) = tiers.next() else { return Vec::new() };
    let tier = &stack.tiers[index];
    let bigger = tier.sizes.iter().copied().filter(|size| size.cores > tier.size.cores);
    let sizes: Vec<ReplicaSize> =
        std::iter::once(tier.size).chain(bigger).take(SIZES_SHOWN).collect();
    let most = tier.replicas_max.max(tier.replicas).min(REPLICAS_SHOWN.max(tier.replicas + 3));
    let mut rows = Vec::new();
    for size in sizes {
        for replicas in 1..=most {
            let mut deployment = model.present.clone();
            deployment[index] = TierDeployment::of(replicas, size);
            rows.push(row(model, stack, &deployment, index));
        }
    }
    rows
}

/// What was asked to be predicted: the present deployment with other replicas of one tier.
fn predicted(
    model: &CapacityModel,
    stack: &StackModel,
    asked: &[(String, u32)],
) -> Vec<ScaledCeiling> {
    let with = |(name, replicas): &(String, u32)| {
        let index = stack.tiers.iter().position(|tier| tier.name == *name)?;
        let mut deployment = model.present.clone();
        deployment[index].replicas = *replicas;
        Some(row(model, stack, &deployment, index))
    };
    asked.iter().filter_map(with).collect()
}

fn row(
    model: &CapacityModel,
    stack: &StackModel,
    deployment: &Deployment,
    index: usize,
) -> ScaledCeiling {
    let slo_max = model.slo_max(deployment);
    ScaledCeiling {
        tier: stack.tiers[index].name.clone(),
        replicas: deployment[index].replicas,
        cores: deployment[index].cores,
        slo_max_per_s: slo_max,
        bottleneck: model.ceilings(deployment).into_iter().next(),
        monthly_cost: stack.monthly_cost(deployment).dollars(),
        unverified: slo_max > 2.0 * model.tested_to.get(),
    }
}

/// What the model said of the deployment that `check` measured, if the check found anything.
fn verified(
    model: &CapacityModel,
    stack: &StackModel,
    check: &LoggedSearch,
) -> Option<VerifiedPrediction> {
    let outcome = check.outcome();
    // Without a rate that failed, the highest that passed is no limit to compare with.
    let measured = outcome.fail.and(outcome.slo_max)?;
    let deployment = check.note.stack.present();
    let model = model.at_hits_of(&check.steps);
    (deployment.len() == stack.tiers.len())
        .then(|| VerifiedPrediction::new(&model, stack, &deployment, measured.value))
}

#[cfg(test)]
mod tests;
