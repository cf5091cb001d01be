//! The load path: connections, protocols and the times of their phases.
//!
//! The engine drives connections itself, because a client library hides the phases and costs as much
//! again as the request (figures in `benches/`). Both protocols have codecs of their
//! own, HTTP/1.1 on `httparse`: a request costs one write, one read and no allocation.

mod address;
mod client;
mod clock;
mod connect;
mod cookies;
mod decode;
mod error;
mod events;
mod exchange;
mod group;
mod hop;
mod http1;
mod http2;
mod io;
mod parser;
mod pool;
mod prepared;
mod probe;
mod progress;
mod redirect;
mod safety;
mod shared;
mod socket;
mod stream;
mod timer;
mod tls;

pub use address::SourcePool;
pub use client::{Client, ExchangeTrace, FinishedRequest};
pub use clock::{Clock, monotonic, process_cpu, thread_cpu};
pub use error::TransportError;
pub use probe::{ProbedTarget, keep_time, probe};
pub use safety::HostPermit;
pub use shared::WorkerTransport;
pub use stream::StreamEvent;
pub use timer::{Timer, Timers};
pub use tls::{TlsSetup, TlsSetupError};
