//! What a run is judged by where its scenario does not say.
//!
//! Times of successes may look fine while most requests fail. So errors are always held to something: to what the
//! scenario's table says of them, else to a default, unless the table says `error_rate: off`.

use super::JudgedObjective;
use super::ObjectiveStatus;
use super::planned::is_closed;
use plimsoll_metrics::{
    Answers, Bound, CustomMeasure, Measure, Objective, RunHeader, Scope, StepInfo,
};
use plimsoll_units::{Quantity, Ratio};

/// At most so many requests may fail.
const ERROR_RATE_MAX: f64 = 0.01;
/// At least so many of the arrivals that fell due must start.
const ACHIEVED_MIN: f64 = 0.99;

/// Where a default row comes from and what takes its place, for its note.
const WAY_OUT: &str = "no row of the scenario's table holds these errors to anything, so this one does; \
                       `error_rate: { max: … }` there takes its place, `error_rate: off` leaves errors unjudged";

/// The rows that a run is judged by.
pub(super) struct JudgedTable {
    /// Those of the scenario.
    pub(super) written: Vec<Objective>,
    /// Those that hold by default: of errors that no row there speaks of; without any row there, also that the
    /// arrivals which fell due start.
    pub(super) added: Vec<Objective>,
}

impl JudgedTable {
    pub(super) fn of(header: &RunHeader) -> Self {
        let all = &header.objectives;
        let written: Vec<Objective> = all.iter().filter(|row| !row.is_off()).cloned().collect();
        let scenarios = header.scenarios.iter().map(|scenario| scenario.name.as_str());
        let mut added = default_error_rows(all, &header.steps, scenarios);
        if written.is_empty() && !is_closed(header) {
            let measure = CustomMeasure::AchievedRate;
            let measured = (measure.word(), Measure::Custom(measure));
            added.push(row(measured, Scope::Run, (Bound::AtLeast, ACHIEVED_MIN)));
        }
        Self { written, added }
    }
}

/// The rows on errors that hold by default beside `written`: at most 1 % of the requests fail of which no row there
/// speaks by `error_rate` or `failures`, or as many as the widest `uptime` there lets go without service.
///
/// A row on the whole run speaks of all requests, others of those of their steps, tag or scenario; `error_rate: off`
/// is a row without bounds. A table of pages alone, of a run that sends no requests of its own, gets none.
pub fn default_error_rows<'a>(
    written: &[Objective],
    steps: &[StepInfo],
    scenarios: impl Iterator<Item = &'a str>,
) -> Vec<Objective> {
    let requests: Vec<&StepInfo> = steps.iter().filter(|step| !step.is_logical()).collect();
    let scopes: Vec<&Scope> =
        written.iter().filter(|row| bounds_errors(row)).map(|row| &row.scope).collect();
    let has = |scope: &Scope| scopes.contains(&scope);
    if has(&Scope::Run) || (requests.is_empty() && !written.is_empty()) {
        return Vec::new();
    }
    let max = unserved_allowed(written).max(ERROR_RATE_MAX);
    let of = |scope| row(("error_rate", Measure::ErrorRate), scope, (Bound::AtMost, max));
    if scopes.is_empty() {
        return vec![of(Scope::Run)];
    }
    // Which step belongs to which scenario is not in the log.
    if scopes.iter().any(|scope| matches!(scope, Scope::Scenario(_))) {
        let scenarios = scenarios.map(|name| Scope::Scenario(name.to_owned()));
        return scenarios.filter(|scope| !has(scope)).map(of).collect();
    }
    let is_spoken_of = |step: &StepInfo| {
        let tagged = step.tags.iter().any(|tag| has(&Scope::Tag(tag.clone())));
        tagged || has(&Scope::Step(step.name.clone()))
    };
    let others = requests.into_iter().filter(|step| !is_spoken_of(step));
    let others: Vec<String> = others.map(|step| step.name.clone()).collect();
    if others.is_empty() { Vec::new() } else { vec![of(Scope::Steps(others))] }
}

/// A judged row that the scenario's table lacks, which says so where it is not met.
pub(super) fn named(mut row: JudgedObjective) -> JudgedObjective {
    row.by_default = true;
    if matches!(row.status, ObjectiveStatus::Fail | ObjectiveStatus::Inconclusive) {
        let before = std::iter::once(row.note.as_str()).filter(|note| !note.is_empty());
        row.note = before.chain([WAY_OUT]).collect::<Vec<_>>().join("; ");
    }
    row
}

