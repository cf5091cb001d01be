//! A case: everything that a seed decides about one simulated run.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::engine::SteeringCommand;
use crate::transport::simulated::WorldProfile;
use plimsoll_plan::{ArrivalLaw, ClosedLoad, Load, OpenLoad, Stage};
use plimsoll_units::{Nanos, Rate};

use super::plans::{PLANS, SHARDS, TIMEOUT};
use super::server::ServerProfile;

/// What a case is mainly about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CaseKind {
    /// An open workload in a faulty world.
    Open,
    /// The same, stopped or steered at any moment.
    Steered,
    /// A closed model.
    Closed,
    /// Fewer connections than users.
    Scarce,
    /// Nothing fails: what is sent is what is answered is what is counted.
    Fair,
    /// The work of a user panics.
    Panic,
}

/// Everything that a seed decides.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) kind: CaseKind,
    pub(super) seed: u64,
    pub(super) plan: usize,
    pub(super) load: Load,
    pub(super) shards: u32,
    pub(super) workers: u32,
    pub(super) profile: WorldProfile,
    pub(super) server: ServerProfile,
    /// Over all workers of a shard.
    pub(super) connections: u64,
    /// How long a request may take.
    pub(super) timeout: Nanos,
    /// Green's share of the arrivals, where there is a green target.
    pub(super) green: Option<f64>,
    /// What the user does, and when, from the beginning of the run on.
    pub(super) commands: Vec<(Nanos, SteeringCommand)>,
    /// How long iterations go on behind the load.
    pub(super) graceful_stop: Nanos,
    /// When the machine stands still, and for how long.
    pub(super) stalls: Vec<(Nanos, Nanos)>,
    /// The longest that the coordinator leaves messages waiting.
    pub(super) nap: Nanos,
}

/// Long enough for every iteration to end, also where all its requests time out, and for a second to be closed behind.
pub(super) const QUIET: Nanos = Nanos::from_millis(2_500);

/// Draws what a case needs.
struct Draw(Pcg64Mcg);

impl Draw {
    fn one_in(&mut self, count: u32) -> bool {
        self.0.random_range(0..count) == 0
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// Mostly nothing, else a share of up to `most`.
    fn share(&mut self, most: f64) -> f64 {
        if self.one_in(3) { self.0.random::<f64>() * most } else { 0.0 }
    }

    fn millis(&mut self, least: u64, most: u64) -> Nanos {
        Nanos::new(self.between(least * 1_000_000, most * 1_000_000))
    }

    fn rate(&mut self) -> Rate {
        Rate::per_second(self.0.random::<f64>() * 120.0)
    }
}

impl Case {
    /// The case of `seed`.
    pub(super) fn new(kind: CaseKind, seed: u64) -> Self {
        let mut draw = Draw(Pcg64Mcg::seed_from_u64(seed ^ 0x5eed));
        // Processes are steered apart, and agree only as far as their commands come at once.
        let shards = if kind != CaseKind::Steered && draw.one_in(3) {
            draw.between(2, SHARDS as u64) as u32
        } else {
            1
        };
        let workers = if draw.one_in(2) { draw.between(2, 3) as u32 } else { 1 };
        let load = if kind == CaseKind::Closed { closed(&mut draw) } else { open(&mut draw, kind) };
        let length = load.duration();
        let is_fair = kind == CaseKind::Fair;
        let mut stalls = Vec::new();
        while !is_fair && stalls.len() < 3 && draw.one_in(3) {
            let at = draw.between(0, length.get() + 100_000_000);
            stalls.push((Nanos::new(at), draw.millis(1, 300)));
        }
        let connections = match kind {
            CaseKind::Scarce => draw.between(1, 12),
            _ => u64::MAX,
        };
        let commands = if kind == CaseKind::Steered { commands(&mut draw, length) } else { vec![] };
        let is_patient = kind == CaseKind::Steered && draw.one_in(4);
        let nap = if draw.one_in(4) { draw.millis(1, 5_000) } else { Nanos::ZERO };
        let mut server = if is_fair { good(&mut draw) } else { bad(&mut draw) };
        if kind == CaseKind::Panic {
            server.panic_at = Some(draw.between(1, 40));
        }
        Self {
            kind,
            seed,
            plan: draw.between(0, PLANS.len() as u64 - 1) as usize,
            load,
            shards,
            workers,
            profile: if is_fair { WorldProfile::FAIR } else { faulty(&mut draw) },
            server,
            connections,
            // Longer than a run that is stopped waits for what is in flight.
            timeout: if is_patient { Nanos::from_secs(8) } else { TIMEOUT },
            green: (kind != CaseKind::Scarce && draw.one_in(5)).then(|| draw.0.random()),
            commands,
            stalls,
            nap,
            graceful_stop: if draw.one_in(4) { draw.millis(10, 800) } else { Nanos::ZERO },
        }
    }

