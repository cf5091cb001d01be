//! How the user wants the run: fields that stand for the options of `plimsoll run`.

use ratatui::text::{Line, Span};

use crate::tui::prompt::Purpose;
use crate::tui::theme::{Theme, Tone};
use crate::units::{Nanos, Ratio, WorkRate};

/// The fields; empty ones leave things as the scenario says.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) target: String,
    pub(super) rate: Option<WorkRate>,
    pub(super) duration: Option<Nanos>,
    pub(super) think: Option<Ratio>,
    pub(super) seed: Option<u64>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) tags: Vec<(String, String)>,
}

impl Form {
    /// A field's value as text, to be edited.
    pub(super) fn text(&self, purpose: Purpose) -> String {
        fn shown<T: ToString>(value: Option<&T>) -> String {
            value.map_or_else(String::new, T::to_string)
        }
        match purpose {
            Purpose::Target => self.target.clone(),
            Purpose::Rate => shown(self.rate.as_ref()),
            Purpose::Duration => shown(self.duration.as_ref()),
            Purpose::Think => shown(self.think.as_ref()),
            Purpose::Seed => shown(self.seed.as_ref()),
            Purpose::Settings => joined(&self.settings, "; "),
            Purpose::Tags => joined(&self.tags, " "),
            Purpose::Mark => String::new(),
        }
    }

    /// Takes a typed value, or says what is wrong with it.
    pub(super) fn set(&mut self, purpose: Purpose, text: &str) -> Result<(), String> {
        let text = text.trim();
        match purpose {
            Purpose::Target => text.clone_into(&mut self.target),
            Purpose::Rate => self.rate = optional(text)?,
            Purpose::Duration => self.duration = optional(text)?,
            Purpose::Think => self.think = optional(text)?,
            Purpose::Seed => self.seed = seed(text)?,
            Purpose::Settings => self.settings = pairs(text.split(';'), "setting")?,
            Purpose::Tags => self.tags = pairs(text.split_whitespace(), "tag")?,
            Purpose::Mark => {}
        }
        Ok(())
    }

    /// A line a field, `target` being the scenario's own.
    pub(super) fn lines(&self, target: &str, theme: Theme) -> Vec<Line<'static>> {
        let shown = |(key, name, purpose, otherwise): (_, _, _, &'static str)| {
            let own = self.text(purpose);
            let otherwise = if purpose == Purpose::Target { target } else { otherwise };
            field(key, name, if own.is_empty() { Err(otherwise) } else { Ok(&own) }, theme)
        };
        FIELDS.into_iter().map(shown).collect()
    }

    /// The lines of those fields that the user has filled in.
    pub(super) fn changed(&self, theme: Theme) -> Vec<Line<'static>> {
        let own = FIELDS.into_iter().map(|(key, name, purpose, _)| (key, name, self.text(purpose)));
        own.filter(|(_, _, text)| !text.is_empty())
            .map(|(key, name, text)| field(key, name, Ok(&text), theme))
            .collect()
    }
}

/// Key, name, field, and what holds without a value.
const FIELDS: [(&str, &str, Purpose, &str); 7] = [
    ("t", "target", Purpose::Target, ""),
    ("r", "rate", Purpose::Rate, "as in the scenario"),
    ("d", "duration", Purpose::Duration, "as in the scenario"),
    ("i", "think", Purpose::Think, "as in the scenario"),
    ("s", "seed", Purpose::Seed, "as in the scenario"),
    ("=", "set", Purpose::Settings, "nothing"),
    ("g", "tags", Purpose::Tags, "none"),
];

/// A field with the user's value, or what holds without one.
pub(super) fn field(
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
    optional(text).map_err(|_| format!("`{text}` is no seed; expected a whole number"))
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
            _ => Err(format!("`{part}` is no {what}; expected KEY=VALUE")),
        })
        .collect()
}
