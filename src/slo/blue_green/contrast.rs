//! Green held against blue: quantiles by their ratio, error rates by their difference, each with its interval.

use std::borrow::Cow;

use crate::measured::{CONFIDENCE, Measured};
use crate::statistics::batches::{self, BatchPart};
use crate::statistics::mover::{self, IntervalEstimate};
use crate::statistics::paired::{self, PairedValue};
use crate::statistics::{order_statistics, proportion};
use crate::times::{self, Buckets as _};
use plimsoll_metrics::{Answers, Counts, SideInterval, SparseDistribution};
use plimsoll_units::{Quantity, Ratio};

/// What one side did, second by second: several entries where late answers joined the last.
pub(super) type SideSeconds<'a> = Vec<Vec<&'a SideInterval>>;

/// Green is worse only where it is so by this share at least; a gate's rule for regressions (`slo::gate`).
const LEAST_EFFECT: f64 = 0.05;
/// Green is no worse once all of the interval lies below this ratio.
const TOLERATED_RATIO: f64 = 1.10;
/// And once it fails less than this much more often, as a share of all requests.
const TOLERATED_ERRORS: f64 = 0.005;
/// A quantile below this takes as good as no time.
const LEAST_SECONDS: f64 = 1e-9;

/// The answer. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GreenVerdict {
    /// The interval holds nothing that matters.
    NoWorse,
    /// The interval holds both.
    NeedsMore,
    /// The interval holds nothing but worse.
    Worse,
}

impl GreenVerdict {
    /// The name used in files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::NoWorse => "no_worse",
            Self::NeedsMore => "needs_more_requests",
            Self::Worse => "worse",
        }
    }
}

/// Which of blue's seconds green is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContrastBasis {
    /// The same, in which both had the same arrivals at the same moments: differences are paired.
    Pairs,
    /// The same: what disturbed both cancels.
    SameSeconds,
    /// Those before, because blue has none of its own in this part. What changed meanwhile counts as green's.
    Before,
}

/// One side's value.
#[derive(Debug, Clone, PartialEq)]
pub struct SideValue {
    /// The estimate; absent where there are too few requests.
    pub estimate: Option<Quantity>,
    /// Its 95 % interval; absent of too few seconds.
    pub interval: Option<(Quantity, Quantity)>,
}

/// One measure of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastRow {
    /// `p95`, `p99` or `error_rate`.
    pub name: &'static str,
    /// Whether the effect is green's value divided by blue's, and not less blue's.
    pub is_ratio: bool,
    /// Blue's value.
    pub blue: SideValue,
    /// Green's value.
    pub green: SideValue,
    /// Green divided by blue, or less blue, with the 95 % interval.
    pub effect: Option<IntervalEstimate>,
    /// Of paired differences: how many times as long targets that take turns would have to be loaded for as narrow an
    /// interval. Absent where pairs are not what the row is judged by, or did not differ at all.
    pub saved: Option<f64>,
    /// What that means.
    pub verdict: GreenVerdict,
    /// What is missing for an answer; empty where there is one.
    pub note: String,
}

/// Green held against blue in one part of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Which of blue's seconds it was held against.
    pub against: ContrastBasis,
    /// p95, p99 and the error rate.
    pub rows: [ContrastRow; 3],
}

