//! Single values of a capacity result as text.

use super::super::format;
use super::super::rows::NONE;
use plimsoll_capacity::model::{Ceiling, CeilingResource};
use plimsoll_capacity::output::TierChoice;
use plimsoll_units::Quantity;

/// A number with its unit; without one where the table's head has it.
pub(super) fn number(value: f64, unit: &str) -> String {
    format!("{} {unit}", format::significant(value, 3)).trim_end().to_owned()
}

/// The same of a number that may not be known.
pub(super) fn maybe(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| number(value, unit))
}

/// Both ends of an interval.
pub(super) fn interval(value: Option<[f64; 2]>, unit: &str) -> String {
    let Some([low, high]) = value else { return NONE.to_owned() };
    let (low, high) = (format::significant(low, 3), format::significant(high, 3));
    format!("{low} … {high} {unit}").trim_end().to_owned()
}

/// Dollars, with cents where there are any.
pub(super) fn money(dollars: f64) -> String {
    let whole = format::count(dollars.max(0.0) as u64);
    if dollars.fract() == 0.0 { format!("${whole}") } else { format!("${dollars:.2}") }
}

/// What gives out, and at which rate: `api CPU at 430 req/s`.
pub(crate) fn ceiling(found: &Ceiling) -> String {
    format!("{} at {}", resource(found), number(found.rate.get(), "req/s"))
}

/// `api CPU`, `api pool to db`, `rate limit`.
pub(super) fn resource(found: &Ceiling) -> String {
    let resource = match found.resource {
        CeilingResource::Cpu => "CPU",
        CeilingResource::Pool => "pool",
        CeilingResource::Memory => "memory",
        CeilingResource::RateLimit => "rate limit",
        CeilingResource::Lock => "lock",
        CeilingResource::External => "external",
    };
    let to = found.to.as_ref().map(|to| format!(" to {}", format::line(to, 60)));
    let resource = format!("{resource}{}", to.unwrap_or_default());
    match found.tier.as_str() {
        "" => resource,
        tier => format!("{} {resource}", format::line(tier, 60)),
    }
}

/// `api 3 × 2 cores, 4 GiB; db 1 × 4 cores, 16 GiB`.
pub(super) fn tiers(all: &[TierChoice]) -> String {
    let tier = |tier: &TierChoice| {
        let memory = format::bound(Quantity::Size(tier.memory));
        let name = format::line(&tier.tier, 60);
        format!("{name} {} × {} cores, {memory}", tier.replicas, tier.cores)
    };
    all.iter().map(tier).collect::<Vec<_>>().join("; ")
}

/// The same for a table: `api 7×2` for seven replicas of two cores.
pub(super) fn compact(all: &[TierChoice]) -> Vec<String> {
    let tier = |tier: &TierChoice| {
        format!("{} {}×{}", format::line(&tier.tier, 60), tier.replicas, tier.cores)
    };
    all.iter().map(tier).collect()
}
