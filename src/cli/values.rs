//! Readers of values on the command line.

use http::Method;

use crate::plan::Shard;
use crate::units::{Nanos, Rate, Ratio, WorkRate};

/// A time above zero: as in the files, a run of no time is a mistake.
pub(super) fn above_zero(text: &str) -> Result<Nanos, String> {
    match text.parse::<Nanos>() {
        Ok(time) if time.is_zero() => Err("must be above zero".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// A rate above zero: nothing would be sent.
pub(super) fn rate_above_zero(text: &str) -> Result<WorkRate, String> {
    match text.parse::<WorkRate>() {
        Ok(rate) if rate.rate == Rate::ZERO => Err("must be above zero".to_owned()),
        Ok(rate) => Ok(rate),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn token_ttl(text: &str) -> Result<(String, Nanos), String> {
    let (token, time) = key_value(text).map_err(|_| "expected TOKEN=TIME".to_owned())?;
    let time = time.parse::<Nanos>().map_err(|error| error.to_string())?;
    Ok((token, time))
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

pub(super) fn planned_mark(text: &str) -> Result<(String, Nanos), String> {
    let parts = text.rsplit_once('@').filter(|(name, _)| !name.trim().is_empty());
    let (name, at) = parts.ok_or("expected TEXT@TIME, for example \"cache flushed@30s\"")?;
    let at = at.trim().parse::<Nanos>().map_err(|error| error.to_string())?;
    Ok((name.trim().to_owned(), at))
}

pub(super) fn tier_count(text: &str) -> Result<(String, u32), String> {
    let (tier, count) = key_value(text).map_err(|_| "expected TIER=N".to_owned())?;
    match count.parse() {
        Ok(count @ 1..) => Ok((tier, count)),
        _ => Err("expected a whole number of at least 1".to_owned()),
    }
}

pub(super) fn tier_share(text: &str) -> Result<(String, Ratio), String> {
    let (tier, share) = key_value(text).map_err(|_| "expected TIER=SHARE".to_owned())?;
    match share.parse::<Ratio>() {
        Ok(longer) if longer.get() >= 0.0 => Ok((tier, longer)),
        _ => Err("expected how much longer, such as `10%`".to_owned()),
    }
}

/// A name of an object in a cluster (RFC 1123), short enough for what is put behind it.
pub(super) fn dns_label(text: &str) -> Result<String, String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty()
        || text.len() > 50
        || !text.chars().all(is_inner)
        || text.starts_with('-')
        || text.ends_with('-')
    {
        return Err("expected at most 50 lower-case letters, digits and inner hyphens".to_owned());
    }
    Ok(text.to_owned())
}

/// `name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected NAME: VALUE".to_owned()),
    }
}

/// A method as it is sent.
pub(super) fn method(text: &str) -> Result<Method, String> {
    match text.parse() {
        Ok(Method::CONNECT) => Err("CONNECT asks a proxy for a tunnel".to_owned()),
        Ok(method) => Ok(method),
        Err(_) => Err("a method is a word such as GET or PROPFIND".to_owned()),
    }
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(index, count)| {
        Some((index.trim().parse::<u32>().ok()?, count.trim().parse::<u32>().ok()?))
    });
    match parts {
        Some((index, count)) if (1..=count).contains(&index) => {
            Ok(Shard { index: index - 1, count })
        }
        _ => Err("expected I/N with I from 1 to N, for example 2/3".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_send_nothing_is_refused() {
        for text in ["0 req/s", "0.0 iter/min"] {
            assert_eq!(rate_above_zero(text), Err("must be above zero".to_owned()), "{text}");
        }
        assert!(rate_above_zero("0.5 req/s").is_ok());
        assert_eq!(above_zero("0s"), Err("must be above zero".to_owned()));
    }
}
