//! The content security policy of a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

/// A policy that allows the style sheets and scripts with these texts, and nothing else: no request, no form, no frame.
///
/// The texts must stand between their tags exactly as they are here.
pub(crate) fn of(styles: &[&str], scripts: &[&str]) -> String {
    let hashes = |texts: &[&str]| -> String {
        let hash = |text: &&str| {
            format!(" 'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
        };
        texts.iter().map(hash).collect()
    };
    let mut policy = "default-src 'none'; base-uri 'none'; form-action 'none'".to_owned();
    for (kind, texts) in [("style-src", styles), ("script-src", scripts)] {
        if !texts.is_empty() {
            policy = format!("{policy}; {kind}{}", hashes(texts));
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    #[test]
    fn policy_names_what_it_allows_by_hash() {
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            super::of(&[], &["alert(1)"]),
            "default-src 'none'; base-uri 'none'; form-action 'none'; script-src \
             'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
        );
    }
}
