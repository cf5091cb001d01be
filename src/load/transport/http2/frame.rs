//! Frames (RFC 9113 §4 and §6): nine bytes that say what follows.

/// What a server may send on a stream before we make room: more than most bodies have.
pub(super) const STREAM_WINDOW: i64 = 1 << 20;
/// Bytes of a frame's head.
pub(super) const HEAD: usize = 9;

/// The largest payload that we take and send: the least that everybody must take.
pub(super) const MAX_PAYLOAD: usize = 16_384;

/// Types of frames.
pub(super) mod kind {
    pub(in crate::transport::http2) const DATA: u8 = 0;
    pub(in crate::transport::http2) const HEADERS: u8 = 1;
    pub(in crate::transport::http2) const PRIORITY: u8 = 2;
    pub(in crate::transport::http2) const RST_STREAM: u8 = 3;
    pub(in crate::transport::http2) const SETTINGS: u8 = 4;
    pub(in crate::transport::http2) const PUSH_PROMISE: u8 = 5;
    pub(in crate::transport::http2) const PING: u8 = 6;
    pub(in crate::transport::http2) const GOAWAY: u8 = 7;
    pub(in crate::transport::http2) const WINDOW_UPDATE: u8 = 8;
    pub(in crate::transport::http2) const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub(super) mod flag {
    pub(in crate::transport::http2) const END_STREAM: u8 = 0x1;
    pub(in crate::transport::http2) const ACK: u8 = 0x1;
    pub(in crate::transport::http2) const END_HEADERS: u8 = 0x4;
    pub(in crate::transport::http2) const PADDED: u8 = 0x8;
    pub(in crate::transport::http2) const PRIORITY: u8 = 0x20;
}

/// Why a stream or connection ends (RFC 9113 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    Protocol = 1,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    Cancel = 8,
    Compression = 9,
    EnhanceYourCalm = 11,
}

/// The code of a stream that the server has not looked at (RFC 9113 §8.7).
pub(super) const REFUSED_STREAM: u32 = 7;

/// The standard's name of a code.
pub(super) fn code_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("an unknown error code")
}

/// A frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHeader {
    /// Reads it from the beginning of `bytes`, if it is all there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD] = bytes.first_chunk()?;
        Some(Self {
            length: (number(head) >> 8) as usize,
            kind: head[3],
            flags: head[4],
            stream: number(&head[5..]) & 0x7fff_ffff,
        })
    }

    fn bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&((self.length as u32) << 8).to_be_bytes());
        bytes[3] = self.kind;
        bytes[4] = self.flags;
        bytes[5..].copy_from_slice(&self.stream.to_be_bytes());
        bytes
    }

    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without its padding; `None` where it is padded with more than there is.
    pub(super) fn unpadded(self, payload: &[u8]) -> Option<&[u8]> {
        if !self.has(flag::PADDED) {
            return Some(payload);
        }
        let (&padding, rest) = payload.split_first()?;
        rest.len().checked_sub(padding as usize).map(|end| &rest[..end])
    }
}

/// The four bytes at the beginning of a payload as a number.
pub(super) fn number(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Appends a whole frame.
pub(super) fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    put_head(out, kind, flags, (stream, payload.len()));
    out.extend_from_slice(payload);
}

/// Appends the head of a frame whose payload of `length` bytes follows.
pub(super) fn put_head(out: &mut Vec<u8>, kind: u8, flags: u8, (stream, length): (u32, usize)) {
    out.extend_from_slice(&FrameHeader { length, kind, flags, stream }.bytes());
}

/// Appends the end of a stream before its time.
pub(super) fn put_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    put(out, kind::RST_STREAM, 0, stream, &(code as u32).to_be_bytes());
}

/// Appends the headers of `block`, which begins behind a frame's head at `head` in `out`, in as many
/// frames as they need.
pub(super) fn finish_headers(out: &mut Vec<u8>, head: usize, stream: u32, flags: u8) {
    let length = out.len() - head - HEAD;
    let set = |out: &mut Vec<u8>, length, flags| {
        let first = FrameHeader { length, kind: kind::HEADERS, flags, stream };
        out[head..head + HEAD].copy_from_slice(&first.bytes());
    };
    if length <= MAX_PAYLOAD {
        set(out, length, flags | flag::END_HEADERS);
        return;
    }
    let rest = out.split_off(head + HEAD + MAX_PAYLOAD);
    set(out, MAX_PAYLOAD, flags);
    let mut parts = rest.chunks(MAX_PAYLOAD).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_none() { flag::END_HEADERS } else { 0 };
        put(out, kind::CONTINUATION, flags, stream, part);
    }
}
