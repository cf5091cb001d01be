//! Heads of WebSocket frames (RFC 6455 §5.2): read as they come, written with a mask.

use super::close::SocketFailure;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether it is a control frame, which may stand between the fragments of a message (§5.5).
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a frame that a server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) is_final: bool,
    /// Whether the message that it begins is compressed (RFC 7692 §6).
    pub(super) is_compressed: bool,
    pub(super) opcode: Opcode,
    /// Bytes of payload behind it.
    pub(super) length: u64,
}

/// The most bytes of payload that a control frame may have (§5.5).
const CONTROL_MAX: u64 = 125;

/// The longest head of a frame without a mask.
const HEAD_MAX: usize = 10;

/// The beginning of a head whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct PartialHead {
    bytes: [u8; HEAD_MAX],
    filled: usize,
}

impl PartialHead {
    /// Takes bytes until a head is complete; returns how many it took, and the head.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        may_be_compressed: bool,
    ) -> Result<(usize, Option<FrameHead>), SocketFailure> {
        for (at, byte) in bytes.iter().enumerate() {
            self.bytes[self.filled] = *byte;
            self.filled += 1;
            if let Some(head) = parse(&self.bytes[..self.filled], may_be_compressed)? {
                self.filled = 0;
                return Ok((at + 1, Some(head)));
            }
        }
        Ok((bytes.len(), None))
    }
}

/// Reads a head, of which `bytes` may be only the beginning.
fn parse(bytes: &[u8], may_be_compressed: bool) -> Result<Option<FrameHead>, SocketFailure> {
    let &[first, second, ref extended @ ..] = bytes else { return Ok(None) };
    let reserved = first & 0x70;
    // Only the first frame of a message says that it is compressed.
    let is_begun = matches!(Opcode::of(first & 0x0f), Some(Opcode::Text | Opcode::Binary));
    let is_compressed = may_be_compressed && is_begun && reserved == COMPRESSED;
    if reserved != 0 && !is_compressed {
        return Err(SocketFailure::protocol(
            "a frame has a reserved bit that no extension defines",
        ));
    }
    let opcode = Opcode::of(first & 0x0f)
        .ok_or_else(|| SocketFailure::protocol("a frame has a reserved opcode"))?;
    if second & 0x80 != 0 {
        return Err(SocketFailure::protocol("a frame of the server is masked"));
    }
    let (size, least) = match second & 0x7f {
        126 => (2, 126),
        127 => (8, 1 << 16),
        _ => (0, 0),
    };
    let is_final = first & 0x80 != 0;
    if opcode.is_control() && (size > 0 || !is_final) {
        let why = if is_final { "is longer than 125 bytes" } else { "is fragmented" };
        return Err(SocketFailure::protocol(&format!("a control frame {why}")));
    }
    if extended.len() < size {
        return Ok(None);
    }
    let extended = extended.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let length = if size == 0 { u64::from(second) } else { extended };
    if length >> 63 != 0 {
        return Err(SocketFailure::protocol("the length of a frame has its highest bit set"));
    }
    if length < least {
        return Err(SocketFailure::protocol("the length of a frame is not in its shortest form"));
    }
    Ok(Some(FrameHead { is_final, is_compressed, opcode, length }))
}

/// The first reserved bit: the message is compressed (RFC 7692 §6).
const COMPRESSED: u8 = 0x40;

/// Appends a whole frame, masked as a client's are (§5.3).
pub(super) fn put(
    out: &mut Vec<u8>,
    (opcode, is_compressed): (Opcode, bool),
    payload: &[u8],
    mask: [u8; 4],
) {
    debug_assert!(!opcode.is_control() || payload.len() as u64 <= CONTROL_MAX);
    out.push(0x80 | opcode.bits() | if is_compressed { COMPRESSED } else { 0 });
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0xfe);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xff);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_read_whatever_pieces_it_comes_in() {
        let heads: [(&[u8], FrameHead); 4] = [
            (
                &[0x81, 5],
                FrameHead { is_final: true, is_compressed: false, opcode: Opcode::Text, length: 5 },
            ),
            (
                &[0x02, 126, 1, 0],
                FrameHead {
                    is_final: false,
                    is_compressed: false,
                    opcode: Opcode::Binary,
                    length: 256,
                },
            ),
            (
                &[0x80, 127, 0, 0, 0, 0, 0, 1, 0, 0],
                FrameHead {
                    is_final: true,
                    is_compressed: false,
                    opcode: Opcode::Continuation,
                    length: 65_536,
                },
            ),
            (
                &[0x89, 0],
                FrameHead { is_final: true, is_compressed: false, opcode: Opcode::Ping, length: 0 },
            ),
        ];
        for (bytes, head) in heads {
            assert_eq!(
                PartialHead::default().take(bytes, false).expect("valid"),
                (bytes.len(), Some(head))
            );
            let mut partial = PartialHead::default();
            for byte in &bytes[..bytes.len() - 1] {
                assert_eq!(partial.take(&[*byte], false).expect("valid"), (1, None));
            }
            let last = [bytes[bytes.len() - 1], 0xff];
            assert_eq!(partial.take(&last, false).expect("valid"), (1, Some(head)));
        }
    }

    #[test]
    fn head_that_the_protocol_forbids_is_refused() {
        let forbidden: [(&[u8], &str); 9] = [
            (&[0xc1, 0], "reserved bit"),
            (&[0x91, 0], "reserved bit"),
            (&[0x83, 0], "reserved opcode"),
            (&[0x8b, 0], "reserved opcode"),
            (&[0x81, 0x85], "masked"),
            (&[0x89, 126, 0, 126], "longer than 125"),
            (&[0x08, 0], "fragmented"),
            (&[0x81, 126, 0, 125], "shortest form"),
            (&[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], "highest bit"),
        ];
        for (bytes, why) in forbidden {
            let error = PartialHead::default().take(bytes, false).expect_err(why).error;
            assert!(error.message.contains(why), "{error}");
        }
    }

    /// RFC 7692 §6: only the first frame of a message, and only where both sides have agreed.
    #[test]
    fn reserved_bit_says_that_a_message_is_compressed() {
        let head = |first: u8, agreed| {
            let taken = PartialHead::default().take(&[first, 0], agreed);
            taken.ok().and_then(|(_, head)| head).map(|head| head.is_compressed)
        };
        assert_eq!(head(0xc1, true), Some(true));
        assert_eq!(head(0x42, true), Some(true));
        assert_eq!(head(0x81, true), Some(false));
        for (first, agreed) in [(0xc1, false), (0xc0, true), (0xc9, true), (0xe1, true)] {
            assert_eq!(head(first, agreed), None, "{first:x}");
        }
    }

    #[test]
    fn frame_carries_its_length_and_its_mask() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut out = vec![];
            put(&mut out, (Opcode::Binary, false), &vec![7; length], [1, 2, 3, 4]);
            out[1] &= 0x7f;
            let (size, head) = PartialHead::default().take(&out, false).expect("valid");
            assert_eq!(head.expect("a head").length, length as u64);
            assert_eq!(&out[size..size + 4], [1, 2, 3, 4]);
            let masked: Vec<u8> = (0..length).map(|at| 7 ^ (at % 4 + 1) as u8).collect();
            assert_eq!(&out[size + 4..], masked);
        }
    }
}
