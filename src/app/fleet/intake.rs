//! What agents send in great numbers, taken in beside the loop that leads: of a thousand agents come a thousand coarse
//! seconds and a thousand pieces of logs a second, and to unpack, to read and to write them takes time that orders and
//! clocks must not wait for.

use std::thread::JoinHandle;

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::fleet::{RunSubjects, unpack};
use crate::metrics::Interval;

use super::super::exit::Failure;
use super::gather::Leading;
use super::logs::{LogProgress, LogStore, fetch};
use super::thread::thread;

/// Seconds that were read and not merged yet: one of each of a thousand agents.
const SECONDS: usize = 1_024;
/// Pieces of logs that are on the disk and not noticed yet.
const PIECES: usize = 256;

/// Two threads, one for coarse seconds and one for logs. They end with it.
pub(super) struct FleetIntake {
    /// Seconds of agents, each with the agent's shard, from 1.
    pub(super) seconds: mpsc::Receiver<(u32, Interval)>,
    /// Pieces of logs, or why one could not be kept.
    pub(super) pieces: mpsc::Receiver<Result<LogProgress, String>>,
    threads: Vec<JoinHandle<()>>,
}

impl FleetIntake {
    /// Begins to take in what comes by `live` and what the stream of logs has.
    pub(super) fn start(
        leading: &Leading,
        live: Subscriber,
        store: LogStore,
    ) -> Result<Self, Failure> {
        let (seconds_outbox, seconds) = mpsc::channel(SECONDS);
        let (pieces_outbox, pieces) = mpsc::channel(PIECES);
        let (carrier, subjects) = (leading.carrier.clone(), leading.subjects.clone());
        let threads = vec![
            thread("live view", read_seconds(live, seconds_outbox))?,
            thread("agents' logs", fetch(carrier, subjects, store, pieces_outbox))?,
        ];
        Ok(Self { seconds, pieces, threads })
    }

    /// Takes in nothing more: what is on the disk stays as it is.
    pub(super) fn stop(&mut self) {
        self.seconds.close();
        self.pieces.close();
        // What waits to be sent fails now, and each thread sees that.
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for FleetIntake {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads seconds for as long as anybody wants them.
async fn read_seconds(mut live: Subscriber, outbox: mpsc::Sender<(u32, Interval)>) {
    loop {
        let message = tokio::select! {
            message = live.next() => message,
            () = outbox.closed() => return,
        };
        let Some(message) = message else { return };
        let Some(second) = read_second(&message) else { continue };
        if outbox.send(second).await.is_err() {
            return;
        }
    }
}

fn read_second(message: &async_nats::Message) -> Option<(u32, Interval)> {
    let number = RunSubjects::number_of(&message.subject)?;
    let text = unpack(&message.payload).ok()?;
    let interval: Interval = serde_json::from_slice(&text).ok()?;
    interval.is_possible().then_some((number, interval))
}
