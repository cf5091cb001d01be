//! All that was measured at one rate, and what it says with how much certainty.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::rules::RULES;
use crate::histogram::Histogram;
use crate::model::is_growing;
use crate::slo_limits::SloLimit;
use crate::step::{Batch, StepResult, StepVerdict};
use plimsoll_units::{Nanos, Rate};

/// The steps at one rate, merged.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) rate: f64,
    pub(super) seconds: f64,
    blocks: Vec<BatchBlock>,
    whole: Histogram,
    errors: u64,
    throttled: u64,
    aborted: bool,
    /// More is offered than the cores can do, or response times grow: however long it takes to exceed a limit.
    overdriven: bool,
    others: Option<StepVerdict>,
    /// What the data say of each limit by the rule that runs and gates are judged by.
    by_limit: Vec<(SloLimit, StepVerdict)>,
    dispersion: f64,
}

#[derive(Debug, Clone)]
struct BatchBlock {
    response: Histogram,
    /// Running totals of `response`, for quantiles of resampled blocks.
    cumulative: Vec<u64>,
}

impl BatchBlock {
    fn of(batches: &[&Batch]) -> Self {
        let response = Histogram::merged(batches.iter().map(|batch| &batch.response));
        let cumulative = response
            .pairs()
            .iter()
            .scan(0, |total, pair| {
                *total += pair.1;
                Some(*total)
            })
            .collect();
        Self { response, cumulative }
    }

    fn at_most(&self, nanoseconds: u64) -> u64 {
        let index = self.response.pairs().partition_point(|pair| pair.0.get() <= nanoseconds);
        index.checked_sub(1).map_or(0, |last| self.cumulative[last])
    }

    fn count(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or(0)
    }
}

/// What a level says about one SLO limit: the logarithm of its value, and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LevelReading {
    pub(super) value: f64,
    pub(super) log_error: f64,
    /// The error if blocks were independent, which resampling them one by one shows.
    pub(super) log_scatter: f64,
}

/// Groups valid steps by rate, ascending. `cores` are those of each tier.
pub(super) fn levels(
    steps: &[StepResult],
    slo_limits: &[SloLimit],
    cores: &[(String, f64)],
) -> Vec<Level> {
    let sustained = sustained(steps, cores).unwrap_or(f64::INFINITY);
    let mut valid: Vec<&StepResult> = usable(steps, slo_limits).collect();
    valid.sort_by(|a, b| a.offered.get().total_cmp(&b.offered.get()));
    valid
        .chunk_by(|a, b| b.offered.get() <= a.offered.get() * (1.0 + RULES.same_level))
        .map(|steps| {
            let level = Level::of(steps, slo_limits);
            let is_too_much = level.rate > sustained && are_full(steps, cores);
            Level { overdriven: is_too_much || are_growing(steps, slo_limits), ..level }
        })
        .collect()
}

/// The steps of `steps` that say something of the stack as it is now.
pub(super) fn usable<'a>(
    steps: &'a [StepResult],
    slo_limits: &[SloLimit],
) -> impl Iterator<Item = &'a StepResult> {
    steps.iter().filter(|step| is_usable(step) && !is_outdated(step, steps, slo_limits))
}

/// Whether response times grew in most of the time of `steps`.
fn are_growing(steps: &[&StepResult], slo_limits: &[SloLimit]) -> bool {
    let seconds = |steps: &mut dyn Iterator<Item = &&StepResult>| -> f64 {
        steps.map(|step| step.duration.as_secs_f64()).sum()
    };
    let growing = seconds(&mut steps.iter().filter(|step| is_growing(step, slo_limits)));
    2.0 * growing > seconds(&mut steps.iter())
}

/// Whether any tier's cores were as good as full in one of `steps`.
fn are_full(steps: &[&StepResult], cores: &[(String, f64)]) -> bool {
    cores.iter().any(|(tier, cores)| {
        let used = steps.iter().filter_map(|step| step.tier(tier)?.cores_used);
        used.fold(0.0, f64::max) > RULES.full * cores
    })
}

