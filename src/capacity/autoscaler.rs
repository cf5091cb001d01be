//! How steep a ramp a stack survives until the replica that its autoscaler orders begins to serve.
//!
//! No formula covers a queue that builds up while help is on its way, so the ramp is played on the
//! simulation: the rule watches the CPU as the real one does, and new replicas serve after their lag.

use serde::{Deserialize, Serialize};

use super::des::{ServiceWork, SimulatedStack, SimulatedWindow, StackSimulation};
use super::slo_limits::SloLimit;
use plimsoll_units::{Nanos, Rate, Ratio, Seed};

/// When an autoscaler adds a replica.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScaleOut {
    /// Index of the tier that it scales.
    pub tier: usize,
    /// CPU above this share of the tier's cores …
    pub above: Ratio,
    /// … for this long orders one replica.
    pub lasting: Nanos,
    /// From the order until the replica serves; no other is ordered meanwhile.
    pub lag: Nanos,
    /// Never more replicas than this.
    pub replicas_max: u32,
}

/// A climb from one rate to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// Arrivals before the climb.
    pub from: Rate,
    /// Arrivals after it.
    pub to: Rate,
    /// How long it takes.
    pub over: Nanos,
}

/// What a ramp did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RampResult {
    /// Minutes in which an SLO limit was exceeded.
    pub minutes_missed: u32,
    /// The worst ratio of a measured value to its SLO limit over any minute.
    pub worst: f64,
    /// Replicas at the end.
    pub replicas: u32,
}

/// How often the rule looks at the CPU, and the rate is raised.
const TICK: Nanos = Nanos::from_secs(10);
/// SLO limits are judged over a minute, so that a moment's excursion is no miss.
const TICKS_A_MINUTE: usize = 6;

/// A stack with its autoscaler, and what it has to keep.
#[derive(Debug, Clone, Copy)]
pub struct AutoscaledStack<'a> {
    /// The stack before any replica is added.
    pub stack: &'a SimulatedStack,
    /// When a replica is added.
    pub rule: &'a ScaleOut,
    /// What must hold in every minute.
    pub slo_limits: &'a [SloLimit],
    /// For arrivals and services.
    pub seed: Seed,
}

