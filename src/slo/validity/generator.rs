//! Whether the generator itself kept up, so that its numbers speak of the stack.

use super::super::overload::{GENERATOR_CPU_MAX, dropped_by_the_generator};
use super::super::planned::is_closed;
use super::super::statistics::mean;
use super::super::window::JudgedWindow;
use super::super::{Finding, HighestRate, JudgedObjective, LagEffect, RateBasis, ValidityTest};
use super::carried::CarriedLoad;
use super::words::{percent, span};
use plimsoll_metrics::{Bound, Counts, Distribution, ErrorClass, Measure};
use plimsoll_units::{Nanos, Quantity};

/// The share of seconds in which a worker may exceed it.
const BUSY_SECONDS_MAX: f64 = 0.1;
/// An arrival that began later than this was late: what waking a thread takes, with some to spare.
const LATE: Nanos = Nanos::from_millis(1);

/// The share of its time that a generator with a core of its own never waits.
const WAITED_MIN: f64 = 0.005;

/// The share of a machine's time that is told when the hypervisor took it.
const STOLEN_MIN: f64 = 0.01;

/// What the generator is judged by.
pub(super) struct GeneratorEvidence<'a> {
    pub(super) rows: &'a [JudgedObjective],
    pub(super) counts: &'a Counts,
    pub(super) carried: &'a CarriedLoad,
}

impl GeneratorEvidence<'_> {
    /// Rows that the generator's lag may have changed.
    fn touched(&self) -> impl Iterator<Item = (&JudgedObjective, LagEffect)> {
        self.rows.iter().filter_map(|row| Some((row, row.lag?)))
    }

    /// Whether it keeps any row from being told.
    fn matters(&self) -> bool {
        self.touched().any(|(_, lag)| lag.decides)
    }
}

/// Tests of the generator.
pub(super) fn findings(
    window: &JudgedWindow<'_>,
    generator: &GeneratorEvidence<'_>,
) -> Vec<Finding> {
    let mut findings = vec![cpu(window, generator), client_errors(generator.counts)];
    if !is_closed(&window.log.header) {
        findings.push(lag(window, generator));
    }
    findings
}

/// How late the generator was, and what that may have changed. It voids nothing by itself: each row says what it
/// knows in spite of it.
fn lag(window: &JudgedWindow<'_>, generator: &GeneratorEvidence<'_>) -> Finding {
    let mut lags = Distribution::new();
    for interval in &window.judged {
        lags.merge_sparse(&interval.schedule_lag);
    }
    let (p50, p99) = (lags.quantile(0.5).as_secs_f64(), lags.quantile(0.99).as_secs_f64());
    let late: u64 =
        lags.to_sparse().buckets().filter(|(lag, _)| *lag > LATE).map(|(_, count)| count).sum();
    let text = format!(
        "schedule lag p50 {}, p99 {}, max {}; {} of arrivals began more than {} ms late",
        span(p50),
        span(p99),
        span(lags.max().as_secs_f64()),
        percent(late as f64 / lags.count().max(1) as f64),
        LATE.as_millis_f64(),
    );
    let text = format!("{text}{}{}", effects(generator), stolen(window));
    if generator.matters() {
        let waiting = waiting(window);
        return Finding::suspect(
            ValidityTest::ScheduleLag,
            format!("{text}; give the generator a core of its own{waiting}, or repeat the run"),
        );
    }
    Finding::valid(ValidityTest::ScheduleLag, text)
}

/// By how much the lag may have raised each row: ` and may have raised p95 by 3.10 ms`.
fn effects(generator: &GeneratorEvidence<'_>) -> String {
    let raised: Vec<String> = generator
        .touched()
        .filter_map(|(row, lag)| {
            let by = row.estimate?.base() - lag.lower.base();
            Some(format!("{} by up to {}", row.objective.name, span(by.abs())))
        })
        .collect();
    match raised.as_slice() {
        [] => ", which changes no objective".to_owned(),
        raised => format!(", which may have raised {}", raised.join(", ")),
    }
}

/// Whether the machine kept the generator waiting for a core: then its own work is not the cause.
fn waiting(window: &JudgedWindow<'_>) -> String {
    let share = |of: fn(&plimsoll_metrics::GeneratorLoad) -> f64| {
        mean(&window.judged.iter().map(|interval| of(&interval.generator)).collect::<Vec<f64>>())
    };
    let waited = share(|load| load.waited.get());
    if waited < WAITED_MIN {
        return String::new();
    }
    let used = share(|load| load.worker_cpu.get());
    format!(" (it used {} of one and waited {} of the time for it)", percent(used), percent(waited))
}

/// What the hypervisor took: then neither the generator nor its neighbours on this machine are the cause.
fn stolen(window: &JudgedWindow<'_>) -> String {
    let shares = window.judged.iter().map(|interval| interval.generator.stolen.get());
    let share = mean(&shares.collect::<Vec<f64>>());
    if share < STOLEN_MIN {
        return String::new();
    }
    format!("; the hypervisor took {} of this machine's time for others (steal)", percent(share))
}

/// What this generator would have carried, in words to add to an advice.
pub(super) fn advised(carried: &CarriedLoad) -> String {
    match carried.highest {
        Some(HighestRate { rate, basis: RateBasis::Measured { .. } }) => {
            format!("; up to {:.0} req/s would have been valid here", rate.get())
        }
        Some(HighestRate { rate, basis: RateBasis::Estimated { .. } }) => {
            format!(
                "; about {:.0} req/s would be valid on cores of its own, by estimate",
                rate.get()
            )
        }
        None => String::new(),
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

/// A busy generator voids the measurement only where it was late by as much as matters.
fn cpu(window: &JudgedWindow<'_>, generator: &GeneratorEvidence<'_>) -> Finding {
    let loads: Vec<f64> =
        window.judged.iter().map(|interval| interval.generator.worker_cpu.get()).collect();
    let mean = mean(&loads);
    let busy = loads.iter().filter(|load| **load >= GENERATOR_CPU_MAX).count() as f64;
    let share = busy / loads.len().max(1) as f64;
    let text = format!("the busiest worker used {} of a core", percent(mean));
    let advice = "give the generator more cores, or split the run with `--shard`";
    if mean >= GENERATOR_CPU_MAX
        && (generator.matters() || dropped_by_the_generator(&window.log.intervals))
    {
        let advised = advised(generator.carried);
        return Finding::not_valid(
            ValidityTest::GeneratorCpu,
            format!("{text}; {advice}{advised}"),
        );
    }
    if mean >= GENERATOR_CPU_MAX {
        return Finding::suspect(ValidityTest::GeneratorCpu, format!("{text}; {advice}"));
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

fn client_errors(counts: &Counts) -> Finding {
    let faults: Vec<String> = counts
        .failures()
        .into_iter()
        .filter(|(class, count)| class.is_client_fault() && *count > 0)
        .map(|(class, count)| format!("{count} × {class} ({})", advice(class)))
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
