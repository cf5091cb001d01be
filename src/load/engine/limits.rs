//! Limits of the machine, found before they hurt.

use std::{fmt, fs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use plimsoll_plan::Plan;

/// The machine cannot carry any load to speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "at least {needed} file descriptors are needed, but the hard limit is {hard}; raise it with `ulimit -Hn \
     {wanted}`"
)]
pub struct LimitError {
    /// How many are needed for a handful of connections.
    pub needed: u64,
    /// How many all users would need.
    pub wanted: u64,
    /// The hard limit.
    pub hard: u64,
}

/// How many connections may be open at once, beside how many users there may be.
///
/// Users are not connections: who thinks, waits for work or shares connections holds none. So a plan with
/// more users than descriptors or ports is no error; what counts is how many connections are needed at once,
/// which only the run can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// How many may be open at once; `u64::MAX` where all users can have theirs.
    pub most: u64,
    users: u64,
    descriptors: u64,
    ports: u64,
    sources: u64,
}

impl ConnectionLimit {
    /// Whether not all users can have a connection at once.
    pub const fn is_short(&self) -> bool {
        self.most != u64::MAX
    }
}

impl fmt::Display for ConnectionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, users, descriptors, ports, sources } = self;
        write!(
            f,
            "at most {most} connections can be open at once for up to {users} users; beyond that, idle ones \
             are closed, and where none is idle, requests fail. There are {descriptors} file descriptors (`ulimit \
             -Hn {}` gives each user one) and {ports} local ports on {sources} source address(es) \
             (`http.source_ips` adds more)",
            users + SPARE
        )
    }
}

/// Descriptors for everything but connections: the log, timers, epoll, metrics.
const SPARE: u64 = 128;

/// With fewer connections than this, nothing is worth measuring.
const LEAST: u64 = 16;

/// Raises the soft limit of descriptors to the hard one, and counts local ports.
///
/// # Errors
/// Where the hard limit leaves next to no connection.
pub fn prepare_limits(plan: &Plan) -> Result<ConnectionLimit, LimitError> {
    let users = u64::from(plan.load.max_vus().div_ceil(plan.shard.count) * plan.plays());
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if hard < SPARE + LEAST.min(users) {
        return Err(LimitError { needed: SPARE + LEAST, wanted: SPARE + users, hard });
    }
    // Refused only above the hard limit. What is not used costs nothing.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let sources = plan.http.source_ips.iter().map(|net| net.count).sum::<u64>().max(1);
    let (descriptors, ports) = (hard, local_ports() * sources);
    let possible = ports.min(hard - SPARE);
    let most = if possible >= users { u64::MAX } else { possible };
    Ok(ConnectionLimit { most, users, descriptors, ports, sources })
}

/// Raises the soft limit of descriptors to the hard one, for who opens many files.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, opening a file will tell.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
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
