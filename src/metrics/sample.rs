//! One finished request, as the engine saw it.

use std::fmt;

use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, RunTime};

/// The position of a step among the plan's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u16);

/// The position of a scenario among the plan's scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScenarioId(pub u16);

/// A part of a request's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Phase {
    /// Name look-up; only where one was made.
    Dns,
    /// TCP connect; only on a new connection.
    Connect,
    /// TLS handshake; only on a new TLS connection.
    Tls,
    /// First byte of the request written → last byte written.
    Send,
    /// Last byte of the request written → first byte of the response.
    Wait,
    /// First byte of the response → last byte.
    Receive,
}

impl Phase {
    /// All phases, in the order in which they happen.
    pub const ALL: [Self; 6] =
        [Self::Dns, Self::Connect, Self::Tls, Self::Send, Self::Wait, Self::Receive];

    /// The name used in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
        }
    }
}

/// How long each phase took. A phase that did not happen (connect on a reused connection) is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases([Option<Nanos>; 6]);

impl Phases {
    /// Notes that `phase` took `span`.
    pub fn set(&mut self, phase: Phase, span: Nanos) {
        self.0[phase as usize] = Some(span);
    }

    /// How long `phase` took, if it happened.
    pub const fn get(&self, phase: Phase) -> Option<Nanos> {
        self.0[phase as usize]
    }
}

/// Why a request counts as failed. Classes are never lumped together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ErrorClass {
    /// The name could not be resolved.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No route to the host or network.
    Unreachable,
    /// The peer closed or reset the connection before the response was complete.
    Reset,
    /// The connection was not established in time.
    ConnectTimeout,
    /// The TLS handshake did not finish in time.
    TlsTimeout,
    /// The response was not complete in time.
    ResponseTimeout,
    /// The TLS handshake failed: certificate, name, protocol.
    Tls,
    /// The answer is not valid HTTP.
    Protocol,
    /// Status 400 to 499, other than 429, that no check expected.
    Http4xx,
    /// Status 500 to 599 that no check expected.
    Http5xx,
    /// 429, or 503 with the edge's signature: a limit, not the stack's capacity.
    Throttled,
    /// The answer came but a check on it failed.
    CheckFailed,
    /// The answer came with `errors` of GraphQL, or without its `data`.
    Graphql,
    /// The answer came but a value that later steps need was not in it.
    CaptureFailed,
    /// The body is larger than the scenario allows.
    BodyTooLarge,
    /// Too many redirects, or one to a host that may not be loaded.
    Redirect,
    /// A template of the scenario could not be rendered: the script's fault.
    Script,
    /// The generator ran out of local ports: measurement not valid.
    OutOfPorts,
    /// The generator ran out of file descriptors: measurement not valid.
    OutOfDescriptors,
}

impl ErrorClass {
    /// All classes, in the order of tables.
    pub const ALL: [Self; 20] = [
        Self::Dns,
        Self::Refused,
        Self::Unreachable,
        Self::Reset,
        Self::ConnectTimeout,
        Self::TlsTimeout,
        Self::ResponseTimeout,
        Self::Tls,
        Self::Protocol,
        Self::Http4xx,
        Self::Http5xx,
        Self::Throttled,
        Self::CheckFailed,
        Self::Graphql,
        Self::CaptureFailed,
        Self::BodyTooLarge,
        Self::Redirect,
        Self::Script,
        Self::OutOfPorts,
        Self::OutOfDescriptors,
    ];

    /// Whether it means that there was no service: no answer, or 5xx. Other 4xx, throttled and unexpected
    /// answers are service, and what the script or the generator got wrong says nothing of it.
    pub const fn is_outage(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Refused
                | Self::Unreachable
                | Self::Reset
                | Self::ConnectTimeout
                | Self::TlsTimeout
                | Self::ResponseTimeout
                | Self::Tls
                | Self::Protocol
                | Self::Http5xx
        )
    }

    /// The name used in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::ConnectTimeout => "connect_timeout",
            Self::TlsTimeout => "tls_timeout",
            Self::ResponseTimeout => "response_timeout",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::Throttled => "throttled",
            Self::CheckFailed => "check_failed",
            Self::Graphql => "graphql",
            Self::CaptureFailed => "capture_failed",
            Self::BodyTooLarge => "body_too_large",
            Self::Redirect => "redirect",
            Self::Script => "script",
            Self::OutOfPorts => "out_of_ports",
            Self::OutOfDescriptors => "out_of_descriptors",
        }
    }

    /// Whether the generator, not the stack, is at fault. Such errors spoil the measurement's validity.
    pub const fn is_client_fault(self) -> bool {
        matches!(self, Self::OutOfPorts | Self::OutOfDescriptors | Self::Script)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as expected.
    Ok,
    /// Failed, and why.
    Failed(ErrorClass),
}

/// One finished request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Which step.
    pub step: StepId,
    /// When it should have been sent: the arrival, or for later steps the moment the user was ready.
    pub intended: RunTime,
    /// When the generator actually began (to look up, connect or write).
    pub sent: RunTime,
    /// When the last byte of the response was read, or the request was given up.
    pub done: RunTime,
    /// The parts of the time between `sent` and `done`.
    pub phases: Phases,
    /// The status of the response; 0 if there was none.
    pub status: u16,
    /// Bytes received, head and body, as on the wire but without TLS.
    pub bytes_received: u64,
    /// Bytes sent, head and body.
    pub bytes_sent: u64,
    /// HTTP exchanges it took: more than one with redirects, or where an idle connection had been closed.
    pub exchanges: u16,
    /// How often it had to connect again because the server had closed the idle connection.
    pub reconnects: u16,
    /// How many attempts came before it, of a request that is sent again where it fails.
    pub attempt: u16,
    /// From when the user first wanted it until this attempt was due; zero for the first.
    pub waited: Nanos,
    /// Events or messages that came; 0 but of a stream as a whole.
    pub messages: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Sample {
    /// A time that is no exchange of its own: over several requests, or within one.
    pub fn of_time(
        step: StepId,
        (intended, sent): (RunTime, RunTime),
        done: RunTime,
        outcome: Outcome,
    ) -> Self {
        Self {
            step,
            intended,
            sent,
            done,
            phases: Phases::default(),
            status: 0,
            bytes_received: 0,
            bytes_sent: 0,
            exchanges: 0,
            reconnects: 0,
            attempt: 0,
            waited: Nanos::ZERO,
            messages: 0,
            outcome,
        }
    }

    /// From the intended start to the last byte: what a real user waits.
    ///
    /// Includes the time a late generator held the request back, so a stalled target cannot
    /// hide behind it. [`Sample::service_time`] starts the watch at the send instead. Of a request that was sent again, it
    /// includes all attempts before and the waits between them.
    pub fn response_time(&self) -> Nanos {
        self.done.since(self.intended) + self.waited
    }

    /// From the actual send to the last byte.
    pub fn service_time(&self) -> Nanos {
        self.done.since(self.sent)
    }
}
