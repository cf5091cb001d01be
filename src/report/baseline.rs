//! What a baseline's runs were like, drawn behind a run's charts.

use plimsoll_slo::gate::{GateMetric, RunSummary};
use plimsoll_units::Nanos;

/// From which p95 to which one the runs of a baseline reached, for all requests and each step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineRange {
    /// How many runs it has.
    pub runs: usize,
    /// Step, least and greatest p95; [`RunSummary::WHOLE`] for all requests together.
    steps: Vec<(String, (Nanos, Nanos))>,
}

impl BaselineRange {
    /// The range of these runs; steps without a p95 in some run have none.
    pub fn of(runs: &[RunSummary]) -> Self {
        let names = runs.first().map_or(&[][..], |run| &run.steps);
        let range = |name: &str| {
            let p95 = |run: &RunSummary| {
                run.steps.iter().find(|step| step.name == name)?.value(GateMetric::P95)
            };
            let all: Option<Vec<f64>> = runs.iter().map(p95).collect();
            let (low, high) = all?
                .into_iter()
                .fold((f64::INFINITY, 0.0_f64), |(low, high), one| (low.min(one), high.max(one)));
            Some((name.to_owned(), (Nanos::from_secs_f64(low), Nanos::from_secs_f64(high))))
        };
        let steps = names.iter().filter_map(|step| range(&step.name)).collect();
        Self { runs: runs.len(), steps }
    }

    /// That of a step.
    #[cfg(any(feature = "charts", test))]
    pub(super) fn p95_of(&self, step: &str) -> Option<(Nanos, Nanos)> {
        self.steps.iter().find(|(name, _)| name == step).map(|(_, range)| *range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    fn runs(p95_ms: &[Option<u64>]) -> Vec<RunSummary> {
        let model = RunSummary::of(&fixture::log());
        let run = |ms: &Option<u64>| {
            let mut run = model.clone();
            for step in &mut run.steps {
                step.p95 = ms.map(Nanos::from_millis);
            }
            run
        };
        p95_ms.iter().map(run).collect()
    }

    #[test]
    fn range_reaches_from_the_least_to_the_greatest_run_and_needs_all_of_them() {
        let range = BaselineRange::of(&runs(&[Some(42), Some(40), Some(45)]));
        let expected = (Nanos::from_millis(40), Nanos::from_millis(45));
        assert_eq!((range.runs, range.p95_of(RunSummary::WHOLE)), (3, Some(expected)));
        assert_eq!(range.p95_of("search"), Some(expected));
        assert_eq!(range.p95_of("of another system"), None);
        assert_eq!(BaselineRange::of(&runs(&[Some(42), None])).p95_of("search"), None);
        assert_eq!(BaselineRange::of(&[]).p95_of(RunSummary::WHOLE), None);
    }

    /// In the static picture, in the legend, in words for those who do not see it; and nowhere without a baseline.
    #[cfg(feature = "charts")]
    #[test]
    fn band_stands_in_the_pictures_the_legend_and_the_words_of_a_run() {
        use crate::{Report, ReportExtras, html};
        let report = Report::new(&fixture::log(), &fixture::pass());
        let baseline = Some(BaselineRange::of(&runs(&[Some(40), Some(45)])));
        let extra = ReportExtras { baseline, ..ReportExtras::default() };
        let page = html::render(&report, &extra).expect("renders");
        // All requests, and the three steps.
        assert_eq!(page.matches("class=\"fb\"").count(), 4);
        assert_eq!(page.matches("class=\"sb\"").count(), 8, "both edges");
        assert_eq!(page.matches("<i class=\"kb\"></i>p95 of the baseline").count(), 2);
        assert_eq!(page.matches("The p95 of the baseline: 40 ms to 45 ms.").count(), 4);
        assert!(page.contains("The band: p95 of the baseline, 40.0 ms to 45.0 ms in 2 runs."));
        let without = html::render(&report, &ReportExtras::default()).expect("renders");
        assert!(!without.contains("class=\"fb\"") && !without.contains("the baseline"));
    }
}
