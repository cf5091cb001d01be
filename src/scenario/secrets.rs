//! Secrets in texts that people read: blanked out however they are written.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What stands in place of a secret.
const BLANK: &str = "•••";
/// What ends a text that was cut short.
const CUT: &str = "…";
/// Parts of a secret shorter than this tell nothing, and would blank out words by chance.
const PART_MIN: usize = 4;
/// Secrets shorter than this stand in every other word by chance; they are blanked out where they stand alone.
const SHORT: usize = 4;

/// Blanks out `secrets` in `text`: as they stand and as they are written in URLs, forms, JSON, HTML and Base64, also
/// where the text was cut short within one.
pub fn redact<'s>(text: &str, secrets: impl IntoIterator<Item = &'s str>) -> String {
    let mut hidden: Vec<Range<usize>> = vec![];
    let mut readings: Option<Vec<DecodedText>> = None;
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        let readings = readings.get_or_insert_with(|| DecodedText::all(text));
        for reading in readings.iter() {
            reading.find(secret.as_bytes(), &mut hidden);
        }
        for form in base64_forms(secret.as_bytes()) {
            let url_safe = form.replace('+', "-").replace('/', "_");
            for form in [form, url_safe] {
                hidden.extend(text.match_indices(&form).map(|(at, _)| at..at + form.len()));
            }
        }
    }
    blanked(text, hidden)
}

/// The text with blanks in place of the ranges.
fn blanked(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let (mut at, mut end_of_blank) = (0, None);
    for range in hidden {
        // What overlaps or touches is one secret, or two that tell no more apart.
        if end_of_blank != Some(at) || range.start > at {
            shown.push_str(text.get(at..range.start).unwrap_or_default());
            shown.push_str(BLANK);
        }
        at = at.max(range.end);
        end_of_blank = Some(at);
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

/// A text as one of its readers understands it, with the place of each byte.
struct DecodedText {
    bytes: Vec<u8>,
    /// Where each byte stands in the text.
    places: Vec<Range<usize>>,
}

impl DecodedText {
    /// As it stands, as a URL or form, as a text in JSON, and as HTML; and each of these within a text in JSON.
    fn all(text: &str) -> Vec<Self> {
        let escapes: [Escaping; 3] = [percent_decoded, json_unescaped, html_unescaped];
        let mut all = vec![Self::of(text, |_| None)];
        all.extend(escapes.iter().map(|escape| Self::of(text, escape)));
        let inner = Self::of(text, json_unescaped);
        all.extend(escapes.iter().filter_map(|escape| inner.again(escape)));
        all
    }

    /// What was decoded, decoded once more.
    fn again(&self, escape: impl Fn(&str) -> Option<(Vec<u8>, usize)>) -> Option<Self> {
        let text = str::from_utf8(&self.bytes).ok()?;
        let Self { bytes, places } = Self::of(text, escape);
        let places = places.into_iter().map(|at| self.place(at)).collect::<Option<_>>()?;
        Some(Self { bytes, places })
    }

    /// Decodes what `escape` finds at the beginning of a rest: what it means and how long it is.
    fn of(text: &str, escape: impl Fn(&str) -> Option<(Vec<u8>, usize)>) -> Self {
        let mut reading = Self { bytes: vec![], places: vec![] };
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let plain = || {
                let length = c.len_utf8();
                (text.as_bytes()[at..at + length].to_vec(), length)
            };
            let (meant, length) = escape(&text[at..]).unwrap_or_else(plain);
            reading.places.extend(meant.iter().map(|_| at..at + length));
            reading.bytes.extend(meant);
            at += length;
        }
        reading
    }

    /// Adds the places of `secret`, and those of its ends where the text was cut short within it.
    fn find(&self, secret: &[u8], hidden: &mut Vec<Range<usize>>) {
        let finder = memchr::memmem::Finder::new(secret);
        let mut from = 0;
        while let Some(found) = self.bytes.get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + found..from + found + secret.len();
            from = at.start + 1;
            if secret.len() >= SHORT || self.stands_alone(&at) {
                hidden.extend(self.place(at));
            }
        }
        for cut in memchr::memmem::find_iter(&self.bytes, CUT.as_bytes()) {
            let (before, after) = (&self.bytes[..cut], &self.bytes[cut + CUT.len()..]);
            let lengths = || (PART_MIN..secret.len()).rev();
            if let Some(length) = lengths().find(|length| before.ends_with(&secret[..*length])) {
                hidden.extend(self.place(cut - length..cut));
            }
            let ends_so = |length: &usize| after.starts_with(&secret[secret.len() - length..]);
            if let Some(length) = lengths().find(ends_so) {
                let start = cut + CUT.len();
                hidden.extend(self.place(start..start + length));
            }
        }
    }

    /// Whether it is a value of its own: of a header, a field, a parameter or a segment of a path.
    fn stands_alone(&self, at: &Range<usize>) -> bool {
        let opens = |byte: &u8| b"=:/[\"'`>".contains(byte) || byte.is_ascii_whitespace();
        let closes = |byte: &u8| b"&;,/?\"'`<})]".contains(byte) || byte.is_ascii_whitespace();
        let before = at.start.checked_sub(1).and_then(|before| self.bytes.get(before));
        before.is_none_or(opens) && self.bytes.get(at.end).is_none_or(closes)
    }

    /// Where the bytes stand in the text.
    fn place(&self, at: Range<usize>) -> Option<Range<usize>> {
        let first = self.places.get(at.start)?.start;
        Some(first..self.places.get(at.end.checked_sub(1)?)?.end)
    }
}

