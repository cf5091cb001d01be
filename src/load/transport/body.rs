//! What a request carries, written piece by piece as the peer takes it.
//!
//! A text or small file is held once, however often it is sent; a large file is read from the disk, and bytes that nobody
//! reads are made on the way: neither is ever held whole.

use std::fmt::Write as _;
use std::rc::Rc;

use bytes::Bytes;

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{BodySource, FileContent, Filler, LargeFile};

use super::TransportError;

/// A rendered request: head and text, and where files stand in it.
#[derive(Debug, Default)]
pub(super) struct RenderedMessage {
    pub(super) text: Vec<u8>,
    pub(super) fillers: Vec<Filler>,
    /// The scenario's own `cookie` header, without the jar's cookies.
    pub(super) cookie: String,
}

impl RenderedMessage {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.fillers.clear();
        self.cookie.clear();
    }

    pub(super) fn message(&self) -> OutgoingMessage<'_> {
        OutgoingMessage { text: &self.text, fillers: &self.fillers }
    }
}

/// A request as it goes out over HTTP/1.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutgoingMessage<'a> {
    pub(super) text: &'a [u8],
    pub(super) fillers: &'a [Filler],
}

impl OutgoingMessage<'_> {
    /// The request for a reader, without its files.
    pub(super) fn describe(self) -> String {
        let (mut shown, mut at) = (String::new(), 0);
        for filler in self.fillers {
            shown.push_str(&String::from_utf8_lossy(&self.text[at..filler.at]));
            // Cannot fail: a `String` takes everything.
            let _ = write!(shown, "({} bytes)", filler.source.size());
            at = filler.at;
        }
        shown + &String::from_utf8_lossy(&self.text[at..])
    }
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestBody {
    text: Bytes,
    /// In order of their places; none mostly.
    fillers: Option<Rc<[Filler]>>,
}

impl RequestBody {
    /// `text` with `fillers` in it.
    pub(super) fn new(text: Bytes, fillers: &[Filler]) -> Self {
        Self { text, fillers: (!fillers.is_empty()).then(|| fillers.into()) }
    }

    pub(super) fn text(&self) -> &Bytes {
        &self.text
    }

    pub(super) fn fillers(&self) -> &[Filler] {
        self.fillers.as_deref().unwrap_or_default()
    }

    /// All its bytes.
    pub(super) fn len(&self) -> u64 {
        self.text.len() as u64 + size_of(self.fillers())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.fillers.is_none()
    }

    /// Drops all of it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// How many bytes `fillers` have together.
pub(super) fn size_of(fillers: &[Filler]) -> u64 {
    fillers.iter().map(|filler| filler.source.size()).sum()
}

/// How far a text with fillers has been written.
#[derive(Debug, Default)]
pub(super) struct BodyCursor {
    text: usize,
    /// The next filler, and how much of it has been written.
    filler: usize,
    filled: u64,
    /// What was read of it from the disk; nothing where it is elsewhere.
    piece: FilePiece,
}

/// A piece of a file on the disk.
#[derive(Debug, Default)]
struct FilePiece {
    bytes: Vec<u8>,
    /// Where in the file it begins.
    at: u64,
}

impl FilePiece {
    /// So much is read at a time, in bytes.
    const SIZE: usize = 64 * 1024;

    /// The bytes of `file` from `at` on.
    fn from(&mut self, file: &dyn LargeFile, at: u64) -> Result<&[u8], TransportError> {
        let is_in = (self.at..self.at + self.bytes.len() as u64).contains(&at);
        if !is_in {
            self.bytes.resize(Self::SIZE, 0);
            let read = file.read_at(at, &mut self.bytes);
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            self.at = at;
            read.map_err(|error| TransportError::new(ErrorClass::Script, error.to_string()))?;
        }
        Ok(&self.bytes[(at - self.at) as usize..])
    }
}

impl BodyCursor {
    /// The bytes that come next, as far as they are at hand; none at the end.
    ///
    /// # Errors
    /// Where a file cannot be read to its end.
    pub(super) fn rest<'a>(
        &'a mut self,
        text: &'a [u8],
        fillers: &'a [Filler],
    ) -> Result<&'a [u8], TransportError> {
        Ok(match fillers.get(self.filler) {
            Some(Filler { at, source: BodySource::Noise(size) }) if *at == self.text => {
                let from = (self.filled % NOISE.len() as u64) as usize;
                let left = usize::try_from(size - self.filled).unwrap_or(usize::MAX);
                &NOISE[from..NOISE.len().min(from.saturating_add(left))]
            }
            Some(Filler { at, source: BodySource::File(content) }) if *at == self.text => {
                match content {
                    FileContent::Held(content) => {
                        content.get(self.filled as usize..).unwrap_or_default()
                    }
                    FileContent::OnDisk(file) => self.piece.from(file.as_ref(), self.filled)?,
                }
            }
            Some(filler) => &text[self.text..filler.at],
            None => &text[self.text..],
        })
    }

    /// `count` of [`Self::rest`] have been written.
    pub(super) fn advance(&mut self, count: usize, fillers: &[Filler]) {
        match fillers.get(self.filler) {
            Some(filler) if filler.at == self.text => {
                self.filled += count as u64;
                if self.filled == filler.source.size() {
                    self.filler += 1;
                    self.filled = 0;
                    self.piece = FilePiece::default();
                }
            }
            _ => self.text += count,
        }
    }
}

