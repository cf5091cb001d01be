//! Which arrivals are whose: shards and their workers take parts of one whole without talking to each other.

use super::binomial::halve;
use plimsoll_plan::Shard;
use plimsoll_units::Seed;

/// The part of all arrivals that one worker of one shard plays.
///
/// Every arrival of a Poisson process bears a mark, uniform between 0 and 1 and independent of its time and of all
/// others. A part owns the marks of an interval: parts of a Poisson process are then Poisson processes themselves,
/// independent of each other (J. Kingman, *Poisson Processes*, 1993, §5.1), so that their union stays one even if they
/// start at different times. Every n-th arrival would not do: its gaps are sums of n (Erlang), and shards that start
/// apart would add up to something smoother.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deal {
    shard: Shard,
    /// This worker of so many.
    worker: (u32, u32),
    /// Marks from here, in units of 2⁻⁶².
    from: u64,
    /// Marks below this one.
    until: u64,
}

/// The units of marks: 2⁶² of them, so that the nodes of a tree over them have numbers of 63 bits.
const BITS: u32 = 62;
const ALL: u64 = 1 << BITS;

impl Deal {
    /// What `worker.0` of `worker.1` workers of `shard` plays.
    pub(super) fn new(shard: Shard, worker: (u32, u32)) -> Self {
        let (index, count) = worker;
        let parts = u128::from(shard.count) * u128::from(count);
        let ours = u128::from(shard.index) * u128::from(count) + u128::from(index);
        // A shard's bounds are the same fractions whatever its number of workers, and rounded alike.
        let bound = |part: u128| (part * u128::from(ALL) / parts) as u64;
        Self { shard, worker, from: bound(ours), until: bound(ours + 1) }
    }

    pub(super) const fn shard(&self) -> Shard {
        self.shard
    }

    /// Of `count` arrivals that are in order of their marks, those that are ours: from the first up to the second.
    ///
    /// How many marks lie below a bound is found by halving: of n marks in an interval, a binomial number lies in its
    /// lower half. So a part costs what it holds, and a logarithm of the rest.
    pub(super) fn range(&self, seed: Seed, count: u64) -> (u64, u64) {
        (rank(seed, count, self.from), rank(seed, count, self.until))
    }

    /// Whether the `index`-th arrival is ours, where each is dealt by a coin of its own.
    pub(super) const fn has(&self, seed: Seed, index: u64) -> bool {
        let mark = seed.bits(index) >> (64 - BITS);
        self.from <= mark && mark < self.until
    }

    /// Where every n-th arrival is ours: the first, and n.
    pub(super) fn every(&self) -> (u64, u64) {
        let (index, count) = self.worker;
        let first = u64::from(self.shard.index) + u64::from(self.shard.count) * u64::from(index);
        (first, u64::from(self.shard.count) * u64::from(count))
    }
}

/// How many of `count` marks are below `bound`.
fn rank(seed: Seed, count: u64, bound: u64) -> u64 {
    if bound >= ALL {
        return count;
    }
    let (mut below, mut left, mut node) = (0, count, 1_u64);
    // Bound's binary digits, the first one on top: each tells in which half of the interval it lies.
    let mut digits = bound << (64 - BITS);
    while left > 0 && digits != 0 {
        let lower = halve(left, seed, node);
        let is_above = digits >> 63;
        if is_above == 1 {
            below += lower;
            left -= lower;
        } else {
            left = lower;
        }
        node = node << 1 | is_above;
        digits <<= 1;
    }
    below
}
