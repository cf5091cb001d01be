//! A discrete-event simulation of a tiered stack in virtual time: ground truth, and what no formula covers.
//!
//! Open Poisson arrivals pass through tiers of replicas with cores, pools held while calling on, locks,
//! external services and a rate limit. Seeded and free of clocks: the same seed gives the same answers.

mod measure;
mod meter;
mod program;
mod stack;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::histogram::{Histogram, HistogramBuilder};
use meter::GaugeMeter;
use plimsoll_units::{Nanos, RandomStream, Rate, Seed};
use program::{ResourceKind, VisitMove, compile};

pub use measure::{StepLoad, meets, slo_max};
pub use meter::SimulatedTierWindow;
pub use stack::{
    ServiceWork, SimulatedBalancing, SimulatedRateLimit, SimulatedServiceTime, SimulatedStack,
    SimulatedTier,
};

/// What happened in a span of virtual time.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedWindow {
    /// The span.
    pub duration: Nanos,
    /// Requests that arrived, throttled ones included.
    pub arrivals: u64,
    /// Requests refused by the rate limit.
    pub throttled: u64,
    /// Response times of the requests that ended in this span.
    pub response: Histogram,
    /// Each tier's use.
    pub tiers: Vec<SimulatedTierWindow>,
    /// Requests in the stack when the span ended.
    pub in_flight: u64,
}

/// A stack with requests in it, at some moment of virtual time.
pub struct StackSimulation {
    ops: Vec<VisitMove>,
    laws: Vec<SimulatedTier>,
    tiers: Vec<SimulatedTierState>,
    limit: Option<(SimulatedRateLimit, f64, u64)>,
    rate: f64,
    /// Of a stage with a number of arrivals: how many are still to come, and its end.
    stage: Option<(u64, u64)>,
    now: u64,
    next_arrival: u64,
    requests: Vec<SimulatedVisit>,
    free: Vec<u32>,
    events: BinaryHeap<Reverse<(u64, u32)>>,
    ready: Vec<u32>,
    random: Pcg64Mcg,
    arrivals_random: Pcg64Mcg,
    builder: HistogramBuilder,
    arrivals: u64,
    throttled: u64,
}

struct SimulatedVisit {
    arrived: u64,
    op: u32,
    /// The replica it was given, per tier.
    replica: Vec<u16>,
}

struct SimulatedTierState {
    replicas: Vec<SimulatedReplica>,
    lock: QueuedResource,
    turn: usize,
    meter: GaugeMeter,
}

struct SimulatedReplica {
    serving: bool,
    in_flight: u32,
    cores: QueuedResource,
    pool: QueuedResource,
}

struct QueuedResource {
    free: u32,
    waiting: VecDeque<u32>,
}

impl QueuedResource {
    fn new(free: u32) -> Self {
        Self { free, waiting: VecDeque::new() }
    }
}

impl StackSimulation {
    /// An empty stack at time zero with no arrivals.
    pub fn new(stack: &SimulatedStack, seed: Seed) -> Self {
        let tiers = stack
            .tiers
            .iter()
            .map(|tier| SimulatedTierState {
                replicas: (0..tier.replicas.max(1)).map(|_| SimulatedReplica::of(tier)).collect(),
                lock: QueuedResource::new(1),
                turn: 0,
                meter: GaugeMeter::default(),
            })
            .collect();
        Self {
            ops: compile(&stack.tiers),
            laws: stack.tiers.clone(),
            tiers,
            limit: stack.rate_limit.map(|limit| (limit, f64::from(limit.burst), 0)),
            rate: 0.0,
            stage: None,
            now: 0,
            next_arrival: u64::MAX,
            requests: Vec::new(),
            free: Vec::new(),
            events: BinaryHeap::new(),
            ready: Vec::new(),
            random: seed.stream(RandomStream::Simulator, 0),
            arrivals_random: seed.stream(RandomStream::Arrivals, 0),
            builder: HistogramBuilder::new(),
            arrivals: 0,
            throttled: 0,
        }
    }

    /// From now on requests arrive at `rate`.
    pub fn set_rate(&mut self, rate: Rate) {
        (self.rate, self.stage) = (rate.get(), None);
        self.next_arrival = self.now;
        self.draw_arrival();
    }

