//! The SLO table over all runs of a candidate: each objective as it came out in its worst run.

use super::answer::{GateReport, GatedRun};
use plimsoll_metrics::Bound;
use plimsoll_slo::{JudgedObjective, ValidityStatus};
use plimsoll_units::Quantity;

/// One objective over several runs.
#[derive(Debug, Clone)]
pub(crate) struct GatedObjective<'a> {
    /// As it came out in the worst run.
    pub(crate) worst: &'a JudgedObjective,
    /// That run.
    pub(crate) run: &'a GatedRun,
    /// How many runs came out so.
    pub(crate) alike: usize,
    /// How many runs could be judged.
    pub(crate) judged: usize,
}

/// All objectives, in the scenario's order, over the runs whose measurement is valid.
pub(crate) fn objectives(report: &GateReport) -> Vec<GatedObjective<'_>> {
    let valid: Vec<&GatedRun> = report
        .runs
        .iter()
        .filter(|run| run.judgement.validity.status != ValidityStatus::NotValid)
        .collect();
    let mut found: Vec<GatedObjective<'_>> = vec![];
    for run in &valid {
        for judged in &run.judgement.objectives {
            match found.iter_mut().find(|known| is_same(known.worst, judged)) {
                None => found.push(GatedObjective { worst: judged, run, alike: 1, judged: 1 }),
                Some(known) => known.take(judged, run),
            }
        }
    }
    found
}

fn is_same(a: &JudgedObjective, b: &JudgedObjective) -> bool {
    a.objective.name == b.objective.name && a.objective.scope == b.objective.scope
}

impl<'a> GatedObjective<'a> {
    fn take(&mut self, judged: &'a JudgedObjective, run: &'a GatedRun) {
        self.judged += 1;
        if judged.status == self.worst.status {
            self.alike += 1;
        }
        let is_worse = judged.status > self.worst.status;
        if is_worse {
            self.alike = 1;
        }
        if is_worse
            || (judged.status == self.worst.status && severity(judged) > severity(self.worst))
        {
            (self.worst, self.run) = (judged, run);
        }
    }
}

/// Grows as the estimate gets worse.
fn severity(judged: &JudgedObjective) -> f64 {
    let estimate = judged.estimate.map_or(f64::NEG_INFINITY, Quantity::base);
    match judged.objective.bound {
        Bound::AtMost => estimate,
        Bound::AtLeast => -estimate,
    }
}
