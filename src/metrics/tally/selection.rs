//! Which requests a figure speaks of.

use super::super::{
    Interval, ResponseTimes, RunHeader, ScenarioId, Scope, Side, SparseDistribution, StepId,
    StepInfo, StepInterval,
};
use super::Counts;

/// Some of a run's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All requests, and iteration errors.
    Run,
    /// Those of these steps; a derived row is its own times.
    Steps(Vec<StepId>),
    /// Those of one scenario, and its iteration errors.
    Scenario(ScenarioId),
    /// Those of one side of a split run, in one part of it or in all, and its iteration errors.
    Side(Side, Option<u16>),
}

impl Selection {
    /// What `scope` names; `None` where the run has no such scenario, step or tag. A tag means the requests that
    /// carry it, and derived rows only where it has nothing else.
    pub fn of(scope: &Scope, header: &RunHeader) -> Option<Self> {
        let steps = |wanted: &dyn Fn(&StepInfo) -> bool| -> Vec<StepId> {
            let all = header.steps.iter().zip(0..);
            all.filter(|(step, _)| wanted(step)).map(|(_, id)| StepId(id)).collect()
        };
        let found = match scope {
            Scope::Run => return Some(Self::Run),
            Scope::Scenario(name) => {
                let at = header.scenarios.iter().position(|scenario| scenario.name == *name)?;
                return Some(Self::Scenario(ScenarioId(at as u16)));
            }
            Scope::Page(_) => return None,
            Scope::Step(name) => steps(&|step| step.name == *name),
            Scope::Steps(names) => steps(&|step| names.contains(&step.name)),
            Scope::Tag(tag) => {
                let requests = steps(&|step| step.tags.contains(tag) && !step.is_logical());
                if requests.is_empty() { steps(&|step| step.tags.contains(tag)) } else { requests }
            }
        };
        (!found.is_empty()).then_some(Self::Steps(found))
    }

    /// One step.
    pub fn step(id: StepId) -> Self {
        Self::Steps(vec![id])
    }

    /// How many of them ended within `interval`, and how.
    pub fn counts(&self, interval: &Interval) -> Counts {
        let mut counts = Counts::default();
        match self {
            Self::Run => return Counts::of(interval),
            Self::Steps(_) => {
                self.steps(interval).into_iter().for_each(|step| counts.add_step(step));
            }
            Self::Scenario(id) => {
                if let Some(scenario) = interval.scenarios.get(id) {
                    counts.add_scenario(scenario);
                }
            }
            Self::Side(wanted, part) => {
                let sides = interval.sides.iter().filter(|side| side.side == *wanted);
                sides
                    .filter(|side| part.is_none_or(|part| side.part == part))
                    .for_each(|side| counts.add_side(side));
            }
        }
        counts
    }

    /// Their response times within `interval`: one entry a step, a scenario or a part.
    pub fn times<'a>(&self, interval: &'a Interval) -> Vec<ResponseTimes<'a>> {
        match self {
            Self::Run | Self::Steps(_) => {
                self.steps(interval).into_iter().map(StepInterval::times).collect()
            }
            Self::Scenario(id) => {
                interval.scenarios.get(id).map(|scenario| scenario.times()).into_iter().collect()
            }
            Self::Side(wanted, part) => {
                let sides = interval.sides.iter().filter(|side| side.side == *wanted);
                sides
                    .filter(|side| part.is_none_or(|part| side.part == part))
                    .map(|side| side.times())
                    .collect()
            }
        }
    }

    /// Their steps within `interval`; none of a scenario or a side, of which the log tells no steps.
    pub fn steps<'a>(&self, interval: &'a Interval) -> Vec<&'a StepInterval> {
        match self {
            Self::Run => interval.steps.values().collect(),
            Self::Steps(ids) => ids.iter().filter_map(|id| interval.step(*id)).collect(),
            Self::Scenario(_) | Self::Side(..) => Vec::new(),
        }
    }

    /// Times of whole iterations within `interval`: of the run and of a scenario.
    pub fn iteration_times<'a>(&self, interval: &'a Interval) -> Vec<&'a SparseDistribution> {
        match self {
            Self::Run => {
                interval.scenarios.values().map(|scenario| &scenario.iteration_time).collect()
            }
            Self::Scenario(id) => {
                let found = interval.scenarios.get(id);
                found.map(|scenario| &scenario.iteration_time).into_iter().collect()
            }
            Self::Steps(_) | Self::Side(..) => Vec::new(),
        }
    }
}
