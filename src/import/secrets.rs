//! Secrets stay out of scenario files: a reference to the environment takes their place.

mod example;
mod scan;
mod shape;

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::names::snake;
use super::note::ImportNotes;
use super::text::{DraftText, TextPiece};

pub(super) use example::without_secrets;
pub(super) use scan::{secret_spans, shown_without_secrets};
pub(super) use shape::secret_shape;

/// What a default says where the environment says nothing: the file stays valid, and the answer is a clear 401.
pub(super) const DEFAULT: &str = "change-me";

/// A shorter secret takes its place only where it is the whole text: as a part it may be there by chance.
const PART_MIN: usize = 8;

/// What a key has in it whose value nobody else should read, written without separators.
const PARTS: [&str; 36] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "signature",
    "cardnumber",
    "cardno",
    "ccnumber",
    "creditcard",
    "securitycode",
    "sessionid",
    "sessionkey",
    "sessid",
    "samlresponse",
    "samlrequest",
    "samlart",
    "assertion",
    "authcode",
    "authorizationcode",
    "codeverifier",
    "accountnumber",
    "idtokenhint",
    "dpop",
    // German, French, Spanish, Portuguese, Dutch.
    "passwort",
    "kennwort",
    "motdepasse",
    "contrasena",
    "senha",
    "wachtwoord",
];

/// The same in letters that are no ASCII.
const FOREIGN: [&str; 9] = [
    "contraseña",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
    "hasło",
    "lösenord",
    "şifre",
];

/// Words of a key that say so alone: `pass`, `user_pin`, `PHPSESSID` is among the parts above.
const WORDS: [&str; 17] = [
    "pass", "pin", "otp", "totp", "mfa", "sid", "sig", "cvv", "cvv2", "cvc", "csc", "jwt", "pan",
    "iban", "ssn", "csrf", "xsrf",
];

/// Keys whose value is a secret where it does not read like a word: OAuth's `code`, `state`.
const WORDS_OF_RANDOM: [&str; 10] =
    ["code", "state", "nonce", "key", "auth", "session", "ticket", "challenge", "verifier", "hmac"];

/// What tells more about a secret without being one: `token_type`, `password_url`.
const ABOUT: [&str; 16] = [
    "type", "types", "url", "uri", "endpoint", "expires", "expiry", "in", "at", "count", "length",
    "policy", "hint", "limit", "strength", "field",
];

/// What says yes or no and nothing else.
const PLAIN_VALUES: [&str; 11] =
    ["", "true", "false", "on", "off", "yes", "no", "null", "undefined", "none", "bearer"];

/// Whether the value of `key` is a secret by its name, whatever it is: `newPassword`, `X-Api-Key`, `access_token`.
pub(super) fn is_secret_key(key: &str) -> bool {
    if !key.is_ascii() {
        let lower = key.to_lowercase();
        if FOREIGN.iter().any(|word| lower.contains(word)) {
            return true;
        }
    }
    let key = snake(key);
    let words: Vec<&str> = key.split('_').collect();
    if words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(last)) {
        return false;
    }
    let plain = words.concat();
    PARTS.iter().any(|part| plain.contains(part))
        || plain.ends_with("token")
        || words.iter().any(|word| WORDS.contains(word) || *word == "token")
        || is_card_part(&words)
}

/// `card_exp_month`, `card[cvc]`, `payment_card_holder`: what stands on a card.
fn is_card_part(words: &[&str]) -> bool {
    const PRINTED: [&str; 9] =
        ["exp", "expiry", "expiration", "month", "year", "expmonth", "expyear", "number", "holder"];
    let card = words.iter().position(|word| matches!(*word, "card" | "cc" | "cardholder"));
    card.is_some_and(|at| words[at] == "cardholder" || words.iter().any(|w| PRINTED.contains(w)))
}

/// Whether `value`, of `key`, is a secret: by its key, or because it is nothing that a person would have typed.
pub(super) fn is_secret(key: &str, value: &str) -> bool {
    if PLAIN_VALUES.contains(&value.to_ascii_lowercase().as_str()) {
        return false;
    }
    if is_secret_key(key) || secret_shape(key, value) {
        return true;
    }
    let key = snake(key);
    let last = key.rsplit('_').next().unwrap_or_default();
    WORDS_OF_RANDOM.contains(&last) && is_hardly_a_word(value)
}

