//! Whether there is a terminal to draw on.

use std::io::{IsTerminal as _, stdin, stdout};

use super::super::exit::{Exit, Failure};

/// Whether there is a terminal that can be drawn on and typed at.
pub(in crate::app) fn is_possible() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !dumb
}

/// Refuses where there is no terminal.
pub(in crate::app) fn refused_without_terminal() -> Result<(), Failure> {
    if is_possible() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "error: `--tui` needs a terminal to draw on and a keyboard; leave it out here",
    ))
}
