//! Bytes in hexadecimal digits.

use std::fmt::Write as _;

/// Bytes in hexadecimal digits, in lower case: two a byte (RFC 4648 §8, but for the case).
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Cannot fail: a `String` takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_two_digits() {
        assert_eq!(hexadecimal(&[0, 10, 255]), "000aff");
    }
}
