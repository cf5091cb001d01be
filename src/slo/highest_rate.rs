//! The highest rate at which a run that was pushed past its generator would have been valid.

use std::fmt;

use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, Rate};

/// What this generator carries, as far as one run tells. Only where the generator was too late or too busy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HighestRate {
    /// Requests a second.
    pub rate: Rate,
    /// How it is known.
    pub basis: RateBasis,
}

/// How the highest rate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateBasis {
    /// Seconds of this very run kept to the limits at that rate.
    Measured {
        /// Seconds at 90 % to 100 % of the rate that kept to them.
        kept: u64,
        /// All seconds at 90 % to 100 % of the rate.
        seconds: u64,
    },
    /// No second did, so it is reckoned from the CPU of the busiest worker: an estimate, never a measurement.
    Estimated {
        /// CPU time of the busiest worker for each request of the run.
        cpu_per_request: Nanos,
    },
}

/// Prints the rate, whether it was measured, and from what it follows.
impl fmt::Display for HighestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.rate.get();
        match self.basis {
            RateBasis::Measured { kept, seconds } => write!(
                f,
                "{rate:.0} req/s, measured: {kept} of {seconds} {} near that rate kept to the limits of lag, \
                 arrivals and CPU",
                if seconds == 1 { "second" } else { "seconds" }
            ),
            RateBasis::Estimated { cpu_per_request } => write!(
                f,
                "about {rate:.0} req/s on cores of its own, an estimate: no second kept to the limits, each request \
                 took {:.1} µs of the busiest worker's CPU, and 80 % of a core is the limit; confirm it with a run",
                cpu_per_request.get() as f64 / 1e3
            ),
        }
    }
}
