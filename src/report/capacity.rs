//! A capacity result as text.

mod grid;
mod values;

use serde::Serialize;

use super::format;
use super::rows::NONE;
use plimsoll_capacity::model::StepExclusion;
use plimsoll_capacity::output::{
    CapacitySection, CurvePoint, ModelLine, OptionRow, OptionStatus, Recommendation,
    ScalingDirection, TierSection, VerifiedPrediction,
};
use plimsoll_capacity::search::SearchEnd;
use plimsoll_capacity::step::StepPurpose;
use plimsoll_units::{Nanos, Ratio};

pub(super) use grid::{DeploymentGrid, GridCell};
pub(super) use values::ceiling;
use values::{compact, interval, maybe, money, number, tiers};

/// What a report shows of a capacity result.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CapacityView {
    /// The line itself, requests per second.
    pub(super) slo_max: Option<f64>,
    /// The claim in a few words: `SLO-max 200 req/s`.
    pub(super) claim: String,
    /// Whether it was confirmed: `pass`; else `inconclusive`, or `fail` where nothing can be claimed.
    pub(super) key: &'static str,
    /// The answer in sentences: how it is known, what gives out, what to buy and at what cost.
    pub(super) sentence: String,
    /// The interval in which the limit lies.
    pub(super) interval: Option<[f64; 2]>,
    /// The limit on response time, and the model's line.
    pub(super) model_line: Option<ModelLine>,
    /// Every step of the search that was valid, by rate.
    pub(super) probes: Vec<ProbeRow>,
    /// SLO-max, bottleneck, alert rate.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) recommendation: String,
    /// The bottleneck tier with other replicas and sizes.
    pub(super) grid: Option<DeploymentGrid>,
    pub(super) tiers: Vec<CapacityTierRow>,
    pub(super) options: Vec<OptionView>,
    /// Whether any of them lies beyond twice what was measured.
    pub(super) unverified: bool,
    pub(super) verified: Vec<VerifiedRow>,
    /// Throughput against response time, as measured on the way to the line.
    pub(super) curve: Vec<CurvePoint>,
}

/// One step of a search.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ProbeRow {
    pub(super) rate: String,
    pub(super) purpose: &'static str,
    pub(super) hold: String,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    /// `✔ within`, `✖ exceeds`.
    pub(super) outcome: &'static str,
    /// Why it says nothing of a stack at rest; empty where it does.
    pub(super) note: &'static str,
}

impl ProbeRow {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let texts = [&self.rate, &self.hold, &self.p50, &self.p95, &self.p99].into_iter().cloned();
        let words = [self.purpose, self.outcome, self.note].map(str::to_owned);
        texts.chain(words).collect()
    }
}

fn probe_row(point: &CurvePoint) -> ProbeRow {
    let time = |ms: f64| format::time(Nanos::from_secs_f64(ms / 1e3));
    let hold = Nanos::from_secs_f64(point.hold_s.round());
    ProbeRow {
        rate: number(point.rate_per_s, ""),
        purpose: point.purpose.map_or(NONE, StepPurpose::word),
        hold: if hold.is_zero() { NONE.to_owned() } else { hold.to_string() },
        p50: time(point.p50_ms),
        p95: time(point.p95_ms),
        p99: time(point.p99_ms),
        outcome: if point.passed { "✔ within" } else { "✖ exceeds" },
        note: point.not_at_rest.map_or("", StepExclusion::word),
    }
}

fn claim(section: &CapacitySection) -> String {
    match (section.slo_max_per_s, section.end) {
        (Some(_), Some(SearchEnd::NoLimitFound)) => {
            format!("SLO-max at least {}", maybe(section.slo_max_per_s, "req/s"))
        }
        (Some(_), _) => format!("SLO-max {}", maybe(section.slo_max_per_s, "req/s")),
        (None, _) => "SLO-max not found".to_owned(),
    }
}

