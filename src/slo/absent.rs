//! Seconds in which a shard of a merged run was absent.
//!
//! Nobody takes over the load of an agent that is lost, so that without it the stack had less to do. Where these seconds are
//! few, they are cut from what is judged, of all agents; where they are many, the run is not the one that was asked for.

use plimsoll_metrics::RunLog;
use plimsoll_units::{Nanos, RunTime};

use super::planned::planned_spans;

/// The share of the judged time that may be cut, and what is left still stands for the run.
const CUT_MAX: f64 = 0.05;

/// A stretch of a run: where it begins and ends.
type JudgedSpan = (RunTime, RunTime);

/// When any shard was absent, of the time that is to be judged.
#[derive(Debug)]
pub(super) struct AbsentTime {
    /// In order, none touching the next.
    spans: Vec<JudgedSpan>,
    /// How much of the time to be judged lies in them.
    pub(super) length: Nanos,
    /// The same as a share of it.
    pub(super) share: f64,
}

impl AbsentTime {
    /// Looks at all shards of a merged run; of any other there is none.
    pub(super) fn of(log: &RunLog) -> Self {
        let all = log.header.shards.iter().flat_map(|shard| &shard.absences);
        let spans = joined(all.map(|it| (it.from, it.to.unwrap_or(RunTime::NEVER))).collect());
        if spans.is_empty() {
            return Self { spans, length: Nanos::ZERO, share: 0.0 };
        }
        let judged = planned_spans(log);
        let whole = length(&judged);
        let length = Nanos::new(whole.get() - length(&without(&judged, &spans)).get());
        Self { spans, length, share: length.as_secs_f64() / whole.as_secs_f64().max(1e-9) }
    }

    /// Whether there is any.
    pub(super) const fn is_some(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether the run can be judged without these seconds.
    pub(super) fn can_be_cut(&self) -> bool {
        self.share <= CUT_MAX
    }

    /// `judged` without these seconds, where they can be cut.
    pub(super) fn cut_from(&self, judged: Vec<JudgedSpan>) -> Vec<JudgedSpan> {
        if self.is_some() && self.can_be_cut() { without(&judged, &self.spans) } else { judged }
    }
}

/// Spans in order, of which those that touch are one.
fn joined(mut spans: Vec<JudgedSpan>) -> Vec<JudgedSpan> {
    spans.sort_unstable();
    let mut joined: Vec<JudgedSpan> = vec![];
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// What of `spans` lies in none of `cut`; both are in order.
fn without(spans: &[JudgedSpan], cut: &[JudgedSpan]) -> Vec<JudgedSpan> {
    let mut left = vec![];
    for &(mut from, to) in spans {
        for &(cut_from, cut_to) in cut {
            if cut_to <= from || cut_from >= to {
                continue;
            }
            if cut_from > from {
                left.push((from, cut_from));
            }
            from = cut_to;
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

fn length(spans: &[JudgedSpan]) -> Nanos {
    spans.iter().map(|span| span.1.since(span.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(all: &[(u64, u64)]) -> Vec<JudgedSpan> {
        let at = |second| RunTime::ZERO + Nanos::from_secs(second);
        all.iter().map(|&(from, to)| (at(from), at(to))).collect()
    }

    #[test]
    fn stretches_that_touch_are_one() {
        let found = joined(spans(&[(9, 12), (1, 3), (3, 5), (2, 4), (20, 21)]));
        assert_eq!(found, spans(&[(1, 5), (9, 12), (20, 21)]));
    }

    #[test]
    fn what_is_cut_leaves_the_rest_of_each_stage() {
        let cut = spans(&[(0, 2), (5, 6), (8, 22), (29, 90)]);
        let stages = spans(&[(1, 10), (10, 20), (20, 30), (40, 50)]);
        assert_eq!(without(&stages, &cut), spans(&[(2, 5), (6, 8), (22, 29)]));
        assert_eq!(without(&stages, &[]), stages);
    }
}
