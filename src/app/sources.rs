//! The sources of the stack's metrics while a run goes on.

use crate::observe;
use crate::observe::WatchPlan;
use crate::plan::Plan;
use crate::scenario::{Loaded, Problem};
use crate::transport::TlsSetup;

use super::files;

/// Whether this machine starts the programs that a stack file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StackPrograms {
    /// It does, so they must be there.
    Here,
    /// Another does, or none.
    Elsewhere,
}

/// The sources of the stack file, or all that is wrong with them.
pub(super) fn described(
    loaded: &Loaded,
    programs: StackPrograms,
) -> Result<WatchPlan, Vec<Problem>> {
    let stack = loaded.scenario.as_ref().and_then(|scenario| scenario.stack.as_ref());
    let Some(stack) = stack else { return Ok(WatchPlan::default()) };
    let missing = match programs {
        StackPrograms::Elsewhere => vec![],
        StackPrograms::Here => {
            observe::missing_programs(stack, &files::variable("PATH").unwrap_or_default())
        }
    };
    let watch = observe::described(stack, &loaded.sources.secrets);
    match (watch, missing.is_empty()) {
        (Ok(watch), true) => Ok(watch.with_environment(files::variable)),
        (watch, _) => Err(watch.err().into_iter().flatten().chain(missing).collect()),
    }
}

/// What is read: the sources of the file, or the simulator's own where that is the target.
///
/// A stack file that names no source says nothing against asking the target whether it is the simulator;
/// a target without a stack file gets no request that the scenario does not send.
pub(super) async fn chosen(
    watch: WatchPlan,
    loaded: &Loaded,
    prepared: (&Plan, &TlsSetup),
    simulated: bool,
) -> WatchPlan {
    let (plan, tls) = prepared;
    let stack = loaded.scenario.as_ref().and_then(|scenario| scenario.stack.as_ref());
    let url = plan.target.url();
    let mut watch = if simulated || (stack.is_some() && watch.sources.is_empty()) {
        observe::simulated(&url).await.unwrap_or(watch)
    } else {
        watch
    };
    watch.health = stack.map(|stack| observe::health(stack, &url)).unwrap_or_default();
    watch.trust = Some(tls.control_path());
    watch
}
