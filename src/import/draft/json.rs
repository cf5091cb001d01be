//! JSON whose texts may hold values from elsewhere.

use crate::text::DraftText;
use crate::yaml::{YamlEntry, YamlValue};

/// JSON whose texts may be replaced.
#[derive(Debug, Clone)]
pub(crate) enum JsonDraft {
    /// Null, a truth value or a number.
    Scalar(serde_json::Value),
    Text(DraftText),
    List(Vec<JsonDraft>),
    Map(Vec<(String, JsonDraft)>),
}

impl JsonDraft {
    /// JSON as recorded: a text in it is a literal.
    pub(crate) fn recorded(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self::Text(DraftText::literal(text)),
            serde_json::Value::Array(items) => {
                Self::List(items.iter().map(Self::recorded).collect())
            }
            serde_json::Value::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| (key.clone(), Self::recorded(value))).collect(),
            ),
            scalar => Self::Scalar(scalar.clone()),
        }
    }

    /// How many values are in it.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::Text(_) => 1,
            Self::List(items) => 1 + items.iter().map(Self::count).sum::<usize>(),
            Self::Map(entries) => {
                1 + entries.iter().map(|(_, item)| 1 + item.count()).sum::<usize>()
            }
        }
    }

    pub(super) fn texts_mut<'t>(&'t mut self, texts: &mut Vec<&'t mut DraftText>) {
        match self {
            Self::Scalar(_) => {}
            Self::Text(text) => texts.push(text),
            Self::List(items) => items.iter_mut().for_each(|item| item.texts_mut(texts)),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, item)| item.texts_mut(texts)),
        }
    }

    pub(crate) fn value(&self) -> YamlValue {
        match self {
            Self::Scalar(scalar) => YamlValue::Plain(scalar.to_string()),
            Self::Text(text) => YamlValue::text(text.written()),
            Self::List(items) => YamlValue::List(items.iter().map(Self::value).collect()),
            Self::Map(entries) => YamlValue::Map(
                entries
                    .iter()
                    .map(|(key, item)| {
                        YamlEntry::new(DraftText::literal(key).written(), item.value())
                    })
                    .collect(),
            ),
        }
    }
}
