//! Paths of files, told apart by their names alone.

use std::path::{Component, Path, PathBuf};

/// A path as it tells files apart: without `.` and `..`. Links are not followed.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
