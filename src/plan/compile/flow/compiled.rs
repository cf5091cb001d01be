//! What flows come to besides their programs.

use std::collections::BTreeMap;

use super::session::OwnedSession;
use crate::metrics::StepInfo;
use crate::plan::{Lifecycle, PlaybackPlan, RequestPlan, SessionId, StreamPlan};

/// What flows come to besides their programs.
pub(in crate::plan::compile) struct CompiledFlows {
    pub(in crate::plan::compile) steps: Vec<StepInfo>,
    pub(in crate::plan::compile) requests: Vec<RequestPlan>,
    pub(in crate::plan::compile) streams: Vec<StreamPlan>,
    pub(in crate::plan::compile) playbacks: Vec<PlaybackPlan>,
    pub(in crate::plan::compile) lifecycle: Lifecycle,
    pub(in crate::plan::compile) sessions: BTreeMap<SessionId, OwnedSession>,
}
