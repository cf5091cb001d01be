//! Single requests that a report shows whole: the slowest, and the first that failed.

use serde::{Deserialize, Serialize};

use super::sample::{ErrorClass, Outcome, Phase, Sample, StepId};
use plimsoll_units::{Nanos, RunTime};

/// One request, with what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Which step.
    pub step: StepId,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// When it should have been sent.
    pub intended: RunTime,
    /// From then to the last byte, or until it was given up.
    pub response_time: Nanos,
    /// How much of that passed before it was sent.
    pub unsent: Nanos,
    /// How long each phase took that happened.
    pub phases: Vec<(Phase, Nanos)>,
    /// The status, 0 if none came.
    pub status: u16,
    /// The identifier that it was sent with; empty where the scenario asks for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation: String,
    /// The beginning of the response's head, of a failure, without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub head: String,
    /// The beginning of its body, of a failure whose body was looked into, without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

impl Exemplar {
    /// How many of the slowest requests of a step are kept, of a minute and of a run.
    pub const SLOWEST: usize = 5;
    /// How many of the first failures of a step are kept, of a minute and of a run.
    pub const FAILURES: usize = 3;

    /// What the sample of a request says of it.
    pub fn of(sample: &Sample) -> Self {
        let phase = |phase| Some((phase, sample.phases.get(phase)?));
        Self {
            step: sample.step,
            class: match sample.outcome {
                Outcome::Failed(class) => Some(class),
                Outcome::Ok => None,
            },
            intended: sample.intended,
            response_time: sample.response_time(),
            unsent: sample.response_time().saturating_sub(sample.service_time()),
            phases: Phase::ALL.into_iter().filter_map(phase).collect(),
            status: sample.status,
            correlation: String::new(),
            head: String::new(),
            body: String::new(),
        }
    }
}

/// What becomes of an exemplar beside those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExemplarPlace {
    /// There is room for it.
    Free,
    /// It takes the place of this one.
    Of(usize),
    /// It is left out.
    None,
}

impl Exemplar {
    /// Where this one goes among `known`, which have their places with them.
    pub(super) fn place<'a>(
        &self,
        known: impl Iterator<Item = (usize, &'a Self)>,
    ) -> ExemplarPlace {
        let is_failure = self.class.is_some();
        let alike =
            known.filter(|(_, one)| one.step == self.step && one.class.is_some() == is_failure);
        let alike: Vec<(usize, Nanos)> = alike.map(|(at, one)| (at, one.response_time)).collect();
        let most = if is_failure { Self::FAILURES } else { Self::SLOWEST };
        if alike.len() < most {
            return ExemplarPlace::Free;
        }
        let fastest = alike.into_iter().min_by_key(|(_, time)| *time);
        match fastest.filter(|(_, time)| !is_failure && *time < self.response_time) {
            Some((at, _)) => ExemplarPlace::Of(at),
            None => ExemplarPlace::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(step: u16, ms: u64, class: Option<ErrorClass>) -> Exemplar {
        let (start, time) = (RunTime::ZERO, Nanos::from_millis(ms));
        let outcome = class.map_or(Outcome::Ok, Outcome::Failed);
        Exemplar::of(&Sample::of_time(StepId(step), (start, start), start + time, outcome))
    }

    #[test]
    fn log_keeps_the_slowest_and_the_first_failures_of_each_step() {
        let mut kept: Vec<Exemplar> = vec![];
        for ms in [3, 9, 1, 7, 5, 8, 2, 6] {
            let failed = exemplar(0, ms, Some(ErrorClass::Reset));
            for new in [exemplar(0, ms, None), exemplar(1, ms * 10, None), failed] {
                match new.place(kept.iter().enumerate()) {
                    ExemplarPlace::Free => kept.push(new),
                    ExemplarPlace::Of(at) => kept[at] = new,
                    ExemplarPlace::None => {}
                }
            }
        }
        let times = |step, is_failure| {
            let of =
                |one: &&Exemplar| one.step == StepId(step) && one.class.is_some() == is_failure;
            let of = kept.iter().filter(of);
            let mut times: Vec<u64> = of.map(|one| one.response_time.get() / 1_000_000).collect();
            times.sort_unstable();
            times
        };
        assert_eq!(times(0, false), [5, 6, 7, 8, 9]);
        assert_eq!(times(1, false), [50, 60, 70, 80, 90]);
        assert_eq!(times(0, true), [1, 3, 9], "the first");
    }
}
