//! Compressed messages: `permessage-deflate` (RFC 7692), as browsers offer it.
//!
//! We refer to no earlier message of ours, which a sender may always do without, so that an open WebSocket needs no
//! memory for what it sends.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::close::SocketFailure;

/// What is offered: no parameter is asked for, and none is needed.
pub(super) const OFFER: &str = "permessage-deflate";

/// What a sender leaves out at the end of each message (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What the server agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeflateAgreement {
    /// Whether its messages refer to earlier ones.
    pub(super) keeps_context: bool,
}

impl DeflateAgreement {
    /// Reads the extension that the server has chosen, parameters included (§7.1).
    ///
    /// # Errors
    /// Why it agrees to nothing that was offered.
    pub(super) fn parse(extension: &str) -> Result<Self, String> {
        let mut parts = extension.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(OFFER) {
            return Err(format!("uses the extension `{name}`, which plimsoll does not speak"));
        }
        let (mut agreement, mut known) = (Self { keeps_context: true }, vec![]);
        for parameter in parts {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (parameter, None),
            };
            let name = name.to_ascii_lowercase();
            if known.contains(&name) {
                return Err(format!("has `{name}` twice in `{OFFER}`"));
            }
            match (name.as_str(), value) {
                ("server_no_context_takeover", None) => agreement.keeps_context = false,
                // What we do anyway.
                ("client_no_context_takeover", None) => {}
                ("server_max_window_bits", Some(bits)) if is_window(bits) => {}
                _ => return Err(format!("has `{parameter}` in `{OFFER}`, which nobody offered")),
            }
            known.push(name);
        }
        Ok(agreement)
    }
}

/// 8 to 15, without a leading zero.
fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// The payload of a compressed message (§7.2.1).
pub(super) fn deflated(message: &[u8]) -> Vec<u8> {
    if message.is_empty() {
        // One empty block (§7.2.3.6).
        return vec![0];
    }
    let mut stream = Compress::new(Compression::fast(), false);
    let mut out = Vec::with_capacity(message.len() / 2 + 64);
    loop {
        let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX).min(message.len());
        // Cannot fail: there is room, and the stream has not ended.
        let _ = stream.compress_vec(&message[taken..], &mut out, FlushCompress::Sync);
        if stream.total_in() == message.len() as u64 && out.len() < out.capacity() {
            break;
        }
        out.reserve(out.len().max(64));
    }
    if out.ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
    out
}

/// Reads compressed messages, all of a WebSocket in order.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    keeps_context: bool,
}

impl Inflater {
    pub(super) fn new(agreement: DeflateAgreement) -> Self {
        Self { stream: Decompress::new(false), keeps_context: agreement.keeps_context }
    }

    /// Hands on what `part` of a message stands for, piece by piece.
    pub(super) fn take(
        &mut self,
        part: &[u8],
        each: &mut dyn FnMut(&[u8]) -> Result<(), SocketFailure>,
    ) -> Result<(), SocketFailure> {
        let (mut rest, mut room) = (part, [0; 4096]);
        loop {
            let before = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(rest, &mut room, FlushDecompress::None)
                .map_err(|_| SocketFailure::not_compressed())?;
            let taken = (self.stream.total_in() - before.0) as usize;
            let made = (self.stream.total_out() - before.1) as usize;
            rest = &rest[taken..];
            each(&room[..made])?;
            if status == Status::StreamEnd {
                // A last block ends the stream of blocks, not the message (§7.2.3.5).
                self.stream.reset(false);
            } else if taken == 0 && made == 0 && !rest.is_empty() {
                return Err(SocketFailure::not_compressed());
            }
            if rest.is_empty() && made < room.len() {
                return Ok(());
            }
        }
    }

    /// The message is complete: hands on what is left of it.
    pub(super) fn end(
        &mut self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), SocketFailure>,
    ) -> Result<(), SocketFailure> {
        self.take(&TAIL, each)?;
        if !self.keeps_context {
            self.stream.reset(false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inflated(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>, u16> {
        let mut out = vec![];
        let mut each = |part: &[u8]| {
            out.extend_from_slice(part);
            Ok(())
        };
        let mut fed = Ok(());
        for piece in pieces {
            fed = fed.and_then(|()| inflater.take(piece, &mut each));
        }
        fed.and_then(|()| inflater.end(&mut each)).map_err(|failure| failure.code)?;
        Ok(out)
    }

    fn keeping() -> Inflater {
        Inflater::new(DeflateAgreement { keeps_context: true })
    }

    /// RFC 7692 §7.2.3: one block, with and without context, no compression, a last block, two blocks.
    #[test]
    fn messages_of_the_standard_are_read() {
        const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut inflater = keeping();
        assert_eq!(inflated(&mut inflater, &[&HELLO]).as_deref(), Ok(&b"Hello"[..]));
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflated(&mut inflater, &[&again]).as_deref(), Ok(&b"Hello"[..]));
        let mut fresh = Inflater::new(DeflateAgreement { keeps_context: false });
        for _ in 0..2 {
            let pieces: [&[u8]; 2] = [&HELLO[..3], &HELLO[3..]];
            assert_eq!(inflated(&mut fresh, &pieces).as_deref(), Ok(&b"Hello"[..]));
        }
        assert_ne!(
            inflated(&mut fresh, &[&again]).as_deref(),
            Ok(&b"Hello"[..]),
            "nothing is left"
        );
        let plain = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        for message in [&plain[..], &last, &two] {
            assert_eq!(inflated(&mut keeping(), &[message]).as_deref(), Ok(&b"Hello"[..]));
        }
        let mut after_last = keeping();
        assert!(inflated(&mut after_last, &[&last]).is_ok());
        assert_eq!(inflated(&mut after_last, &[&HELLO]).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(inflated(&mut keeping(), &[&[0x00]]).as_deref(), Ok(&b""[..]));
        assert_eq!(inflated(&mut keeping(), &[&[0x07, 0xff]]), Err(1007), "no such block");
    }

    #[test]
    fn only_what_was_offered_is_agreed_to() {
        let parse = |text| DeflateAgreement::parse(text).map(|agreement| agreement.keeps_context);
        assert_eq!(parse("permessage-deflate"), Ok(true));
        assert_eq!(parse("Permessage-Deflate; server_no_context_takeover"), Ok(false));
        let more = "permessage-deflate; client_no_context_takeover; server_max_window_bits=\"12\"";
        assert_eq!(parse(more), Ok(true));
        for (text, why) in [
            ("x-webkit-deflate-frame", "does not speak"),
            ("permessage-deflate; client_max_window_bits=12", "nobody offered"),
            ("permessage-deflate; server_max_window_bits=16", "nobody offered"),
            ("permessage-deflate; server_max_window_bits=08", "nobody offered"),
            ("permessage-deflate; server_max_window_bits", "nobody offered"),
            ("permessage-deflate; server_no_context_takeover=1", "nobody offered"),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", "twice"),
            ("permessage-deflate; x", "nobody offered"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in(
            messages in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..300), 1_usize..400), 1..4
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut inflater = keeping();
            for (message, times) in messages {
                let message = message.repeat(times);
                let payload = deflated(&message);
                let (first, second) = payload.split_at(cut.index(payload.len() + 1));
                prop_assert!(inflated(&mut inflater, &[first, second]) == Ok(message));
            }
        }
    }
}
