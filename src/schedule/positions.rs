//! Arrivals whose places in Λ are known beforehand: equally far apart, or as they were recorded.

use std::sync::Arc;

use super::arrival::Arrival;
use super::deal::Deal;
use super::intensity;
use plimsoll_plan::{Recording, Stage};
use plimsoll_units::{RandomStream, RunTime, Seed};

/// Where the arrivals stand in Λ.
#[derive(Debug, Clone)]
pub(super) enum GapLaw {
    /// One at every whole number and a half, so that counts are right to half an arrival everywhere.
    Even,
    /// In order, one an arrival. Each is dealt by a coin of its own.
    Recorded(Arc<[f64]>),
}

impl GapLaw {
    pub(super) fn of_recording(recording: &Recording, stages: &[Stage]) -> Self {
        Self::Recorded(recorded(recording, stages).into())
    }

    fn position(&self, index: u64) -> f64 {
        match self {
            Self::Even => index as f64 + 0.5,
            // Behind the last one comes nothing any more.
            Self::Recorded(places) => places.get(index as usize).copied().unwrap_or(f64::INFINITY),
        }
    }

    /// How many arrivals stand before `work`.
    fn count_before(&self, work: f64) -> u64 {
        match self {
            Self::Even => (work - 0.5).ceil().max(0.0) as u64,
            Self::Recorded(places) => places.partition_point(|&place| place < work) as u64,
        }
    }
}

/// Λ at each recorded time. Rates of a recording hold within each stage.
fn recorded(recording: &Recording, stages: &[Stage]) -> Vec<f64> {
    let mut stages = stages.iter().copied().peekable();
    let (mut start, mut before) = (RunTime::ZERO, 0.0);
    let place = |&time: &RunTime| {
        while let Some(stage) = stages.next_if(|stage| start + stage.duration <= time) {
            start = start + stage.duration;
            before += intensity::work(&stage);
        }
        let rate = stages.peek().map_or(0.0, |stage| stage.from.get());
        before + rate * time.since(start).as_secs_f64()
    };
    recording.times.iter().map(place).collect()
}

/// A stage, and Λ where it begins.
#[derive(Debug, Clone, Copy)]
struct Placed {
    stage: Stage,
    start: RunTime,
    before: f64,
    work: f64,
}

/// The arrivals of one part.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    law: GapLaw,
    seed: Seed,
    stages: Vec<Placed>,
    /// The stage that is being walked.
    stage: usize,
    /// The next arrival of ours, once it has been looked for.
    next: Option<u64>,
}

impl Positions {
    pub(super) fn new(law: GapLaw, stages: &[Stage], seed: Seed) -> Self {
        let seed = seed.derive(RandomStream::Deal, 0);
        let mut positions = Self { law, seed, stages: vec![], stage: 0, next: None };
        positions.append(stages, RunTime::ZERO);
        positions
    }

    fn append(&mut self, stages: &[Stage], mut start: RunTime) {
        let mut before = self.stages.last().map_or(0.0, |last| last.before + last.work);
        for &stage in stages {
            let work = intensity::work(&stage);
            self.stages.push(Placed { stage, start, before, work });
            start = start + stage.duration;
            before += work;
        }
    }

    /// How many arrivals of all parts come before `at`.
    pub(super) fn count_before(&self, at: RunTime) -> u64 {
        let Some(placed) = self.stages.iter().rev().find(|placed| placed.start < at) else {
            return 0;
        };
        let span = at.since(placed.start);
        let mut count =
            self.law.count_before(placed.before + intensity::work_until(&placed.stage, span));
        // What stands at the end of the last stage or behind it does not come.
        let end = self.stages.last().map_or(0.0, |last| last.before + last.work);
        let all = self.law.count_before(end);
        count = count.min(all);
        // Rounding may have put an arrival on the other side.
        while count > 0 && self.time_of(count - 1) >= at {
            count -= 1;
        }
        while count < all && self.time_of(count) < at {
            count += 1;
        }
        count
    }

    fn time_of(&self, index: u64) -> RunTime {
        let position = self.law.position(index);
        let at = self.stages.partition_point(|placed| placed.before + placed.work <= position);
        self.stages.get(at).map_or(RunTime::NEVER, |placed| placed.time_of(position))
    }

    /// The next arrival, without taking it.
    pub(super) fn peek(&mut self, deal: &Deal) -> Option<Arrival> {
        let index = match self.next {
            Some(index) => index,
            None => *self.next.insert(self.ours_from(0, deal)),
        };
        let position = self.law.position(index);
        loop {
            let placed = self.stages.get(self.stage)?;
            if position < placed.before + placed.work {
                let first = self.law.count_before(placed.before);
                let of = self.law.count_before(placed.before + placed.work) - first;
                let intended = placed.time_of(position);
                return Some(Arrival { index, intended, nth: index.saturating_sub(first), of });
            }
            self.stage += 1;
        }
    }

    /// Takes the arrival that was looked at.
    pub(super) fn take(&mut self, deal: &Deal) {
        if let Some(index) = self.next {
            self.next = Some(match self.law {
                GapLaw::Even => index + deal.every().1,
                GapLaw::Recorded(_) => self.ours_from(index + 1, deal),
            });
        }
    }

    /// The first arrival of ours from the `index`-th on.
    fn ours_from(&self, index: u64, deal: &Deal) -> u64 {
        match &self.law {
            GapLaw::Even => deal.every().0,
            GapLaw::Recorded(places) => (index..places.len() as u64)
                .find(|&index| deal.has(self.seed, index))
                .unwrap_or(places.len() as u64),
        }
    }

    /// Passes over all that are still to come. Returns how many of them are ours.
    pub(super) fn pass_over(&mut self, deal: &Deal) -> u64 {
        let end = self.stages.last().map_or(0.0, |last| last.before + last.work);
        let all = self.law.count_before(end);
        let next = self.next.unwrap_or_else(|| self.ours_from(0, deal));
        self.next = Some(u64::MAX);
        match self.law {
            GapLaw::Even => all.saturating_sub(next).div_ceil(deal.every().1),
            GapLaw::Recorded(_) => {
                (next..all).filter(|&index| deal.has(self.seed, index)).count() as u64
            }
        }
    }

    /// Puts others in the place of what stands behind `at`.
    pub(super) fn replace(&mut self, at: RunTime, stages: &[Stage]) {
        let end = |placed: &Placed| placed.start + placed.stage.duration;
        let kept = self.stages.iter().take_while(|placed| end(placed) <= at).count();
        let mut start = self.stages.last().map_or(RunTime::ZERO, end);
        if let Some(placed) = self.stages.get_mut(kept) {
            placed.stage = intensity::first_part(placed.stage, at.since(placed.start));
            placed.work = intensity::work(&placed.stage);
            start = at;
        }
        self.stages.truncate(kept + 1);
        self.append(stages, start);
        self.stage = self.stage.min(kept);
    }
}

impl Placed {
    fn time_of(&self, position: f64) -> RunTime {
        self.start + intensity::time_of_work(&self.stage, position - self.before)
    }
}
