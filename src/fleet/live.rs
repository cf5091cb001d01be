//! The live view: coarse seconds of all agents, merged as they come.
//!
//! It is what screens, exports and guards read; it may miss something and never enters the verdict. A second is shown
//! once every agent that is heard of has told it or a later one; one that is silent for three seconds is not waited for
//! any more, nor for longer than ten seconds one that is heard of but tells no seconds.

use std::collections::BTreeMap;

use plimsoll_metrics::{Distribution, Interval, Readings, SparseDistribution};
use plimsoll_units::{Nanos, RunTime};

const SECOND: u64 = 1_000_000_000;
/// So many seconds without a word, and an agent is absent.
const SILENT: Nanos = Nanos::from_secs(3);
/// Of so many seconds, the last is shown as it is: no agent holds more of them back.
const OPEN_MAX: u64 = 10;

/// The second as screens need it: response times in two digits, no service times, no phases.
pub fn coarse(interval: &Interval) -> Interval {
    let mut coarse = interval.clone();
    let steps = coarse.steps.values_mut().chain(coarse.logical.values_mut());
    for step in steps {
        step.response_time = two_digits(&step.response_time);
        step.service_time = SparseDistribution::default();
        step.phases.clear();
        step.time_parts = plimsoll_metrics::TimeParts::default();
    }
    for scenario in coarse.scenarios.values_mut() {
        scenario.response_time = SparseDistribution::default();
        scenario.time_parts = plimsoll_metrics::TimeParts::default();
        scenario.iteration_time = two_digits(&scenario.iteration_time);
    }
    coarse.schedule_lag = two_digits(&coarse.schedule_lag);
    coarse.readings = Readings::default();
    coarse
}

fn two_digits(times: &SparseDistribution) -> SparseDistribution {
    let mut coarse = Distribution::coarse();
    coarse.merge_sparse(times);
    coarse.to_sparse()
}