/// What fillers are made of: longer than the window of gzip (32 KiB), so that it does not compress to nothing on
/// the way.
static NOISE_PIECES: [[u8; 8 * 1024]; 8] =
    [noise(1), noise(2), noise(3), noise(4), noise(5), noise(6), noise(7), noise(8)];
static NOISE: &[u8] = NOISE_PIECES.as_flattened();

/// The high bytes of a linear congruential generator (Knuth's MMIX constants).
const fn noise(seed: u64) -> [u8; 8 * 1024] {
    let mut bytes = [0; 8 * 1024];
    let (mut state, mut at) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0);
    while at < bytes.len() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes[at] = (state >> 56) as u8;
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything, taken in pieces of at most `step`.
    fn written(text: &[u8], fillers: &[Filler], step: usize) -> Vec<u8> {
        let (mut cursor, mut out) = (BodyCursor::default(), Vec::new());
        loop {
            let rest = cursor.rest(text, fillers).expect("readable");
            if rest.is_empty() {
                return out;
            }
            let part = rest.len().min(step);
            out.extend_from_slice(&rest[..part]);
            cursor.advance(part, fillers);
        }
    }

    proptest! {
        #[test]
        fn pieces_add_up_to_the_text_with_its_fillers(
            sizes in prop::collection::vec((0_usize..9, 1_u64..200_000, proptest::bool::ANY), 0..4),
            step in 1_usize..70_000,
        ) {
            let text: Vec<u8> = b"abcdefghi".repeat(4);
            let (mut at, mut fillers, mut whole) = (0, vec![], vec![]);
            for (gap, size, is_held) in sizes {
                whole.extend_from_slice(&text[at..at + gap]);
                at += gap;
                let content: Vec<u8> = if is_held {
                    (0..size).map(|n| (n % 251) as u8).collect()
                } else {
                    NOISE.iter().copied().cycle().take(size as usize).collect()
                };
                whole.extend_from_slice(&content);
                let held = BodySource::File(FileContent::Held(content.into()));
                let source = if is_held { held } else { BodySource::Noise(size) };
                fillers.push(Filler { at, source });
            }
            whole.extend_from_slice(&text[at..]);
            let body = RequestBody::new(Bytes::from(text.clone()), &fillers);
            prop_assert_eq!(body.len(), whole.len() as u64);
            prop_assert!(written(&text, &fillers, step) == whole);
        }
    }
    /// A file that becomes shorter after its first million bytes were read.
    #[derive(Debug)]
    struct CutFile(Vec<u8>, bool);

    impl LargeFile for CutFile {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.1 && at > 1_000_000 {
                return Err(std::io::Error::other("it has become shorter"));
            }
            let rest = &self.0[at as usize..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    fn on_disk(content: &[u8], is_cut: bool) -> FileContent {
        FileContent::OnDisk(std::sync::Arc::new(CutFile(content.to_vec(), is_cut)))
    }

    #[test]
    fn file_on_the_disk_is_sent_in_pieces_and_missed_where_it_becomes_shorter() {
        let content: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
        let file = on_disk(&content, false);
        let filler = |at| Filler { at, source: BodySource::File(file.clone()) };
        let fillers = [filler(2), filler(2), filler(4)];
        let whole = [b"ab", &content[..], &content, b"cd", &content].concat();
        for step in [1_000, 65_536, 65_537, 10_000_000] {
            assert!(written(b"abcd", &fillers, step) == whole, "{step}");
        }
        let cut = [Filler { at: 0, source: BodySource::File(on_disk(&content, true)) }];
        let mut cursor = BodyCursor::default();
        let error = loop {
            match cursor.rest(b"", &cut).map(<[u8]>::len) {
                Ok(count) => cursor.advance(count, &cut),
                Err(error) => break error,
            }
        };
        assert_eq!(error.class, ErrorClass::Script);
        assert_eq!(error.message, "it has become shorter");
    }
}
