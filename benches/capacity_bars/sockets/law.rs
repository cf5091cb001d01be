//! What a server of known truth does with each request, worked out as it arrives.
//!
//! Everything is first come, first served, so that an arrival's end follows from the arrivals before it (the recursion of
//! Kiefer and Wolfowitz, 1955). The server over sockets and the simulation that tells its truth play the same law: what
//! the machine adds in waking and parsing delays an answer, and never changes what the server carries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use plimsoll::units::{RandomStream, Seed};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Nanoseconds in a millisecond.
const MS: f64 = 1e6;

/// A CPU quota: so much of each period.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuQuota {
    pub(super) cores: f64,
    pub(super) period_ms: f64,
}

/// What a server is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerLaw {
    pub(super) replicas: usize,
    /// Requests that a replica works on at once.
    pub(super) slots: usize,
    /// The time in a slot, or its mean.
    pub(super) service_ms: f64,
    /// Whether that time is exponential.
    pub(super) exponential: bool,
    /// By how much of itself it grows with each other request that is in a slot at its start.
    pub(super) growth: f64,
    /// A lock that all replicas share, taken at the start of each service and held so long.
    pub(super) lock_ms: Option<f64>,
    /// Requests of a replica that may wait; more are refused with 503.
    pub(super) waiting_max: Option<usize>,
    /// Requests a second that are let through, and a burst; more are refused with 429.
    pub(super) limit: Option<(f64, f64)>,
    /// What the slot's time is taken from, if it is CPU under a quota.
    pub(super) quota: Option<CpuQuota>,
    /// CPU of a request where the slots are no cores.
    pub(super) cpu_ms: Option<f64>,
}

impl ServerLaw {
    /// `slots` of one replica in which each request spends `service_ms`; its CPU is of no account.
    pub(super) const fn slots(slots: usize, service_ms: f64) -> Self {
        Self {
            replicas: 1,
            slots,
            service_ms,
            exponential: false,
            growth: 0.0,
            lock_ms: None,
            waiting_max: None,
            limit: None,
            quota: None,
            cpu_ms: Some(0.2),
        }
    }

    /// The same, where slots are cores.
    pub(super) const fn cores(cores: usize, service_ms: f64) -> Self {
        Self { cpu_ms: None, ..Self::slots(cores, service_ms) }
    }

    pub(super) const fn exponential(self) -> Self {
        Self { exponential: true, ..self }
    }
}

/// What becomes of a request; times in nanoseconds since the server's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RequestFate {
    /// It is answered then.
    Answered(u64),
    /// It is refused at once, with this status.
    Refused(u16),
}

/// What a server tells of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerGauges {
    pub(super) cpu_s: f64,
    pub(super) in_flight: usize,
    /// Slots in use.
    pub(super) busy: usize,
}

/// Requests in one replica.
struct ReplicaQueue {
    /// When each slot is free.
    free: BinaryHeap<Reverse<u64>>,
    /// When each request that is present leaves.
    present: BinaryHeap<Reverse<u64>>,
}

/// A server with requests in it.
pub(super) struct KnownState {
    law: ServerLaw,
    random: Pcg64Mcg,
    replicas: Vec<ReplicaQueue>,
    turn: usize,
    lock_free: u64,
    tokens: (f64, u64),
    /// The period that the quota is at, and what of it is used.
    quota: (u64, f64),
    /// CPU of services that are over, in seconds; and those that are not, with start and end.
    cpu_s: f64,
    working: Vec<(u64, u64)>,
}

impl KnownState {
    pub(super) fn new(law: ServerLaw, seed: Seed) -> Self {
        let queue = || ReplicaQueue {
            free: (0..law.slots).map(|_| Reverse(0)).collect(),
            present: BinaryHeap::new(),
        };
        Self {
            law,
            random: seed.stream(RandomStream::Simulator, 0),
            replicas: (0..law.replicas).map(|_| queue()).collect(),
            turn: 0,
            lock_free: 0,
            tokens: (law.limit.map_or(0.0, |(_, burst)| burst), 0),
            quota: (0, 0.0),
            cpu_s: 0.0,
            working: Vec::new(),
        }
    }

