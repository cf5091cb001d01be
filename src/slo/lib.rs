//! Judgement: first the measurement itself, then the objectives, then the verdict.
//!
//! A number is worth showing only if the measurement behind it is valid, so validity comes first and a
//! measurement that is not valid never passes.

mod abort;
mod absent;
mod availability;
mod blue_green;
mod bounds;
mod cause;
mod default_table;
mod estimates;
mod finding;
pub mod gate;
mod highest_rate;
mod judge;
mod judged;
mod judgement;
mod lasting;
mod load_shortfall;
mod measured;
mod measurement;
mod objectives;
mod observed;
mod overload;
mod page_summary;
mod pages;
mod planned;
mod rate_limit;
mod recovery;
pub mod regression;
mod service;
#[cfg(test)]
mod simulated;
pub mod statistics;
mod steady;
mod times;
mod uptime;
mod validity;
mod window;

pub use abort::{AbortWatch, requests_needed};
pub use availability::{Availability, Incident, ProbeShare, availability};
pub use blue_green::{
    BlueGreen, Contrast, ContrastBasis, ContrastRow, GreenFailing, GreenVerdict, GreenWatch,
    ShareResult, SideValue, blue_green,
};
pub use cause::{Cause, Outage};
pub use default_table::default_error_rows;
pub use estimates::{FailureCounts, error_rate_status, mean_status, quantile_status};
pub use finding::{Finding, ValidityStatus, ValidityTest};
pub use highest_rate::{HighestRate, RateBasis};
pub use judge::{Strictness, judge};
pub use judged::{JudgedObjective, LagEffect, MoreTime, ObjectiveStatus, Verdict};
pub use judgement::Judgement;
pub use load_shortfall::LoadShortfall;
pub use measurement::Validity;
pub use overload::{FullTier, Overload};
pub use page_summary::{PageFigureSummary, PageGrowth, PageSummary, page_summaries};
pub use rate_limit::{ObservedRateLimit, SOURCE_ADDRESSES};
pub use steady::SteadyPeriod;
pub use times::Buckets;
pub use validity::is_partial;
