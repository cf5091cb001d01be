//! What a request of a draft carries.

use super::JsonDraft;
use crate::text::{DraftText, TextPiece};
use crate::yaml::{YamlEntry, YamlValue};

/// What a request carries.
#[derive(Debug, Clone, Default)]
pub(crate) enum BodyDraft {
    #[default]
    None,
    Json(JsonDraft),
    Form(Vec<(String, DraftText)>),
    Text(DraftText),
    /// Parts of an upload.
    Multipart(Vec<(String, UploadPartDraft)>),
}

impl BodyDraft {
    /// A form; where a name comes twice, which no mapping holds, the text of one.
    pub(crate) fn form(pairs: Vec<(String, DraftText)>) -> Self {
        let twice = |at: usize| pairs[..at].iter().any(|(known, _)| *known == pairs[at].0);
        if !(0..pairs.len()).any(twice) {
            return Self::Form(pairs);
        }
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut out: Vec<TextPiece> = vec![];
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            let sign = if index == 0 { "" } else { "&" };
            out.push(TextPiece::Literal(format!("{sign}{}=", encode(&name))));
            out.extend(value.0.into_iter().map(|piece| match piece {
                TextPiece::Literal(text) => TextPiece::Literal(encode(&text)),
                TextPiece::Expression(text) => {
                    TextPiece::Expression(format!("({text}) | urlencode"))
                }
                environment @ TextPiece::Environment { .. } => environment,
            }));
        }
        Self::Text(DraftText(out).merged())
    }
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub(crate) enum UploadPartDraft {
    Text(DraftText),
    File { filename: String, media_type: Option<String>, size: u64 },
}

/// The parts of an upload; those of one name as a list.
pub(super) fn multipart(parts: &[(String, UploadPartDraft)]) -> YamlValue {
    let mut entries: Vec<YamlEntry> = vec![];
    for (at, (name, part)) in parts.iter().enumerate() {
        if parts[..at].iter().any(|(known, _)| known == name) {
            continue;
        }
        let more = parts[at + 1..].iter().filter(|(known, _)| known == name);
        let mut values: Vec<YamlValue> = more.map(|(_, part)| part.value()).collect();
        let value = if values.is_empty() {
            part.value()
        } else {
            values.insert(0, part.value());
            YamlValue::List(values)
        };
        entries.push(YamlEntry::new(self::name(name), value));
    }
    YamlValue::Map(entries)
}

/// The name of a field or part, which may hold templates: braces stand for themselves.
pub(super) fn name(text: &str) -> String {
    DraftText::literal(text).written()
}

impl UploadPartDraft {
    fn value(&self) -> YamlValue {
        match self {
            Self::Text(text) => YamlValue::text(text.written()),
            Self::File { filename, media_type, size } => {
                let mut fields = vec![
                    YamlEntry::new("filename", YamlValue::text(name(filename))),
                    YamlEntry::new("size", YamlValue::plain(format!("{size} B"))),
                ];
                if let Some(media_type) = media_type {
                    fields.push(YamlEntry::new("type", YamlValue::text(media_type)));
                }
                YamlValue::Map(fields)
            }
        }
    }
}
