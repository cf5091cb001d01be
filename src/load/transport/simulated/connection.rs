//! Simulated connections, and what their far end has to decide.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use plimsoll_units::Nanos;

/// The far end of all connections of a world.
pub(crate) trait Peer {
    /// What becomes of an attempt to connect.
    fn on_dial(&mut self, from: Option<IpAddr>, to: SocketAddr) -> Dialling;

    /// What becomes of a complete request that came `at` this time of the world.
    fn on_request(&mut self, request: &Received<'_>, at: Nanos) -> Vec<Reply>;
}

/// What becomes of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialling {
    /// It succeeds after so long.
    Opens(Nanos),
    /// It is refused after so long.
    Refused(Nanos),
    /// This machine has no port left.
    OutOfPorts,
    /// Nobody ever answers.
    Silent,
}

/// A request as the far end reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    /// The number of its connection.
    pub(crate) connection: usize,
    /// Its number among the requests of the connection, from 1.
    pub(crate) number: u32,
    pub(crate) from: Option<IpAddr>,
    pub(crate) to: SocketAddr,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

/// What the far end does, and how long after it has read the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) after: Nanos,
    pub(crate) what: Delivery,
}

/// What comes over a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Part of a response; the last part, or not.
    Bytes { bytes: Vec<u8>, is_last: bool },
    /// The far end closes in order (FIN).
    Close,
    /// The far end resets (RST).
    Reset,
    /// The client's code panics when it reads: a bug in it, planted.
    Panic,
}

/// How a connection ended, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Reset,
    Panic,
}

/// One connection.
#[derive(Debug)]
pub(super) struct SimulatedConnection {
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
    /// What the client has not read yet.
    pub(super) inbound: VecDeque<u8>,
    pub(super) end: Option<End>,
    pub(super) reader: Option<Waker>,
    /// What of a request has come so far.
    pub(super) outbound: Vec<u8>,
    /// How many requests came.
    pub(super) requests: u32,
    /// Whether a response is not through yet.
    pub(super) answering: bool,
    /// Whether the far end takes nothing any more.
    pub(super) far_end_closed: bool,
    /// Whether the client has closed it.
    pub(super) client_gone: bool,
    /// When the last thing sent to the client arrives: nothing overtakes.
    pub(super) arrives: u64,
}

impl SimulatedConnection {
    pub(super) fn new(from: Option<IpAddr>, to: SocketAddr) -> Self {
        Self {
            from,
            to,
            inbound: VecDeque::new(),
            end: None,
            reader: None,
            outbound: Vec::new(),
            requests: 0,
            answering: false,
            far_end_closed: false,
            client_gone: false,
            arrives: 0,
        }
    }

    /// Something comes in.
    pub(super) fn deliver(&mut self, what: Delivery) {
        if self.end.is_some() {
            return;
        }
        match what {
            Delivery::Bytes { bytes, is_last } => {
                self.inbound.extend(bytes);
                self.answering &= !is_last;
            }
            Delivery::Close => self.end = Some(End::Closed),
            Delivery::Reset => {
                // What was not read yet is lost with it.
                self.inbound.clear();
                self.end = Some(End::Reset);
            }
            Delivery::Panic => self.end = Some(End::Panic),
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
