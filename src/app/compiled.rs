//! The plan of a scenario and what it needs to be played, or all that is wrong with its files.

use crate::observe::WatchPlan;
use crate::plan::{Overrides, Plan, compile};
use crate::scenario::Loaded;
use crate::transport::{HostPermit, TlsSetup};

use super::exit::{Exit, Failure};
use super::sources::StackPrograms;
use super::{mask, problems, sources, wall};

/// The plan and what is read of the stack, or all that is wrong with them.
pub(super) fn plan_of(
    loaded: &Loaded,
    overrides: &Overrides,
    programs: StackPrograms,
) -> Result<(Plan, WatchPlan), Failure> {
    mask::learn(&loaded.sources.secrets);
    let plan = compile(loaded, overrides, wall::today());
    match (plan, sources::described(loaded, programs)) {
        (Ok(plan), Ok(watch)) => {
            mask::learn(&plan.secrets);
            Ok((plan, watch))
        }
        (plan, watch) => {
            let mut problems = plan.err().unwrap_or_default();
            problems.extend(watch.err().unwrap_or_default());
            problems.sort_by_key(|problem| problem.span);
            Err(problems::failure(&problems, &loaded.sources))
        }
    }
}

/// Hosts that both the scenario and the command line allow.
pub(super) fn permit_for(plan: &Plan, may_load: &[String]) -> HostPermit {
    let both = |host: &&String| may_load.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
    HostPermit::new(plan.allow_hosts.iter().filter(both).cloned().collect())
}

/// The TLS configuration of the plan.
pub(super) fn tls_for(plan: &Plan) -> Result<TlsSetup, Failure> {
    TlsSetup::new(&plan.http.tls, plan.http.version)
        .map_err(|error| Failure::new(Exit::Usage, format!("error: {error}")))
}