/// How the claim is known, what gives out first, what to buy and at what cost.
fn sentence(section: &CapacitySection) -> String {
    let held = section.held_for_s.map(|seconds| Nanos::from_secs_f64(seconds.round()));
    let mut parts = Vec::new();
    parts.push(match (section.slo_max_per_s, held, section.confirmed) {
        (None, ..) if section.limit_per_s.is_some() => {
            "No rate within the objectives was held at rest, so nothing is claimed".to_owned()
        }
        (None, ..) => "No rate met every objective".to_owned(),
        (Some(_), Some(held), true) => format!("Confirmed: held at rest for {held}"),
        (Some(_), Some(held), false) => format!("Not confirmed: held at rest for {held}"),
        (Some(_), None, true) => "Confirmed".to_owned(),
        (Some(_), None, false) => "Not confirmed".to_owned(),
    });
    if let Some(above) = section.failure_above {
        parts.push(sentence_case(&above.to_string()));
    }
    parts.extend(section.bottleneck.as_ref().map(|full| format!("Bottleneck: {}", ceiling(full))));
    if let Some(found) = &section.recommendation {
        let cost = money(found.monthly_cost);
        parts.push(match found.kind {
            ScalingDirection::Neither => {
                format!(
                    "Buy nothing ({cost} a month as it is): {}",
                    format::line(&found.reason, 300)
                )
            }
            _ => format!(
                "Buy {} ({}) at {cost} a month: {}",
                tiers(&found.tiers),
                kind_key(found.kind),
                format::line(&found.reason, 300)
            ),
        });
    }
    format!("{}.", parts.join(". "))
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One tier.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CapacityTierRow {
    pub(super) name: String,
    pub(super) demand: String,
    pub(super) interval: String,
    pub(super) ceiling: String,
}

/// One deployment that was weighed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OptionView {
    /// One a tier: `api 7×2`.
    pub(super) tiers: Vec<String>,
    pub(super) kind: &'static str,
    pub(super) slo_max: String,
    pub(super) interval: String,
    pub(super) p_slo_met: String,
    pub(super) cost: String,
    pub(super) n_plus_1: &'static str,
    /// `recommended`, `feasible`, `rejected`.
    pub(super) status: &'static str,
    pub(super) reason: String,
    /// Whether the rate lies beyond twice what was measured.
    pub(super) unverified: bool,
}

impl OptionView {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let texts = [&self.slo_max, &self.interval, &self.p_slo_met, &self.cost];
        let mut cells = vec![self.tiers.join(", "), self.kind.to_owned()];
        cells.extend(texts.into_iter().cloned());
        cells.push(self.n_plus_1.to_owned());
        // Beyond twice the tested load nothing backs the model.
        let unverified = if self.unverified { ", unverified" } else { "" };
        cells.extend([format!("{}{unverified}", self.status), self.reason.clone()]);
        cells
    }
}

/// One prediction beside its measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VerifiedRow {
    /// One a tier: `api 7×2`.
    pub(super) tiers: Vec<String>,
    pub(super) predicted: String,
    pub(super) measured: String,
    pub(super) error: String,
}

impl VerifiedRow {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let numbers = [&self.predicted, &self.measured, &self.error].into_iter().cloned();
        std::iter::once(self.tiers.join(", ")).chain(numbers).collect()
    }
}

impl CapacityView {
    /// What is shown of `section`.
    pub(super) fn of(section: &CapacitySection) -> Self {
        Self {
            slo_max: section.slo_max_per_s,
            claim: claim(section),
            key: match (section.slo_max_per_s, section.confirmed) {
                (None, _) => "fail",
                (Some(_), true) => "pass",
                (Some(_), false) => "inconclusive",
            },
            sentence: sentence(section),
            interval: section.interval.filter(|[low, high]| high > low),
            model_line: section.model_line.clone(),
            probes: section.curve.iter().map(probe_row).collect(),
            facts: facts(section),
            recommendation: section
                .recommendation
                .as_ref()
                .map_or_else(|| NONE.to_owned(), recommended),
            grid: DeploymentGrid::of(section),
            tiers: section.tiers.iter().map(tier_row).collect(),
            options: section.options.iter().map(option_row).collect(),
            unverified: section.options.iter().any(|option| option.unverified),
            verified: section.verified.iter().map(verified_row).collect(),
            curve: section.curve.clone(),
        }
    }
}

