//! What one look at the stack brought.

use plimsoll_metrics::{Reading, SourceEvent};
use plimsoll_units::RunTime;

/// What one reading of the stack came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When it was asked for.
    pub at: RunTime,
    /// The metrics.
    pub readings: Vec<Reading>,
    /// Sources that began to fail, fail otherwise than before, or answer again; without secrets.
    pub troubles: Vec<SourceEvent>,
}
