//! Limits of the machine, found before they hurt.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::plan::{ConnectionUse, Plan};

/// The machine cannot carry what the plan asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Too few file descriptors.
    #[error(
        "{needed} file descriptors are needed for {connections} connections, but the hard limit is {hard}; \
         raise it with `ulimit -Hn {needed}` or lower `max_vus`"
    )]
    Descriptors {
        /// How many are needed.
        needed: u64,
        /// For how many connections.
        connections: u64,
        /// The hard limit.
        hard: u64,
    },
    /// Too few local ports.
    #[error(
        "{connections} connections to one address need as many local ports, but there are {ports} on \
         {sources} source address(es); add `http.source_ips` or lower `max_vus`"
    )]
    Ports {
        /// How many connections.
        connections: u64,
        /// Local ports over all source addresses.
        ports: u64,
        /// Source addresses.
        sources: u64,
    },
}

/// Descriptors for everything but connections: the log, timers, epoll, metrics.
const SPARE: u64 = 128;

/// Raises the soft limit of descriptors as far as the plan needs, and counts local ports.
///
/// # Errors
/// Where the hard limit or the port range is too small.
pub fn prepare_limits(plan: &Plan) -> Result<(), LimitError> {
    let connections = u64::from(plan.load.max_vus().div_ceil(plan.shard.count));
    let needed = connections + SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|soft| soft < needed) {
        if let Some(hard) = limit.maximum.filter(|hard| *hard < needed) {
            return Err(LimitError::Descriptors { needed, connections, hard });
        }
        // Refused only above the hard limit, which was just looked at.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit });
    }
    let sources = plan.http.source_ips.iter().map(|net| net.count).sum::<u64>().max(1);
    let ports = local_ports() * sources;
    if plan.http.connections != ConnectionUse::Shared && connections > ports {
        return Err(LimitError::Ports { connections, ports, sources });
    }
    Ok(())
}

/// How many ephemeral ports the system has; Linux's default where it does not tell.
fn local_ports() -> u64 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = range.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    match (bounds.next(), bounds.next()) {
        (Some(first), Some(last)) if last >= first => last - first + 1,
        _ => 28_232,
    }
}
