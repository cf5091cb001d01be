//! Quantiles and means of times over the judged part of a run, with intervals that respect dependence.

use std::borrow::{Borrow, Cow};

use super::measured::{CONFIDENCE, Measured};
use super::statistics::batches::{self, BatchPart, RatioEstimate};
use super::statistics::{order_statistics, proportion};
use super::window::JudgedWindow;
use plimsoll_metrics::{Interval, SparseDistribution};
use plimsoll_units::{Nanos, Quantity};

/// The distributions of one row, one list a second: several where a row spans several steps.
pub(super) type SecondDistributions<'a> = Vec<Vec<Cow<'a, SparseDistribution>>>;

/// The times of one stretch of a run, usually a second.
pub trait Buckets {
    /// The greatest time of each bucket, and how many lie in it; in any order.
    fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)>;

    /// The greatest time, exactly where that is known better than from the buckets.
    fn max(&self) -> Nanos {
        self.buckets().map(|(time, _)| time).max().unwrap_or_default()
    }

    /// The sum in seconds, exactly where that is known better than from the buckets.
    fn sum_s(&self) -> f64 {
        self.buckets().map(|(time, count)| time.as_secs_f64() * count as f64).sum()
    }
}

impl<T: Borrow<SparseDistribution>> Buckets for Vec<T> {
    fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> {
        self.iter().flat_map(|distribution| distribution.borrow().buckets())
    }

    fn max(&self) -> Nanos {
        let greatest = self.iter().map(|distribution| distribution.borrow().max());
        greatest.max().unwrap_or_default()
    }

    fn sum_s(&self) -> f64 {
        self.iter().map(|distribution| distribution.borrow().sum_ns() as f64 / 1e9).sum()
    }
}

/// What `select` finds in every steady interval; answers that came in the drain belong to the last.
pub(super) fn seconds<'a>(
    window: &JudgedWindow<'a>,
    select: impl Fn(&'a Interval) -> Vec<Cow<'a, SparseDistribution>>,
) -> SecondDistributions<'a> {
    let mut seconds: SecondDistributions<'a> = window.steady().iter().map(|i| select(i)).collect();
    let late: Vec<_> = window.tail.iter().flat_map(|i| select(i)).collect();
    match seconds.last_mut() {
        Some(last) => last.extend(late),
        None => seconds.push(late),
    }
    seconds
}

/// The quantile `p` (0 to 1) of all times.
///
/// The interval turns the question round (R. Woodruff, "Confidence intervals for medians and other
/// position measures", 1952): how well is the *share* of requests below the estimate known? That share is
/// a ratio over time, so batches tell its error, dependence included, and its interval [p₁, p₂] becomes
/// the times at p₁ and p₂. Unlike quantiles of single batches it needs no batch to hold enough requests
/// for a p99 of its own. Where p₂ is beyond the last request the upper end is the greatest time seen.
///
/// Measured from the least number of requests whose greatest exceeds the quantile with 95 % confidence
/// (59 for p95, 299 for p99, 2995 for p99.9): `MLPerf` `LoadGen`'s early stopping with no query over.
pub(super) fn quantile(seconds: &[impl Buckets], p: f64) -> Measured {
    let values = OrderedValues::of(seconds);
    let count = values.count();
    let needed = order_statistics::least_count(p, CONFIDENCE);
    if count < needed {
        return Measured::nothing(count, too_few(count, p, needed, seconds.len() as u64));
    }
    let estimate = values.at(p);
    let share = share_known(seconds, &values, p);
    let interval = share.map(|(share, _)| {
        let (lower, upper) = proportion::interval(&share, count, CONFIDENCE);
        (values.seconds(lower), values.seconds(upper))
    });
    let measured =
        Measured::value(Quantity::Time(Nanos::new(estimate.min(values.max))), interval, count);
    match share {
        Some((_, worth)) if worth * (1.0 - p) < 1.0 => measured.with_note(format!(
            "slow requests came in clumps, so that {count} are worth some {worth:.0} independent \
             ones: the interval is optimistic, run longer"
        )),
        _ => measured,
    }
}

/// The share `p` with the error with which it is known, and how many independent requests would know it
/// as well; `None` of too few seconds.
///
/// Far in the tail a run holds few clumps of slow requests, and one that happened to meet none of the
/// bad ones also underrates how clumped they are. So the clumping (Kish's design effect: variance over
/// that of independent requests) is taken at `p` and at a level with four times as many requests beyond
/// it, where it is better known, and the greater of both counts.
fn share_known(
    seconds: &[impl Buckets],
    values: &OrderedValues,
    p: f64,
) -> Option<(RatioEstimate, f64)> {
    let count = values.count();
    let mut share = share_at(seconds, values, p)?;
    let wider = (1.0 - 4.0 * (1.0 - p)).max(0.5).min(p);
    let other = share_at(seconds, values, wider)?;
    let effect = |error: f64, p: f64| error * error * count as f64 / (p * (1.0 - p));
    let effect_max = effect(share.error?, p).max(effect(other.error?, wider));
    share.error = Some((effect_max * p * (1.0 - p) / count as f64).sqrt());
    share.batches = share.batches.min(other.batches);
    Some((share, count as f64 / effect_max.max(1.0)))
}

