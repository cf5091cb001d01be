//! What the discrete-event simulation plays: a chain of tiers, each with its law of service.

use rand::RngExt;
use rand_distr::{Distribution, Gamma, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, Rate};

/// How a tier spreads requests over its replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedBalancing {
    /// To the replica with the fewest requests present.
    LeastConnections,
    /// In turn.
    RoundRobin,
    /// By chance, as sticky cookies of many users do.
    Random,
}

/// The law of a service time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SimulatedServiceTime {
    /// Always the mean.
    Constant {
        /// The time.
        mean: Nanos,
    },
    /// Exponential.
    Exponential {
        /// Its mean.
        mean: Nanos,
    },
    /// Lognormal: a long tail.
    Lognormal {
        /// Its mean.
        mean: Nanos,
        /// Variance over squared mean.
        cv2: f64,
    },
    /// Gamma: any spread between constant and exponential.
    Gamma {
        /// Its mean.
        mean: Nanos,
        /// Variance over squared mean; above zero.
        cv2: f64,
    },
}

impl SimulatedServiceTime {
    /// The mean in seconds.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant { mean }
            | Self::Exponential { mean }
            | Self::Lognormal { mean, .. }
            | Self::Gamma { mean, .. } => mean.as_secs_f64(),
        }
    }

    /// A law with this mean (seconds) and spread; for fitted models, which know no more than that.
    pub fn of_spread(mean: f64, cv2: f64) -> Self {
        let mean = Nanos::from_secs_f64(mean);
        match cv2 {
            spread if spread < 0.01 => Self::Constant { mean },
            spread if (spread - 1.0).abs() < 0.01 => Self::Exponential { mean },
            spread if spread < 1.0 => Self::Gamma { mean, cv2 },
            _ => Self::Lognormal { mean, cv2 },
        }
    }

    /// One time in whole nanoseconds.
    pub(super) fn sample(&self, random: &mut Pcg64Mcg) -> u64 {
        let seconds = match *self {
            Self::Constant { mean } => return mean.get(),
            Self::Exponential { mean } => {
                let uniform: f64 = random.random();
                -mean.as_secs_f64() * (1.0 - uniform).ln()
            }
            Self::Lognormal { mean, cv2 } => {
                let variance = cv2.ln_1p();
                let normal: f64 = StandardNormal.sample(random);
                mean.as_secs_f64() * (variance.sqrt() * normal - variance / 2.0).exp()
            }
            Self::Gamma { mean, cv2 } => Gamma::new(1.0 / cv2, mean.as_secs_f64() * cv2)
                .map_or(mean.as_secs_f64(), |law| law.sample(random)),
        };
        (seconds * 1e9) as u64
    }
}

/// What a tier's service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceWork {
    /// One of this many cores a replica, first come, first served.
    Cores(u32),
    /// Nothing of ours: an external service. With `Some(n)` it serves n requests at once, the rest wait.
    External(Option<u32>),
}

/// One tier as it is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedTier {
    /// For reports.
    pub name: String,
    /// Copies, at least 1.
    pub replicas: u32,
    /// What the service needs.
    pub work: ServiceWork,
    /// The law of the service.
    pub service: SimulatedServiceTime,
    /// How requests find a replica.
    pub balancing: SimulatedBalancing,
    /// A section that only one request of the whole tier is in at a time, after the service.
    pub lock: Option<SimulatedServiceTime>,
    /// Connections of each replica to what lies behind; one is held while a request is there.
    pub pool: Option<u32>,
    /// The share of the requests that come to this tier; the others pass by.
    pub share: f64,
}

impl SimulatedTier {
    /// A tier of cores with exponential service and least connections, which every request visits.
    pub fn cores(name: &str, replicas: u32, cores: u32, service: Nanos) -> Self {
        Self {
            name: name.to_owned(),
            replicas,
            work: ServiceWork::Cores(cores),
            service: SimulatedServiceTime::Exponential { mean: service },
            balancing: SimulatedBalancing::LeastConnections,
            lock: None,
            pool: None,
            share: 1.0,
        }
    }

    /// An external service that never queues.
    pub fn external(name: &str, service: SimulatedServiceTime) -> Self {
        let mut tier = Self::cores(name, 1, 1, Nanos::ZERO);
        (tier.work, tier.service) = (ServiceWork::External(None), service);
        tier
    }
}

/// Requests beyond it are answered at once with "too many": a token bucket at the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedRateLimit {
    /// Tokens a second.
    pub rate: Rate,
    /// Tokens that a full bucket holds.
    pub burst: u32,
}

/// A whole stack; a request visits the tiers in order and its answer comes back through all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedStack {
    /// In the order in which a request meets them.
    pub tiers: Vec<SimulatedTier>,
    /// The edge's limit.
    pub rate_limit: Option<SimulatedRateLimit>,
}
