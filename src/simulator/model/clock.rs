//! The stack's own time, which stands still while the stack is frozen.

use plimsoll_units::{Nanos, RunTime};

/// A recurring or single stop of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Freeze {
    /// When it begins.
    pub(super) at: RunTime,
    /// How long it lasts.
    pub(super) span: Nanos,
    /// The next one begins this long after the beginning of this one; `None`: there is no next one.
    pub(super) every: Option<Nanos>,
}

/// Translates run time to the stack's time.
///
/// A frozen stack does not lose work, it does it later. With its time standing still, services under way
/// are prolonged by exactly the freeze and arrivals during it wait for its end, without any queue knowing.
#[derive(Debug, Default)]
pub(super) struct StackClock {
    coming: Vec<Freeze>,
    frozen_total: Nanos,
    current: Option<(RunTime, RunTime)>,
}

impl StackClock {
    pub(super) fn new(freezes: Vec<Freeze>) -> Self {
        let mut clock = Self { coming: freezes, frozen_total: Nanos::ZERO, current: None };
        clock.plan_next();
        clock
    }

    /// The begin and end of the freeze that is under way or comes next, in run time.
    pub(super) fn freeze(&self) -> Option<(RunTime, RunTime)> {
        self.current
    }

    /// The stack's time at `wall`, which must not lie behind the current freeze's beginning.
    pub(super) fn stack_time(&self, wall: RunTime) -> RunTime {
        wall - self.frozen_total
    }

    /// When, in run time, the stack's time reaches `stack`, as far as the next freeze tells.
    pub(super) fn wall_time(&self, stack: RunTime) -> RunTime {
        if stack == RunTime::NEVER {
            return stack;
        }
        let wall = stack + self.frozen_total;
        match self.current {
            Some((begin, end)) if wall >= begin => wall + end.since(begin),
            _ => wall,
        }
    }

    /// The freeze is over.
    pub(super) fn thaw(&mut self) {
        if let Some((begin, end)) = self.current.take() {
            self.frozen_total += end.since(begin);
        }
        self.plan_next();
    }

    fn plan_next(&mut self) {
        let Some(first) = (0..self.coming.len()).min_by_key(|at| self.coming[*at].at) else {
            return;
        };
        let begin = self.coming[first].at;
        let mut end = begin;
        // Freezes that touch are one.
        while let Some(at) = (0..self.coming.len()).find(|at| self.coming[*at].at <= end) {
            let freeze = self.coming[at];
            end = end.max(freeze.at + freeze.span);
            match freeze.every {
                Some(every) if every > freeze.span => self.coming[at].at = freeze.at + every,
                _ => {
                    self.coming.swap_remove(at);
                }
            }
        }
        self.current = Some((begin, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(s: u64) -> RunTime {
        RunTime::new(s * 1_000_000_000)
    }

    #[test]
    fn stack_time_lags_by_the_freezes_behind_it() {
        let every = Some(Nanos::from_secs(10));
        let freeze = Freeze { at: second(5), span: Nanos::from_secs(1), every };
        let mut clock = StackClock::new(vec![freeze]);
        assert_eq!(clock.wall_time(second(4)), second(4));
        assert_eq!(clock.wall_time(second(5)), second(6));
        clock.thaw();
        assert_eq!(clock.stack_time(second(8)), second(7));
        assert_eq!(clock.freeze(), Some((second(15), second(16))));
    }

    #[test]
    fn freezes_that_touch_are_one() {
        let single =
            |at, span| Freeze { at: second(at), span: Nanos::from_secs(span), every: None };
        let mut clock = StackClock::new(vec![single(7, 1), single(5, 2)]);
        assert_eq!(clock.freeze(), Some((second(5), second(8))));
        clock.thaw();
        assert_eq!(clock.freeze(), None);
    }
}
