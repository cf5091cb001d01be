//! Bytes of a file → text.
//!
//! A byte order mark decides; where there is none, of a data file what the scenario says, and UTF-8 where it says nothing; of
//! YAML its first character, which is of ASCII.

/// How the characters of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// Latin-1, read as Windows-1252, which has the same letters and more (WHATWG Encoding, §4.2).
    Latin1,
    /// UTF-16, whose byte order mark says which half of a unit comes first.
    Utf16,
}

impl Encoding {
    /// What it is called in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8 text",
            Self::Latin1 => "Latin-1 text",
            Self::Utf16 => "UTF-16 text with a byte order mark",
        }
    }

    /// The text that `bytes` stand for, without a byte order mark; none where they stand for none.
    pub fn decode(self, bytes: Vec<u8>) -> Option<String> {
        match bytes.as_slice() {
            [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
            [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
            _ => match self {
                Self::Utf8 => String::from_utf8(bytes).ok(),
                Self::Latin1 => Some(bytes.into_iter().map(windows_1252).collect()),
                Self::Utf16 => None,
            },
        }
    }
}

/// The text of a YAML file, in UTF-8 or UTF-16 (YAML 1.2.2, §5.2); none where it is neither.
pub fn text_of_yaml(bytes: Vec<u8>) -> Option<String> {
    match bytes.as_slice() {
        [0, second, ..] if *second != 0 => utf16(&bytes, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(&bytes, u16::from_le_bytes),
        _ => Encoding::Utf8.decode(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

/// What Windows-1252 has from 0x80 to 0x9F, where Latin-1 has control characters (WHATWG Encoding, index-windows-1252).
const ABOVE_ASCII: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9F => ABOVE_ASCII[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_decides_whatever_is_said() {
        for encoding in [Encoding::Utf8, Encoding::Latin1, Encoding::Utf16] {
            let text = |bytes: &[u8]| encoding.decode(bytes.to_vec());
            assert_eq!(text(b"\xEF\xBB\xBFa\xC3\xA9").as_deref(), Some("aé"));
            assert_eq!(text(b"\xFF\xFEa\x00\xE9\x00").as_deref(), Some("aé"));
            assert_eq!(text(b"\xFE\xFF\x00a\xD8\x3D\xDE\x00").as_deref(), Some("a😀"));
            assert_eq!(text(b"\xFF\xFEa"), None, "half a unit");
        }
    }

    #[test]
    fn yaml_tells_its_encoding_by_its_first_character() {
        let text = |bytes: &[u8]| text_of_yaml(bytes.to_vec());
        for bytes in [
            &b"a: \xC3\xA9"[..],
            b"\xEF\xBB\xBFa: \xC3\xA9",
            b"a\0:\0 \0\xE9\0",
            b"\xFF\xFEa\0:\0 \0\xE9\0",
            b"\0a\0:\0 \0\xE9",
            b"\xFE\xFF\0a\0:\0 \0\xE9",
        ] {
            assert_eq!(text(bytes).as_deref(), Some("a: é"), "{bytes:?}");
        }
        assert_eq!(text(b"a: \xE9"), None, "Latin-1");
        assert_eq!(text(b"a\0:"), None, "half a unit");
        assert_eq!(text(b"").as_deref(), Some(""));
    }

    #[test]
    fn without_mark_the_author_decides() {
        let latin = b"caf\xE9 5 \x80".to_vec();
        assert_eq!(Encoding::Latin1.decode(latin.clone()).as_deref(), Some("café 5 €"));
        assert_eq!(Encoding::Utf8.decode(latin), None);
        assert_eq!(Encoding::Utf16.decode(b"a\x00".to_vec()), None);
    }
}
