//! Rate limits by client address.

use http::StatusCode;

use super::names::DeclaredNames;
use super::names::other;
use super::names::status;
use crate::declared::simulation::LIMIT;
use crate::limit::{LeakyBucket, LimitLaw, LimitSpec};
use plimsoll_scenario::{Fields, KeyNode, Node, Problems, entries};
use plimsoll_units::{Nanos, RateUnit, WorkRate};

/// Reads all limits; their names are known afterwards.
pub(super) fn limits(
    node: &Node,
    names: &mut DeclaredNames,
    problems: &mut Problems,
) -> Vec<LimitSpec> {
    let given = entries(node, "names of limits", problems).unwrap_or_default();
    names.limits = given.iter().map(|(key, _)| key.text.clone()).collect();
    given.iter().filter_map(|(key, node)| limit(key, node, problems)).collect()
}

fn limit(key: &KeyNode, node: &Node, problems: &mut Problems) -> Option<LimitSpec> {
    let mut fields = Fields::of(node, &LIMIT, problems)?;
    let rate = fields.read::<WorkRate>("rate", problems);
    let burst = fields.or("burst", 0, problems);
    let nodelay = fields.or("nodelay", false, problems);
    let requests = fields.read::<u32>("requests", problems);
    let per = fields.read::<Nanos>("per", problems);
    let status = fields.node("status", problems).and_then(|node| status(node, problems));
    fields.finish(problems);
    let name = key.text.clone();
    if let (Some(requests), Some(per)) = (requests, per) {
        let status = status.unwrap_or(StatusCode::TOO_MANY_REQUESTS);
        return Some(LimitSpec { name, law: LimitLaw::Window { requests, per }, status });
    }
    let rate = rate?;
    if rate.unit != RateUnit::Requests || rate.rate.get() <= 0.0 {
        let hint = "write for example `rate: 10 req/s`";
        other(key.span, "the rate of a limit counts requests, above 0", hint, problems);
        return None;
    }
    // nginx answers 503 unless it is told otherwise.
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    Some(LimitSpec {
        name,
        law: LimitLaw::Bucket(LeakyBucket { rate: rate.rate, burst, nodelay }),
        status,
    })
}
