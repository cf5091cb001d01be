//! Random identifiers as RFC 9562 writes them.

use std::fmt;

/// A UUID, version 4: 122 random bits, the rest says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(u128);

impl Uuid {
    /// The UUID of these random bits; six of them give way to version and variant (RFC 9562, section 5.4).
    pub const fn of_random(bits: u128) -> Self {
        const VERSION: u32 = 76;
        const VARIANT: u32 = 62;
        let rest = bits & !(0xF << VERSION) & !(0x3 << VARIANT);
        Self(rest | (0x4 << VERSION) | (0x2 << VARIANT))
    }
}

/// `f81d4fae-7dec-41d0-a765-00a0c91e6bf6`.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| (self.0 >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bits_become_a_version_4_uuid() {
        let text = |bits| Uuid::of_random(bits).to_string();
        assert_eq!(text(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(text(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let drawn = 0xf81d_4fae_7dec_11d0_a765_00a0_c91e_6bf6;
        assert_eq!(text(drawn), "f81d4fae-7dec-41d0-a765-00a0c91e6bf6");
    }
}
