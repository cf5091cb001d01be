//! How numbers and foreign text read in every format: three digits, a space, a unit.

use plimsoll_units::{Bytes, Nanos, Quantity, Rate, Ratio, RunTime};

/// Digits of a measured value. HDR histograms keep three.
const DIGITS: i32 = 3;
/// Digits of an estimate that stands beside its limit: 500.4 ms against 500 ms must not look equal.
const ESTIMATE_DIGITS: i32 = 4;

/// `value` with `digits` significant digits, never in exponent form.
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    // The exponent after rounding: 9.999 with three digits is 10.0, not 10.00.
    let rounded = format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0));
    let magnitude: i32 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let text = format!("{value:.*}", usize::try_from(digits - 1 - magnitude).unwrap_or(0).min(9));
    if text.contains('.') { text } else { grouped(&text) }
}

/// Groups the digits of a whole number by thousands: `24,012`.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Cuts the zeros that say nothing in a number someone wrote down: `200.0` is `200`.
fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A count: `24,012`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// So many of something: `1 run`, `2 runs`.
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", self::count(count))
}

/// A time in the unit that keeps it readable: `845 µs`, `12.1 ms`, `1.20 s`.
pub fn time(span: Nanos) -> String {
    time_with(span, DIGITS)
}

fn time_with(span: Nanos, digits: i32) -> String {
    let (value, unit) = scaled(span.get() as f64, &[(1e3, "ns"), (1e3, "µs"), (1e3, "ms")], "s");
    format!("{} {unit}", significant(value, digits))
}

/// Divides `value` by each step's factor until it stays below it, rounding included.
fn scaled<'a>(mut value: f64, steps: &[(f64, &'a str)], last: &'a str) -> (f64, &'a str) {
    for &(factor, unit) in steps {
        if value < factor * 0.999_5 {
            return (value, unit);
        }
        value /= factor;
    }
    (value, last)
}

/// A share in per cent: `0.020 %`.
pub fn share(ratio: Ratio) -> String {
    share_with(ratio, DIGITS)
}

/// Of what was measured, two digits below a hundredth of a per cent: `0.0005 %` tells as much as `0.0004999 %`.
fn share_with(ratio: Ratio, digits: i32) -> String {
    let percent = ratio.get() * 100.0;
    let is_measured = digits <= ESTIMATE_DIGITS;
    let digits = if is_measured && percent.abs() < 0.01 { digits.min(2) } else { digits };
    format!("{} %", significant(percent, digits))
}

/// Events per second, without the unit.
pub fn rate(rate: Rate) -> String {
    significant(rate.get(), if rate.get() >= 100.0 { 4 } else { DIGITS })
}

/// A size: `1.21 MiB`.
pub fn size(bytes: u64) -> String {
    size_with(bytes, DIGITS)
}

fn size_with(bytes: u64, digits: i32) -> String {
    let steps = [(1024.0, "B"), (1024.0, "KiB"), (1024.0, "MiB"), (1024.0, "GiB")];
    match scaled(bytes as f64, &steps, "TiB") {
        (value, "B") => format!("{value} B"),
        (value, unit) => format!("{} {unit}", significant(value, digits)),
    }
}

/// A measured value of any unit.
pub fn estimate(quantity: Quantity) -> String {
    trimmed(&quantity_with(quantity, ESTIMATE_DIGITS))
}

/// A value that the user wrote down: as short as it can be.
pub fn bound(quantity: Quantity) -> String {
    trimmed(&quantity_with(quantity, 6))
}

fn trimmed(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let short = without_trailing_zeros(number);
    let whole = short.len() > 3 && short.bytes().all(|byte| byte.is_ascii_digit());
    let short = if whole { grouped(short) } else { short.to_owned() };
    format!("{short} {unit}").trim_end().to_owned()
}

fn quantity_with(quantity: Quantity, digits: i32) -> String {
    match quantity {
        Quantity::Time(span) => time_with(span, digits),
        Quantity::Share(ratio) => share_with(ratio, digits),
        Quantity::Rate(rate) => format!("{} /s", significant(rate.get(), digits)),
        Quantity::Size(size) => size_with(Bytes::get(size), digits),
        Quantity::Count(value) if value.fract() == 0.0 => significant(value, 1),
        Quantity::Count(value) => significant(value, digits),
        Quantity::Money(money) => money.to_string(),
    }
}

