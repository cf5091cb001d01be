//! The stack's own metrics and its availability as figures and rows, shared by every format.

use serde::Serialize;

use super::rows::NONE;
use super::stack_figure::StackFigure;
use super::{format, model::Report};
use plimsoll_slo::Incident;
use plimsoll_units::{Nanos, Quantity, Ratio};

/// Replicas whose CPU differs from their mean by more than this share are loaded unevenly.
const UNEVEN: f64 = 0.2;

/// One tier in the table of the stack.
#[derive(Debug, Serialize)]
pub(super) struct StackTierRow {
    pub(super) tier: String,
    pub(super) cpu: String,
    pub(super) cpu_peak: String,
    pub(super) memory: String,
    pub(super) connections: String,
    pub(super) query_p95: String,
    pub(super) hit_ratio: String,
    /// What the reader should know; mostly empty.
    pub(super) note: String,
}

impl StackTierRow {
    /// The names of the columns.
    pub(super) const HEADS: [&'static str; 7] =
        ["tier", "cpu", "cpu peak", "memory", "connections", "p95", "hit ratio"];

    /// The cells below them.
    pub(super) fn cells(&self) -> [&str; 7] {
        [
            &self.tier,
            &self.cpu,
            &self.cpu_peak,
            &self.memory,
            &self.connections,
            &self.query_p95,
            &self.hit_ratio,
        ]
    }
}

/// The table of the stack: tiers of which anything in it is known.
pub(super) fn tiers(report: &Report) -> Vec<StackTierRow> {
    let by_tier = report.stack.chunk_by(|a, b| a.tier == b.tier);
    by_tier.filter_map(tier).collect()
}

fn tier(figures: &[StackFigure]) -> Option<StackTierRow> {
    let of = |metric: &str| -> Vec<&StackFigure> {
        figures.iter().filter(|figure| figure.metric == metric).collect()
    };
    let mean = |metric: &str| mean_of(&of(metric)).map_or(NONE.to_owned(), format::estimate);
    let cpu = of("cpu");
    let peak =
        cpu.iter().filter_map(|figure| figure.peak).max_by(|a, b| a.base().total_cmp(&b.base()));
    let memory = if of("memory").is_empty() { "memory_used" } else { "memory" };
    let row = StackTierRow {
        tier: format::line(&figures.first()?.tier, 40),
        cpu: mean("cpu"),
        cpu_peak: peak.map_or(NONE.to_owned(), format::estimate),
        memory: Some(mean(memory)).filter(|text| text != "0 B").unwrap_or_else(|| NONE.to_owned()),
        connections: mean("connections"),
        query_p95: mean("query_p95"),
        hit_ratio: mean("hit_ratio"),
        note: uneven(&cpu).unwrap_or_default(),
    };
    let is_known = row.cells()[1..].iter().any(|cell| *cell != NONE);
    is_known.then_some(row)
}

/// The mean over replicas of their means.
fn mean_of(figures: &[&StackFigure]) -> Option<Quantity> {
    let known: Vec<Quantity> = figures.iter().filter_map(|figure| figure.mean).collect();
    let sum: f64 = known.iter().map(|value| value.base()).sum();
    Some(known.first()?.with_base(sum / known.len() as f64))
}

/// Says so where one replica works much harder than the others.
fn uneven(cpu: &[&StackFigure]) -> Option<String> {
    let mean = mean_of(cpu)?;
    let known = cpu.iter().filter_map(|figure| Some((figure, figure.mean?)));
    let (busiest, share) = known.max_by(|a, b| a.1.base().total_cmp(&b.1.base()))?;
    let is_uneven = cpu.len() > 1 && share.base() > mean.base() * (1.0 + UNEVEN);
    is_uneven.then(|| {
        let replica = format::line(&busiest.replica, 30);
        format!("uneven: replica {replica} at {}", format::estimate(share))
    })
}

/// One incident as a row.
#[derive(Debug, Serialize)]
pub(super) struct IncidentRow {
    pub(super) what: String,
    pub(super) begin: String,
    pub(super) end: String,
    pub(super) detected: String,
    pub(super) recovered: String,
    pub(super) lost: String,
    pub(super) mark: String,
}

impl IncidentRow {
    /// The names of the columns.
    pub(super) const HEADS: [&'static str; 6] =
        ["what failed", "first sign", "well again", "detected in", "recovered in", "requests lost"];

    /// The cells below them.
    pub(super) fn cells(&self) -> [&str; 6] {
        [&self.what, &self.begin, &self.end, &self.detected, &self.recovered, &self.lost]
    }
}

/// More incidents than this nobody reads; `result.json` has them all.
const MOST_INCIDENTS: usize = 20;

/// The first incidents, in the order of their first signs.
pub(super) fn incidents(report: &Report) -> Vec<IncidentRow> {
    report.availability.incidents.iter().take(MOST_INCIDENTS).map(incident).collect()
}

fn incident(incident: &Incident) -> IncidentRow {
    let whole = |span: Nanos| Nanos::from_secs(span.as_secs_f64().round() as u64).to_string();
    let span = |span: Option<Nanos>| span.map_or(NONE.to_owned(), whole);
    let not_yet = || "not by the end".to_owned();
    IncidentRow {
        what: format::line(&incident.what, 40),
        begin: format::moment(incident.begin),
        end: incident.end.map_or_else(not_yet, format::moment),
        detected: span(incident.time_to_detect()),
        recovered: span(incident.time_to_recover()),
        lost: if incident.is_of_service() { format::count(incident.lost) } else { NONE.to_owned() },
        mark: incident.mark.as_ref().map_or(String::new(), |(at, text)| {
            format!("{}: {}", format::moment(*at), format::line(text, 160))
        }),
    }
}

/// What was served and what the health probes saw, in pairs; empty where neither probes, marks nor incidents
/// make it worth telling.
pub(super) fn availability(report: &Report) -> Vec<(String, String)> {
    let found = &report.availability;
    if found.incidents.is_empty() && found.probes.is_empty() && !found.has_marks {
        return vec![];
    }
    let mut facts = Vec::new();
    if let Some(served) = found.served() {
        let text =
            format!("{} of {} requests", format::share(served), format::count(found.requests));
        facts.push(("served".to_owned(), text));
    }
    for probe in &found.probes {
        let share = format::share(Ratio::of(probe.up, probe.probes.max(1)));
        let text = format!("up in {share} of {} probes", format::count(probe.probes));
        facts.push((format::line(&probe.path, 60), text));
    }
    let outages = match found.outages().count() {
        0 => "none of the service".to_owned(),
        count => format!("{} of the service", format::count(count as u64)),
    };
    let left_out = found.incidents.len().saturating_sub(MOST_INCIDENTS);
    let more = if left_out > 0 {
        format!("; {left_out} more incidents stand in result.json")
    } else {
        String::new()
    };
    facts.push(("outages".to_owned(), outages + &more));
    facts
}
