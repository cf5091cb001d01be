//! Turns a plan into intended start times.
//!
//! An open workload must not slow down because the target does. The schedule is therefore pure
//! arithmetic: it knows the stages and the seed, and nothing about responses or the clock.
//!
//! Shards and workers each find their own arrivals without walking those of the others and without talking to them
//! (`deal`), and any number of them together play the same arrivals.

mod arrival;
mod binomial;
mod cells;
mod deal;
mod intensity;
mod positions;

use rand_distr::Distribution as _;

pub use arrival::Arrival;

use plimsoll_plan::{ArrivalLaw, OpenLoad, Shard, Stage};
use plimsoll_units::{RandomStream, RunTime, Seed};

use cells::{Counted, Poisson};
use deal::Deal;
use positions::{GapLaw, Positions};

/// Yields arrivals in order of `intended`; the same stages and seed yield the same arrivals.
///
/// Λ(t) is the expected number of arrivals up to t. Constant arrivals stand at equal distances in Λ, Poisson arrivals
/// independently and uniformly, as many in each stage as it lets expect (Çinlar, *Introduction to Stochastic
/// Processes*, 1975, on time change). Recorded arrivals are put back onto their Λ: under the stages that were made for
/// them they stand at their recorded times, and a changed rate moves them without changing their order or pattern.
#[derive(Debug, Clone)]
pub struct Schedule {
    walk: Walk,
    law: ArrivalLaw,
    seed: Seed,
    deal: Deal,
    /// The next arrival, if it was looked at.
    ahead: Option<Arrival>,
}

/// How arrivals are found.
#[derive(Debug, Clone)]
enum Walk {
    Poisson(Poisson),
    Positions(Positions),
}

impl Schedule {
    /// The schedule of `load` under `seed`; yields the arrivals of `shard` only.
    pub fn new(load: &OpenLoad, seed: Seed, shard: Shard) -> Self {
        Self::of_stages(&load.arrivals, &load.stages, seed, shard)
    }

    /// The schedule of `stages` under `law` and `seed`; yields the arrivals of `shard` only.
    pub fn of_stages(law: &ArrivalLaw, stages: &[Stage], seed: Seed, shard: Shard) -> Self {
        let walk = match law {
            ArrivalLaw::Poisson | ArrivalLaw::Exponential => {
                Walk::Poisson(Poisson::new(counted(law, stages, (RunTime::ZERO, 0), seed)))
            }
            ArrivalLaw::Constant => Walk::Positions(Positions::new(GapLaw::Even, stages, seed)),
            ArrivalLaw::Recorded(recording) => {
                let law = GapLaw::of_recording(recording, stages);
                Walk::Positions(Positions::new(law, stages, seed))
            }
        };
        Self { walk, law: law.clone(), seed, deal: Deal::new(shard, (0, 1)), ahead: None }
    }

    /// Part `index` of `count` of this schedule, for one of several workers.
    #[must_use]
    pub fn part(self, index: u32, count: u32) -> Self {
        Self { deal: Deal::new(self.deal.shard(), (index, count)), ..self }
    }

    /// How many arrivals of all shards come before `at`; found without walking them.
    pub fn count_before(&self, at: RunTime) -> u64 {
        match &self.walk {
            Walk::Poisson(poisson) => {
                let stages = poisson.stages().iter().filter(|stage| stage.start < at);
                stages.map(|stage| stage.count_before(at)).sum()
            }
            Walk::Positions(positions) => positions.count_before(at),
        }
    }

    /// The next arrival, without taking it.
    pub fn peek(&mut self) -> Option<Arrival> {
        if self.ahead.is_none() {
            self.ahead = match &mut self.walk {
                Walk::Poisson(poisson) => poisson.peek(&self.deal),
                Walk::Positions(positions) => positions.peek(&self.deal),
            };
        }
        self.ahead
    }

    /// Takes the next arrival if it is due at `now`.
    pub fn next_due(&mut self, now: RunTime) -> Option<Arrival> {
        let arrival = self.peek()?;
        if arrival.intended > now {
            return None;
        }
        self.take();
        Some(arrival)
    }

    /// Replaces everything after `at` by `stages`. Arrivals up to `at` stay as they are, and since all
    /// parts of a schedule are changed alike, they still agree.
    pub fn reshape(&mut self, at: RunTime, stages: &[Stage]) {
        self.ahead = None;
        match &mut self.walk {
            Walk::Poisson(poisson) => {
                let known = poisson.stages();
                let kept = known.iter().take_while(|stage| stage.end() <= at).count();
                let (start, first) = match (known.get(kept), known.last()) {
                    (Some(cut), _) => (at, cut.first_behind(at)),
                    (None, Some(last)) => (last.end(), last.first + last.count),
                    (None, None) => (RunTime::ZERO, 0),
                };
                let stages = counted(&self.law, stages, (start, first), self.seed);
                poisson.replace(at, kept, stages);
            }
            Walk::Positions(positions) => positions.replace(at, stages),
        }
    }

    /// Passes over all arrivals that are still to come. Returns how many of them are ours, without walking them; of
    /// more than some hundred million, how many a part has is chance, and all parts together have them all.
    pub fn pass_over(&mut self) -> u64 {
        self.ahead = None;
        match &mut self.walk {
            Walk::Poisson(poisson) => poisson.pass_over(&self.deal),
            Walk::Positions(positions) => positions.pass_over(&self.deal),
        }
    }

    fn take(&mut self) {
        self.ahead = None;
        match &mut self.walk {
            Walk::Poisson(poisson) => poisson.take(),
            Walk::Positions(positions) => positions.take(&self.deal),
        }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let arrival = self.peek()?;
        self.take();
        Some(arrival)
    }
}

/// The stages from `start` on with their counts, of which the first is the number of the first arrival.
///
/// A stage has as many arrivals as it lets expect, rounded so that they are right to half an arrival over all stages
/// up to any; with exponential gaps that number is the mean of a Poisson draw.
fn counted(
    law: &ArrivalLaw,
    stages: &[Stage],
    (mut start, mut first): (RunTime, u64),
    seed: Seed,
) -> Vec<Counted> {
    let mut expected = 0.0_f64;
    let mut count_of = |stage: &Stage, start: RunTime| {
        let before = expected.round();
        let work = intensity::work(stage);
        expected += work;
        if *law != ArrivalLaw::Exponential {
            return (expected.round() - before) as u64;
        }
        let mut chance =
            seed.derive(RandomStream::Arrivals, start.get()).stream(RandomStream::Arrivals, 0);
        // No law of a mean that is zero: nothing comes.
        rand_distr::Poisson::new(work).map_or(0, |law| law.sample(&mut chance) as u64)
    };
    let mut found = vec![];
    for stage in stages {
        let count = count_of(stage, start);
        found.push(Counted::new(*stage, start, (first, count), seed));
        start = start + stage.duration;
        first += count;
    }
    found
}

#[cfg(test)]
mod tests;
