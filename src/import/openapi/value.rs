//! Numbers and texts that fit a schema, and what a template stands for.

use serde_json::{Value, json};

use super::document::field;
use super::matching::matching;
use super::schema::SchemaView;
use crate::draft::JsonDraft;
use crate::names::snake;
use crate::text::{DraftText, TextPiece};

/// How many values a pattern is drawn from.
const SAMPLES: usize = 6;
/// How many multiples of a fraction are drawn from.
const MULTIPLES: i64 = 8;
/// Numbers beyond it are not whole in JSON's readers.
const WHOLE_MAX: f64 = 9e15;

/// A text that was made, and the pattern that it may not match.
pub(super) struct MadeText {
    pub(super) text: DraftText,
    pub(super) unmatched: Option<String>,
}

/// A number within the bounds, which are mostly those of ids and counts. Of those that must differ, number `distinct`.
pub(super) fn number(view: &SchemaView<'_>, whole: bool, distinct: Option<usize>) -> JsonDraft {
    if let Some(large) = large_whole(view).filter(|_| whole) {
        return large;
    }
    let multiple = view.at_most("multipleOf").filter(|of| *of > 0.0);
    let step = multiple.unwrap_or(if whole { 1.0 } else { step_within(view) });
    // Version 3.0 says with a flag whether the bound itself is excluded, 3.1 gives a bound of its own.
    let beyond = |name: &str| if view.flag(name) { step } else { 0.0 };
    let low = view.at_least("minimum").map(|low| up(low, step, beyond("exclusiveMinimum") > 0.0));
    let low =
        low.into_iter().chain(view.at_least("exclusiveMinimum").map(|low| up(low, step, true)));
    let low = low.reduce(f64::max);
    let high =
        view.at_most("maximum").map(|high| down(high, step, beyond("exclusiveMaximum") > 0.0));
    let high =
        high.into_iter().chain(view.at_most("exclusiveMaximum").map(|high| down(high, step, true)));
    let high = high.reduce(f64::min);
    // In steps from 0.
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high.max(low)),
        (Some(low), None) => (low, low + 100.0),
        (None, Some(high)) => ((high - 100.0).max(1.0).min(high), high),
        (None, None) => (1.0, 100.0),
    };
    let most = WHOLE_MAX / step.max(1.0);
    let (low, high) = (low.clamp(-most, most) as i64, high.clamp(-most, most) as i64);
    if let Some(number) = distinct {
        return JsonDraft::Scalar(scaled(
            low + i64::try_from(number).unwrap_or(i64::MAX).min(high - low),
            step,
        ));
    }
    if low == high {
        return JsonDraft::Scalar(scaled(low, step));
    }
    if multiple.is_some_and(|of| of.fract() != 0.0) {
        let found = exact_multiples((low, high), step);
        if !found.is_empty() {
            return pick(&found);
        }
    }
    let draw = format!("rand({low}, {high})");
    let parts = (1.0 / step).round();
    JsonDraft::Text(DraftText::expression(if (step - 1.0).abs() < f64::EPSILON {
        draw
    } else if step < 1.0 && (parts * step - 1.0).abs() < 1e-12 {
        format!("{draw} / {parts}")
    } else {
        format!("{draw} * {step}")
    }))
}

/// The bound itself where a whole number must lie beyond those that doubles tell apart.
fn large_whole(view: &SchemaView<'_>) -> Option<JsonDraft> {
    let bounds = |name: &'static str| {
        view.parts.iter().filter_map(move |part| field(part, name)?.parse::<i128>().ok())
    };
    let low = bounds("minimum").max().filter(|low| *low > WHOLE_MAX as i128);
    let high = bounds("maximum").min().filter(|high| *high < -(WHOLE_MAX as i128));
    let bound = low.or(high)?.to_string();
    serde_json::from_str(&bound).ok().map(JsonDraft::Scalar)
}

/// Multiples of a fraction that are some in binary as well: many validators divide, and 0.35 / 0.05 is less than 7 there.
fn exact_multiples((low, high): (i64, i64), step: f64) -> Vec<Value> {
    let apart = ((high - low) / (3 * MULTIPLES)).max(1) as usize;
    let exact = |value: &Value| value.as_f64().is_some_and(|number| (number / step).fract() == 0.0);
    let all = (low..=high).step_by(apart).map(|steps| scaled(steps, step));
    all.filter(exact).take(MULTIPLES as usize).collect()
}

/// A step by which numbers between the bounds are told apart.
fn step_within(view: &SchemaView<'_>) -> f64 {
    let low = view.at_least("minimum").or(view.at_least("exclusiveMinimum"));
    let high = view.at_most("maximum").or(view.at_most("exclusiveMaximum"));
    match (low, high) {
        (Some(low), Some(high)) if high - low < 10.0 => [0.1, 0.01, 0.001, 0.0001]
            .into_iter()
            .find(|step| high - low >= step * 2.0)
            .unwrap_or(0.00001),
        _ => 1.0,
    }
}

