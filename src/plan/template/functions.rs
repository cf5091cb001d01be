//! The functions that scenario templates may call.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use percent_encoding::percent_encode;
use rand::RngExt;
use ring::{digest, hmac};

use super::operators::{COMPARE, HOLDS, TEXT, compare, equal, holds, text_of};
use super::scope::SELF;
use super::{ENCODED, TemplateScope};
use plimsoll_units::{Uuid, hexadecimal};

/// Adds the functions.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("rand", rand);
    environment.add_function("uuid", uuid);
    environment.add_function("pick", pick);
    environment.add_function("hex", hex);
    environment.add_function("base64", base64);
    environment.add_function("sha256", sha256);
    environment.add_function("hmac", signed);
    environment.add_function("urlencode", |value: &Value| {
        text(value).map(|text| percent_encode(text.as_bytes(), ENCODED).to_string())
    });
    environment.add_function("lower", |value: &Value| text(value).map(|text| text.to_lowercase()));
    environment.add_function(COMPARE, |left: &Value, sign: &str, right: &Value| {
        compare(left, sign, right)
    });
    environment.add_function(TEXT, text);
    environment.add_function(HOLDS, |value: &Value| {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        Ok(holds(value))
    });
    environment.add_filter("string", text);
    environment.add_filter("join", join);
    for (names, sign) in TESTS {
        for name in *names {
            environment
                .add_test(*name, move |left: &Value, right: &Value| compare(left, sign, right));
        }
    }
    environment.add_test("eq", |left: &Value, right: &Value| equal(left, right));
}

/// Tests that compare (`a is gt(5)`, `select('gt', 5)`), which must do as the signs do.
const TESTS: &[(&[&str], &str)] = &[
    (&["==", "equalto"], "=="),
    (&["!=", "ne"], "!="),
    (&["<", "lt", "lessthan"], "<"),
    (&["<=", "le"], "<="),
    (&[">", "gt", "greaterthan"], ">"),
    (&[">=", "ge"], ">="),
    (&["in"], "in"),
];

/// A value as a text: as JSON where it is none.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        Err(Error::from(ErrorKind::UndefinedError))
    } else {
        Ok(text_of(value))
    }
}

/// `list | join(', ')`: its items as one text.
fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    let items: Vec<String> = list.try_iter()?.map(|item| text_of(&item)).collect();
    Ok(items.join(between.unwrap_or_default()))
}

/// `rand(1, 90)`: a whole number between the two, both included.
fn rand(state: &State, low: i64, high: i64) -> Result<i64, Error> {
    if low > high {
        let message = format!("rand({low}, {high}): the first number must not exceed the second");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    with_scope(state, |scope| scope.draw(|chance| chance.random_range(low..=high)))
}

/// `uuid()`: a random UUID, version 4.
fn uuid(state: &State) -> Result<String, Error> {
    let bits = with_scope(state, |scope| scope.draw(rand::RngExt::random))?;
    Ok(Uuid::of_random(bits).to_string())
}

/// `pick(['a', 'b'])`: one of the items, equally likely.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes arguments by value")]
fn pick(state: &State, items: Vec<Value>) -> Result<Value, Error> {
    if items.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "pick([]): there is nothing to pick"));
    }
    with_scope(state, |scope| {
        let index = scope.draw(|chance| chance.random_range(0..items.len()));
        items[index].clone()
    })
}

/// `base64('user:password')`: the text's bytes in Base64.
fn base64(value: &Value) -> Result<String, Error> {
    text(value).map(|text| STANDARD.encode(text))
}

/// `sha256('text')`: the digest of the text's bytes (FIPS 180-4).
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes arguments by value")]
fn sha256(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let encoding = kwargs.get("encoding")?;
    kwargs.assert_all_used()?;
    encoded(digest::digest(&digest::SHA256, text(value)?.as_bytes()).as_ref(), encoding)
}

/// `hmac('key', 'text')`: a keyed hash (RFC 2104), with SHA-256 where `hash` says nothing else.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes arguments by value")]
fn signed(key: &Value, value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let (hash, encoding): (Option<&str>, _) = (kwargs.get("hash")?, kwargs.get("encoding")?);
    kwargs.assert_all_used()?;
    let algorithm = match hash {
        None | Some("sha256") => hmac::HMAC_SHA256,
        Some("sha1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Some("sha384") => hmac::HMAC_SHA384,
        Some("sha512") => hmac::HMAC_SHA512,
        Some(other) => {
            let message = format!("hmac: `{other}` is none of sha1, sha256, sha384 and sha512");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    };
    let key = hmac::Key::new(algorithm, text(key)?.as_bytes());
    encoded(hmac::sign(&key, text(value)?.as_bytes()).as_ref(), encoding)
}

/// Bytes in hexadecimal digits, or as `encoding` says: `base64` with padding, `base64url` without (RFC 4648).
fn encoded(bytes: &[u8], encoding: Option<&str>) -> Result<String, Error> {
    Ok(match encoding {
        None | Some("hex") => hexadecimal(bytes),
        Some("base64") => STANDARD.encode(bytes),
        Some("base64url") => URL_SAFE_NO_PAD.encode(bytes),
        Some(other) => {
            let message = format!("`{other}` is none of the encodings hex, base64 and base64url");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    })
}

/// HMAC-SHA-256 of a text.
pub(super) fn signature(key: &str, text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes())
}

/// The most digits that `hex` gives: an upload is made of `multipart`, not of digits.
const HEX_LIMIT: usize = 1 << 20;

/// `hex(16)`: that many random hexadecimal digits.
fn hex(state: &State, digits: usize) -> Result<String, Error> {
    if digits > HEX_LIMIT {
        let message = format!("hex({digits}): at most {HEX_LIMIT} digits");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    with_scope(state, |scope| {
        scope.draw(|chance| {
            (0..digits)
                .map(|_| char::from(b"0123456789abcdef"[chance.random_range(0..16)]))
                .collect()
        })
    })
}

pub(super) fn with_scope<T>(
    state: &State,
    use_it: impl FnOnce(&TemplateScope) -> T,
) -> Result<T, Error> {
    let scope = state.lookup(SELF);
    match scope.as_ref().and_then(|value| value.downcast_object_ref::<TemplateScope>()) {
        Some(scope) => Ok(use_it(scope)),
        None => Err(Error::new(ErrorKind::InvalidOperation, "no iteration to draw for")),
    }
}
