//! The content of files that are sent: held in memory, or read from the disk piece by piece where it is large.

use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use memchr::memmem;

/// What is larger stays on the disk, in bytes. Templates may have a file of this size as a text.
pub const HELD_LIMIT: usize = 1 << 20;
/// The size of a piece, in bytes.
const PIECE: usize = 64 << 10;

/// The content of a file that is sent.
#[derive(Debug, Clone)]
pub enum FileContent {
    /// Held once for all requests.
    Held(Bytes),
    /// Read as it is sent.
    OnDisk(Arc<dyn LargeFile>),
}

impl FileContent {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match self {
            Self::Held(content) => content.len() as u64,
            Self::OnDisk(file) => file.size(),
        }
    }

    /// Whether `needle`, of at least one byte, is in it.
    ///
    /// # Errors
    /// Where the file cannot be read to its end.
    pub fn holds(&self, needle: &[u8]) -> io::Result<bool> {
        let (mut seen, mut found) = (Vec::new(), false);
        self.for_each_piece(|piece| {
            // A needle may stand on both sides of a border.
            let kept = seen.len().min(needle.len().saturating_sub(1));
            seen.drain(..seen.len() - kept);
            seen.extend_from_slice(piece);
            found |= memmem::find(&seen, needle).is_some();
        })?;
        Ok(found)
    }

    /// Passes all of it to `take`, in pieces of at most 64 KiB where it is on the disk.
    ///
    /// # Errors
    /// Where the file cannot be read to its end.
    pub fn for_each_piece(&self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match self {
            Self::Held(content) => take(content),
            Self::OnDisk(file) => {
                let (mut at, mut piece) = (0, vec![0; PIECE]);
                while at < file.size() {
                    let count = file.read_at(at, &mut piece)?;
                    take(&piece[..count]);
                    at += count as u64;
                }
            }
        }
        Ok(())
    }
}

/// An open file that is read piece by piece.
pub trait LargeFile: fmt::Debug + Send + Sync {
    /// How many bytes it has; fixed as it is opened.
    fn size(&self) -> u64;

    /// Reads the bytes from `at` on into `buffer`, at least one; returns how many.
    ///
    /// # Errors
    /// Where the file cannot be read, or has become shorter since it was opened.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gives at most 1,000 bytes at a time.
    #[derive(Debug)]
    struct SlowFile(Vec<u8>);

    impl LargeFile for SlowFile {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[at as usize..];
            let count = rest.len().min(buffer.len()).min(1_000);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    #[test]
    fn text_is_found_across_the_border_of_two_pieces() {
        let mut bytes = vec![b'x'; 5_500];
        bytes[1_997..2_003].copy_from_slice(b"needle");
        let content = FileContent::OnDisk(Arc::new(SlowFile(bytes.clone())));
        assert!(content.holds(b"needle").expect("read"));
        assert!(!content.holds(b"needles").expect("read"));
        let mut read = Vec::new();
        content.for_each_piece(|piece| read.extend_from_slice(piece)).expect("read");
        assert_eq!(read, bytes);
    }
}
