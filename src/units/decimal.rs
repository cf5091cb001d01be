//! Decimal numbers as texts write them, compared exactly whatever their size.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A decimal number of any size: `12`, `-0.5`, `1e20`. `1`, `1.0` and `10e-1` are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Its digits behind `0.`, without zeros at either end; none of zero.
    digits: String,
    /// The power of ten that `0.digits` is multiplied by.
    exponent: i64,
}

/// Why a text is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number like 12, -0.5 or 1e20")]
pub struct NotDecimal;

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().map_err(|_| NotDecimal)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotDecimal);
        }
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, exponent: 0 });
        }
        let length = |count: usize| i64::try_from(count).map_err(|_| NotDecimal);
        let point = length(whole.len())? - length(leading)?;
        let exponent = point.checked_add(power).ok_or(NotDecimal)?;
        Ok(Self { negative, digits, exponent })
    }
}

/// As briefly as it can be said: `1200`, `0.05`; with a power of ten where zeros would hide it.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, point) = (self.digits.as_str(), self.exponent);
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        if self.negative {
            f.write_str("-")?;
        }
        match point {
            _ if count == 0 => f.write_str("0"),
            point if !(-10..=40).contains(&point) => write!(f, "0.{digits}e{point}"),
            point if point <= 0 => {
                write!(f, "0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
            }
            point if point < count => {
                let (whole, fraction) = digits.split_at(point as usize);
                write!(f, "{whole}.{fraction}")
            }
            point => write!(f, "{digits}{}", "0".repeat((point - count) as usize)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |one: &Self| match (one.digits.is_empty(), one.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = |one: &Self| one.exponent;
        sign(self).cmp(&sign(other)).then_with(|| {
            // Without zeros at their ends, digits behind the point compare as texts do.
            let sizes = size(self).cmp(&size(other)).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { sizes.reverse() } else { sizes }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn one_number_has_many_spellings() {
        for text in ["1", "1.0", "+1", "01", "10e-1", "0.1E1", "1."] {
            assert_eq!(of(text), of("1"), "{text}");
        }
        assert_eq!(of("-0"), of("0.00e9"));
        assert_ne!(of("1"), of("-1"));
    }

    #[test]
    fn what_a_double_cannot_tell_apart_is_told_apart() {
        assert!(of("9007199254740992") < of("9007199254740993"));
        assert!(of("-9007199254740992") > of("-9007199254740993"));
        assert!(of("100000000000000000000000000000000000000001") > of("1e41"));
        assert!(of("0.1234567890123456789") > of("0.1234567890123456788"));
        assert!(of("1e400") > of("9e399"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1 ",
            "0x1",
            "1_0",
            "inf",
            "nan",
            "1.2.3",
            "1e99999999999999999999",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(NotDecimal), "{text}");
        }
    }

    #[test]
    fn number_is_printed_briefly() {
        for text in ["0", "5", "-1200", "0.05", "12.5", "9007199254740993", "0.1e41"] {
            assert_eq!(of(text).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_numbers(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            prop_assert_eq!(of(&a.to_string()).cmp(&of(&b.to_string())), a.cmp(&b));
            let thousandth = |n: i64| of(&format!("{n}e-3"));
            prop_assert_eq!(thousandth(a).cmp(&thousandth(b)), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = text.parse::<Decimal>();
        }
    }
}
