//! The seed of a run and the independent random streams drawn from it.

use std::fmt;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// Everything random in a run follows from this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

/// What a random stream is for. Each purpose draws from its own, so adding think time does not move arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum RandomStream {
    /// When arrivals come.
    Arrivals = 1,
    /// The order in which choices are dealt out to the arrivals of a stage: scenarios first of all.
    Turns = 2,
    /// Chance inside one iteration: think times, template functions, choices beyond the first.
    Iteration = 3,
    /// The order of shuffled data.
    Shuffle = 4,
    /// Rows drawn for one iteration.
    Rows = 5,
    /// Correlation identifiers.
    Correlation = 6,
    /// Resampling in statistics.
    Bootstrap = 7,
    /// The simulator's service times.
    Simulator = 8,
    /// Which of two targets an arrival goes to.
    Split = 9,
    /// Which shard and worker an arrival is dealt to, where each has its own coin.
    Deal = 10,
    /// Keys and masks of `WebSockets`.
    WebSocket = 11,
    /// Waits between the attempts at requests of one iteration.
    Retry = 12,
}

impl Seed {
    /// The seed `value`.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number that the user gives to repeat the run.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// A generator for `purpose` and, within it, the `index`-th thing (a user, an arrival, a row).
    pub fn stream(self, purpose: RandomStream, index: u64) -> Pcg64Mcg {
        self.derive(purpose, index).generator()
    }

    /// A seed of its own for `purpose` and, within it, the `index`-th thing.
    #[must_use]
    pub const fn derive(self, purpose: RandomStream, index: u64) -> Self {
        Self(mix(mix(self.0 ^ mix(purpose as u64)) ^ index))
    }

    /// A generator that begins with this seed.
    pub fn generator(self) -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(self.0)
    }

    /// The `index`-th 64 bits of this seed, of which none has to be drawn before another (the sequence of
    /// SplitMix64; Steele, Lea, Flood 2014). Only for a seed that was derived: those that people give are neighbours.
    pub const fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(GOLDEN)))
    }

    /// One number in [0, 1) for `purpose` and the `index`-th thing, where a whole stream would be wasted.
    pub fn uniform(self, purpose: RandomStream, index: u64) -> f64 {
        let mixed = self.derive(purpose, index);
        // 53 bits are what a double holds.
        (mixed.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finalizer (Steele, Lea, Flood 2014): neighbouring inputs become unrelated outputs.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