    /// Whether every histogram is merged as well, which takes most of the time that a case takes.
    pub(super) fn is_counted_in_full(&self) -> bool {
        self.kind == CaseKind::Fair || self.seed.is_multiple_of(32)
    }

    /// By how much anything may come later than it should: the machine stands still or wakes somebody late.
    pub(super) fn slack(&self) -> Nanos {
        let stalls: Nanos = self.stalls.iter().map(|(_, span)| *span).sum();
        stalls + self.profile.late * 3_000 + Nanos::from_millis(20)
    }
}

fn open(draw: &mut Draw, kind: CaseKind) -> Load {
    let arrivals = if draw.one_in(4) { ArrivalLaw::Constant } else { ArrivalLaw::Poisson };
    let mut stages = Vec::new();
    for _ in 0..draw.between(1, 3) {
        let from = draw.rate();
        let to = if draw.one_in(2) { from } else { draw.rate() };
        stages.push(Stage { from, to, duration: draw.millis(20, 300), judged: true });
    }
    // Half of the runs end in the middle of their load, the others when all has come to rest.
    if kind == CaseKind::Fair || draw.one_in(2) {
        let (from, to) = (Rate::ZERO, Rate::ZERO);
        stages.push(Stage { from, to, duration: QUIET, judged: false });
    }
    Load::Open(OpenLoad { arrivals, stages, max_vus: draw.between(1, 40) as u32, mix: None })
}

fn closed(draw: &mut Draw) -> Load {
    let pace = if draw.one_in(2) { draw.millis(1, 80) } else { Nanos::ZERO };
    let duration = draw.millis(40, 500);
    Load::Closed(ClosedLoad::steady(draw.between(1, 12) as u32, duration, pace))
}

fn commands(draw: &mut Draw, length: Nanos) -> Vec<(Nanos, SteeringCommand)> {
    let mut commands: Vec<(Nanos, SteeringCommand)> = (0..draw.between(1, 4))
        .map(|_| {
            let command = match draw.between(0, 7) {
                0 => SteeringCommand::Scale(draw.0.random::<f64>() * 3.0),
                1 => SteeringCommand::Hold,
                2 => SteeringCommand::SkipStage,
                3 => SteeringCommand::Pause,
                4 => SteeringCommand::Resume,
                5 => SteeringCommand::Mark("here".to_owned()),
                6 => SteeringCommand::Stop,
                _ => SteeringCommand::Abort,
            };
            (Nanos::new(draw.between(0, length.get() + 100_000_000)), command)
        })
        .collect();
    commands.sort_by_key(|(at, _)| *at);
    commands
}

fn faulty(draw: &mut Draw) -> WorldProfile {
    WorldProfile {
        look: Nanos::new(draw.between(200, 2_000)),
        late: Nanos::from_micros(draw.between(1, 80)),
        very_late: draw.share(0.05),
        early: draw.share(0.1),
        latency: if draw.one_in(2) { draw.millis(0, 2) } else { Nanos::ZERO },
        short_writes: draw.share(0.2),
    }
}

fn good(draw: &mut Draw) -> ServerProfile {
    ServerProfile {
        servers: draw.between(1, 4) as usize,
        service: Nanos::from_micros(draw.between(100, 2_000)),
        ..ServerProfile::GOOD
    }
}

fn bad(draw: &mut Draw) -> ServerProfile {
    ServerProfile {
        servers: draw.between(1, 4) as usize,
        service: Nanos::from_micros(draw.between(100, 12_000)),
        dialling: draw.millis(0, 4),
        refused: draw.share(0.5),
        silent: draw.share(0.3),
        no_port: draw.share(0.1),
        reset: draw.share(0.4),
        cut: draw.share(0.3),
        mute: draw.share(0.3),
        slow: draw.share(0.4),
        pieces: draw.share(0.5),
        unavailable: draw.share(0.3),
        closing: draw.share(0.8),
        panic_at: None,
    }
}
