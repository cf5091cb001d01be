//! Whether the log is that of a whole run, played as planned.

use super::super::abort::abort_of;
use super::super::planned::{is_closed, judges_ramps};
use super::super::window::JudgedWindow;
use super::super::{Finding, ValidityTest};
use plimsoll_metrics::{Counts, EventKind, RunLog, StopReason};

/// The least judged time, in seconds, from which ten batches of a second can be made.
const JUDGED_MIN_S: f64 = 10.0;

/// Tests of the log itself.
pub(super) fn findings(window: &JudgedWindow<'_>, counts: &Counts) -> Vec<Finding> {
    let mut findings = vec![requests(window, counts), length(window), end(window)];
    findings.extend(gaps(window));
    findings.extend(steered(window));
    if judges_ramps(&window.log.header) {
        findings.push(Finding::suspect(
            ValidityTest::Ramps,
            "all stages are ramps, so the numbers mix different loads; add a stage that holds a rate"
                .to_owned(),
        ));
    }
    if is_closed(&window.log.header) {
        findings.push(Finding::valid(
            ValidityTest::LoadModel,
            "closed model: users wait for responses, so response times suffer coordinated omission; \
             for what real users would wait, give a rate"
                .to_owned(),
        ));
    }
    findings
}

fn requests(window: &JudgedWindow<'_>, counts: &Counts) -> Finding {
    let judged: u64 = window.judged.iter().map(|interval| interval.requests()).sum();
    if judged > 0 {
        return Finding::valid(
            ValidityTest::Requests,
            format!("{judged} requests ended while judged"),
        );
    }
    let stopped = window.log.end.is_some_and(|end| end.reason != StopReason::Finished);
    let hint = if counts.requests > 0 && stopped {
        "the run was stopped before a judged stage had a request; let it play to its end"
    } else if counts.requests > 0 {
        "requests ended only outside the judged stages; run longer or judge other stages"
    } else {
        "no request ended; check the target and the timeouts"
    };
    Finding::not_valid(ValidityTest::Requests, hint.to_owned())
}

fn length(window: &JudgedWindow<'_>) -> Finding {
    let seconds = window.steady_length().as_secs_f64();
    let warm_up = window.judged_length().as_secs_f64() - seconds;
    let text = format!("{seconds:.0} s judged after {warm_up:.0} s of warm-up");
    if seconds + 0.5 >= JUDGED_MIN_S {
        Finding::valid(ValidityTest::Duration, text)
    } else {
        Finding::suspect(
            ValidityTest::Duration,
            format!("only {text}; intervals need at least {JUDGED_MIN_S:.0} s"),
        )
    }
}

/// Whether a log is a part of a run: it was killed, interrupted or stopped by a guard, or shards were left out when it
/// was merged. It never passes.
pub fn is_partial(log: &RunLog) -> bool {
    let is_whole =
        log.end.is_some_and(|end| matches!(end.reason, StopReason::Finished | StopReason::UsedUp));
    log.torn || !is_whole || !log.header.without.is_empty()
}

/// Killed, interrupted and aborted runs are judged on what there is, with a warning.
fn end(window: &JudgedWindow<'_>) -> Finding {
    let log = window.log;
    let seconds = log.duration().as_secs_f64();
    match log.end.map(|end| end.reason) {
        Some(StopReason::Finished) if !log.torn => Finding::valid(
            ValidityTest::Complete,
            format!("the run was played to its end, {seconds:.0} s"),
        ),
        Some(StopReason::UsedUp) if !log.torn => Finding::valid(
            ValidityTest::Complete,
            format!(
                "the run ended after {seconds:.0} s, when its data were used up, as its scenario says"
            ),
        ),
        Some(StopReason::Interrupted) => Finding::suspect(
            ValidityTest::Complete,
            format!("partial run: the user stopped it after {seconds:.0} s"),
        ),
        Some(StopReason::Aborted) => {
            let by = abort_of(log).map_or_else(
                || "a guard".to_owned(),
                |(_, note)| format!("`abort: {}`", note.condition),
            );
            let text = format!("partial run: {by} stopped it after {seconds:.0} s");
            Finding::suspect(ValidityTest::Complete, text)
        }
        Some(StopReason::Finished | StopReason::UsedUp) | None => Finding::suspect(
            ValidityTest::Complete,
            format!("partial run: the log ends after {seconds:.0} s without its last line"),
        ),
    }
}

/// Seconds that the generator did not write: it was stopped, or the machine slept.
fn gaps(window: &JudgedWindow<'_>) -> Option<Finding> {
    let missing: f64 = window
        .judged
        .windows(2)
        .filter(|pair| window.stages.iter().all(|stage| !is_seam(window, stage.start, pair[1])))
        .map(|pair| pair[1].start.since(pair[0].end).as_secs_f64())
        .sum();
    (missing > 0.5).then(|| {
        Finding::not_valid(
            ValidityTest::Gaps,
            format!(
                "{missing:.1} s are missing between intervals: the generator was stopped or starved; \
                 run it on a machine of its own"
            ),
        )
    })
}

/// Whether `interval` is the first of the stage that begins at `start`.
fn is_seam(window: &JudgedWindow<'_>, start: usize, interval: &plimsoll_metrics::Interval) -> bool {
    window.judged.get(start).is_some_and(|first| first.start == interval.start)
}

fn steered(window: &JudgedWindow<'_>) -> Option<Finding> {
    let commands =
        window.log.events.iter().filter(|e| matches!(e.kind, EventKind::Steered(_))).count();
    let times = if commands == 1 { "once".to_owned() } else { format!("{commands} times") };
    (commands > 0).then(|| {
        Finding::suspect(
            ValidityTest::Steered,
            format!("the load was steered {times} while it ran; repeat it as a workload"),
        )
    })
}
