//! Secrets in texts that people read: blanked out however they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::utf8_percent_encode;

use super::template::ENCODED;

/// What stands in place of a secret.
const BLANK: &str = "•••";
/// What ends a text that was cut short.
const CUT: char = '…';
/// Parts of a secret shorter than this tell nothing, and would blank out words by chance.
const PART_MIN: usize = 4;

/// Blanks out `secrets` in `text`: as they stand and as they are written in URLs, forms, JSON and Base64, also
/// where the text was cut short within one.
pub fn redact<'s>(text: &str, secrets: impl IntoIterator<Item = &'s str>) -> String {
    let mut shown = text.to_owned();
    for secret in secrets {
        for form in forms(secret) {
            if shown.contains(&form) {
                shown = shown.replace(&form, BLANK);
            }
            shown = without_beginning(shown, &form);
        }
    }
    shown
}

/// All ways in which a secret may be written, longest first.
fn forms(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return vec![];
    }
    let percent = utf8_percent_encode(secret, ENCODED).to_string();
    let quoted = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        percent.replace("%20", "+"),
        percent,
        quoted[1..quoted.len() - 1].to_owned(),
    ];
    for text in base64_forms(secret.as_bytes()) {
        forms.push(text.replace('+', "-").replace('/', "_"));
        forms.push(text);
    }
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
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
    (0..3).map(at).filter(|text| text.len() >= 2 * PART_MIN).collect()
}

/// Blanks out the beginning of `form` where the text was cut short within it.
fn without_beginning(mut shown: String, form: &str) -> String {
    let Some(cut) = shown.find(CUT) else { return shown };
    let ends = form.char_indices().map(|(at, _)| at).rev();
    let longest =
        ends.take_while(|end| *end >= PART_MIN).find(|end| shown[..cut].ends_with(&form[..*end]));
    if let Some(length) = longest {
        shown.replace_range(cut - length..cut, BLANK);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        redact(text, ["p@ss \"word\"/1"])
    }

    #[test]
    fn secret_is_blanked_out_however_it_is_written() {
        for text in [
            "is p@ss \"word\"/1, expected",
            "redirect to /?p=p%40ss%20%22word%22%2F1",
            "sent password=p%40ss+%22word%22%2F1&a=b",
            r#"{"password":"p@ss \"word\"/1"}"#,
        ] {
            let shown = shown(text);
            let parts = ["p@ss", "%40", "word\\\"", "%22"];
            assert!(shown.contains(BLANK), "{shown}");
            assert!(!parts.iter().any(|part| shown.contains(part)), "{shown}");
        }
    }

    #[test]
    fn secret_within_base64_is_blanked_out_wherever_it_stands() {
        for user in ["a", "ab", "abc", "abcd"] {
            let text = STANDARD_NO_PAD.encode(format!("{user}:p@ss \"word\"/1:more"));
            let shown = shown(&text);
            let left: usize = shown.split(BLANK).map(str::len).sum();
            // Of 13 bytes, 17 characters and a third, no more than one at each end may stay.
            assert!(shown.contains(BLANK) && text.len() - left >= 15, "{text} → {shown}");
        }
    }

    #[test]
    fn secret_that_was_cut_short_is_blanked_out() {
        assert_eq!(
            shown("the body is `{\"p\":p@ss \"wo…`"),
            format!("the body is `{{\"p\":{BLANK}…`")
        );
        assert_eq!(shown("a p…"), "a p…");
    }

    #[test]
    fn text_without_the_secret_is_left_alone() {
        assert_eq!(shown("status 503, expected 200"), "status 503, expected 200");
        assert_eq!(redact("text", [""]), "text");
    }
}
