//! Ratios, sizes in bytes and money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::parse::{ParseUnitError, split_number, trimmed};

/// A share of a whole: 0.01 is 1 %. Finite and never negative; may exceed 1 (an error budget spent twice).
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratio(f64);

impl Ratio {
    /// The ratio `value`, where 1.0 is the whole. Negative, infinite and NaN become zero.
    pub fn new(value: f64) -> Self {
        Self(if value.is_finite() { value.max(0.0) } else { 0.0 })
    }

    /// `part` of `whole`; zero if the whole is zero.
    pub fn of(part: u64, whole: u64) -> Self {
        Self::new(part as f64 / whole as f64)
    }

    /// The share, where 1.0 is the whole.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Prints per cent: `0.1%`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", trimmed(self.0 * 100.0))
    }
}

/// Reads `0.1%`. A bare number is refused, because 1 could mean 1 % or everything.
impl FromStr for Ratio {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseUnitError::Empty);
        }
        match split_number(text)? {
            (number, "%") => Ok(Self::new(number / 100.0)),
            (_, "") => Err(ParseUnitError::NoUnit { example: "0.1% or 70%" }),
            (_, unit) => Err(ParseUnitError::unknown(unit, "%")),
        }
    }
}

/// A size in bytes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(u64);

impl Bytes {
    /// A size of `bytes`.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Whole bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Prints binary units: `512 MiB`, `1.5 GiB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 >= 1 << shift {
                let value = self.0 as f64 / (1_u64 << shift) as f64;
                return write!(f, "{} {unit}", trimmed((value * 100.0).round() / 100.0));
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// Reads `512 MiB`, `2GiB`, `500 MB`, `64k` is refused. Decimal units (kB, MB, GB) are powers of 1000.
impl FromStr for Bytes {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseUnitError::Empty);
        }
        let (number, unit) = split_number(text)?;
        let size = match unit {
            "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "TB" => 1e12,
            "KiB" => 1_024.0,
            "MiB" => 1_048_576.0,
            "GiB" => 1_073_741_824.0,
            "TiB" => 1_099_511_627_776.0,
            "" => return Err(ParseUnitError::NoUnit { example: "512 MiB or 2 GiB" }),
            other => {
                return Err(ParseUnitError::unknown(
                    other,
                    "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB",
                ));
            }
        };
        let total = number * size;
        if total > u64::MAX as f64 {
            return Err(ParseUnitError::TooLarge);
        }
        Ok(Self(total.round() as u64))
    }
}

/// An amount of US dollars, in whole cents.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(u64);

impl Money {
    /// An amount of `cents` US cents.
    pub const fn from_cents(cents: u64) -> Self {
        Self(cents)
    }

    /// Whole US cents.
    pub const fn cents(self) -> u64 {
        self.0
    }

    /// US dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// This amount times `count`.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// This amount and `other`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Prints `$60`, `$12.50`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "${}", self.0 / 100),
            cents => write!(f, "${}.{cents:02}", self.0 / 100),
        }
    }
}

/// Reads `$60`, `60 USD`, `12.50 USD`.
impl FromStr for Money {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let text = text.trim();
        let (number, unit) = match text.strip_prefix('$') {
            Some(rest) => (split_number(rest)?.0, "USD"),
            None if text.is_empty() => return Err(ParseUnitError::Empty),
            None => split_number(text)?,
        };
        match unit {
            "USD" => Ok(Self((number * 100.0).round() as u64)),
            "" => Err(ParseUnitError::NoUnit { example: "$60 or 60 USD" }),
            other => Err(ParseUnitError::unknown(other, "USD")),
        }
    }
}