/// What an escape at the beginning of a text means, and how long it is.
type Escaping = fn(&str) -> Option<(Vec<u8>, usize)>;

/// `%2F`, and `+` for a blank.
fn percent_decoded(rest: &str) -> Option<(Vec<u8>, usize)> {
    if rest.starts_with('+') {
        return Some((b" ".to_vec(), 1));
    }
    let byte = u8::from_str_radix(rest.strip_prefix('%')?.get(..2)?, 16).ok()?;
    Some((vec![byte], 3))
}

/// `\n`, `\/`, `\u002f` and the like (RFC 8259, §7).
fn json_unescaped(rest: &str) -> Option<(Vec<u8>, usize)> {
    let escape = rest.strip_prefix('\\')?;
    let simple = |text: &str| Some((text.as_bytes().to_vec(), 2));
    match escape.chars().next()? {
        c @ ('"' | '\\' | '/') => simple(c.encode_utf8(&mut [0; 4])),
        'n' => simple("\n"),
        'r' => simple("\r"),
        't' => simple("\t"),
        'b' => simple("\u{8}"),
        'f' => simple("\u{c}"),
        'u' => {
            let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
            let first = unit(2)?;
            let second = (rest.get(6..8) == Some("\\u")).then(|| unit(8)).flatten();
            let units: Vec<u16> = [Some(first), second].into_iter().flatten().collect();
            // A pair of surrogates is one character; anything else stands for itself.
            match (char::from_u32(u32::from(first)), String::from_utf16(&units)) {
                (Some(c), _) => Some((c.to_string().into_bytes(), 6)),
                (None, Ok(pair)) => Some((pair.into_bytes(), 12)),
                (None, Err(_)) => None,
            }
        }
        _ => None,
    }
}

/// `&amp;`, `&#47;` and the like.
fn html_unescaped(rest: &str) -> Option<(Vec<u8>, usize)> {
    let end = rest.strip_prefix('&')?.bytes().take(10).position(|byte| byte == b';')? + 2;
    let entity = &rest[..end];
    let meant = html_escape::decode_html_entities(entity);
    (meant != entity).then(|| (meant.into_owned().into_bytes(), end))
}

