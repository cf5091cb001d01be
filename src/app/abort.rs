//! Ends a run once a condition of `abort` has held for its time.

use crate::engine::{Control, RunEvent};
use crate::metrics::{AbortCondition, Event, EventKind, Scope, StopReason};
use crate::plan::{Plan, ScenarioPlan};
use crate::slo::{AbortWatch, requests_needed};

use super::prepare::PreparedRun;

/// The conditions for which the load never brings enough requests, each with what it lacks. Of a closed model, and where
/// nobody says how many rounds a loop makes, nobody knows.
pub(super) fn out_of_reach(plan: &Plan) -> Vec<String> {
    let iterations = plan.load.peak().get() / f64::from(plan.shard.count);
    let is_told = plan.scenarios.iter().all(|one| one.requests_per_iteration > 0.0);
    if iterations <= 0.0 || !is_told {
        return vec![];
    }
    let weights: f64 = plan.scenarios.iter().map(|one| one.weight).sum();
    let rate = |one: &ScenarioPlan| iterations * one.weight / weights * one.requests_per_iteration;
    let note = |condition: &AbortCondition| {
        // A step has the requests of all scenarios at the most.
        let speaks_of = |one: &&ScenarioPlan| match &condition.scope {
            Scope::Scenario(name) => one.name == *name,
            _ => true,
        };
        let rate: f64 = plan.scenarios.iter().filter(speaks_of).map(rate).sum();
        // A stage brings what it should on average, and no stretch of it much more.
        let due = (rate * condition.sustained.as_secs_f64()).ceil() as u64;
        let needed = requests_needed(&condition.measure);
        (due < needed).then(|| {
            format!(
                "`abort: {}` cannot end the run: it needs {needed} requests within {}, and {due} are due; give it a longer \
                 time",
                condition.text, condition.sustained
            )
        })
    };
    plan.abort.iter().filter_map(note).collect()
}

/// Looks at every second of a run that has conditions.
pub(super) struct AbortGuard {
    watch: Option<AbortWatch>,
    control: Control,
}

impl AbortGuard {
    pub(super) fn new(prepared: &PreparedRun, control: &Control) -> Self {
        let watch = AbortWatch::of(&prepared.plan.abort, &prepared.header);
        Self { watch, control: control.clone() }
    }

    /// Looks at the seconds among `events`. Where one of them ends the run, the reason is put behind it.
    pub(super) fn add_to(&mut self, events: &mut Vec<RunEvent>) {
        let Some(watch) = &mut self.watch else { return };
        let found = events.iter().enumerate().find_map(|(at, event)| match event {
            RunEvent::Interval(interval) => Some((at, interval.end, watch.on_interval(interval)?)),
            RunEvent::Event(_) | RunEvent::End(_) => None,
        });
        let Some((index, at, note)) = found else { return };
        // A run that is over already was not ended by it.
        self.watch = None;
        if self.control.reason() != StopReason::Finished
            || events.iter().any(|event| matches!(event, RunEvent::End(_)))
        {
            return;
        }
        self.control.stop(StopReason::Aborted);
        events.insert(index + 1, RunEvent::Event(Event { at, kind: EventKind::Aborted(note) }));
    }
}
