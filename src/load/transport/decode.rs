//! Decompresses bodies that are looked into, within a bound.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use plimsoll_metrics::ErrorClass;
use plimsoll_units::Bytes;

use super::TransportError;
use super::budget::POLL_BUDGET;
use super::memory::{BoundedBuffer, MemoryBudget};

/// The codings that `accept-encoding` asks for.
pub(super) const ACCEPT_ENCODING: &str = "gzip, br, deflate";

/// The body after undoing `encoding`, the value of `content-encoding`; none where nothing is encoded. What it becomes
/// takes its memory from `budget`.
pub(super) async fn decode(
    body: &[u8],
    encoding: &str,
    budget: MemoryBudget,
    limit: Bytes,
) -> Result<Option<BoundedBuffer>, TransportError> {
    let mut decoded: Option<BoundedBuffer> = None;
    // Codings are listed in the order in which they were applied (RFC 9110 §8.4).
    for coding in encoding.split(',').rev().map(|part| part.trim().to_ascii_lowercase()) {
        let bytes = decoded.as_ref().map_or(body, BoundedBuffer::bytes);
        let room = || budget.buffer(limit.get());
        decoded = Some(match coding.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(bytes), room()).await?,
            "br" => read(brotli_decompressor::Decompressor::new(bytes, 4_096), room()).await?,
            // RFC 9110 says zlib, but some servers send raw deflate.
            "deflate" => match read(ZlibDecoder::new(bytes), room()).await {
                Ok(decoded) => decoded,
                Err(error) if error.class == ErrorClass::BodyTooLarge => return Err(error),
                Err(_) => read(DeflateDecoder::new(bytes), room()).await?,
            },
            "identity" | "" => continue,
            other => {
                return Err(protocol(format!("unknown `content-encoding: {other}`")));
            }
        });
    }
    Ok(decoded)
}

/// What is decompressed at a time.
const HELPING: usize = 16 * 1024;

/// Decompresses in helpings, so that a large body does not hold up all other users.
async fn read(
    mut reader: impl Read,
    mut decoded: BoundedBuffer,
) -> Result<BoundedBuffer, TransportError> {
    let (mut helping, mut since_others) = (vec![0; HELPING], 0);
    loop {
        let count = reader
            .read(&mut helping)
            .map_err(|error| protocol(format!("the body cannot be decompressed: {error}")))?;
        if count == 0 {
            return Ok(decoded);
        }
        decoded.extend(&helping[..count], "the decompressed body")?;
        since_others += count as u64;
        if since_others >= POLL_BUDGET {
            since_others = 0;
            tokio::task::yield_now().await;
        }
    }
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

    /// Decodes at once.
    fn decode(body: &[u8], encoding: &str, limit: Bytes) -> Result<Vec<u8>, TransportError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let decoded = super::decode(body, encoding, MemoryBudget::default(), limit);
        let decoded = runtime.block_on(decoded)?;
        Ok(decoded.map_or(body.to_vec(), |decoded| decoded.bytes().to_vec()))
    }

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
        assert_eq!(decode(&compressed("gzip", b"hello"), "gzip", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(&compressed("zlib", b"hello"), "deflate", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(&compressed("raw", b"hello"), "deflate", limit), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"hello", "identity", limit), Ok(b"hello".to_vec()));
        let twice = compressed("gzip", &compressed("zlib", b"hello"));
        assert_eq!(decode(&twice, "deflate, gzip", limit), Ok(b"hello".to_vec()));
    }

    #[test]
    fn large_body_comes_out_whole() {
        let text: Vec<u8> = (0..2_000_000_u32).map(|n| (n / 7) as u8).collect();
        let limit = Bytes::new(2_000_000);
        assert!(decode(&compressed("gzip", &text), "gzip,", limit) == Ok(text.clone()));
        let error = decode(&compressed("zlib", &text), "deflate", Bytes::new(1_999_999));
        assert_eq!(error.expect_err("too large").class, ErrorClass::BodyTooLarge);
    }

    #[test]
    fn bomb_is_refused() {
        let bomb = compressed("gzip", &vec![0; 1_000_000]);
        let error = decode(&bomb, "gzip", Bytes::new(1_000)).expect_err("too large");
        assert_eq!(error.class, ErrorClass::BodyTooLarge);
    }

    #[test]
    fn garbage_is_a_protocol_error() {
        let error = decode(b"not gzip", "gzip", Bytes::new(99)).expect_err("broken");
        assert_eq!(error.class, ErrorClass::Protocol);
    }
}