/// The rate at which the busiest tier's cores would be full, by what the busiest of the steps with about the latest
/// hit ratio used (utilisation law): a higher rate may stay within the objectives for a short hold, while queues grow,
/// but not for long. Quieter steps say nothing of it, because real services do with less for a request the busier they
/// are. `None` where no use of cores is known.
fn sustained(steps: &[StepResult], cores: &[(String, f64)]) -> Option<f64> {
    let latest = steps.iter().rev().find(|step| step.valid)?.hit_ratio;
    let warm = |step: &&StepResult| {
        let warmth = step.hit_ratio.zip(latest);
        step.valid && warmth.is_none_or(|(then, now)| (now - then).abs() <= RULES.warmed / 2.0)
    };
    let busiest = steps.iter().filter(warm).map(|step| step.achieved().get()).fold(0.0, f64::max);
    let alike = |step: &&StepResult| warm(step) && step.achieved().get() >= RULES.busiest * busiest;
    let full = cores.iter().filter_map(|(tier, cores)| {
        let (mut used, mut requests) = (0.0, 0.0);
        for step in steps.iter().filter(alike) {
            let (seconds, busy) = (step.duration.as_secs_f64(), step.tier(tier)?.cores_used?);
            // More work than the cores can do: the stack file is wrong about them.
            if busy > RULES.all_used * cores {
                return None;
            }
            used += busy * seconds;
            requests += step.achieved().get() * seconds;
        }
        (used > 0.0).then(|| cores * requests / used)
    });
    full.reduce(f64::min)
}

/// A valid step that did not have to work off the backlog of an earlier one: then more is answered than
/// is offered.
fn is_usable(step: &StepResult) -> bool {
    let offered = step.offered.get() * step.duration.as_secs_f64();
    let answered: u64 = step.batches.iter().map(|b| b.response.count() + b.errors).sum();
    step.valid && answered as f64 <= 1.01 * offered + 5.0 * step.arrivals_deviation()
}

/// Whether `step` failed while the cache was clearly colder than in the latest of `steps`: the stack may carry that
/// rate by now. What passed with a colder cache passes all the more with a warmer one.
pub(super) fn is_outdated(
    step: &StepResult,
    steps: &[StepResult],
    slo_limits: &[SloLimit],
) -> bool {
    let latest = steps.iter().rev().find(|step| step.valid).and_then(|step| step.hit_ratio);
    let warmed = step.hit_ratio.zip(latest).is_some_and(|(then, now)| now - then > RULES.warmed);
    warmed && !step.seems_within(slo_limits)
}

impl Level {
    /// What `steps` at one rate come to together, held against `slo_limits`.
    pub(super) fn of(steps: &[&StepResult], slo_limits: &[SloLimit]) -> Self {
        let batches: Vec<&Batch> = steps.iter().flat_map(|step| &step.batches).collect();
        let seconds: f64 = steps.iter().map(|step| step.duration.as_secs_f64()).sum();
        let offered: f64 =
            steps.iter().map(|step| step.offered.get() * step.duration.as_secs_f64()).sum();
        let size = batches.len().div_ceil(RULES.blocks).max(1);
        let blocks: Vec<BatchBlock> = batches.chunks(size).map(BatchBlock::of).collect();
        Self {
            rate: offered / seconds.max(1e-9),
            seconds,
            whole: Histogram::merged(blocks.iter().map(|block| &block.response)),
            blocks,
            errors: batches.iter().map(|batch| batch.errors).sum(),
            throttled: batches.iter().map(|batch| batch.throttled).sum(),
            overdriven: false,
            aborted: steps.iter().any(|step| step.aborted.is_some()),
            others: steps.iter().filter_map(|step| step.others).reduce(worst),
            by_limit: slo_limits
                .iter()
                .map(|slo_limit| (*slo_limit, Batch::verdict(&batches, slo_limit)))
                .collect(),
            dispersion: steps.iter().map(|step| step.dispersion).fold(1.0, f64::max),
        }
    }

    /// Whether it says something about the curve of response time over rate: a stack that does not keep
    /// up shows how long it was watched, not how slow it is.
    pub(super) fn is_steady(&self) -> bool {
        let offered = self.rate * self.seconds;
        let answered = (self.whole.count() + self.errors + self.throttled) as f64;
        !self.aborted
            && !self.is_throttled()
            && answered >= 0.98 * offered - 4.0 * (self.dispersion * offered).sqrt()
    }

    /// Whether it is steady, and its cores can keep it up.
    pub(super) fn keeps_up(&self) -> bool {
        self.is_steady() && !self.overdriven
    }

    /// Whether it looks better than it is: cores are overdriven, and the hold was too short to show it.
    pub(super) fn deceives(&self, value: f64, limit: f64) -> bool {
        self.overdriven && value <= limit
    }

    /// Whether an edge's rate limit answered more than 1 % of the requests.
    pub(super) fn is_throttled(&self) -> bool {
        self.throttled as f64 > 0.01 * (self.whole.count() + self.errors + self.throttled) as f64
    }