/// The first multiple of `step` from `low` on, in steps.
fn up(low: f64, step: f64, beyond: bool) -> f64 {
    let steps = (low / step - 1e-9).ceil();
    if beyond && (steps * step - low).abs() < step * 1e-6 { steps + 1.0 } else { steps }
}

/// The last multiple of `step` up to `high`, in steps.
fn down(high: f64, step: f64, beyond: bool) -> f64 {
    let steps = (high / step + 1e-9).floor();
    if beyond && (steps * step - high).abs() < step * 1e-6 { steps - 1.0 } else { steps }
}

fn scaled(steps: i64, step: f64) -> Value {
    if step.fract() == 0.0 {
        return json!((steps as f64 * step) as i64);
    }
    let parts = (1.0 / step).round();
    if (parts * step - 1.0).abs() < 1e-12 {
        json!(steps as f64 / parts)
    } else {
        json!(steps as f64 * step)
    }
}

/// A text of the right length, that matches the pattern or has the format.
pub(super) fn of_text(view: &SchemaView<'_>, name: &str, distinct: Option<usize>) -> MadeText {
    let bound = |name: &str, tightest: Option<f64>| {
        let _ = name;
        tightest.map(|bound| bound as usize)
    };
    let least = bound("minLength", view.at_least("minLength")).unwrap_or(0);
    let most = bound("maxLength", view.at_most("maxLength")).unwrap_or(usize::MAX).max(least);
    let patterns: Vec<&str> = view.parts.iter().filter_map(|part| field(part, "pattern")).collect();
    let mut unmatched = None;
    if let Some(pattern) = patterns.first() {
        let found = matching(
            pattern,
            (least, most.min(10_000)),
            SAMPLES.max(distinct.map_or(0, |n| n + 1)),
        );
        match (distinct.and_then(|number| found.get(number)), &found[..]) {
            (Some(one), _) => return MadeText { text: DraftText::literal(one), unmatched: None },
            (None, [_, ..]) => {
                let values: Vec<Value> = found.iter().map(|text| json!(text)).collect();
                if let JsonDraft::Text(text) = pick(&values) {
                    return MadeText { text, unmatched: None };
                }
            }
            (None, []) => unmatched = Some((*pattern).to_owned()),
        }
    }
    let formats = view.parts.iter().filter_map(|part| field(part, "format"));
    let of_format = formats.filter_map(|format| of_format(view, format)).find(|text| {
        let length = sample_text(text).chars().count();
        (least..=most).contains(&length)
    });
    let text = of_format.unwrap_or_else(|| plain_text(name, (least, most), distinct));
    MadeText { text, unmatched }
}

/// A text of a format (OpenAPI's registry, JSON Schema 2020-12).
fn of_format(view: &SchemaView<'_>, format: &str) -> Option<DraftText> {
    let around = |before: &str, middle: &str, after: &str| {
        let literal = |text: &str| TextPiece::Literal(text.to_owned());
        let mut pieces =
            vec![literal(before), TextPiece::Expression(middle.to_owned()), literal(after)];
        pieces.retain(|piece| *piece != literal(""));
        Some(DraftText(pieces))
    };
    let literal = |text: &str| Some(DraftText::literal(text));
    // Bounds of dates stand in some descriptions, though no schema knows them.
    let bound = ["maximum", "formatMaximum", "minimum", "formatMinimum"];
    let bound = || {
        let mut told =
            bound.iter().filter_map(|name| view.get(name).and_then(super::document::text));
        told.rfind(|told| told.parse::<jiff::civil::Date>().is_ok())
    };
    match format {
        "date" => {
            bound().map(DraftText::literal).or_else(|| around("", "date(days=rand(1, 90))", ""))
        }
        "date-time" => around("", "date(days=rand(1, 90))", "T12:00:00Z"),
        "time" => literal("12:00:00Z"),
        "duration" => literal("P1D"),
        "uuid" | "guid" => around("", "uuid()", ""),
        "email" | "idn-email" => around("user", "rand(1, 100000)", "@example.com"),
        "uri" | "url" | "iri" => literal("https://example.com/"),
        "uri-reference" | "iri-reference" | "json-pointer" => literal("/a"),
        "uri-template" => literal("/a/{b}"),
        "relative-json-pointer" => literal("0"),
        "regex" => literal("^a+$"),
        "hostname" | "idn-hostname" => literal("example.com"),
        "ipv4" | "ip" => literal("192.0.2.1"),
        "ipv6" => literal("2001:db8::1"),
        "byte" | "base64" | "base64url" => around("", "base64('plimsoll')", ""),
        "int32" | "int64" => around("", "rand(1, 100)", ""),
        "decimal" | "double" | "float" => literal("1.5"),
        _ => None,
    }
}

