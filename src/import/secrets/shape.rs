//! Values that are secrets by what they look like, whatever their key is.

use crate::names::snake;

/// How tokens of well-known services begin. The shortest of them have sixteen characters.
const PREFIXES: [&str; 30] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxs-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "SG.",
    "sk-",
    "hf_",
    "npm_",
    "dop_v1_",
    "shpat_",
    "shpss_",
    "lin_api_",
    "pat-",
];

/// Words of a key whose value is random and public: a hash of what is asked for, the name of a trace.
const PUBLIC: [&str; 22] = [
    "hash",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "digest",
    "etag",
    "checksum",
    "integrity",
    "revision",
    "commit",
    "version",
    "build",
    "fingerprint",
    "cid",
    "trace",
    "traceparent",
    "boundary",
    "filename",
    "image",
    "uuid",
];

/// The least length of a token, in characters: 20 of base 62 are 119 bits.
const TOKEN_MIN: usize = 20;
/// The most: beyond it a value is content, a picture for example.
const TOKEN_MAX: usize = 4_096;

/// Whether a value is a secret by its shape: a token of a well-known service, a JSON Web Token, the number of a card,
/// or something random that `key` does not say to be public.
pub(crate) fn secret_shape(key: &str, value: &str) -> bool {
    if is_known(value) || is_card_number(value) {
        return true;
    }
    let key = snake(key);
    let public = |word: &str| PUBLIC.contains(&word) || word.ends_with("hash");
    is_random(value) && !key.split('_').any(public)
}

fn is_known(value: &str) -> bool {
    let prefix = |prefix: &str| {
        value.len() >= prefix.len() + 12
            && value.starts_with(prefix)
            && value[prefix.len()..]
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
            && value.bytes().any(|b| b.is_ascii_digit())
    };
    PREFIXES.iter().any(|known| prefix(known)) || is_jwt(value) || value.starts_with("-----BEGIN")
}

/// Three parts of base64url, of which the first two are JSON objects (RFC 7519); or five of a JWE (RFC 7516).
fn is_jwt(value: &str) -> bool {
    let parts = value.split('.').count();
    value.starts_with("eyJ")
        && (parts == 3 || parts == 5)
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.=".contains(&b))
}

/// The number of a payment card: an issuer's first digits, its length, and Luhn's check digit (ISO/IEC 7812).
fn is_card_number(value: &str) -> bool {
    if value.len() > 23 || !value.bytes().all(|b| b.is_ascii_digit() || b" -".contains(&b)) {
        return false;
    }
    let digits: Vec<u32> = value.chars().filter_map(|c| c.to_digit(10)).collect();
    let two = digits.iter().take(2).fold(0, |number, digit| number * 10 + digit);
    let fits = match two {
        34 | 37 => digits.len() == 15,
        30 | 36 | 38 | 39 => digits.len() == 14,
        40..=49 => matches!(digits.len(), 13 | 16 | 19),
        22..=27 | 51..=55 => digits.len() == 16,
        35 | 60..=65 => (16..=19).contains(&digits.len()),
        _ => false,
    };
    fits && luhn(&digits)
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let doubled = if at % 2 == 1 { digit * 2 } else { *digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether a value is random: long, of letters and digits that change places all the time. Words, slugs, numbers and
/// dates do not, and a UUID is mostly the name of a thing and no secret.
fn is_random(value: &str) -> bool {
    if !(TOKEN_MIN..=TOKEN_MAX).contains(&value.len()) || is_uuid(value) {
        return false;
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-+/=.~".contains(&b);
    if !value.bytes().all(plain) {
        return false;
    }
    let letters: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let hex = letters.iter().all(u8::is_ascii_hexdigit);
    // 24 hexadecimal digits name a document in MongoDB.
    if letters.len() < 16 || (hex && letters.len() < 32) {
        return false;
    }
    let digits = letters.iter().filter(|b| b.is_ascii_digit()).count();
    let kind = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
    let changes = letters.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    // Random base 62 changes at 0.64 of its characters, random hexadecimal digits at 0.47, CamelCase at 0.37.
    let random =
        if hex { changes * 4 >= letters.len() } else { changes * 100 >= letters.len() * 42 };
    digits >= 1 && digits < letters.len() && random
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_are_secrets_and_names_of_things_are_none() {
        for value in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9",
            "sk_live_EXAMPLE0key0of0nobody",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "dGhpcyBpcyBhIHNlY3JldCBrZXkgMTIz",
            "4242 4242 4242 4242",
            "378282246310005",
            "AKIAIOSFODNN7EXAMPLE",
            "q7Zp2LmX9vB4tR8sK1wY",
        ] {
            assert!(secret_shape("x", value), "{value}");
        }
        for value in [
            "0b0f8f9e-7d0c-4b6b-9d5e-1f2a3b4c5d6e",
            "507f1f77bcf86cd799439011",
            "summer-sale-2026-big-discount-for-all",
            "2026-01-31T12:00:00.000Z",
            "1795180424000",
            "4242424242424243",
            "application/x-www-form-urlencoded",
            "GetProductsByCategoryQuery2",
            "https://shop.test/a/b/c/d/e/f/g",
        ] {
            assert!(!secret_shape("x", value), "{value}");
        }
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert!(!secret_shape("sha256Hash", hash));
    }
}