/// The key under which what stands at `inner` of the object at `outer` is looked at: inside of `card`, `number` is the
/// card's.
pub(super) fn key_within(outer: &str, inner: &str) -> String {
    if snake(outer).contains("card") { format!("{outer}_{inner}") } else { inner.to_owned() }
}

/// A number that is a secret, as it is written.
pub(super) fn secret_number(key: &str, json: &Value) -> Option<String> {
    let number = json.as_number()?.to_string();
    is_secret(key, &number).then_some(number)
}

/// Segments of a path behind which a secret stands, however it looks.
const BEFORE_SECRETS: [&str; 22] = [
    "token",
    "tokens",
    "reset",
    "reset_password",
    "password_reset",
    "verify",
    "verification",
    "confirm",
    "confirmation",
    "invite",
    "invitation",
    "invitations",
    "invites",
    "unsubscribe",
    "activate",
    "activation",
    "magic",
    "magic_link",
    "otp",
    "secret",
    "apikey",
    "key",
];

/// Whether a secret stands behind a segment of a path.
pub(super) fn is_before_secret(segment: &str) -> bool {
    BEFORE_SECRETS.contains(&snake(segment).as_str())
}

/// Whether the segment of a path behind `before` may be a secret.
pub(super) fn is_secret_segment(before: &str, value: &str) -> bool {
    value.len() >= 6
        && (secret_shape("", value)
            || (value.bytes().any(|b| b.is_ascii_digit()) && is_before_secret(before)))
}

/// `SplxlOBeZQQYbYS6WxSbIA`, but neither `USD` nor `summer sale`.
fn is_hardly_a_word(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let plain = value.bytes().all(|b| b.is_ascii_graphic());
    let upper = value.bytes().any(|b| b.is_ascii_uppercase());
    let lower = value.bytes().any(|b| b.is_ascii_lowercase());
    plain && value.len() >= 8 && (digits >= 1 || (value.len() >= 16 && upper && lower))
}

/// Secrets found, each with its variable.
#[derive(Debug, Default)]
pub(super) struct FoundSecrets {
    prefix: String,
    /// Each with its variable, in the order in which they were found.
    found: Vec<(String, String)>,
    /// Where each is among them.
    known: HashMap<String, usize>,
    /// The variables that are taken.
    names: HashSet<String>,
    /// The number that was tried last behind the stem of a variable: all before it are taken.
    numbers: HashMap<String, u32>,
}

impl FoundSecrets {
    /// `name` is the system's: its variables begin with it.
    pub(super) fn new(name: &str) -> Self {
        Self { prefix: name.to_ascii_uppercase(), ..Self::default() }
    }

    /// What takes the place of the secret `value` of `key`; the same value gets the same variable.
    pub(super) fn hide(
        &mut self,
        key: &str,
        value: &str,
        place: &str,
        notes: &mut ImportNotes,
    ) -> TextPiece {
        let name = match self.known.get(value) {
            Some(at) => self.found[*at].1.clone(),
            None => self.add(key, value),
        };
        notes.change(
            format!("a secret: set ${name} in the environment; until then `{DEFAULT}` is sent"),
            place,
        );
        TextPiece::Environment { name, default: DEFAULT.to_owned() }
    }

    /// A variable for a secret that was not seen before.
    fn add(&mut self, key: &str, value: &str) -> String {
        let key = snake(key);
        let key = if key.is_empty() { "SECRET".to_owned() } else { key.to_ascii_uppercase() };
        let stem = format!("{}_{key}", self.prefix);
        let mut name = stem.clone();
        let number = self.numbers.entry(stem.clone()).or_insert(1);
        while self.names.contains(&name) {
            *number += 1;
            name = format!("{stem}_{number}");
        }
        self.names.insert(name.clone());
        self.known.insert(value.to_owned(), self.found.len());
        self.found.push((value.to_owned(), name.clone()));
        name
    }

    /// What puts variables in the place of secrets, wherever else they stand.
    pub(super) fn replacer(&self) -> SecretReplacer {
        let (parts, wholes): (Vec<_>, Vec<_>) =
            self.found.iter().cloned().partition(|(value, _)| value.len() >= PART_MIN);
        let patterns = parts.iter().map(|(value, _)| value);
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns);
        let finder = finder.ok().filter(|_| !parts.is_empty());
        SecretReplacer { finder, parts, wholes }
    }
}

