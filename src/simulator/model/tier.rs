//! A tier at work, and the metrics it reports.

use rand_pcg::Pcg64Mcg;

use super::balance;
use super::cache::Cache;
use super::call::Call;
use super::durations::Durations;
use super::replica::{ModelReplica, ReplicaPool};
use super::replication::Replication;
use super::scaler::Scaler;
use super::spec::{MAX_REPLICAS, ModelBalancing, ModelTierKind, ModelTierSpec};
use plimsoll_units::{Bytes, Nanos, RunTime};

/// One tier with its replicas.
#[derive(Debug)]
pub(super) struct ModelTier {
    pub(super) spec: ModelTierSpec,
    pub(super) replicas: Vec<ModelReplica>,
    /// The pools through which it is reached, one for each replica of the tier in front.
    pub(super) pools: Vec<ReplicaPool>,
    pub(super) cache: Option<Cache>,
    pub(super) scaler: Scaler,
    pub(super) replication: Option<Replication>,
    /// How many times as long visits take, if not as long as ever.
    pub(super) slow: Option<f64>,
    pub(super) errors: (f64, u16),
    pub(super) chance: Pcg64Mcg,
    pub(super) failed: u64,
    pub(super) durations: Durations,
    turn: usize,
}

impl ModelTier {
    pub(super) fn new(spec: ModelTierSpec, chance: Pcg64Mcg) -> Self {
        Self {
            replicas: (0..spec.replicas.clamp(1, MAX_REPLICAS))
                .map(|_| ModelReplica::serving())
                .collect(),
            pools: Vec::new(),
            cache: spec.cache.map(Cache::new),
            scaler: Scaler::default(),
            replication: spec.replication.map(Replication::new),
            slow: None,
            errors: (0.0, 500),
            chance,
            failed: 0,
            durations: Durations::default(),
            turn: 0,
            spec,
        }
    }

    /// The replica for a new request; `None` if nobody answers.
    pub(super) fn choose(&mut self, call: &Call) -> Option<usize> {
        if self.spec.balancing == ModelBalancing::Sticky
            && let Some(known) = call.start.sticky.map(usize::from)
            && self.replicas.get(known).is_some_and(|replica| replica.listed && replica.up)
        {
            return Some(known);
        }
        let first = self.pick(|replica| replica.listed)?;
        if self.replicas[first].up {
            return Some(first);
        }
        // The balancer does not know yet that it is dead; the connection is refused.
        if self.spec.failover.retry {
            return self.pick(|replica| replica.listed && replica.up);
        }
        None
    }

    fn pick(&mut self, eligible: impl Fn(&ModelReplica) -> bool) -> Option<usize> {
        balance::pick(
            self.spec.balancing,
            &self.replicas,
            eligible,
            &mut self.turn,
            &mut self.chance,
        )
    }

    /// Whether `replica` has a free core.
    pub(super) fn has_free_core(&self, replica: usize) -> bool {
        self.spec.cores.is_none_or(|cores| self.replicas[replica].busy.level() < cores)
    }

    /// Busy time of all its cores since the beginning.
    pub(super) fn busy_ns(&self, now: RunTime) -> u64 {
        self.replicas.iter().map(|replica| replica.busy.integral(now)).sum()
    }

