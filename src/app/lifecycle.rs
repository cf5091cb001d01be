//! Setup and teardown of a run: played, told, and kept for the log.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::engine::{PlayedLifecycle, RunOptions, SteeringCommand, play_lifecycle};
use crate::metrics::{LifecycleNote, LifecyclePart, RunEnd, RunLine, StopReason};
use crate::plan::Plan;
use crate::report::format;
use crate::units::RunTime;

use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::mask;
use super::signals::StopSignals;

/// What a setup came to, and the teardown that follows at once where no load does.
#[derive(Debug, Default)]
pub(super) struct SetUp {
    notes: Vec<LifecycleNote>,
    /// Why there is no load.
    ended: Option<StopReason>,
}

/// What a part that was cut off says.
const GIVEN_UP: &str = "it was given up: the user stopped it";

/// Plays the setup of `plan`, and lets every user have what it captured. Where it fails or the user stops it, the
/// teardown follows.
pub(super) async fn set_up(plan: &mut Arc<Plan>, options: &RunOptions) -> Result<SetUp, Failure> {
    if plan.lifecycle.setup.is_none() {
        return Ok(SetUp::default());
    }
    let mut signals = StopSignals::new()?;
    let stopped = async { signals.next().await };
    let Some((note, is_stopped)) = part(plan, options, LifecyclePart::Setup, stopped).await? else {
        return Ok(SetUp::default());
    };
    let ended = match (&note.failure, is_stopped) {
        (_, true) => Some(StopReason::Interrupted),
        (Some(_), false) => Some(StopReason::Aborted),
        (None, false) => None,
    };
    let mut notes = vec![note];
    if ended.is_some() {
        notes.extend(tear_down(plan, options, async { signals.next().await }).await?);
    }
    Ok(SetUp { notes, ended })
}

/// Plays the teardown, if there is one, until it ends or `stopped` does.
pub(super) async fn tear_down(
    plan: &mut Arc<Plan>,
    options: &RunOptions,
    stopped: impl Future<Output = ()>,
) -> Result<Option<LifecycleNote>, Failure> {
    if plan.lifecycle.teardown.is_none() {
        return Ok(None);
    }
    let played = part(plan, options, LifecyclePart::Teardown, stopped).await?;
    // Once is once, also where something goes wrong behind it.
    Arc::make_mut(plan).lifecycle.teardown = None;
    Ok(played.map(|(note, _)| note))
}

/// Plays a part until it ends or `stopped` does; says which of the two it was.
async fn part(
    plan: &mut Arc<Plan>,
    options: &RunOptions,
    part: LifecyclePart,
    stopped: impl Future<Output = ()>,
) -> Result<Option<(LifecycleNote, bool)>, Failure> {
    let played = tokio::select! {
        played = play_lifecycle(plan, options, part) => {
            played.map_err(|error| Failure::while_doing(&format!("cannot play the {part}"), &error))?
        }
        () = stopped => {
            let failure = Some(GIVEN_UP.to_owned());
            return Ok(Some((LifecycleNote { failure, ..LifecycleNote::begun(part) }, true)));
        }
    };
    let Some(PlayedLifecycle { note, captured }) = played else { return Ok(None) };
    if part == LifecyclePart::Setup {
        Arc::make_mut(plan).lifecycle.given = captured;
        mask::learn(&plan.given_secrets());
    }
    let failure = note.failure.as_deref().map(mask::text);
    Ok(Some((LifecycleNote { failure, ..note }, false)))
}

/// Plays the teardown of a run that could not be played to its end, within its own time.
pub(super) async fn leave_nothing<T>(
    plan: &mut Arc<Plan>,
    options: &RunOptions,
    result: Result<T, Failure>,
) -> Result<T, Failure> {
    if result.is_err() {
        // What went wrong first is what is told.
        let _ = tear_down(plan, options, std::future::pending()).await;
    }
    result
}

/// Waits until a user who has a steering handle wants no more of a teardown.
pub(super) async fn given_up(observer: &mut impl super::audience::RunObserver) {
    loop {
        match observer.next_steering().await {
            SteeringCommand::Stop | SteeringCommand::Abort => return,
            SteeringCommand::Scale(_)
            | SteeringCommand::Hold
            | SteeringCommand::SkipStage
            | SteeringCommand::Pause
            | SteeringCommand::Resume
            | SteeringCommand::Mark(_)
            | SteeringCommand::Rule(_)
            | SteeringCommand::At(..) => {}
        }
    }
}

impl SetUp {
    /// Whether a load follows: the setup did not fail, and nobody stopped it.
    pub(super) const fn is_load_due(&self) -> bool {
        self.ended.is_none()
    }

    /// Writes down what there is so far, and ends the log of a run that has no load.
    ///
    /// # Errors
    /// Where the setup failed or was stopped: that ends the run.
    pub(super) fn note(&self, folder: &mut RunFolder) -> Result<(), Failure> {
        for note in &self.notes {
            folder.append(&RunLine::Lifecycle(note.clone()))?;
        }
        let Some(reason) = self.ended else { return Ok(()) };
        folder.append(&RunLine::End(RunEnd { at: RunTime::ZERO, reason }))?;
        folder.flush()?;
        Err(self.failure(folder.path()))
    }

    /// Why a run that has no load ends.
    fn failure(&self, folder: &Path) -> Failure {
        let mut message = String::new();
        for note in &self.notes {
            match &note.failure {
                Some(why) => _ = writeln!(message, "error: the {} failed: {why}", note.part),
                None => _ = writeln!(message, "the {} was played", note.part),
            }
        }
        _ = write!(message, "no load was sent; the log is in {}", folder.display());
        let exit = match self.ended {
            Some(StopReason::Interrupted) => Exit::Interrupted,
            _ => Exit::Judged(NOT_MEASURED),
        };
        Failure::new(exit, message)
    }

    /// What was played, in a line for the user; nothing where there was nothing.
    pub(super) fn told(&self) -> Option<String> {
        let note = self.notes.first()?;
        let requests = note.requests();
        let requests = format::counted(requests, "request");
        Some(format!("{}: {requests} in {}", note.part, note.took))
    }
}

/// The exit code of a run that measured nothing.
const NOT_MEASURED: u8 = 97;
