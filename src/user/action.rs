//! What a user asks to be done next.

use crate::metrics::Sample;
use crate::plan::{RenderError, RequestId, StreamId};
use crate::units::RunTime;

/// What a user does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this request, then call [`super::User::on_response`] or [`super::User::on_failure`].
    Send(RequestId),
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
    /// The script itself failed; the iteration is over.
    IterationError(RenderError),
}
