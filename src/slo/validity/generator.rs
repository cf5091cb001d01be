//! Whether the generator itself kept up, so that its numbers speak of the stack.

use super::super::window::{JudgedWindow, is_closed};
use super::super::{Finding, HighestRate, RateBasis, ValidityTest};
use super::carried::CarriedLoad;
use super::{ArrivalTotals, percent, span};
use crate::metrics::{Bound, Distribution, ErrorClass, Measure};
use crate::units::Quantity;

/// The share of a core above which a worker falls behind now and then.
pub(super) const CPU_MAX: f64 = 0.8;
/// The share of seconds in which a worker may exceed it.
const BUSY_SECONDS_MAX: f64 = 0.1;
/// The least schedule lag that counts, in seconds: what shared machines do now and then.
const LAG_MIN_S: f64 = 0.001;
/// The share of the tightest time objective that the generator may add of its own.
const LAG_SHARE: f64 = 0.02;

/// The share of its time that a generator with a core of its own never waits.
const WAITED_MIN: f64 = 0.005;

/// Tests of the generator.
pub(super) fn findings(
    window: &JudgedWindow<'_>,
    totals: &ArrivalTotals,
    carried: &CarriedLoad,
) -> Vec<Finding> {
    let mut findings = vec![cpu(window, carried), client_errors(totals)];
    if !is_closed(&window.log.header) {
        findings.push(lag(window, carried));
    }
    findings
}

fn lag(window: &JudgedWindow<'_>, carried: &CarriedLoad) -> Finding {
    let mut lags = Distribution::new();
    for interval in &window.judged {
        lags.merge_sparse(&interval.schedule_lag);
    }
    let (p50, p99) = (lags.quantile(0.5).as_secs_f64(), lags.quantile(0.99).as_secs_f64());
    let allowed = allowed_lag(window);
    let text = format!(
        "schedule lag p50 {}, p99 {}, max {}; allowed p99 {}",
        span(p50),
        span(p99),
        span(lags.max().as_secs_f64()),
        span(allowed)
    );
    if p99 <= allowed {
        return Finding::valid(ValidityTest::ScheduleLag, text);
    }
    Finding::not_valid(
        ValidityTest::ScheduleLag,
        format!(
            "{text}; the generator sends late{}: give it cores of its own or lower the rate{}",
            waiting(window),
            advised(window, carried)
        ),
    )
}

/// Whether the machine kept the generator waiting for a core: then its own work is not the cause.
fn waiting(window: &JudgedWindow<'_>) -> String {
    let shares: Vec<f64> =
        window.judged.iter().map(|interval| interval.generator.waited.get()).collect();
    let share = super::super::statistics::mean(&shares);
    if share < WAITED_MIN {
        return String::new();
    }
    let used: Vec<f64> =
        window.judged.iter().map(|interval| interval.generator.worker_cpu.get()).collect();
    format!(
        " because others had its core: it used {} of one and waited {} of the time for it",
        percent(super::super::statistics::mean(&used)),
        percent(share)
    )
}

/// The largest p99 of schedule lag, in seconds, that leaves the objectives' times untouched.
pub(super) fn allowed_lag(window: &JudgedWindow<'_>) -> f64 {
    tightest_time(window).map_or(LAG_MIN_S, |time| (time * LAG_SHARE).max(LAG_MIN_S))
}

/// What this generator would have carried, in words to add to an advice.
fn advised(window: &JudgedWindow<'_>, carried: &CarriedLoad) -> String {
    match carried.highest {
        Some(HighestRate { rate, basis: RateBasis::Measured { .. } }) => {
            format!("; up to {:.0} req/s would have been valid here", rate.get())
        }
        Some(HighestRate { rate, basis: RateBasis::Estimated { .. } }) => {
            format!("; about {:.0} req/s would be valid on cores of its own, by estimate", rate.get())
        }
        None if carried.fails_below => {
            "; seconds that asked for no more kept to the limits, so it is not the rate: something else took \
             this machine's time"
                .to_owned()
        }
        None => {
            let requests: u64 = window.judged.iter().map(|interval| interval.requests()).sum();
            let seconds = window.judged_length().as_secs_f64();
            let half = requests as f64 / seconds.max(1.0) / 2.0;
            format!("; no second of this run kept to the limits: try {half:.0} req/s")
        }
    }
}

/// The smallest target or max in seconds of any objective on times.
pub(super) fn tightest_time(window: &JudgedWindow<'_>) -> Option<f64> {
    let objectives = window.log.header.objectives.iter();
    objectives
        .filter(|objective| objective.bound == Bound::AtMost)
        .filter(|objective| {
            matches!(
                objective.measure,
                Measure::ResponseTime(_) | Measure::MeanResponseTime | Measure::Phase(..)
            )
        })
        .flat_map(|objective| [objective.target, objective.limit])
        .filter_map(|bound| match bound {
            Some(Quantity::Time(time)) => Some(time.as_secs_f64()),
            _ => None,
        })
        .min_by(f64::total_cmp)
}

fn cpu(window: &JudgedWindow<'_>, carried: &CarriedLoad) -> Finding {
    let loads: Vec<f64> =
        window.judged.iter().map(|interval| interval.generator.worker_cpu.get()).collect();
    let mean = super::super::statistics::mean(&loads);
    let busy = loads.iter().filter(|load| **load >= CPU_MAX).count() as f64;
    let share = busy / loads.len().max(1) as f64;
    let text = format!("the busiest worker used {} of a core", percent(mean));
    let advice = "give the generator more cores, or split the run with `--shard`";
    if mean >= CPU_MAX {
        let advised = advised(window, carried);
        return Finding::not_valid(
            ValidityTest::GeneratorCpu,
            format!("{text}; {advice}{advised}"),
        );
    }
    if share > BUSY_SECONDS_MAX {
        return Finding::suspect(
            ValidityTest::GeneratorCpu,
            format!(
                "{text} on average, but at least 80 % in {} of seconds; {advice}",
                percent(share)
            ),
        );
    }
    Finding::valid(ValidityTest::GeneratorCpu, text)
}

fn client_errors(totals: &ArrivalTotals) -> Finding {
    let faults: Vec<String> = totals
        .errors
        .iter()
        .filter(|(class, count)| class.is_client_fault() && **count > 0)
        .map(|(class, count)| format!("{count} × {class} ({})", advice(*class)))
        .collect();
    if faults.is_empty() {
        return Finding::valid(
            ValidityTest::ClientErrors,
            "no error was the generator's own".to_owned(),
        );
    }
    Finding::not_valid(
        ValidityTest::ClientErrors,
        format!("the generator failed: {}", faults.join(", ")),
    )
}

/// What to do about a fault of the generator.
fn advice(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::OutOfPorts => "give more `source_ips`, or keep connections open",
        ErrorClass::OutOfDescriptors => "raise `ulimit -n`",
        _ => "correct the scenario; `plimsoll check --once` shows where",
    }
}
