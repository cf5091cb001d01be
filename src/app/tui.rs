//! The terminal UI's other half: carries out what it asks for.
//!
//! The screen has a thread of its own, at low priority. The run hands it messages over a bounded channel with
//! `try_send`: where the terminal stalls, pictures are lost, and neither the load nor the log ever waits.

mod compared;
mod job;
mod places;
mod screen;
mod search;
mod session;
mod terminal;

use std::path::PathBuf;

use crate::cli;

use super::exit::{Exit, Failure};
use super::output::say;
use super::runtime::runtime;

use job::RequestedRun;
pub(super) use search::SearchScreen;
pub(super) use session::LastRun;
use session::UiSession;
pub(super) use terminal::{is_possible, refused_without_terminal};

/// `plimsoll`: choose, run, read, again.
pub(super) fn launcher() -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let output = cli::OutputArgs {
        out: PathBuf::from("reports"),
        strict: false,
        quiet: false,
        format: cli::ResultFormat::Text,
    };
    let mut session = UiSession::open(runtime, output)?;
    session.look_around();
    session.serve()?;
    session.close()
}

/// `plimsoll run --tui`: the live view of one run, and the launcher behind it.
pub(super) fn run(args: &cli::RunArgs) -> Result<Exit, Failure> {
    refused_without_terminal()?;
    let runtime = runtime()?;
    let job = RequestedRun::of(args)?;
    // What is wrong with the files is better read on a plain terminal.
    let ready = job.ready(&runtime, &args.output.out)?;
    ready.exports.announcements().iter().for_each(|told| say(told));
    let mut session = UiSession::open(runtime, args.output.clone())?;
    session.play(job, ready)?;
    session.serve()?;
    session.close()
}
