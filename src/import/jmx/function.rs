//! Functions of `JMeter` that templates have as well.

use crate::import::text::{DraftText, TextPiece};

/// `JMeter`'s functions that templates have as well (<https://jmeter.apache.org/usermanual/functions.html>).
pub(super) fn function(call: &str) -> Option<DraftText> {
    let (name, rest) =
        call.strip_prefix("__").map(|call| call.split_once('(').unwrap_or((call, "")))?;
    let arguments: Vec<&str> = rest.trim_end_matches(')').split(',').map(str::trim).collect();
    let argument = |at: usize| arguments.get(at).copied().unwrap_or_default();
    Some(match name {
        "UUID" => DraftText::expression("uuid()"),
        "threadNum" => DraftText::expression("vu"),
        "counter" => DraftText::expression("iteration"),
        "Random" => {
            let (low, high) = (argument(0).parse::<i64>().ok()?, argument(1).parse::<i64>().ok()?);
            DraftText::expression(format!("rand({low}, {})", high.max(low)))
        }
        "RandomString" => {
            DraftText::expression(format!("hex({})", argument(0).parse::<u16>().ok()?.min(1_024)))
        }
        "time" => match argument(0) {
            "" => DraftText::expression("rand(1700000000000, 1999999999999)"),
            "yyyy-MM-dd" => DraftText::expression("date(days=0)"),
            _ => return None,
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
