//! Reaches the targets of a run before anything is sent.

use std::sync::Arc;

use crate::engine::{PreflightError, RunOptions, preflight};
use crate::plan::{Plan, Target};

use super::exit::{Exit, Failure};

/// Opens one connection to each target before anything is sent. Returns what a reader must know of them, if the run can
/// begin all the same.
pub(super) fn look_ahead(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    options: &RunOptions,
) -> Result<Vec<String>, Failure> {
    let green = plan.split.as_ref().map(|split| &split.green);
    let targets = std::iter::once(&plan.target).chain(green);
    let told: Vec<_> =
        targets.map(|target| reach(runtime, plan, target, options)).collect::<Result<_, _>>()?;
    Ok(told.into_iter().flatten().collect())
}

/// Refuses targets that may not be loaded from here, without a packet to any. Where a name cannot be resolved yet, its
/// addresses are held to the same rule when they are connected to.
#[cfg(feature = "fleet")]
pub(super) fn refuse_strangers(plan: &Plan, options: &RunOptions) -> Result<(), Failure> {
    use std::net::ToSocketAddrs as _;
    let green = plan.split.as_ref().map(|split| &split.green);
    for target in std::iter::once(&plan.target).chain(green) {
        let resolved = (target.host.as_str(), target.port).to_socket_addrs();
        let strange = resolved
            .into_iter()
            .flatten()
            .find(|address| !options.permit.allows(&target.host, address.ip()));
        if let Some(address) = strange {
            let address = address.ip();
            let why = format!("{address} is outside loopback and private ranges");
            return Err(refused(plan, target, &why));
        }
    }
    Ok(())
}

fn refused(plan: &Plan, target: &Target, why: &str) -> Failure {
    let host = &target.host;
    let listing = if plan.allow_hosts.contains(host) {
        ""
    } else {
        "list the host under `allow_hosts` in the scenario and "
    };
    let hint = format!("hint: {listing}say `--i-may-load {host}`; nothing was sent");
    Failure::new(Exit::Refused, format!("refused: {why}\n{hint}"))
}

/// Opens one connection to `target`.
fn reach(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    target: &Target,
    options: &RunOptions,
) -> Result<Option<String>, Failure> {
    let probing = preflight((plan, target), &options.tls, &options.permit);
    match tokio::task::LocalSet::new().block_on(runtime, probing) {
        Ok(_) => Ok(None),
        // What every request comes to is measured, and counted as failed.
        Err(PreflightError::OtherProtocol(error)) => {
            Ok(Some(format!("the target {}: {error}; every request fails", target.url())))
        }
        Err(PreflightError::Refused(why)) => Err(refused(plan, target, &why)),
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
