//! Inputs that nobody would write: known ones, changed a little or much.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// No input grows beyond this.
const LONGEST: usize = 64 << 10;

/// Makes inputs out of known ones; the same seed makes the same.
pub(crate) struct Mutator<'c> {
    corpus: &'c [Vec<u8>],
    /// Pieces that mean something to the parser.
    words: &'c [&'c str],
}

/// Numbers at which arithmetic goes wrong, and texts at which decoding does.
const AWKWARD: [&str; 20] = [
    "0",
    "-1",
    "1e308",
    "-0.0",
    "NaN",
    "18446744073709551615",
    "9223372036854775808",
    "4294967296",
    "0.1e-400",
    "1e19",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[31m",
    "\\u0000",
    "\\ud800",
    "\r\n",
    "\t",
    "é",
    "𝄞",
];

impl<'c> Mutator<'c> {
    pub(crate) const fn new(corpus: &'c [Vec<u8>], words: &'c [&'c str]) -> Self {
        Self { corpus, words }
    }

    /// The input of `seed`.
    pub(crate) fn input(&self, seed: u64) -> Vec<u8> {
        let mut chance = Pcg64Mcg::seed_from_u64(seed);
        let mut input = self.corpus[chance.random_range(0..self.corpus.len())].clone();
        for _ in 0..chance.random_range(1..=6) {
            self.change(&mut input, &mut chance);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>, chance: &mut Pcg64Mcg) {
        let at = chance.random_range(0..=input.len());
        let until = (at + chance.random_range(0..=24)).min(input.len());
        match chance.random_range(0..9) {
            0 if at < input.len() => input[at] = chance.random(),
            1 => drop(input.drain(at..until)),
            2 => self.insert(input, at, chance),
            3 => {
                input.drain(at..until);
                self.insert(input, at, chance);
            }
            4 => input.truncate(at),
            5 => repeat(input, at..until, chance),
            6 => number(input, at, chance),
            7 => {
                let other = &self.corpus[chance.random_range(0..self.corpus.len())];
                let from = chance.random_range(0..=other.len());
                let to = (from + chance.random_range(0..=400)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => line_moves(input, at, chance),
        }
    }

    fn insert(&self, input: &mut Vec<u8>, at: usize, chance: &mut Pcg64Mcg) {
        let all = self.words.len() + AWKWARD.len();
        let word = chance.random_range(0..all);
        let word = self.words.get(word).unwrap_or(&AWKWARD[word % AWKWARD.len()]);
        input.splice(at..at, word.bytes());
    }
}

/// Says the same again and again, mostly a few times, now and then very often.
fn repeat(input: &mut Vec<u8>, range: std::ops::Range<usize>, chance: &mut Pcg64Mcg) {
    let piece = input[range.clone()].to_vec();
    let times = if chance.random_range(0..8) == 0 { 3_000 } else { chance.random_range(1..40) };
    let most = (LONGEST / piece.len().max(1)).min(times);
    input.splice(range, piece.repeat(most));
}

/// Puts an awkward number in the place of one.
fn number(input: &mut Vec<u8>, at: usize, chance: &mut Pcg64Mcg) {
    let digits = |byte: &u8| byte.is_ascii_digit();
    let Some(from) = input[at..].iter().position(digits).map(|offset| at + offset) else { return };
    let to = from + input[from..].iter().take_while(|byte| digits(byte)).count();
    input.splice(from..to, AWKWARD[chance.random_range(0..10)].bytes());
}

/// Takes one line to another place.
fn line_moves(input: &mut Vec<u8>, at: usize, chance: &mut Pcg64Mcg) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|&byte| byte == b'\n').collect();
    if lines.len() < 2 {
        return;
    }
    let line = lines.remove(at % lines.len());
    lines.insert(chance.random_range(0..=lines.len()), line);
    *input = lines.concat();
}
