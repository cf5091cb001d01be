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
    // A delimiter is a line of its own; the same characters within a part are its content (RFC 2046, §5.1.1).
    let is_line = |at: &usize| {
        let begins = *at == 0 || body[at - 1] == b'\n';
        let behind = &body[at + delimiter.len()..];
        let behind = behind.strip_prefix(b"--").unwrap_or(behind).trim_ascii_start();
        let line_end = body.len() - behind.len();
        begins && (behind.is_empty() || body[at + delimiter.len()..line_end].contains(&b'\n'))
    };
    let starts: Vec<usize> = finder.find_iter(body).filter(is_line).collect();
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

/// `form-data; name="title"` → `title`. Browsers write quotes and line ends in it by their numbers (HTML, §4.10.22.8).
fn parameter(disposition: &str, name: &str) -> Option<String> {
    let mut rest = disposition;
    while let Some((_, field)) = rest.split_once(';') {
        let (known, value) = field.split_once('=')?;
        let value = value.trim_start();
        let (found, behind) = if let Some(quoted) = value.strip_prefix('"') {
            quoted_text(quoted)
        } else {
            let end = value.find(';').unwrap_or(value.len());
            (value[..end].trim().to_owned(), &value[end..])
        };
        if known.trim().eq_ignore_ascii_case(name) {
            let found = found.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
            return Some(found);
        }
        rest = behind;
    }
    None
}

/// A text in quotes whose first one is passed, and what stands behind it. Only a quote is escaped by a backslash, which
/// names of files on Windows have, too.
fn quoted_text(text: &str) -> (String, &str) {
    let mut found = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"').unwrap_or(rest.len());
        found.push_str(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        let Some(escaped) = found.strip_suffix('\\').filter(|_| !rest.is_empty()) else {
            return (found, rest);
        };
        found = format!("{escaped}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiter_within_a_part_is_its_content() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\na --b-- c --bee\r\n--bee\r\n--b--\r\n";
        let found = parts(body, "multipart/form-data; boundary=b");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bytes, b"a --b-- c --bee\r\n--bee");
    }

    #[test]
    fn parameters_are_read_as_browsers_write_them() {
        for (written, name) in [
            (r#"form-data; name="f"; filename="a;b=c.txt""#, "a;b=c.txt"),
            (r#"form-data; name="f"; filename="say %22hi%22.txt""#, "say \"hi\".txt"),
            (r#"form-data; name="f"; filename="say \"hi\".txt""#, "say \"hi\".txt"),
            ("form-data; name=f; filename=plain.txt", "plain.txt"),
            (r#"form-data; Name="f"; FileName="日本.txt""#, "日本.txt"),
        ] {
            assert_eq!(parameter(written, "filename").as_deref(), Some(name), "{written}");
            assert_eq!(parameter(written, "name").as_deref(), Some("f"), "{written}");
        }
    }

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
