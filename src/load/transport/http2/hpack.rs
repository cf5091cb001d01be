//! Header compression (RFC 7541): reads whatever a server sends; writes what a browser would.
//!
//! A field that comes again costs one byte: the first time it is sent it goes into the table. Paths, lengths,
//! secrets and values that change do not, as nghttp2 has it.

mod error;
mod huffman;
mod table;

pub(super) use error::CompressionError;
use table::{DynamicTable, STATIC};

/// What tables may hold unless the peer says otherwise (RFC 9113 §6.5.2).
const DEFAULT_CAPACITY: usize = 4_096;

/// Reads header blocks, all of a connection in order.
#[derive(Debug)]
pub(super) struct Decoder {
    table: DynamicTable,
    /// The longest string that is read.
    max_string: usize,
    /// The name and value being read.
    text: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_strings_of(64 * 1024)
    }
}

impl Decoder {
    /// A decoder that reads strings of at most so many bytes.
    pub(super) fn with_strings_of(max_string: usize) -> Self {
        Self { table: DynamicTable::new(DEFAULT_CAPACITY), max_string, text: Vec::new() }
    }

    /// Calls `each` with every field of a whole header block.
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), CompressionError> {
        let mut rest = block;
        let mut fields = 0;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => {
                    let index = take_number(&mut rest, 7)?;
                    let field = self.table.get(index).ok_or(NO_ENTRY)?;
                    each(field.0, field.1);
                }
                0x40.. => {
                    let name = self.literal(&mut rest, 6)?;
                    let (name, value) = self.text.split_at(name);
                    each(name, value);
                    self.table.insert(name, value);
                }
                0x20.. => {
                    let capacity = take_number(&mut rest, 5)?;
                    if fields > 0 || capacity > DEFAULT_CAPACITY {
                        return Err(CompressionError("a table size update is out of place"));
                    }
                    self.table.resize(capacity);
                    continue;
                }
                _ => {
                    let name = self.literal(&mut rest, 4)?;
                    let (name, value) = self.text.split_at(name);
                    each(name, value);
                }
            }
            fields += 1;
        }
        Ok(())
    }

    /// Reads a name, by index or as it is, and a value into `text`; returns where the value begins.
    fn literal(&mut self, rest: &mut &[u8], prefix: u32) -> Result<usize, CompressionError> {
        self.text.clear();
        match take_number(rest, prefix)? {
            0 => take_string(rest, self.max_string, &mut self.text)?,
            index => {
                let (name, _) = self.table.get(index).ok_or(NO_ENTRY)?;
                self.text.extend_from_slice(name);
            }
        }
        let value = self.text.len();
        take_string(rest, self.max_string, &mut self.text)?;
        Ok(value)
    }
}

const NO_ENTRY: CompressionError = CompressionError("no entry of the table has this index");
const CUT_OFF: CompressionError = CompressionError("the header block is truncated");

/// A number whose first byte leaves `prefix` bits for it (RFC 7541 §5.1).
fn take_number(rest: &mut &[u8], prefix: u32) -> Result<usize, CompressionError> {
    let (&first, mut bytes) = rest.split_first().ok_or(CUT_OFF)?;
    let full = (1_usize << prefix) - 1;
    let mut number = first as usize & full;
    if number == full {
        let mut shift = 0;
        loop {
            let (&byte, others) = bytes.split_first().ok_or(CUT_OFF)?;
            bytes = others;
            number += (byte as usize & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 21 {
                return Err(CompressionError("a number is too large"));
            }
        }
    }
    *rest = bytes;
    Ok(number)
}

fn take_string(rest: &mut &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let is_huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = take_number(rest, 7)?;
    if length > max {
        return Err(CompressionError("a string is too long"));
    }
    let (text, others) = rest.split_at_checked(length).ok_or(CUT_OFF)?;
    *rest = others;
    if is_huffman {
        return huffman::decode(text, out);
    }
    out.extend_from_slice(text);
    Ok(())
}

/// The four pseudo-headers of a request (RFC 9113 §8.3.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct PseudoHeaders<'a> {
    pub(super) method: &'a str,
    pub(super) is_tls: bool,
    pub(super) path: &'a str,
    pub(super) authority: &'a str,
}

