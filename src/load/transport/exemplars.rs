//! The slowest requests and the first failures of each step within a minute.
//!
//! A request that is not kept costs two comparisons and no allocation; a slow one that is kept takes the memory of the one
//! whose place it takes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use plimsoll_metrics::{Event, EventKind, Exemplar, Outcome, Sample};
use plimsoll_units::{Nanos, RunTime};

/// How long they are gathered before they are handed on.
const MINUTE: Nanos = Nanos::from_secs(60);
/// What is kept of the head of a response, in bytes.
const HEAD_LIMIT: usize = 1_024;
/// What is kept of its body.
const BODY_LIMIT: usize = 4_096;
/// Headers whose values are secret whatever they are.
const SECRET: [&str; 5] = [
    "set-cookie",
    "authorization",
    "proxy-authenticate",
    "www-authenticate",
    "authentication-info",
];

/// A slow request that went well. Its memory is that of the one whose place it took.
#[derive(Debug)]
struct SlowRequest {
    sample: Sample,
    correlation: String,
}

#[derive(Debug)]
struct StepExemplars {
    slowest: Vec<SlowRequest>,
    failures: Vec<Event>,
    /// The least of the slowest, once they are complete.
    least: Nanos,
}

/// What one worker keeps of a minute.
#[derive(Debug)]
pub(super) struct Exemplars {
    steps: RefCell<Vec<StepExemplars>>,
    ends: Cell<RunTime>,
}

impl Exemplars {
    /// Of a plan with so many steps.
    pub(super) fn new(steps: usize) -> Self {
        let empty = || StepExemplars {
            slowest: Vec::with_capacity(Exemplar::SLOWEST),
            failures: Vec::new(),
            least: Nanos::ZERO,
        };
        let steps = std::iter::repeat_with(empty).take(steps).collect();
        Self { steps: RefCell::new(steps), ends: Cell::new(RunTime::ZERO + MINUTE) }
    }

    /// Whether a request is one of them so far.
    pub(super) fn wants(&self, sample: &Sample) -> bool {
        let steps = self.steps.borrow();
        let Some(step) = steps.get(usize::from(sample.step.0)) else { return false };
        match sample.outcome {
            Outcome::Failed(_) => step.failures.len() < Exemplar::FAILURES,
            Outcome::Ok => {
                step.slowest.len() < Exemplar::SLOWEST || sample.response_time() > step.least
            }
        }
    }

    /// Keeps a request that went well and is wanted, in the place of the fastest where they are complete.
    pub(super) fn keep_slow(&self, sample: &Sample, correlation: &str) {
        let mut steps = self.steps.borrow_mut();
        let Some(step) = steps.get_mut(usize::from(sample.step.0)) else { return };
        let slowest = &mut step.slowest;
        if slowest.len() < Exemplar::SLOWEST {
            slowest.push(SlowRequest { sample: *sample, correlation: correlation.to_owned() });
        } else if let Some(fastest) =
            slowest.iter_mut().min_by_key(|one| one.sample.response_time())
        {
            fastest.sample = *sample;
            fastest.correlation.clear();
            fastest.correlation.push_str(correlation);
        }
        if slowest.len() == Exemplar::SLOWEST {
            let times = slowest.iter().map(|one| one.sample.response_time());
            step.least = times.min().unwrap_or(Nanos::ZERO);
        }
    }

    /// Keeps a failure that is wanted.
    pub(super) fn keep_failure(&self, done: RunTime, exemplar: Exemplar) {
        let mut steps = self.steps.borrow_mut();
        let Some(step) = steps.get_mut(usize::from(exemplar.step.0)) else { return };
        step.failures.push(Event { at: done, kind: EventKind::Exemplar(exemplar) });
    }