    /// The variance of the number of requests over its mean.
    pub(super) const fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// Requests that chance drew, per second: as many as were answered.
    pub(super) fn drawn(&self) -> f64 {
        (self.whole.count() + self.errors + self.throttled) as f64 / self.seconds
    }

    /// Requests answered with success per second.
    pub(super) fn achieved(&self) -> Rate {
        Rate::per_second(self.whole.count() as f64 / self.seconds)
    }

    /// The measured value of the SLO limit here, `None` for SLO limits that are not about time or with fewer
    /// than ten requests
    /// beyond the quantile's share.
    pub(super) fn reading(&self, slo_limit: &SloLimit) -> Option<LevelReading> {
        let enough = match slo_limit {
            SloLimit::Quantile { p, .. } => (1.0 - p.get()) * self.whole.count() as f64 >= 10.0,
            SloLimit::Mean { .. } => self.whole.count() >= 100,
            SloLimit::ErrorRate { .. } => false,
        };
        let value = slo_limit.measure(&self.whole);
        (enough && value > 0.0 && self.blocks.len() >= 4).then(|| self.scatter(slo_limit, value))
    }

    /// The standard error of ln(value), from the scatter of the blocks around the whole.
    fn scatter(&self, slo_limit: &SloLimit, value: f64) -> LevelReading {
        let (residuals, scale): (Vec<f64>, f64) = match slo_limit {
            SloLimit::Quantile { p, .. } => {
                let at = (value * 1e9) as u64;
                let tail = 1.0
                    - self.blocks.iter().map(|b| b.at_most(at)).sum::<u64>() as f64
                        / self.whole.count() as f64;
                let beyond = |block: &BatchBlock| {
                    (block.count() - block.at_most(at)) as f64 - tail * block.count() as f64
                };
                // The quantile function's slope turns an error of the share into one of the time.
                let reach = (1.0 - p.get()) / 2.0;
                let (low, high) =
                    (self.whole.quantile(p.get() - reach), self.whole.quantile(p.get() + reach));
                (self.blocks.iter().map(beyond).collect(), (high - low) / (2.0 * reach) / value)
            }
            SloLimit::Mean { .. } | SloLimit::ErrorRate { .. } => {
                let off = |block: &BatchBlock| match block.count() {
                    0 => 0.0,
                    count => (block.response.mean() - value) * count as f64,
                };
                (self.blocks.iter().map(off).collect(), 1.0 / value)
            }
        };
        let square: f64 = residuals.iter().map(|term| term * term).sum();
        let n = residuals.len() as f64;
        let independent = (square * n / (n - 1.0)).sqrt() * scale / self.whole.count() as f64;
        let log_scatter = independent.max(1e-4);
        LevelReading { value, log_error: log_scatter * dependence(&residuals).sqrt(), log_scatter }
    }

    /// Prepares resampling for `slo_limit`.
    pub(super) fn resampling(&self, slo_limit: &SloLimit) -> Resampling {
        let totals = self.blocks.iter().map(BatchBlock::count).collect();
        let table = match slo_limit {
            SloLimit::Quantile { p, .. } => {
                let cumulate = |time: &Nanos| {
                    self.blocks.iter().map(|block| block.at_most(time.get()) as u32).collect()
                };
                let times = self.whole.pairs().iter().map(|pair| &pair.0);
                let rows = times.map(|time| (time.as_secs_f64(), cumulate(time))).collect();
                ResamplingTable::Quantile { p: p.get(), rows }
            }
            SloLimit::Mean { .. } | SloLimit::ErrorRate { .. } => {
                let sum = |block: &BatchBlock| match block.count() {
                    0 => 0.0,
                    count => block.response.mean() * count as f64,
                };
                ResamplingTable::Mean { sums: self.blocks.iter().map(sum).collect() }
            }
        };
        Resampling { totals, table }
    }

    /// The verdict of this level's own data, over all SLO limits.
    pub(super) fn verdict(&self) -> StepVerdict {
        self.verdict_on(|_| true)
    }

    /// The same over the SLO limits that `counts`.
    pub(super) fn verdict_on(&self, counts: impl Fn(&SloLimit) -> bool) -> StepVerdict {
        if !self.keeps_up() {
            return StepVerdict::Fail;
        }
        let own = self
            .by_limit
            .iter()
            .filter(|(slo_limit, _)| counts(slo_limit))
            .map(|(_, verdict)| *verdict);
        own.chain(self.others).reduce(worst).unwrap_or(StepVerdict::Inconclusive)
    }

