//! What to tell an autoscaler, by what was measured: targets a replica, bounds, and the ramp that it survives.
//!
//! An autoscaler reacts late: it looks every few seconds, at metrics that are older, and a new replica needs its time to
//! serve. Until then the present ones carry the load. So replicas are ordered at a share of what each was held at, and
//! the rest is what the load may grow meanwhile.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::model::{CapacityModel, CeilingResource};
use super::stack::{CapacityTierKind, StackModel};
use plimsoll_units::Nanos;

/// Replicas are ordered at this share of what each was held at: the alert's.
const ORDER_SHARE: f64 = 0.8;
/// How late a horizontal autoscaler looks: every 15 s, at metrics that are up to 15 s old (Kubernetes' defaults).
const LATENESS: Nanos = Nanos::from_secs(30);
/// How long until a new replica serves, where the stack file does not say (`scale.out.delay`).
const DELAY: Nanos = Nanos::from_secs(60);
/// The fewest replicas of a tier that may have several: one may be lost.
const REPLICAS_MIN: u32 = 2;

/// What to tell the autoscaler of the tier that gives out first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoscalingAdvice {
    /// The tier.
    pub tier: String,
    /// The fewest replicas.
    pub replicas_min: u32,
    /// The most: as many as are allowed, or as widen anything.
    pub replicas_max: u32,
    /// CPU of what a replica requests, in percent, at which another is ordered; absent where cores are not what gives
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
    /// Requests a second and replica at which another is ordered.
    pub requests_per_replica: f64,
    /// From the moment when that is reached until a new replica serves, seconds.
    pub late_s: f64,
    /// The steepest growth that is within the objectives until then, requests a second each minute.
    pub ramp_per_minute: f64,
    /// Why these values.
    pub reasons: Vec<String>,
}

impl AutoscalingAdvice {
    /// What follows from `model` for a stack that was held at `held` requests a second within every objective; `None`
    /// where replicas do not widen what gives out first, or there may be no more of them.
    pub fn of(model: &CapacityModel, stack: &StackModel, held: f64) -> Option<Self> {
        let full = model.ceilings(&model.present).into_iter().next()?;
        let index = stack.tiers.iter().position(|tier| tier.name == full.tier)?;
        let tier = &stack.tiers[index];
        let is_ours = tier.kind != CapacityTierKind::External && tier.replicas_max > 1;
        if !(full.is_for_sale() && is_ours && held > 0.0) {
            return None;
        }
        let (replicas, cores) = (f64::from(tier.replicas), tier.size.cores);
        let requests = ORDER_SHARE * held / replicas;
        let demand = model.tiers[index].demand.filter(|_| full.resource == CeilingResource::Cpu);
        let used = demand.map(|demand| requests * demand.seconds.value + demand.background);
        let reserved = cores * tier.reserved_cores.get();
        let cpu_percent = used.map(|used| (100.0 * used / reserved).floor() as u32);
        let delay = tier.delay.unwrap_or(DELAY);
        let late = delay + LATENESS;
        let ramp = (1.0 - ORDER_SHARE) * held * 60.0 / late.as_secs_f64();
        let (most, limit) = useful(model, index, tier.replicas_max);
        let mut reasons = vec![
            format!(
                "{:.1} req/s were held within every objective by {} of {}: {:.1} each; the next is ordered at {:.0} % of that",
                held,
                tier.replicas,
                tier.name,
                held / replicas,
                100.0 * ORDER_SHARE
            ),
            format!(
                "a new replica serves {late} later ({LATENESS} until it is ordered, {delay} until it serves{}): the load may \
                 grow by {ramp:.1} req/s a minute meanwhile",
                if tier.delay.is_some() { "" } else { ", which the stack file does not say" }
            ),
        ];
        reasons.push(match limit {
            Some(other) => format!("more than {most} replicas carry no more: {other} is full then"),
            None => format!("{most} replicas are the most that the stack file allows"),
        });
        if cpu_percent.is_none() {
            let full = full.to_string();
            reasons.push(format!(
                "{full} gives out before cores do, so CPU says nothing: scale by requests"
            ));
        }
        Some(Self {
            tier: tier.name.clone(),
            replicas_min: REPLICAS_MIN.min(most),
            replicas_max: most,
            cpu_percent,
            requests_per_replica: requests,
            late_s: late.as_secs_f64(),
            ramp_per_minute: ramp,
            reasons,
        })
    }

    /// In a line: `api: 2 to 6 replicas, …`.
    pub fn line(&self) -> String {
        let cpu = self.cpu_percent.map_or_else(String::new, |cpu| format!("{cpu} % CPU or "));
        format!(
            "{}: {} to {} replicas, the next at {cpu}{:.1} req/s each; survives {:.1} req/s more a minute until that serves \
             ({})",
            self.tier,
            self.replicas_min,
            self.replicas_max,
            self.requests_per_replica,
            self.ramp_per_minute,
            if self.cpu_percent.is_some() { "hpa.yaml, keda.yaml" } else { "keda.yaml" }
        )
    }

    /// `hpa.yaml`, a `HorizontalPodAutoscaler` (autoscaling/v2); `None` where CPU is no measure.
    pub fn hpa(&self) -> Option<String> {
        let cpu = self.cpu_percent?;
        let (name, reasons) = (quoted(&self.tier), self.comment());
        let (least, most) = (self.replicas_min, self.replicas_max);
        Some(format!(
            "{reasons}apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{ name: {name} }}\nspec:\n  \
             scaleTargetRef: {{ apiVersion: apps/v1, kind: Deployment, name: {name} }}\n  minReplicas: {least}\n  maxReplicas: \
             {most}\n  metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        # Of what the pods request.\n        \
             target: {{ type: Utilization, averageUtilization: {cpu} }}\n"
        ))
    }

    /// `keda.yaml`, a `ScaledObject` that scales by requests; address and query of Prometheus are the reader's to set.
    pub fn keda(&self) -> String {
        let (name, reasons) = (quoted(&self.tier), self.comment());
        let (least, most) = (self.replicas_min, self.replicas_max);
        format!(
            "{reasons}apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{ name: {name} }}\nspec:\n  \
             scaleTargetRef: {{ name: {name} }}\n  minReplicaCount: {least}\n  maxReplicaCount: {most}\n  pollingInterval: \
             15\n  triggers:\n    - type: prometheus\n      metadata:\n        # Yours: where Prometheus is, and how it counts \
             the requests of all replicas a second.\n        serverAddress: http://prometheus:9090\n        query: \
             sum(rate(http_requests_total[1m]))\n        threshold: \"{:.1}\"\n",
            self.requests_per_replica
        )
    }

    fn comment(&self) -> String {
        let mut text = "# From a search for capacity by plimsoll:\n".to_owned();
        for reason in &self.reasons {
            let _ = writeln!(text, "# - {}", reason.replace('\n', " "));
        }
        text
    }
}

/// The most replicas of the tier at `index` that carry more than one fewer, and what gives out then if that is less than
/// the stack file allows.
fn useful(model: &CapacityModel, index: usize, allowed: u32) -> (u32, Option<String>) {
    let tier = &model.tiers[index].name;
    let mut deployment = model.present.clone();
    for replicas in model.present[index].replicas..allowed {
        deployment[index].replicas = replicas;
        let first = model.ceilings(&deployment).into_iter().next();
        if let Some(other) = first.filter(|ceiling| ceiling.tier != *tier) {
            return (replicas, Some(other.to_string()));
        }
    }
    (allowed, None)
}

/// A text as YAML takes it whatever it holds.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
