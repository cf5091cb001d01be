//! Single values of a capacity result as text; what is missing or of another kind is shown as not known.

use serde_json::Value;

use super::super::format;
use super::super::rows::NONE;
use crate::units::{Bytes, Quantity};

/// The items of a list; none of anything else.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

/// The entries of a table of tiers: an object by name, or a list whose items name their `tier`.
pub(super) fn named(value: &Value) -> Vec<(String, &Value)> {
    let of_object =
        value.as_object().into_iter().flatten().map(|(name, tier)| (name.clone(), tier));
    let of_list = items(value).map(|tier| (text(&tier["tier"]), tier));
    of_object.chain(of_list).collect()
}

/// Any value as a line of text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => format::line(text, 300),
        other => format::line(&other.to_string(), 300),
    }
}

/// A number with its unit; without one where the table's head has it.
pub(super) fn number(value: &Value, unit: &str) -> String {
    value.as_f64().map_or(NONE.to_owned(), |number| {
        format!("{} {unit}", format::significant(number, 3)).trim_end().to_owned()
    })
}

/// Both ends of an interval.
pub(super) fn interval(value: &Value, unit: &str) -> String {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(low), Some(high)) => {
            let (low, high) = (format::significant(low, 3), format::significant(high, 3));
            format!("{low} … {high} {unit}").trim_end().to_owned()
        }
        _ => NONE.to_owned(),
    }
}

/// Dollars, with cents where there are any.
pub(super) fn money(value: &Value) -> String {
    value.as_f64().map_or(NONE.to_owned(), |dollars| {
        let whole = format::count(dollars.max(0.0) as u64);
        if dollars.fract() == 0.0 { format!("${whole}") } else { format!("${dollars:.2}") }
    })
}

/// What gives out, and at which rate; a plain text is taken as it is.
pub(in crate::report) fn ceiling(value: &Value) -> String {
    if !value.is_object() {
        return text(value);
    }
    format!("{} at {}", resource(value), number(&value["rate"], "req/s"))
}

/// `api CPU`, `api pool to db`, `rate limit`.
pub(super) fn resource(value: &Value) -> String {
    let resource = match value["resource"].as_str() {
        Some("cpu") => "CPU".to_owned(),
        _ => text(&value["resource"]).replace('_', " "),
    };
    let to = value["to"].as_str().map(|to| format!(" to {}", format::line(to, 60)));
    let resource = resource + &to.unwrap_or_default();
    match value["tier"].as_str().unwrap_or_default() {
        "" => resource,
        tier => format!("{} {resource}", format::line(tier, 60)),
    }
}

/// `api 3 × 2 cores, 4 GiB; db 1`: a tier is a number of replicas, or replicas with a size.
pub(super) fn tiers(value: &Value) -> String {
    let all = named(value);
    if all.is_empty() {
        return text(value);
    }
    let tier = |(name, tier): &(String, &Value)| {
        let cores = tier["cores"].as_f64().map(|cores| format!("{cores} cores"));
        let memory = tier["memory"].as_u64();
        let memory = memory.map(|bytes| format::bound(Quantity::Size(Bytes::new(bytes))));
        let size: Vec<String> = size_name(tier).into_iter().chain(cores).chain(memory).collect();
        let size = if size.is_empty() { String::new() } else { format!(" × {}", size.join(", ")) };
        format!("{} {}{}", format::line(name, 60), replicas(tier), size)
    };
    all.iter().map(tier).collect::<Vec<_>>().join("; ")
}

/// The same for a table: `api 7×2` for seven replicas of two cores.
pub(super) fn compact(value: &Value) -> Vec<String> {
    let all = named(value);
    if all.is_empty() {
        return vec![text(value)];
    }
    let tier = |(name, tier): &(String, &Value)| {
        let cores = tier["cores"].as_f64().map(|cores| cores.to_string());
        let size = cores.or_else(|| size_name(tier));
        let size = size.map_or(String::new(), |size| format!("×{size}"));
        format!("{} {}{size}", format::line(name, 60), replicas(tier))
    };
    all.iter().map(tier).collect()
}

fn replicas(tier: &Value) -> String {
    text(if tier.is_object() { &tier["replicas"] } else { tier })
}

/// A size that has a name of its own, such as `m5.large`.
fn size_name(tier: &Value) -> Option<String> {
    tier["size"].as_str().map(|size| format::line(size, 40))
}
