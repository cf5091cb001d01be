//! What says that a leader lives, from a thread of its own: whatever the leader is busy with, fits and merges among it.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::cli::{FleetArgs, NatsLoginArgs};
use crate::fleet::{Carrier, LeaderSign, RunSubjects, SIGN_EVERY};

use super::super::exit::{Exit, Failure};
use super::connection::connect;
use super::thread::thread;

/// The last word may take so long; who misses it finds the leader silent.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Says that the leader lives for as long as it is there, and then that it is through.
pub(in crate::app) struct LeaderPulse {
    /// The leader, by a word that no other has.
    pub(super) leader: String,
    is_over: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl LeaderPulse {
    /// Begins to say it.
    ///
    /// # Errors
    /// Where the NATS server cannot be reached.
    pub(super) async fn start(args: &FleetArgs) -> Result<Self, Failure> {
        let (url, login) = (args.nats.clone().unwrap_or_default(), args.login.clone());
        let (outbox, connected) = oneshot::channel();
        let is_over = CancellationToken::new();
        let thread = thread("leader's pulse", beat((url, login), outbox, is_over.clone()))?;
        let mut pulse = Self { leader: String::new(), is_over, thread: Some(thread) };
        let broken = |_| Failure::new(Exit::Error, "error: the leader's pulse ended");
        pulse.leader = connected.await.map_err(broken)??;
        Ok(pulse)
    }
}

impl Drop for LeaderPulse {
    fn drop(&mut self) {
        self.is_over.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn beat(
    (url, login): (String, NatsLoginArgs),
    outbox: oneshot::Sender<Result<String, Failure>>,
    is_over: CancellationToken,
) {
    let carrier = match connect(&url, &login, None).await {
        Ok(carrier) => carrier,
        Err(failure) => {
            // Who wanted to know may have been interrupted.
            let _ = outbox.send(Err(failure));
            return;
        }
    };
    let leader = carrier.unique();
    let subject = RunSubjects::signs(&leader);
    let _ = outbox.send(Ok(leader));
    let mut signs = interval(SIGN_EVERY);
    loop {
        tokio::select! {
            _ = signs.tick() => give(&carrier, &subject, LeaderSign::Alive).await,
            () = is_over.cancelled() => break,
        }
    }
    let last = async {
        give(&carrier, &subject, LeaderSign::Over).await;
        let _ = carrier.flush().await;
    };
    let _ = timeout(LAST_WORD, last).await;
}

async fn give(carrier: &Carrier, subject: &str, sign: LeaderSign) {
    // The next one comes in a second.
    let _ = carrier.tell(subject.to_owned(), &sign).await;
}
