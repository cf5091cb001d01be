//! The path of the load: what goes over the wire, and the workers that send it.
//!
//! One package, since the engine's tests play whole runs in the simulated world that stands behind
//! `transport`'s clock, alarms and sockets.

pub mod engine;
pub mod transport;
