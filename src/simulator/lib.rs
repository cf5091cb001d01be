//! A stack that answers real HTTP with modelled queues and its own metrics.
//!
//! [`Simulation::parse`] reads a `simulation.yaml`; [`serve`] plays it on a listener. How long a request
//! takes is decided by [`model`], a network of queues in virtual time, so that everything which is measured
//! against a simulated stack can be checked against arithmetic. The server adds sockets, JSON and a timer
//! fine enough (tens of microseconds) not to blur that arithmetic.

mod access_log;
mod answer;
mod body;
mod deadline;
mod declared;
mod decode;
mod exposition;
mod handler;
mod identity;
mod limit;
pub mod model;
mod play;
mod router;
mod serve;
mod simulation;
mod store;
mod template;
mod tls;
mod token;
mod websocket;

pub use access_log::AccessLog;
pub use declared::simulation::SIMULATION_FILE;
pub use serve::{ServeOptions, Served, runtime, serve};
pub use simulation::Simulation;
pub use tls::{TlsError, tls_config};
