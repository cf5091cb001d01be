//! What more and bigger replicas of the bottleneck tier would carry: a row a number of replicas, a column a size.

use serde::Serialize;
use serde_json::Value;

use super::super::rows::NONE;
use super::values::{items, money, named, number, resource, text};

/// The table of replicas × size.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct DeploymentGrid {
    /// The tier that is scaled.
    pub(in crate::report) tier: String,
    /// One a column: `2 cores`.
    pub(in crate::report) sizes: Vec<String>,
    /// By replicas, the fewest first.
    pub(in crate::report) rows: Vec<GridRow>,
    /// What the table says and what it does not.
    pub(in crate::report) about: String,
}

/// One number of replicas.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct GridRow {
    pub(in crate::report) replicas: u64,
    /// One a size.
    pub(in crate::report) cells: Vec<GridCell>,
}

/// One deployment of the tier.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct GridCell {
    /// Requests per second, with the unit.
    pub(in crate::report) rate: String,
    /// Of the whole stack, a month.
    pub(in crate::report) cost: String,
    /// `✔ enough`, `✖ too little`; empty where no rate is planned for.
    pub(in crate::report) verdict: String,
    /// What gives out first: `db CPU full at 1,454 req/s`.
    pub(in crate::report) then: String,
    /// The verdict's class: `enough`, `little`, `open`, `none`.
    pub(in crate::report) key: &'static str,
    /// Whether this is what was measured.
    pub(in crate::report) present: bool,
}

impl GridCell {
    /// The cell in one line.
    pub(in crate::report) fn line(&self) -> String {
        if self.key == "none" {
            return NONE.to_owned();
        }
        let now = if self.present { "as tested" } else { "" };
        let all = [self.rate.as_str(), &self.cost, &self.verdict, &self.then, now];
        all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

impl DeploymentGrid {
    /// Reads `scaled` of the object `capacity`; none where nothing was computed.
    pub(super) fn read(capacity: &Value) -> Option<Self> {
        let cells: Vec<&Value> =
            items(&capacity["scaled"]).filter(|cell| cell["replicas"].is_u64()).collect();
        let tier = text(&cells.first()?["tier"]);
        let mut sizes: Vec<f64> = cells.iter().filter_map(|cell| cell["cores"].as_f64()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let mut replicas: Vec<u64> =
            cells.iter().filter_map(|cell| cell["replicas"].as_u64()).collect();
        replicas.sort_unstable();
        replicas.dedup();
        let planned = capacity["planned_per_s"].as_f64();
        let present = present(capacity, &tier);
        let cell = |count: u64, cores: f64| {
            let found = cells.iter().find(|cell| is_of(cell, count, cores));
            found.map_or_else(missing, |cell| {
                let present = present.is_some_and(|present| is_of(present, count, cores));
                GridCell { present, ..read_cell(cell, planned) }
            })
        };
        let row = |count: u64| GridRow {
            replicas: count,
            cells: sizes.iter().map(|cores| cell(count, *cores)).collect(),
        };
        let rows = replicas.into_iter().map(row).collect();
        let unverified = cells.iter().any(|cell| cell["unverified"] == true);
        let about = about(&tier, &capacity["planned_per_s"], unverified);
        let sizes = sizes.iter().map(|cores| format!("{cores} cores")).collect();
        Some(Self { tier, sizes, rows, about })
    }
}

/// The tier as it was tested: the option that changes nothing.
fn present<'a>(capacity: &'a Value, tier: &str) -> Option<&'a Value> {
    let unchanged = items(&capacity["options"]).find(|option| {
        option["kind"].as_str().is_some_and(|it| it.eq_ignore_ascii_case("neither"))
    });
    let tiers = named(&unchanged?["tiers"]);
    tiers.into_iter().find(|(name, _)| name == tier).map(|(_, found)| found)
}

fn is_of(value: &Value, replicas: u64, cores: f64) -> bool {
    let size = value["cores"].as_f64();
    value["replicas"] == replicas && size.is_some_and(|size| (size - cores).abs() < 1e-9)
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

fn read_cell(value: &Value, planned: Option<f64>) -> GridCell {
    let bottleneck = &value["bottleneck"];
    // A resource that is full below the planned rate decides, whatever the objectives allow.
    let full_at = bottleneck["rate"].as_f64().unwrap_or(f64::INFINITY);
    let carried = value["slo_max_per_s"].as_f64().map(|slo_max| slo_max.min(full_at));
    let unverified = if value["unverified"] == true { " ?" } else { "" };
    let (key, verdict) = match carried.zip(planned) {
        Some((carried, planned)) if carried >= planned => {
            ("enough", format!("✔ enough{unverified}"))
        }
        Some(_) => ("little", "✖ too little".to_owned()),
        None => ("open", unverified.trim_start().to_owned()),
    };
    let then = if bottleneck.is_object() {
        format!("{} full at {}", resource(bottleneck), number(&bottleneck["rate"], "req/s"))
    } else {
        String::new()
    };
    GridCell {
        rate: number(&value["slo_max_per_s"], "req/s"),
        cost: money(&value["monthly_cost"]),
        verdict,
        then,
        key,
        present: false,
    }
}

fn about(tier: &str, planned: &Value, unverified: bool) -> String {
    let what = format!(
        "SLO-max by the model, the cost of the whole stack a month, and the bottleneck, with replicas and \
         size of {tier} changed and all else as tested."
    );
    let enough = planned.as_f64().map(|_| {
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