/// Puts variables in the place of secrets.
#[derive(Debug)]
pub(super) struct SecretReplacer {
    finder: Option<AhoCorasick>,
    /// Secrets, each with its variable, that are replaced wherever they stand.
    parts: Vec<(String, String)>,
    /// Those that are replaced only where they are the whole text.
    wholes: Vec<(String, String)>,
}

impl SecretReplacer {
    /// The text without secrets.
    pub(super) fn replace(&self, text: &mut DraftText) {
        if let Some(name) = text.as_literal().and_then(|text| find(&self.wholes, text)) {
            *text = DraftText(vec![environment(name)]);
            return;
        }
        let Some(finder) = &self.finder else { return };
        let mut pieces = vec![];
        for piece in std::mem::take(&mut text.0) {
            match piece {
                TextPiece::Literal(literal) => {
                    let found = finder.find_iter(&literal);
                    let spans = found.map(|found| {
                        (found.range(), environment(&self.parts[found.pattern().as_usize()].1))
                    });
                    pieces.extend(DraftText::spliced(&literal, spans.collect()).0);
                }
                other => pieces.push(other),
            }
        }
        text.0 = pieces;
    }

    /// Takes secrets out of notes that were made before they were known.
    pub(super) fn redact(&self, notes: &mut ImportNotes) {
        for note in notes.dropped.iter_mut().chain(&mut notes.changed) {
            for (what, _) in &mut note.what {
                *what = self.redacted(what);
            }
        }
    }

    fn redacted(&self, text: &str) -> String {
        let Some(finder) = &self.finder else { return text.to_owned() };
        finder.replace_all(text, &vec!["…"; self.parts.len()])
    }
}

fn find<'f>(found: &'f [(String, String)], text: &str) -> Option<&'f String> {
    found.iter().find(|(value, _)| value == text).map(|(_, name)| name)
}

fn environment(name: &str) -> TextPiece {
    TextPiece::Environment { name: name.to_owned(), default: DEFAULT.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_keys() {
        for key in [
            "password",
            "newPassword",
            "X-Api-Key",
            "access_token",
            "client_secret",
            "PIN",
            "pass",
            "passcode",
            "session_id",
            "sid",
            "PHPSESSID",
            "connect.sid",
            "SAMLResponse",
            "cvc",
            "card[exp_month]",
            "cardNumber",
            "csrfmiddlewaretoken",
            "user_pass",
            "id_token",
            "Passwort",
            "mot_de_passe",
            "Contraseña",
            "пароль",
            "DPoP",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in [
            "email",
            "keyboard",
            "opinion",
            "id",
            "author",
            "token_type",
            "tokens",
            "max_tokens",
            "expires_in",
            "passenger",
            "compass",
            "side",
            "hotprice",
            "card_color",
            "sessions",
        ] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn codes_of_oauth_are_told_from_codes_of_currencies() {
        assert!(is_secret("code", "SplxlOBeZQQYbYS6WxSbIA"));
        assert!(is_secret("state", "af0ifjsldkj7"));
        assert!(!is_secret("code", "USD"));
        assert!(!is_secret("state", "open"));
        assert!(!is_secret("remember_password", "true"));
    }

    #[test]
    fn one_value_has_one_variable() {
        let mut secrets = FoundSecrets::new("shop");
        let mut notes = ImportNotes::default();
        let first = secrets.hide("password", "a", "login", &mut notes);
        assert_eq!(secrets.hide("password", "a", "login again", &mut notes), first);
        let TextPiece::Environment { name, .. } =
            secrets.hide("password", "b", "other", &mut notes)
        else {
            panic!("a variable")
        };
        assert_eq!(name, "SHOP_PASSWORD_2");
    }

    #[test]
    fn short_secrets_are_replaced_only_as_a_whole() {
        let mut secrets = FoundSecrets::new("shop");
        let mut notes = ImportNotes::default();
        secrets.hide("password", "admin", "login", &mut notes);
        secrets.hide("token", "0123456789", "login", &mut notes);
        let replacer = secrets.replacer();
        let replaced = |text: &str| {
            let mut text = DraftText::literal(text);
            replacer.replace(&mut text);
            text.written()
        };
        assert_eq!(replaced("admins"), "admins");
        assert_eq!(replaced("admin"), "${SHOP_PASSWORD:-change-me}");
        assert_eq!(replaced("a=0123456789&b"), "a=${SHOP_TOKEN:-change-me}&b");
        assert_eq!(replacer.redacted("GET /r/0123456789"), "GET /r/…");
    }
}
