//! How a metric of a step went from run to run, and where its level changed.

use super::super::ValidityStatus;
use super::super::statistics::change_points::{ChangePoint, ChangePointSearch, find};
use super::metric::GateMetric;
use super::row::ComparedMetric;
use super::summary::{RunSummary, SloMetric};
use plimsoll_metrics::{Answers, Objective};
use plimsoll_units::Quantity;

/// The least relative change of a time's level that is reported, as for a regression.
const MAGNITUDE_MIN: f64 = 0.05;

/// A metric of a step over a history of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricTrend {
    /// The step's name.
    pub step: String,
    /// What is followed.
    pub metric: GateMetric,
    /// The runs that have it, by index, and its value there: seconds, or a share.
    pub points: Vec<(usize, f64)>,
    /// Where the level changed; the index is one of `points`.
    pub changes: Vec<ChangePoint>,
}

impl MetricTrend {
    /// What is followed, over successes.
    pub fn followed(&self) -> ComparedMetric<'_> {
        ComparedMetric { step: &self.step, metric: self.metric, of: Answers::Successes }
    }

    /// Follows `metric` of `step` through runs in the order of time. Runs whose measurement is not valid say
    /// nothing and are left out.
    pub fn of(runs: &[RunSummary], step: &str, metric: GateMetric) -> Self {
        let value = |run: &RunSummary| {
            let valid = run.validity != ValidityStatus::NotValid;
            let found = run.steps.iter().find(|found| found.name == step).filter(|_| valid)?;
            found.value(metric)
        };
        let points: Vec<(usize, f64)> =
            runs.iter().enumerate().filter_map(|(at, run)| Some((at, value(run)?))).collect();
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        let magnitude_min = if metric == GateMetric::ErrorRate { 0.0 } else { MAGNITUDE_MIN };
        let changes =
            find(&values, ChangePointSearch { magnitude_min, ..ChangePointSearch::default() });
        Self { step: step.to_owned(), metric, points, changes }
    }

    /// What a run's SLO table allows it, in seconds or as a share: target and max, each the strictest of its rows.
    pub fn bounds(&self, table: &[Objective]) -> (Option<f64>, Option<f64>) {
        let speaks = |row: &&Objective| {
            SloMetric::of(row).is_some_and(|found| {
                // An error rate has no times that could be anyone's.
                let same = self.metric == GateMetric::ErrorRate || found.of == Answers::Successes;
                same && found.step == self.step && found.metric == self.metric
            })
        };
        let least = |bound: fn(&Objective) -> Option<Quantity>| {
            table.iter().filter(speaks).filter_map(bound).map(Quantity::base).reduce(f64::min)
        };
        (least(|row| row.target), least(|row| row.limit))
    }
}
