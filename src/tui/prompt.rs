//! One line of text that the user types: a mark, a rate, a target.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptPurpose {
    Mark,
    Target,
    Rate,
    Duration,
    Think,
    Seed,
    Settings,
    Tags,
}

impl PromptPurpose {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Mark => "mark: what happened?",
            Self::Target => "target URL (empty: as in the scenario)",
            Self::Rate => "highest rate, `300 req/s` or `40 iter/s` (empty: as in the scenario)",
            Self::Duration => "duration, `90s` or `5m` (empty: as in the scenario)",
            Self::Think => "think times, `10%` makes users ten times as quick (empty: as written)",
            Self::Seed => "seed, a whole number (empty: as in the scenario)",
            Self::Settings => "values of the file, `http.timeout=5s; http.version=1.1`",
            Self::Tags => "tags, `api=3 size=m5.large`",
        }
    }
}

/// The line under construction.
#[derive(Debug, Clone)]
pub(super) struct Prompt {
    pub(super) purpose: PromptPurpose,
    pub(super) text: String,
    /// What is wrong with it.
    pub(super) problem: String,
}

/// What came of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PromptOutcome {
    Open,
    Done,
    Cancelled,
}

/// Longer input helps nobody.
const LONGEST: usize = 200;

impl Prompt {
    pub(super) fn new(purpose: PromptPurpose, text: impl Into<String>) -> Self {
        Self { purpose, text: text.into(), problem: String::new() }
    }

    pub(super) fn on_key(&mut self, key: KeyEvent) -> PromptOutcome {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return PromptOutcome::Done,
            KeyCode::Esc => return PromptOutcome::Cancelled,
            KeyCode::Char('c') if control => return PromptOutcome::Cancelled,
            KeyCode::Char('u') if control => self.text.clear(),
            KeyCode::Backspace => {
                self.text.pop();
            }
            KeyCode::Char(character) if !control && self.text.chars().count() < LONGEST => {
                self.text.push(character);
            }
            _ => {}
        }
        PromptOutcome::Open
    }
}
