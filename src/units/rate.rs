//! Rates: events per second.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Nanos;
use super::parse::{ParseUnitError, split_number, trimmed};

/// Events per second; finite and never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(f64);

impl Rate {
    /// Nothing ever happens.
    pub const ZERO: Self = Self(0.0);

    /// A rate of `events` per second. Negative, infinite and NaN become zero.
    pub fn per_second(events: f64) -> Self {
        Self(if events.is_finite() { events.max(0.0) } else { 0.0 })
    }

    /// The rate at which `count` events happen in `span`; zero for an empty span.
    pub fn of(count: u64, span: Nanos) -> Self {
        Self::per_second(count as f64 / span.as_secs_f64())
    }

    /// Events per second.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// This rate times `factor`.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::per_second(self.0 * factor)
    }
}

/// Prints with up to three significant decimals: `300`, `0.25`, `1234.6`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 >= 100.0 { 10.0 } else { 1_000.0 };
        f.write_str(&trimmed((self.0 * digits).round() / digits))
    }
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUnit {
    /// Single requests, `req/s`.
    Requests,
    /// Passes of a user through a flow, `iter/s`.
    Iterations,
}

impl fmt::Display for RateUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "req/s",
            Self::Iterations => "iter/s",
        })
    }
}

/// A rate as a user writes it, with what it counts: `300 req/s`, `40 iter/s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WorkRate {
    /// How many a second.
    pub rate: Rate,
    /// Of what.
    pub unit: RateUnit,
}

impl fmt::Display for WorkRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rate, self.unit)
    }
}

/// Reads `300 req/s`, `40 iter/s`, `120 req/min`, `5 iter/h`.
impl FromStr for WorkRate {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        const KNOWN: &str = "req/s, req/min, req/h, iter/s, iter/min or iter/h";
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseUnitError::Empty);
        }
        let (number, unit) = split_number(text)?;
        let Some((what, per)) = unit.split_once('/') else {
            return Err(if unit.is_empty() {
                ParseUnitError::NoUnit { example: "300 req/s or 40 iter/s" }
            } else {
                ParseUnitError::unknown(unit, KNOWN)
            });
        };
        let seconds = match per.trim() {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return Err(ParseUnitError::unknown(unit, KNOWN)),
        };
        let unit = match what.trim() {
            "req" | "requests" => RateUnit::Requests,
            "iter" | "iterations" => RateUnit::Iterations,
            "" => return Err(ParseUnitError::BareRate { found: text.to_owned() }),
            _ => return Err(ParseUnitError::unknown(unit, KNOWN)),
        };
        if !(number / seconds).is_finite() {
            return Err(ParseUnitError::TooLarge);
        }
        Ok(Self { rate: Rate::per_second(number / seconds), unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_without_what_is_counted_is_refused() {
        let error = "300/s".parse::<WorkRate>().expect_err("a bare rate is ambiguous");
        assert_eq!(error, ParseUnitError::BareRate { found: "300/s".into() });
    }

    #[test]
    fn rate_per_minute_is_divided() {
        let rate: WorkRate = "120 req/min".parse().expect("valid");
        assert_eq!(rate.to_string(), "2 req/s");
    }
}
