//! The tasks of a worker, and what becomes of it when one of them panics.

use std::any::Any;
use std::io;
use std::rc::Rc;

use tokio::task::JoinSet;

use super::worker::Worker;

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkerError {
    /// The system refuses the timer or the runtime.
    #[error("{0}")]
    System(#[from] io::Error),
    /// A task of the worker panicked: a bug.
    #[error("it panicked: {message}")]
    Panic { message: String },
}

impl WorkerError {
    /// The error of what a panic left.
    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panic { message: text.unwrap_or("without a message").to_owned() }
    }
}

/// Stands in each task: where it panics, the runtime would only lose the task, and the run go on with one
/// user less. Costs nothing until then.
pub(super) struct PanicGuard(pub(super) Rc<Worker>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panicked.set(true);
            self.0.timers.wake();
        }
    }
}

/// Ends all tasks.
///
/// # Errors
/// What one of them said when it panicked.
pub(super) fn end_all(tasks: &mut JoinSet<()>) -> Result<(), WorkerError> {
    tasks.abort_all();
    while let Some(ended) = tasks.try_join_next() {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            return Err(WorkerError::of_panic(&*panic));
        }
    }
    Ok(())
}
