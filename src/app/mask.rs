//! The one place that masks: whatever leaves the process goes through here.
//!
//! Values that came from the environment are blanked out, and what could steer a terminal is made harmless. Figures
//! are not touched: only texts that came from elsewhere, and what is said on the terminal.

use std::sync::{PoisonError, RwLock};

use crate::metrics::{
    Event, EventKind, Exemplar, FailureExample, PageLoad, PagePicture, PageResource, RunHeader,
    RunLine, SourceEvent,
};
use crate::scenario::redact;

/// All secrets of this process, longest first.
static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Hears of secrets, which nothing shows from now on.
pub(super) fn learn(secrets: &[String]) {
    let mut known = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    known.extend_from_slice(secrets);
    known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    known.dedup();
}

/// A text from elsewhere, fit to be shown and written down.
pub(super) fn text(text: &str) -> String {
    harmless(&hidden(text), SgrUse::Refused)
}

/// The text without secrets.
pub(super) fn hidden(text: &str) -> String {
    let known = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    redact(text, known.iter().map(String::as_str))
}

/// An event fit to be shown and written down.
pub(super) fn event(event: Event) -> Event {
    let kind = match event.kind {
        EventKind::Mark(said) => EventKind::Mark(text(&said)),
        EventKind::Hook(said) => EventKind::Hook(text(&said)),
        EventKind::Steered(said) => EventKind::Steered(text(&said)),
        EventKind::SourceError(source) => {
            let reason = source.reason.as_deref().map(text);
            let replica = text(&source.replica);
            EventKind::SourceError(SourceEvent { replica, reason, ..source })
        }
        EventKind::Exemplar(one) => EventKind::Exemplar(Exemplar {
            correlation: text(&one.correlation),
            head: text(&one.head),
            body: text(&one.body),
            ..one
        }),
        EventKind::Warning(said) => EventKind::Warning(text(&said)),
        EventKind::Aborted(note) => EventKind::Aborted(note),
        EventKind::Failure(example) => {
            let message = text(&example.message);
            EventKind::Failure(FailureExample { message, ..example })
        }
    };
    Event { kind, ..event }
}

/// A page load fit to be shown and written down.
fn page(load: PageLoad) -> PageLoad {
    let resource = |of: PageResource| PageResource { path: text(&of.path), ..of };
    PageLoad {
        blocked: load.blocked.iter().map(|host| text(host)).collect(),
        failure: load.failure.as_deref().map(text),
        largest: text(&load.largest),
        resources: load.resources.into_iter().map(resource).collect(),
        ..load
    }
}

/// The header of a run, fit to be written down.
pub(super) fn header(header: RunHeader) -> RunHeader {
    let conditions = header.conditions.into_iter().map(|(name, value)| {
        let is_given = name.starts_with("--set");
        (name, if is_given { text(&value) } else { value })
    });
    RunHeader { target: text(&header.target), conditions: conditions.collect(), ..header }
}

/// A line of a log, fit to be written down.
pub(super) fn line(line: &RunLine) -> Option<RunLine> {
    match line {
        RunLine::Event(happened) => Some(RunLine::Event(event(happened.clone()))),
        RunLine::Page(load) => Some(RunLine::Page(page(load.clone()))),
        RunLine::Picture(picture) => {
            let failure = picture.failure.as_deref().map(text);
            Some(RunLine::Picture(PagePicture { failure, ..picture.clone() }))
        }
        _ => None,
    }
}

/// Whether colours (Select Graphic Rendition, ECMA-48 §8.3.117) may stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SgrUse {
    /// Those that this program uses.
    Allowed,
    /// None.
    Refused,
}

/// The text without what steers a terminal: control characters, escape sequences, changes of direction.
pub(super) fn harmless(text: &str, sgr: SgrUse) -> String {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(steers) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if sgr == SgrUse::Allowed { own_colour(rest) } else { None };
        match length {
            Some(length) => shown.push_str(&rest[..length]),
            // A line that ends as on Windows ends all the same.
            None if rest.starts_with("\r\n") => {}
            None => shown.push('\u{fffd}'),
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest = &rest[length.unwrap_or(first)..];
    }
    shown.push_str(rest);
    shown
}

/// The length of a colour that this program uses, if `rest` begins with one: nothing that hides text.
fn own_colour(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix("\u{1b}[")?;
    let end = inside.find('m')?;
    let is_own = |code: &str| {
        matches!(code.parse(), Ok(0..=4 | 7 | 22..=24 | 27 | 30..=39 | 90..=97_u8))
            || code.is_empty()
    };
    (end <= 12 && inside[..end].split(';').all(is_own)).then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::RunTime;

    #[test]
    fn what_steers_a_terminal_is_made_harmless() {
        let hostile = "ERR \u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31m\u{202e}x\r\ny\tz";
        let shown = harmless(hostile, SgrUse::Refused);
        assert_eq!(shown, "ERR \u{fffd}]0;pwned\u{fffd}\u{fffd}[2J\u{fffd}31m\u{fffd}x\ny\tz");
        assert_eq!(
            harmless("\u{1b}[1;31merror\u{1b}[0m", SgrUse::Allowed),
            "\u{1b}[1;31merror\u{1b}[0m"
        );
        assert_eq!(harmless("\u{1b}[8mhidden", SgrUse::Allowed), "\u{fffd}[8mhidden");
        assert_eq!(harmless("\u{1b}[2J", SgrUse::Allowed), "\u{fffd}[2J");
    }

    #[test]
    fn learnt_secret_stands_in_no_event_and_no_header() {
        learn(&["m4sk-canary".to_owned()]);
        let kinds = [EventKind::Mark, EventKind::Hook, EventKind::Steered, EventKind::Warning];
        for kind in kinds {
            let happened =
                Event { at: RunTime::ZERO, kind: kind("m4sk-canary\u{1b}[2J".to_owned()) };
            let RunLine::Event(shown) = line(&RunLine::Event(happened)).expect("an event") else {
                panic!("no event")
            };
            assert!(!format!("{shown:?}").contains("canary"), "{shown:?}");
        }
        assert_eq!(text("url=m4sk%2dcanary"), "url=•••");
    }
}
