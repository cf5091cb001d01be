//! Steering commands: what a user may do to a run under way, and the event that each leaves in the log.

use serde::{Deserialize, Serialize};

use plimsoll_metrics::{AbortNote, Event, EventKind, StopReason};
use plimsoll_units::{Rate, RunTime};

use super::control::Control;

/// One thing that a user does to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteeringCommand {
    /// Multiply the rate of the rest of the run.
    Scale(f64),
    /// Hold the rate of this moment for the rest of the run.
    Hold,
    /// Go on with the next stage at once.
    SkipStage,
    /// Start nothing new until [`SteeringCommand::Resume`].
    Pause,
    /// Go on as if there had been no pause.
    Resume,
    /// Note something in the log, in the user's words.
    Mark(String),
    /// Stop: requests in flight get 5 s.
    Stop,
    /// Stop at once.
    Abort,
    /// Stop as a rule of `abort` asks, which is no user's: requests in flight get 5 s.
    Rule(AbortNote),
    /// Do that at this moment, on which several runs have agreed.
    At(RunTime, Box<SteeringCommand>),
}

impl SteeringCommand {
    /// Carries it out. Returns the event for the log. All but a mark change the load, and mark the run as
    /// steered.
    pub fn carry_out(&self, control: &Control) -> Event {
        if let Self::At(at, command) = self {
            return Event { at: *at, ..command.carry_out(&control.acting_at(*at)) };
        }
        let at = control.moment();
        let text = self.command(control, at);
        let kind = match self {
            Self::Mark(_) => EventKind::Mark(text),
            Self::Rule(note) => EventKind::Aborted(note.clone()),
            Self::Scale(_)
            | Self::Hold
            | Self::SkipStage
            | Self::Pause
            | Self::Resume
            | Self::Stop
            | Self::Abort
            | Self::At(..) => EventKind::Steered(text),
        };
        Event { at, kind }
    }

    fn command(&self, control: &Control, at: RunTime) -> String {
        let told = |rate: Rate| {
            let requests = rate.times(control.requests_per_arrival());
            format!("{} req/s", Rate::per_second((requests.get() * 10.0).round() / 10.0))
        };
        match self {
            Self::Scale(factor) => {
                let percent = (factor - 1.0) * 100.0;
                format!("rate {percent:+.0} % to {}", told(control.scale(*factor)))
            }
            Self::Hold => {
                let rate = control.steering().rate_at(at);
                format!("held at {}", told(control.hold(rate)))
            }
            Self::SkipStage => format!("skipped to the next stage, {}", told(control.skip_stage())),
            Self::Pause => {
                control.pause();
                "arrivals paused".to_owned()
            }
            Self::Resume => format!("arrivals resumed, {}", told(control.resume())),
            Self::Mark(text) => text.clone(),
            Self::Stop => {
                control.stop(StopReason::Interrupted);
                "stop asked for: requests in flight get 5 s".to_owned()
            }
            Self::Abort => {
                control.abort(StopReason::Interrupted);
                "aborted: stopped at once".to_owned()
            }
            Self::Rule(note) => {
                control.stop(StopReason::Aborted);
                note.to_string()
            }
            Self::At(at, command) => command.command(control, *at),
        }
    }
}
