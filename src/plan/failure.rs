//! What follows a request that fails.

use super::Delay;
use plimsoll_units::Nanos;

/// What follows a request that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The end of the iteration.
    Stop,
    /// The next step.
    Continue,
    /// Another attempt.
    Retry(RetryPlan),
}

/// How a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPlan {
    /// How many more attempts there are.
    pub times: u32,
    /// From a failure to the next attempt.
    pub wait: Delay,
    /// Whether each wait is twice as long as the one before.
    pub exponential: bool,
    /// The longest wait.
    pub max_wait: Nanos,
    /// Whether the iteration goes on behind the last attempt.
    pub goes_on: bool,
}

impl RetryPlan {
    /// The wait behind the failure of attempt `made`, from 1, where `drawn` is what the law says.
    pub fn wait(&self, drawn: Nanos, made: u32) -> Nanos {
        let doubled = if self.exponential { made.saturating_sub(1).min(30) } else { 0 };
        Nanos::new(drawn.get().saturating_mul(1 << doubled)).min(self.max_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_doubles_up_to_the_longest() {
        let second = Nanos::from_secs(1);
        let plan = RetryPlan {
            times: 9,
            wait: Delay::Constant(second),
            exponential: true,
            max_wait: Nanos::from_secs(5),
            goes_on: false,
        };
        let waits: Vec<u64> =
            (1..5).map(|made| plan.wait(second, made).get() / 1_000_000_000).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        let even = RetryPlan { exponential: false, ..plan };
        assert_eq!(even.wait(second, 7), second);
    }
}
