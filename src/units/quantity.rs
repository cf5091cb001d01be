//! A value of any unit, for tables that hold times beside shares and counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::parse::{ParseUnitError, split_number, trimmed};
use super::{Bytes, Money, Nanos, Rate, Ratio, WorkRate};

/// A number together with what it measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A span of time.
    Time(Nanos),
    /// A share of a whole.
    Share(Ratio),
    /// Events per second.
    Rate(Rate),
    /// A size.
    Size(Bytes),
    /// A plain number: connections, replicas, events.
    Count(f64),
    /// An amount of money.
    Money(Money),
}

impl Quantity {
    /// The number in base units: seconds, 1.0 for the whole, events per second, bytes, dollars.
    pub fn base(self) -> f64 {
        match self {
            Self::Time(span) => span.as_secs_f64(),
            Self::Share(share) => share.get(),
            Self::Rate(rate) => rate.get(),
            Self::Size(size) => size.get() as f64,
            Self::Count(count) => count,
            Self::Money(money) => money.dollars(),
        }
    }

    /// A quantity of the same kind as this one, from a number in base units.
    #[must_use]
    pub fn with_base(self, value: f64) -> Self {
        match self {
            Self::Time(_) => Self::Time(Nanos::from_secs_f64(value)),
            Self::Share(_) => Self::Share(Ratio::new(value)),
            Self::Rate(_) => Self::Rate(Rate::per_second(value)),
            Self::Size(_) => Self::Size(Bytes::new(value.max(0.0).round() as u64)),
            Self::Count(_) => Self::Count(value),
            Self::Money(_) => Self::Money(Money::from_cents((value * 100.0).max(0.0) as u64)),
        }
    }

    /// What kind of number it is, for messages: `time`, `share`, …
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Time(_) => "time",
            Self::Share(_) => "share",
            Self::Rate(_) => "rate",
            Self::Size(_) => "size",
            Self::Count(_) => "count",
            Self::Money(_) => "money",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(span) => span.fmt(f),
            Self::Share(share) => share.fmt(f),
            Self::Rate(rate) => write!(f, "{rate}/s"),
            Self::Size(size) => size.fmt(f),
            Self::Count(count) => f.write_str(&trimmed(*count)),
            Self::Money(money) => money.fmt(f),
        }
    }
}

/// Reads whatever the unit says: `70%`, `500ms`, `512 MiB`, `300 req/s`, `$60`, and a bare number as a count.
impl FromStr for Quantity {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseUnitError::Empty);
        }
        if text.starts_with('$') || text.ends_with("USD") {
            return text.parse().map(Self::Money);
        }
        let (number, unit) = split_number(text)?;
        if unit.is_empty() {
            return Ok(Self::Count(number));
        }
        if unit == "%" {
            return text.parse().map(Self::Share);
        }
        if let Some(events) = unit.strip_prefix("/s") {
            return match events {
                "" => Ok(Self::Rate(Rate::per_second(number))),
                _ => Err(ParseUnitError::unknown(unit, "/s, req/s or iter/s")),
            };
        }
        if unit.contains('/') {
            return text.parse().map(|work: WorkRate| Self::Rate(work.rate));
        }
        if unit.ends_with('B') {
            return text.parse().map(Self::Size);
        }
        text.parse().map(Self::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantity_prints_what_it_reads() {
        for text in ["70%", "500ms", "512 MiB", "300/s", "$60", "100", "1.5s", "2m"] {
            let quantity: Quantity = text.parse().expect("valid");
            assert_eq!(quantity.to_string(), text);
        }
    }

    #[test]
    fn quantity_of_an_unknown_unit_is_refused() {
        for text in ["5 parsecs", "", "x", "-3", "5/m/s"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
