//! What the tests of a measurement found.

use serde::{Deserialize, Serialize};

use plimsoll_units::words;

/// Whether the measurement can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidityStatus {
    /// Nothing speaks against it.
    Valid,
    /// Something does; the numbers are shown with a warning.
    Suspect,
    /// It cannot support a verdict.
    NotValid,
}

words! {
    /// A test of the measurement. Valid means that what is said here held.
    pub enum ValidityTest {
        /// The run was played to its end.
        Complete = "complete",
        /// It was judged for long enough.
        Duration = "duration",
        /// No second is missing from the log.
        Gaps = "gaps",
        /// Nobody changed the load under way.
        Steered = "steered",
        /// Enough requests ended while it was judged.
        Requests = "requests",
        /// Not only ramps were judged.
        Ramps = "ramps",
        /// The load did not slow down with the stack.
        LoadModel = "load_model",
        /// As many iterations began as were to begin.
        AchievedRate = "achieved_rate",
        /// No arrival was dropped for want of users.
        Dropped = "dropped",
        /// Iterations ran to their end, so that as many requests were sent as were asked for.
        OfferedLoad = "offered_load",
        /// The schedule asked for the rate of its stages.
        IntendedRate = "intended_rate",
        /// Of merged shards, none is missing and each was on time.
        Shards = "shards",
        /// Iterations made as many requests as the flows let expect.
        RequestsPerIteration = "requests_per_iteration",
        /// Every arrival ended in one way.
        Conservation = "conservation",
        /// Requests were sent when they were due.
        ScheduleLag = "schedule_lag",
        /// The generator had CPU to spare.
        GeneratorCpu = "generator_cpu",
        /// No error was the generator's own.
        ClientErrors = "client_errors",
        /// The warm-up could be told from the rest.
        WarmUp = "warm_up",
        /// Neither times nor requests in flight grew or fell.
        Trend = "trend",
        /// Requests in flight = rate × response time.
        LittlesLaw = "littles_law",
        /// The answers were the stack's, not those of a rate limit at its edge.
        RateLimited = "rate_limited",
    }
}

/// One test of the measurement, passed or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which test.
    pub test: ValidityTest,
    /// Its outcome.
    pub status: ValidityStatus,
    /// What was found, with figures and a way out where it failed.
    pub message: String,
}

impl Finding {
    fn new(test: ValidityTest, status: ValidityStatus, message: String) -> Self {
        Self { test, status, message }
    }

    pub(super) fn valid(test: ValidityTest, message: String) -> Self {
        Self::new(test, ValidityStatus::Valid, message)
    }

    pub(super) fn suspect(test: ValidityTest, message: String) -> Self {
        Self::new(test, ValidityStatus::Suspect, message)
    }

    pub(super) fn not_valid(test: ValidityTest, message: String) -> Self {
        Self::new(test, ValidityStatus::NotValid, message)
    }

    /// Whether it says that the generator could not send what it was to send.
    pub(super) fn blames_the_generator(&self) -> bool {
        self.status == ValidityStatus::NotValid
            && matches!(self.test, ValidityTest::GeneratorCpu | ValidityTest::IntendedRate)
    }
}
