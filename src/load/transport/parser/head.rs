//! Where a head ends, and heads as old servers write them.

use plimsoll_user::ResponseHeaders;

/// More headers than this are refused.
pub(super) const MAX_HEADERS: usize = 128;

/// The position behind what looks like the blank line; a body may begin before it where lines end in LF alone.
pub(super) fn find_end(bytes: &[u8]) -> Option<usize> {
    if let Some(at) = memchr::memmem::find(bytes, b"\r\n\r\n") {
        return Some(at + 4);
    }
    find_blank_line(bytes)
}

/// The position behind the first blank line. Lines may end in LF alone (RFC 9112 §2.2).
pub(super) fn find_blank_line(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// The head with folded lines joined by a blank (RFC 9112 §5.2) and without blanks between a name and its colon, which
/// a proxy would have removed (§5.1).
pub(super) fn unfolded(head: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(head.len());
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_continued = line.starts_with(b" ") || line.starts_with(b"\t");
        if is_continued && number > 1 {
            let kept = out.trim_ascii_end().len();
            out.truncate(kept);
            out.push(b' ');
            out.extend_from_slice(line.trim_ascii_start());
            if !out.ends_with(b"\n") {
                // Nothing but blanks stood in it.
                out.extend_from_slice(b"\r\n");
            }
            continue;
        }
        let colon = memchr::memchr(b':', line).filter(|_| number > 0);
        let name = &line[..colon.unwrap_or(0)];
        out.extend_from_slice(name.trim_ascii_end());
        out.extend_from_slice(&line[name.len()..]);
    }
    out
}

/// What is wrong with a head, for a reader.
pub(super) fn describe(error: httparse::Error) -> String {
    match error {
        httparse::Error::TooManyHeaders => {
            format!("the head has more than {MAX_HEADERS} header lines")
        }
        error => format!("the head is malformed: {error}"),
    }
}

/// The headers of a complete head.
#[derive(Debug, Clone, Copy)]
pub(in crate::transport) struct HeaderView<'a>(pub(super) &'a [u8]);

impl ResponseHeaders for HeaderView<'_> {
    /// The head was parsed when it came, so lines are all that is left to tell apart.
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for line in self.0.split(|byte| *byte == b'\n') {
            let Some((known, value)) = line.split_at_checked(name.len()) else { continue };
            if value.first() == Some(&b':') && known.eq_ignore_ascii_case(name.as_bytes()) {
                visit(value[1..].trim_ascii());
            }
        }
    }
}
