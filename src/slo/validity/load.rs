//! Whether the load was the load asked for, and met the stack rather than its edge.

use super::super::load_shortfall::LoadShortfall;
use super::super::overload::{Overload, dropped_by_the_generator};
use super::super::planned::{counts_iterations, is_closed};
use super::super::window::JudgedWindow;
use super::super::{Finding, ValidityTest};
use super::carried::{CarriedLoad, TOLERANCE};
use super::generator::advised;
use super::shards;
use super::words::percent;
use plimsoll_metrics::{
    ArrivalProcess, Counts, RunHeader, Selection, ShardSummary, StageInfo, StopReason, Tally,
};
use plimsoll_units::{Rate, RunTime};

/// Poisson counts vary; 4 standard deviations are exceeded once in 16,000 runs.
const DEVIATIONS: f64 = 4.0;
/// How far the requests of an iteration may be off those expected.
const REQUESTS_TOLERANCE: f64 = 0.15;
/// The fewest iterations that tell how many requests one makes.
const ITERATIONS_MIN: u64 = 100;

/// Tests of the load. `overload` is what the stack was given too much of, where that is why arrivals were dropped.
pub(super) fn findings(
    window: &JudgedWindow<'_>,
    counts: &Counts,
    overload: Option<&Overload>,
    carried: &CarriedLoad,
) -> Vec<Finding> {
    let mut findings = vec![conservation(window, counts)];
    if !window.log.header.shards.is_empty() {
        findings.push(shards::finding(window.log));
    }
    findings.extend(iterations(window, counts));
    if !is_closed(&window.log.header) {
        findings.push(achieved(counts, overload.is_some()));
        findings.push(dropped(window, counts, overload.is_some()));
        if !window.log.steered() && !window.log.header.stages.is_empty() {
            findings.push(intended(window, counts, carried));
            findings.push(expected_requests(window, counts));
        }
    }
    findings
}

/// Whether what fell due was started. Arrivals that the stack left without a user count as offered to it.
fn achieved(counts: &Counts, dropped_by_the_stack: bool) -> Finding {
    let (started, intended) = (counts.arrivals.started, counts.arrivals.intended);
    if intended == 0 {
        return Finding::not_valid(
            ValidityTest::AchievedRate,
            "no arrival fell due; raise the rate or the duration".to_owned(),
        );
    }
    let dropped = if dropped_by_the_stack { counts.arrivals.dropped } else { 0 };
    let text = format!(
        "{started} of {intended} intended iterations started ({})",
        percent(started as f64 / intended as f64)
    );
    let offered = (started + dropped) as f64 / intended as f64;
    if (offered - 1.0).abs() <= TOLERANCE {
        return Finding::valid(ValidityTest::AchievedRate, text);
    }
    Finding::not_valid(ValidityTest::AchievedRate, text)
}

/// Whether users of a closed model played as many iterations as were asked for, where that is a number.
fn iterations(window: &JudgedWindow<'_>, counts: &Counts) -> Option<Finding> {
    let header = &window.log.header;
    let planned = header.planned_arrivals.filter(|_| counts_iterations(header))?;
    let is_finished = window.log.end.is_some_and(|end| end.reason == StopReason::Finished);
    let begun = counts.arrivals.started;
    let text = format!("{begun} of {planned} iterations were begun");
    if begun >= planned || !is_finished {
        return Some(Finding::valid(ValidityTest::AchievedRate, text));
    }
    Some(Finding::not_valid(
        ValidityTest::AchievedRate,
        format!("{text} before the time was over; raise `duration`, or the number of users"),
    ))
}

