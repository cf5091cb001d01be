//! Places in the files of a scenario.

/// Which of the files that a scenario is made of: the position in [`super::SourceFiles`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

impl SourceId {
    /// Not a file: what was written on the command line.
    pub const COMMAND_LINE: Self = Self(u16::MAX);
}

/// A piece of a file: line and column count from 1, in characters; the length is in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// From 1; 0 where there is no line to show.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// In characters; may reach over line ends.
    pub length: u32,
}

impl Span {
    /// What was written on the command line; it has no line to show.
    pub const COMMAND_LINE: Self =
        Self { source: SourceId::COMMAND_LINE, line: 0, column: 0, length: 0 };

    /// Whether `inner` begins within this piece, on the same line.
    pub fn contains(self, inner: Self) -> bool {
        let same_line = self.source == inner.source && self.line == inner.line;
        let columns = self.column..self.column + self.length.max(1);
        same_line && self.line > 0 && columns.contains(&inner.column)
    }

    /// A whole file, told by its name alone.
    pub const fn file(source: SourceId) -> Self {
        Self { source, line: 0, column: 0, length: 0 }
    }
}

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

impl Spanned<String> {
    /// A text from the command line, not from a file.
    pub fn on_command_line(text: &str) -> Self {
        Self::new(text.to_owned(), Span::COMMAND_LINE)
    }
}
