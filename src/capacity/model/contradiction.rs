//! What the stack file says and the measurement refutes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that is told of a tier and cannot be true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Contradiction {
    /// The tier.
    pub tier: String,
    /// `connections to db`, `cores`.
    pub what: String,
    /// How many there are by the stack file, over all replicas.
    pub told: f64,
    /// How many were in use, or a rate that was held would have needed.
    pub needed: f64,
    /// The rate, requests per second.
    pub rate_per_s: f64,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has {:.1} {} by the stack file, but {:.0} req/s were held, which needed {:.1}: the stack file or that metric \
             is wrong, and nothing was concluded from it",
            self.tier, self.told, self.what, self.rate_per_s, self.needed
        )
    }
}
