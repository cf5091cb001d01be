//! A simulated stack in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::cli;
use crate::units::Nanos;

use super::embedded;
use super::exit::Failure;

/// The simulated stack, as a child process that ends with its owner.
pub(super) struct DemoStack {
    child: Child,
    pub(super) url: String,
}

/// A demo never lasts longer, whatever happens to its parent.
const LIFETIME: Nanos = Nanos::from_secs(3_600);

/// Every visitor comes anew and from an address of its own, as in life: limits per address act on each.
pub(super) fn visitors() -> [(String, String); 2] {
    [
        ("http.source_ips".to_owned(), "[127.1.0.0/20]".to_owned()),
        ("http.connections".to_owned(), "per_iteration".to_owned()),
    ]
}

/// The changes as `simulate` takes them: options, each with its value.
pub(super) fn changes(stack: &cli::StackChangeArgs) -> Vec<(&'static str, String)> {
    let counts = |option, counts: &[(String, u32)]| {
        let pair = |(tier, count): &(String, u32)| (option, format!("{tier}={count}"));
        counts.iter().map(pair).collect::<Vec<_>>()
    };
    let mut changes = counts("replicas", &stack.replicas);
    changes.extend(counts("cores", &stack.cores));
    changes.extend(stack.slow.iter().map(|(tier, longer)| ("slow", format!("{tier}={longer}"))));
    changes
        .extend(stack.token_ttl.iter().map(|(kind, ttl)| ("token-ttl", format!("{kind}={ttl}"))));
    changes.extend(stack.faults.iter().map(|name| ("faults", name.clone())));
    changes
}

impl DemoStack {
    /// Starts it, changed as asked, and awaits its address.
    pub(super) fn start(system: &str, stack: &cli::StackChangeArgs) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::while_doing("cannot start the simulated stack", error)
        };
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut child = Command::new(program)
            .arg("simulate")
            .arg(embedded::folder(system))
            .args(["--listen", "127.0.0.1:0", "--stop-after", &LIFETIME.to_string()])
            .args(changes(stack).iter().map(|(option, value)| format!("--{option}={value}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut url = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut url).map_err(|error| failed(&error))?;
        }
        let url = url.trim().to_owned();
        let stack = Self { child, url };
        if stack.url.is_empty() {
            return Err(failed(&"it exited before it printed its address"));
        }
        Ok(stack)
    }
}

impl Drop for DemoStack {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
