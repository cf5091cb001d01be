//! Whether a measurement can be trusted, before any of its numbers is judged.
//!
//! Every test leaves a finding with its figures, passed ones too, so that a reader can check the checker.

mod carried;
mod completeness;
mod generator;
mod load;
mod shards;
mod steadiness;
mod throttling;
mod words;

pub use completeness::is_partial;

use self::carried::CarriedLoad;
use self::generator::GeneratorEvidence;
use super::load_shortfall::LoadShortfall;
use super::overload::Overload;
use super::window::JudgedWindow;
use super::{Finding, JudgedObjective, Validity, ValidityStatus};
use plimsoll_metrics::{Counts, Tally};

/// What the tests of a measurement found, for the verdict and its cause.
pub(super) struct MeasurementFindings {
    pub(super) validity: Validity,
    /// Counts of the whole run, drain included.
    pub(super) counts: Counts,
    /// What the stack was given more of than it carries.
    pub(super) overload: Option<Overload>,
    /// What iterations that ended early left out.
    pub(super) shortfall: Option<LoadShortfall>,
    /// Whether the log is a part of a run.
    pub(super) is_partial: bool,
}

/// Runs all tests of the measurement. `rows` are judged already: what the generator did wrong counts only where it
/// could have changed one of them.
pub(super) fn examine(window: &JudgedWindow<'_>, rows: &[JudgedObjective]) -> MeasurementFindings {
    let counts = Tally::of_log(window.log).counts;
    let by_drops = Overload::by_drops(window, rows);
    let shortfall = LoadShortfall::of(window, &counts);
    let mut findings = completeness::findings(window, &counts);
    let carried = CarriedLoad::of(window);
    findings.extend(load::findings(window, &counts, by_drops.as_ref(), &carried));
    findings.extend(shortfall.as_ref().map(load::offered));
    findings.extend(generator::findings(
        window,
        &GeneratorEvidence { rows, counts: &counts, carried: &carried },
    ));
    let steadiness = steadiness::examine(window, &counts);
    findings.extend(steadiness.findings);
    let backlog = steadiness.overloaded.then(|| Overload::of(window));
    let overload = by_drops.or(backlog);
    let throttling = throttling::examine(window, &counts, overload.is_some());
    findings.push(throttling.finding);
    let is_overtaxed = findings.iter().any(Finding::blames_the_generator);
    let status =
        findings.iter().map(|finding| finding.status).max().unwrap_or(ValidityStatus::Valid);
    let validity = Validity {
        status,
        findings,
        overloaded: overload.is_some(),
        rate_limited: throttling.rate_limited,
        rate_limit: throttling.limit,
        highest_rate: carried.highest.filter(|_| is_overtaxed),
    };
    let is_partial = is_partial(window.log);
    MeasurementFindings { validity, counts, overload, shortfall, is_partial }
}
