//! Turns a plan into intended start times.
//!
//! An open workload must not slow down because the target does. The schedule is therefore pure
//! arithmetic: it knows the stages and the seed, and nothing about responses or the clock.
//!
//! All arrivals form one sequence. Shards and workers each walk the whole sequence and keep their own
//! arrivals (every n-th), so any number of them together play exactly the same schedule, without
//! talking to each other. Walking costs some 20 ns an arrival.

use std::sync::Arc;

use rand_distr::{Distribution as _, Exp1};
use rand_pcg::Pcg64Mcg;

use crate::plan::{ArrivalLaw, OpenLoad, Recording, Shard, Stage};
use crate::units::{Nanos, RandomStream, RunTime, Seed};

/// The intended start of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number among all arrivals of the run, over all shards, from 0.
    pub index: u64,
    /// When it is due.
    pub intended: RunTime,
}

/// Yields arrivals in order of `intended`; the same stages and seed yield the same arrivals.
///
/// With Λ(t) the expected number of arrivals up to t, arrival n stands where Λ(t) equals the sum of the
/// first n gaps: exponential gaps of mean 1 make a Poisson process of rate Λ′(t), gaps of exactly 1 a
/// constant one (Çinlar, *Introduction to Stochastic Processes*, 1975, on time change). Recorded arrivals are
/// put back onto their Λ: under the stages that were made for them they stand at their recorded times, and a
/// changed rate moves them without changing their order or pattern.
#[derive(Debug, Clone)]
pub struct Schedule {
    law: GapLaw,
    stages: Vec<Stage>,
    shard: Shard,
    cursor: ScheduleCursor,
    /// An arrival that was looked at but not taken, with the cursor before it.
    ahead: Option<(ScheduleCursor, Arrival)>,
}

/// Where the walk stands: behind the last arrival.
#[derive(Debug, Clone)]
struct ScheduleCursor {
    gaps: Pcg64Mcg,
    stage: usize,
    stage_start: RunTime,
    /// How much of Λ of this stage is used up.
    used: f64,
    /// The gap to the next arrival, in units of Λ.
    gap: f64,
    next_index: u64,
}

impl Schedule {
    /// The schedule of `load` under `seed`; yields the arrivals of `shard` only.
    pub fn new(load: &OpenLoad, seed: Seed, shard: Shard) -> Self {
        let mut cursor = ScheduleCursor {
            gaps: seed.stream(RandomStream::Arrivals, 0),
            stage: 0,
            stage_start: RunTime::ZERO,
            used: 0.0,
            gap: 0.0,
            next_index: 0,
        };
        let law = GapLaw::new(load);
        cursor.gap = match law {
            // The first of equal gaps is halved, so that counts are right to half an arrival everywhere.
            GapLaw::Constant => 0.5,
            GapLaw::Poisson | GapLaw::Recorded(_) => cursor.draw_gap(&law),
        };
        Self { law, stages: load.stages.clone(), shard, cursor, ahead: None }
    }

    /// Part `index` of `count` equal parts of this schedule, for one of several workers.
    #[must_use]
    pub fn part(mut self, index: u32, count: u32) -> Self {
        self.shard = Shard {
            index: self.shard.index + self.shard.count * index,
            count: self.shard.count * count,
        };
        self
    }

    /// The next arrival, without taking it.
    pub fn peek(&mut self) -> Option<Arrival> {
        if self.ahead.is_none() {
            let before = self.cursor.clone();
            self.ahead = self.walk().map(|arrival| (before, arrival));
        }
        self.ahead.as_ref().map(|(_, arrival)| *arrival)
    }

    /// Takes the next arrival if it is due at `now`.
    pub fn next_due(&mut self, now: RunTime) -> Option<Arrival> {
        let arrival = self.peek()?;
        if arrival.intended > now {
            return None;
        }
        self.ahead = None;
        Some(arrival)
    }

