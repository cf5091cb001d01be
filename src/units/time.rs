//! Time spans and points in time, in whole nanoseconds.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parse::{ParseUnitError, split_number, trimmed};

/// A span of time in nanoseconds; at most 584 years.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(u64);

impl Nanos {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `ns` nanoseconds.
    pub const fn new(ns: u64) -> Self {
        Self(ns)
    }

    /// A span of `us` microseconds; what would be longer than 584 years is that long.
    pub const fn from_micros(us: u64) -> Self {
        Self(us.saturating_mul(1_000))
    }

    /// A span of `ms` milliseconds; what would be longer than 584 years is that long.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// A span of `s` seconds; what would be longer than 584 years is that long.
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// A span of `s` seconds, rounded to the nanosecond. Negative and NaN become zero.
    pub fn from_secs_f64(s: f64) -> Self {
        Self((s * 1e9).round().max(0.0) as u64)
    }

    /// Whole nanoseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The span rounded to so many significant digits: 630.854425 ms in 4 are 630.9 ms.
    #[must_use]
    pub fn in_digits(self, digits: u32) -> Self {
        let unit = 10_u64.pow(self.0.max(1).ilog10().saturating_sub(digits.saturating_sub(1)));
        Self(self.0.saturating_add(unit / 2) / unit * unit)
    }

    /// The span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span in milliseconds.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// This span less `other`, never below zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether the span is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl Mul<u64> for Nanos {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl From<Nanos> for Duration {
    fn from(span: Nanos) -> Self {
        Self::from_nanos(span.0)
    }
}

impl From<Duration> for Nanos {
    fn from(span: Duration) -> Self {
        Self(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Prints the span with the largest unit that keeps it readable: `1.5s`, `200ms`, `2m`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "µs"),
        ];
        for (size, unit) in UNITS {
            let clean = size < 60_000_000_000 || self.0.is_multiple_of(size);
            if self.0 >= size && clean {
                return write!(f, "{}{unit}", trimmed(self.0 as f64 / size as f64));
            }
        }
        if self.0 == 0 { write!(f, "0s") } else { write!(f, "{}ns", self.0) }
    }
}

/// Reads `250ms`, `1.5s`, `2m`, `1h`, `1m30s`, `80us`, `80µs`, `5ns`.
impl FromStr for Nanos {
    type Err = ParseUnitError;
    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(ParseUnitError::Empty);
        }
        let mut total = 0.0;
        while !rest.is_empty() {
            let (number, tail) = split_number(rest)?;
            let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, next) = tail.split_at(unit_end);
            let size = match unit.trim() {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" | "min" => 60e9,
                "h" => 3_600e9,
                "d" => 86_400e9,
                "" => return Err(ParseUnitError::NoUnit { example: "200ms, 30s or 5m" }),
                other => return Err(ParseUnitError::unknown(other, "ns, us, ms, s, m, h or d")),
            };
            total += number * size;
            rest = next.trim_start();
        }
        if total > u64::MAX as f64 {
            return Err(ParseUnitError::TooLarge);
        }
        Ok(Self(total.round() as u64))
    }
}

/// Time since the run began, in nanoseconds. Monotonic; wraps after 584 years.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RunTime(u64);

impl RunTime {
    /// The beginning of the run.
    pub const ZERO: Self = Self(0);
    /// A time that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `ns` nanoseconds into the run.
    pub const fn new(ns: u64) -> Self {
        Self(ns)
    }

    /// Whole nanoseconds since the run began.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Seconds since the run began.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span from `earlier` to this point; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Nanos> for RunTime {
    type Output = Self;
    fn add(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Nanos> for RunTime {
    type Output = Self;
    fn sub(self, span: Nanos) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Prints minutes and seconds: `1:05`.
impl fmt::Display for RunTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000_000;
        write!(f, "{}:{:02}", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits_are_rounded_and_short_spans_kept() {
        for (ns, digits, rounded) in
            [(630_854_425, 4, 630_900_000), (999_960, 4, 1_000_000), (12, 4, 12), (0, 4, 0)]
        {
            assert_eq!(Nanos::new(ns).in_digits(digits), Nanos::new(rounded));
        }
    }

    #[test]
    fn nanos_reads_compound_spans() {
        assert_eq!("1m30s".parse(), Ok(Nanos::from_secs(90)));
        assert_eq!("1.5s".parse(), Ok(Nanos::from_millis(1_500)));
        assert_eq!("80µs".parse(), Ok(Nanos::from_micros(80)));
    }

    #[test]
    fn nanos_without_unit_says_so() {
        let error = "30".parse::<Nanos>().expect_err("a bare number has no unit");
        assert_eq!(error, ParseUnitError::NoUnit { example: "200ms, 30s or 5m" });
    }

    #[test]
    fn nanos_prints_what_it_reads() {
        for text in ["200ms", "1.5s", "2m", "1h", "90s", "15µs", "7ns", "0s"] {
            let span: Nanos = text.parse().expect("valid");
            assert_eq!(span.to_string(), text);
        }
    }
}
