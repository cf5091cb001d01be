//! `jwt(claims, key)`: JSON Web Tokens (RFC 7519).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::functions::{signature, text};
use crate::value::write_json;

/// So many keys are kept parsed by each worker.
const KEYS_KEPT: usize = 64;

thread_local! {
    /// RSA keys by their texts: reading one takes as long as many signatures of HS256.
    static KEYS: RefCell<HashMap<String, Rc<RsaKeyPair>>> = RefCell::default();
}

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("jwt", |claims: &Value, key: &Value, kwargs: Kwargs| {
        jwt(claims, &text(key)?, &kwargs)
    });
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("jwt: {message}"))
}

/// `jwt({'sub': users.id}, 'key')`: a token with these claims, signed by HS256; by RS256 where the key is a private key in
/// PEM. `kid` says which key that is.
fn jwt(claims: &Value, key: &str, kwargs: &Kwargs) -> Result<String, Error> {
    let kid: Option<&str> = kwargs.get("kid")?;
    let wanted: Option<&str> = kwargs.get("alg")?;
    kwargs.assert_all_used()?;
    if claims.kind() != ValueKind::Map {
        return Err(invalid("the claims are a mapping like {'sub': users.id}"));
    }
    let is_pem = key.trim_start().starts_with("-----BEGIN");
    let alg = match (wanted, is_pem) {
        (None | Some("RS256"), true) => "RS256",
        (None | Some("HS256"), false) => "HS256",
        (Some("RS256"), false) => return Err(invalid("RS256 needs a private key in PEM")),
        (Some(_), _) => return Err(invalid("`alg` is HS256, or RS256 with a private key in PEM")),
    };
    let kid =
        kid.map_or_else(String::new, |kid| format!(",\"kid\":{}", serde_json::Value::from(kid)));
    let head = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"{kid}}}"#));
    let mut payload = vec![];
    write_json(claims, &mut payload);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = if is_pem {
        URL_SAFE_NO_PAD.encode(rs256(key_pair(key)?.as_ref(), signed.as_bytes())?)
    } else {
        URL_SAFE_NO_PAD.encode(signature(key, &signed).as_ref())
    };
    Ok(format!("{signed}.{signature}"))
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, §3.3).
fn rs256(key: &RsaKeyPair, text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
        .map_err(|_| invalid("the key cannot sign"))?;
    Ok(signature)
}

/// The key of a text in PEM.
fn key_pair(pem: &str) -> Result<Rc<RsaKeyPair>, Error> {
    KEYS.with_borrow_mut(|keys| {
        if let Some(known) = keys.get(pem) {
            return Ok(known.clone());
        }
        let key = Rc::new(parsed(pem)?);
        if keys.len() >= KEYS_KEPT {
            keys.clear();
        }
        keys.insert(pem.to_owned(), key.clone());
        Ok(key)
    })
}

/// PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017), in PEM (RFC 7468).
fn parsed(pem: &str) -> Result<RsaKeyPair, Error> {
    let unfit = || invalid("the key is no RSA private key in PEM of at least 2048 bits");
    let label = pem.split("-----BEGIN ").nth(1).and_then(|rest| rest.split("-----").next());
    let label = label.ok_or_else(unfit)?;
    let inside = pem.split("-----").nth(2).ok_or_else(unfit)?;
    let text: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(text).map_err(|_| unfit())?;
    match label {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
        _ => return Err(unfit()),
    }
    .map_err(|_| unfit())
}