    /// Whether it fails by what was measured here, and not only because the cores cannot keep it up for long.
    pub(super) fn shows_failure(&self, slo_limits: &[SloLimit]) -> bool {
        let exceeds = |slo_limit: &SloLimit| {
            slo_limit.limit().is_some_and(|limit| self.exceeds(slo_limit, limit))
        };
        let measured = Self { overdriven: false, ..self.clone() };
        measured.verdict() == StepVerdict::Fail
            || (self.overdriven && slo_limits.iter().any(exceeds))
    }

    /// Whether the point estimates meet the SLO limits, certain or not; errors are judged by their share.
    pub(super) fn seems_within(&self, slo_limits: &[SloLimit]) -> bool {
        let failed = self.errors as f64 / (self.whole.count() + self.errors).max(1) as f64;
        self.keeps_up()
            && self.others != Some(StepVerdict::Fail)
            && slo_limits.iter().all(|slo_limit| match (slo_limit, slo_limit.limit()) {
                (SloLimit::ErrorRate { max }, _) => failed <= max.get(),
                (_, Some(limit)) => !self.exceeds(slo_limit, limit),
                (_, None) => true,
            })
    }

    fn exceeds(&self, slo_limit: &SloLimit, limit: f64) -> bool {
        slo_limit.measure(&self.whole) > limit
    }

    /// Whether it fails by response times of a stack that keeps up: the curve may know better.
    pub(super) fn fails_by_chance(&self, slo_limits: &[SloLimit]) -> bool {
        self.keeps_up() && !self.fails_abruptly(slo_limits)
    }

    /// Whether it fails for something else than response time, so that no curve can say where.
    pub(super) fn fails_abruptly(&self, slo_limits: &[SloLimit]) -> bool {
        let timed = slo_limits
            .iter()
            .any(|slo_limit| slo_limit.limit().is_some_and(|l| self.exceeds(slo_limit, l)));
        !timed && !self.aborted && !self.overdriven && !self.seems_within(slo_limits)
    }
}

/// Whether two rates lie less than `distance` apart, in logarithms.
pub(super) fn is_near(rate: f64, other: f64, distance: f64) -> bool {
    (rate / other).ln().abs() < distance
}

fn worst(a: StepVerdict, b: StepVerdict) -> StepVerdict {
    let rank = |verdict| match verdict {
        StepVerdict::Fail => 2,
        StepVerdict::Inconclusive => 1,
        StepVerdict::Pass => 0,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// By how much dependence widens the variance of a sum of `terms`: (1+r)/(1−r) for a first-order process
/// with correlation r of neighbours, whose estimate from n terms is (1+3r)/n too low (Kendall 1954).
fn dependence(terms: &[f64]) -> f64 {
    let square: f64 = terms.iter().map(|term| term * term).sum();
    let neighbours: f64 = terms.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let raw = if square > 0.0 { neighbours / square } else { 0.0 };
    let correlation = (raw + (1.0 + 3.0 * raw) / terms.len() as f64).clamp(0.0, 0.8);
    (1.0 + correlation) / (1.0 - correlation)
}

/// A level's blocks in the form in which they are resampled fast.
pub(super) struct Resampling {
    totals: Vec<u64>,
    table: ResamplingTable,
}

enum ResamplingTable {
    /// For each time, how many requests of each block took no longer.
    Quantile {
        p: f64,
        rows: Vec<(f64, Vec<u32>)>,
    },
    Mean {
        sums: Vec<f64>,
    },
}

impl Resampling {
    /// The measured value of the SLO limit in a resample of the blocks.
    pub(super) fn resampled(&self, random: &mut Pcg64Mcg) -> f64 {
        let n = self.totals.len();
        let mut times = vec![0_u64; n];
        for _ in 0..n {
            times[random.random_range(0..n)] += 1;
        }
        let total: u64 = self.totals.iter().zip(&times).map(|(count, times)| count * times).sum();
        match &self.table {
            ResamplingTable::Quantile { p, rows } => {
                let target = p * total as f64;
                let reached = |row: &(f64, Vec<u32>)| {
                    row.1.iter().zip(&times).map(|(at, times)| u64::from(*at) * times).sum::<u64>()
                };
                let index = rows.partition_point(|row| (reached(row) as f64) < target);
                rows[index.min(rows.len() - 1)].0
            }
            ResamplingTable::Mean { sums } => {
                let sum: f64 =
                    sums.iter().zip(&times).map(|(sum, times)| sum * *times as f64).sum();
                sum / total as f64
            }
        }
    }
}
