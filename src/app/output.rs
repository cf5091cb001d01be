//! Words on the terminal: data on stdout, talk on stderr.

use std::io::{ErrorKind, IsTerminal, Write as _, stderr, stdout};

use crate::report::ascii;
use crate::report::terminal::TerminalStyle;
use crate::scenario::Colour;

use super::exit::Failure;
use super::look::{is_ascii_output, wants_ascii, wants_colour};
use super::mask::{self, SgrUse, harmless};
use super::talk;

/// Prints data, behind the talk so far. A closed pipe is the reader's choice and no error.
///
/// # Errors
/// Where stdout does not take all of it: a full disk, say.
pub(super) fn write_out(text: &str) -> Result<(), Failure> {
    talk::wait();
    let text = harmless(text, sgr(style() == TerminalStyle::Colour));
    let text = if is_ascii_output() { ascii::text(&text) } else { text };
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::while_doing("cannot write to stdout", &error))
        }
        _ => Ok(()),
    }
}

/// Prints talk, with a line feed.
pub(super) fn say(text: &str) {
    let text = harmless(&mask::hidden(text), sgr(problem_colour() == Colour::Ansi));
    talk::print(format!("{}\n", shown(text).trim_end_matches('\n')));
}

/// Talk as the terminal at stderr shows it.
fn shown(text: String) -> String {
    if stderr().is_terminal() && wants_ascii() { ascii::text(&text) } else { text }
}

fn sgr(colours: bool) -> SgrUse {
    if colours { SgrUse::Allowed } else { SgrUse::Refused }
}

/// Prints figures of this program as they are.
pub(super) fn say_raw(text: &str) {
    talk::print(shown(text.to_owned()));
}

/// Whether stdout shows colours: a terminal, and `NO_COLOR` not set (no-color.org).
pub(super) fn style() -> TerminalStyle {
    if stdout().is_terminal() && wants_colour() {
        TerminalStyle::Colour
    } else {
        TerminalStyle::Plain
    }
}

/// Whether stderr shows colours.
pub(super) fn problem_colour() -> Colour {
    if stderr().is_terminal() && wants_colour() { Colour::Ansi } else { Colour::None }
}

/// The width of the terminal at stderr, where a line may be rewritten; none where there is no terminal, or one
/// that only types.
pub(super) fn live_width() -> Option<usize> {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if dumb || !stderr().is_terminal() {
        return None;
    }
    let columns = rustix::termios::tcgetwinsize(stderr()).map(|size| usize::from(size.ws_col));
    Some(columns.ok().filter(|columns| *columns > 0).unwrap_or(80))
}

/// As many of `parts` as a line of `width` columns holds, in their order, two spaces apart: a line that wraps could
/// not be rewritten, and half a figure is a wrong one.
pub(super) fn fitted(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + gap.len() + part.chars().count() >= width {
            break;
        }
        line.push_str(gap);
        line.push_str(part);
    }
    line
}

/// The width to write in: the terminal's, within what is readable; 100 where there is none.
pub(super) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    columns.ok().filter(|columns| *columns > 0).unwrap_or(100).clamp(40, 120)
}
