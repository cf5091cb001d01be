//! Durations, rates, ratios, sizes and money: numbers that know their unit.
//!
//! Every number that a user writes or reads goes through a type here, so that a unit can be neither
//! forgotten nor mixed up. Parsing and printing are inverse: what is printed parses to the same value.

mod amount;
mod parse;
mod quantity;
mod rate;
mod seed;
mod time;

pub use amount::{Bytes, Money, Ratio};
pub use parse::ParseUnitError;
pub use quantity::Quantity;
pub use rate::{Rate, RateUnit, WorkRate};
pub use seed::{Seed, Stream};
pub use time::{Nanos, RunTime};
