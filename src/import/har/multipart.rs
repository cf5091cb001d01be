//! The parts of a recorded upload (`multipart/form-data`, RFC 7578).

/// A part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RecordedPart {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) media_type: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// The parts of a body whose type is `mime`.
pub(super) fn parts(body: &[u8], mime: &str) -> Vec<RecordedPart> {
    let told = mime.split(';').find_map(|field| field.trim().strip_prefix("boundary="));
    let delimiter = if let Some(boundary) = told {
        format!("--{}", boundary.trim_matches('"'))
    } else {
        // The first line is the delimiter itself.
        let line = body.split(|b| *b == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    };
    if delimiter.len() < 3 {
        return vec![];
    }
    let finder = memchr::memmem::Finder::new(delimiter.as_bytes());
    let starts: Vec<usize> = finder.find_iter(body).collect();
    starts.windows(2).filter_map(|pair| part(&body[pair[0] + delimiter.len()..pair[1]])).collect()
}

/// A part from what stands between two delimiters.
fn part(text: &[u8]) -> Option<RecordedPart> {
    let end = |sign: &[u8]| memchr::memmem::find(text, sign).map(|at| (at, at + sign.len()));
    let (head, start) = end(b"\r\n\r\n").or_else(|| end(b"\n\n"))?;
    let bytes = &text[start..];
    let bytes = bytes.strip_suffix(b"\r\n").or(bytes.strip_suffix(b"\n")).unwrap_or(bytes);
    let head = String::from_utf8_lossy(&text[..head]);
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    Some(RecordedPart {
        name: parameter(&disposition, "name")?,
        filename: parameter(&disposition, "filename"),
        media_type: header("content-type"),
        bytes: bytes.to_vec(),
    })
}

/// `form-data; name="title"` → `title`
fn parameter(disposition: &str, name: &str) -> Option<String> {
    disposition.split(';').find_map(|field| {
        let (known, value) = field.trim().split_once('=')?;
        (known.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_or_without_their_boundary() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHello\r\n\
                    --b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\na\r\nb\r\n--b--\r\n";
        for mime in ["multipart/form-data; boundary=b", "multipart/form-data"] {
            let found = parts(body.as_bytes(), mime);
            assert_eq!(found.len(), 2, "{mime}");
            assert_eq!((found[0].name.as_str(), &found[0].bytes[..]), ("title", &b"Hello"[..]));
            assert_eq!(found[1].filename.as_deref(), Some("a.txt"));
            assert_eq!(found[1].bytes, b"a\r\nb");
        }
    }
}
