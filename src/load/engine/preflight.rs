//! Before the run: can the target be reached, and may it be loaded?

use std::sync::Arc;

use crate::transport::{HostPermit, TlsSetup, TransportError, probe};
use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{Plan, Target};

pub use crate::transport::ProbedTarget;

/// Why a run does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// The target is outside loopback and private ranges and has no permit.
    #[error("{0}")]
    Refused(String),
    /// The target cannot be reached.
    #[error("{0}")]
    Unreachable(TransportError),
    /// The target is reached, but does not speak what the plan asks for.
    #[error("{0}")]
    OtherProtocol(TransportError),
}

/// Opens one connection to `target`, one of the plan's, without a request.
///
/// # Errors
/// Where the target may not be loaded or cannot be reached.
pub async fn preflight(
    (plan, target): (&Arc<Plan>, &Target),
    tls: &TlsSetup,
    permit: &HostPermit,
) -> Result<ProbedTarget, PreflightError> {
    probe((plan, target), tls, permit).await.map_err(|error| match error.class {
        ErrorClass::Redirect => PreflightError::Refused(error.message),
        ErrorClass::Protocol => PreflightError::OtherProtocol(error),
        _ => PreflightError::Unreachable(error),
    })
}
