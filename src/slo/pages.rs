//! Figures of pages, as real browsers loaded them under load.

use super::measured::{CONFIDENCE, Measured};
use super::statistics::order_statistics;
use super::window::{JudgedWindow, judged_spans};
use plimsoll_metrics::{PageDoubt, PageFigure, PageLoad, Scope};
use plimsoll_units::Quantity;

/// Fewer loads than this have no p75 worth judging: its 95 % interval is open above with up to 12 loads.
pub(super) const LEAST_LOADS: usize = 20;

/// The `quantile` of a figure over the loads of a page, or of all pages, within the judged stages.
///
/// Page loads are few and far between, so they count as independent: the interval is that of order statistics.
pub(super) fn measure(
    window: &JudgedWindow<'_>,
    scope: &Scope,
    figure: PageFigure,
    quantile: f64,
) -> Measured {
    let spans = judged_spans(window.log);
    let is_meant = |load: &&PageLoad| match scope {
        Scope::Run => true,
        Scope::Page(name) => load.page == *name,
        _ => false,
    };
    let is_judged = |load: &&PageLoad| {
        !load.idle && spans.iter().any(|(start, end)| (*start..*end).contains(&load.at))
    };
    let loads: Vec<&PageLoad> =
        window.log.pages.iter().filter(is_meant).filter(is_judged).collect();
    let values: Vec<Quantity> = loads.iter().filter_map(|load| load.figure(figure)).collect();
    let n = values.len();
    if n < LEAST_LOADS {
        return Measured::nothing(n as u64, too_few(&loads, n, figure));
    }
    let Some((estimate, interval)) = quantile_of(values, quantile) else {
        return Measured::nothing(n as u64, too_few(&loads, n, figure));
    };
    let interval = interval.map(|(low, high)| (low.base(), high.base()));
    let measured = Measured::value(estimate, interval, n as u64);
    let note = left_out(&loads, n);
    if note.is_empty() { measured } else { measured.with_note(note) }
}

/// A quantile of some values and its 95 % interval by order statistics; none of no values, and no interval where its
/// upper end is open.
pub(super) fn quantile_of(
    mut values: Vec<Quantity>,
    quantile: f64,
) -> Option<(Quantity, Option<(Quantity, Quantity)>)> {
    let n = values.len();
    values.sort_by(|a, b| a.base().total_cmp(&b.base()));
    // The least value that the share of values up to it reaches the quantile (Hyndman and Fan, type 1).
    let rank = ((quantile * n as f64).ceil() as usize).max(1);
    let estimate = *values.get(rank - 1)?;
    let bounds = order_statistics::interval(n as u64, quantile, CONFIDENCE);
    let low = bounds.lower.checked_sub(1).and_then(|at| values.get(at as usize).copied());
    let high = values.get(bounds.upper.saturating_sub(1) as usize);
    let low = low.unwrap_or(estimate.with_base(0.0));
    Some((estimate, high.map(|high| (low, *high))))
}

/// Why there is no value.
fn too_few(loads: &[&PageLoad], n: usize, figure: PageFigure) -> String {
    if loads.is_empty() {
        return "n/a: no browser loaded this page under load".to_owned();
    }
    let without = loads.iter().filter(|load| load.failure.is_none() && load.doubt.is_none());
    let without = without.filter(|load| load.figure(figure).is_none()).count();
    let reason = match (left_out(loads, n), without) {
        (reason, 0) => reason,
        (_, without) => format!("{without} loads have no {figure}"),
    };
    let behind = if reason.is_empty() { String::new() } else { format!("; {reason}") };
    format!("n/a (n={n}): {LEAST_LOADS} page loads are needed{behind}")
}

