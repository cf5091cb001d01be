//! The SLO table in the terms of the search.

use super::step::SloLimit;
use crate::metrics::{Bound, Measure, Objective, Scope};
use crate::units::{Quantity, Ratio};

impl SloLimit {
    /// The SLO limit of `objective`; `None` where it has no max, or where it
    /// speaks of a part of the run or of something else than response times and errors.
    pub fn of(objective: &Objective) -> Option<Self> {
        if objective.scope != Scope::Run || objective.bound != Bound::AtMost {
            return None;
        }
        match (&objective.measure, objective.limit?) {
            (Measure::ResponseTime(p), Quantity::Time(max)) => {
                Some(Self::Quantile { p: Ratio::new(*p), max })
            }
            (Measure::MeanResponseTime, Quantity::Time(max)) => Some(Self::Mean { max }),
            (Measure::ErrorRate, Quantity::Share(max)) => Some(Self::ErrorRate { max }),
            _ => None,
        }
    }

    /// All SLO limits of an SLO table.
    pub fn all(objectives: &[Objective]) -> Vec<Self> {
        objectives.iter().filter_map(Self::of).collect()
    }
}