/// What became of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentChange {
    /// It has not been heard of since then.
    Silent {
        /// Its shard, from 1.
        number: u32,
        /// The end of the last second that it told.
        since: RunTime,
    },
    /// It is heard of again.
    Back {
        /// Its shard, from 1.
        number: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AgentPresence {
    Present,
    Absent,
    /// Nothing more comes: its log is complete.
    Ended,
}

#[derive(Debug, Clone, Copy)]
struct AgentState {
    presence: AgentPresence,
    /// The end of the last second that it told.
    told: RunTime,
    /// When it was last heard of.
    seen: RunTime,
}

impl AgentState {
    /// Whether second `second` of a run is still to be expected of it. It tells its seconds in order.
    fn is_awaited(&self, second: u64) -> bool {
        self.presence == AgentPresence::Present && second_of(self.told) < second
    }
}

/// Which second of a run ends at `end`. The last part of a run shares it with nothing else of the same agent.
const fn second_of(end: RunTime) -> u64 {
    end.get().div_ceil(SECOND)
}

/// Merges the seconds of all agents.
#[derive(Debug)]
pub struct LiveMerge {
    agents: BTreeMap<u32, AgentState>,
    open: BTreeMap<u64, Interval>,
    /// An agent that was waited for when it was last looked.
    awaited: Option<u32>,
    /// The latest second that any agent has told.
    latest: u64,
    /// Seconds up to this one have been given out.
    given_out: u64,
    reached: RunTime,
    /// Seconds of agents that came too late to be shown.
    late: u64,
}

impl LiveMerge {
    /// Waits for shards 1 to `agents`, all of which are there at the beginning.
    pub fn new(agents: u32) -> Self {
        let state = AgentState {
            presence: AgentPresence::Present,
            told: RunTime::ZERO,
            seen: RunTime::ZERO,
        };
        Self {
            agents: (1..=agents).map(|number| (number, state)).collect(),
            open: BTreeMap::new(),
            awaited: None,
            latest: 0,
            given_out: 0,
            reached: RunTime::ZERO,
            late: 0,
        }
    }

    /// A second of one agent, heard at `now`. Returns its return, where it had been absent.
    pub fn on_second(
        &mut self,
        number: u32,
        interval: Interval,
        now: RunTime,
    ) -> Option<AgentChange> {
        let state = self.agents.get_mut(&number)?;
        let was_absent = state.presence == AgentPresence::Absent;
        if was_absent {
            state.presence = AgentPresence::Present;
        }
        state.told = state.told.max(interval.end);
        state.seen = state.seen.max(now);
        let second = second_of(interval.end);
        self.latest = self.latest.max(second);
        if second <= self.given_out {
            self.late += 1;
        } else if let Some(known) = self.open.get_mut(&second) {
            known.merge(&interval);
        } else {
            self.open.insert(second, interval);
        }
        was_absent.then_some(AgentChange::Back { number })
    }

    /// An agent is heard of, though it has no second to tell.
    pub fn on_sign(&mut self, number: u32, now: RunTime) {
        if let Some(state) = self.agents.get_mut(&number) {
            state.seen = state.seen.max(now);
        }
    }

    /// An agent's log is complete.
    pub fn on_ended(&mut self, number: u32) {
        if let Some(state) = self.agents.get_mut(&number) {
            state.presence = AgentPresence::Ended;
        }
    }

    /// The agents that have fallen silent by `now`, each told once.
    pub fn silent(&mut self, now: RunTime) -> Vec<AgentChange> {
        let mut change = vec![];
        for (&number, state) in &mut self.agents {
            let is_silent = now.since(state.seen.max(state.told)) > SILENT;
            if state.presence == AgentPresence::Present && is_silent {
                state.presence = AgentPresence::Absent;
                change.push(AgentChange::Silent { number, since: state.told });
            }
        }
        change
    }

    /// The seconds that all agents have told who are heard of, oldest first.
    pub fn complete(&mut self) -> Vec<Interval> {
        let mut complete = vec![];
        while let Some((&second, _)) = self.open.first_key_value() {
            if second + OPEN_MAX > self.latest && self.is_awaited(second) {
                break;
            }
            self.given_out = second;
            if let Some((_, mut interval)) = self.open.pop_first() {
                interval.start = interval.start.max(self.reached).min(interval.end);
                self.reached = interval.end;
                complete.push(interval);
            }
        }
        complete
    }

    /// Whether any agent is still to tell a second. With each of a thousand that tells it, only the one that was waited for
    /// is looked at, unless it was that one.
    fn is_awaited(&mut self, second: u64) -> bool {
        let known = self.awaited.and_then(|number| self.agents.get(&number));
        if known.is_some_and(|state| state.is_awaited(second)) {
            return true;
        }
        let awaited = self.agents.iter().find(|(_, state)| state.is_awaited(second));
        self.awaited = awaited.map(|(&number, _)| number);
        self.awaited.is_some()
    }

    /// Whether nothing more is to be expected: every agent's log is complete, or it is absent and was not heard of for
    /// longer than `patience`.
    pub fn is_over(&self, now: RunTime, patience: Nanos) -> bool {
        self.agents.values().all(|state| match state.presence {
            AgentPresence::Ended => true,
            AgentPresence::Absent => now.since(state.seen) > patience,
            AgentPresence::Present => false,
        })
    }

    /// The agents, from 1, whose logs are not complete.
    pub fn unfinished(&self) -> Vec<u32> {
        let open = self.agents.iter().filter(|(_, state)| state.presence != AgentPresence::Ended);
        open.map(|(&number, _)| number).collect()
    }

    /// How many seconds of agents came too late to be shown.
    pub const fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::{ArrivalCounts, StepId, StepInterval};

    fn at(ms: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_millis(ms)
    }

    fn second(end_ms: u64, started: u64) -> Interval {
        let arrivals = ArrivalCounts { intended: started, started, ..ArrivalCounts::default() };
        Interval {
            start: at((end_ms - 1) / 1_000 * 1_000),
            end: at(end_ms),
            arrivals,
            ..Interval::default()
        }
    }

    fn told(intervals: &[Interval]) -> Vec<(u64, u64)> {
        intervals.iter().map(|it| (it.end.get() / 1_000_000, it.arrivals.started)).collect()
    }

    #[test]
    fn second_is_shown_once_all_have_told_it() {
        let mut live = LiveMerge::new(2);
        live.on_second(1, second(1_000, 3), at(1_010));
        assert_eq!(told(&live.complete()), []);
        live.on_second(1, second(2_000, 3), at(2_010));
        live.on_second(2, second(1_000, 4), at(2_020));
        assert_eq!(told(&live.complete()), [(1_000, 7)]);
        live.on_second(2, second(1_400, 5), at(2_030));
        live.on_ended(2);
        assert_eq!(told(&live.complete()), [(2_000, 8)], "the last part goes with its second");
        assert_eq!(live.unfinished(), [1]);
    }

    #[test]
    fn silent_agent_holds_nothing_up_and_comes_back() {
        let mut live = LiveMerge::new(2);
        for end in 1..=5 {
            live.on_second(1, second(end * 1_000, 1), at(end * 1_000));
        }
        live.on_second(2, second(1_000, 1), at(1_000));
        assert_eq!(live.silent(at(4_000)), []);
        assert_eq!(told(&live.complete()), [(1_000, 2)]);
        let gone = AgentChange::Silent { number: 2, since: at(1_000) };
        assert_eq!(live.silent(at(4_001)), [gone]);
        assert_eq!(live.silent(at(5_000)), [], "it is told once");
        assert!(!live.is_over(at(5_000), Nanos::from_secs(3)), "the other one plays");
        assert_eq!(told(&live.complete()), [(2_000, 1), (3_000, 1), (4_000, 1), (5_000, 1)]);
        assert_eq!(
            live.on_second(2, second(3_000, 1), at(5_100)),
            Some(AgentChange::Back { number: 2 })
        );
        assert_eq!(live.late(), 1);
        live.on_second(2, second(6_000, 1), at(6_000));
        live.on_second(1, second(6_000, 1), at(6_000));
        assert_eq!(told(&live.complete()), [(6_000, 2)]);
    }

    /// Goal: prove that a second which was lost on its way holds nothing up once its agent tells the next.
    #[test]
    fn second_that_was_lost_is_not_waited_for() {
        let mut live = LiveMerge::new(2);
        for end in 1..=2 {
            live.on_second(1, second(end * 1_000, 1), at(end * 1_000));
        }
        live.on_second(2, second(2_000, 1), at(2_000));
        assert_eq!(told(&live.complete()), [(1_000, 1), (2_000, 2)]);
    }

    /// Goal: prove that memory stays bounded where an agent is heard of but tells no seconds.
    #[test]
    fn agent_that_tells_no_seconds_holds_back_ten_at_the_most() {
        let mut live = LiveMerge::new(2);
        let mut shown = vec![];
        for end in 1..=12 {
            live.on_second(1, second(end * 1_000, 1), at(end * 1_000));
            live.on_sign(2, at(end * 1_000));
            assert_eq!(live.silent(at(end * 1_000)), []);
            shown.extend(told(&live.complete()));
        }
        assert_eq!(shown, [(1_000, 1), (2_000, 1)]);
    }

    #[test]
    fn run_is_over_once_all_have_ended_or_were_given_up() {
        let mut live = LiveMerge::new(2);
        let patience = Nanos::from_secs(15);
        live.on_second(1, second(1_000, 1), at(1_000));
        live.on_second(2, second(1_000, 1), at(1_000));
        live.on_ended(1);
        assert!(!live.is_over(at(17_000), patience), "nobody has said that it is silent");
        live.silent(at(4_001));
        assert!(!live.is_over(at(16_000), patience));
        assert!(live.is_over(at(16_001), patience));
        live.on_sign(2, at(16_500));
        assert!(!live.is_over(at(17_000), patience));
        live.on_ended(2);
        assert!(live.is_over(at(17_000), patience));
    }

    #[test]
    fn coarse_second_keeps_counts_and_two_digits() {
        let times: SparseDistribution =
            [1_234_567, 1_239_999, 98_765_432].map(Nanos::new).into_iter().collect();
        let step = StepInterval {
            requests: 3,
            response_time: times.clone(),
            service_time: times.clone(),
            ..StepInterval::default()
        };
        let fine = Interval { steps: [(StepId(0), step)].into(), ..second(1_000, 3) };
        let coarse = coarse(&fine);
        let step = &coarse.steps[&StepId(0)];
        assert_eq!((coarse.arrivals, step.requests), (fine.arrivals, 3));
        assert_eq!((step.response_time.count(), step.response_time.sum_ns()), (3, times.sum_ns()));
        assert!(step.service_time.is_empty());
        let (rough, exact) = (step.response_time.quantile(0.5), times.quantile(0.5));
        let off = rough.get().abs_diff(exact.get()) as f64 / exact.get() as f64;
        assert!(off < 0.01, "{off}");
    }
}
