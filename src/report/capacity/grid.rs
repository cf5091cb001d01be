//! What more and bigger replicas of the bottleneck tier would carry: a row a number of replicas, a column a size.

use serde::Serialize;

use super::super::format;
use super::super::rows::NONE;
use super::values::{money, number, resource};
use plimsoll_capacity::output::{CapacitySection, ScaledCeiling, ScalingDirection, TierChoice};

/// The table of replicas × size.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeploymentGrid {
    /// The tier that is scaled.
    pub(crate) tier: String,
    /// One a column: `2 cores`.
    pub(crate) sizes: Vec<String>,
    /// By replicas, the fewest first.
    pub(crate) rows: Vec<GridRow>,
    /// What the table says and what it does not.
    pub(crate) about: String,
}

/// One number of replicas.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GridRow {
    pub(crate) replicas: u32,
    /// One a size.
    pub(crate) cells: Vec<GridCell>,
}

/// One deployment of the tier.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GridCell {
    /// Requests per second, with the unit.
    pub(crate) rate: String,
    /// Of the whole stack, a month.
    pub(crate) cost: String,
    /// `✔ enough`, `✖ too little`; empty where no rate is planned for.
    pub(crate) verdict: String,
    /// What gives out first: `db CPU full at 1,454 req/s`.
    pub(crate) then: String,
    /// The verdict's class: `enough`, `little`, `open`, `none`.
    pub(crate) key: &'static str,
    /// Whether this is what was measured.
    pub(crate) present: bool,
}

impl GridCell {
    /// The cell in one line.
    pub(crate) fn line(&self) -> String {
        if self.key == "none" {
            return NONE.to_owned();
        }
        let now = if self.present { "as tested" } else { "" };
        let all = [self.rate.as_str(), &self.cost, &self.verdict, &self.then, now];
        all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

impl DeploymentGrid {
    /// What `section` says of other replicas and sizes; none where nothing was computed.
    pub(super) fn of(section: &CapacitySection) -> Option<Self> {
        let cells = &section.scaled;
        let tier = format::line(&cells.first()?.tier, 60);
        let mut sizes: Vec<f64> = cells.iter().map(|cell| cell.cores).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let mut replicas: Vec<u32> = cells.iter().map(|cell| cell.replicas).collect();
        replicas.sort_unstable();
        replicas.dedup();
        let planned = section.planned_per_s;
        let present = present(section, &cells.first()?.tier);
        let is = |found: u32, size: f64, count, cores: f64| {
            found == count && (size - cores).abs() < 1e-9
        };
        let cell = |count: u32, cores: f64| {
            let found = cells.iter().find(|cell| is(cell.replicas, cell.cores, count, cores));
            found.map_or_else(missing, |cell| GridCell {
                present: present.is_some_and(|it| is(it.replicas, it.cores, count, cores)),
                ..shown(cell, planned)
            })
        };
        let row = |count: u32| GridRow {
            replicas: count,
            cells: sizes.iter().map(|cores| cell(count, *cores)).collect(),
        };
        let rows = replicas.into_iter().map(row).collect();
        let about = about(&tier, planned, cells.iter().any(|cell| cell.unverified));
        let sizes = sizes.iter().map(|cores| format!("{cores} cores")).collect();
        Some(Self { tier, sizes, rows, about })
    }
}

/// The tier as it was tested: the option that changes nothing.
fn present<'a>(section: &'a CapacitySection, tier: &str) -> Option<&'a TierChoice> {
    let unchanged =
        section.options.iter().find(|option| option.kind == ScalingDirection::Neither)?;
    unchanged.tiers.iter().find(|found| found.tier == tier)
}

/// A size that may not be bought so often.
const fn missing() -> GridCell {
    GridCell {
        rate: String::new(),
        cost: String::new(),
        verdict: String::new(),
        then: String::new(),
        key: "none",
        present: false,
    }
}

fn shown(cell: &ScaledCeiling, planned: Option<f64>) -> GridCell {
    // A resource that is full below the planned rate decides, whatever the objectives allow.
    let full_at = cell.bottleneck.as_ref().map_or(f64::INFINITY, |full| full.rate.get());
    let carried = cell.slo_max_per_s.min(full_at);
    let unverified = if cell.unverified { " ?" } else { "" };
    let (key, verdict) = match planned {
        Some(planned) if carried >= planned => ("enough", format!("✔ enough{unverified}")),
        Some(_) => ("little", "✖ too little".to_owned()),
        None => ("open", unverified.trim_start().to_owned()),
    };
    let full = |full| format!("{} full at {}", resource(full), number(full.rate.get(), "req/s"));
    GridCell {
        rate: number(cell.slo_max_per_s, "req/s"),
        cost: money(cell.monthly_cost),
        verdict,
        then: cell.bottleneck.as_ref().map(full).unwrap_or_default(),
        key,
        present: false,
    }
}

fn about(tier: &str, planned: Option<f64>, unverified: bool) -> String {
    let what = format!(
        "SLO-max by the model, the cost of the whole stack a month, and the bottleneck, with replicas and \
         size of {tier} changed and all else as tested."
    );
    let enough = planned.map(|planned| {
        format!(
            "Enough: it carries the planned {} before an objective fails or a resource is full; signals and the \
             loss of a replica are weighed in the table of deployments.",
            number(planned, "req/s")
        )
    });
    let unknown =
        unverified.then(|| "?: beyond twice what was tested, so nothing backs it.".to_owned());
    [Some(what), enough, unknown].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