    /// From now on requests arrive as in a stage of the engine's: independently of each other, and over `span` exactly
    /// as many as `rate` lets expect. None come after it.
    pub fn set_stage(&mut self, rate: Rate, span: Nanos) {
        let count = (rate.get() * span.as_secs_f64()).round() as u64;
        (self.rate, self.stage) = (rate.get(), Some((count, self.now + span.get())));
        self.next_arrival = self.now;
        self.draw_arrival();
    }

    /// One more replica of the `tier`-th tier serves from now on.
    pub fn add_replica(&mut self, tier: usize) {
        let replica = SimulatedReplica::of(&self.laws[tier]);
        self.tiers[tier].replicas.push(replica);
    }

    /// One replica of the `tier`-th tier takes no new requests; those it has are finished. The last one stays.
    pub fn lose_replica(&mut self, tier: usize) {
        let replicas = &mut self.tiers[tier].replicas;
        let spare = replicas.iter().filter(|replica| replica.serving).count() > 1;
        if let Some(replica) = replicas.iter_mut().find(|replica| spare && replica.serving) {
            replica.serving = false;
        }
    }

    /// Replicas of the `tier`-th tier that take requests.
    pub fn serving(&self, tier: usize) -> usize {
        self.tiers[tier].replicas.iter().filter(|replica| replica.serving).count()
    }

    /// Plays `span` of virtual time and says what happened in it.
    pub fn advance(&mut self, span: Nanos) -> SimulatedWindow {
        let end = self.now + span.get();
        loop {
            let event = self.events.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
            if self.next_arrival.min(event) >= end {
                break;
            }
            if self.next_arrival <= event {
                self.now = self.next_arrival;
                self.arrive();
                self.draw_arrival();
            } else if let Some(Reverse((at, request))) = self.events.pop() {
                self.now = at;
                self.ready.push(request);
            }
            while let Some(request) = self.ready.pop() {
                self.play(request);
            }
        }
        self.now = end;
        self.close_window(span)
    }

    fn close_window(&mut self, span: Nanos) -> SimulatedWindow {
        let now = self.now;
        SimulatedWindow {
            duration: span,
            arrivals: std::mem::take(&mut self.arrivals),
            throttled: std::mem::take(&mut self.throttled),
            response: self.builder.take(),
            tiers: self.tiers.iter_mut().map(|tier| tier.meter.take(now)).collect(),
            in_flight: (self.requests.len() - self.free.len()) as u64,
        }
    }

    fn draw_arrival(&mut self) {
        if self.rate <= 0.0 {
            self.next_arrival = u64::MAX;
            return;
        }
        let uniform: f64 = self.arrivals_random.random();
        let gap = match &mut self.stage {
            None => -1e9 * (1.0 - uniform).ln() / self.rate,
            Some((0, _)) => {
                self.next_arrival = u64::MAX;
                return;
            }
            // The first of so many that are uniform over the rest of the stage.
            Some((left, end)) => {
                let rest = end.saturating_sub(self.next_arrival) as f64;
                let gap = rest * (1.0 - (1.0 - uniform).powf(1.0 / *left as f64));
                *left -= 1;
                gap
            }
        };
        self.next_arrival = self.next_arrival.saturating_add(gap as u64);
    }

