//! How `WebSockets` end: close frames and their codes (RFC 6455 §7.4), and what violates the protocol.

use std::fmt;

use plimsoll_metrics::ErrorClass;

use super::super::TransportError;

/// Why we fail a connection (§7.1.7): what the peer is told, and what the report is.
#[derive(Debug)]
pub(super) struct SocketFailure {
    pub(super) code: u16,
    pub(super) error: TransportError,
}

impl SocketFailure {
    /// The peer violates the protocol.
    pub(super) fn protocol(message: &str) -> Self {
        Self { code: 1002, error: TransportError::new(ErrorClass::Protocol, message) }
    }

    /// A text is not UTF-8.
    pub(super) fn not_text(what: &str) -> Self {
        let message = format!("{what} is not UTF-8");
        Self { code: 1007, error: TransportError::new(ErrorClass::Protocol, message) }
    }

    /// A compressed message is none (RFC 7692 §7.2.2).
    pub(super) fn not_compressed() -> Self {
        let message = "a compressed message cannot be decompressed";
        Self { code: 1007, error: TransportError::new(ErrorClass::Protocol, message) }
    }

    /// There is no room for what comes.
    pub(super) fn too_large(error: TransportError) -> Self {
        Self { code: 1009, error }
    }
}

/// What a close frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CloseFrame {
    /// 1005 where it says nothing.
    pub(super) code: u16,
    pub(super) reason: String,
}

/// A normal closure.
pub(super) const NORMAL: u16 = 1000;
/// No code was present. Never sent.
const NO_STATUS: u16 = 1005;

impl CloseFrame {
    /// Reads the payload of a close frame (§5.5.1).
    pub(super) fn parse(payload: &[u8]) -> Result<Self, SocketFailure> {
        let [high, low, reason @ ..] = payload else {
            return match payload {
                [] => Ok(Self { code: NO_STATUS, reason: String::new() }),
                _ => Err(SocketFailure::protocol("a close frame has half a code")),
            };
        };
        let code = u16::from_be_bytes([*high, *low]);
        // 1004 to 1006 and 1015 are never sent; 1012 to 1014 stand in IANA's registry.
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            let message = format!("a close frame has the code {code}, which must not be sent");
            return Err(SocketFailure::protocol(&message));
        }
        let reason = std::str::from_utf8(reason)
            .map_err(|_| SocketFailure::not_text("the reason of a close frame"))?;
        Ok(Self { code, reason: reason.to_owned() })
    }

    /// The payload that answers it: the same code.
    pub(super) fn answer(&self) -> Vec<u8> {
        if self.code == NO_STATUS { vec![] } else { self.code.to_be_bytes().to_vec() }
    }

    /// Whether the server has simply finished.
    pub(super) fn is_normal(&self) -> bool {
        matches!(self.code, NORMAL | NO_STATUS)
    }

    /// What it means that the server closes, though more was expected. `Try again later` is throttling; going away,
    /// restarting and failing are a lost service; what names our messages is a matter of the protocol; the rest,
    /// codes of applications among it, is an answer that was not wanted.
    pub(super) fn error(&self) -> TransportError {
        let class = match self.code {
            1013 => ErrorClass::Throttled,
            1001 | 1011 | 1012 | 1014 => ErrorClass::Reset,
            1002 | 1003 | 1007 | 1009 | 1010 => ErrorClass::Protocol,
            _ => ErrorClass::CheckFailed,
        };
        TransportError::new(class, format!("the server closed the WebSocket: {self}"))
    }

    const fn name(&self) -> &'static str {
        match self.code {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1007 => "invalid payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            3000 => "unauthorized",
            3003 => "forbidden",
            3008 => "timeout",
            3001..=3002 | 3004..=3007 | 3009..=3999 => "registered",
            4000..=4999 => "private use",
            _ => "no code",
        }
    }
}

/// The longest reason that is shown; a close frame has room for 123 bytes.
const REASON_SHOWN: usize = 123;

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.name())?;
        if self.reason.is_empty() {
            return Ok(());
        }
        let reason: String = self.reason.chars().take(REASON_SHOWN).collect();
        write!(f, ": {}", reason.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(code: u16, reason: &[u8]) -> Result<CloseFrame, SocketFailure> {
        CloseFrame::parse(&[&code.to_be_bytes(), reason].concat())
    }

    #[test]
    fn close_says_its_code_and_its_reason() {
        let busy = parse(1013, b"overloaded").expect("valid");
        assert_eq!(busy.to_string(), "1013 (try again later): overloaded");
        assert_eq!(busy.error().class, ErrorClass::Throttled);
        assert_eq!(busy.answer(), 1013_u16.to_be_bytes());
        let silent = CloseFrame::parse(&[]).expect("valid");
        assert!(silent.is_normal() && silent.answer().is_empty(), "{silent}");
        assert!(parse(1000, b"").expect("valid").is_normal());
    }

    /// The classes of all codes that a server may send, and the refusal of all others.
    #[test]
    fn every_code_has_its_class() {
        let class = |code| parse(code, b"").map(|close| close.error().class);
        for code in [1001, 1011, 1012, 1014] {
            assert_eq!(class(code).expect("valid"), ErrorClass::Reset, "{code}");
        }
        for code in [1002, 1003, 1007, 1009, 1010] {
            assert_eq!(class(code).expect("valid"), ErrorClass::Protocol, "{code}");
        }
        for code in [1000, 1008, 3000, 4999] {
            assert_eq!(class(code).expect("valid"), ErrorClass::CheckFailed, "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            let error = parse(code, b"").expect_err("refused");
            assert_eq!(error.code, 1002, "{code}");
        }
    }

    #[test]
    fn half_a_code_and_a_reason_that_is_no_text_are_refused() {
        assert_eq!(CloseFrame::parse(&[3]).expect_err("half").code, 1002);
        assert_eq!(parse(1000, &[0xff]).expect_err("no text").code, 1007);
    }

    #[test]
    fn reason_cannot_steer_a_terminal() {
        let close = parse(4000, b"\x1b[2J\r\n").expect("valid");
        assert_eq!(close.to_string(), r"4000 (private use): \u{1b}[2J\r\n");
    }
}
