//! Functions of `JMeter` that templates have as well.

use crate::text::{DraftText, TextPiece};

/// `JMeter`'s functions that templates have as well (<https://jmeter.apache.org/usermanual/functions.html>).
pub(super) fn function(call: &str) -> Option<DraftText> {
    let (name, rest) =
        call.strip_prefix("__").map(|call| call.split_once('(').unwrap_or((call, "")))?;
    let arguments: Vec<&str> = rest.trim_end_matches(')').split(',').map(str::trim).collect();
    let argument = |at: usize| arguments.get(at).copied().unwrap_or_default();
    Some(match name {
        "UUID" => DraftText::expression("uuid()"),
        "threadNum" => DraftText::expression("vu"),
        // Of each user, or of all of them.
        "counter" if argument(0).eq_ignore_ascii_case("false") => DraftText::expression("seq()"),
        "counter" => DraftText::expression("iteration"),
        "Random" => {
            let (low, high) = (argument(0).parse::<i64>().ok()?, argument(1).parse::<i64>().ok()?);
            DraftText::expression(format!("rand({low}, {})", high.max(low)))
        }
        "RandomString" => {
            DraftText::expression(format!("hex({})", argument(0).parse::<u16>().ok()?.min(1_024)))
        }
        "time" => match argument(0) {
            "" => DraftText::expression("now('unix_ms')"),
            "/1000" => DraftText::expression("now('unix')"),
            format => DraftText::expression(format!("now('{}')", strftime(format)?)),
        },
        "timeShift" if argument(0) == "yyyy-MM-dd" => {
            let days =
                argument(2).trim_start_matches('P').trim_end_matches('D').parse::<i64>().ok()?;
            DraftText::expression(format!("date(days={days})"))
        }
        // A property of the command line, with its default.
        "P" | "property" => {
            let default =
                arguments.last().copied().filter(|_| arguments.len() > 1).unwrap_or_default();
            DraftText(vec![TextPiece::Literal(default.to_owned())])
        }
        _ => return None,
    })
}

/// A format of Java's `SimpleDateFormat` as one of strftime; none where it has a letter that is not known here.
fn strftime(format: &str) -> Option<String> {
    const LETTERS: [(&str, &str); 15] = [
        ("yyyy", "%Y"),
        ("yy", "%y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("d", "%-d"),
        ("HH", "%H"),
        ("hh", "%I"),
        ("mm", "%M"),
        ("SSS", "%3f"),
        ("ss", "%S"),
        ("a", "%p"),
        ("XXX", "%:z"),
        ("Z", "%z"),
    ];
    let mut out = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            // A text in quotes, in which nothing else can end the one of a template.
            let (text, behind) = quoted.split_once('\'')?;
            if text.contains(['\\', '{', '}', '%']) {
                return None;
            }
            out.push_str(text);
            rest = behind;
        } else if c.is_ascii_alphabetic() {
            let same = rest.len() - rest.trim_start_matches(c).len();
            let (_, meant) = LETTERS.into_iter().find(|(letters, _)| *letters == &rest[..same])?;
            out.push_str(meant);
            rest = &rest[same..];
        } else if "-/:. T_".contains(c) {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_counters_are_those_of_jmeter() {
        for (call, expected) in [
            ("__time", "{{ now('unix_ms') }}"),
            ("__time(/1000,)", "{{ now('unix') }}"),
            ("__time(yyyy-MM-dd'T'HH:mm:ss.SSS,)", "{{ now('%Y-%m-%dT%H:%M:%S.%3f') }}"),
            ("__counter(TRUE,)", "{{ iteration }}"),
            ("__counter(FALSE,)", "{{ seq() }}"),
        ] {
            assert_eq!(function(call).expect("known").written(), expected, "{call}");
        }
        assert!(function("__time(G yyyy,)").is_none() && function("__time(u'{{',)").is_none());
    }
}
