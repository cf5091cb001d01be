//! Writes an operation as a step of the scenario.

use crate::import::draft::{BodyDraft, JsonDraft, RequestDraft, UploadPartDraft};
use crate::import::names::snake;
use crate::import::note::ImportNotes;
use crate::import::text::{DraftText, TextPiece};
use crate::scenario::Node;

use super::document::{OpenApiDocument, field, flag, pairs, text};
use super::generate::ExampleMaker;
use super::operation::{Operation, Parameter, Security, encoded};

/// Writes operations as steps.
pub(super) struct OperationWriter<'a, 'n> {
    pub(super) document: &'a OpenApiDocument<'n>,
    pub(super) security: &'a mut Security<'n>,
    pub(super) notes: &'a mut ImportNotes,
    /// Parameters whose value an earlier step captured, with the captured value's name.
    pub(super) captured: Vec<(String, String)>,
}

impl<'n> OperationWriter<'_, 'n> {
    pub(super) fn step(
        &mut self,
        operation: &Operation<'n>,
        name: &str,
    ) -> Result<RequestDraft, String> {
        let mut step = RequestDraft::new(operation.kind, name);
        let parameters = operation.parameters(self.document)?;
        step.path = self.path(operation, &parameters)?;
        for parameter in &parameters {
            self.parameter(parameter, operation, &mut step)?;
        }
        step.body = self.body(operation, &parameters)?;
        step.status = operation.status();
        self.security.apply(operation, &mut step, self.notes);
        step.headers.retain(|(name, _)| {
            let fits = ::http::HeaderName::try_from(name.as_str()).is_ok()
                && !["host", "content-length", "transfer-encoding", "connection"]
                    .contains(&name.as_str());
            if !fits {
                self.notes.drop("not a header that can be sent", name.clone());
            }
            fits
        });
        Ok(step)
    }

    pub(super) fn path(
        &mut self,
        operation: &Operation<'n>,
        parameters: &[Parameter<'n>],
    ) -> Result<Vec<DraftText>, String> {
        let mut segments = vec![];
        for segment in operation.path.trim_start_matches('/').split('/') {
            let mut text = DraftText::default();
            let mut rest = segment;
            while let Some((before, name, after)) = blank(rest) {
                if !before.is_empty() {
                    text.0.push(TextPiece::Literal(encoded(before)));
                }
                let known = self.captured.iter().find(|(known, _)| known == name);
                text.0.extend(match known {
                    Some((_, captured)) => vec![TextPiece::Expression(captured.clone())],
                    None => self.value_in_path(name, parameters, operation)?.0,
                });
                rest = after;
            }
            if !rest.is_empty() || text.0.is_empty() {
                text.0.push(TextPiece::Literal(encoded(rest)));
            }
            segments.push(text);
        }
        Ok(segments)
    }

    fn value_in_path(
        &mut self,
        name: &str,
        parameters: &[Parameter<'n>],
        operation: &Operation<'n>,
    ) -> Result<DraftText, String> {
        let found = parameters.iter().find(|known| known.name == name && known.place == "path");
        let Some(parameter) = found else {
            self.notes.change(
                "a parameter that is not described: `1` is used instead",
                format!("`{name}` of {}", operation.shown()),
            );
            return Ok(DraftText::literal("1"));
        };
        if !ExampleMaker::has_example(parameter.node) {
            self.notes.change(
                "made up: an answer of 404 means that there is no such thing; give it an example, or data",
                format!("`{name}` of {}", operation.shown()),
            );
        }
        Ok(self.value(parameter)?.map_literal(encoded))
    }

    fn parameter(
        &mut self,
        parameter: &Parameter<'n>,
        operation: &Operation<'n>,
        step: &mut RequestDraft,
    ) -> Result<(), String> {
        let name = parameter.name;
        let needed = flag(parameter.node, "required") || ExampleMaker::has_example(parameter.node);
        match parameter.place {
            "path" | "body" | "formData" => {}
            _ if !needed => {
                let what = format!("`{name}` of {}", operation.shown());
                self.notes.drop("optional parameters without an example", what);
            }
            "query" => {
                let value = self.value(parameter)?.map_literal(encoded);
                step.query.push((encoded(name), Some(value)));
            }
            "header" => {
                let value = self
                    .value(parameter)?
                    .map_literal(|text| text.chars().filter(char::is_ascii_graphic).collect());
                step.headers.push((name.to_ascii_lowercase(), value));
            }
            place => {
                let what = format!("`{name}` of {}", operation.shown());
                self.notes.drop(format!("parameters in a {place}"), what);
            }
        }
        Ok(())
    }

    /// A value as a text.
    pub(super) fn value(&mut self, parameter: &Parameter<'n>) -> Result<DraftText, String> {
        let mut maker = ExampleMaker::new(self.document, self.notes);
        Ok(match maker.parameter(parameter.node, parameter.name)? {
            JsonDraft::Text(text) => text,
            JsonDraft::Scalar(scalar) => DraftText::literal(scalar.to_string()),
            JsonDraft::List(items) => match items.into_iter().next() {
                Some(JsonDraft::Text(text)) => text,
                Some(JsonDraft::Scalar(scalar)) => DraftText::literal(scalar.to_string()),
                _ => DraftText::literal(""),
            },
            JsonDraft::Map(_) => DraftText::literal(""),
        })
    }

    pub(super) fn body(
        &mut self,
        operation: &Operation<'n>,
        parameters: &[Parameter<'n>],
    ) -> Result<BodyDraft, String> {
        if matches!(operation.kind, "get" | "head") {
            return Ok(BodyDraft::None);
        }
        // Swagger 2 tells bodies and forms among the parameters.
        if let Some(parameter) = parameters.iter().find(|parameter| parameter.place == "body") {
            let Some(schema) = parameter.node.get("schema") else { return Ok(BodyDraft::None) };
            return self.json_body(schema, None);
        }
        let fields: Vec<_> = parameters.iter().filter(|known| known.place == "formData").collect();
        if !fields.is_empty() {
            let mut form = vec![];
            for field in fields {
                form.push((field.name.to_owned(), self.value(field)?));
            }
            return Ok(BodyDraft::Form(form));
        }
        let Some(body) = operation.node.get("requestBody") else { return Ok(BodyDraft::None) };
        let body = self.document.resolve(body)?;
        let media = |wanted: fn(&str) -> bool| {
            pairs(body.get("content")).find(|(kind, _)| wanted(kind)).map(|(_, node)| node)
        };
        if let Some(media) = media(|kind| kind.contains("json") || kind == "*/*") {
            let Some(schema) = media.get("schema") else { return Ok(BodyDraft::None) };
            return self.json_body(schema, Some(media));
        }
        if let Some(media) = media(|kind| kind.contains("x-www-form-urlencoded")) {
            return Ok(match self.made(media)? {
                JsonDraft::Map(fields) => BodyDraft::Form(
                    fields.into_iter().map(|(name, value)| (name, flat(value))).collect(),
                ),
                _ => BodyDraft::None,
            });
        }
        if let Some(media) = media(|kind| kind.contains("multipart/form-data")) {
            return self.multipart(media);
        }
        if let Some(media) = media(|kind| kind.starts_with("text/")) {
            return Ok(BodyDraft::Text(flat(self.made(media)?)));
        }
        let kinds: Vec<&str> = pairs(body.get("content")).map(|(kind, _)| kind).collect();
        Err(format!("no step makes a body of {}", kinds.join(", ")))
    }

    fn made(&mut self, media: &'n Node) -> Result<JsonDraft, String> {
        ExampleMaker::new(self.document, self.notes).media(media)
    }

    fn json_body(
        &mut self,
        schema: &'n Node,
        media: Option<&'n Node>,
    ) -> Result<BodyDraft, String> {
        let mut maker = ExampleMaker::new(self.document, self.notes);
        let made = match media {
            Some(media) => maker.media(media)?,
            None => maker.schema(schema, "body", 0)?,
        };
        Ok(BodyDraft::Json(made))
    }

    pub(super) fn multipart(&mut self, media: &'n Node) -> Result<BodyDraft, String> {
        let JsonDraft::Map(fields) = self.made(media)? else { return Ok(BodyDraft::None) };
        let schema = media.get("schema").map(|schema| self.document.resolve(schema)).transpose()?;
        let properties = schema.and_then(|schema| schema.get("properties"));
        let mut parts = vec![];
        for (name, value) in fields {
            let described = properties.and_then(|properties| properties.get(&name));
            let described = described.map(|node| self.document.resolve(node)).transpose()?;
            let format = described.and_then(|node| field(node, "format"));
            let binary = format == Some("binary")
                || described
                    .is_some_and(|node| node.get("contentMediaType").and_then(text).is_some());
            let part = if binary {
                UploadPartDraft::File {
                    filename: format!("{}.bin", snake(&name)),
                    media_type: None,
                    size: 1_024,
                }
            } else {
                UploadPartDraft::Text(flat(value))
            };
            parts.push((name, part));
        }
        Ok(BodyDraft::Multipart(parts))
    }
}

/// A value as a single text.
fn flat(value: JsonDraft) -> DraftText {
    match value {
        JsonDraft::Text(text) => text,
        JsonDraft::Scalar(scalar) => DraftText::literal(scalar.to_string()),
        JsonDraft::List(_) | JsonDraft::Map(_) => DraftText::literal(""),
    }
}

/// `a{b}c` → `a`, `b`, `c`
pub(super) fn blank(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
