//! What all units share in reading and printing numbers.

/// Why a quantity could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUnitError {
    /// Nothing was written.
    #[error("expected a number with a unit, found nothing")]
    Empty,
    /// The text does not begin with a number.
    #[error("expected a number, found `{found}`")]
    NotANumber {
        /// What stands in the number's place.
        found: String,
    },
    /// A number without a unit.
    #[error("the unit is missing; write for example {example}")]
    NoUnit {
        /// Some spellings that are right.
        example: &'static str,
    },
    /// It is not of the form that is asked for.
    #[error("expected a number above zero with its unit, like `{example}`")]
    Form {
        /// A spelling that is right.
        example: &'static str,
    },
    /// A unit that is not known here.
    #[error("unknown unit `{unit}`; use {expected}")]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// The units that are known.
        expected: &'static str,
    },
    /// A rate that does not say what it counts.
    #[error(
        "`{found}` does not say what is counted; write `req/s` (requests) or `iter/s` (iterations)"
    )]
    BareRate {
        /// The rate as written.
        found: String,
    },
    /// The number is below zero.
    #[error("must not be negative")]
    Negative,
    /// The number does not fit.
    #[error("too large")]
    TooLarge,
}

impl ParseUnitError {
    pub(super) fn unknown(unit: &str, expected: &'static str) -> Self {
        Self::UnknownUnit { unit: unit.trim().to_owned(), expected }
    }
}

/// Splits `1.5s` into 1.5 and `s`. Digits may be grouped by `_`.
pub(super) fn split_number(text: &str) -> Result<(f64, &str), ParseUnitError> {
    if text.starts_with('-') {
        return Err(ParseUnitError::Negative);
    }
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let value: f64 = number
        .replace('_', "")
        .parse()
        .map_err(|_| ParseUnitError::NotANumber { found: text.to_owned() })?;
    Ok((value, unit.trim_start()))
}

/// Prints with at most six decimals and no trailing zeros.
pub(super) fn trimmed(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
