//! The twelve servers: the law of each, what is told of it, and what gives out first.

use plimsoll::capacity::des::SimulatedBalancing;
use plimsoll::capacity::model::CeilingResource;
use plimsoll::capacity::stack::{
    CapacityTier, CapacityTierKind, LockScope, ReplicaSize, StackModel, TierPool,
};
use plimsoll::units::{Bytes, Money, Ratio};

use super::law::{CpuQuota, ServerLaw};

/// A server, what must hold, and what gives out first.
pub(super) struct SocketServer {
    pub(super) name: &'static str,
    pub(super) law: ServerLaw,
    /// The limit of the p95.
    pub(super) p95_ms: f64,
    /// The greatest share of failures.
    pub(super) errors_max: f64,
    pub(super) told: ToldServer,
    pub(super) bottleneck: CeilingResource,
}

/// What the stack file says of a server. Its replicas are told as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToldServer {
    /// Cores of a replica.
    pub(super) cores: f64,
    /// Whether there is a database behind, with a pool to it that may be told.
    pub(super) database: bool,
    pub(super) pool: Option<u32>,
    pub(super) lock: Option<LockScope>,
}

impl SocketServer {
    /// The stack file; the server's metrics are at `page`.
    pub(super) fn stack_file(&self, page: &str) -> String {
        let ToldServer { cores, database, pool, lock } = self.told;
        let lock = lock.map_or("", |scope| match scope {
            LockScope::Replica => "lock: { scope: replica }, ",
            LockScope::Shared => "lock: { scope: shared }, ",
        });
        let pools = pool.map_or_else(String::new, |most| format!("pools: {{ db: {most} }}, "));
        let pool_used = if pool.is_some() { ", pool_used: pool_used" } else { "" };
        let behind =
            if database { "  db: { kind: db, size: { cores: 2, memory: 4 GiB } }\n" } else { "" };
        format!(
            "name: known\ntiers:\n  api: {{ kind: api, replicas: {}, balancing: least_conn, \
             size: {{ cores: {cores}, memory: 1 GiB }}, {pools}{lock}scale: {{ out: {{ max: 4 }} }}, \
             observe: {{ exporter: {{ url: \"{page}\", metrics: {{ in_flight: in_flight{pool_used} }} }} }} }}\n{behind}",
            self.law.replicas
        )
    }

    /// The same as the capacity engine has it.
    pub(super) fn stack_model(&self) -> StackModel {
        let ToldServer { cores, database, pool, lock } = self.told;
        let tier = |name: &str, kind, cores| CapacityTier {
            name: name.to_owned(),
            kind,
            replicas: 1,
            replicas_max: 1,
            size: ReplicaSize {
                cores,
                memory: Bytes::new(1 << 30),
                monthly_cost: Money::default(),
            },
            sizes: Vec::new(),
            reserved_cores: Ratio::new(1.0),
            reserved_memory: Ratio::new(1.0),
            balancing: SimulatedBalancing::LeastConnections,
            pools: Vec::new(),
            connections_max: None,
            delay: None,
            lock: None,
        };
        let mut api = tier("api", CapacityTierKind::Api, cores);
        (api.replicas, api.replicas_max, api.lock) = (self.law.replicas as u32, 4, lock);
        let to_db = |connections| TierPool { to: "db".to_owned(), connections };
        api.pools = pool.map(to_db).into_iter().collect();
        let db = database.then(|| tier("db", CapacityTierKind::Database, 2.0));
        StackModel {
            name: "known".to_owned(),
            tiers: std::iter::once(api).chain(db).collect(),
            rate_limit: None,
            signals: Vec::new(),
            quota: None,
            fixed_cost: Money::default(),
        }
    }
}

/// All of them.
pub(super) fn servers() -> Vec<SocketServer> {
    let (cpu, lock) = (CeilingResource::Cpu, CeilingResource::Lock);
    let known = |name, law, p95_ms, told, bottleneck| SocketServer {
        name,
        law,
        p95_ms,
        errors_max: 0.01,
        told,
        bottleneck,
    };
    let plain = |cores| ToldServer { cores, database: false, pool: None, lock: None };
    let with_lock = |scope| ToldServer { lock: Some(scope), ..plain(2.0) };
    let with_db = ToldServer { database: true, ..plain(2.0) };
    let with_pool = ToldServer { pool: Some(6), ..with_db };
    let slots = ServerLaw::slots;
    let cores = |count, ms| ServerLaw::cores(count, ms).exponential();
    let pool = slots(6, 15.0);
    let in_slots = ServerLaw { lock_ms: Some(5.0), ..slots(8, 15.0).exponential() };
    let own = ServerLaw { replicas: 2, ..slots(3, 20.0) };
    let shared = ServerLaw { replicas: 2, lock_ms: Some(4.0), ..slots(64, 10.0).exponential() };
    let limited = ServerLaw { limit: Some((200.0, 20.0)), ..slots(64, 5.0).exponential() };
    let quota = CpuQuota { cores: 0.4, period_ms: 100.0 };
    let quota = ServerLaw { quota: Some(quota), cpu_ms: Some(2.0), ..slots(1, 2.0) };
    let bounded = ServerLaw { waiting_max: Some(20), ..cores(4, 10.0) };
    let growing = ServerLaw { growth: 0.1, ..cores(8, 10.0) };
    vec![
        known("slots × time", slots(4, 20.0), 100.0, plain(2.0), lock),
        known("M/M/1", cores(1, 2.5), 60.0, plain(1.0), cpu),
        known("M/M/4", cores(4, 10.0), 60.0, plain(4.0), cpu),
        known("lock in slots", in_slots, 150.0, plain(2.0), lock),
        known("pool, told", pool, 60.0, with_pool, CeilingResource::Pool),
        known("pool, not told", pool, 60.0, with_db, lock),
        known("semaphore of each replica", own, 100.0, with_lock(LockScope::Replica), lock),
        known("lock of all replicas", shared, 100.0, with_lock(LockScope::Shared), lock),
        known("rate limit", limited, 100.0, plain(2.0), CeilingResource::RateLimit),
        known("CPU quota", quota, 250.0, plain(0.4), cpu),
        known("bounded queue", bounded, 200.0, plain(4.0), cpu),
        known("growing service", growing, 80.0, plain(8.0), cpu),
    ]
}
