//! Templates with places: what is wrong in one is shown inside the text that the author wrote.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use crate::{
    AskedNames, BodySource, CaptureSlot, Condition, Escape, Template, TemplateError, TemplateSet,
};
use plimsoll_scenario::{ProblemKind, Problems, SourceFiles, Span, Spanned};

/// Compiles templates, and knows the texts they come from and what has been captured so far.
#[derive(Clone, Copy)]
pub(super) struct TemplateCompiler<'s> {
    set: &'s TemplateSet,
    sources: &'s SourceFiles,
    /// What steps before this one may have captured; none where that is not known.
    captured: Option<&'s BTreeSet<String>>,
}

impl<'s> TemplateCompiler<'s> {
    pub(super) fn new(set: &'s TemplateSet, sources: &'s SourceFiles) -> Self {
        Self { set, sources, captured: None }
    }

    /// The same, at a place of a flow before which `captured` may have been captured.
    pub(super) fn after<'c>(self, captured: Option<&'c BTreeSet<String>>) -> TemplateCompiler<'c>
    where
        's: 'c,
    {
        TemplateCompiler { set: self.set, sources: self.sources, captured }
    }

    /// A place in words, behind a text: ` (scenario.yaml:7)`; nothing of the command line.
    pub(super) fn place(&self, span: Span) -> String {
        let file = self.sources.get(span.source).map(|file| Path::new(&file.path));
        let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy());
        name.map_or_else(String::new, |name| format!(" ({name}:{})", span.line))
    }

    /// The content of a file, to be sent; none where it could not be read, which has been reported, or where it is empty.
    pub(super) fn content(&self, file: &Spanned<String>) -> Option<BodySource> {
        let content = self.sources.content(file).filter(|content| content.size() > 0)?;
        Some(BodySource::File(content.clone()))
    }

    /// Where a captured value is kept.
    pub(super) fn slot(&self, name: &str) -> Option<CaptureSlot> {
        self.set.names().slots.get(name).copied()
    }

    /// What a template asks for.
    pub(super) fn asked(&self, template: &Template) -> AskedNames {
        self.set.asked(template)
    }

    /// Compiles a text; an empty template where it is wrong.
    pub(super) fn compile(
        &self,
        text: &Spanned<String>,
        escape: Escape,
        problems: &mut Problems,
    ) -> Template {
        self.finish(text, 0, self.set.compile(&text.value, escape), problems)
    }

    /// Compiles a text whose literals are made safe by `literal`.
    pub(super) fn compile_with(
        &self,
        text: &Spanned<String>,
        escape: Escape,
        literal: &dyn Fn(&str) -> Vec<u8>,
        problems: &mut Problems,
    ) -> Template {
        self.finish(text, 0, self.set.compile_with(&text.value, escape, literal), problems)
    }

    /// Compiles a part of a text.
    pub(super) fn compile_part(
        &self,
        text: &Spanned<String>,
        part: Range<usize>,
        escape: Escape,
        problems: &mut Problems,
    ) -> Template {
        let start = part.start;
        self.finish(text, start, self.set.compile(&text.value[part], escape), problems)
    }

    /// Compiles the expression of a condition.
    pub(super) fn condition(
        &self,
        text: &Spanned<String>,
        problems: &mut Problems,
    ) -> Option<Condition> {
        match Condition::compile(&text.value, self.set) {
            Ok(condition) => {
                self.check_captured(text, &condition.template, problems);
                Some(condition)
            }
            Err(error) => {
                self.report(text, 0, error, problems);
                None
            }
        }
    }

    fn finish(
        &self,
        text: &Spanned<String>,
        offset: usize,
        compiled: Result<Template, TemplateError>,
        problems: &mut Problems,
    ) -> Template {
        match compiled {
            Ok(template) => {
                self.check_captured(text, &template, problems);
                template
            }
            Err(error) => {
                self.report(text, offset, error, problems);
                Template::default()
            }
        }
    }

    /// A value that no step before this one can have captured is a mistake, unless the text is ready for it.
    fn check_captured(&self, text: &Spanned<String>, template: &Template, problems: &mut Problems) {
        let Some(captured) = self.captured else { return };
        let ready = ["is defined", "is undefined", "is not defined", "default("];
        if ready.iter().any(|words| text.value.contains(words)) {
            return;
        }
        for name in self.set.captured_names(template) {
            if !captured.contains(&name) {
                let place = self.place_of(text, &name);
                problems.report(place, ProblemKind::UsedBeforeCapture { name });
            }
        }
    }

    /// The place of a word in the expressions of a text.
    fn place_of(&self, text: &Spanned<String>, word: &str) -> Span {
        let from = text.value.find("{{").unwrap_or(0);
        match find_word(&text.value, word, from) {
            Some(range) => self.sources.locate(text.span, &text.value, range),
            None => text.span,
        }
    }

    fn report(
        &self,
        text: &Spanned<String>,
        offset: usize,
        error: TemplateError,
        problems: &mut Problems,
    ) {
        let moved = |at: Range<usize>| at.start + offset..at.end + offset;
        let (at, kind) = match error {
            TemplateError::Unclosed { at } => (moved(at), ProblemKind::TemplateUnclosed),
            TemplateError::Statement { at } => (moved(at), ProblemKind::TemplateStatement),
            TemplateError::Syntax { at, message } => {
                (moved(at), ProblemKind::TemplateSyntax { message })
            }
            TemplateError::UnknownName { at, what, name, known } => {
                let at = narrowed(&text.value, moved(at), &name);
                (at, ProblemKind::UnknownName { what, name, known })
            }
            TemplateError::UnknownColumn { at, dataset, column, known } => {
                let at = narrowed(&text.value, moved(at), &column);
                (at, ProblemKind::UnknownColumn { dataset, column, known })
            }
        };
        problems.report(self.sources.locate(text.span, &text.value, at), kind);
    }
}

/// The range of `word` inside `range`, or all of it.
fn narrowed(text: &str, range: Range<usize>, word: &str) -> Range<usize> {
    match find_word(text, word, range.start) {
        Some(found) if found.end <= range.end => found,
        _ => range,
    }
}

/// The first place behind `from` where `word` stands for itself.
fn find_word(text: &str, word: &str, from: usize) -> Option<Range<usize>> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at..at + word.len()).find(|range| {
        range.start >= from
            && !text[..range.start].ends_with(part_of_word)
            && !text[range.end..].starts_with(part_of_word)
    })
}
