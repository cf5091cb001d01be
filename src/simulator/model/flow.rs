//! How a request moves: from op to op, through pools and queues, to its end.

use super::call::{CallOutcome, CallRef, FinishedCall};
use super::law::ServiceTimeLaw;
use super::replica::{Lease, QueuedVisit, ReplicaPool};
use super::spec::{CallStep, MAX_TIERS, ModelBalancing, TierId};
use super::state::{ModelEventKind, ReadyWork, StackModelRun};
use rand::RngExt;

/// Nobody is there to serve: what nginx and load balancers say to an overfull or empty group.
const UNAVAILABLE: u16 = 503;

impl StackModelRun {
    /// Does ops until one takes time.
    pub(super) fn proceed(&mut self, who: CallRef) {
        while self.is_current(who) {
            let call = &mut self.calls[who.slot as usize];
            let Some(op) = call.start.program.get(usize::from(call.at)).copied() else {
                return self.end(who, CallOutcome::Done);
            };
            call.at += 1;
            match op {
                CallStep::Visit { tier, law } => return self.visit(who, tier, law),
                CallStep::Pause(law) => {
                    let span = law.sample(&mut self.chance);
                    return self.schedule(span, ModelEventKind::Resume(who));
                }
                CallStep::Lookup { tier, hit } => self.look_up(who, tier, hit),
                CallStep::Keep { tier, ttl } => {
                    let key = call.start.key;
                    if let Some(cache) = &mut self.tiers[tier.index()].cache {
                        cache.keep(key, self.now, ttl);
                    }
                }
            }
        }
    }

    fn look_up(&mut self, who: CallRef, tier: TierId, hit: u16) {
        let call = &mut self.calls[who.slot as usize];
        if let Some(cache) = &mut self.tiers[tier.index()].cache {
            let found = cache.lookup(call.start.key, self.now);
            call.cache_hit = Some(found);
            if found {
                call.at = hit;
            }
        }
    }

    /// Gets a connection, if the tier is reached through a pool, and then a core.
    fn visit(&mut self, who: CallRef, tier: TierId, law: ServiceTimeLaw) {
        let (share, status) = self.tiers[tier.index()].errors;
        if share > 0.0 && self.tiers[tier.index()].chance.random_bool(share.min(1.0)) {
            return self.refuse(who, tier, status);
        }
        let pool_spec = self.tiers[tier.index()].spec.pool;
        let owner = pool_spec.and_then(|pool| self.calls[who.slot as usize].held_by(pool.of));
        let job = QueuedVisit { call: who, law, lease: None, since: self.now };
        let (Some(spec), Some(owner)) = (pool_spec, owner) else {
            return self.start_visit(tier, job);
        };
        let pool = self.pool(tier, owner);
        if pool.in_use >= spec.size {
            pool.waiting.push_back(job);
            return;
        }
        pool.in_use += 1;
        let lease = Lease { owner, epoch: pool.epoch };
        self.start_visit(tier, QueuedVisit { lease: Some(lease), ..job });
    }

    fn pool(&mut self, tier: TierId, owner: u8) -> &mut ReplicaPool {
        let pools = &mut self.tiers[tier.index()].pools;
        let owner = usize::from(owner);
        if pools.len() <= owner {
            pools.resize_with(owner + 1, ReplicaPool::default);
        }
        &mut pools[owner]
    }

    /// Finds a replica and a core for a visit, or a place in the queue.
    pub(super) fn start_visit(&mut self, tier: TierId, job: QueuedVisit) {
        if !self.is_current(job.call) {
            return self.release(tier, job.lease);
        }
        let Some(at) = self.replica_for(tier, job.call) else {
            let spec = &self.tiers[tier.index()].spec;
            let empty = !self.tiers[tier.index()].replicas.iter().any(|replica| replica.listed);
            let status = if empty { UNAVAILABLE } else { spec.failover.status };
            self.release(tier, job.lease);
            return self.refuse(job.call, tier, status);
        };
        let now = self.now;
        let state = &mut self.tiers[tier.index()];
        if state.has_free_core(at) {
            self.start(tier, at, job);
        } else if state.spec.backlog.is_none_or(|limit| state.replicas[at].waiting.level() < limit)
        {
            state.replicas[at].waiting.rise(now);
            state.replicas[at].queue.push_back(job);
        } else {
            if !state.spec.kind.holds_requests() {
                state.replicas[at].open.fall(now);
            }
            self.release(tier, job.lease);
            self.refuse(job.call, tier, UNAVAILABLE);
        }
    }

