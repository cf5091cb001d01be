//! Ratios of what lasts: how long pictures stood still over how long they moved, and how many messages came over
//! how long their streams were open.

use super::measured::{CONFIDENCE, Measured};
use super::statistics::batches::{self, BatchPart};
use super::window::JudgedWindow;
use plimsoll_metrics::{Interval, SampleKind, Scope, StepId, StepInfo};
use plimsoll_units::{Quantity, Rate, Ratio};

/// The ratio over all playbacks of `scope`. A playback counts in the second in which it ends.
pub(super) fn ratio(window: &JudgedWindow<'_>, scope: &Scope) -> Measured {
    let of = |kind| steps_of(window, scope, &[kind]);
    let (stalled, played) = (of(SampleKind::Stalled), of(SampleKind::Played));
    if played.is_empty() {
        return Measured::nothing(0, "n/a: nothing observes rebuffer_ratio".to_owned());
    }
    let mut playbacks = 0;
    let parts: Vec<BatchPart> = window
        .judged
        .iter()
        .chain(&window.tail)
        .map(|interval| {
            let (weight, count) = seconds(interval, &played);
            playbacks += count;
            BatchPart { value: seconds(interval, &stalled).0, weight }
        })
        .collect();
    let Some(found) = batches::estimate(&parts) else {
        return Measured::nothing(0, "n/a (n=0): no playback ended".to_owned());
    };
    let interval = found.interval(CONFIDENCE).map(|(lower, upper)| (lower.max(0.0), upper));
    Measured::value(Quantity::Share(Ratio::new(found.value)), interval, playbacks)
}

/// Events or messages a second over all streams of `scope`. A stream counts in the second in which it ends.
pub(super) fn message_rate(window: &JudgedWindow<'_>, scope: &Scope) -> Measured {
    let streams = steps_of(window, scope, &[SampleKind::Events, SampleKind::Messages]);
    if streams.is_empty() {
        return Measured::nothing(0, "n/a: the run has no such stream".to_owned());
    }
    let mut count = 0;
    let parts: Vec<BatchPart> = window
        .judged
        .iter()
        .chain(&window.tail)
        .map(|interval| {
            let found = streams.iter().filter_map(|id| interval.logical.get(id));
            let messages: u64 = found.map(|step| step.messages).sum();
            count += messages;
            BatchPart { value: messages as f64, weight: seconds(interval, &streams).0 }
        })
        .collect();
    let Some(found) = batches::estimate(&parts) else {
        return Measured::nothing(0, "n/a (n=0): no stream ended".to_owned());
    };
    let interval = found.interval(CONFIDENCE).map(|(lower, upper)| (lower.max(0.0), upper));
    Measured::value(Quantity::Rate(Rate::per_second(found.value)), interval, count)
}

fn steps_of(window: &JudgedWindow<'_>, scope: &Scope, kinds: &[SampleKind]) -> Vec<StepId> {
    let steps = window.log.header.steps.iter().enumerate();
    steps
        .filter(|(_, step)| kinds.contains(&step.kind) && belongs(step, scope))
        .map(|(index, _)| StepId(index as u16))
        .collect()
}

fn belongs(step: &StepInfo, scope: &Scope) -> bool {
    match scope {
        Scope::Run => true,
        Scope::Step(name) => {
            step.name.strip_prefix(name.as_str()).is_some_and(|part| part.starts_with('.'))
        }
        // Which playback or stream belongs to which scenario or tag is not in the log.
        Scope::Scenario(_) | Scope::Tag(_) | Scope::Steps(_) | Scope::Page(_) => false,
    }
}

fn seconds(interval: &Interval, steps: &[StepId]) -> (f64, u64) {
    let found = steps.iter().filter_map(|id| interval.logical.get(id));
    found.fold((0.0, 0), |(sum, count), step| {
        (sum + step.response_time.sum_ns() as f64 / 1e9, count + step.requests)
    })
}

#[cfg(test)]
mod tests {
    use super::super::simulated::{header, record};
    use super::*;
    use plimsoll_metrics::{RunLog, StepInterval};
    use plimsoll_units::Nanos;

    /// A run of 20 s in which every second a playback of 10 s ends that stood still for `stalled_ms`.
    fn run(stalled_ms: u64) -> RunLog {
        let mut header = header(1.0, 20, vec![]);
        for kind in [SampleKind::Played, SampleKind::Stalled] {
            let name = format!("playback.{kind}");
            header.steps.push(StepInfo { name, kind, tags: vec![] });
        }
        let mut log = record(header, &[]);
        let step = |span: Nanos| StepInterval {
            requests: 1,
            response_time: [span].into_iter().collect(),
            ..StepInterval::default()
        };
        for interval in &mut log.intervals {
            interval.logical.insert(StepId(1), step(Nanos::from_secs(10)));
            interval.logical.insert(StepId(2), step(Nanos::from_millis(stalled_ms)));
        }
        log
    }

    #[test]
    fn ratio_is_time_stalled_over_time_played() {
        let log = run(50);
        for scope in [Scope::Run, Scope::Step("playback".to_owned())] {
            let measured = ratio(&JudgedWindow::of(&log), &scope);
            let Some(Quantity::Share(share)) = measured.estimate else { panic!("{measured:?}") };
            // 50 ms of 10 s; histograms keep three digits.
            assert!((share.get() - 0.005).abs() < 0.000_02, "{share}");
        }
    }

    /// Every second a stream of 10 s ends in which 5 messages came.
    #[test]
    fn message_rate_is_messages_over_the_time_that_streams_were_open() {
        let mut header = header(1.0, 20, vec![]);
        header.steps.push(StepInfo {
            name: "live.messages".to_owned(),
            kind: SampleKind::Messages,
            tags: vec![],
        });
        let mut log = record(header, &[]);
        for interval in &mut log.intervals {
            let step = StepInterval {
                requests: 1,
                messages: 5,
                response_time: [Nanos::from_secs(10)].into_iter().collect(),
                ..StepInterval::default()
            };
            interval.logical.insert(StepId(1), step);
        }
        let measured = message_rate(&JudgedWindow::of(&log), &Scope::Step("live".to_owned()));
        assert_eq!(measured.estimate, Some(Quantity::Rate(Rate::per_second(0.5))));
        let measured = message_rate(&JudgedWindow::of(&log), &Scope::Step("other".to_owned()));
        assert_eq!(measured.estimate, None);
    }

    #[test]
    fn another_step_has_no_ratio() {
        let measured = ratio(&JudgedWindow::of(&run(50)), &Scope::Step("play".to_owned()));
        assert_eq!(measured.estimate, None);
    }
}