/// How a literal field begins: its pattern, and the bits that are left for the index of its name (RFC 7541 §6.2).
#[derive(Clone, Copy)]
struct LiteralForm {
    pattern: u8,
    prefix: u32,
}

/// It goes into the table.
const INDEXED: LiteralForm = LiteralForm { pattern: 0x40, prefix: 6 };
/// It does not.
const NOT_INDEXED: LiteralForm = LiteralForm { pattern: 0x00, prefix: 4 };
/// Nor does anybody else put it into one.
const NEVER_INDEXED: LiteralForm = LiteralForm { pattern: 0x10, prefix: 4 };

/// Writes header blocks, all of a connection in order.
#[derive(Debug)]
pub(super) struct Encoder {
    table: DynamicTable,
    /// The smallest size that the table has had since it was last announced to the peer.
    smallest: Option<usize>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { table: DynamicTable::new(DEFAULT_CAPACITY), smallest: None }
    }
}

impl Encoder {
    /// The peer allows a table of `capacity`; more than the default is not used.
    pub(super) fn resize(&mut self, capacity: usize) {
        let capacity = capacity.min(DEFAULT_CAPACITY);
        if capacity != self.table.capacity() {
            self.table.resize(capacity);
            self.smallest = Some(self.smallest.map_or(capacity, |known| known.min(capacity)));
        }
    }

    /// Begins a header block.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) {
        let Some(smallest) = self.smallest.take() else { return };
        put_number(out, 0x20, 5, smallest);
        if smallest != self.table.capacity() {
            put_number(out, 0x20, 5, self.table.capacity());
        }
    }

    /// Appends `:method`, `:scheme`, `:path` and `:authority`.
    pub(super) fn pseudo_headers(&mut self, request: PseudoHeaders<'_>, out: &mut Vec<u8>) {
        let PseudoHeaders { method, is_tls, path, authority } = request;
        match method {
            "GET" => out.push(0x82),
            "POST" => out.push(0x83),
            method => put_literal(out, NOT_INDEXED, (2, b""), method.as_bytes()),
        }
        out.push(if is_tls { 0x87 } else { 0x86 });
        match path {
            "/" => out.push(0x84),
            path => put_literal(out, NOT_INDEXED, (4, b""), path.as_bytes()),
        }
        self.field(b":authority", authority.as_bytes(), out);
    }

    /// Appends one field; its name is in lower case.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let (field, named) = self.table.find(name, value);
        if let Some(index) = field {
            put_number(out, 0x80, 7, index);
            return;
        }
        let known = || STATIC.iter().position(|(known, _)| known.as_bytes() == name);
        let index = named.or_else(|| known().map(|at| at + 1)).unwrap_or(0);
        match name {
            b"authorization" => put_literal(out, NEVER_INDEXED, (index, name), value),
            // A value that has changed will change again.
            b"content-length" => put_literal(out, NOT_INDEXED, (index, name), value),
            _ if named.is_some() => put_literal(out, NOT_INDEXED, (index, name), value),
            _ => {
                put_literal(out, INDEXED, (index, name), value);
                self.table.insert(name, value);
            }
        }
    }
}

