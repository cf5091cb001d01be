//! Replicas that die, return, are drained, and are added or removed by the scaler.

use super::call::{CallOutcome, CallRef};
use super::fault::FaultAction;
use super::replica::{Lease, ModelReplica, ReplicaPool, ReplicaStage};
use super::scaler::{Decision, ScalerSpec};
use super::spec::TierId;
use super::state::{ModelEventKind, ReadyWork, StackModelRun};

impl StackModelRun {
    /// Makes a fault happen now.
    pub(super) fn apply_fault(&mut self, action: FaultAction) {
        match action {
            FaultAction::Kill { tier, replica } => self.kill(tier, replica),
            FaultAction::Revive { tier, replica } => self.revive(tier, replica),
            FaultAction::Drain { tier, replica } => {
                if let Some(replica) = self.replica(tier, replica) {
                    replica.listed = false;
                }
            }
            FaultAction::Slow { tier, factor } => {
                if let Some(tier) = self.tiers.get_mut(tier.index()) {
                    tier.slow = Some(factor.max(0.0));
                }
            }
            FaultAction::Errors { tier, share, status } => {
                if let Some(tier) = self.tiers.get_mut(tier.index()) {
                    tier.errors = (share, status);
                }
            }
            FaultAction::Lag { tier, stops } => {
                let now = self.now;
                let tier = self.tiers.get_mut(tier.index());
                if let Some(standby) = tier.and_then(|tier| tier.replication.as_mut()) {
                    standby.set_stopped(now, stops);
                }
            }
            // The clock has them; see `split_faults`.
            FaultAction::Freeze { .. } => {}
        }
    }

    fn replica(&mut self, tier: TierId, replica: u8) -> Option<&mut ModelReplica> {
        self.tiers.get_mut(tier.index())?.replicas.get_mut(usize::from(replica))
    }

    fn kill(&mut self, tier: TierId, at: u8) {
        let now = self.now;
        let Some(replica) = self.replica(tier, at).filter(|replica| replica.up) else { return };
        let old_epoch = replica.epoch;
        replica.up = false;
        replica.epoch += 1;
        replica.busy.set(now, 0);
        replica.waiting.set(now, 0);
        let queue = std::mem::take(&mut replica.queue);
        let mut lost: Vec<(CallRef, Option<Lease>)> =
            queue.iter().map(|job| (job.call, job.lease)).collect();
        lost.extend(self.events.iter().filter_map(|event| match event.what {
            ModelEventKind::Served { tier: t, replica, epoch, job }
                if (t, replica, epoch) == (tier, at, old_epoch) =>
            {
                Some((job.call, job.lease))
            }
            _ => None,
        }));
        let held = self.calls.iter().filter(|(_, call)| call.held_by(tier) == Some(at));
        lost.extend(
            held.map(|(slot, call)| (CallRef { slot: slot as u32, ticket: call.ticket }, None)),
        );
        // The order in a heap is arbitrary; tickets are in order of arrival.
        lost.sort_by_key(|(call, _)| call.ticket);
        // The connections of a process die with it, and so does the waiting for them.
        self.each_pool_of(tier, at, |pool| {
            *pool = ReplicaPool { epoch: pool.epoch + 1, closed: true, ..ReplicaPool::default() };
        });
        for (call, lease) in lost {
            self.release(tier, lease);
            self.interrupt(tier, call);
        }
        if let Some(replica) = self.replica(tier, at) {
            replica.open.set(now, 0);
        }
        self.notice(tier, at, false);
    }

    fn revive(&mut self, tier: TierId, at: u8) {
        let Some(replica) = self.replica(tier, at).filter(|replica| !replica.up) else { return };
        replica.up = true;
        self.each_pool_of(tier, at, |pool| pool.closed = false);
        self.notice(tier, at, true);
    }