impl Contrast {
    /// Of blue and green; `answers` says whose times a quantile speaks of.
    pub(super) fn of(
        sides: [&SideSeconds<'_>; 2],
        against: ContrastBasis,
        answers: impl Fn(f64) -> Answers,
    ) -> Self {
        let times = |p: f64| sides.map(|seconds| times_of(seconds, answers(p)));
        let rows = [
            quantile("p95", 0.95, &times(0.95), against),
            quantile("p99", 0.99, &times(0.99), against),
            error_rate(sides, against),
        ];
        Self { against, rows }
    }

    /// The worst of the rows.
    pub fn verdict(&self) -> GreenVerdict {
        self.rows.iter().map(|row| row.verdict).max().unwrap_or(GreenVerdict::NeedsMore)
    }
}

/// The times of one side, second by second.
type SecondTimes<'a> = Vec<Vec<Cow<'a, SparseDistribution>>>;

fn quantile(
    name: &'static str,
    p: f64,
    seconds: &[SecondTimes<'_>; 2],
    against: ContrastBasis,
) -> ContrastRow {
    let [blue, green] = seconds.each_ref().map(|seconds| times::quantile(seconds, p));
    let correlation = match against {
        ContrastBasis::Before => 0.0,
        ContrastBasis::SameSeconds | ContrastBasis::Pairs => {
            let [one, other] = seconds.each_ref().map(|seconds| times::beyond(seconds, p));
            mover::shared_error(&one, &other)
        }
    };
    let pairs = match against {
        ContrastBasis::Pairs => stretches(seconds, p),
        ContrastBasis::SameSeconds | ContrastBasis::Before => Vec::new(),
    };
    let paired = paired::difference(&pairs, CONFIDENCE).map(|effect| effect.map(f64::exp));
    let saved = paired.and_then(|_| paired::saved(&pairs));
    let apart = limits(&blue).zip(limits(&green)).map(|(blue, green)| {
        let log = |limits: IntervalEstimate| limits.map(|seconds| seconds.max(LEAST_SECONDS).ln());
        mover::difference(log(green), log(blue), correlation).map(f64::exp)
    });
    let effect = paired.or(apart);
    let (verdict, note) = match effect {
        Some(effect) => judge_ratio(effect),
        None => (GreenVerdict::NeedsMore, missing(&blue, &green)),
    };
    ContrastRow {
        name,
        is_ratio: true,
        blue: known(&blue),
        green: known(&green),
        effect,
        saved,
        verdict,
        note,
    }
}

/// Both sides' quantile `p` in stretches of the run, as logarithms: as many stretches as hold enough requests of either
/// side for a quantile of their own. Few requests estimate it a little too low or too high, which is the same for
/// both sides and cancels.
fn stretches(seconds: &[SecondTimes<'_>; 2], p: f64) -> Vec<PairedValue> {
    let needed = order_statistics::least_count(p, CONFIDENCE);
    let length = seconds[0].len().min(seconds[1].len());
    let counts = seconds.each_ref().map(|seconds| -> Vec<u64> {
        seconds.iter().map(|times| times.buckets().map(|(_, count)| count).sum()).collect()
    });
    let most = counts.iter().map(|counts| counts.iter().sum::<u64>() / needed).min().unwrap_or(0);
    let range = |stretch: usize, of: usize| stretch * length / of..(stretch + 1) * length / of;
    let is_enough = |of: usize| {
        let each = |counts: &Vec<u64>| {
            (0..of).all(|at| counts[range(at, of)].iter().sum::<u64>() >= needed)
        };
        counts.iter().all(each)
    };
    let Some(count) = (1..=length.min(most as usize)).rev().find(|&of| is_enough(of)) else {
        return Vec::new();
    };
    let log = |seconds: &SecondTimes<'_>, at: usize| {
        let found = times::quantile(&seconds[range(at, count)], p).estimate;
        found.map_or(LEAST_SECONDS, Quantity::base).max(LEAST_SECONDS).ln()
    };
    let pair = |at| PairedValue { one: log(&seconds[0], at), other: log(&seconds[1], at) };
    (0..count).map(pair).collect()
}

/// Failures among requests, as the objective of that name counts them.
fn error_rate(sides: [&SideSeconds<'_>; 2], against: ContrastBasis) -> ContrastRow {
    let parts = sides.map(|seconds| -> Vec<BatchPart> {
        let part = |second: &Vec<&plimsoll_metrics::SideInterval>| BatchPart {
            value: second.iter().map(|side| Counts::of_side(side).failed() as f64).sum(),
            weight: second.iter().map(|side| Counts::of_side(side).attempts() as f64).sum(),
        };
        seconds.iter().map(part).collect()
    });
    let [blue, green] = parts.each_ref().map(|parts| share(parts));
    let correlation = match against {
        ContrastBasis::Before => 0.0,
        ContrastBasis::SameSeconds | ContrastBasis::Pairs => {
            let [one, other] = [(&parts[0], &blue), (&parts[1], &green)].map(|(parts, found)| {
                let rate = found.estimate.map_or(0.0, Quantity::base);
                parts.iter().map(|it| it.value - rate * it.weight).collect::<Vec<_>>()
            });
            mover::shared_error(&one, &other)
        }
    };
    let effect = limits(&blue)
        .zip(limits(&green))
        .map(|(blue, green)| mover::difference(green, blue, correlation));
    let (verdict, note) = match effect {
        Some(effect) => judge_difference(effect),
        None => (GreenVerdict::NeedsMore, missing(&blue, &green)),
    };
    let (blue, green) = (known(&blue), known(&green));
    let name = "error_rate";
    ContrastRow { name, is_ratio: false, blue, green, effect, saved: None, verdict, note }
}

fn share(parts: &[BatchPart]) -> Measured {
    let count = parts.iter().map(|part| part.weight).sum::<f64>() as u64;
    match batches::estimate(parts) {
        Some(found) => {
            let interval = proportion::interval(&found, count, CONFIDENCE);
            let estimate = Quantity::Share(Ratio::new(found.value));
            Measured::value(estimate, Some(interval), count)
        }
        None => Measured::nothing(0, "n/a (n=0): no request ended".to_owned()),
    }
}

fn limits(measured: &Measured) -> Option<IntervalEstimate> {
    let (lower, upper) = measured.interval?;
    let value = measured.estimate?.base();
    Some(IntervalEstimate { lower: lower.min(value), value, upper: upper.max(value) })
}

fn known(measured: &Measured) -> SideValue {
    let with = |base: f64| measured.estimate.map(|kind| kind.with_base(base));
    let interval = measured.interval.and_then(|(lower, upper)| with(lower).zip(with(upper)));
    SideValue { estimate: measured.estimate, interval }
}

/// Why there is nothing to compare.
fn missing(blue: &Measured, green: &Measured) -> String {
    let of = |name: &str, side: &Measured| match (side.estimate, side.interval) {
        (None, _) => Some(format!("{name} {}", side.note)),
        (Some(_), None) => Some(format!("{name}: too few seconds for an interval")),
        _ => None,
    };
    let both = [of("green", green), of("blue", blue)];
    both.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn judge_ratio(effect: IntervalEstimate) -> (GreenVerdict, String) {
    if effect.lower > 1.0 && effect.value >= 1.0 + LEAST_EFFECT {
        return (GreenVerdict::Worse, String::new());
    }
    if effect.upper < TOLERATED_RATIO {
        return (GreenVerdict::NoWorse, String::new());
    }
    let log = effect.map(f64::ln);
    (GreenVerdict::NeedsMore, more(log, (0.0, TOLERATED_RATIO.ln())))
}

fn judge_difference(effect: IntervalEstimate) -> (GreenVerdict, String) {
    if effect.lower > 0.0 {
        return (GreenVerdict::Worse, String::new());
    }
    if effect.upper < TOLERATED_ERRORS {
        return (GreenVerdict::NoWorse, String::new());
    }
    (GreenVerdict::NeedsMore, more(effect, (0.0, TOLERATED_ERRORS)))
}

/// How many times as many requests would decide, if nothing else changed: intervals shrink with the root of their
/// number. Above `bad` green is worse; below `good` it is not.
fn more(effect: IntervalEstimate, (bad, good): (f64, f64)) -> String {
    let is_better = good - effect.value;
    let is_worse = effect.value - bad;
    let times = [
        (is_better > 0.0).then(|| ((effect.upper - effect.value) / is_better).powi(2)),
        (is_worse > 0.0).then(|| ((effect.value - effect.lower) / is_worse).powi(2)),
    ];
    let least = times.into_iter().flatten().fold(f64::INFINITY, f64::min);
    match least.ceil() {
        times @ 2.0..=1_000.0 => format!("about {times} times as many requests would decide"),
        times if times > 1_000.0 => {
            "more than 1,000 times as many requests would decide".to_owned()
        }
        _ => "a few more requests would decide".to_owned(),
    }
}

/// The response times of each second: of successes, or of all where the SLO table asks for those.
fn times_of<'a>(
    seconds: &SideSeconds<'a>,
    answers: Answers,
) -> Vec<Vec<Cow<'a, SparseDistribution>>> {
    let of = |second: &Vec<&'a SideInterval>| {
        second.iter().map(|side| side.times().upper(answers)).collect()
    };
    seconds.iter().map(of).collect()
}
