//! Requests that were asked for and never sent, because iterations ended before their last step.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::planned::is_closed;
use super::window::JudgedWindow;
use plimsoll_metrics::{Counts, StepId, StepInterval};
use plimsoll_units::{Rate, Ratio};

/// A run that offered less than this share of the requests asked for was not made at the load asked for.
const OFFERED_MIN: f64 = 0.95;
/// So much of what is missing must be what failed iterations can have left out.
const EXPLAINED_MIN: f64 = 0.5;

/// So many steps are named.
const NAMED: usize = 3;

/// How much of the load was never sent, and where iterations ended early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadShortfall {
    /// Requests a second that the judged arrivals would have made by the scenario's steps.
    pub asked: Rate,
    /// Requests a second that they made.
    pub sent: Rate,
    /// Failed iterations among those that ended.
    pub ended_early: Ratio,
    /// The steps at which requests failed, most failures first: their names and failures.
    pub steps: Vec<(String, u64)>,
}

/// Prints `40.0 of 60.0 req/s were sent, because 50 % of iterations ended early, at step a (200 failures)`.
impl fmt::Display for LoadShortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} of {:.1} req/s were sent, because {:.0} % of iterations ended early",
            self.sent.get(),
            self.asked.get(),
            self.ended_early.get() * 100.0
        )?;
        for (index, (step, failures)) in self.steps.iter().take(NAMED).enumerate() {
            let before = if index == 0 { ", at step " } else { ", " };
            let word = if *failures == 1 { "failure" } else { "failures" };
            write!(f, "{before}{step} ({failures} {word})")?;
        }
        match self.steps.len().saturating_sub(NAMED) {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}

impl LoadShortfall {
    /// What a run of an open model lacks, if it is more than 5 % and failed iterations explain it.
    pub(super) fn of(window: &JudgedWindow<'_>, counts: &Counts) -> Option<Self> {
        let header = &window.log.header;
        let arrivals = counts.arrivals;
        let ended = arrivals.completed + arrivals.failed;
        if is_closed(header) || window.log.steered() || header.stages.is_empty() || ended == 0 {
            return None;
        }
        let expected = header.requests_per_iteration();
        let share = counts.requests as f64 / (ended as f64 * expected).max(f64::MIN_POSITIVE);
        // A failed iteration sent at least the request that failed.
        let left_out = arrivals.failed as f64 * (expected - 1.0).max(0.0);
        let missing = ended as f64 * expected * (1.0 - share);
        if share >= OFFERED_MIN || left_out < EXPLAINED_MIN * missing {
            return None;
        }
        let length = window.judged_length();
        let started: u64 = window.judged.iter().map(|interval| interval.arrivals.started).sum();
        let asked = started as f64 * expected / length.as_secs_f64().max(f64::MIN_POSITIVE);
        Some(Self {
            asked: Rate::per_second(asked),
            sent: Rate::per_second(asked * share),
            ended_early: Ratio::of(arrivals.failed, ended),
            steps: failing_steps(window),
        })
    }
}

fn failing_steps(window: &JudgedWindow<'_>) -> Vec<(String, u64)> {
    let steps = window.log.header.steps.iter().zip(0..);
    let mut failing: Vec<(String, u64)> = steps
        .map(|(step, id)| {
            let found =
                window.log.intervals.iter().filter_map(|interval| interval.step(StepId(id)));
            (step.name.clone(), found.map(StepInterval::failed).sum())
        })
        .filter(|(_, failed)| *failed > 0)
        .collect();
    failing.sort_by_key(|(_, failed)| std::cmp::Reverse(*failed));
    failing
}