/// The secret within a longer text in Base64 (`user:password`): what is the same whatever stands around it, for
/// each of the three places at which three bytes can break.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let at = |before: usize| {
        let text = STANDARD_NO_PAD.encode([&[0; 2][..before], secret].concat());
        // The first characters mix with what stands before, the last one with what follows.
        let first = [0, 2, 3][before];
        let end = (before + secret.len()) * 8 / 6;
        text.get(first..end).unwrap_or_default().to_owned()
    };
    (0..3).map(at).filter(|text| text.len() >= PART_MIN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p@ss \"word\"/1";

    fn shown(text: &str) -> String {
        redact(text, [SECRET])
    }

    #[test]
    fn secret_is_blanked_out_however_it_is_written() {
        for (text, expected) in [
            ("is p@ss \"word\"/1, expected", "is •••, expected"),
            ("redirect to /?p=p%40ss%20%22word%22%2F1", "redirect to /?p=•••"),
            ("redirect to /?p=p%40ss%20%22word%22%2f1&a=b", "redirect to /?p=•••&a=b"),
            ("sent password=p%40ss+%22word%22%2F1&a=b", "sent password=•••&a=b"),
            (r#"{"password":"p@ss \"word\"/1"}"#, r#"{"password":"•••"}"#),
            (r#"{"password":"p@ss \"word\"\/1"}"#, r#"{"password":"•••"}"#),
            (r#"{"password":"p\u0040ss \u0022word\"\u002F1"}"#, r#"{"password":"•••"}"#),
            ("<p>p@ss &quot;word&#34;&#x2F;1</p>", "<p>•••</p>"),
            (r#"{"sent":"{\"p\":\"p@ss \\\"word\\\"/1\"}"}"#, r#"{"sent":"{\"p\":\"•••\"}"}"#),
            (
                r#"{"to":"http:\/\/x\/?p=p%40ss+\u002522word%22%2F1"}"#,
                r#"{"to":"http:\/\/x\/?p=•••"}"#,
            ),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(redact(r"caf\u00e9 \ud83d\ude00!", ["café 😀"]), "•••!");
    }

    #[test]
    fn secret_within_base64_is_blanked_out_wherever_it_stands() {
        for user in ["a", "ab", "abc", "abcd"] {
            let text = STANDARD_NO_PAD.encode(format!("{user}:{SECRET}:more"));
            let shown = shown(&text);
            let left: usize = shown.split(BLANK).map(str::len).sum();
            // Of 13 bytes, 17 characters and a third, no more than one at each end may stay.
            assert!(shown.contains(BLANK) && text.len() - left >= 15, "{text} → {shown}");
        }
        let pin = STANDARD_NO_PAD.encode("bob:4711");
        assert!(redact(&pin, ["4711"]).contains(BLANK), "{pin}");
    }

    #[test]
    fn secret_that_was_cut_short_is_blanked_out_at_every_cut() {
        assert_eq!(shown("the body is `{\"p\":p@ss \"wo…`"), "the body is `{\"p\":•••…`");
        assert_eq!(shown("one… then p%40ss%20…"), "one… then •••…");
        assert_eq!(shown("…word\"/1 is wrong"), "…••• is wrong");
        assert_eq!(shown("a p…"), "a p…");
    }

    #[test]
    fn short_secret_is_blanked_out_where_it_stands_alone() {
        assert_eq!(redact("pin=4711, took 24711 µs", ["4711"]), "pin=•••, took 2••• µs");
        assert_eq!(redact("{\"cvc\":\"123\"} in 123ms", ["123"]), "{\"cvc\":\"•••\"} in 123ms");
        assert_eq!(redact("GET /pay/123?n=1", ["123"]), "GET /pay/•••?n=1");
        assert_eq!(redact("GET /123/x [123] v123", ["123"]), "GET /•••/x [•••] v123");
        assert_eq!(redact("HTTP/1.1 201\nx-n: 1\n", ["1"]), "HTTP/1.1 201\nx-n: •••\n");
    }

    #[test]
    fn secrets_that_overlap_leave_nothing_of_each_other() {
        assert_eq!(redact("abcdefgh ij", ["abcdef", "defgh"]), "••• ij");
        assert_eq!(redact("secretsecret", ["secret"]), "•••");
    }

    #[test]
    fn text_without_the_secret_is_left_alone() {
        assert_eq!(shown("status 503, expected 200"), "status 503, expected 200");
        assert_eq!(redact("text", [""]), "text");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in "(?s).{0,60}", secret in "(?s).{0,8}") {
            redact(&text, [secret.as_str()]);
        }

        #[test]
        fn escaped_looking_text_is_answered_without_panic(text in r"[%&#;\\u0-9a-fx+…]{0,40}") {
            redact(&text, ["a0%", "\\u00", "…a1b2"]);
        }
    }
}
