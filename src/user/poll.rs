//! Polls: a round, a look at the condition, a wait, another round.

use plimsoll_units::RunTime;

/// A poll under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PollState {
    pub(super) began: RunTime,
    pub(super) round_began: RunTime,
}

impl PollState {
    pub(super) const fn begun(now: RunTime) -> Self {
        Self { began: now, round_began: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;
    use crate::tests::idle;
    use plimsoll_metrics::ScenarioId;
    use plimsoll_schedule::Arrival;
    use plimsoll_units::Nanos;

    /// What a user does whose requests take 100 ms, with the times in milliseconds.
    fn played(steps: &str) -> Vec<String> {
        let mut user = idle(steps);
        let mut now = RunTime::ZERO + Nanos::from_secs(5);
        user.begin(ScenarioId(0), &Arrival::alone(0, now));
        let mut seen = vec![];
        while seen.len() < 20 {
            match user.next_action(now) {
                Action::Send(_) => {
                    seen.push(format!("send at {}", now.get() / 1_000_000));
                    now = now + Nanos::from_millis(100);
                }
                Action::Wait(until) => now = until,
                Action::DerivedTiming(sample) => {
                    seen.push(format!("{:?} after {}", sample.outcome, sample.response_time()));
                }
                Action::Done => break,
                other => panic!("{other:?}"),
            }
        }
        seen
    }

    const GET: &str = "{ get: { name: a, url: / } }";

    #[test]
    fn rounds_begin_at_a_steady_pace_until_the_timeout() {
        let seen = played(&format!(
            "{{ poll: {{ name: p, every: 500ms, timeout: 1500ms, until: 'false', flow: [{GET}] }} }}, {GET}"
        ));
        let failed = "Failed(ResponseTimeout) after 1.1s";
        assert_eq!(seen, ["send at 5000", "send at 5500", "send at 6000", failed]);
    }

    #[test]
    fn user_goes_on_behind_a_poll_that_may_fail() {
        let seen = played(&format!(
            "{{ poll: {{ name: p, every: 1s, timeout: 1s, until: 'false', on_failure: continue, flow: [{GET}] }} }}, {GET}"
        ));
        let failed = "Failed(ResponseTimeout) after 100ms";
        assert_eq!(seen, ["send at 5000", failed, "send at 5100"]);
    }

    #[test]
    fn poll_that_holds_is_over_at_once() {
        let seen = played(&format!(
            "{{ poll: {{ name: p, every: 500ms, timeout: 1s, until: 'true', flow: [{GET}] }} }}, {GET}"
        ));
        assert_eq!(seen, ["send at 5000", "Ok after 100ms", "send at 5100"]);
    }

    #[test]
    fn pace_counts_from_the_last_point_and_does_not_catch_up() {
        let seen = played(&format!(
            "{GET}, {{ pace: 1s }}, {GET}, {{ think: 3s }}, {{ pace: 1s }}, {GET}, {{ pace: 1s }}, {GET}"
        ));
        let expected = ["send at 5000", "send at 6000", "send at 9100", "send at 10100"];
        assert_eq!(seen, expected);
    }
}
