//! The program as a user runs it, against real servers on loopback.
//!
//! These tests run one at a time (`.config/nextest.toml`): they measure.

#![expect(clippy::print_stdout, reason = "a measurement shows its figures")]

#[cfg(feature = "fleet")]
mod abandoned;
#[cfg(feature = "fleet")]
mod absent;
#[cfg(feature = "fleet")]
mod admitted;
mod browsers;
mod capacity;
mod commanded;
mod counts;
mod exchanges;
mod exemplars;
mod exports;
mod failing;
mod failures;
#[cfg(feature = "fleet")]
mod fleet;
mod harness;
mod init;
mod journeys;
#[cfg(feature = "fleet")]
mod killed;
#[cfg(feature = "fleet")]
#[path = "../../benches/fleet/kills.rs"]
mod kills;
#[cfg(feature = "fleet")]
mod kubernetes;
#[cfg(feature = "fleet")]
mod led;
mod lifecycle;
mod listening;
#[cfg(feature = "fleet")]
#[path = "../suite/manifests.rs"]
mod manifests;
mod merge;
#[cfg(feature = "fleet")]
mod namespaces;
mod nginx;
mod node;
mod observed;
mod partial;
#[cfg(feature = "fleet")]
#[path = "../../benches/fleet/parts.rs"]
mod parts;
mod protocols;
mod proxies;
#[cfg(feature = "tui")]
#[expect(dead_code, reason = "the terminal's own tests look at more of it")]
#[path = "../terminal/pty.rs"]
mod pty;
mod pushed;
mod reconnects;
mod remembered;
mod requests;
mod rows;
mod scarce;
#[cfg(feature = "fleet")]
mod searched;
mod shapes;
mod sinks;
mod split;
mod streams;
mod throttled;
mod truth;
mod values;
mod zoo;