/// "name 3f9c" where it fits, else digits alone.
fn plain_text(name: &str, (least, most): (usize, usize), distinct: Option<usize>) -> DraftText {
    let word = format!("{} ", snake(name).replace('_', " "));
    let length = word.len() + 4;
    if (least..=most).contains(&length) && word.len() > 1 {
        return DraftText(vec![
            TextPiece::Literal(word),
            TextPiece::Expression("hex(4)".to_owned()),
        ]);
    }
    match (8.clamp(least, most), distinct) {
        (0, _) => DraftText::literal(""),
        (digits, Some(number)) if digits < 4 => DraftText::literal(
            format!("{number:0digits$}").chars().take(digits).collect::<String>(),
        ),
        (digits @ ..=1_024, _) => DraftText::expression(format!("hex({digits})")),
        // `hex` makes 1,024 at most.
        (digits, _) => DraftText::expression(format!("'x' * {}", digits.min(1 << 20))),
    }
}

/// One of several values.
pub(super) fn pick(values: &[Value]) -> JsonDraft {
    let word = |value: &Value| match value {
        Value::String(text) => {
            let plain = text.chars().all(|c| c.is_alphanumeric() || " _-./:+@".contains(c));
            plain.then(|| format!("'{text}'"))
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let words: Option<Vec<String>> = values.iter().map(word).collect();
    match (words, values) {
        (_, []) => JsonDraft::Scalar(Value::Null),
        (_, [only]) => JsonDraft::recorded(only),
        (Some(words), _) => {
            JsonDraft::Text(DraftText::expression(format!("pick([{}])", words.join(", "))))
        }
        (None, _) => JsonDraft::recorded(&values[0]),
    }
}

/// A value that a draft may send: what its expressions give at their lowest.
pub(super) fn sample(draft: &JsonDraft) -> Value {
    match draft {
        JsonDraft::Scalar(value) => value.clone(),
        JsonDraft::Text(text) => match &text.0[..] {
            [TextPiece::Expression(expression)] => sample_expression(expression),
            _ => Value::String(sample_text(text)),
        },
        JsonDraft::List(items) => items.iter().map(sample).collect(),
        JsonDraft::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), sample(value))).collect())
        }
    }
}

fn sample_text(text: &DraftText) -> String {
    let piece = |piece: &TextPiece| match piece {
        TextPiece::Literal(text) => text.clone(),
        TextPiece::Expression(expression) => match sample_expression(expression) {
            Value::String(text) => text,
            other => other.to_string(),
        },
        TextPiece::Environment { default, .. } => default.clone(),
    };
    text.0.iter().map(piece).collect()
}

/// What one of the expressions above gives.
fn sample_expression(expression: &str) -> Value {
    let inside = |name: &str| {
        let rest = expression.strip_prefix(name)?.strip_prefix('(')?;
        rest.rsplit_once(')')
    };
    if let Some((bounds, operation)) = inside("rand") {
        let low: f64 =
            bounds.split(',').next().and_then(|low| low.trim().parse().ok()).unwrap_or(1.0);
        let by = |sign: &str| {
            operation.trim().strip_prefix(sign).and_then(|n| n.trim().parse::<f64>().ok())
        };
        let value = match (by("/"), by("*")) {
            (Some(parts), _) => low / parts,
            (None, Some(step)) => low * step,
            (None, None) => low,
        };
        return if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    }
    if let Some((list, _)) = inside("pick") {
        let first = list.trim_start_matches('[');
        let end =
            first.find("', ").map(|at| at + 1).or(first.find(", ")).unwrap_or(first.len() - 1);
        let word = &first[..end.min(first.len())];
        let word = word.strip_suffix(']').unwrap_or(word);
        return match word.strip_prefix('\'') {
            Some(text) => json!(text.trim_end_matches('\'')),
            None => serde_json::from_str(word).unwrap_or(Value::Null),
        };
    }
    if let Some((digits, _)) = inside("hex") {
        return json!("0".repeat(digits.parse().unwrap_or(0)));
    }
    if let Some((_, times)) = expression.split_once("'x' * ") {
        return json!("x".repeat(times.parse().unwrap_or(0)));
    }
    json!(match expression {
        "uuid()" => "0b0f8f9e-7d0c-4b6b-9d5e-1f2a3b4c5d6e",
        _ if expression.starts_with("date(") => "2026-02-01",
        _ => "cGxpbXNvbGw=",
    })
}
