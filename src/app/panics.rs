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

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;
    use crate::app::mask;

    /// Set for the process that is to panic.
    const PANIC: &str = "PLIMSOLL_TEST_PANIC";

    /// Goal: prove that a panic says where it was, and nothing of what came from the environment.
    #[test]
    fn panic_says_no_secret() {
        if env::var_os(PANIC).is_some() {
            mask::learn(&["s3cr3t!".to_owned()]);
            say_panics();
            assert_eq!("token s3cr3t!", "", "it was s3cr3t%21");
        }
        let name = "app::panics::tests::panic_says_no_secret";
        let mut command = Command::new(env::current_exe().expect("this test"));
        let output = command.args(["--exact", name, "--nocapture"]).env(PANIC, "1").output();
        let said = String::from_utf8_lossy(&output.expect("it runs").stderr).into_owned();
        assert!(said.contains("panics.rs") && said.contains("it was •••"), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