    fn arrive(&mut self) {
        self.arrivals += 1;
        if let Some((limit, tokens, since)) = &mut self.limit {
            let refilled = (self.now - *since) as f64 / 1e9 * limit.rate.get();
            *tokens = (*tokens + refilled).min(f64::from(limit.burst.max(1)));
            *since = self.now;
            if *tokens < 1.0 {
                self.throttled += 1;
                return;
            }
            *tokens -= 1.0;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            let replica = vec![0; self.tiers.len()];
            self.requests.push(SimulatedVisit { arrived: 0, op: 0, replica });
            (self.requests.len() - 1) as u32
        });
        let request = &mut self.requests[id as usize];
        (request.arrived, request.op) = (self.now, 0);
        self.ready.push(id);
    }

    /// Carries one request on until it waits, works or is answered.
    fn play(&mut self, id: u32) {
        loop {
            let at = self.requests[id as usize].op as usize;
            let Some(op) = self.ops.get(at).copied() else {
                self.builder.record(self.now - self.requests[id as usize].arrived);
                self.free.push(id);
                return;
            };
            self.requests[id as usize].op += 1;
            match op {
                VisitMove::Pass { share, to } => {
                    if self.random.random::<f64>() >= share {
                        self.requests[id as usize].op = to;
                    }
                }
                VisitMove::Enter(tier) => self.enter(id, tier),
                VisitMove::Leave(tier) => self.leave(id, tier),
                VisitMove::Hold(tier, slot) => {
                    if !self.hold(id, tier, slot) {
                        return;
                    }
                }
                VisitMove::Release(tier, slot) => self.release(id, tier, slot),
                VisitMove::Work(law) => {
                    let took = law.sample(&mut self.random);
                    self.events.push(Reverse((self.now + took, id)));
                    return;
                }
            }
        }
    }

    fn enter(&mut self, id: u32, tier: usize) {
        let balancing = self.laws[tier].balancing;
        let state = &mut self.tiers[tier];
        let chosen = state.choose(balancing, &mut self.random);
        state.replicas[chosen].in_flight += 1;
        state.meter.change(self.now, meter::GaugeKind::InFlight, 1);
        self.requests[id as usize].replica[tier] = chosen as u16;
    }

    fn leave(&mut self, id: u32, tier: usize) {
        let replica = self.requests[id as usize].replica[tier] as usize;
        let state = &mut self.tiers[tier];
        state.replicas[replica].in_flight -= 1;
        state.meter.change(self.now, meter::GaugeKind::InFlight, -1);
    }

    /// Whether the request got one of the resource; otherwise it now waits in line.
    fn hold(&mut self, id: u32, tier: usize, slot: ResourceKind) -> bool {
        let replica = self.requests[id as usize].replica[tier] as usize;
        let state = &mut self.tiers[tier];
        let resource = state.resource(slot, replica);
        if resource.free == 0 {
            resource.waiting.push_back(id);
            return false;
        }
        resource.free -= 1;
        state.meter.change(self.now, slot.gauge(), 1);
        true
    }

    /// Gives the resource to the next in line, which goes on at once, or back.
    fn release(&mut self, id: u32, tier: usize, slot: ResourceKind) {
        let replica = self.requests[id as usize].replica[tier] as usize;
        let state = &mut self.tiers[tier];
        let resource = state.resource(slot, replica);
        if let Some(next) = resource.waiting.pop_front() {
            self.ready.push(next);
        } else {
            resource.free += 1;
            state.meter.change(self.now, slot.gauge(), -1);
        }
    }
}

impl SimulatedReplica {
    fn of(tier: &SimulatedTier) -> Self {
        let servers = match tier.work {
            ServiceWork::Cores(cores) => cores.max(1),
            ServiceWork::External(limit) => limit.unwrap_or(u32::MAX),
        };
        Self {
            serving: true,
            in_flight: 0,
            cores: QueuedResource::new(servers),
            pool: QueuedResource::new(tier.pool.unwrap_or(u32::MAX)),
        }
    }
}

impl SimulatedTierState {
    fn resource(&mut self, slot: ResourceKind, replica: usize) -> &mut QueuedResource {
        match slot {
            ResourceKind::Cores | ResourceKind::External => &mut self.replicas[replica].cores,
            ResourceKind::Pool => &mut self.replicas[replica].pool,
            ResourceKind::Lock => &mut self.lock,
        }
    }

    fn choose(&mut self, balancing: SimulatedBalancing, random: &mut Pcg64Mcg) -> usize {
        let count = self.replicas.len();
        if count == 1 {
            return 0;
        }
        let start = match balancing {
            SimulatedBalancing::Random => random.random_range(0..count),
            SimulatedBalancing::LeastConnections | SimulatedBalancing::RoundRobin => {
                self.turn = (self.turn + 1) % count;
                self.turn
            }
        };
        let serving = (0..count)
            .map(|step| (start + step) % count)
            .filter(|replica| self.replicas[*replica].serving);
        let chosen = match balancing {
            SimulatedBalancing::LeastConnections => {
                serving.min_by_key(|replica| self.replicas[*replica].in_flight)
            }
            SimulatedBalancing::Random | SimulatedBalancing::RoundRobin => {
                serving.into_iter().next()
            }
        };
        let chosen = chosen.unwrap_or(0);
        if balancing == SimulatedBalancing::RoundRobin {
            self.turn = chosen;
        }
        chosen
    }
}

#[cfg(test)]
mod tests;
