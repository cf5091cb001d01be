//! The runtime of everything but the load.

use super::exit::Failure;

/// A runtime for everything but the load: signals, the coordinator, the preflight.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::while_doing("cannot start a runtime", &error))
}
