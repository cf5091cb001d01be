//! Durations, rates, ratios, sizes and money: numbers that know their unit.
//!
//! Every number that a user writes or reads goes through a type here, so that a unit can be neither
//! forgotten nor mixed up. Parsing and printing are inverse: what is printed parses to the same value.

mod amount;
mod decimal;
mod hex;
mod parse;
mod quantity;
mod rate;
mod seed;
mod time;
mod uuid;
mod word;

pub use amount::{Bytes, Money, Ratio};
pub use decimal::{Decimal, NotDecimal};
pub use hex::hexadecimal;
pub use parse::ParseUnitError;
pub use quantity::Quantity;
pub use rate::{Rate, RateUnit, WorkRate};
pub use seed::{RandomStream, Seed};
pub use time::{Nanos, RunTime};
pub use uuid::Uuid;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is printed is read back, and prints the same again. (Printing rounds, so the value itself may not be
    /// the same to the last nanosecond.)
    fn survives<T: std::str::FromStr + ToString>(value: &T) -> Result<(), TestCaseError> {
        let text = value.to_string();
        let again = text.parse::<T>().map_err(|_| TestCaseError::fail(text.clone()))?;
        prop_assert_eq!(again.to_string(), text);
        Ok(())
    }

    proptest! {
        #[test]
        fn printed_units_are_read_back(value: u64, small in 0_u64..1_000_000, share in 0.0..100.0_f64) {
            survives(&Nanos::new(value / 1_000))?;
            survives(&Nanos::new(small))?;
            survives(&Bytes::new(value >> 4))?;
            survives(&Bytes::new(small))?;
            survives(&Money::from_cents(small))?;
            survives(&Ratio::new(share))?;
            for unit in [RateUnit::Requests, RateUnit::Iterations] {
                survives(&WorkRate { rate: Rate::per_second(share * 100.0), unit })?;
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = text.parse::<Nanos>();
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<Money>();
            let _ = text.parse::<Ratio>();
            let _ = text.parse::<WorkRate>();
            let _ = text.parse::<Quantity>();
        }
    }
}