    /// Replaces everything after `at` by `stages`. Arrivals up to `at` stay as they are, and since all
    /// parts of a schedule are changed alike, they still agree.
    pub fn reshape(&mut self, at: RunTime, stages: &[Stage]) {
        if let Some((before, _)) = self.ahead.take() {
            self.cursor = before;
        }
        let mut start = self.cursor.stage_start;
        let mut kept = self.cursor.stage;
        while let Some(stage) = self.stages.get(kept) {
            if start + stage.duration > at {
                break;
            }
            start = start + stage.duration;
            kept += 1;
        }
        if let Some(stage) = self.stages.get_mut(kept) {
            *stage = first_part(*stage, at.since(start));
            kept += 1;
        }
        self.stages.truncate(kept);
        self.stages.extend_from_slice(stages);
    }

    /// The next arrival of this shard.
    fn walk(&mut self) -> Option<Arrival> {
        loop {
            let arrival = self.cursor.step(&self.law, &self.stages)?;
            if arrival.index % u64::from(self.shard.count) == u64::from(self.shard.index) {
                return Some(arrival);
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        match self.ahead.take() {
            Some((_, arrival)) => Some(arrival),
            None => self.walk(),
        }
    }
}

/// How gaps come about, in units of Λ.
#[derive(Debug, Clone)]
enum GapLaw {
    Poisson,
    Constant,
    /// The gap before each arrival.
    Recorded(Arc<[f64]>),
}

impl GapLaw {
    fn new(load: &OpenLoad) -> Self {
        match &load.arrivals {
            ArrivalLaw::Poisson => Self::Poisson,
            ArrivalLaw::Constant => Self::Constant,
            ArrivalLaw::Recorded(recording) => {
                Self::Recorded(recorded_gaps(recording, &load.stages).into())
            }
        }
    }
}

/// Λ at each recorded time, less Λ at the one before. Rates of a recording hold within each stage.
fn recorded_gaps(recording: &Recording, stages: &[Stage]) -> Vec<f64> {
    let mut stages = stages.iter().copied().peekable();
    let (mut start, mut work, mut last) = (RunTime::ZERO, 0.0, 0.0);
    let mut gaps = Vec::with_capacity(recording.times.len());
    for &time in &recording.times {
        while let Some(stage) = stages.next_if(|stage| start + stage.duration <= time) {
            start = start + stage.duration;
            work += stage_work(&stage);
        }
        let rate = stages.peek().map_or(0.0, |stage| stage.from.get());
        let at = work + rate * time.since(start).as_secs_f64();
        gaps.push(at - last);
        last = at;
    }
    gaps
}

impl ScheduleCursor {
    fn draw_gap(&mut self, law: &GapLaw) -> f64 {
        match law {
            GapLaw::Constant => 1.0,
            GapLaw::Poisson => Exp1.sample(&mut self.gaps),
            // Behind the last one comes nothing any more.
            GapLaw::Recorded(gaps) => gaps.get(self.drawn()).copied().unwrap_or(f64::INFINITY),
        }
    }

    /// How many gaps have been drawn: one for each arrival so far.
    const fn drawn(&self) -> usize {
        self.next_index as usize
    }

    /// The next arrival of all shards.
    fn step(&mut self, law: &GapLaw, stages: &[Stage]) -> Option<Arrival> {
        loop {
            let stage = stages.get(self.stage)?;
            let wanted = self.used + self.gap;
            let whole = stage_work(stage);
            if wanted < whole {
                let offset = time_of_work(stage, wanted);
                self.used = wanted;
                let index = self.next_index;
                self.next_index += 1;
                self.gap = self.draw_gap(law);
                return Some(Arrival { index, intended: self.stage_start + offset });
            }
            // Rounding must not leave less than nothing to go.
            self.gap = (wanted - whole).max(0.0);
            self.used = 0.0;
            self.stage_start = self.stage_start + stage.duration;
            self.stage += 1;
        }
    }
}

/// Expected arrivals of a whole stage: the area of a trapezium.
fn stage_work(stage: &Stage) -> f64 {
    f64::midpoint(stage.from.get(), stage.to.get()) * stage.duration.as_secs_f64()
}

/// When `work` arrivals are expected to have happened: t = 2w / (r₀ + √(r₀² + 2sw)) with slope s; this form
/// of the quadratic's root stays exact where the slope is small or zero.
fn time_of_work(stage: &Stage, work: f64) -> Nanos {
    let from = stage.from.get();
    let slope = (stage.to.get() - from) / stage.duration.as_secs_f64();
    let root = (from * from + 2.0 * slope * work).max(0.0).sqrt();
    let seconds = if work > 0.0 { 2.0 * work / (from + root) } else { 0.0 };
    Nanos::from_secs_f64(seconds).min(stage.duration)
}

/// The first `span` of a stage.
fn first_part(stage: Stage, span: Nanos) -> Stage {
    let share = (span.as_secs_f64() / stage.duration.as_secs_f64()).min(1.0);
    let reached = stage.from.get() + (stage.to.get() - stage.from.get()) * share;
    Stage { to: crate::units::Rate::per_second(reached), duration: span, ..stage }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::ScenarioId;
    use crate::units::Rate;

    fn stage(from: f64, to: f64, seconds: u64) -> Stage {
        Stage {
            from: Rate::per_second(from),
            to: Rate::per_second(to),
            duration: Nanos::from_secs(seconds),
            judged: true,
        }
    }

    fn load(arrivals: ArrivalLaw, stages: Vec<Stage>) -> OpenLoad {
        OpenLoad { arrivals, stages, max_vus: 1 }
    }

    fn all(load: &OpenLoad, seed: u64, shard: Shard) -> Vec<Arrival> {
        Schedule::new(load, Seed::new(seed), shard).collect()
    }

    #[test]
    fn constant_stage_has_equal_gaps_and_the_exact_count() {
        let arrivals =
            all(&load(ArrivalLaw::Constant, vec![stage(50.0, 50.0, 4)]), 1, Shard::WHOLE);
        assert_eq!(arrivals.len(), 200);
        assert_eq!(arrivals[0].intended, RunTime::ZERO + Nanos::from_millis(10));
        let gaps = arrivals.windows(2).map(|pair| pair[1].intended.since(pair[0].intended));
        assert!(gaps.into_iter().all(|gap| gap.get().abs_diff(20_000_000) <= 1));
    }

    #[test]
    fn ramp_counts_the_area_under_the_rate() {
        let ramp = load(ArrivalLaw::Constant, vec![stage(0.0, 100.0, 10), stage(100.0, 0.0, 10)]);
        let arrivals = all(&ramp, 1, Shard::WHOLE);
        assert_eq!(arrivals.len(), 1_000);
        // Half of the first ramp's time holds a quarter of its arrivals.
        let early = arrivals.iter().filter(|a| a.intended.as_secs_f64() < 5.0).count();
        assert_eq!(early, 125);
    }

    /// Goal: prove that Poisson arrivals have the right mean and variance. Count over 10,000 windows of
    /// 1 s at 20/s: mean and variance are both 20; their standard errors are 0.045 and 0.29.
    #[test]
    fn poisson_counts_have_equal_mean_and_variance() {
        let arrivals =
            all(&load(ArrivalLaw::Poisson, vec![stage(20.0, 20.0, 10_000)]), 7, Shard::WHOLE);
        let mut counts = vec![0.0_f64; 10_000];
        for arrival in &arrivals {
            counts[arrival.intended.as_secs_f64() as usize] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / 1e4;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 1e4;
        assert!((mean - 20.0).abs() < 0.2, "{mean}");
        assert!((variance - 20.0).abs() < 1.2, "{variance}");
    }

    #[test]
    fn reshape_keeps_the_past_and_changes_the_future() {
        let steady = load(ArrivalLaw::Poisson, vec![stage(100.0, 100.0, 10)]);
        let before = all(&steady, 3, Shard::WHOLE);
        let mut schedule = Schedule::new(&steady, Seed::new(3), Shard::WHOLE);
        let at = RunTime::ZERO + Nanos::from_secs(4);
        schedule.reshape(at, &[stage(400.0, 400.0, 6)]);
        let after: Vec<_> = schedule.collect();
        let past = before.iter().filter(|a| a.intended <= at).count();
        assert_eq!(before[..past], after[..past]);
        let future = after.len() - past;
        assert!((2_200..2_600).contains(&future), "{future} arrivals in 6 s at 400/s");
    }

    fn recording(millis: &[u64]) -> OpenLoad {
        let times: Box<[RunTime]> =
            millis.iter().map(|&ms| RunTime::ZERO + Nanos::from_millis(ms)).collect();
        let (stages, scenarios) = (Stage::of_recording(&times), vec![ScenarioId(0); times.len()]);
        let recording = Recording { times, scenarios: scenarios.into() };
        load(ArrivalLaw::Recorded(Arc::new(recording)), stages)
    }

    #[test]
    fn recorded_arrivals_pause_and_quicken_with_their_rate() {
        let recorded = recording(&[0, 1_000, 2_000, 3_000, 4_000]);
        let mut schedule = Schedule::new(&recorded, Seed::new(1), Shard::WHOLE);
        let rest: Vec<Stage> = recorded
            .stages
            .iter()
            .map(|s| Stage {
                from: s.from.times(2.0),
                to: s.to.times(2.0),
                duration: s.duration,
                ..*s
            })
            .collect();
        let at = RunTime::ZERO + Nanos::from_millis(1_500);
        schedule.reshape(at, &rest);
        let seconds: Vec<f64> = schedule.map(|arrival| arrival.intended.as_secs_f64()).collect();
        assert_eq!(seconds.len(), 5);
        for (found, expected) in seconds.iter().zip([0.0, 1.0, 1.75, 2.25]) {
            assert!((found - expected).abs() < 1e-6, "{seconds:?}");
        }
    }

    proptest! {
        /// Goal: prove that a replay starts each arrival when it was recorded, whatever the gaps, and that
        /// workers share it without loss.
        #[test]
        fn recorded_arrivals_stand_at_their_times(
            mut millis in prop::collection::vec(0_u64..100_000, 1..300), workers in 1_u32..4,
        ) {
            millis.sort_unstable();
            let recorded = recording(&millis);
            let mut found: Vec<_> = (0..workers)
                .flat_map(|w| Schedule::new(&recorded, Seed::new(1), Shard::WHOLE).part(w, workers))
                .collect();
            found.sort_by_key(|arrival| arrival.index);
            prop_assert_eq!(found.len(), millis.len());
            for (arrival, &expected) in found.iter().zip(&millis) {
                let off = arrival.intended.get().abs_diff(expected * 1_000_000);
                prop_assert!(off < 1_000, "{} ns off at {} ms", off, expected);
            }
        }

        #[test]
        fn shards_together_are_the_whole(
            seed in any::<u64>(), count in 1_u32..6, from in 0.0..200.0, to in 0.0..200.0,
        ) {
            let ramp = load(ArrivalLaw::Poisson, vec![stage(from, to, 3), stage(to, to, 2)]);
            let whole = all(&ramp, seed, Shard::WHOLE);
            let mut merged: Vec<_> =
                (0..count).flat_map(|index| all(&ramp, seed, Shard { index, count })).collect();
            merged.sort_by_key(|arrival| arrival.index);
            prop_assert_eq!(&whole, &merged);
            prop_assert!(whole.windows(2).all(|pair| pair[0].intended <= pair[1].intended));
        }

        #[test]
        fn workers_split_a_shard_without_loss(seed in any::<u64>(), workers in 1_u32..5) {
            let steady = load(ArrivalLaw::Poisson, vec![stage(90.0, 90.0, 3)]);
            let shard = Shard { index: 1, count: 3 };
            let mut merged: Vec<_> = (0..workers)
                .flat_map(|w| Schedule::new(&steady, Seed::new(seed), shard).part(w, workers))
                .collect();
            merged.sort_by_key(|arrival| arrival.index);
            prop_assert_eq!(all(&steady, seed, shard), merged);
        }
    }
}
