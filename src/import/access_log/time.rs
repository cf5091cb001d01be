//! Times as logs write them, read by hand: a log has millions of them.

/// Months as the common log format names them.
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Microseconds since 1970 of any of the times below.
pub(super) fn any_time(text: &[u8]) -> Option<i64> {
    common(text).or_else(|| rfc3339(text)).or_else(|| epoch(text))
}

/// `31/Jan/2026:12:00:00 +0000`, with a fraction of the second or without; UTC where it tells no offset.
pub(super) fn common(text: &[u8]) -> Option<i64> {
    let day = number(text.get(..2)?)?;
    let month = (1..).zip(MONTHS).find(|(_, name)| text.get(3..6) == Some(&name[..]))?.0;
    let year = number(text.get(7..11)?)?;
    if text.get(2) != Some(&b'/') || text.get(6) != Some(&b'/') || text.get(11) != Some(&b':') {
        return None;
    }
    of_day((year, month, day))?.checked_add(of_clock(text.get(12..)?)?)
}

/// `2026-01-31T12:00:00.5+01:00`, also with a blank for the `T`; UTC where it tells no offset.
pub(super) fn rfc3339(text: &[u8]) -> Option<i64> {
    let year = number(text.get(..4)?)?;
    let month = number(text.get(5..7)?)?;
    let day = number(text.get(8..10)?)?;
    let signs = [text.get(4)?, text.get(7)?, text.get(10)?];
    if !matches!(signs, [b'-' | b'/', b'-' | b'/', b'T' | b't' | b' ']) {
        return None;
    }
    of_day((year, month, day))?.checked_add(of_clock(text.get(11..)?)?)
}

/// Seconds since 1970, with a fraction or without; or thousandths, millionths or billionths of them.
pub(super) fn epoch(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Seconds have ten digits until 2286.
    let micros = match value {
        ..1e8 => return None,
        ..1e11 => value * 1e6,
        ..1e14 => value * 1e3,
        ..1e17 => value,
        _ => value / 1e3,
    };
    Some(micros.round() as i64)
}

/// `12:00:00.25 +0100` → microseconds since midnight in UTC.
fn of_clock(text: &[u8]) -> Option<i64> {
    let hour = number(text.get(..2)?)?;
    let minute = number(text.get(3..5)?)?;
    let second = number(text.get(6..8)?)?;
    if text.get(2) != Some(&b':') || text.get(5) != Some(&b':') {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &text[8..];
    let mut micros = 0;
    if let [b'.' | b',', digits @ ..] = rest {
        let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        let mut unit = 100_000;
        for digit in &digits[..length] {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
        }
        rest = &digits[length..];
    }
    let offset = match rest {
        [] | b"Z" | b"z" => 0,
        [b' ', zone @ ..] | zone => of_offset(zone)?,
    };
    Some(((hour * 60 + minute) * 60 + second - offset) * 1_000_000 + micros)
}

/// `+0100`, `-03:30`, `Z` → seconds.
fn of_offset(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        b"Z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let hours = number(digits.get(..2)?)?;
    let minutes = match digits.get(2..)? {
        [] => 0,
        [b':', minutes @ ..] | minutes => number(minutes)?,
    };
    Some(sign * (hours * 3_600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Microseconds from 1970 to a day of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
/// algorithms", `days_from_civil`).
fn of_day((year, month, day): (i64, i64, i64)) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let micros = any_time(text.as_bytes())?;
        Some(jiff::Timestamp::from_microsecond(micros).expect("in range").to_string())
    }

    #[test]
    fn times_of_every_format_are_read() {
        for (text, expected) in [
            ("31/Jan/2026:12:00:00 +0100", "2026-01-31T11:00:00Z"),
            ("29/Feb/2024:23:59:59.250 -0330", "2024-03-01T03:29:59.25Z"),
            ("06/Feb/2009:12:14:14.655", "2009-02-06T12:14:14.655Z"),
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00.123456789+01:00", "2026-01-31T11:00:00.123456Z"),
            ("2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),
            ("1769860800", "2026-01-31T12:00:00Z"),
            ("1769860800.5", "2026-01-31T12:00:00.5Z"),
            ("1769860800500", "2026-01-31T12:00:00.5Z"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["31/Feb/2026:12:00:00 +0000", "12:00", "", "2026-13-01T00:00:00Z", "7", "-"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in 0_i64..4_000_000_000_000_000) {
            let at = jiff::Timestamp::from_microsecond(micros).expect("in range");
            proptest::prop_assert_eq!(rfc3339(at.to_string().as_bytes()), Some(micros));
        }
    }
}
