//! How an agent speaks to its leader.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine::SteeringCommand;
use crate::fleet::{
    AgentTold, Broadcast, Carrier, CarrierError, ClockEstimate, ClockFilter, FileRequest,
    RunSubjects, SteeringOrder, WorkFile, digest,
};
use crate::transport::{Clock, monotonic};
use crate::units::RunTime;

use super::super::output::say;
use super::clocks;

/// Before what nobody has answered is asked again.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two comparisons of clocks during the run.
const CLOCKS_EVERY: Duration = Duration::from_secs(10);

/// An agent's way to its leader. What asks until it is answered ends with the caller's patience.
#[derive(Clone)]
pub(super) struct LeaderLink {
    pub(super) carrier: Carrier,
    pub(super) subjects: RunSubjects,
    /// The agent's shard, from 1.
    pub(super) number: u32,
}

impl LeaderLink {
    /// Tells the leader until it has heard.
    pub(super) async fn tell(&self, what: &AgentTold) {
        while self.carrier.ask::<bool>(self.subjects.told(), what).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The files of the scenario, each as the leader has read it.
    pub(super) async fn fetch(
        &self,
        wanted: &[WorkFile],
    ) -> Result<BTreeMap<PathBuf, Vec<u8>>, CarrierError> {
        let mut files = BTreeMap::new();
        for (file, about) in wanted.iter().enumerate() {
            let mut bytes = vec![];
            while (bytes.len() as u64) < about.size {
                let request = FileRequest { file, offset: bytes.len() as u64 };
                let part = self.part(serde_json::to_vec(&request)?).await;
                if part.is_empty() {
                    break;
                }
                bytes.extend_from_slice(&part);
            }
            if digest(&bytes) != about.sha256 {
                let why = format!("`{}` did not come as the leader has it", about.path);
                return Err(CarrierError::Failed { doing: "cannot fetch a file", why });
            }
            files.insert(PathBuf::from(&about.path), bytes);
        }
        Ok(files)
    }

    /// A part of a file, once it is answered.
    async fn part(&self, request: Vec<u8>) -> bytes::Bytes {
        loop {
            match self.carrier.ask_bytes(self.subjects.file(), request.clone()).await {
                Ok(part) => return part,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Compares this clock with the leader's, once it answers.
    pub(super) async fn compare(&self, filter: &mut ClockFilter) -> ClockEstimate {
        loop {
            match clocks::compare(&self.carrier, &self.subjects, filter).await {
                Some(estimate) => return estimate,
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Hands orders on to the run, each once, and says that they were heard.
    pub(super) async fn follow(
        self,
        mut words: mpsc::Receiver<Broadcast>,
        outbox: mpsc::Sender<SteeringOrder>,
        clock: Clock,
        called_off: CancellationToken,
    ) {
        let mut done = 0;
        while let Some(word) = words.recv().await {
            let order = match word {
                Broadcast::Order(order) => order,
                // Another agent did not hear when to begin.
                Broadcast::Cancel(why) => {
                    say(&format!("the run does not take place: {why}"));
                    called_off.cancel();
                    let command = SteeringCommand::Abort;
                    let order = SteeringOrder { revision: 0, at: RunTime::ZERO, command };
                    // A run that is over needs none.
                    let _ = outbox.send(order).await;
                    return;
                }
                Broadcast::Work(_) | Broadcast::Start(_) => continue,
            };
            let (revision, late) = (order.revision, order.at < clock.now());
            if revision > done {
                done = revision;
                if outbox.send(order).await.is_err() {
                    return;
                }
            }
            let acknowledged = AgentTold::Acknowledged { number: self.number, revision, late };
            // The leader sends the order again where it does not know that it was heard.
            let _ = self.carrier.ask::<bool>(self.subjects.told(), &acknowledged).await;
        }
    }

    /// Compares clocks again and again, and tells the leader how well this one is known.
    pub(super) async fn watch_clock(self, mut filter: ClockFilter) {
        loop {
            tokio::time::sleep(CLOCKS_EVERY).await;
            clocks::compare(&self.carrier, &self.subjects, &mut filter).await;
            if let Some(error) = filter.error_at(monotonic()) {
                let told = AgentTold::Clock { number: self.number, error };
                let _ = self.carrier.ask::<bool>(self.subjects.told(), &told).await;
            }
        }
    }
}