fn facts(section: &CapacitySection) -> Vec<(&'static str, String)> {
    let rate = maybe(section.slo_max_per_s, "req/s");
    let held = section.held_for_s.map(|seconds| Nanos::from_secs_f64(seconds.round()));
    let held = held.map_or_else(String::new, |held| format!(", held at rest for {held}"));
    let confirmed = if section.confirmed { "" } else { "not " };
    let mut facts = vec![
        ("SLO-max", format!("{rate}{held}")),
        ("confirmed", format!("{confirmed}held in a step of its own")),
    ];
    facts.extend(section.limit().map(|said| ("limit", said)));
    facts.extend(
        section.end.and_then(SearchEnd::caution).map(|said| ("the search", said.to_owned())),
    );
    let named = |found: &Option<_>| found.as_ref().map_or_else(|| NONE.to_owned(), ceiling);
    facts.push(("bottleneck", named(&section.bottleneck)));
    facts.push(("next bottleneck", named(&section.next_bottleneck)));
    facts.push(("alert at", maybe(section.alert_rate_per_s, "req/s")));
    facts.extend(section.costs().map(|said| ("cost", said)));
    facts.extend(section.autoscaling.as_ref().map(|advice| ("autoscaler", advice.line())));
    facts.extend(section.no_model.as_deref().map(|why| ("no model", format::message(why))));
    if let Some(error) = section.held_out_error {
        let share = |error: f64| format::share(Ratio::new(error));
        let rate = section.held_out_rate_error;
        let rate = rate.map(|rate| format!("{} of the rate, ", share(rate))).unwrap_or_default();
        let time = if rate.is_empty() { "" } else { " of the response time there," };
        let said = format!("{rate}{}{time} on steps it had not seen", share(error));
        facts.push(("model error", said));
    }
    facts.extend(section.caveats());
    facts
}

fn recommended(found: &Recommendation) -> String {
    let kind = kind_key(found.kind).to_uppercase();
    let (cost, reason) = (money(found.monthly_cost), format::line(&found.reason, 300));
    format!("{kind}: {} at {cost} a month; {reason}", tiers(&found.tiers))
}

fn tier_row(tier: &TierSection) -> CapacityTierRow {
    CapacityTierRow {
        name: format::line(&tier.tier, 60),
        demand: maybe(tier.demand_ms, "ms/req"),
        interval: interval(tier.interval, "ms/req"),
        ceiling: maybe(tier.ceiling_per_s, "req/s"),
    }
}

fn option_row(option: &OptionRow) -> OptionView {
    OptionView {
        tiers: compact(&option.tiers),
        kind: kind_key(option.kind),
        slo_max: number(option.slo_max_per_s, ""),
        interval: interval(Some(option.interval), ""),
        p_slo_met: format::share(Ratio::new(option.p_slo_met)),
        cost: money(option.monthly_cost),
        n_plus_1: if option.n_plus_1 { "yes" } else { "no" },
        status: match option.status {
            OptionStatus::Recommended => "recommended",
            OptionStatus::Feasible => "feasible",
            OptionStatus::Rejected => "rejected",
        },
        reason: format::line(&option.reason, 300),
        unverified: option.unverified,
    }
}

const fn kind_key(kind: ScalingDirection) -> &'static str {
    match kind {
        ScalingDirection::Vertical => "vertical",
        ScalingDirection::Horizontal => "horizontal",
        ScalingDirection::Both => "both",
        ScalingDirection::Neither => "neither",
    }
}

fn verified_row(check: &VerifiedPrediction) -> VerifiedRow {
    VerifiedRow {
        tiers: compact(&check.tiers),
        predicted: number(check.predicted_per_s, "req/s"),
        measured: number(check.measured_per_s, "req/s"),
        error: format!("{:+.1} %", check.error * 100.0).replace('-', "−"),
    }
}
