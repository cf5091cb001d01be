//! UTF-8, checked as it comes in pieces (RFC 6455 §8.1).

/// What is left of a character whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    tail: [u8; 4],
    length: usize,
}

impl Utf8Check {
    /// Whether all that has come so far can be the beginning of a text.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while self.length > 0 {
            let Some((byte, behind)) = rest.split_first() else { return true };
            self.tail[self.length] = *byte;
            self.length += 1;
            rest = behind;
            match std::str::from_utf8(&self.tail[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                // A character has at most four bytes, and this one is not complete.
                let tail = &rest[error.valid_up_to()..];
                self.tail[..tail.len()].copy_from_slice(tail);
                self.length = tail.len();
                true
            }
        }
    }

    /// Whether the text may end here; begins the next one.
    pub(super) fn end(&mut self) -> bool {
        std::mem::take(&mut self.length) == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(pieces: &[&[u8]]) -> bool {
        let mut check = Utf8Check::default();
        pieces.iter().all(|piece| check.take(piece)) && check.end()
    }

    #[test]
    fn surrogates_and_overlong_forms_are_no_text() {
        for bytes in [&[0xed, 0xa0, 0x80][..], &[0xc0, 0xaf], &[0xf4, 0x90, 0x80, 0x80], &[0x80]] {
            assert!(!checked(&[bytes]), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_text_exactly_where_the_whole_is(
            mut bytes in any::<String>().prop_map(String::into_bytes),
            flip in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            if let (Some((at, byte)), false) = (flip, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(checked(&pieces), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
