//! Two logs of one shard: the same one twice, or one of which less was saved.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

/// How two files compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogCopy {
    /// Both begin with the same bytes, and the first goes on for at least as long.
    FirstIsWhole,
    /// Both begin with the same bytes, and the second goes on.
    SecondIsWhole,
    /// They differ.
    Unlike,
}

/// Compares two files piece by piece.
pub(super) fn compare(first: &Path, second: &Path) -> io::Result<LogCopy> {
    let mut files = [BufReader::new(File::open(first)?), BufReader::new(File::open(second)?)];
    loop {
        let [one, two] = &mut files;
        let (left, right) = (one.fill_buf()?, two.fill_buf()?);
        let common = left.len().min(right.len());
        if common == 0 {
            let is_second = left.is_empty() && !right.is_empty();
            return Ok(if is_second { LogCopy::SecondIsWhole } else { LogCopy::FirstIsWhole });
        }
        if left[..common] != right[..common] {
            return Ok(LogCopy::Unlike);
        }
        for file in &mut files {
            file.consume(common);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_compared_to_the_end_of_the_shorter_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let long = "x".repeat(20_000);
        let (whole, part) =
            (file("whole", &format!("{long}yz")), file("part", &format!("{long}y")));
        let (other, empty) = (file("other", &format!("{long}_z")), file("empty", ""));
        for (first, second, expected) in [
            (&whole, &whole, LogCopy::FirstIsWhole),
            (&whole, &part, LogCopy::FirstIsWhole),
            (&part, &whole, LogCopy::SecondIsWhole),
            (&empty, &part, LogCopy::SecondIsWhole),
            (&whole, &other, LogCopy::Unlike),
            (&part, &other, LogCopy::Unlike),
        ] {
            assert_eq!(compare(first, second).expect("read"), expected, "{first:?} {second:?}");
        }
    }
}
