//! A request's way through the stack as a short program, so that every kind of waiting is one rule.

use super::meter::Gauge;
use super::stack::{Law, SimTier, Work};

/// A resource of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Cores,
    External,
    Pool,
    Lock,
}

impl Slot {
    pub(super) fn gauge(self) -> Gauge {
        match self {
            Self::Cores => Gauge::Cores,
            Self::Pool => Gauge::Connections,
            Self::External | Self::Lock => Gauge::Other,
        }
    }
}

/// One move of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Op {
    /// Goes on with probability `share`, otherwise to `to`.
    Pass {
        share: f64,
        to: u32,
    },
    Enter(usize),
    Hold(usize, Slot),
    Work(Law),
    Release(usize, Slot),
    Leave(usize),
}

/// Tier after tier on the way in; pools and places are given back on the way out.
pub(super) fn compile(tiers: &[SimTier]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut back = Vec::new();
    for (index, tier) in tiers.iter().enumerate() {
        // A tier that some requests pass by is left before the next is called.
        let skipped = tier.share < 1.0;
        let pass = ops.len();
        if skipped {
            ops.push(Op::Pass { share: tier.share, to: 0 });
        }
        ops.push(Op::Enter(index));
        match tier.work {
            Work::Cores(_) => ops.extend(guarded(index, Slot::Cores, tier.service)),
            Work::External(Some(_)) => ops.extend(guarded(index, Slot::External, tier.service)),
            Work::External(None) => ops.push(Op::Work(tier.service)),
        }
        if let Some(law) = tier.lock {
            ops.extend(guarded(index, Slot::Lock, law));
        }
        if skipped {
            ops.push(Op::Leave(index));
            let to = ops.len() as u32;
            ops[pass] = Op::Pass { share: tier.share, to };
            continue;
        }
        back.push(Op::Leave(index));
        if tier.pool.is_some() {
            ops.push(Op::Hold(index, Slot::Pool));
            back.push(Op::Release(index, Slot::Pool));
        }
    }
    back.reverse();
    ops.extend(back);
    ops
}

fn guarded(tier: usize, slot: Slot, law: Law) -> [Op; 3] {
    [Op::Hold(tier, slot), Op::Work(law), Op::Release(tier, slot)]
}
