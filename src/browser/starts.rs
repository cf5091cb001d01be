//! When flows of browsers begin, where a file says at which rate.
//!
//! Open, like the load itself: a flow is due at equal gaps, whatever those before it are doing.

use std::time::Duration;

use tokio::time::Instant;

use plimsoll_units::Nanos;

/// Starts at equal gaps, dealt to users as they are free. The first is when somebody asks first.
#[derive(Debug, Clone)]
pub struct FlowStarts {
    begun: Option<Instant>,
    gap_ns: u64,
    /// How many are dealt or left out.
    passed: u64,
    left_out: u64,
}

impl FlowStarts {
    /// Starts that are `gap` apart.
    pub fn new(gap: Nanos) -> Self {
        Self { begun: None, gap_ns: gap.get().max(1), passed: 0, left_out: 0 }
    }

    /// The next start for a user that is free `now`. Those that came while nobody was free are left out.
    pub fn take(&mut self, now: Instant) -> Instant {
        let begun = *self.begun.get_or_insert(now);
        self.pass(begun, now);
        let start = begun + Duration::from_nanos(self.gap_ns.saturating_mul(self.passed));
        self.passed += 1;
        start
    }

    /// How many were due before `end`, and nobody was free for them.
    pub fn left_out(&mut self, end: Instant) -> u64 {
        if let Some(begun) = self.begun {
            self.pass(begun, end);
        }
        self.left_out
    }

    fn pass(&mut self, begun: Instant, now: Instant) {
        let elapsed = Nanos::from(now.saturating_duration_since(begun)).get();
        let over = elapsed.div_ceil(self.gap_ns).saturating_sub(self.passed);
        self.passed += over;
        self.left_out += over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: prove that a slow page delays no start: 10 s apart, two users, one of them busy for 25 s.
    #[test]
    fn flows_begin_at_equal_gaps_and_those_that_nobody_is_free_for_are_counted() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut starts = FlowStarts::new(Nanos::from_secs(10));
        assert_eq!([starts.take(begun), starts.take(begun)], [at(0), at(10)]);
        // The first is done at once, the second at 35 s; the first takes 20 s and is busy until 45 s.
        assert_eq!(starts.take(at(1)), at(20));
        assert_eq!(starts.take(at(35)), at(40), "30 s was due while both were busy");
        assert_eq!(starts.left_out(at(40)), 1);
        assert_eq!(starts.take(at(45)), at(50));
        assert_eq!(starts.left_out(at(71)), 3, "60 s and 70 s");
    }
}
