//! What a user asks to be done next.

use plimsoll_metrics::Sample;
use plimsoll_plan::{RenderError, RequestId, StreamId};
use plimsoll_units::{Nanos, RunTime};

/// An attempt at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestAttempt {
    /// Which request.
    pub request: RequestId,
    /// How many came before it.
    pub number: u16,
    /// From when the user first wanted it until this one was due; zero for the first.
    pub waited: Nanos,
}

impl RequestAttempt {
    /// The first one.
    pub const fn first(request: RequestId) -> Self {
        Self { request, number: 0, waited: Nanos::ZERO }
    }
}

/// What a user does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this request, then call [`super::User::on_response`] or [`super::User::on_failure`].
    Send(RequestAttempt),
    /// Send these requests at once, as [`Action::Send`] each; ask again when all are through.
    SendAll(Vec<RequestId>),
    /// Open this stream and read it to its end.
    Stream(StreamId),
    /// Count this time over or within requests, then ask again.
    DerivedTiming(Sample),
    /// Do nothing until then, then ask again.
    Wait(RunTime),
    /// The iteration is over.
    Done,
    /// It needs a row of this data set and none is left: the iteration cannot go on.
    UsedUp(u16),
    /// The script itself failed; the iteration is over.
    IterationError(RenderError),
}
