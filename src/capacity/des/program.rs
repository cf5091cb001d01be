//! A request's way through the stack as a short program, so that every kind of waiting is one rule.

use super::meter::GaugeKind;
use super::stack::{ServiceWork, SimulatedServiceTime, SimulatedTier};

/// A resource of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResourceKind {
    Cores,
    External,
    Pool,
    Lock,
}

impl ResourceKind {
    pub(super) fn gauge(self) -> GaugeKind {
        match self {
            Self::Cores => GaugeKind::Cores,
            Self::Pool => GaugeKind::Connections,
            Self::External | Self::Lock => GaugeKind::Other,
        }
    }
}

/// One move of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum VisitMove {
    /// Goes on with probability `share`, otherwise to `to`.
    Pass {
        share: f64,
        to: u32,
    },
    Enter(usize),
    Hold(usize, ResourceKind),
    Work(SimulatedServiceTime),
    Release(usize, ResourceKind),
    Leave(usize),
}

/// Tier after tier on the way in; pools and places are given back on the way out.
pub(super) fn compile(tiers: &[SimulatedTier]) -> Vec<VisitMove> {
    let mut ops = Vec::new();
    let mut back = Vec::new();
    for (index, tier) in tiers.iter().enumerate() {
        // A tier that some requests pass by is left before the next is called.
        let skipped = tier.share < 1.0;
        let pass = ops.len();
        if skipped {
            ops.push(VisitMove::Pass { share: tier.share, to: 0 });
        }
        ops.push(VisitMove::Enter(index));
        match tier.work {
            ServiceWork::Cores(_) => ops.extend(guarded(index, ResourceKind::Cores, tier.service)),
            ServiceWork::External(Some(_)) => {
                ops.extend(guarded(index, ResourceKind::External, tier.service));
            }
            ServiceWork::External(None) => ops.push(VisitMove::Work(tier.service)),
        }
        if let Some(law) = tier.lock {
            ops.extend(guarded(index, ResourceKind::Lock, law));
        }
        if skipped {
            ops.push(VisitMove::Leave(index));
            let to = ops.len() as u32;
            ops[pass] = VisitMove::Pass { share: tier.share, to };
            continue;
        }
        back.push(VisitMove::Leave(index));
        if tier.pool.is_some() {
            ops.push(VisitMove::Hold(index, ResourceKind::Pool));
            back.push(VisitMove::Release(index, ResourceKind::Pool));
        }
    }
    back.reverse();
    ops.extend(back);
    ops
}

fn guarded(tier: usize, slot: ResourceKind, law: SimulatedServiceTime) -> [VisitMove; 3] {
    [VisitMove::Hold(tier, slot), VisitMove::Work(law), VisitMove::Release(tier, slot)]
}
