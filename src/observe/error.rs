//! What can go wrong with a source. Messages never hold an address's user or password.

use thiserror::Error;

use super::exposition::ExpositionError;
use plimsoll_units::Nanos;

/// Why a source gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObserveError {
    /// Not within its time.
    #[error("no answer within {0}")]
    Timeout(Nanos),
    /// No connection, or it broke.
    #[error("cannot reach it: {0}")]
    Connection(String),
    /// It answered, but not with what was asked for.
    #[error("it answers HTTP {0}")]
    Status(u16),
    /// The answer is longer than any real one.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// The page is not one of metrics.
    #[error(transparent)]
    Exposition(#[from] ExpositionError),
    /// Prometheus refused the query.
    #[error("Prometheus refuses `{query}`: {message}")]
    Query {
        /// What was asked.
        query: String,
        /// Its own words.
        message: String,
    },
    /// The answer is not the service's protocol.
    #[error("it does not answer as {0} does")]
    Protocol(&'static str),
    /// The service refused us, in its own words.
    #[error("it refuses: {0}")]
    Refused(String),
    /// The address cannot be used.
    #[error("the address is not usable: {0}")]
    Address(&'static str),
    /// Its certificates cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Its values might be of any time.
    #[error(
        "its values have no time: set `set_timestamp` of cloudwatch_exporter, `addCloudwatchTimestamp` of YACE"
    )]
    Untimed,
    /// The program cannot be run.
    #[error("it cannot be started: {0}")]
    Start(std::io::ErrorKind),
    /// The program ended as programs do that failed.
    #[error("it ended with {status}{}{said}", if said.is_empty() { "" } else { ": " })]
    Program {
        /// How it ended.
        status: String,
        /// The last line of what it said on its standard error.
        said: String,
    },
    /// The program printed something else than JSON.
    #[error("line {line} of its output is no JSON")]
    NotJson {
        /// Where.
        line: usize,
    },
    /// A file of the kernel cannot be read.
    #[error("cannot read `{path}`: {kind}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// A file of the kernel does not read as documented.
    #[error("`{0}` does not read as the kernel documents it")]
    FileFormat(String),
}