impl AutoscaledStack<'_> {
    /// Plays `ramp` and holds its end until all ordered replicas could have come.
    pub fn play(&self, ramp: &Ramp) -> RampResult {
        self.play_until(ramp, u32::MAX)
    }

    /// Plays until the end, or until `misses_max` minutes were missed.
    fn play_until(&self, ramp: &Ramp, misses_max: u32) -> RampResult {
        let Self { stack, rule, slo_limits, seed } = *self;
        let mut simulation = StackSimulation::new(stack, seed);
        simulation.set_rate(ramp.from);
        simulation.advance(Nanos::from_secs(60));
        let orders =
            u64::from(rule.replicas_max).saturating_sub(replicas(&simulation, rule) as u64);
        let settle = (rule.lasting + rule.lag) * orders + Nanos::from_secs(60);
        let ticks = (ramp.over + settle).get() / TICK.get();
        let mut watch = AutoscalerState { hot: Nanos::ZERO, arrives: None };
        let mut result = RampResult { minutes_missed: 0, worst: 0.0, replicas: 0 };
        let mut minute = Vec::new();
        for tick in 0..ticks {
            let done =
                (tick as f64 * TICK.as_secs_f64() / ramp.over.as_secs_f64().max(1e-9)).min(1.0);
            let rate = ramp.from.get() + done * (ramp.to.get() - ramp.from.get());
            simulation.set_rate(Rate::per_second(rate));
            let window = simulation.advance(TICK);
            let busy = cpu(stack, rule, &window, replicas(&simulation, rule));
            watch.step(&mut simulation, rule, busy);
            // A queue without end is a miss already; playing it on would only take memory.
            let runaway = window.in_flight as f64 > 60.0 * rate.max(10.0);
            minute.push(window.response);
            if minute.len() == TICKS_A_MINUTE || runaway {
                let response = super::Histogram::merged(&minute);
                let ratio = |slo_limit: &SloLimit| {
                    slo_limit.measure(&response) / slo_limit.limit().unwrap_or(f64::INFINITY)
                };
                let worst = slo_limits.iter().map(ratio).fold(0.0, f64::max);
                result.worst = result.worst.max(worst);
                result.minutes_missed += u32::from(worst > 1.0 || runaway);
                minute.clear();
            }
            if runaway || result.minutes_missed >= misses_max {
                break;
            }
        }
        result.replicas = replicas(&simulation, rule) as u32;
        result
    }

    /// The shortest climb that misses no minute, between none and that of `ramp`; `None` if even the longest misses
    /// one.
    pub fn steepest_ramp(&self, ramp: &Ramp) -> Option<Nanos> {
        let survives =
            |over: Nanos| self.play_until(&Ramp { over, ..*ramp }, 1).minutes_missed == 0;
        let (mut low, mut high) = (Nanos::ZERO, ramp.over);
        if !survives(high) {
            return None;
        }
        if survives(low) {
            return Some(low);
        }
        while high.saturating_sub(low) > Nanos::from_secs(30) {
            let middle = Nanos::new(u64::midpoint(low.get(), high.get()));
            if survives(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

/// What the rule remembers.
struct AutoscalerState {
    hot: Nanos,
    arrives: Option<Nanos>,
}

impl AutoscalerState {
    fn step(&mut self, simulation: &mut StackSimulation, rule: &ScaleOut, cpu: f64) {
        self.hot = if cpu > rule.above.get() { self.hot + TICK } else { Nanos::ZERO };
        match self.arrives {
            Some(left) if left <= TICK => {
                simulation.add_replica(rule.tier);
                *self = Self { hot: Nanos::ZERO, arrives: None };
            }
            Some(left) => self.arrives = Some(left.saturating_sub(TICK)),
            None => {
                let room = replicas(simulation, rule) < rule.replicas_max as usize;
                if self.hot >= rule.lasting && room {
                    self.arrives = Some(rule.lag);
                }
            }
        }
    }
}

fn replicas(simulation: &StackSimulation, rule: &ScaleOut) -> usize {
    simulation.serving(rule.tier)
}

fn cpu(stack: &SimulatedStack, rule: &ScaleOut, window: &SimulatedWindow, replicas: usize) -> f64 {
    let cores = match stack.tiers[rule.tier].work {
        ServiceWork::Cores(cores) => f64::from(cores),
        ServiceWork::External(_) => return 0.0,
    };
    window.tiers[rule.tier].cores_used / (cores * replicas as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::des::SimulatedTier;

    /// `AlAwael`: two instances of 2 cores, up to 5; CPU > 70 % for 2 min; 5 min to serve.
    fn alawael() -> (SimulatedStack, ScaleOut, [SloLimit; 1]) {
        let api = SimulatedTier::cores("api", 2, 2, Nanos::from_millis(60));
        let rule = ScaleOut {
            tier: 0,
            above: Ratio::new(0.7),
            lasting: Nanos::from_secs(120),
            lag: Nanos::from_secs(300),
            replicas_max: 5,
        };
        let slo_limit = SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(500) };
        (SimulatedStack { tiers: vec![api], rate_limit: None }, rule, [slo_limit])
    }

    #[test]
    fn autoscaler_keeps_up_with_a_gentle_ramp_but_not_with_a_step() {
        let (stack, rule, slo_limits) = alawael();
        let scaled = AutoscaledStack {
            stack: &stack,
            rule: &rule,
            slo_limits: &slo_limits,
            seed: Seed::new(1),
        };
        let ramp = |minutes: u64| Ramp {
            from: Rate::per_second(33.0),
            to: Rate::per_second(110.0),
            over: Nanos::from_secs(60 * minutes),
        };
        let gentle = scaled.play(&ramp(90));
        assert_eq!((gentle.minutes_missed, gentle.replicas), (0, 5));
        let step = scaled.play(&ramp(0));
        assert!(step.minutes_missed > 0, "{step:?}");
    }

    /// Two instances carry about 60/s. The rule fires 2 min after 47/s and help comes 5 min later, so a
    /// climb of s a minute has reached about 47 + 7s by then: s may be about 1.9, less where
    /// chance alone spoils a minute near the knee.
    #[test]
    fn steepest_ramp_agrees_with_what_arithmetic_says_about_the_lag() {
        let (stack, rule, slo_limits) = alawael();
        let scaled = AutoscaledStack {
            stack: &stack,
            rule: &rule,
            slo_limits: &slo_limits,
            seed: Seed::new(1),
        };
        let ramp = Ramp {
            from: Rate::per_second(33.0),
            to: Rate::per_second(80.0),
            over: Nanos::from_secs(3_600),
        };
        let over = scaled.steepest_ramp(&ramp).expect("survivable");
        let slope = 47.0 / (over.as_secs_f64() / 60.0);
        assert!((1.0..=2.6).contains(&slope), "{slope} req/s a minute");
    }
}
