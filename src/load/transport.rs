//! The load path: connections, protocols and the times of their phases.
//!
//! The engine drives connections itself, because a client library hides the phases and costs as much
//! again as the request (figures in `benches/`). Both protocols have codecs of their
//! own, HTTP/1.1 on `httparse`: a request costs one write, one read and no allocation.

mod address;
mod agent;
mod alarm;
mod body;
mod budget;
mod client;
mod clock;
mod connect;
mod connection;
mod context;
mod cookies;
mod decode;
mod error;
mod events;
mod exchange;
mod exemplars;
mod finished;
mod group;
mod hop;
mod http1;
mod http2;
mod io;
mod memory;
mod parser;
mod pool;
mod prepared;
mod probe;
mod progress;
mod redirect;
mod request;
mod resolver;
mod safety;
mod shared;
mod sign;
#[cfg(test)]
pub(crate) mod simulated;
mod socket;
mod stream;
mod tcp;
mod timer;
mod tls;
mod tunnel;

pub use address::SourcePool;
pub use agent::ExchangeTrace;
pub use client::Client;
pub use clock::{Clock, monotonic, process_cpu, thread_cpu};
pub use error::TransportError;
pub use finished::{FinishedRequest, RequestTimes, StreamEvent};
pub use probe::{ProbedTarget, keep_time, probe};
pub use safety::HostPermit;
pub use shared::WorkerTransport;
pub use timer::{Timer, Timers};
pub use tls::{TlsSetup, TlsSetupError};