/// The share of requests up to the time at `level`, with its error.
fn share_at(seconds: &[impl Buckets], values: &OrderedValues, level: f64) -> Option<RatioEstimate> {
    let at = values.at(level);
    let parts: Vec<BatchPart> = seconds.iter().map(|times| share_below(times, at)).collect();
    let mut share = batches::estimate(&parts)?;
    share.error?;
    // Where many requests took exactly this long, the share jumps over the level there.
    share.value = level;
    Some(share)
}

/// What each second adds to the error of the quantile `p`: how many more of its times do not exceed the estimate
/// than should.
pub(super) fn beyond(seconds: &[impl Buckets], p: f64) -> Vec<f64> {
    let at = OrderedValues::of(seconds).at(p);
    let parts = seconds.iter().map(|times| share_below(times, at));
    parts.map(|part| part.value - p * part.weight).collect()
}

/// How many of the times do not exceed `at`, out of how many.
fn share_below(times: &impl Buckets, at: u64) -> BatchPart {
    let mut part = BatchPart::default();
    for (value, count) in times.buckets() {
        part.weight += count as f64;
        if value.get() <= at {
            part.value += count as f64;
        }
    }
    part
}

/// The mean of all times, with Student's interval over batches; measured from two values.
pub(super) fn mean(seconds: &[impl Buckets]) -> Measured {
    let parts: Vec<BatchPart> = seconds
        .iter()
        .map(|times| BatchPart {
            value: times.sum_s(),
            weight: times.buckets().map(|(_, count)| count as f64).sum(),
        })
        .collect();
    let count = parts.iter().map(|part| part.weight).sum::<f64>() as u64;
    match batches::estimate(&parts) {
        Some(found) if count >= 2 => {
            let interval = found.interval(CONFIDENCE).map(|(lower, upper)| (lower.max(0.0), upper));
            Measured::value(Quantity::Time(Nanos::from_secs_f64(found.value)), interval, count)
        }
        _ => Measured::nothing(count, format!("n/a (n={count}): a mean needs at least 2 values")),
    }
}

/// Why there is no quantile, and how much longer to run for one.
fn too_few(count: u64, p: f64, needed: u64, seconds: u64) -> String {
    let text = format!("n/a (n={count}): {} needs at least {needed} values", name(p));
    if count == 0 {
        return text;
    }
    let missing = (seconds * (needed - count)).div_ceil(count);
    let step = if missing > 120 { 60 } else { 10 };
    format!("{text}; run about {} longer", Nanos::from_secs(missing.div_ceil(step) * step))
}

/// Prints 0.999 as `p99.9`.
fn name(p: f64) -> String {
    let digits = format!("{:.3}", p * 100.0);
    format!("p{}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// So many buckets are gathered before equal ones are put together.
const PAIRS: usize = 1 << 18;

/// Sorts (value, count) pairs and makes one of those with the same value.
fn together(pairs: &mut Vec<(u64, u64)>) {
    pairs.sort_unstable();
    pairs.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        first.1 += if is_same { later.1 } else { 0 };
        is_same
    });
}

/// All values in order, as HDR buckets with cumulative counts.
struct OrderedValues {
    /// (greatest value of the bucket in nanoseconds, values up to it)
    cumulative: Vec<(u64, u64)>,
    max: u64,
}

impl OrderedValues {
    fn of(seconds: &[impl Buckets]) -> Self {
        let (mut pairs, mut known) = (Vec::new(), 0);
        for (value, count) in seconds.iter().flat_map(Buckets::buckets) {
            pairs.push((value.get(), count));
            // A long run has many times as many buckets as differ.
            if pairs.len() >= 2 * known + PAIRS {
                together(&mut pairs);
                known = pairs.len();
            }
        }
        together(&mut pairs);
        let mut seen = 0;
        let up_to = |(value, count)| {
            seen += count;
            (value, seen)
        };
        let cumulative = pairs.into_iter().map(up_to).collect();
        let max = seconds.iter().map(Buckets::max).max().unwrap_or_default().get();
        Self { cumulative, max }
    }

    fn count(&self) -> u64 {
        self.cumulative.last().map_or(0, |last| last.1)
    }

    /// The bucket that holds the value of rank ⌈share · n⌉.
    fn at(&self, share: f64) -> u64 {
        let count = self.count();
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
        let at = self.cumulative.partition_point(|&(_, seen)| seen < rank);
        self.cumulative.get(at).map_or(self.max, |&(value, _)| value)
    }

    fn seconds(&self, share: f64) -> f64 {
        Nanos::new(self.at(share).min(self.max)).as_secs_f64()
    }
}