    /// The balancer learns of a death or a return, at once or after a while.
    fn notice(&mut self, tier: TierId, at: u8, listed: bool) {
        let failover = self.tiers[tier.index()].spec.failover;
        let delay = if listed { failover.back } else { failover.detect };
        let Some(replica) = self.replica(tier, at) else { return };
        if delay.is_zero() {
            replica.listed = listed;
        } else {
            let epoch = replica.epoch;
            self.schedule(delay, ModelEventKind::Notice { tier, replica: at, epoch, listed });
        }
    }

    /// The pools that a replica keeps to other tiers.
    fn each_pool_of(
        &mut self,
        owner_tier: TierId,
        owner: u8,
        mut change: impl FnMut(&mut ReplicaPool),
    ) {
        for tier in &mut self.tiers {
            if tier.spec.pool.is_some_and(|pool| pool.of == owner_tier)
                && let Some(pool) = tier.pools.get_mut(usize::from(owner))
            {
                change(pool);
            }
        }
    }

    /// A replica died under the call: it starts over elsewhere or fails.
    fn interrupt(&mut self, tier: TierId, who: CallRef) {
        if !self.is_current(who) {
            return;
        }
        self.tiers[tier.index()].failed += 1;
        let failover = self.tiers[tier.index()].spec.failover;
        if !(failover.retry && self.calls[who.slot as usize].start.safe) {
            return self.end(who, CallOutcome::Failed { status: failover.status });
        }
        self.let_go(who);
        let ticket = self.next_ticket();
        let call = &mut self.calls[who.slot as usize];
        (call.ticket, call.at, call.cache_hit) = (ticket, 0, None);
        self.ready.push_back(ReadyWork::Proceed(CallRef { slot: who.slot, ticket }));
    }

    /// The scaler looks at its tier, and will look again.
    pub(super) fn on_tick(&mut self, id: TierId) {
        self.schedule(ScalerSpec::TICK, ModelEventKind::Tick(id));
        self.retire(id);
        let now = self.now;
        let tier = &mut self.tiers[id.index()];
        let (Some(spec), Some(cores)) = (tier.spec.scaler, tier.spec.cores) else { return };
        let busy_ns = tier.busy_ns(now);
        let serving = tier.replicas.iter().filter(|replica| replica.listed).count() as u64;
        let starting =
            tier.replicas.iter().filter(|replica| replica.stage == ReplicaStage::Starting).count()
                as u64;
        let available = (serving * u64::from(cores) * ScalerSpec::TICK.get()).max(1);
        let used = busy_ns.saturating_sub(tier.scaler.busy_before_ns);
        tier.scaler.busy_before_ns = busy_ns;
        let utilisation = used as f64 / available as f64;
        match tier.scaler.decide(&spec, utilisation, (serving + starting) as u32) {
            Decision::Stay => {}
            Decision::Out => self.add_replica(id, spec),
            Decision::In => {
                if let Some(last) = tier.replicas.iter_mut().rev().find(|replica| replica.listed) {
                    (last.listed, last.stage) = (false, ReplicaStage::Leaving);
                }
            }
        }
    }

    fn add_replica(&mut self, id: TierId, spec: ScalerSpec) {
        let replicas = &mut self.tiers[id.index()].replicas;
        let gone = |replica: &ModelReplica| replica.stage == ReplicaStage::Retired;
        let at = replicas.iter().position(gone).unwrap_or_else(|| {
            replicas.push(ModelReplica::default());
            replicas.len() - 1
        });
        let replica = &mut replicas[at];
        replica.stage = ReplicaStage::Starting;
        let epoch = replica.epoch;
        self.schedule(spec.delay, ModelEventKind::Ready { tier: id, replica: at as u8, epoch });
    }

    /// Replicas that were told to leave and have nothing left to do are gone.
    fn retire(&mut self, id: TierId) {
        let tier = &mut self.tiers[id.index()].replicas;
        for replica in tier.iter_mut().filter(|replica| replica.stage == ReplicaStage::Leaving) {
            if replica.open.level() == 0 {
                replica.epoch += 1;
                (replica.stage, replica.up) = (ReplicaStage::Retired, false);
            }
        }
    }
}
