//! The Huffman code of header strings (RFC 7541, appendix B).
//!
//! The code is canonical, so its lengths say it all: codes of one length follow each other in the order of
//! their symbols. A table made at compile time takes four bits at a time; since the shortest code has five
//! bits, a step brings at most one symbol.

use super::error::CompressionError;

/// Bits of the code of each byte, and of the end of string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const END_OF_STRING: usize = 256;

/// Inner nodes of the tree; a tree with 257 leaves has 256.
const NODES: usize = 256;

/// One step: where it leads and what it brings.
#[derive(Clone, Copy)]
struct DecodeStep {
    to: u16,
    symbol: u8,
    kind: NodeKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NodeKind {
    /// On the way to a symbol.
    Inside,
    /// A symbol is complete.
    Symbol,
    /// The end of string, which must not stand inside one.
    Forbidden,
}

/// From each node by each four bits.
static STEPS: [[DecodeStep; 16]; NODES] = steps(&tree());

/// Nodes where a string may end: fewer than eight bits of the end-of-string code, which is all ones.
static MAY_END: [bool; NODES] = may_end(&tree());

/// A child is a node below [`LEAF`], else a symbol above it.
type Tree = [[u16; 2]; NODES];
const LEAF: u16 = 0x1000;

const fn tree() -> Tree {
    let mut tree = [[0; 2]; NODES];
    let (mut used, mut code, mut length) = (1, 0_u32, 1);
    while length <= 30 {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] == length {
                used = add(&mut tree, used, code, length, symbol as u16);
                code += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        length += 1;
    }
    tree
}

/// Adds one code to the tree; returns how many nodes are used then.
const fn add(tree: &mut Tree, used: u16, code: u32, length: u8, symbol: u16) -> u16 {
    let (mut used, mut node, mut left) = (used, 0, length);
    while left > 1 {
        left -= 1;
        let bit = (code >> left & 1) as usize;
        if tree[node][bit] == 0 {
            tree[node][bit] = used;
            used += 1;
        }
        node = tree[node][bit] as usize;
    }
    tree[node][(code & 1) as usize] = LEAF + symbol;
    used
}

const fn steps(tree: &Tree) -> [[DecodeStep; 16]; NODES] {
    let mut steps = [[DecodeStep { to: 0, symbol: 0, kind: NodeKind::Inside }; 16]; NODES];
    let mut node = 0;
    while node < NODES {
        let mut bits = 0;
        while bits < 16 {
            steps[node][bits] = step(tree, node, bits);
            bits += 1;
        }
        node += 1;
    }
    steps
}

const fn step(tree: &Tree, from: usize, bits: usize) -> DecodeStep {
    let mut step = DecodeStep { to: 0, symbol: 0, kind: NodeKind::Inside };
    let (mut node, mut left) = (from, 4);
    while left > 0 {
        left -= 1;
        let child = tree[node][bits >> left & 1];
        if child < LEAF {
            node = child as usize;
            continue;
        }
        let symbol = (child - LEAF) as usize;
        if symbol == END_OF_STRING {
            step.kind = NodeKind::Forbidden;
            return step;
        }
        step.symbol = symbol as u8;
        step.kind = NodeKind::Symbol;
        node = 0;
    }
    step.to = node as u16;
    step
}

const fn may_end(tree: &Tree) -> [bool; NODES] {
    let mut may_end = [false; NODES];
    let (mut node, mut bits) = (0, 0);
    while bits < 8 {
        may_end[node] = true;
        node = tree[node][1] as usize;
        bits += 1;
    }
    may_end
}

/// Appends the text that `bytes` stand for to `out`.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let mut node = 0_u16;
    for &byte in bytes {
        for bits in [byte >> 4, byte & 15] {
            let step = STEPS[node as usize][bits as usize];
            match step.kind {
                NodeKind::Inside => {}
                NodeKind::Symbol => out.push(step.symbol),
                NodeKind::Forbidden => {
                    return Err(CompressionError(
                        "a Huffman string contains its end-of-string symbol",
                    ));
                }
            }
            node = step.to;
        }
    }
    if MAY_END[node as usize] {
        Ok(())
    } else {
        Err(CompressionError("a Huffman string ends within a symbol"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, CompressionError> {
        let mut out = Vec::new();
        decode(bytes, &mut out)?;
        Ok(String::from_utf8(out).expect("ASCII"))
    }

    /// The examples of RFC 7541, appendices C.4 and C.6.
    #[test]
    fn examples_of_the_standard_are_read() {
        let host = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(text(&host), Ok("www.example.com".to_owned()));
        assert_eq!(text(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), Ok("no-cache".to_owned()));
        assert_eq!(text(&[0x64, 0x02]), Ok("302".to_owned()));
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b,
            0x81, 0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff,
        ];
        assert_eq!(text(&date), Ok("Mon, 21 Oct 2013 20:13:21 GMT".to_owned()));
    }

    #[test]
    fn padding_must_be_short_and_all_ones() {
        assert!(
            text(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf, 0xff]).is_err(),
            "eight bits of padding"
        );
        assert!(text(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbe]).is_err(), "padding with a zero");
        assert!(text(&[0xff, 0xff, 0xff, 0xff]).is_err(), "the end of string itself");
        assert_eq!(text(&[]), Ok(String::new()));
    }

    /// Goal: every byte has its code. Method: encode by the lengths alone, bit by bit.
    #[test]
    fn every_byte_is_read_back() {
        let (mut codes, mut code) = ([0_u32; 257], 0_u32);
        for length in 1..=30 {
            for symbol in (0..257).filter(|symbol| LENGTHS[*symbol] == length) {
                codes[symbol] = code;
                code += 1;
            }
            code <<= 1;
        }
        assert_eq!(codes[END_OF_STRING], 0x3fff_ffff);
        for byte in 0..=255_u8 {
            let (length, code) = (LENGTHS[byte as usize], codes[byte as usize]);
            let filled = u64::from(code) << (64 - length) | (u64::MAX >> length);
            let bytes = filled.to_be_bytes();
            let mut out = Vec::new();
            decode(&bytes[..length.div_ceil(8) as usize], &mut out).expect("valid");
            assert_eq!(out, [byte]);
        }
    }
}