fn bounds_errors(row: &Objective) -> bool {
    matches!(row.measure, Measure::ErrorRate | Measure::Custom(CustomMeasure::Failures))
}

/// The share of requests that the widest row on uptime lets go without service.
fn unserved_allowed(written: &[Objective]) -> f64 {
    let uptimes = written.iter().filter(|row| row.measure == Measure::Uptime);
    let allowed = uptimes.filter_map(|row| Some(1.0 - row.limit?.base()));
    allowed.fold(0.0, f64::max)
}

fn row((name, measure): (&str, Measure), scope: Scope, (bound, limit): (Bound, f64)) -> Objective {
    Objective {
        name: name.to_owned(),
        scope,
        measure,
        bound,
        target: None,
        limit: Some(Quantity::Share(Ratio::new(limit))),
        of: Answers::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::objective;
    use plimsoll_metrics::SampleKind;
    use plimsoll_units::Nanos;

    fn share(value: f64) -> Quantity {
        Quantity::Share(Ratio::new(value))
    }

    fn steps() -> Vec<StepInfo> {
        let step = |name: &str, kind, tags: &[&str]| StepInfo {
            name: name.to_owned(),
            kind,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        vec![
            step("login", SampleKind::Get, &["api"]),
            step("browse", SampleKind::Get, &["static"]),
            step("search", SampleKind::Get, &["static"]),
            step("search.first_event", SampleKind::FirstEvent, &[]),
        ]
    }

    fn of(measure: Measure, scope: Scope, limit: Option<Quantity>) -> Objective {
        Objective { scope, ..objective(measure, None, limit) }
    }

    /// Scope and max of the rows that hold by default beside `written`.
    fn added(written: &[Objective]) -> Vec<(String, f64)> {
        let rows = default_error_rows(written, &steps(), ["shop", "admin"].into_iter());
        let limit = |row: &Objective| row.limit.expect("a max").base();
        rows.iter().map(|row| (row.scope.to_string(), limit(row))).collect()
    }

    #[test]
    fn errors_that_no_row_speaks_of_are_held_to_one_per_cent() {
        let p95 = of(
            Measure::ResponseTime(0.95),
            Scope::Run,
            Some(Quantity::Time(Nanos::from_millis(9))),
        );
        let whole = [("run".to_owned(), 0.01)];
        assert_eq!(added(&[]), whole);
        assert_eq!(added(std::slice::from_ref(&p95)), whole);
        let login = |limit| of(Measure::ErrorRate, Scope::Step("login".into()), Some(limit));
        assert_eq!(
            added(&[p95.clone(), login(share(0.5))]),
            [("steps browse, search".to_owned(), 0.01)]
        );
        let of_tag = of(Measure::ErrorRate, Scope::Tag("static".into()), Some(share(0.5)));
        assert_eq!(added(std::slice::from_ref(&of_tag)), [("steps login".to_owned(), 0.01)]);
        assert!(added(&[of_tag, login(share(0.5))]).is_empty());
        let shop = of(Measure::ErrorRate, Scope::Scenario("shop".into()), Some(share(0.02)));
        assert_eq!(added(&[shop]), [("scenario admin".to_owned(), 0.01)]);
    }

    #[test]
    fn row_on_errors_of_the_run_or_off_leaves_nothing_by_default() {
        let failures = Measure::Custom(CustomMeasure::Failures);
        for measure in [Measure::ErrorRate, failures] {
            assert!(added(&[of(measure, Scope::Run, Some(share(0.5)))]).is_empty());
        }
        assert!(added(&[of(Measure::ErrorRate, Scope::Run, None)]).is_empty(), "off");
        let off = of(Measure::ErrorRate, Scope::Step("login".into()), None);
        assert_eq!(added(&[off]), [("steps browse, search".to_owned(), 0.01)]);
    }

    /// Uptime counts what got no service: wrong answers are errors and no outage.
    #[test]
    fn uptime_widens_what_holds_by_default_and_does_not_replace_it() {
        let uptime = |min| of(Measure::Uptime, Scope::Run, Some(share(min)));
        assert_eq!(added(&[uptime(0.999)]), [("run".to_owned(), 0.01)]);
        let [(scope, max)] = added(&[uptime(0.9)]).try_into().expect("one row");
        assert_eq!(scope, "run");
        assert!((max - 0.1).abs() < 1e-9, "{max}");
    }

    #[test]
    fn table_of_a_run_without_requests_gets_none() {
        let row = of(Measure::Uptime, Scope::Run, Some(share(0.99)));
        assert!(default_error_rows(&[row], &[], std::iter::empty()).is_empty());
    }
}
