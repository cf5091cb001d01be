//! Decompresses bodies that are looked into, within a bound.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::metrics::ErrorClass;
use crate::units::Bytes;

use super::TransportError;

/// The codings that `accept-encoding` asks for.
pub(super) const ACCEPT_ENCODING: &str = "gzip, br, deflate";

/// The body after undoing `encoding`, the value of `content-encoding`.
pub(super) fn decode(
    body: Vec<u8>,
    encoding: &str,
    limit: Bytes,
) -> Result<Vec<u8>, TransportError> {
    let mut decoded = body;
    // Codings are listed in the order in which they were applied (RFC 9110 §8.4).
    for coding in encoding.split(',').rev().map(|part| part.trim().to_ascii_lowercase()) {
        let bytes = decoded.as_slice();
        decoded = match coding.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(bytes), limit)?,
            "br" => read(brotli_decompressor::Decompressor::new(bytes, 4_096), limit)?,
            // RFC 9110 says zlib, but some servers send raw deflate.
            "deflate" => match read(ZlibDecoder::new(bytes), limit) {
                Ok(decoded) => decoded,
                Err(error) if error.class == ErrorClass::BodyTooLarge => return Err(error),
                Err(_) => read(DeflateDecoder::new(bytes), limit)?,
            },
            "identity" | "" => decoded,
            other => {
                return Err(protocol(format!("unknown `content-encoding: {other}`")));
            }
        };
    }
    Ok(decoded)
}

fn read(reader: impl Read, limit: Bytes) -> Result<Vec<u8>, TransportError> {
    let mut decoded = Vec::new();
    reader
        .take(limit.get() + 1)
        .read_to_end(&mut decoded)
        .map_err(|error| protocol(format!("the body cannot be decompressed: {error}")))?;
    if decoded.len() as u64 > limit.get() {
        let message = format!("the decompressed body is larger than `max_body: {limit}`");
        return Err(TransportError::new(ErrorClass::BodyTooLarge, message));
    }
    Ok(decoded)
}

fn protocol(message: String) -> TransportError {
    TransportError::new(ErrorClass::Protocol, message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn compressed(coding: &str, text: &[u8]) -> Vec<u8> {
        let level = Compression::fast();
        match coding {
            "gzip" => {
                let mut encoder = GzEncoder::new(vec![], level);
                encoder.write_all(text).and_then(|()| encoder.finish()).expect("compresses")
            }
            "zlib" => {
                let mut encoder = ZlibEncoder::new(vec![], level);
                encoder.write_all(text).and_then(|()| encoder.finish()).expect("compresses")
            }
            _ => {
                let mut encoder = DeflateEncoder::new(vec![], level);
                encoder.write_all(text).and_then(|()| encoder.finish()).expect("compresses")
            }
        }
    }

    #[test]
    fn every_coding_is_undone() {
        let limit = Bytes::new(100);
        assert_eq!(decode(compressed("gzip", b"hello"), "gzip", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(compressed("zlib", b"hello"), "deflate", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(compressed("raw", b"hello"), "deflate", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"hello".to_vec(), "identity", limit), Ok(b"hello".to_vec()));
        let twice = compressed("gzip", &compressed("zlib", b"hello"));
        assert_eq!(decode(twice, "deflate, gzip", limit), Ok(b"hello".to_vec()));
    }

    #[test]
    fn bomb_is_refused() {
        let bomb = compressed("gzip", &vec![0; 1_000_000]);
        let error = decode(bomb, "gzip", Bytes::new(1_000)).expect_err("too large");
        assert_eq!(error.class, ErrorClass::BodyTooLarge);
    }

    #[test]
    fn garbage_is_a_protocol_error() {
        let error = decode(b"not gzip".to_vec(), "gzip", Bytes::new(99)).expect_err("broken");
        assert_eq!(error.class, ErrorClass::Protocol);
    }
}
