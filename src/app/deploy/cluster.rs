//! A run in a cluster, and what its objects are called.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::KubernetesArgs;
use crate::units::Nanos;

use super::super::files::safe_name;
use super::shipped::ShippedScenario;

/// Where a NATS server listens.
pub(super) const NATS_PORT: u16 = 4_222;
/// Names of the run's objects are no longer, before their last part.
const NAME_MAX: usize = 40;

/// What is to run in the cluster.
pub(super) struct ClusterRun<'a> {
    pub(super) args: &'a KubernetesArgs,
    pub(super) scenario: &'a ShippedScenario,
    /// How long the load lasts at the most.
    pub(super) load: Nanos,
}

impl ClusterRun<'_> {
    /// A name that a cluster takes (RFC 1123).
    fn name(&self) -> String {
        self.args.name.clone().unwrap_or_else(|| {
            let name = safe_name(&self.scenario.plan.name).to_ascii_lowercase();
            let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let name: String = name.chars().map(safe).take(NAME_MAX).collect();
            format!("plimsoll-{}", name.trim_matches('-'))
        })
    }

    pub(super) fn named(&self, part: &str) -> String {
        format!("{}-{part}", self.name())
    }

    /// What all pods of the run have in common.
    pub(super) fn of_run(&self) -> Value {
        json!({ "app.kubernetes.io/name": "plimsoll", "app.kubernetes.io/instance": self.name() })
    }

    pub(super) fn labels(&self, part: &str) -> Value {
        let mut labels = self.of_run();
        labels["app.kubernetes.io/component"] = json!(part);
        labels
    }

    pub(super) fn metadata(&self, object: &str, part: &str) -> Value {
        let mut metadata = json!({ "name": self.named(object), "labels": self.labels(part) });
        if let Some(namespace) = &self.args.namespace {
            metadata["namespace"] = json!(namespace);
        }
        metadata
    }

    pub(super) fn target_labels(&self) -> BTreeMap<&String, &String> {
        self.args.target_label.iter().map(|(key, value)| (key, value)).collect()
    }

    /// Where NATS is.
    pub(super) fn nats_url(&self) -> String {
        let own = || format!("nats://{}:{NATS_PORT}", self.named("nats"));
        self.args.nats.clone().unwrap_or_else(own)
    }
}
