//! Response times of a deployment at a rate: the base histogram convolved with what requests wait.

use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::fitted::{CapacityModel, PoolModel, SerialResource};
use super::grid::TimeGrid;
use crate::des::{
    ServiceWork, SimulatedBalancing, SimulatedRateLimit, SimulatedServiceTime, SimulatedStack,
    SimulatedTier,
};
use crate::queueing::{Station, WaitLaw};
use crate::slo_limits::SloLimit;
use crate::stack::TierDeployment;
use crate::step::StepResult;
use plimsoll_units::Nanos;

impl CapacityModel {
    /// The base distribution without what requests waited while it was measured.
    pub(super) fn unloaded(&self) -> TimeGrid {
        let mut grid = self.base.grid.clone();
        for law in self.waits(&self.present, (self.base.rate, self.base.hits)) {
            grid.remove(&law);
        }
        grid
    }

    /// The measured value of the SLO limit in seconds that `deployment` shows at `rate`; infinite where it does
    /// not keep up.
    pub fn predict(&self, deployment: &[TierDeployment], rate: f64, slo_limit: &SloLimit) -> f64 {
        self.predict_at(deployment, (rate, None), slo_limit)
    }

    /// What the stack as measured shows at `rate`, with the cache as full as it was in `step`.
    pub(super) fn predict_step(&self, step: &StepResult, rate: f64, slo_limit: &SloLimit) -> f64 {
        self.predict_at(&self.present, (rate, step.hit_ratio), slo_limit)
    }

    fn predict_at(
        &self,
        deployment: &[TierDeployment],
        at: (f64, Option<f64>),
        slo_limit: &SloLimit,
    ) -> f64 {
        let mut grid = self.unloaded.clone();
        for law in self.waits(deployment, at) {
            if !law.mean.is_finite() {
                return f64::INFINITY;
            }
            grid.add(&law);
        }
        grid.measure(slo_limit)
    }

    /// Whether `deployment` meets every SLO limit at `rate`.
    pub fn is_within(&self, deployment: &[TierDeployment], rate: f64) -> bool {
        self.rate_limit.is_none_or(|limit| rate <= limit.get())
            && self.slo_limits.iter().all(|slo_limit| match slo_limit.limit() {
                Some(limit) => self.predict(deployment, rate, slo_limit) <= limit,
                None => true,
            })
    }

