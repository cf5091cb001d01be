//! What goes into a sign-off report, and what it says by itself.

use super::super::format;
use super::super::model::Report;
use plimsoll_capacity::output::CapacitySection;
use plimsoll_slo::Verdict;
use plimsoll_units::Rate;

/// What stands where a thing was not tested.
pub(crate) const NOT_TESTED: &str = "not tested";

/// What goes into a sign-off report.
#[derive(Debug, Clone)]
pub struct SignOff {
    /// The system, as the title names it.
    pub system: String,
    /// The runs, in the order of the document; at least one for a useful document.
    pub runs: Vec<Report>,
    /// A capacity result, if there is one.
    pub capacity: Option<CapacitySection>,
    /// The forecast peak to be carried, requests per second, growth included.
    pub forecast_peak: Option<Rate>,
    /// Facts about the stack: tiers, replicas, sizes, versions.
    pub stack: Vec<(String, String)>,
    /// Roles that sign: `Engineering`, `Product`, `Operations`.
    pub signers: Vec<String>,
}

/// `ais · load`.
pub(super) fn run_name(run: &Report) -> String {
    let header = &run.header;
    format!("{} · {}", format::line(&header.name, 80), format::line(&header.workload, 60))
}

/// The highest rate that a run carried and its objectives allowed, requests per second.
pub(super) fn highest_tested(runs: &[Report]) -> Option<Rate> {
    let good = runs.iter().filter(|run| {
        matches!(run.judgement.verdict, Verdict::Pass | Verdict::AtRisk)
            && run.shown.run.counts.requests > 0
    });
    good.map(|run| run.shown.rate()).max_by(|a, b| a.get().total_cmp(&b.get()))
}

/// The line, requests per second, where a search found it.
pub(super) fn slo_max(input: &SignOff) -> Option<f64> {
    input.capacity.as_ref().and_then(|capacity| capacity.slo_max_per_s)
}

/// Whether the recommended deployment survives the loss of a replica, by its row among the options.
pub(super) fn n_plus_1(input: &SignOff) -> String {
    let holds = input.capacity.as_ref().and_then(|capacity| {
        let wanted = &capacity.recommendation.as_ref()?.tiers;
        capacity.options.iter().find(|option| option.tiers == *wanted).map(|it| it.n_plus_1)
    });
    match holds {
        Some(true) => "the recommended deployment still meets its objectives (computed)".into(),
        Some(false) => "the recommended deployment does not meet its objectives (computed)".into(),
        None => NOT_TESTED.into(),
    }
}
