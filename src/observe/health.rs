//! Health probes: the stack's own health endpoints, asked again and again beside the load.
//!
//! A probe is up where 200 to 299 comes within its time. What it came to is a reading like any other, of the
//! tier [`Reading::HEALTH`], so that it stands on the same clock as everything else.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::fetch::{self, Trust};
use super::snapshot::Snapshot;
use plimsoll_load::transport::Clock;
use plimsoll_metrics::{Reading, SourceEvent};
use plimsoll_units::{Nanos, Quantity, Ratio, RunTime};

/// How often endpoints are asked where the file does not say.
pub(super) const EVERY: Nanos = Nanos::from_secs(1);
/// How long an answer may take where the file does not say.
pub(super) const TIMEOUT: Nanos = Nanos::from_secs(1);
/// A health endpoint says little; whatever is behind this is not read.
const ANSWER_LIMIT: usize = 1 << 20;

/// Which endpoints are asked, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthProbe {
    /// Their paths, and where they are.
    pub endpoints: Vec<(String, Url)>,
    /// From one probe to the next.
    pub every: Nanos,
    /// How long an answer may take.
    pub timeout: Nanos,
}

/// Probes until nobody takes its results any more; without endpoints, it waits for ever.
pub(super) async fn probe(
    health: HealthProbe,
    trust: Trust,
    clock: Clock,
    outbox: mpsc::Sender<Snapshot>,
) {
    if health.endpoints.is_empty() {
        return std::future::pending().await;
    }
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    // In the middle of each second: its answer is there before the second is closed.
    let mut due = RunTime::ZERO + Nanos::new(health.every.get() / 2);
    loop {
        tokio::time::sleep(due.since(clock.now()).into()).await;
        let at = clock.now();
        let mut asked = JoinSet::new();
        for (path, url) in &health.endpoints {
            asked.spawn(ask(path.clone(), url.clone(), trust.clone(), health.timeout));
        }
        let mut answers = asked.join_all().await;
        answers.sort();
        let troubles = changes(&mut known, &answers);
        let readings = answers.iter().map(reading).collect();
        if outbox.send(Snapshot { at, readings, troubles }).await.is_err() {
            return;
        }
        while due <= clock.now() {
            due = due + health.every;
        }
    }
}

/// An endpoint and why it is down, if it is.
type ProbeResult = (String, Option<String>);

async fn ask(path: String, url: Url, trust: Trust, timeout: Nanos) -> ProbeResult {
    let answer =
        tokio::time::timeout(timeout.into(), fetch::get(&url, &[], &trust, ANSWER_LIMIT)).await;
    let trouble = match answer {
        Ok(Ok((200..=299, _))) => None,
        Ok(Ok((status, _))) => Some(format!("HTTP {status}")),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {timeout}")),
    };
    (path, trouble)
}

fn reading((path, trouble): &ProbeResult) -> Reading {
    Reading {
        tier: Reading::HEALTH.to_owned(),
        metric: "up".to_owned(),
        replica: path.clone(),
        value: Some(Quantity::Share(Ratio::new(if trouble.is_none() { 1.0 } else { 0.0 }))),
    }
}

/// What is new: endpoints that went down, are down for another reason, or came back.
fn changes(
    known: &mut BTreeMap<String, Option<String>>,
    answers: &[ProbeResult],
) -> Vec<SourceEvent> {
    let mut changed = Vec::new();
    for (path, trouble) in answers {
        let before = known.insert(path.clone(), trouble.clone()).flatten();
        if before != *trouble {
            changed.push(SourceEvent {
                tier: Reading::HEALTH.to_owned(),
                replica: path.clone(),
                source: String::new(),
                reason: trouble.clone(),
            });
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_told_of_when_it_goes_down_and_when_it_comes_back() {
        let mut known = BTreeMap::new();
        let mut messages = |trouble: Option<&str>| {
            let now = [("/health".to_owned(), trouble.map(str::to_owned))];
            let events = changes(&mut known, &now).into_iter();
            events.map(|event| event.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(messages(None), [""; 0]);
        assert_eq!(messages(Some("HTTP 503")), ["health /health: HTTP 503"]);
        assert_eq!(messages(Some("HTTP 503")), [""; 0]);
        assert_eq!(messages(None), ["health /health: answers again"]);
    }

    #[test]
    fn endpoint_that_is_down_reads_zero_because_it_was_asked() {
        let down = reading(&("/health".to_owned(), Some("HTTP 503".to_owned())));
        assert_eq!(down.value, Some(Quantity::Share(Ratio::new(0.0))));
    }
}
