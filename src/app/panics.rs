//! Panics, said without secrets.

use std::panic::PanicHookInfo;

use super::output::say;

/// Prints panics as everything else that is said.
pub(super) fn say_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name").to_owned();
        say(&format!("thread `{name}` {panic}"));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            say(&trace.to_string());
        }
    }));
}