/// Whether every arrival found a user, or why not.
fn dropped(window: &JudgedWindow<'_>, counts: &Counts, by_the_stack: bool) -> Finding {
    let dropped = counts.arrivals.dropped;
    if dropped == 0 {
        return Finding::valid(ValidityTest::Dropped, "no arrival was dropped".to_owned());
    }
    let users = window.log.header.max_vus;
    if by_the_stack {
        return Finding::suspect(
            ValidityTest::Dropped,
            format!(
                "{dropped} arrivals were dropped: the stack's answers kept all {users} users busy"
            ),
        );
    }
    if dropped_by_the_generator(&window.log.intervals) {
        return Finding::not_valid(
            ValidityTest::Dropped,
            format!(
                "{dropped} arrivals were dropped: all {users} users waited for a generator that had no CPU left"
            ),
        );
    }
    let needed = needed_users(window);
    Finding::not_valid(
        ValidityTest::Dropped,
        format!(
            "{dropped} arrivals were dropped because `max_vus: {users}` is too few for this rate at the stack's \
             own pace; raise it to {needed} or more"
        ),
    )
}

/// Users that the arrivals keep busy by Little's law, half as many again for chance, in two digits.
fn needed_users(window: &JudgedWindow<'_>) -> u64 {
    let tally = Tally::of(&Selection::Run, window.judged.iter().copied());
    let rate = Rate::of(tally.counts.arrivals.intended, window.judged_length()).get();
    let busy = 1.5 * rate * tally.iteration_time.mean().as_secs_f64();
    let needed = busy.max(1.1 * f64::from(window.log.header.max_vus)).max(10.0);
    let step = 10_f64.powf(needed.log10().floor() - 1.0);
    ((needed / step).ceil() * step) as u64
}

/// A load that was not the one asked for, because iterations ended early.
pub(super) fn offered(shortfall: &LoadShortfall) -> Finding {
    Finding::suspect(ValidityTest::OfferedLoad, shortfall.to_string())
}

/// Compares the arrivals that fell due with what the stages ask for.
fn intended(window: &JudgedWindow<'_>, counts: &Counts, carried: &CarriedLoad) -> Finding {
    let header = &window.log.header;
    let covered = window.log.intervals.last().map_or(RunTime::ZERO, |interval| interval.end);
    if let Some(planned) = header.planned_arrivals.filter(|_| covered >= planned_end(header)) {
        return exactly(planned, counts.arrivals.intended, &header.shards);
    }
    let (_, shards) = header.shard;
    let counted = header.shards.len() as f64;
    let left_out = counted / (counted + header.without.len() as f64).max(1.0);
    let share = if header.without.is_empty() { 1.0 / f64::from(shards.max(1)) } else { left_out };
    let expected = expected_arrivals(&header.stages, covered) * share - absent(header, covered);
    let found = counts.arrivals.intended as f64;
    let allowed = allowed(header, expected, covered);
    let text =
        format!("{found:.0} arrivals fell due, the stages ask for {expected:.0} ± {allowed:.0}");
    if (found - expected).abs() <= allowed {
        return Finding::valid(ValidityTest::IntendedRate, text);
    }
    Finding::not_valid(
        ValidityTest::IntendedRate,
        format!(
            "{text}; the generator did not keep up: give it more cores, or split the run with `--shard`{}",
            advised(carried)
        ),
    )
}

/// How many arrivals the stages ask of shards between the end of their logs and `covered`.
fn absent(header: &RunHeader, covered: RunTime) -> f64 {
    let all = (header.shards.len() + header.without.len()).max(1) as f64;
    let lost = header.shards.iter().flat_map(|shard| &shard.absences);
    let lost = lost.filter(|absence| absence.to.is_none() && absence.from < covered);
    let asked = |until| expected_arrivals(&header.stages, until);
    lost.map(|absence| (asked(covered) - asked(absence.from)) / all).sum()
}

/// Where the last stage ends.
fn planned_end(header: &RunHeader) -> RunTime {
    RunTime::ZERO + header.stages.iter().map(|stage| stage.duration).sum()
}

/// Compares the arrivals that fell due with the schedule's own count. Those of shards that were absent were not played; what
/// such a shard began in its last moment belongs to either.
fn exactly(planned: u64, found: u64, shards: &[ShardSummary]) -> Finding {
    let missed: u64 = shards.iter().map(|shard| shard.missed).sum();
    let open: u64 = shards.iter().map(|shard| shard.open).sum();
    let lost = match missed {
        0 => String::new(),
        missed => format!(", of which {missed} were those of absent shards"),
    };
    let text = format!("{found} arrivals fell due, the schedule has {planned}{lost}");
    if (planned..=planned + open).contains(&(found + missed)) {
        return Finding::valid(ValidityTest::IntendedRate, text);
    }
    Finding::not_valid(
        ValidityTest::IntendedRate,
        format!("{text}; please report this as a defect of plimsoll"),
    )
}

