//! Whether a measurement can be trusted, before any of its numbers is judged.
//!
//! Every test leaves a finding with its figures, passed ones too, so that a reader can check the checker.

mod carried;
mod completeness;
mod generator;
mod load;
mod steadiness;
mod throttling;

use std::collections::BTreeMap;

use self::carried::CarriedLoad;
use super::window::JudgedWindow;
use super::{Finding, Validity, ValidityStatus};
use crate::metrics::{ArrivalCounts, ErrorClass, Interval};

/// Counts of the whole run, drain included.
#[derive(Debug, Default)]
struct ArrivalTotals {
    arrivals: ArrivalCounts,
    requests: u64,
    errors: BTreeMap<ErrorClass, u64>,
}

impl ArrivalTotals {
    fn of(intervals: &[Interval]) -> Self {
        let mut totals = Self::default();
        for interval in intervals {
            totals.arrivals.add(interval.arrivals);
            totals.requests += interval.requests();
            for step in interval.steps.values() {
                for (&class, &count) in &step.errors {
                    *totals.errors.entry(class).or_default() += count;
                }
            }
            for (class, count) in interval.iteration_errors() {
                *totals.errors.entry(class).or_default() += count;
            }
        }
        totals
    }

    fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// Runs all tests of the measurement.
pub(super) fn examine(window: &JudgedWindow<'_>) -> Validity {
    let totals = ArrivalTotals::of(&window.log.intervals);
    let mut findings = completeness::findings(window, &totals);
    findings.extend(load::findings(window, &totals));
    let carried = CarriedLoad::of(window);
    findings.extend(generator::findings(window, &totals, &carried));
    let steadiness = steadiness::examine(window, &totals);
    findings.extend(steadiness.findings);
    let throttling = throttling::examine(window, &totals, steadiness.overloaded);
    findings.push(throttling.finding);
    let is_overtaxed = findings.iter().any(Finding::blames_the_generator);
    let status =
        findings.iter().map(|finding| finding.status).max().unwrap_or(ValidityStatus::Valid);
    Validity {
        status,
        findings,
        overloaded: steadiness.overloaded,
        rate_limited: throttling.rate_limited,
        rate_limit: throttling.limit,
        highest_rate: carried.highest.filter(|_| is_overtaxed),
    }
}

/// Prints a share as per cent with two decimals at the most.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Prints seconds with the unit that fits, to three digits.
fn span(seconds: f64) -> String {
    match seconds.abs() {
        s if s >= 100.0 => format!("{seconds:.0} s"),
        s if s >= 1.0 => format!("{seconds:.2} s"),
        s if s >= 0.1 => format!("{:.0} ms", seconds * 1e3),
        s if s >= 0.001 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.0} µs", seconds * 1e6),
    }
}
