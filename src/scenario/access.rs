//! How the files of a scenario are reached: this room opens none itself.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::LargeFile;

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: usize = 1 << 30;

/// Reads a file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// How the files of a scenario are reached.
#[derive(Clone, Copy)]
pub struct FileAccess<'a> {
    /// Reads one whole.
    pub read: ReadFile<'a>,
    /// Opens one that is sent, where it is large and may stay where it is.
    pub large: &'a dyn Fn(&Path) -> Option<Arc<dyn LargeFile>>,
}

impl<'a> FileAccess<'a> {
    /// Reads all of them whole.
    pub fn whole(read: ReadFile<'a>) -> Self {
        Self { read, large: &|_| None }
    }
}
