//! The texts of all files that a scenario is made of, to point into them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::HELD_LIMIT;
use super::{FileContent, SourceId, Span, Spanned};

/// The path of what was given by `--set`, which is no file.
pub(super) const SETTING: &str = "--set";

/// One file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as shown to the user.
    pub path: String,
    /// What is in it.
    pub text: Arc<str>,
    /// Whether messages may quote it: data may hold what nobody but the stack should see.
    pub is_quotable: bool,
}

/// All files that a scenario is made of.
#[derive(Debug, Clone, Default)]
pub struct SourceFiles {
    files: Vec<SourceFile>,
    /// Values from the environment, which must not be shown in a message.
    pub secrets: Vec<String>,
    /// Files whose content is sent, by the file that names them and the path in it.
    contents: BTreeMap<(SourceId, String), FileContent>,
}

impl SourceFiles {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(SourceFile { path: path.into(), text: text.into(), is_quotable: true })
    }

    /// Adds a file of data, whose lines no message quotes.
    pub fn add_data(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(SourceFile { path: path.into(), text: text.into(), is_quotable: false })
    }

    fn push(&mut self, file: SourceFile) -> SourceId {
        self.files.push(file);
        SourceId((self.files.len() - 1).min(usize::from(u16::MAX) - 1) as u16)
    }

    /// Adds the content of a file that is named at a place.
    pub fn add_content(&mut self, named: &Spanned<String>, content: FileContent) {
        self.contents.insert((named.span.source, named.value.clone()), content);
    }

    /// The content of a file that is named at a place, if it was read.
    pub fn content(&self, named: &Spanned<String>) -> Option<&FileContent> {
        self.contents.get(&(named.span.source, named.value.clone()))
    }

    /// The texts among the contents, by path and the file that names them.
    pub fn texts(&self) -> impl Iterator<Item = ((String, u16), Arc<str>)> {
        self.contents.iter().filter_map(|((source, path), content)| {
            // What is larger is sent as a body, and never a part of a text.
            let FileContent::Held(content) = content else { return None };
            let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= HELD_LIMIT)?;
            Some(((path.clone(), source.0), Arc::from(text)))
        })
    }

    /// All contents that are sent.
    pub fn contents(&self) -> impl Iterator<Item = &FileContent> {
        self.contents.values()
    }

    /// The folder of the file that names something at `span`; `own` of what the command line names.
    pub fn folder_of(&self, span: Span, own: &Path) -> PathBuf {
        match self.get(span.source).map(|source| source.path.as_str()) {
            None | Some(SETTING) => own.to_owned(),
            Some(path) => Path::new(path).parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// The file `id`; none for the command line.
    pub fn get(&self, id: SourceId) -> Option<&SourceFile> {
        self.files.get(usize::from(id.0))
    }

    /// All files, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The text of `line` (from 1), without its end; none of a file that no message quotes.
    pub fn line(&self, id: SourceId, line: u32) -> Option<&str> {
        self.get(id)
            .filter(|file| file.is_quotable)?
            .text
            .lines()
            .nth((line as usize).checked_sub(1)?)
    }

    /// The place of `text[range]`, where `text` is what the scalar at `span` says.
    ///
    /// Quotes, escapes and folded lines make the written text differ from what it says, so the same
    /// piece is looked for, by its number among equal ones; if it is not there, the whole scalar is meant.
    pub fn locate(&self, span: Span, text: &str, range: Range<usize>) -> Span {
        self.find(span, text, range).unwrap_or(span)
    }

    fn find(&self, span: Span, text: &str, range: Range<usize>) -> Option<Span> {
        let piece = text.get(range.clone())?;
        let trimmed = piece.trim();
        let needle = if trimmed.is_empty() { piece } else { trimmed };
        if needle.is_empty() {
            return None;
        }
        let start = range.start + piece.find(needle)?;
        let nth = text.get(..start)?.matches(needle).count();
        let written = self.written(span)?;
        let (offset, _) = written.match_indices(needle).nth(nth)?;
        let before = written.get(..offset)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..)?.chars().count() as u32;
        let lines = before.matches('\n').count() as u32;
        Some(Span {
            source: span.source,
            line: span.line + lines,
            column: if lines == 0 { span.column + column } else { column + 1 },
            length: needle.chars().count() as u32,
        })
    }

    /// The text as written at `span`.
    fn written(&self, span: Span) -> Option<&str> {
        let text = &self.get(span.source)?.text;
        let mut start = 0;
        for _ in 1..span.line {
            start += text.get(start..)?.find('\n')? + 1;
        }
        let rest = text.get(start..)?;
        let skip = nth_character(rest, span.column.saturating_sub(1) as usize);
        let rest = rest.get(skip..)?;
        rest.get(..nth_character(rest, span.length as usize))
    }
}

/// The byte offset of the `n`-th character, or the end.
fn nth_character(text: &str, n: usize) -> usize {
    text.char_indices().nth(n).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> SourceFiles {
        let mut sources = SourceFiles::default();
        sources.add("a.yaml", text);
        sources
    }

    #[test]
    fn piece_of_a_quoted_scalar_is_found_behind_its_quote() {
        let sources = sources("x: 1\nurl: \"/a?q={{ tokn }}\"\n");
        let span = Span { source: SourceId(0), line: 2, column: 6, length: 17 };
        let text = "/a?q={{ tokn }}";
        let found = sources.locate(span, text, 7..13);
        assert_eq!((found.line, found.column, found.length), (2, 15, 4));
    }

    #[test]
    fn piece_on_a_later_line_counts_its_own_columns() {
        let sources = sources("body: |\n  one\n  {{ x }} {{ x }}\n");
        let span = Span { source: SourceId(0), line: 1, column: 7, length: 26 };
        let found = sources.locate(span, "one\n{{ x }} {{ x }}\n", 14..17);
        assert_eq!((found.line, found.column, found.length), (3, 14, 1));
    }
}
