//! How the user wants the run: fields that stand for the options of `plimsoll run`.

use ratatui::text::{Line, Span};

use crate::prompt::PromptPurpose;
use crate::theme::{Theme, Tone};
use plimsoll_units::{Nanos, Ratio, WorkRate};

/// The fields; empty ones leave things as the scenario says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pub(crate) target: String,
    pub(crate) rate: Option<WorkRate>,
    pub(crate) duration: Option<Nanos>,
    pub(crate) think: Option<Ratio>,
    pub(crate) seed: Option<u64>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
}

impl Form {
    /// A field's value as text, to be edited.
    pub(crate) fn text(&self, purpose: PromptPurpose) -> String {
        fn shown<T: ToString>(value: Option<&T>) -> String {
            value.map_or_else(String::new, T::to_string)
        }
        match purpose {
            PromptPurpose::Target => self.target.clone(),
            PromptPurpose::Rate => shown(self.rate.as_ref()),
            PromptPurpose::Duration => shown(self.duration.as_ref()),
            PromptPurpose::Think => shown(self.think.as_ref()),
            PromptPurpose::Seed => shown(self.seed.as_ref()),
            PromptPurpose::Settings => joined(&self.settings, "; "),
            PromptPurpose::Tags => joined(&self.tags, " "),
            PromptPurpose::Mark => String::new(),
        }
    }

    /// Takes a typed value, or says what is wrong with it.
    pub(crate) fn set(&mut self, purpose: PromptPurpose, text: &str) -> Result<(), String> {
        let text = text.trim();
        match purpose {
            PromptPurpose::Target => text.clone_into(&mut self.target),
            PromptPurpose::Rate => self.rate = optional(text)?,
            PromptPurpose::Duration => self.duration = optional(text)?,
            PromptPurpose::Think => self.think = optional(text)?,
            PromptPurpose::Seed => self.seed = seed(text)?,
            PromptPurpose::Settings => self.settings = pairs(text.split(';'), "setting")?,
            PromptPurpose::Tags => self.tags = pairs(text.split_whitespace(), "tag")?,
            PromptPurpose::Mark => {}
        }
        Ok(())
    }

    /// A line a field, `target` being the scenario's own.
    pub(crate) fn lines(&self, target: &str, theme: Theme) -> Vec<Line<'static>> {
        let shown = |(key, name, purpose, otherwise): (_, _, _, &'static str)| {
            let own = self.text(purpose);
            let otherwise = if purpose == PromptPurpose::Target { target } else { otherwise };
            field(key, name, if own.is_empty() { Err(otherwise) } else { Ok(&own) }, theme)
        };
        FIELDS.into_iter().map(shown).collect()
    }

    /// The lines of those fields that the user has filled in.
    pub(crate) fn changed(&self, theme: Theme) -> Vec<Line<'static>> {
        let own = FIELDS.into_iter().map(|(key, name, purpose, _)| (key, name, self.text(purpose)));
        own.filter(|(_, _, text)| !text.is_empty())
            .map(|(key, name, text)| field(key, name, Ok(&text), theme))
            .collect()
    }
}

/// Key, name, field, and what holds without a value.
const FIELDS: [(&str, &str, PromptPurpose, &str); 7] = [
    ("t", "target", PromptPurpose::Target, ""),
    ("r", "rate", PromptPurpose::Rate, "as in the scenario"),
    ("d", "duration", PromptPurpose::Duration, "as in the scenario"),
    ("i", "think", PromptPurpose::Think, "as in the scenario"),
    ("s", "seed", PromptPurpose::Seed, "as in the scenario"),
    ("=", "set", PromptPurpose::Settings, "nothing"),
    ("g", "tags", PromptPurpose::Tags, "none"),
];

/// A field with the user's value, or what holds without one.
pub(crate) fn field(
    key: &str,
    name: &str,
    value: Result<&str, &str>,
    theme: Theme,
) -> Line<'static> {
    let (value, tone) = match value {
        Ok(own) => (own, Tone::Accent),
        Err(otherwise) => (otherwise, Tone::Plain),
    };
    Line::from(vec![
        Span::styled(format!("{key:>2} "), theme.style(Tone::Key)),
        Span::styled(format!("{name:<9} "), theme.style(Tone::Faint)),
        Span::styled(value.to_owned(), theme.style(tone)),
    ])
}

fn joined(pairs: &[(String, String)], between: &str) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(between)
}

fn optional<T: std::str::FromStr>(text: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: T::Err| error.to_string())
}

fn seed(text: &str) -> Result<Option<u64>, String> {
    optional(text).map_err(|_| format!("`{text}` is not a seed; expected a whole number"))
}

fn pairs<'a>(
    parts: impl Iterator<Item = &'a str>,
    what: &str,
) -> Result<Vec<(String, String)>, String> {
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("`{part}` is not a {what}; expected KEY=VALUE")),
        })
        .collect()
}
