//! The functions that scenario templates may call.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use percent_encoding::percent_encode;
use rand::RngExt;
use ring::digest;

use super::operators::{COMPARE, TEXT, compare, equal, text_of};
use super::scope::SELF;
use super::{ENCODED, TemplateScope};
use crate::units::{Uuid, hexadecimal};

/// Adds the functions.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("rand", rand);
    environment.add_function("uuid", uuid);
    environment.add_function("pick", pick);
    environment.add_function("hex", hex);
    environment.add_function("base64", base64);
    environment.add_function("sha256", sha256);
    environment.add_function("hmac", hmac);
    environment.add_function("urlencode", |text: &str| {
        percent_encode(text.as_bytes(), ENCODED).to_string()
    });
    environment.add_function("lower", str::to_lowercase);
    environment.add_function(COMPARE, |left: &Value, sign: &str, right: &Value| {
        compare(left, sign, right)
    });
    environment.add_function(TEXT, text);
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
fn text(value: &Value) -> Result<String, Error> {
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
fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// `sha256('text')`: the digest of the text's bytes (FIPS 180-4), in hexadecimal digits.
fn sha256(text: &str) -> String {
    hexadecimal(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// `hmac('key', 'text')`: HMAC-SHA-256 (RFC 2104), in hexadecimal digits.
fn hmac(key: &str, text: &str) -> String {
    hexadecimal(signature(key, text).as_ref())
}

pub(super) fn signature(key: &str, text: &str) -> ring::hmac::Tag {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    ring::hmac::sign(&key, text.as_bytes())
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