    /// The replica that holds the call, or one that begins to.
    fn replica_for(&mut self, tier: TierId, who: CallRef) -> Option<usize> {
        let call = &mut self.calls[who.slot as usize];
        let state = &mut self.tiers[tier.index()];
        if let Some(known) = call.held_by(tier).map(usize::from) {
            return Some(known).filter(|known| state.replicas[*known].up);
        }
        let chosen = state.choose(call)?;
        state.replicas[chosen].open.rise(self.now);
        if state.spec.kind.holds_requests() {
            call.hold(tier, Some(chosen as u8));
        }
        Some(chosen)
    }

    fn start(&mut self, tier: TierId, at: usize, job: QueuedVisit) {
        let span = self.service_time(tier, job.law);
        let replica = &mut self.tiers[tier.index()].replicas[at];
        replica.busy.rise(self.now);
        let epoch = replica.epoch;
        let served = ModelEventKind::Served { tier, replica: at as u8, epoch, job };
        self.schedule(span, served);
    }

    /// A core has finished a visit: the next in the queue gets it, and the call goes on.
    pub(super) fn on_served(&mut self, tier: TierId, replica: u8, job: QueuedVisit) {
        let (now, at) = (self.now, usize::from(replica));
        let holds = self.tiers[tier.index()].spec.kind.holds_requests();
        self.tiers[tier.index()].durations.record(now.since(job.since));
        let state = &mut self.tiers[tier.index()].replicas[at];
        state.served += 1;
        state.busy.fall(now);
        if !holds {
            state.open.fall(now);
        }
        self.serve_next(tier, at);
        self.release(tier, job.lease);
        self.ready.push_back(ReadyWork::Proceed(job.call));
    }

    fn serve_next(&mut self, tier: TierId, at: usize) {
        while let Some(job) = self.tiers[tier.index()].replicas[at].queue.pop_front() {
            let current = self.is_current(job.call);
            let state = &mut self.tiers[tier.index()];
            state.replicas[at].waiting.fall(self.now);
            if current {
                return self.start(tier, at, job);
            }
            if !state.spec.kind.holds_requests() {
                state.replicas[at].open.fall(self.now);
            }
            self.release(tier, job.lease);
        }
    }

    /// Gives a connection back; the next that waits for one gets it.
    pub(super) fn release(&mut self, tier: TierId, lease: Option<Lease>) {
        let Some(lease) = lease else { return };
        if self.pool(tier, lease.owner).epoch != lease.epoch {
            return;
        }
        while let Some(job) = self.pool(tier, lease.owner).waiting.pop_front() {
            if self.is_current(job.call) {
                self.ready.push_back(ReadyWork::StartVisit(
                    tier,
                    QueuedVisit { lease: Some(lease), ..job },
                ));
                return;
            }
        }
        let pool = self.pool(tier, lease.owner);
        pool.in_use = pool.in_use.saturating_sub(1);
    }

    fn refuse(&mut self, who: CallRef, tier: TierId, status: u16) {
        self.tiers[tier.index()].failed += 1;
        self.end(who, CallOutcome::Failed { status });
    }

    /// The call is over; whoever held it lets go.
    pub(super) fn end(&mut self, who: CallRef, outcome: CallOutcome) {
        let sticky = self.sticky_replica(who);
        self.let_go(who);
        let at = self.wall_now();
        let call = self.calls.remove(who.slot as usize);
        let (tag, cache_hit) = (call.start.tag, call.cache_hit);
        self.finished.push_back(FinishedCall { tag, outcome, at, sticky, cache_hit });
    }

    fn sticky_replica(&self, who: CallRef) -> Option<u8> {
        let sticky = |tier: &super::tier::ModelTier| tier.spec.balancing == ModelBalancing::Sticky;
        let tier = self.tiers.iter().position(sticky)?;
        self.calls[who.slot as usize].held_by(TierId(tier as u8))
    }

    /// Every replica that holds the call stops holding it.
    pub(super) fn let_go(&mut self, who: CallRef) {
        let now = self.now;
        let call = &mut self.calls[who.slot as usize];
        for tier in (0..MAX_TIERS as u8).map(TierId) {
            if let Some(replica) = call.held_by(tier) {
                call.hold(tier, None);
                self.tiers[tier.index()].replicas[usize::from(replica)].open.fall(now);
            }
        }
    }
}
