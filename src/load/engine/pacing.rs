//! Pacing: when a worker is woken for the next arrival.
//!
//! Where arrivals come closer than the promised lag, wake-ups are coalesced. For a sparse arrival the worker
//! is woken a little ahead, because being woken takes time.

use std::cell::Cell;

use plimsoll_plan::Stage;
use plimsoll_units::{Nanos, RunTime};

/// Above this many arrivals a second and worker, wake-ups are coalesced.
const DENSE: f64 = 5_000.0;
/// The least time between wake-ups then. Measured at 20,000/s: lag p50 65 µs, p99 134 µs for half a core.
const COALESCE: Nanos = Nanos::from_micros(100);

/// The longest that a worker is woken ahead of an arrival.
const LEAD_MAX: Nanos = Nanos::from_micros(60);
/// By how much the lead follows one wake-up.
const LEAD_STEP: Nanos = Nanos::new(250);
/// An arrival that is hardly farther away than the lead is not worth a sleep, which would end after it.
pub(super) const LEAD_MARGIN: Nanos = Nanos::from_micros(2);

/// How long before an arrival a worker wants to be woken, because being woken takes time.
///
/// Without it each arrival is late by what the machine takes to wake a thread: 38 µs in the middle here. The
/// lead follows the lower quartile of that time, so that three wake-ups in four still come late, and waiting for
/// the rest of the time, which costs CPU, is rare and short.
#[derive(Debug, Default)]
pub(super) struct WakeUpLead(Cell<Nanos>);

impl WakeUpLead {
    /// When to be woken for an arrival at `due`.
    pub(super) fn before(&self, due: RunTime) -> RunTime {
        due - self.0.get()
    }

    /// A sleep for an arrival at `due` ended at `now`: one that was early weighs three late ones.
    pub(super) fn woken(&self, due: RunTime, now: RunTime) {
        let lead = self.0.get();
        self.0.set(if now < due {
            lead.saturating_sub(LEAD_STEP * 3)
        } else {
            (lead + LEAD_STEP).min(LEAD_MAX)
        });
    }
}

/// The least time between wake-ups of one of `parts` workers (of all shards) that play `stages` together; zero
/// where each arrival is worth one.
pub(super) fn coalescing(stages: &[Stage], parts: u32) -> Nanos {
    let peak = stages.iter().map(|stage| stage.from.get().max(stage.to.get())).fold(0.0, f64::max);
    if peak / f64::from(parts) > DENSE { COALESCE } else { Nanos::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: prove that one wake-up in four comes early, whatever the machine takes.
    /// Method: wake-ups of 20 µs to 59 µs, each as often as the others, in an order without pattern.
    #[test]
    fn lead_settles_at_the_lower_quartile_of_what_waking_takes() {
        let lead = WakeUpLead::default();
        let mut early = 0;
        for index in 0..4_000_u64 {
            let due = RunTime::ZERO + Nanos::from_millis(index + 1);
            let takes = Nanos::from_micros(20 + index * 17 % 40);
            let woken = lead.before(due) + takes;
            early += usize::from(index >= 2_000 && woken < due);
            lead.woken(due, woken);
        }
        assert!((400..=600).contains(&early), "{early} of 2,000");
        let settled = lead.0.get();
        assert!((Nanos::from_micros(26)..Nanos::from_micros(34)).contains(&settled), "{settled}");
    }

    #[test]
    fn lead_never_exceeds_its_limit() {
        let lead = WakeUpLead::default();
        let due = RunTime::ZERO + Nanos::from_secs(1);
        (0..10_000).for_each(|_| lead.woken(due, due + Nanos::from_millis(5)));
        assert_eq!(lead.before(due), due - LEAD_MAX);
    }
}