    /// A request comes at `now`, none earlier than the last.
    pub(super) fn arrive(&mut self, now: u64) -> RequestFate {
        if !self.is_let_through(now) {
            return RequestFate::Refused(429);
        }
        let chosen = self.choose(now);
        let most = self.law.waiting_max.map(|waiting| waiting + self.law.slots);
        if most.is_some_and(|most| self.replicas[chosen].present.len() >= most) {
            return RequestFate::Refused(503);
        }
        let drawn =
            if self.law.exponential { -(1.0 - self.random.random::<f64>()).ln() } else { 1.0 };
        let replica = &mut self.replicas[chosen];
        let Some(Reverse(free)) = replica.free.pop() else { return RequestFate::Refused(500) };
        let start = now.max(free);
        let others = replica.free.iter().filter(|Reverse(free)| *free > start).count();
        let service = drawn * self.law.service_ms * MS * (1.0 + self.law.growth * others as f64);
        let mut begin = start;
        if let Some(lock) = self.law.lock_ms {
            self.lock_free = begin.max(self.lock_free) + (lock * MS) as u64;
            begin = self.lock_free;
        }
        let end = match self.law.quota {
            None => begin + service as u64,
            Some(quota) => self.worked(begin, service, quota),
        };
        let replica = &mut self.replicas[chosen];
        replica.free.push(Reverse(end));
        replica.present.push(Reverse(end));
        self.working.push((start, end));
        if self.working.len() > 1_000 {
            self.settle(now);
        }
        RequestFate::Answered(end)
    }

    /// How it stands at `now`.
    pub(super) fn gauges(&mut self, now: u64) -> ServerGauges {
        self.settle(now);
        let begun = self.working.iter().filter(|(start, _)| *start <= now);
        let seconds = |from: u64| now.saturating_sub(from) as f64 / 1e9;
        let under_way = match self.law.cpu_ms {
            None => begun.clone().map(|(start, _)| seconds(*start)).sum(),
            Some(_) => 0.0,
        };
        ServerGauges {
            cpu_s: self.cpu_s + under_way,
            in_flight: self.working.len(),
            busy: begun.count(),
        }
    }

    /// Books the CPU of services that are over.
    fn settle(&mut self, now: u64) {
        let (law, cpu_s) = (self.law, &mut self.cpu_s);
        self.working.retain(|(start, end)| {
            if *end <= now {
                let busy = (end - start) as f64 / 1e9;
                *cpu_s += law.cpu_ms.map_or(busy, |ms| ms / 1e3);
            }
            *end > now
        });
    }

    fn is_let_through(&mut self, now: u64) -> bool {
        let Some((rate, burst)) = self.law.limit else { return true };
        let (tokens, since) = self.tokens;
        let tokens = (tokens + (now - since) as f64 / 1e9 * rate).min(burst);
        self.tokens = (if tokens < 1.0 { tokens } else { tokens - 1.0 }, now);
        tokens >= 1.0
    }

    /// The replica with the fewest requests; of equal ones the next in turn.
    fn choose(&mut self, now: u64) -> usize {
        for replica in &mut self.replicas {
            while replica.present.peek().is_some_and(|Reverse(end)| *end <= now) {
                replica.present.pop();
            }
        }
        let count = self.replicas.len();
        self.turn = (self.turn + 1) % count;
        let from_turn = (0..count).map(|step| (self.turn + step) % count);
        from_turn.min_by_key(|index| self.replicas[*index].present.len()).unwrap_or(0)
    }

    /// When `work` nanoseconds of CPU that begin at `begin` are done: a period gives its quota and no more.
    fn worked(&mut self, begin: u64, mut work: f64, quota: CpuQuota) -> u64 {
        let period = quota.period_ms * MS;
        let share = quota.cores * period;
        let mut at = begin as f64;
        loop {
            let index = (at / period) as u64;
            if index != self.quota.0 {
                self.quota = (index, 0.0);
            }
            let end_of_period = (index + 1) as f64 * period;
            let room = (share - self.quota.1).min(end_of_period - at);
            let done = work.min(room.max(0.0));
            self.quota.1 += done;
            (work, at) = (work - done, at + done);
            if work <= 0.0 {
                return at as u64;
            }
            at = end_of_period;
        }
    }
}
