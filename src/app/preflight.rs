//! Reaches the targets of a run before anything is sent.

use std::sync::Arc;

use crate::engine::{PreflightError, RunOptions, preflight};
use crate::plan::{Plan, Target};

use super::exit::{Exit, Failure};

/// Opens one connection to each target before anything is sent.
pub(super) fn look_ahead(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    options: &RunOptions,
) -> Result<(), Failure> {
    let green = plan.split.as_ref().map(|split| &split.green);
    let mut targets = std::iter::once(&plan.target).chain(green);
    targets.try_for_each(|target| reach(runtime, plan, target, options))
}

pub(super) fn reach(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    target: &Target,
    options: &RunOptions,
) -> Result<(), Failure> {
    let probing = preflight((plan, target), &options.tls, &options.permit);
    match tokio::task::LocalSet::new().block_on(runtime, probing) {
        Ok(_) => Ok(()),
        Err(PreflightError::Refused(why)) => Err(Failure::new(
            Exit::Refused,
            format!(
                "refused: {why}\nhint: list the host under `allow_hosts` in the scenario and say \
                 `--i-may-load {}`; nothing was sent",
                target.host
            ),
        )),
        Err(PreflightError::Unreachable(error)) => {
            let mut message =
                format!("error: the target {} cannot be reached: {error}", target.url());
            if let Some(hint) = hint_for(&error) {
                message.push_str("\nhint: ");
                message.push_str(hint);
            }
            message.push_str("\nnothing was sent");
            Err(Failure::new(Exit::Error, message))
        }
    }
}

fn hint_for(error: &crate::transport::TransportError) -> Option<&'static str> {
    use crate::metrics::ErrorClass;
    match error.class {
        ErrorClass::Refused => Some(
            "is it running there? `--target URL` sends the load elsewhere, `--no-preflight` starts anyway",
        ),
        ErrorClass::Dns => Some("check the spelling of the host in `target`"),
        ErrorClass::Tls => Some(
            "for a certificate of your own, give its authority: `http: { tls: { ca: ca.pem } }`; \
             `insecure: true` trusts anyone",
        ),
        _ => None,
    }
}