    /// Those of a minute that is over at `now`, or all where the run is.
    pub(super) fn take(&self, now: RunTime, is_last: bool) -> Vec<Event> {
        if now < self.ends.get() && !is_last {
            return Vec::new();
        }
        self.ends.set(now + MINUTE);
        let mut told = Vec::new();
        for step in self.steps.borrow_mut().iter_mut() {
            step.least = Nanos::ZERO;
            step.slowest.sort_by_key(|one| std::cmp::Reverse(one.sample.response_time()));
            told.extend(step.slowest.drain(..).map(|SlowRequest { sample, correlation }| {
                let exemplar = Exemplar { correlation, ..Exemplar::of(&sample) };
                Event { at: sample.done, kind: EventKind::Exemplar(exemplar) }
            }));
            told.append(&mut step.failures);
        }
        told
    }
}

/// The beginning of a response's head, without values that are secret.
pub(super) fn shown_head(head: &str) -> String {
    let line = |line: &str| {
        let name = line.split_once(':').map(|(name, _)| name.trim());
        match name {
            Some(name) if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) => {
                format!("{name}: ***")
            }
            _ => line.to_owned(),
        }
    };
    let lines: Vec<String> = head.trim_end().lines().map(line).collect();
    beginning(&lines.join("\n"), HEAD_LIMIT)
}

/// As much of a body as has to be looked into for secrets; bytes that are no text become `\u{fffd}`.
pub(super) fn looked_into(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&body[..body.len().min(2 * BODY_LIMIT)])
}

/// The beginning of a body.
pub(super) fn shown_body(body: &str) -> String {
    beginning(body, BODY_LIMIT)
}

fn beginning(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::{ErrorClass, StepId};

    fn sample(ms: u64, outcome: Outcome) -> Sample {
        let start = RunTime::ZERO;
        Sample::of_time(StepId(0), (start, start), start + Nanos::from_millis(ms), outcome)
    }

    fn offered(exemplars: &Exemplars, sample: &Sample) -> bool {
        let wanted = exemplars.wants(sample);
        if wanted {
            match sample.outcome {
                Outcome::Ok => exemplars.keep_slow(sample, ""),
                Outcome::Failed(_) => exemplars.keep_failure(sample.done, Exemplar::of(sample)),
            }
        }
        wanted
    }

    #[test]
    fn slowest_and_first_failures_are_kept_until_the_minute_is_over() {
        let exemplars = Exemplars::new(1);
        let ok = |ms| sample(ms, Outcome::Ok);
        let taken: Vec<bool> =
            [3, 9, 1, 7, 5, 1, 8, 2, 6].map(|ms| offered(&exemplars, &ok(ms))).to_vec();
        assert_eq!(taken, [true, true, true, true, true, false, true, false, true]);
        let failed = |_| offered(&exemplars, &sample(4, Outcome::Failed(ErrorClass::Reset)));
        assert_eq!([0; 5].map(failed), [true, true, true, false, false]);
        assert_eq!(exemplars.take(RunTime::ZERO + Nanos::from_secs(59), false), []);
        let told = exemplars.take(RunTime::ZERO + MINUTE, false);
        let time = |event: &Event| match &event.kind {
            EventKind::Exemplar(one) => one.response_time.get() / 1_000_000,
            _ => 0,
        };
        let times: Vec<u64> = told.iter().map(time).collect();
        assert_eq!(times, [9, 8, 7, 6, 5, 4, 4, 4]);
        assert!(exemplars.wants(&ok(1)), "a minute begins anew");
        assert_eq!(exemplars.take(RunTime::ZERO + MINUTE, true), []);
    }

    #[test]
    fn head_shows_no_cookie_and_is_bounded() {
        let head =
            format!("HTTP/1.1 500\nSet-Cookie: a=secret\nx: y\nlong: {}\n\n", "ü".repeat(2_000));
        let shown = shown_head(&head);
        assert!(shown.starts_with("HTTP/1.1 500\nSet-Cookie: ***\nx: y\nlong: ü"), "{shown}");
        assert!(shown.len() <= HEAD_LIMIT && !shown.contains("secret"));
        assert_eq!(shown_body(&looked_into(&[b'a', 0xff])), "a\u{fffd}");
    }
}