/// Which loads do not count, and why.
fn left_out(loads: &[&PageLoad], n: usize) -> String {
    let failed = loads.iter().filter(|load| load.failure.is_some()).count();
    let mut parts = vec![];
    if failed > 0 {
        parts.push(format!("{failed} of {} loads failed", loads.len()));
    }
    for doubt in PageDoubt::ALL {
        let count = loads.iter().filter(|load| load.doubt == Some(*doubt)).count();
        if count > 0 {
            parts.push(format!("{count} of {} left out: {doubt}", n + count));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::simulated::{header, objective};
    use super::*;
    use crate::ObjectiveStatus;
    use plimsoll_metrics::{BrowserUse, Measure, Objective, RunEnd, RunLog, StopReason};
    use plimsoll_units::{Bytes, Nanos, Ratio, RunTime};

    fn load(at_s: u64, lcp_ms: u64) -> PageLoad {
        PageLoad {
            at: RunTime::ZERO + Nanos::from_secs(at_s),
            page: "home".to_owned(),
            idle: false,
            times: vec![(PageFigure::Lcp, Nanos::from_millis(lcp_ms))],
            cls: Some(0.05),
            status: 200,
            bytes: Bytes::new(1_000),
            requests: 3,
            script_errors: 0,
            blocked: vec![],
            failure: None,
            doubt: None,
            largest: String::new(),
            resources: vec![],
        }
    }

    fn measured(loads: Vec<PageLoad>, figure: PageFigure) -> Measured {
        let header = header(100.0, 60, vec![]);
        let at = header.stages.iter().fold(RunTime::ZERO, |at, stage| at + stage.duration);
        let end = Some(RunEnd { at, reason: StopReason::Finished });
        let log = RunLog { pages: loads, end, ..RunLog::begun(header) };
        measure(
            &JudgedWindow::of(&log),
            &Scope::Page("home".to_owned()),
            figure,
            PageFigure::QUANTILE,
        )
    }

    #[test]
    fn p75_of_page_loads_has_an_interval_of_order_statistics() {
        let found = measured((1..=40).map(|n| load(n, 100 * n)).collect(), PageFigure::Lcp);
        assert_eq!(found.estimate, Some(Quantity::Time(Nanos::from_secs(3))));
        // Binomial(40, .75): P(K ≤ 23) = .011, P(K ≤ 24) = .026 and P(K ≤ 35) = .984.
        assert_eq!(found.interval, Some((2.4, 3.6)));
        assert_eq!(found.samples, 40);
    }

    #[test]
    fn idle_failed_and_doubtful_loads_do_not_count() {
        let mut loads: Vec<_> = (1..=24).map(|n| load(n, 100)).collect();
        loads[0].idle = true;
        loads[1].failure = Some("the page crashed".to_owned());
        loads[2].doubt = Some(PageDoubt::PaintedLate);
        let found = measured(loads.clone(), PageFigure::Lcp);
        assert_eq!(found.samples, 21);
        assert_eq!(found.note, "1 of 23 loads failed, 1 of 22 left out: painted late");
        loads.truncate(10);
        let found = measured(loads, PageFigure::Lcp);
        assert_eq!(found.estimate, None);
        assert!(found.note.starts_with("n/a (n=7): 20 page loads are needed"), "{}", found.note);
    }

    /// Goal: prove that browsers which are short of cores fail nothing, and take no pass away.
    #[test]
    fn pages_that_may_have_waited_for_their_own_cores_fail_nothing() {
        let judged = |lcp_ms: u64, busy: f64| {
            let header = header(100.0, 60, vec![]);
            let at = header.stages.iter().fold(RunTime::ZERO, |at, stage| at + stage.duration);
            let end = Some(RunEnd { at, reason: StopReason::Finished });
            let browsers =
                Some(BrowserUse { cores_busy: Ratio::new(busy), ..BrowserUse::default() });
            let pages = (1..=40).map(|n| load(n, lcp_ms)).collect();
            let log = RunLog { pages, browsers, end, ..RunLog::begun(header) };
            let time = |ms| Some(Quantity::Time(Nanos::from_millis(ms)));
            let measure = Measure::Page(PageFigure::Lcp, PageFigure::QUANTILE);
            let scope = Scope::Page("home".to_owned());
            let objective = Objective { scope, ..objective(measure, time(2_500), time(4_000)) };
            let judged = super::super::objectives::judge(&JudgedWindow::of(&log), &objective);
            (judged.status, judged.note)
        };
        assert_eq!(judged(5_000, 0.5).0, ObjectiveStatus::Fail);
        let (status, note) = judged(5_000, 0.9);
        assert_eq!(status, ObjectiveStatus::NotMeasured);
        assert!(note.contains("cores were 90 % busy"), "{note}");
        assert_eq!(judged(1_000, 0.9).0, ObjectiveStatus::Pass, "busy cores make nothing quicker");
    }

    #[test]
    fn figure_that_pages_do_not_have_is_not_measured() {
        let found = measured((1..=24).map(|n| load(n, 100)).collect(), PageFigure::Inp);
        assert_eq!(found.note, "n/a (n=0): 20 page loads are needed; 24 loads have no inp");
    }
}