/// How long something lasted: `45 s`, `2 min 05 s`, `1 h 00 min`.
pub fn duration(span: Nanos) -> String {
    let tenths = (span.get() + 50_000_000) / 100_000_000;
    let seconds = (span.get() + 500_000_000) / 1_000_000_000;
    match seconds {
        0..60 if !tenths.is_multiple_of(10) => format!("{}.{} s", tenths / 10, tenths % 10),
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A moment of the run: `1:05`.
pub fn moment(at: RunTime) -> String {
    at.to_string()
}

/// Makes foreign text harmless on one line of a terminal or a table: no control characters (which could
/// drive the terminal), no direction marks (which could reverse what follows), at most `limit` characters and an
/// ellipsis. It ends with a whole word unless that would cost it half of its length.
pub fn line(text: &str, limit: usize) -> String {
    let text = message(text);
    let Some((at, _)) = text.char_indices().nth(limit) else { return text };
    let kept = &text[..at];
    let is_between = text[at..].starts_with(' ');
    let word_end = kept.rfind(' ').filter(|end| !is_between && *end >= at / 2);
    format!("{}…", kept[..word_end.unwrap_or(at)].trim_end())
}

/// The same of a sentence of our own that holds foreign text: whole, because it ends with the way out.
pub fn message(text: &str) -> String {
    let harmless = |character| match character {
        '\n' | '\r' | '\t' => ' ',
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '·',
        control if char::is_control(control) => '·',
        plain => plain,
    };
    text.trim().chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_something_has_no_plural() {
        let told = [0, 1, 2_000].map(|count| counted(count, "run"));
        assert_eq!(told, ["0 runs", "1 run", "2,000 runs"]);
    }

    #[test]
    fn long_text_ends_with_a_whole_word_and_a_message_is_not_cut() {
        let text = "lower the rate or give the generator cores of its own";
        assert_eq!(line(text, 20), "lower the rate or…");
        assert_eq!(line(text, 14), "lower the rate…");
        assert_eq!(line(text, 60), text);
        // One long word gives way within.
        assert_eq!(line("a0123456789", 5), "a0123…");
        assert_eq!(line("a 0123456789", 6), "a 0123…");
        assert_eq!(line("", 3), "");
        let long = format!("{}\u{1b}[31m\u{202E}", "word ".repeat(300));
        assert_eq!(message(&long), format!("{}·[31m·", "word ".repeat(300)));
    }

    #[test]
    fn times_take_the_unit_that_keeps_them_readable() {
        for (ns, text) in [
            (0, "0 ns"),
            (845_000, "845 µs"),
            (12_100_000, "12.1 ms"),
            (999_700_000, "1.00 s"),
            (1_204_000_000, "1.20 s"),
            (61_000_000_000, "61.0 s"),
        ] {
            assert_eq!(time(Nanos::new(ns)), text);
        }
    }

    #[test]
    fn estimate_just_beyond_its_limit_does_not_look_equal_to_it() {
        let limit = Quantity::Time(Nanos::from_millis(500));
        let estimated = Quantity::Time(Nanos::from_micros(500_400));
        assert_ne!(estimate(estimated), bound(limit));
        assert_eq!(bound(limit), "500 ms");
    }

    #[test]
    fn tiny_shares_have_two_digits() {
        assert_eq!(estimate(Quantity::Share(Ratio::new(0.000_004_999))), "0.0005 %");
        assert_eq!(share(Ratio::new(0.000_041_7)), "0.0042 %");
        assert_eq!(estimate(Quantity::Share(Ratio::new(0.010_04))), "1.004 %");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(24_012), "24,012");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(significant(24_012.4, 3), "24,012");
    }

    #[test]
    fn bounds_print_as_short_as_they_were_written() {
        assert_eq!(bound(Quantity::Share(Ratio::new(0.001))), "0.1 %");
        assert_eq!(bound(Quantity::Count(150.0)), "150");
        assert_eq!(bound(Quantity::Size(Bytes::new(512 << 20))), "512 MiB");
        assert_eq!(bound(Quantity::Rate(Rate::per_second(300.0))), "300 /s");
        assert_eq!(bound(Quantity::Rate(Rate::per_second(2_000.0))), "2,000 /s");
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(line("a\x1b[31mb\nc\u{202E}d", 80), "a·[31mb c·d");
        assert_eq!(line("abcdef", 3), "abc…");
    }

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(duration(Nanos::from_secs(125)), "2 min 05 s");
        assert_eq!(duration(Nanos::from_millis(20_400)), "20.4 s");
        assert_eq!(duration(Nanos::from_secs(3_600)), "1 h 00 min");
    }
}
