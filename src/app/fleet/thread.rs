//! Threads beside the one that leads, each with a runtime of its own.

use std::thread::JoinHandle;

use super::super::exit::Failure;
use super::super::runtime::runtime;

/// Does `work` on a thread of its own.
pub(super) fn thread(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let runtime = runtime()?;
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(work))
        .map_err(|error| Failure::while_doing("cannot start a thread", &error))
}