/// How far the arrivals may be off those expected.
fn allowed(header: &RunHeader, expected: f64, covered: RunTime) -> f64 {
    // The count is rounded once a stage.
    let rounding = 1.0 + header.stages.len() as f64;
    let is_constant = header.arrivals == ArrivalProcess::Constant;
    if header.exact_arrivals && covered >= planned_end(header) {
        // The whole is exact; of a Poisson process, each shard has its part by chance.
        let is_part = header.shard.1 > 1 || !header.without.is_empty();
        let others = if is_part && !is_constant { 1.0 } else { 0.0 };
        return rounding + DEVIATIONS * (expected * others).sqrt();
    }
    let varies = matches!(header.arrivals, ArrivalProcess::Poisson | ArrivalProcess::Exponential);
    let spread = if varies { DEVIATIONS * expected.sqrt() } else { 0.0 };
    TOLERANCE * expected + spread + rounding
}

/// Whether iterations made as many requests as the scenario's steps let expect: a rate in req/s rests on that.
///
/// Iterations that failed end early, and in a short run the long ones are those that are cut off, so neither may
/// be many.
fn expected_requests(window: &JudgedWindow<'_>, counts: &Counts) -> Finding {
    const TEST: ValidityTest = ValidityTest::RequestsPerIteration;
    let a = counts.arrivals;
    let ended = a.completed + a.failed;
    if ended < ITERATIONS_MIN || a.failed > ended / 100 || a.unfinished > a.started / 20 {
        return Finding::valid(TEST, "not tested: too few whole iterations".to_owned());
    }
    let expected = window.log.header.requests_per_iteration();
    let found = counts.requests as f64 / ended as f64;
    let text =
        format!("iterations made {found:.2} requests on average, {expected:.2} were expected");
    if expected <= 0.0 || (found / expected - 1.0).abs() <= REQUESTS_TOLERANCE {
        return Finding::valid(TEST, text);
    }
    Finding::suspect(
        TEST,
        format!(
            "{text}, so that a rate in req/s came out {:.2} times as high; give `poll` its `rounds`, `hls` its \
             `segment_length` and `renditions`, or ask in iter/s",
            found / expected
        ),
    )
}

/// Σ over stages of the mean rate times the time covered, up to `until`.
fn expected_arrivals(stages: &[StageInfo], until: RunTime) -> f64 {
    let mut start = RunTime::ZERO;
    let mut arrivals = 0.0;
    for stage in stages {
        let length = stage.duration.as_secs_f64();
        let played = until.since(start).min(stage.duration).as_secs_f64();
        start = start + stage.duration;
        if length > 0.0 {
            let reached = stage.from.get() + (stage.to.get() - stage.from.get()) * played / length;
            arrivals += f64::midpoint(stage.from.get(), reached) * played;
        }
    }
    arrivals
}

/// intended = ok + failed + dropped + unfinished; what a killed run still had open is allowed for.
fn conservation(window: &JudgedWindow<'_>, counts: &Counts) -> Finding {
    let a = counts.arrivals;
    let accounted = a.completed + a.failed + a.dropped + a.unfinished;
    let open = match window.log.end {
        Some(_) => window.log.header.shards.iter().map(|shard| shard.open).sum(),
        None => window.log.intervals.last().map_or(0, |interval| interval.vus_busy),
    };
    let begun = if is_closed(&window.log.header) { a.started + a.dropped } else { a.intended };
    let text = format!(
        "{begun} arrivals = {} ok + {} failed + {} dropped + {} unfinished",
        a.completed, a.failed, a.dropped, a.unfinished
    );
    if accounted <= begun && begun - accounted <= open {
        return Finding::valid(ValidityTest::Conservation, text);
    }
    Finding::not_valid(
        ValidityTest::Conservation,
        format!("{text} does not add up ({accounted}); please report this as a defect of plimsoll"),
    )
}
