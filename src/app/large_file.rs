//! Large files that are sent, read from the disk as the server takes them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::scenario::{HELD_LIMIT, LargeFile};

/// An open file of known size.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    file: File,
    size: u64,
}

/// Opens a file that is larger than [`HELD_LIMIT`]; none where it is smaller, not there, or not a regular file.
pub(super) fn open(path: &Path) -> Option<Arc<dyn LargeFile>> {
    let file = File::open(path).ok()?;
    let told = file.metadata().ok()?;
    let is_large = told.is_file() && told.len() > HELD_LIMIT as u64;
    is_large.then(|| Arc::new(OpenFile { path: path.to_owned(), file, size: told.len() }) as _)
}

impl LargeFile for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let failed = |why: &str| {
            io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{}` {why}", self.path.display()))
        };
        loop {
            match self.file.read_at(&mut buffer[..room], at) {
                Ok(0) => return Err(failed("has become shorter since the run began")),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&format!("cannot be read: {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::FileContent;

    #[test]
    fn large_file_is_read_in_pieces_and_missed_where_it_becomes_shorter() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large.bin");
        let bytes: Vec<u8> = (0..HELD_LIMIT + 12_345).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).expect("a file");
        let content = FileContent::OnDisk(open(&path).expect("large"));
        let (mut read, mut largest) = (Vec::new(), 0);
        content
            .for_each_piece(|piece| {
                largest = largest.max(piece.len());
                read.extend_from_slice(piece);
            })
            .expect("whole");
        assert!(read == bytes && largest < 100_000, "{largest}");
        std::fs::write(&path, b"short").expect("a file");
        let error = content.for_each_piece(|_| {}).expect_err("shorter").to_string();
        assert!(error.ends_with("large.bin` has become shorter since the run began"), "{error}");
    }

    #[test]
    fn small_file_and_what_is_none_are_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let small = folder.path().join("small.bin");
        std::fs::write(&small, vec![0; HELD_LIMIT]).expect("a file");
        assert!(open(&small).is_none());
        assert!(open(folder.path()).is_none());
        assert!(open(Path::new("/dev/zero")).is_none());
    }
}
