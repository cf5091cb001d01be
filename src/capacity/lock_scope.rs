//! Who shares a lock, told by an experiment: the same stack measured with other replicas.
//!
//! Measured with one number of replicas nobody can tell whether each replica has a lock of its own. With another number
//! the two answers lie far apart: a shared lock carries what it did, own ones as many times as much as there are replicas.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{CapacityModel, SerialResource};
use super::notes::LoggedSearch;
use super::stack::{LockScope, StackModel};
use plimsoll_units::Rate;

/// What a search with other replicas tells of a lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockFinding {
    /// The tier whose requests wait for it.
    pub tier: String,
    /// Who shares it.
    pub scope: LockScope,
    /// What the stack file says, if it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<LockScope>,
    /// Replicas while the lock was found, and then.
    pub replicas: [u32; 2],
    /// What was carried then, requests per second.
    pub measured_per_s: f64,
    /// What a lock that all replicas share would have carried.
    pub shared_per_s: f64,
    /// What locks of their own would have carried.
    pub own_per_s: f64,
}

/// The answers must lie this far apart, as a ratio …
const APART: f64 = 1.1;
/// … and what was measured at most this share of the way from one of them to the other.
const NEAR: f64 = 1.0 / 3.0;

impl LockFinding {
    /// What `checks`, searches of the same stack with other replicas, tell of the lock that `model` found; the last one
    /// that tells anything decides. `None` without a lock, or where nothing tells.
    pub fn of(model: &CapacityModel, stack: &StackModel, checks: &[LoggedSearch]) -> Option<Self> {
        let serial = model.serial?;
        checks.iter().rev().find_map(|check| Self::of_check(model, (stack, serial), check))
    }

    fn of_check(
        model: &CapacityModel,
        (stack, serial): (&StackModel, SerialResource),
        check: &LoggedSearch,
    ) -> Option<Self> {
        let deployment = check.note.stack.present();
        if deployment.len() != stack.tiers.len() {
            return None;
        }
        // Where nothing observed in which tier requests wait, it is the one whose replicas were changed.
        let differ = |index: &usize| model.present[*index].replicas != deployment[*index].replicas;
        let mut changed = (0..deployment.len()).filter(differ);
        let index = serial.tier.or_else(|| changed.next().filter(|_| changed.next().is_none()))?;
        let replicas = [model.present[index].replicas, deployment[index].replicas];
        let model = model.at_hits_of(&check.steps);
        let carries = |scope| {
            let serial = SerialResource { tier: Some(index), scope: Some(scope), ..serial };
            model.with_serial(serial).slo_max(&deployment)
        };
        let (shared, own) = (carries(LockScope::Shared), carries(LockScope::Replica));
        let outcome = check.outcome();
        let limit = outcome.fail.and(outcome.slo_max).map(|limit| limit.value);
        // Without a rate that failed, the highest that passed is the least that is carried.
        let measured = limit.or(outcome.pass.map(Rate::get))?;
        let scope = nearest(measured, limit.is_some(), [shared, own])?;
        let tier = &stack.tiers[index];
        Some(Self {
            tier: tier.name.clone(),
            scope,
            told: tier.lock,
            replicas,
            measured_per_s: measured,
            shared_per_s: shared,
            own_per_s: own,
        })
    }
}

/// Which of the rates that a `shared` lock and `own` ones carry was measured: `None` where that is not clear, or where more
/// might have been carried.
fn nearest(measured: f64, is_limit: bool, [shared, own]: [f64; 2]) -> Option<LockScope> {
    let whole = (own / shared).ln();
    if !whole.is_finite() || whole.abs() < APART.ln() {
        return None;
    }
    let share = (measured / shared).ln() / whole;
    if share >= 1.0 - NEAR && (is_limit || whole > 0.0) {
        Some(LockScope::Replica)
    } else if share <= NEAR && (is_limit || whole < 0.0) {
        Some(LockScope::Shared)
    } else {
        None
    }
}

/// `each replica of api has its own: with 2 replicas instead of 1, 398 req/s were carried; a shared one would carry 200`.
impl fmt::Display for LockFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tier, replicas: [before, then], measured_per_s, .. } = self;
        let (found, other) = match self.scope {
            LockScope::Replica => {
                (format!("each replica of {tier} has its own"), self.shared_per_s)
            }
            LockScope::Shared => (format!("all replicas of {tier} share it"), self.own_per_s),
        };
        let would = match self.scope {
            LockScope::Replica => "a shared one",
            LockScope::Shared => "locks of their own",
        };
        write!(
            f,
            "{found}: with {then} replicas instead of {before}, {measured_per_s:.0} req/s were carried; {would} would carry \
             {other:.0}"
        )?;
        match (self.told, self.scope) {
            (Some(LockScope::Shared), LockScope::Replica) => {
                f.write_str("; the stack file is wrong to say `scope: shared`")
            }
            (Some(LockScope::Replica), LockScope::Shared) => {
                f.write_str("; the stack file is wrong to say `scope: replica`")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_that_is_not_near_either_answer_tells_nothing() {
        let told = |measured, is_limit| nearest(measured, is_limit, [200.0, 400.0]);
        assert_eq!(told(205.0, true), Some(LockScope::Shared));
        assert_eq!(told(390.0, true), Some(LockScope::Replica));
        assert_eq!(told(283.0, true), None);
        // A rate that passed without a failure above it: more than a shared lock carries, or nothing.
        assert_eq!(told(390.0, false), Some(LockScope::Replica));
        assert_eq!(told(205.0, false), None);
        // With fewer replicas, locks of their own carry less.
        let fewer = |measured, is_limit| nearest(measured, is_limit, [200.0, 100.0]);
        assert_eq!(fewer(199.0, false), Some(LockScope::Shared));
        assert_eq!(fewer(101.0, false), None);
        assert_eq!(nearest(200.0, true, [200.0, 205.0]), None, "the answers are alike");
    }
}
