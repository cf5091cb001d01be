//! Judgement: first the measurement itself, then the objectives, then the verdict.
//!
//! A number is worth showing only if the measurement behind it is valid, so validity comes first and a
//! measurement that is not valid never passes.

mod availability;
mod blue_green;
mod bounds;
mod finding;
pub mod gate;
mod highest_rate;
mod judge;
mod judgement;
mod lasting;
mod measured;
mod objectives;
mod observed;
mod rate_limit;
mod recovery;
pub mod regression;
#[cfg(test)]
mod simulated;
pub mod statistics;
mod times;
mod uptime;
mod validity;
mod window;

pub use availability::{Availability, Incident, ProbeShare, availability};
pub use blue_green::{
    BlueGreen, Contrast, ContrastBasis, ContrastRow, GreenFailing, GreenVerdict, GreenWatch,
    ShareResult, SideTotals, SideValue, blue_green,
};
pub use finding::{Finding, ValidityStatus, ValidityTest};
pub use highest_rate::{HighestRate, RateBasis};
pub use judge::{Strictness, judge};
pub use judgement::{JudgedObjective, Judgement, ObjectiveStatus, SteadyPeriod, Validity, Verdict};
pub use rate_limit::{ObservedRateLimit, SOURCE_ADDRESSES};
