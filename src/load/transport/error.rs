//! Why a request brought no complete response.

use std::io;

use rustix::io::Errno;

use plimsoll_metrics::ErrorClass;

/// Why a request brought no complete response: a class for the tables, a message for the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// The class.
    pub class: ErrorClass,
    /// What was seen.
    pub message: String,
    /// Whether the peer cannot have acted on the request: nothing of it was taken, or it says so itself.
    pub(super) unseen: bool,
}

impl TransportError {
    /// An error of `class`.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), unseen: false }
    }

    /// The same of a request that the peer cannot have acted on.
    #[must_use]
    pub(super) fn unseen(self) -> Self {
        Self { unseen: true, ..self }
    }

    /// What an I/O error means while `doing` something.
    pub fn from_io(error: &io::Error, doing: &str) -> Self {
        Self::new(classify(error), format!("{doing}: {}", plain(error)))
    }
}

/// A URL that a script made, and that nobody can ask for.
pub(super) fn not_a_url(text: &str) -> TransportError {
    TransportError::new(ErrorClass::Script, format!("`{text}` is not a URL that can be requested"))
}

fn classify(error: &io::Error) -> ErrorClass {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    match code {
        Some(Errno::MFILE | Errno::NFILE) => return ErrorClass::OutOfDescriptors,
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => return ErrorClass::OutOfPorts,
        Some(Errno::HOSTUNREACH | Errno::NETUNREACH) => return ErrorClass::Unreachable,
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorClass::Refused,
        io::ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
        io::ErrorKind::InvalidData => ErrorClass::Tls,
        _ => ErrorClass::Reset,
    }
}

/// The message without the system's error number, which varies between systems.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}
