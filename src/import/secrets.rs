//! Secrets stay out of scenario files: a reference to the environment takes their place.

use super::names::snake;
use super::note::ImportNotes;
use super::text::TextPiece;

/// What a default says where the environment says nothing: the file stays valid, and the answer is a clear 401.
const DEFAULT: &str = "change-me";

/// Words of a key whose value nobody else should read.
const WORDS: [&str; 17] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "signature",
    "otp",
    "cvv",
    "cvc",
    "cardnumber",
    "jwt",
];

/// Whether the value of `key` is a secret by its name: `newPassword`, `X-Api-Key`, `access_token`.
pub(super) fn is_secret_key(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    WORDS.iter().any(|word| plain.contains(word))
        || ["pin", "key", "auth", "sig"].contains(&plain.as_str())
}

/// Secrets found, each with its variable.
#[derive(Debug, Default)]
pub(super) struct FoundSecrets {
    prefix: String,
    found: Vec<(String, String)>,
}

impl FoundSecrets {
    /// `name` is the system's: its variables begin with it.
    pub(super) fn new(name: &str) -> Self {
        Self { prefix: name.to_ascii_uppercase(), found: vec![] }
    }

    /// What takes the place of the secret `value` of `key`; the same value gets the same variable.
    pub(super) fn hide(
        &mut self,
        key: &str,
        value: &str,
        place: &str,
        notes: &mut ImportNotes,
    ) -> TextPiece {
        let known = self.found.iter().find(|(known, _)| known == value);
        let name = match known.map(|(_, name)| name.clone()) {
            Some(name) => name,
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
        let stem = format!("{}_{}", self.prefix, snake(key).to_ascii_uppercase());
        let taken = |name: &String| self.found.iter().any(|(_, known)| known == name);
        let mut name = stem.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        self.found.push((value.to_owned(), name.clone()));
        name
    }

    /// Values that must appear nowhere, with what takes their place; the longest first.
    pub(super) fn all(&self) -> Vec<(String, TextPiece)> {
        let mut all: Vec<(String, TextPiece)> = self
            .found
            .iter()
            .filter(|(value, _)| value.len() >= 4)
            .map(|(value, name)| {
                let piece =
                    TextPiece::Environment { name: name.clone(), default: DEFAULT.to_owned() };
                (value.clone(), piece)
            })
            .collect();
        all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_keys() {
        for key in ["password", "newPassword", "X-Api-Key", "access_token", "client_secret", "PIN"]
        {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["email", "keyboard", "opinion", "id", "author"] {
            assert!(!is_secret_key(key), "{key}");
        }
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
}
