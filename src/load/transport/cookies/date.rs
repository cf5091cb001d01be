//! Dates of cookies (RFC 6265 §5.1.1): a time, a day, a month and a year, in any order and between anything.

use jiff::civil;
use jiff::tz::TimeZone;

/// Seconds since 1970 of a date as servers write it; none where it is no date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = digits(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = digits(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let ((hour, minute, second), year) = (time?, year?);
    let year = match year {
        70..=99 => year + 1900,
        0..=69 => year + 2000,
        year => year,
    };
    if year < 1601 {
        return None;
    }
    let part = |number: u16| i8::try_from(number).ok();
    let date = civil::DateTime::new(
        year.cast_signed(),
        part(month?)?,
        part(day?)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    Some(date.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// A number of `least` to `most` digits; what follows it does not count, unless it is one more digit.
fn digits(token: &str, least: usize, most: usize) -> Option<u16> {
    let end = token.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(token.len());
    if (least..=most).contains(&end) { token[..end].parse().ok() } else { None }
}

/// `08:05:09`, each with one or two digits.
fn time_of(token: &str) -> Option<(u16, u16, u16)> {
    let mut parts = token.splitn(3, ':');
    let mut whole = || {
        let part = parts.next()?;
        digits(part, 1, 2).filter(|_| part.len() <= 2)
    };
    let (hour, minute) = (whole()?, whole()?);
    Some((hour, minute, digits(parts.next()?, 1, 2)?))
}

/// By its first three letters.
fn month_of(token: &str) -> Option<u16> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = token.get(..3)?;
    let at = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    Some(at as u16 + 1)
}