    /// Its metrics at `now`, in the stack's time.
    pub(super) fn state(&self, now: RunTime) -> TierState<'_> {
        let replicas = self.replicas.iter().map(|replica| self.replica_state(replica, now));
        let idle = self.spec.pool.map_or(0, |pool| pool.idle);
        TierState {
            name: &self.spec.name,
            kind: self.spec.kind,
            replicas: replicas.collect(),
            connections: match self.spec.pool {
                Some(_) => {
                    let open = self.pools.iter().filter(|pool| !pool.closed);
                    open.map(|pool| pool.in_use.max(idle)).sum()
                }
                None => self.replicas.iter().map(|replica| replica.open.level()).sum(),
            },
            pool: self.spec.pool.map(|spec| {
                let open = self.pools.iter().filter(|pool| !pool.closed);
                open.fold((0, 0), |(used, size), pool| (used + pool.in_use, size + spec.size))
            }),
            pool_waiting: self.pools.iter().map(|pool| pool.waiting.len() as u32).sum(),
            replication_lag: self.replication.map(|standby| standby.lag(now)),
            failed: self.failed,
            durations: self.durations,
            cache: self.cache.as_ref().map(|cache| CacheState {
                hits: cache.hits,
                misses: cache.misses,
                evictions: cache.evictions,
                entries: cache.len() as u64,
                memory: cache.memory(),
                memory_limit: self.spec.cache.map_or(Bytes::default(), |cache| cache.max_memory),
            }),
        }
    }

    fn replica_state(&self, replica: &ModelReplica, now: RunTime) -> ReplicaState {
        let per_request = self.spec.memory_per_request.get();
        let entries = self.cache.as_ref().map_or(0, |cache| cache.memory().get());
        let requests = per_request * u64::from(replica.open.level());
        let memory = self.spec.memory_base.get() + requests + entries;
        ReplicaState {
            up: replica.up,
            listed: replica.listed,
            cores: self.spec.cores,
            busy: Nanos::new(replica.busy.integral(now)),
            busy_cores: replica.busy.level(),
            waiting: replica.waiting.level(),
            waited: Nanos::new(replica.waiting.integral(now)),
            waiting_peak: replica.waiting.peak(),
            open: replica.open.level(),
            memory: Bytes::new(if replica.up { memory } else { 0 }),
            memory_limit: self.spec.memory_limit,
            disk: self.spec.disk.map(|disk| {
                let written = disk.per_visit.get().saturating_mul(replica.served);
                let used = disk.base.get().saturating_add(written).min(disk.size.get());
                (Bytes::new(used), disk.size)
            }),
            network: self.spec.network.map(|network| {
                let sent = network.per_visit.get().saturating_mul(replica.served);
                (Bytes::new(sent), network.limit)
            }),
            served: replica.served,
        }
    }
}

/// The metrics of a tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierState<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub kind: ModelTierKind,
    /// Each replica that it has or had.
    pub replicas: Vec<ReplicaState>,
    /// Connections open to it.
    pub connections: u32,
    /// Connections of its pools that are in use, and how many there may be, where it has pools.
    pub pool: Option<(u32, u32)>,
    /// Visits that wait for a connection.
    pub pool_waiting: u32,
    /// How far its standby is behind, where it has one.
    pub replication_lag: Option<Nanos>,
    /// Visits that it refused or broke off.
    pub failed: u64,
    /// How long visits took.
    pub durations: Durations,
    /// Its cache, if it is one.
    pub cache: Option<CacheState>,
}

/// The metrics of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaState {
    /// It answers.
    pub up: bool,
    /// It gets requests.
    pub listed: bool,
    /// Its cores; `None`: as many as it needs.
    pub cores: Option<u32>,
    /// Core time used since the beginning, exact to the nanosecond.
    pub busy: Nanos,
    /// Cores busy now.
    pub busy_cores: u32,
    /// Visits in its queue now.
    pub waiting: u32,
    /// Time that visits have spent in its queue, those still in it included.
    pub waited: Nanos,
    /// The longest that its queue has been.
    pub waiting_peak: u32,
    /// Requests that it holds now.
    pub open: u32,
    /// Memory in use.
    pub memory: Bytes,
    /// Memory that it has, if the simulation says so.
    pub memory_limit: Option<Bytes>,
    /// What is on its disk, and what the disk holds, if the simulation says so.
    pub disk: Option<(Bytes, Bytes)>,
    /// What it has sent, and what it can send in a second, if the simulation says so.
    pub network: Option<(Bytes, Bytes)>,
    /// Visits finished.
    pub served: u64,
}

/// The metrics of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheState {
    /// Lookups that found a fresh answer.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Entries dropped to make room.
    pub evictions: u64,
    /// Entries held.
    pub entries: u64,
    /// Memory that they take.
    pub memory: Bytes,
    /// Memory that they may take.
    pub memory_limit: Bytes,
}
