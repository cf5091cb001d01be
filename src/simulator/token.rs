//! Tokens that cannot be guessed and that expire: JWTs signed with HMAC-SHA256.
//!
//! Signed rather than remembered, so that a million logins cost no memory.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use ring::hmac;
use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, RandomStream, RunTime, Seed};

/// What a token says; times are seconds since 1970, as everywhere in JWTs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Which kind of token it is.
    aud: String,
    iat: u64,
    exp: u64,
    /// Expiry in the simulator's own time, to the nanosecond: `exp` is too coarse for tokens of seconds.
    until_ns: u64,
}

/// Why a token does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    /// It is not one of ours, or of another kind.
    Invalid,
    /// It was one of ours.
    Expired,
}

/// Makes tokens and checks them.
#[derive(Debug)]
pub(super) struct Signer {
    key: hmac::Key,
    /// The head of every token with its dot.
    head: String,
    /// When serving began, in seconds since 1970.
    epoch: u64,
}

impl Signer {
    /// A signer whose key follows from `seed`; `epoch` is when serving began, in seconds since 1970.
    pub(super) fn new(seed: Seed, epoch: u64) -> Self {
        let mut chance = seed.stream(RandomStream::Simulator, 1_001);
        let secret: [u8; 32] = chance.random();
        let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#) + ".";
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), head, epoch }
    }

    /// A token for `subject`, of the kind `audience`, good for `ttl` from `now`.
    pub(super) fn issue(&self, subject: &str, audience: &str, now: RunTime, ttl: Nanos) -> String {
        let until = now + ttl;
        let seconds = |at: RunTime| self.epoch + at.get() / 1_000_000_000;
        let claims = Claims {
            sub: subject.to_owned(),
            aud: audience.to_owned(),
            iat: seconds(now),
            exp: seconds(until),
            until_ns: until.get(),
        };
        // Claims are plain strings and numbers; they always serialize.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}{}", self.head, URL_SAFE_NO_PAD.encode(claims));
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// The subject of a token that is good at `now`.
    pub(super) fn check(
        &self,
        token: &str,
        audience: &str,
        now: RunTime,
    ) -> Result<String, TokenError> {
        let (signed, tag) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let claims = signed.strip_prefix(&self.head).ok_or(TokenError::Invalid)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| TokenError::Invalid)?;
        hmac::verify(&self.key, signed.as_bytes(), &tag).map_err(|_| TokenError::Invalid)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
        if claims.aud != audience {
            return Err(TokenError::Invalid);
        }
        if now.get() >= claims.until_ns {
            return Err(TokenError::Expired);
        }
        Ok(claims.sub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Nanos = Nanos::from_secs(90);

    fn at(s: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs(s)
    }

    #[test]
    fn token_opens_until_it_expires() {
        let signer = Signer::new(Seed::new(1), 1_700_000_000);
        let token = signer.issue("ana@example.com", "session", at(10), TTL);
        assert_eq!(signer.check(&token, "session", at(99)), Ok("ana@example.com".to_owned()));
        assert_eq!(signer.check(&token, "session", at(100)), Err(TokenError::Expired));
        assert_eq!(signer.check(&token, "playback", at(11)), Err(TokenError::Invalid));
    }

    #[test]
    fn clients_can_read_the_expiry() {
        let token = Signer::new(Seed::new(1), 1_700_000_000).issue("a", "session", at(10), TTL);
        let claims = token.split('.').nth(1).expect("three parts");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims["exp"], 1_700_000_100);
    }

    #[test]
    fn forged_tokens_open_nothing() {
        let signer = Signer::new(Seed::new(1), 0);
        let other = Signer::new(Seed::new(2), 0).issue("ana", "session", at(0), TTL);
        let mut bent = signer.issue("ana", "session", at(0), TTL);
        bent.replace_range(45..46, if &bent[45..46] == "A" { "B" } else { "A" });
        for token in [other.as_str(), bent.as_str(), "", "a.b.c", "..", "x"] {
            assert_eq!(signer.check(token, "session", at(1)), Err(TokenError::Invalid), "{token}");
        }
    }
}
