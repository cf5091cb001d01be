//! What a tier is made of, and what a request does to it.

use std::sync::Arc;

use super::{ScalerSpec, ServiceTimeLaw};
use plimsoll_units::{Bytes, Nanos};

/// The most tiers that one stack may have.
pub const MAX_TIERS: usize = 16;

/// The most replicas that a tier may begin with; the autoscaler needs some room beyond.
pub const MAX_REPLICAS: u32 = 200;

/// The position of a tier in the stack's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TierId(pub u8);

impl TierId {
    /// The position as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What sort of component a tier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelTierKind {
    /// A proxy or balancer in front of everything.
    Edge,
    /// Processes that serve a request from its beginning to its end.
    Api,
    /// A database.
    Db,
    /// A cache.
    Cache,
    /// A message queue.
    Queue,
    /// Processes that work on background jobs.
    Worker,
    /// Somebody else's service.
    External,
}

impl ModelTierKind {
    /// Whether a request that has once been given to a replica stays with it until it is answered.
    ///
    /// A process holds its requests; a database or a cache answers each query on its own.
    pub fn holds_requests(self) -> bool {
        matches!(self, Self::Edge | Self::Api)
    }

    /// The word in files and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Api => "api",
            Self::Db => "db",
            Self::Cache => "cache",
            Self::Queue => "queue",
            Self::Worker => "worker",
            Self::External => "external",
        }
    }
}

/// How requests are spread over the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelBalancing {
    /// One after the other.
    RoundRobin,
    /// To the replica with the fewest open requests; ties go round.
    #[default]
    LeastConnections,
    /// Any, equally likely.
    Random,
    /// To the replica that served this client before; new clients go round.
    Sticky,
}

/// Connections that each replica of one tier keeps to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelPoolSpec {
    /// The tier whose replicas keep the connections.
    pub of: TierId,
    /// At most this many for each of its replicas; whoever finds none free waits for one.
    pub size: u32,
    /// At least this many stay open.
    pub idle: u32,
}

/// A store of answers with limited memory; the least recently used entry makes room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSpec {
    /// Memory for entries.
    pub max_memory: Bytes,
    /// What one entry takes.
    pub entry: Bytes,
}

/// A disk that fills with what visits leave behind: rows, logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpec {
    /// What it holds.
    pub size: Bytes,
    /// What is on it at the beginning.
    pub base: Bytes,
    /// What each visit adds.
    pub per_visit: Bytes,
}

/// The network that a replica sends its answers through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSpec {
    /// What goes through in a second. The model does not enforce it; metrics show it.
    pub limit: Bytes,
    /// What each visit sends.
    pub per_visit: Bytes,
}

/// A standby that applies what its primary commits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicationSpec {
    /// How far it is behind while all is well.
    pub delay: Nanos,
    /// How many seconds of commits it applies in a second while it catches up; more than 1.
    pub catch_up: f64,
}

/// What the balancer in front of a tier does when a replica does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    /// A refused request, or an interrupted one without side effects, goes to another replica.
    pub retry: bool,
    /// How long a dead replica still gets requests.
    pub detect: Nanos,
    /// How long a replica that is back gets none yet.
    pub back: Nanos,
    /// The status that the client sees otherwise.
    pub status: u16,
}

impl Default for Failover {
    fn default() -> Self {
        Self { retry: true, detect: Nanos::ZERO, back: Nanos::ZERO, status: 502 }
    }
}

/// One tier.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTierSpec {
    /// Its name in programs and metrics.
    pub name: String,
    /// What it is.
    pub kind: ModelTierKind,
    /// Replicas at the beginning, 1 to [`MAX_REPLICAS`]; anything else counts as the nearest of these.
    pub replicas: u32,
    /// Cores of each replica: how many visits it serves at once. `None`: as many as come.
    pub cores: Option<u32>,
    /// How requests are spread.
    pub balancing: ModelBalancing,
    /// Waiting places of each replica; whoever finds none is answered 503. `None`: no limit.
    pub backlog: Option<u32>,
    /// The connections through which it is reached.
    pub pool: Option<ModelPoolSpec>,
    /// Answers it keeps.
    pub cache: Option<CacheSpec>,
    /// Memory of a replica that does nothing.
    pub memory_base: Bytes,
    /// Memory that each open request adds.
    pub memory_per_request: Bytes,
    /// Memory that a replica has. The model does not enforce it; metrics show it.
    pub memory_limit: Option<Bytes>,
    /// The disk of each replica.
    pub disk: Option<DiskSpec>,
    /// The network of each replica.
    pub network: Option<NetworkSpec>,
    /// Its standby.
    pub replication: Option<ReplicationSpec>,
    /// What happens when a replica dies.
    pub failover: Failover,
    /// Adds and removes replicas by itself.
    pub scaler: Option<ScalerSpec>,
}

impl ModelTierSpec {
    /// A tier of one replica with one core and no frills.
    pub fn new(name: &str, kind: ModelTierKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            replicas: 1,
            cores: Some(1),
            balancing: ModelBalancing::default(),
            backlog: None,
            pool: None,
            cache: None,
            memory_base: Bytes::default(),
            memory_per_request: Bytes::default(),
            memory_limit: None,
            disk: None,
            network: None,
            replication: None,
            failover: Failover::default(),
            scaler: None,
        }
    }
}

/// One thing that a request does on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CallStep {
    /// Waits for a core of a tier and keeps it busy.
    Visit {
        /// Where.
        tier: TierId,
        /// For how long.
        law: ServiceTimeLaw,
    },
    /// Time passes without any tier working.
    Pause(ServiceTimeLaw),
    /// Looks the request's key up; if it is there, goes on at `hit`.
    Lookup {
        /// The tier that keeps the answers.
        tier: TierId,
        /// The op to go on at.
        hit: u16,
    },
    /// Keeps the answer under the request's key.
    Keep {
        /// The tier that keeps it.
        tier: TierId,
        /// For how long it is fresh.
        ttl: Nanos,
    },
}

/// Everything that one kind of request does, in order.
pub type CallProgram = Arc<[CallStep]>;
