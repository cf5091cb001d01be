//! A request under way: times and counts over all its exchanges.

use std::rc::Rc;

use plimsoll_metrics::{Outcome, Phase, Phases, Sample};
use plimsoll_plan::RequestPlan;
use plimsoll_units::{Nanos, RunTime};

use super::exchange::TimedResponse;
use super::prepared::RequestParts;

/// A request under way: what is known of it so far.
pub(super) struct RequestProgress {
    pub(super) began: RunTime,
    pub(super) deadline: RunTime,
    pub(super) phases: Phases,
    /// Sums over all exchanges of a chain of redirects.
    pub(super) send: Nanos,
    pub(super) wait: Nanos,
    pub(super) receive: Nanos,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) exchanges: u16,
    pub(super) reconnects: u16,
    pub(super) status: u16,
    /// What is sent, where that is not a text that was rendered.
    pub(super) parts: Option<Rc<RequestParts>>,
}

impl RequestProgress {
    /// A request that begins now.
    pub(super) fn new(began: RunTime, timeout: Nanos) -> Self {
        Self {
            began,
            deadline: began + timeout,
            phases: Phases::default(),
            send: Nanos::ZERO,
            wait: Nanos::ZERO,
            receive: Nanos::ZERO,
            bytes_sent: 0,
            bytes_received: 0,
            exchanges: 0,
            reconnects: 0,
            status: 0,
            parts: None,
        }
    }

    /// Adds one exchange.
    pub(super) fn add(&mut self, answer: &TimedResponse) {
        self.send += answer.written.since(answer.began);
        self.wait += answer.first_byte.since(answer.written);
        self.receive += answer.done.since(answer.first_byte);
        self.bytes_sent += answer.bytes_sent;
        self.bytes_received += answer.bytes_received;
        self.status = answer.status;
    }

    /// Adds the bytes of an exchange that failed.
    pub(super) fn add_partial(&mut self, sent: u64, received: u64) {
        self.bytes_sent += sent;
        self.bytes_received += received;
    }

    /// What the recorder counts.
    pub(super) fn into_sample(
        mut self,
        request: &RequestPlan,
        intended: RunTime,
        done: RunTime,
        outcome: Outcome,
    ) -> Sample {
        if self.status != 0 {
            self.phases.set(Phase::Send, self.send);
            self.phases.set(Phase::Wait, self.wait);
            self.phases.set(Phase::Receive, self.receive);
        }
        Sample {
            step: request.step,
            intended,
            sent: self.began,
            done,
            phases: self.phases,
            status: self.status,
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            exchanges: self.exchanges,
            reconnects: self.reconnects,
            attempt: 0,
            waited: Nanos::ZERO,
            messages: 0,
            outcome,
        }
    }
}
