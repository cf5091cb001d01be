//! What pages are made of: scripts and pictures of a size that the file tells.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, Crc, write::ZlibEncoder};

use super::names::other;
use crate::declared::answer::{IMAGE, SCRIPT};
use plimsoll_scenario::{Fields, Node, Problems};
use plimsoll_units::{Bytes as Size, Nanos};

/// The largest canned body.
pub(super) const FILLER_LIMIT: u64 = 64 << 20;

/// A linear congruential sequence (Numerical Recipes): cheap, and gzip finds little in it.
pub(super) fn noise() -> impl Iterator<Item = u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(next(&1), next).map(|state| (state >> 24) as u8)
}

/// `script: { size: 120 kB, busy: 30ms }`.
pub(super) fn script(node: &Node, problems: &mut Problems) -> Option<Bytes> {
    let mut fields = Fields::of(node, &SCRIPT, problems)?;
    let size: Option<Size> = fields.read("size", problems);
    let busy: Nanos = fields.or("busy", Nanos::ZERO, problems);
    fields.finish(problems);
    let work = busy.as_millis_f64();
    let code = format!(
        "(() => {{ const end = performance.now() + {work}; while (performance.now() < end); }})();\n"
    );
    let length = fitting(node, "script", size?, code.len(), problems)?;
    let mut script = code.into_bytes();
    let rest = length - script.len();
    if rest >= COMMENT.len() {
        script.extend(&COMMENT[..2]);
        script.resize(length - 2, b'.');
        script.extend(&COMMENT[2..]);
    } else {
        script.resize(length, b'\n');
    }
    Some(script.into())
}

/// The least comment.
const COMMENT: &[u8; 4] = b"/**/";

/// `image: { size: 60 kB, width: 640, height: 360 }`: a PNG picture.
pub(super) fn image(node: &Node, problems: &mut Problems) -> Option<Bytes> {
    let mut fields = Fields::of(node, &IMAGE, problems)?;
    let size: Option<Size> = fields.read("size", problems);
    let (width, height) =
        (fields.read::<u32>("width", problems), fields.read::<u32>("height", problems));
    fields.finish(problems);
    let mut picture = png(width?, height?)?;
    let length = fitting(node, "picture", size?, picture.len(), problems)?;
    let rest = length - picture.len();
    if rest > 0 {
        let padding: Vec<u8> = noise().take(rest.saturating_sub(CHUNK)).collect();
        // An ancillary chunk of private use stands before the end (PNG specification, section 5.4).
        let end = picture.len() - CHUNK;
        picture.splice(end..end, chunk(*b"fiLl", &padding));
    }
    Some(picture.into())
}

/// What a chunk of a PNG takes beside its data. Bytes.
const CHUNK: usize = 12;

/// A grey picture, brighter from left to right.
fn png(width: u32, height: u32) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // No filter, then a byte a pixel.
    let mut row = vec![0];
    row.extend((0..width).map(|x| (u64::from(x) * 255 / u64::from(width)) as u8));
    for _ in 0..height {
        encoder.write_all(&row).ok()?;
    }
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // 8 bits, greyscale, and the only methods of compression, filtering and interlacing.
    header.extend([8, 0, 0, 0, 0]);
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.extend(chunk(*b"IHDR", &header));
    picture.extend(chunk(*b"IDAT", &encoder.finish().ok()?));
    picture.extend(chunk(*b"IEND", &[]));
    Some(picture)
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(&kind);
    sum.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &kind, data, &sum.sum().to_be_bytes()].concat()
}

/// The length of a body of `size`, of which `least` are needed. A size just above that has no room for filling.
fn fitting(
    node: &Node,
    what: &str,
    size: Size,
    least: usize,
    problems: &mut Problems,
) -> Option<usize> {
    let least = Size::new((least + CHUNK) as u64);
    let limit = Size::new(FILLER_LIMIT);
    if size < least {
        let message = format!("a {what} of {size}");
        other(node.span, message, format!("this one takes at least {least}"), problems);
        return None;
    }
    if size > limit {
        let message = format!("a {what} of {size} is more than {limit}");
        other(node.span, message, "choose a smaller one; it is kept in memory", problems);
        return None;
    }
    usize::try_from(size.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_scenario::{SourceId, yaml};

    fn made(read: fn(&Node, &mut Problems) -> Option<Bytes>, text: &str) -> Result<Bytes, String> {
        let mut problems = Problems::default();
        let node = yaml::parse(text, SourceId(0), &mut problems).expect("YAML");
        let made = read(&node, &mut problems);
        let problems = problems.into_sorted();
        let told: Vec<String> = problems.iter().map(|problem| problem.kind.to_string()).collect();
        made.filter(|_| told.is_empty()).ok_or_else(|| told.join("; "))
    }

    #[test]
    fn script_has_its_size_and_keeps_the_page_busy() {
        let script = made(script, "{ size: 2 kB, busy: 30ms }").expect("a script");
        assert_eq!(script.len(), 2_000);
        let text = String::from_utf8(script.to_vec()).expect("text");
        assert!(text.contains("performance.now() + 30;") && text.ends_with("..*/"), "{text}");
    }

    /// The chunks of a PNG: kind, length and whether its checksum is right.
    fn chunks(png: &[u8]) -> Vec<(String, usize, bool)> {
        let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("a PNG");
        let mut found = vec![];
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().expect("4 bytes")) as usize;
            let (summed, behind) = rest[4..].split_at(4 + length);
            let mut sum = Crc::new();
            sum.update(summed);
            let is_right = behind[..4] == sum.sum().to_be_bytes();
            found.push((String::from_utf8_lossy(&summed[..4]).into_owned(), length, is_right));
            rest = &behind[4..];
        }
        found
    }

    #[test]
    fn picture_is_a_png_of_its_size() {
        let picture = made(image, "{ size: 60 kB, width: 640, height: 360 }").expect("a picture");
        assert_eq!(picture.len(), 60_000);
        let chunks = chunks(&picture);
        let kinds: Vec<&str> = chunks.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(kinds, ["IHDR", "IDAT", "fiLl", "IEND"]);
        assert!(chunks.iter().all(|(.., is_right)| *is_right), "{chunks:?}");
    }

    #[test]
    fn size_that_nothing_fits_into_is_a_problem() {
        let told = made(image, "{ size: 50 B, width: 640, height: 360 }").expect_err("a problem");
        assert_eq!(told, "a picture of 50 B");
        let told = made(script, "{ size: 1 GB }").expect_err("a problem");
        assert!(told.contains("is more than 64 MiB"), "{told}");
    }
}
