//! What a run is judged by where its scenario has no SLO table.
//!
//! Without it a run in which every request failed would have nothing to fail by.

use super::window::is_closed;
use crate::metrics::{Bound, CustomMeasure, Measure, Objective, RunHeader, Scope};
use crate::units::{Quantity, Ratio};

/// At most so many requests may fail.
const ERROR_RATE_MAX: f64 = 0.01;
/// At least so many of the arrivals that fell due must start.
const ACHIEVED_MIN: f64 = 0.99;

/// At most 1 % of requests fail; of an open model, at least 99 % of the arrivals that fell due start.
pub(super) fn rows(header: &RunHeader) -> Vec<Objective> {
    let row = |name: &str, measure: Measure, bound: Bound, limit: f64| Objective {
        name: name.to_owned(),
        scope: Scope::Run,
        measure,
        bound,
        target: None,
        limit: Some(Quantity::Share(Ratio::new(limit))),
        of: crate::metrics::Answers::default(),
    };
    let errors = row("error_rate", Measure::ErrorRate, Bound::AtMost, ERROR_RATE_MAX);
    let measure = CustomMeasure::AchievedRate;
    let achieved = row(measure.word(), Measure::Custom(measure), Bound::AtLeast, ACHIEVED_MIN);
    if is_closed(header) { vec![errors] } else { vec![errors, achieved] }
}