    /// The highest rate at which `deployment` meets every SLO limit; zero if it never does.
    pub fn slo_max(&self, deployment: &[TierDeployment]) -> f64 {
        let mut high = self.ceilings(deployment).first().map_or(1e6, |c| c.rate.get() / 0.8);
        let mut low = 0.0;
        for _ in 0..24 {
            let middle = f64::midpoint(low, high);
            if self.is_within(deployment, middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// One wait for each resource that requests queue for, infinite where it is overloaded: at a rate, and with a
    /// hit ratio of the cache, the latest one if `None`.
    pub(super) fn waits(
        &self,
        deployment: &[TierDeployment],
        (rate, hit_ratio): (f64, Option<f64>),
    ) -> Vec<WaitLaw> {
        let fewer_hits = match (self.hits, hit_ratio) {
            (Some(hits), Some(ratio)) => hits.latest - ratio,
            _ => 0.0,
        };
        let cores: Vec<WaitLaw> = (0..self.tiers.len())
            .map(|index| self.wait_for_cores(index, &deployment[index], (rate, fewer_hits)))
            .collect();
        let mut all = cores.clone();
        for (index, tier) in self.tiers.iter().enumerate() {
            all.extend(tier.pools.iter().map(|pool| {
                // A connection is held while what lies behind waits, too.
                let station = Station {
                    arrivals: rate,
                    service_time: pool.hold + self.behind(&pool.to, &cores, self.tiers.len()),
                    servers: pool.limit * deployment[index].replicas,
                    arrivals_cv2: 1.0,
                    service_cv2: 1.0,
                };
                station.wait()
            }));
        }
        if let Some(SerialResource { demand, .. }) = self.serial {
            let (arrivals, service_time) = (rate / self.serial_growth(deployment), demand);
            let single =
                Station { arrivals, service_time, servers: 1, arrivals_cv2: 1.0, service_cv2: 1.0 };
            all.push(single.wait());
        }
        all
    }

    /// What a request waits for cores in the tier named `to` and in those that it holds pools to, at most `depth`
    /// tiers deep.
    fn behind(&self, to: &str, cores: &[WaitLaw], depth: usize) -> f64 {
        let found = self.tiers.iter().zip(cores).find(|(tier, _)| tier.name == to);
        let Some((tier, law)) = found.filter(|_| depth > 0) else { return 0.0 };
        let further = tier.pools.iter().map(|pool| self.behind(&pool.to, cores, depth - 1));
        law.mean + further.sum::<f64>()
    }

    fn wait_for_cores(
        &self,
        index: usize,
        deployed: &TierDeployment,
        (rate, fewer_hits): (f64, f64),
    ) -> WaitLaw {
        let Some(demand) = self.tiers[index].demand.filter(|demand| demand.seconds.value > 0.0)
        else {
            return WaitLaw::NONE;
        };
        let seconds = demand.seconds.value;
        let seconds = (seconds + demand.per_miss * fewer_hits).max(0.1 * seconds);
        let (replicas, servers) = (f64::from(deployed.replicas), deployed.cores.ceil().max(1.0));
        // A part of a core serves like a whole one that is slower.
        let service_time = seconds * servers / deployed.cores;
        let arrivals = rate + demand.background * replicas / seconds;
        let split = |arrivals_cv2| {
            let arrivals = arrivals / replicas;
            let servers = servers as u32;
            Station { arrivals, service_time, servers, arrivals_cv2, service_cv2: self.spread }
        };
        match self.tiers[index].balancing {
            SimulatedBalancing::Random => split(1.0).wait(),
            SimulatedBalancing::RoundRobin => split(1.0 / replicas).wait(),
            SimulatedBalancing::LeastConnections => {
                let servers = servers as u32 * deployed.replicas;
                Station { arrivals, servers, ..split(1.0) }.wait()
            }
        }
    }
}

impl CapacityModel {
    /// The model as another measurement might have given it: demands and spread drawn from their errors.
    pub(crate) fn redrawn(&self, random: &mut Pcg64Mcg) -> Self {
        let mut model = self.clone();
        for demand in model.tiers.iter_mut().filter_map(|tier| tier.demand.as_mut()) {
            let noise: f64 = StandardNormal.sample(random);
            let seconds = &mut demand.seconds;
            seconds.value =
                (seconds.value + noise * seconds.standard_error()).max(0.5 * seconds.value);
        }
        let noise: f64 = StandardNormal.sample(random);
        model.spread *= (self.spread_error * noise).exp();
        model
    }
}

impl CapacityModel {
    /// The fitted stack as a simulation, for what no formula covers: losses, ramps, autoscaling.
    ///
    /// Each tier serves its demand with the fitted spread; what the unloaded response time holds beyond
    /// the demands is an external delay that all requests spend. Of several pools of a tier, the one that carries
    /// least is simulated.
    pub fn simulated(&self, deployment: &[TierDeployment]) -> SimulatedStack {
        let law = |seconds: f64| SimulatedServiceTime::of_spread(seconds, self.spread);
        let mut tiers: Vec<SimulatedTier> = Vec::new();
        for (index, (tier, deployed)) in self.tiers.iter().zip(deployment).enumerate() {
            let servers = deployed.cores.ceil().max(1.0);
            let demand = tier.demand.map_or(0.0, |demand| demand.seconds.value);
            let mut simulated =
                SimulatedTier::cores(&tier.name, deployed.replicas, servers as u32, Nanos::ZERO);
            simulated.service = law(demand * servers / deployed.cores);
            simulated.balancing = tier.balancing;
            let carries = |pool: &&PoolModel| f64::from(pool.limit) / pool.hold;
            let pool = tier.pools.iter().min_by(|a, b| carries(a).total_cmp(&carries(b)));
            simulated.pool = pool.map(|pool| pool.limit);
            if demand <= 0.0 {
                simulated.work = ServiceWork::External(None);
            }
            let serial = self.serial.filter(|serial| serial.tier.unwrap_or(0) == index);
            // One lock is simulated: as many as grow with the replicas pass as one that is so much faster.
            let growth = self.serial_growth(deployment);
            simulated.lock = serial.map(|serial| law(serial.demand / growth));
            tiers.push(simulated);
        }
        let busy: f64 = tiers
            .iter()
            .map(|tier| tier.service.mean() + tier.lock.map_or(0.0, |lock| lock.mean()))
            .sum();
        let rest = (self.unloaded.measure(&SloLimit::Mean { max: Nanos::MAX }) - busy).max(0.0);
        tiers
            .push(SimulatedTier::external("elsewhere", SimulatedServiceTime::of_spread(rest, 0.0)));
        let rate_limit = self.rate_limit.map(|rate| SimulatedRateLimit { rate, burst: 1 });
        SimulatedStack { tiers, rate_limit }
    }
}
