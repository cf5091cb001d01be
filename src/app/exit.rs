//! Exit codes, as `--help` documents them.

use std::process::ExitCode;

use crate::metrics::StopReason;
use crate::scenario::ToldProblem;
use crate::slo::{Judgement, Strictness};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Pass,
    /// Internal or I/O error; the target cannot be reached.
    Error,
    /// Bad command line or file.
    Usage,
    /// Refused for safety.
    Refused,
    Interrupted,
    /// What the verdict says.
    Judged(u8),
}

impl Exit {
    pub(super) fn of(judgement: &Judgement, strictness: Strictness) -> Self {
        Self::Judged(judgement.verdict.exit_code(strictness))
    }

    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// The worse of two: 99 is worse than 97, and both are worse than 0.
    pub(super) const fn worse(self, other: Self) -> Self {
        if other.number() > self.number() { other } else { self }
    }

    /// What a number means that another process of this program ended with.
    #[cfg(feature = "fleet")]
    pub(super) const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Pass,
            1 => Self::Error,
            2 => Self::Usage,
            96 => Self::Refused,
            130 => Self::Interrupted,
            code => Self::Judged(code),
        }
    }

    /// The number that `--help` documents.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Refused => 96,
            Self::Interrupted => 130,
            Self::Judged(code) => code,
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// For stderr, complete with hints.
    pub(super) message: String,
    /// The same for machines, where files are wrong.
    pub(super) problems: Vec<ToldProblem>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), problems: vec![] }
    }

    /// What a build says that was made without agents.
    #[cfg(not(feature = "fleet"))]
    pub(super) fn without_fleet() -> Self {
        let why = "this build has no agents: it was made without the feature `fleet`";
        Self::new(Exit::Usage, format!("error: {why}"))
    }

    /// An internal or I/O error while `doing` something.
    pub(super) fn while_doing(doing: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new(Exit::Error, format!("error: {doing}: {error}"))
    }
}

/// How the process ends after a run.
pub(super) fn exit_of(reason: StopReason, judgement: &Judgement, strictness: Strictness) -> Exit {
    match reason {
        StopReason::Interrupted => Exit::Interrupted,
        StopReason::Finished | StopReason::UsedUp | StopReason::Aborted => {
            Exit::of(judgement, strictness)
        }
    }
}
