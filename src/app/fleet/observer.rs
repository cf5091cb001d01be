//! What an agent's run hands on: coarse seconds to the leader, and the leader's orders to the run.

use tokio::sync::mpsc;

use crate::engine::{Steering, SteeringCommand};
use crate::fleet::{Carrier, SteeringOrder, coarse, pack};
use crate::metrics::{Event, EventKind, Interval, PageLoad, RunEnd};

use super::super::audience::RunObserver;
use super::super::output::say;

/// Seconds that have not been sent yet; more are dropped, and counted.
pub(super) const UNSENT: usize = 64;
/// What is longer is not sent: the server takes 1 MiB a message.
const LONGEST: usize = 900 << 10;

/// Watches an agent's run.
pub(super) struct AgentObserver {
    pub(super) live: mpsc::Sender<Interval>,
    pub(super) orders: mpsc::Receiver<SteeringOrder>,
    /// Seconds that were dropped because the carrier did not take them.
    pub(super) lost: u64,
}

impl RunObserver for AgentObserver {
    fn on_interval(&mut self, interval: Interval) {
        if self.live.try_send(interval).is_err() {
            self.lost += 1;
        }
    }

    fn on_page(&mut self, _: PageLoad) {}

    fn on_event(&mut self, event: Event) {
        if let EventKind::Warning(text) = &event.kind {
            say(&format!("warning: {text}"));
        }
    }

    fn on_steering(&mut self, _: Steering) {}

    fn on_signal(&mut self) {
        say("\nstopping: requests in flight get 5 s; a second Ctrl-C stops at once");
    }

    fn on_end(&mut self, _: &RunEnd) {}

    async fn next_steering(&mut self) -> SteeringCommand {
        match self.orders.recv().await {
            Some(order) => SteeringCommand::At(order.at, Box::new(order.command)),
            None => std::future::pending().await,
        }
    }
}

/// Sends seconds until the run lets go of them.
pub(super) async fn send_live(
    carrier: Carrier,
    subject: String,
    mut seconds: mpsc::Receiver<Interval>,
) {
    while let Some(interval) = seconds.recv().await {
        let text = serde_json::to_vec(&coarse(&interval)).unwrap_or_default();
        let packed = pack(&text);
        if packed.len() <= LONGEST {
            // It is a view; the log is what counts.
            let _ = carrier.publish(subject.clone(), packed).await;
        }
    }
}
