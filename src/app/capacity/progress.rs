//! The progress of a search: a line for each step, and one that lives while a step does.

use crate::capacity::search::CapacitySearch;
use crate::capacity::slo_limits::SloLimit;
use crate::capacity::step::{AbortReason, StepPurpose, StepResult};
use crate::metrics::{Counts, Distribution, Interval};
use crate::units::{Nanos, Rate};

use super::super::output::{fitted, live_width, say, say_raw};

/// Prints the progress of a search.
#[derive(Debug)]
pub(super) struct SearchProgress {
    /// The terminal's width, where a line can be rewritten.
    width: Option<usize>,
    quiet: bool,
    steps: usize,
    doing: String,
    length: Nanos,
}

impl SearchProgress {
    /// Of a search that has made `steps` steps already.
    pub(super) fn new(quiet: bool, steps: usize) -> Self {
        Self {
            width: live_width().filter(|_| !quiet),
            quiet,
            steps,
            doing: String::new(),
            length: Nanos::ZERO,
        }
    }

    /// A step begins that lasts `length`.
    pub(super) fn begins(&mut self, (rate, purpose): (Rate, StepPurpose), length: Nanos) {
        self.steps += 1;
        self.length = length;
        self.doing =
            format!("step {:<2} {:<9} {:>7} req/s", self.steps, purpose.word(), shown(rate));
    }

    /// One second of it is over.
    pub(super) fn second(&self, second: &Interval) {
        let Some(width) = self.width else { return };
        let mut response = Distribution::new();
        for step in second.steps.values() {
            response.merge_sparse(&step.times().successes());
        }
        let p95 = if response.is_empty() {
            "–".to_owned()
        } else {
            format!("{:.0} ms", response.quantile(0.95).as_millis_f64())
        };
        let parts = [
            self.doing.clone(),
            format!("{:.0}/{:.0} s", second.end.as_secs_f64(), self.length.as_secs_f64()),
            format!("failed {}", Counts::of(second).failed()),
            format!("p95 {p95}"),
            format!("in flight {}", second.in_flight),
        ];
        say_raw(&format!("\r\x1b[K{}", fitted(&parts, width)));
    }

    /// A step is over.
    pub(super) fn step(&self, step: &StepResult, invalid: Option<&str>, slo_limits: &[SloLimit]) {
        if self.quiet {
            return;
        }
        if self.width.is_some() {
            say_raw("\r\x1b[K");
        }
        say(&format!("{}  {}", self.doing, described(step, invalid, slo_limits)));
    }

    /// What is known by now.
    pub(super) fn bracket(&self, search: &CapacitySearch) {
        if self.quiet {
            return;
        }
        let (pass, fail) = search.bracket();
        let edge = |rate: Option<Rate>| rate.map_or("?".to_owned(), shown);
        let left = search.remaining().as_secs_f64();
        say(&format!(
            "        between {} and {} req/s, at most {:.0}:{:02.0} left",
            edge(pass),
            edge(fail),
            (left / 60.0).floor(),
            (left % 60.0).floor()
        ));
    }

    /// A signal came.
    pub(super) fn stopping() {
        say("\nstopping: requests in flight get 5 s; a second Ctrl-C stops at once");
    }
}

fn described(step: &StepResult, invalid: Option<&str>, slo_limits: &[SloLimit]) -> String {
    let response = step.response();
    let ms = |p: f64| match response.count() {
        0 => "–".to_owned(),
        _ => format!("{:.0} ms", 1e3 * response.quantile(p)),
    };
    let outcome = match (invalid, step.aborted) {
        (Some(why), _) => format!("not valid: {why}"),
        (None, Some(AbortReason::InFlightRunaway)) => "stopped: requests pile up".to_owned(),
        (None, Some(AbortReason::ErrorBurst)) => "stopped: too many errors".to_owned(),
        (None, None) if step.is_throttled() => "throttled by a rate limit at the edge".to_owned(),
        (None, None) if step.seems_within(slo_limits) => "within".to_owned(),
        (None, None) => "exceeds".to_owned(),
    };
    format!(
        "{:>4.0} s  p95 {:>8}  p99 {:>8}  {outcome}",
        step.duration.as_secs_f64(),
        ms(0.95),
        ms(0.99)
    )
}

fn shown(rate: Rate) -> String {
    if rate.get() < 100.0 { format!("{:.1}", rate.get()) } else { format!("{:.0}", rate.get()) }
}