fn put_number(out: &mut Vec<u8>, pattern: u8, prefix: u32, number: usize) {
    let full = (1_usize << prefix) - 1;
    if number < full {
        out.push(pattern | number as u8);
        return;
    }
    out.push(pattern | full as u8);
    let mut rest = number - full;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A field with its name by index, or as it is where the index is 0.
fn put_literal(out: &mut Vec<u8>, form: LiteralForm, (index, name): (usize, &[u8]), value: &[u8]) {
    put_number(out, form.pattern, form.prefix, index);
    if index == 0 {
        put_number(out, 0, 7, name.len());
        out.extend_from_slice(name);
    }
    put_number(out, 0, 7, value.len());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Fields = Vec<(String, String)>;

    fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, CompressionError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut fields = Vec::new();
        decoder.decode(block, |name, value| fields.push((text(name), text(value))))?;
        Ok(fields)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
        digits.chunks(2).map(|two| pair(two).expect("hex")).collect()
    }

    /// RFC 7541, appendix C.6: three responses, Huffman coded, with a table of 256 bytes that overflows.
    #[test]
    fn responses_of_the_standard_are_read() {
        let mut decoder = Decoder::default();
        decoder.table.resize(256);
        let first = bytes(
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 \
             2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        );
        let fields = read(&mut decoder, &first).expect("valid");
        assert_eq!(fields[0], (":status".to_owned(), "302".to_owned()));
        assert_eq!(fields[3], ("location".to_owned(), "https://www.example.com".to_owned()));
        let second = read(&mut decoder, &bytes("4883 640e ffc1 c0bf")).expect("valid");
        assert_eq!(second[0].1, "307");
        assert_eq!(second[1], ("cache-control".to_owned(), "private".to_owned()));
        let third = bytes(
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab \
             77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f \
             9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        );
        let third = read(&mut decoder, &third).expect("valid");
        assert_eq!(third[4], ("content-encoding".to_owned(), "gzip".to_owned()));
        assert!(third[5].1.ends_with("max-age=3600; version=1"), "{third:?}");
        assert_eq!(decoder.table.get(62).map(|field| field.0), Some(&b"set-cookie"[..]));
    }

    #[test]
    fn broken_blocks_are_refused() {
        let refused = |hex: &str| read(&mut Decoder::default(), &bytes(hex)).is_err();
        assert!(refused("80"), "index 0");
        assert!(refused("be"), "an entry that is not there");
        assert!(refused("ff ff ff ff ff 0f"), "a number without end");
        assert!(refused("40 05 61"), "a string cut off");
        assert!(refused("88 20"), "a new size behind a field");
        assert!(refused("3f e2 1f"), "a size above what was allowed");
        assert!(!refused("20 88"), "a table of nothing");
    }

    #[test]
    fn field_that_comes_again_costs_one_byte() {
        let (mut encoder, mut block) = (Encoder::default(), Vec::new());
        encoder.field(b"user-agent", b"plimsoll", &mut block);
        assert!(block.len() > 8);
        block.clear();
        encoder.field(b"user-agent", b"plimsoll", &mut block);
        assert_eq!(block, [0xbe], "index 62");
    }

    #[test]
    fn secrets_and_changing_values_stay_out_of_the_table() {
        let (mut encoder, mut block) = (Encoder::default(), Vec::new());
        encoder.field(b"authorization", b"Bearer x", &mut block);
        assert_eq!(block[0], 0x1f, "never to be indexed");
        for id in ["1", "2", "3"] {
            encoder.field(b"x-request-id", id.as_bytes(), &mut block);
        }
        assert_eq!(encoder.table.get(62), Some((&b"x-request-id"[..], &b"1"[..])));
        assert_eq!(encoder.table.get(63), None);
    }

    #[test]
    fn smaller_table_is_announced_before_the_next_field() {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        let mut block = Vec::new();
        encoder.field(b"a", b"1", &mut block);
        read(&mut decoder, &block).expect("valid");
        encoder.resize(0);
        encoder.resize(100);
        block.clear();
        encoder.begin(&mut block);
        encoder.field(b"a", b"1", &mut block);
        assert_eq!(block[..3], [0x20, 0x3f, 69], "emptied, and 100 from now on");
        let fields = read(&mut decoder, &block).expect("valid");
        assert_eq!(fields, [("a".to_owned(), "1".to_owned())]);
        assert_eq!(decoder.table.get(63), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            blocks in prop::collection::vec(
                prop::collection::vec(("[a-z-]{1,12}", "[ -~]{0,40}"), 0..8), 1..6,
            ),
        ) {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            for fields in blocks {
                let mut block = Vec::new();
                encoder.begin(&mut block);
                let request = PseudoHeaders {
                    method: "PUT",
                    is_tls: true,
                    path: "/x?y",
                    authority: "host:1",
                };
                encoder.pseudo_headers(request, &mut block);
                for (name, value) in &fields {
                    encoder.field(name.as_bytes(), value.as_bytes(), &mut block);
                }
                let seen = read(&mut decoder, &block).expect("valid");
                prop_assert_eq!(&seen[4..], &fields[..]);
                prop_assert_eq!(&seen[2], &(":path".to_owned(), "/x?y".to_owned()));
            }
        }

        #[test]
        fn any_bytes_do_not_panic(block in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&mut Decoder::default(), &block);
        }
    }
}
