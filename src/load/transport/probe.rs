//! One connection before the run: a target that cannot be reached is said so before anything is sent.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use plimsoll_metrics::Phases;
use plimsoll_plan::{Plan, Target};
use plimsoll_units::Nanos;

use super::address::Origin;
use super::connect::{Route, connect};
use super::connection::Connection;
use super::{Clock, HostPermit, Timers, TlsSetup, TransportError, WorkerTransport};

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedTarget {
    /// The addresses of the target.
    pub addresses: Vec<SocketAddr>,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
    /// How long each phase took.
    pub phases: Phases,
}

/// Resolves `target`, one of the plan's, and opens one connection to it, TLS included. Sends no request.
///
/// # Errors
/// Where the target cannot be reached, or may not be loaded (class `redirect`).
pub async fn probe(
    (plan, target): (&Arc<Plan>, &Target),
    tls: &TlsSetup,
    permit: &HostPermit,
) -> Result<ProbedTarget, TransportError> {
    let timers = keep_time(Nanos::ZERO)
        .map_err(|error| TransportError::from_io(&error, "cannot open a timer"))?;
    let clock = timers.clock();
    let shared = WorkerTransport::new(plan.clone(), tls.clone(), permit.clone(), timers.clone());
    let origin = Origin::of_target(target);
    let timer = timers.timer();
    let mut phases = Phases::default();
    let deadline = clock.now() + plan.http.connect_timeout * 3;
    let route = Route { origin: &origin, source: shared.first_source(), timer: &timer, deadline };
    let connection = connect(&shared, route, &mut phases).await?;
    let addresses = shared.resolver.known(shared.next_hop(&origin), clock.now());
    Ok(ProbedTarget {
        addresses: addresses.and_then(Result::ok).map_or_else(Vec::new, |known| known.to_vec()),
        protocol: match connection {
            Connection::Http1(_) => "HTTP/1.1",
            Connection::Http2(_) => "HTTP/2",
        },
        phases,
    })
}

/// Timers that keep themselves going, where no dispatcher does it. The run begins `delay` from now.
///
/// # Errors
/// Where the system has no descriptor left for the timer.
pub fn keep_time(delay: Nanos) -> io::Result<Rc<Timers>> {
    let timers = Timers::new(Clock::starting_in(delay))?;
    let weak = Rc::downgrade(&timers);
    tokio::task::spawn_local(async move {
        // Ends with whoever uses the timers.
        while let Some(timers) = weak.upgrade() {
            let now = timers.clock().now();
            timers.fire_due(now);
            let wake = timers.next_deadline().min(now + TICK);
            if timers.sleep_until(wake).await.is_err() {
                return;
            }
        }
    });
    Ok(timers)
}

/// How long timers outlive their last user at the most.
const TICK: Nanos = Nanos::from_millis(50);
