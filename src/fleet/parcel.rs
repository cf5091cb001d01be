//! Deflated pieces of run logs and coarse seconds.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use plimsoll_units::hexadecimal;

/// No piece is longer once it is unpacked.
const UNPACKED_MAX: u64 = 64 << 20;

/// A piece that is none.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// It is no deflated piece.
    #[error("not a deflated piece: {0}")]
    Broken(#[source] std::io::Error),
    /// It would fill the memory.
    #[error("a piece of more than {} MiB", UNPACKED_MAX >> 20)]
    TooLong,
}

/// Deflates bytes (zlib, RFC 1950).
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// The bytes of a deflated piece.
///
/// # Errors
/// Where it is none, or too long.
pub fn unpack(piece: &[u8]) -> Result<Vec<u8>, ParcelError> {
    let mut bytes = Vec::new();
    let mut decoder = ZlibDecoder::new(piece).take(UNPACKED_MAX + 1);
    decoder.read_to_end(&mut bytes).map_err(ParcelError::Broken)?;
    if bytes.len() as u64 > UNPACKED_MAX { Err(ParcelError::TooLong) } else { Ok(bytes) }
}

/// SHA-256 of bytes (FIPS 180-4), in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piece_comes_out_as_it_went_in_and_a_bomb_is_refused() {
        let text = "interval ".repeat(10_000);
        let packed = pack(text.as_bytes());
        assert!(packed.len() < text.len() / 50);
        assert_eq!(unpack(&packed).expect("a piece"), text.as_bytes());
        assert!(matches!(unpack(b"no piece"), Err(ParcelError::Broken(_))));
        let bomb = pack(&vec![0; UNPACKED_MAX as usize + 2]);
        assert!(matches!(unpack(&bomb), Err(ParcelError::TooLong)));
    }

    #[test]
    fn digest_is_that_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), abc);
    }
}
