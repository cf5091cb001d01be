//! Distributions as text: variable-length deltas in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use plimsoll_units::Nanos;

use super::values::SparseValues;

/// Variable-length deltas: clamped, sum, min, max, then (value delta, count) pairs; base64.
pub(super) fn encode(values: &SparseValues) -> String {
    let mut bytes = Vec::with_capacity(16 + values.buckets.len() * 4);
    put_varint(&mut bytes, u128::from(values.clamped));
    put_varint(&mut bytes, values.sum_ns);
    put_varint(&mut bytes, u128::from(values.min.get()));
    put_varint(&mut bytes, u128::from(values.max.get()));
    let mut previous = 0;
    for &(value, count) in &values.buckets {
        put_varint(&mut bytes, u128::from(value - previous));
        put_varint(&mut bytes, u128::from(count));
        previous = value;
    }
    STANDARD_NO_PAD.encode(bytes)
}

/// What [`encode`] was given; `None` of any other text. Buckets ascend.
pub(super) fn decode(text: &str) -> Option<SparseValues> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    let mut rest = bytes.as_slice();
    let clamped = u64::try_from(take_varint(&mut rest)?).ok()?;
    let sum_ns = take_varint(&mut rest)?;
    let min = Nanos::new(u64::try_from(take_varint(&mut rest)?).ok()?);
    let max = Nanos::new(u64::try_from(take_varint(&mut rest)?).ok()?);
    let mut buckets = Vec::new();
    let (mut value, mut all) = (0_u64, 0_u64);
    while !rest.is_empty() {
        let step = u64::try_from(take_varint(&mut rest)?).ok()?;
        if step == 0 && !buckets.is_empty() {
            return None;
        }
        value = value.checked_add(step)?;
        let count = u64::try_from(take_varint(&mut rest)?).ok()?;
        all = all.checked_add(count).filter(|&all| all <= COUNT_MAX)?;
        buckets.push((value, count));
    }
    Some(SparseValues { buckets, sum_ns, min, max, clamped })
}

/// No distribution of a second holds more values.
const COUNT_MAX: u64 = 1 << 56;

/// LEB128: seven bits a byte, least first.
fn put_varint(bytes: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0;
    for shift in (0..126).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u128::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
