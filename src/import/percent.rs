//! Percent-encoding of parts of URLs as tools write them.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Percent-encoded where it must be; what is encoded already stays so.
pub(super) fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'`')
        .add(b'#')
        .add(b'{')
        .add(b'}')
        .add(b'&')
        .add(b'\\')
        .add(b'^')
        .add(b'|');
    utf8_percent_encode(text, KEPT).to_string()
}
