//! What unquoted scalars stand for: the core schema of YAML 1.2 (§10.3.2).
//!
//! `yes`, `on` and `12:30:45` are texts, as they look; `0o17` is 15 and `017` is 17.

/// Whether it is nothing: `null`, `~`, or an empty text.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A whole number: `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+`. Nothing beyond 127 bits.
pub(super) fn whole(text: &str) -> Option<i128> {
    let of_base = |digits: &str, base| {
        // `from_str_radix` takes a sign, which the schema has only before decimal digits.
        let is_digits = digits.chars().all(|c| c.is_digit(base));
        is_digits.then(|| i128::from_str_radix(digits, base).ok()).flatten()
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return of_base(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return of_base(digits, 16);
    }
    let negative = text.starts_with('-');
    let value = of_base(text.strip_prefix(['-', '+']).unwrap_or(text), 10)?;
    Some(if negative { -value } else { value })
}

/// A number, whole or not: also `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, `.inf` and `.nan`.
pub(super) fn number(text: &str) -> Option<f64> {
    if let Some(whole) = whole(text) {
        return Some(whole as f64);
    }
    match text.strip_prefix(['-', '+']).unwrap_or(text) {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if text.starts_with('.') => return Some(f64::NAN),
        _ => {}
    }
    // Rust reads what the schema does, and `inf`, `nan` and `infinity` besides.
    let is_digits = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    is_digits.then(|| text.parse().ok()).flatten()
}

/// A number as JSON writes it, with all its digits; none where it is no number, or no finite one.
pub(super) fn json_number(text: &str) -> Option<String> {
    if text.starts_with("0o") || text.starts_with("0x") {
        return whole(text).map(|whole| whole.to_string());
    }
    number(text).filter(|_| !text.contains("inf") && !text.to_ascii_lowercase().contains("nan"))?;
    let sign = if text.starts_with('-') { "-" } else { "" };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, power) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}{power}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_those_of_the_core_schema() {
        let right = [("0", 0), ("-0", 0), ("+7", 7), ("007", 7), ("0o17", 15), ("0x1F", 31)];
        for (text, value) in right {
            assert_eq!(whole(text), Some(value), "{text}");
        }
        for wrong in ["", "-", "0o8", "0x", "0x-1", "-0x1", "1_000", "1.0", "0b1", "12:30", "1e3"] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_core_schema() {
        let right = [("1.", 1.0), (".5", 0.5), ("-1e3", -1e3), ("+1.5E-2", 0.015), ("0x10", 16.0)];
        for (text, value) in right {
            assert_eq!(number(text), Some(value), "{text}");
        }
        assert_eq!(number("-.inf"), Some(f64::NEG_INFINITY));
        assert!(number(".nan").is_some_and(f64::is_nan));
        for wrong in ["", ".", "inf", "nan", "-.nan", "1e", "e1", "1.2.3", "1 ", "yes"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn truth_and_nothing_have_three_spellings_each() {
        assert_eq!(["true", "True", "TRUE"].map(truth), [Some(true); 3]);
        assert_eq!(["yes", "on", "tRUE", "y"].map(truth), [None; 4]);
        assert!(["", "~", "null", "Null", "NULL"].iter().all(|text| is_null(text)));
        assert!(!is_null("nULL"));
    }
}
