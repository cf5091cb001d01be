//! The conditions of a run that its plan alone does not tell: what it runs on, and what the command line changed.
//!
//! They stand in the run's header, so that reports can name them and a gate refuses to compare runs that
//! differ in one.

use crate::cli;
use crate::plan::{ConnectionUse, Plan, Split};
use crate::scenario::stack::{SizeSpec, StackTier, TierKind};
use crate::scenario::{Loaded, Stack};
use crate::slo::SOURCE_ADDRESSES;
use crate::units::{Rate, RateUnit};

use super::asked::RunRequest;

/// What the header says of them.
#[derive(Debug, Default)]
pub(super) struct HeaderConditions {
    /// Facts in pairs, in the order in which they are shown.
    pub(super) facts: Vec<(String, String)>,
    /// The forecast peak with its growth, requests per second.
    pub(super) forecast_peak: Option<Rate>,
}

/// Words in a setting's path that make its value a secret.
const SECRETS: [&str; 9] =
    ["header", "authorization", "bearer", "basic", "password", "token", "secret", "cookie", "key"];

impl HeaderConditions {
    /// The conditions of a run of `plan`, which was compiled from `loaded`.
    pub(super) fn of(
        loaded: &Loaded,
        plan: &Plan,
        asked: &RunRequest<'_>,
        load: &cli::LoadArgs,
    ) -> Self {
        let stack = loaded.scenario.as_ref().and_then(|scenario| scenario.stack.as_ref());
        let mut facts = asked.tags.to_vec();
        facts.extend(stack.into_iter().flat_map(|stack| &stack.tiers).map(tier));
        facts.extend(load.think.map(|think| ("--think".to_owned(), think.to_string())));
        facts.extend(load.max_vus.map(|most| ("--max-vus".to_owned(), most.to_string())));
        facts.extend(asked.settings.iter().map(setting));
        facts.extend(addresses(plan));
        facts.extend(plan.http.proxy.as_ref().map(|proxy| ("proxy".to_owned(), proxy.url())));
        facts.extend(plan.split.as_ref().map(shares));
        let forecast_peak = stack.and_then(|stack| peak(stack, plan.requests_per_iteration()));
        Self { facts, forecast_peak }
    }
}

/// `tier api`, `3 × 2 cores, 2 GiB`.
fn tier(tier: &StackTier) -> (String, String) {
    let name = format!("tier {}", tier.name.value);
    if tier.kind == TierKind::External {
        return (name, "a service of others".to_owned());
    }
    let SizeSpec { cores, memory } = tier.size;
    let size: Vec<String> =
        [cores.map(|cores| format!("{cores} cores")), memory.map(|it| it.to_string())]
            .into_iter()
            .flatten()
            .collect();
    let size = if size.is_empty() { "size not stated".to_owned() } else { size.join(", ") };
    (name, format!("{} × {size}", tier.replicas))
}

/// From how many addresses the target sees the load, where that is not the system's choice.
fn addresses(plan: &Plan) -> Option<(String, String)> {
    let users = match plan.http.connections {
        ConnectionUse::PerIteration => u64::MAX,
        ConnectionUse::Streams(count) => u64::from(count),
        ConnectionUse::PerUser | ConnectionUse::Shared => u64::from(plan.load.max_vus()),
    };
    let addresses = plan.http.addresses().min(users);
    (addresses > 0).then(|| (SOURCE_ADDRESSES.to_owned(), addresses.to_string()))
}

/// Green's shares over time.
fn shares(split: &Split) -> (String, String) {
    if split.is_duet() {
        return ("green's share".to_owned(), "all, as blue's".to_owned());
    }
    let shares: Vec<String> =
        split.info().parts.iter().map(|part| part.share.to_string()).collect();
    ("green's share".to_owned(), shares.join(", "))
}

/// A change of the file; secrets are named, not shown.
fn setting((path, value): &(String, String)) -> (String, String) {
    let shown = if is_secret(path, value) { "(not shown)" } else { value };
    (format!("--set {path}"), shown.to_owned())
}

/// Whether a change of the file must not reach a log.
pub(super) fn is_secret(path: &str, value: &str) -> bool {
    let lower = path.to_lowercase();
    SECRETS.iter().any(|word| lower.contains(word)) || value.contains('@')
}

/// What the stack is planned for, requests per second.
fn peak(stack: &Stack, requests_per_iteration: f64) -> Option<Rate> {
    let peak = stack.forecast.peak?;
    let growth = 1.0 + stack.forecast.growth.get();
    Some(match peak.unit {
        RateUnit::Requests => peak.rate.times(growth),
        RateUnit::Iterations => peak.rate.times(growth * requests_per_iteration),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_that_may_be_a_secret_is_named_and_not_shown() {
        let shown = |path: &str, value: &str| setting(&(path.to_owned(), value.to_owned())).1;
        assert_eq!(shown("http.timeout", "5s"), "5s");
        assert_eq!(shown("http.headers.Authorization", "Bearer x"), "(not shown)");
        assert_eq!(shown("target", "http://me:word@127.0.0.1"), "(not shown)");
    }
}
