//! The order of things: what went out at once, what came one after the other, and when a person paused.

use super::select::{RecordedExchange, RequestClass};
use crate::draft::{RequestDraft, StepDraft};
use crate::note::ImportNotes;
use plimsoll_units::Nanos;

/// A shorter silence is the browser's, not a person's.
pub(super) const PAUSE_MIN: i64 = 500_000;
/// A longer one is a person who has left.
const PAUSE_MAX: i64 = 60_000_000;

/// The steps of a journey from its requests, each with the exchange that it comes from.
pub(super) fn steps(
    requests: Vec<(RecordedExchange<'_>, RequestDraft)>,
    notes: &mut ImportNotes,
) -> Vec<StepDraft> {
    let mut steps = vec![];
    let mut burst = Burst::default();
    let mut quiet_since = None;
    for (exchange, request) in requests {
        if let Some(since) = quiet_since
            && exchange.start - since >= PAUSE_MIN
        {
            burst.close(&mut steps);
            steps.push(StepDraft::Think(pause(exchange.start - since, notes)));
        }
        quiet_since = quiet_since.max(Some(exchange.end.max(exchange.start)));
        burst.add(&exchange, request, &mut steps);
    }
    burst.close(&mut steps);
    steps
}

/// Rounded to a tenth of a second: nobody pauses to the microsecond.
pub(super) fn pause(micros: i64, notes: &mut ImportNotes) -> Nanos {
    if micros > PAUSE_MAX {
        let recorded = Nanos::from_secs((micros / 1_000_000).unsigned_abs());
        notes.change("a pause of more than a minute: cut to 1m", recorded.to_string());
    }
    Nanos::from_millis((micros.min(PAUSE_MAX) / 100_000 * 100).unsigned_abs())
}

/// Requests without a pause between them.
#[derive(Default)]
struct Burst {
    assets: Vec<RequestDraft>,
    /// Where in the steps the assets go: where the first of them was asked for.
    assets_at: usize,
    calls: Vec<RequestDraft>,
    /// When the first of the calls was answered.
    calls_until: i64,
}

impl Burst {
    fn add(
        &mut self,
        exchange: &RecordedExchange<'_>,
        request: RequestDraft,
        steps: &mut Vec<StepDraft>,
    ) {
        match exchange.class {
            RequestClass::Asset => {
                if self.assets.is_empty() {
                    self.close_calls(steps);
                    self.assets_at = steps.len();
                }
                // The second time, the browser had it already.
                if self.assets.iter().all(|known| known.name != request.name) {
                    self.assets.push(request);
                }
            }
            RequestClass::Call => {
                if !self.calls.is_empty() && exchange.start >= self.calls_until {
                    self.close_calls(steps);
                }
                let first = self.calls.is_empty();
                self.calls_until =
                    if first { exchange.end } else { self.calls_until.min(exchange.end) };
                self.calls.push(request);
            }
            RequestClass::Document | RequestClass::Socket | RequestClass::Events => {
                self.close(steps);
                steps.push(StepDraft::Request(Box::new(request)));
            }
        }
    }

    fn close_calls(&mut self, steps: &mut Vec<StepDraft>) {
        steps.extend(together(std::mem::take(&mut self.calls)));
    }

    fn close(&mut self, steps: &mut Vec<StepDraft>) {
        self.close_calls(steps);
        if let Some(step) = together(std::mem::take(&mut self.assets)) {
            steps.insert(self.assets_at.min(steps.len()), step);
        }
    }
}

fn together(mut requests: Vec<RequestDraft>) -> Option<StepDraft> {
    match requests.len() {
        0 => None,
        1 => requests.pop().map(|only| StepDraft::Request(Box::new(only))),
        _ => Some(StepDraft::Parallel(requests)),
    }
}
