//! Lines and fields of an event stream (WHATWG HTML §9.2.5, §9.2.6), in whatever pieces they come. Nothing is kept of
//! a line: values are handed on as they are read.

/// A field that is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    /// `id`, `retry`, unknown ones and comments.
    Other,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Only the inside of a name, or a line end.
    Nothing,
    /// The name of a field is complete; its value follows.
    LineStart(Field),
    /// A part of a field's value.
    Value(Field, &'a [u8]),
    /// A field is complete.
    LineEnd(Field),
    /// An empty line: the end of an event.
    Blank,
}

/// The longest name that is told apart.
const NAME_MAX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldState {
    /// At the beginning of the stream, where a byte order mark may stand: so much of it was read.
    Mark(usize),
    /// In the name of a field.
    Name,
    /// Behind the colon, where one space belongs to nothing.
    Space(Field),
    Value(Field),
}

/// Reads fields.
#[derive(Debug)]
pub(super) struct FieldReader {
    state: FieldState,
    name: [u8; NAME_MAX],
    /// How long the name is so far; longer ones are not told apart.
    length: usize,
    /// A line ended in CR: an LF behind it ends the same line.
    after_cr: bool,
}

impl Default for FieldReader {
    fn default() -> Self {
        Self { state: FieldState::Mark(0), name: [0; NAME_MAX], length: 0, after_cr: false }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl FieldReader {
    /// Reads one part of `bytes`, which are not empty; returns how much that took.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> (usize, Part<'a>) {
        if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
            return (1, Part::Nothing);
        }
        match self.state {
            FieldState::Mark(read) if bytes[0] == BYTE_ORDER_MARK[read] => {
                let whole = read + 1 == BYTE_ORDER_MARK.len();
                self.state = if whole { FieldState::Name } else { FieldState::Mark(read + 1) };
                (1, Part::Nothing)
            }
            FieldState::Mark(read) => {
                // No byte order mark after all, but the beginning of a name that nobody knows.
                self.length = read * (NAME_MAX + 1);
                self.state = FieldState::Name;
                self.take_name(bytes)
            }
            FieldState::Name => self.take_name(bytes),
            FieldState::Space(field) => {
                self.state = FieldState::Value(field);
                if bytes[0] == b' ' { (1, Part::Nothing) } else { self.take_value(field, bytes) }
            }
            FieldState::Value(field) => self.take_value(field, bytes),
        }
    }

    fn take_name<'a>(&mut self, bytes: &'a [u8]) -> (usize, Part<'a>) {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\r' | b'\n' => {
                    self.after_cr = *byte == b'\r';
                    let blank = self.length == 0;
                    // A name without a colon is a field without a value.
                    let field = self.end_name();
                    self.state = FieldState::Name;
                    let part = match field {
                        _ if blank => Part::Blank,
                        Field::Event => Part::LineStart(field),
                        Field::Data | Field::Other => Part::LineEnd(field),
                    };
                    return (at + 1, part);
                }
                b':' => {
                    let field = self.end_name();
                    self.state = FieldState::Space(field);
                    return (at + 1, Part::LineStart(field));
                }
                _ => {
                    if let Some(place) = self.name.get_mut(self.length) {
                        *place = *byte;
                    }
                    self.length = self.length.saturating_add(1);
                }
            }
        }
        (bytes.len(), Part::Nothing)
    }

    fn end_name(&mut self) -> Field {
        let field = match self.name.get(..self.length) {
            Some(b"data") => Field::Data,
            Some(b"event") => Field::Event,
            _ => Field::Other,
        };
        self.length = 0;
        field
    }

    fn take_value<'a>(&mut self, field: Field, bytes: &'a [u8]) -> (usize, Part<'a>) {
        match memchr::memchr2(b'\r', b'\n', bytes) {
            Some(0) => {
                self.after_cr = bytes[0] == b'\r';
                self.state = FieldState::Name;
                (1, Part::LineEnd(field))
            }
            Some(end) => (end, Part::Value(field, &bytes[..end])),
            None => (bytes.len(), Part::Value(field, bytes)),
        }
    }
}
