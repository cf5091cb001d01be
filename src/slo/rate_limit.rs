//! A limit that a run met instead of the stack's capacity.

use std::fmt;

use serde::{Deserialize, Serialize};

use plimsoll_units::Rate;

/// The run's condition that tells from how many addresses it sent, where that is not the system's choice.
pub const SOURCE_ADDRESSES: &str = "source_addresses";

/// What a limiter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ObservedRateLimit {
    /// Requests a second that all addresses together were let through, once their credit was spent.
    pub rate: Rate,
    /// The addresses that they came from, at least 1.
    pub addresses: u64,
    /// Requests beyond the rate that one address was let through at once; absent where the run shows none.
    pub burst: Option<u64>,
    /// Requests of one address after which nothing more was let through; absent where something was.
    pub quota: Option<u64>,
}

/// Prints `10.0 req/s per address, burst 20` and, from several addresses, the sum that was measured.
impl fmt::Display for ObservedRateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(quota) = self.quota {
            return write!(f, "{quota} requests per address, and then none to the end of the run");
        }
        let rate = self.rate.get();
        write!(f, "{:.1} req/s per address", rate / self.addresses as f64)?;
        if let Some(burst) = self.burst {
            write!(f, ", burst {burst}")?;
        }
        if self.addresses > 1 {
            write!(f, " ({rate:.1} req/s from {} addresses)", self.addresses)?;
        }
        Ok(())
    }
}
