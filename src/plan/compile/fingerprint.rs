//! A hash of all files of a scenario: runs with different ones are not compared.

use plimsoll_scenario::SourceFiles;

/// FNV-1a, 128 bits (Fowler, Noll, Vo): stable for ever, and no adversary has a reason to make two alike.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// 32 hexadecimal digits over the bytes of all files, in the order in which they were read. Paths do not count:
/// a scenario that has moved is still the same.
pub(super) fn of(sources: &SourceFiles) -> String {
    let mut hash = OFFSET;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for source in sources.iter() {
        add(&(source.text.len() as u64).to_le_bytes());
        add(source.text.as_bytes());
    }
    for content in sources.contents() {
        add(&content.size().to_le_bytes());
        // A file that cannot be read to its end fails where it is sent.
        let _ = content.for_each_piece(&mut add);
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_follows_the_bytes_and_not_the_path() {
        let of_files = |files: &[(&str, &str)]| {
            let mut sources = SourceFiles::default();
            for (path, text) in files {
                sources.add(*path, *text);
            }
            of(&sources)
        };
        assert_eq!(of_files(&[("a", "x")]), of_files(&[("b", "x")]));
        assert_ne!(of_files(&[("a", "xy"), ("b", "")]), of_files(&[("a", "x"), ("b", "y")]));
        // The published FNV-1a-128 test vector of the empty text, before any length is added.
        assert_eq!(of_files(&[]), "6c62272e07bb014262b821756295c58d");
    }
}
