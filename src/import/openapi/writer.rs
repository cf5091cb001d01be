//! Writes an operation as a step of the scenario.

use crate::draft::{BodyDraft, JsonDraft, RequestDraft, UploadPartDraft};
use crate::names::snake;
use crate::note::ImportNotes;
use crate::text::{DraftText, TextPiece};
use plimsoll_scenario::Node;

use super::document::{OpenApiDocument, field, flag, items, own_server, pairs, text};
use super::generate::ExampleMaker;
use super::operation::{Operation, Parameter, Security, encoded};
use super::style::{NamedTexts, ValueStyle, flat, joined, pairs_of};

/// Writes operations as steps.
pub(super) struct OperationWriter<'a, 'n> {
    pub(super) document: &'a OpenApiDocument<'n>,
    pub(super) security: &'a mut Security<'n>,
    pub(super) notes: &'a mut ImportNotes,
    /// The scenario's target.
    pub(super) target: &'a str,
    /// The system's name, in capitals: variables begin with it.
    pub(super) prefix: &'a str,
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
        step.origin = self.origin(operation);
        step.path = self.path(operation, &parameters)?;
        for parameter in &parameters {
            self.parameter(parameter, operation, &mut step)?;
        }
        step.body = self.body(operation, &parameters)?;
        if let BodyDraft::Text(_) = &step.body
            && let Some(kind) = self.kind_of_text(operation)
        {
            step.headers.push(("content-type".to_owned(), DraftText::literal(kind)));
        }
        step.status = operation.status();
        let described = step.headers.len();
        self.security.apply(operation, &mut step, self.notes);
        keep_each_once(&mut step, described);
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

    /// Where an operation goes that has a server of its own: a variable with that as its default.
    fn origin(&self, operation: &Operation<'n>) -> Option<DraftText> {
        let server = own_server([operation.node, operation.shared])?;
        if server == self.target {
            return None;
        }
        let host = server.split_once("://").map_or("", |(_, rest)| rest);
        let name = format!("{}_{}_URL", self.prefix, snake(host).to_ascii_uppercase());
        Some(DraftText(vec![TextPiece::Environment { name, default: server }]))
    }

    /// The type of a body that is a text: a form with names that come twice, or what the description says.
    fn kind_of_text(&self, operation: &Operation<'n>) -> Option<String> {
        let body = self.document.resolve(operation.node.get("requestBody")?).ok();
        let kinds: Vec<&str> = match body {
            Some(body) => pairs(body.get("content")).map(|(kind, _)| kind).collect(),
            None => items(operation.node.get("consumes")).iter().filter_map(text).collect(),
        };
        let form = "application/x-www-form-urlencoded";
        let found =
            kinds.iter().find(|kind| kind.contains("urlencoded") || kind.starts_with("text/"));
        let kind = found.map_or(form, |kind| kind);
        (!kind.contains('*')).then(|| kind.to_owned())
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
        let made = self.made_parameter(parameter)?;
        let explode = flag(parameter.node, "explode");
        Ok(match field(parameter.node, "style") {
            Some("label") => before(".", joined(made, if explode { "." } else { "," })),
            Some("matrix") => before(&format!(";{name}="), joined(made, ",")),
            _ => joined(made, ","),
        }
        .map_literal(encoded))
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
                for (name, value) in self.pairs(parameter)? {
                    step.query.push((encoded(name), Some(value.map_literal(encoded))));
                }
            }
            "header" => {
                let value = joined(self.made_parameter(parameter)?, ",")
                    .map_literal(|text| printable(&text));
                step.headers.push((name.to_ascii_lowercase(), value));
            }
            "cookie" => {
                let value = joined(self.made_parameter(parameter)?, ",")
                    .map_literal(|text| printable(&text));
                add_cookie(step, name, value);
            }
            place => {
                let what = format!("`{name}` of {}", operation.shown());
                self.notes.drop(format!("parameters in a {place}"), what);
            }
        }
        Ok(())
    }

    /// A parameter of a query or a form, as many times as its style asks for.
    fn pairs(&mut self, parameter: &Parameter<'n>) -> Result<NamedTexts, String> {
        let made = self.made_parameter(parameter)?;
        Ok(pairs_of(parameter.name, made, style_of(parameter.node)))
    }

    fn made_parameter(&mut self, parameter: &Parameter<'n>) -> Result<JsonDraft, String> {
        self.maker().parameter(parameter.node, parameter.name)
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
            return self.swagger_form(operation, &fields);
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
            return self.form(media);
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

    fn maker(&mut self) -> ExampleMaker<'_, 'n> {
        let secrets = &mut self.security.secrets;
        ExampleMaker { document: self.document, notes: self.notes, secrets }
    }

    fn made(&mut self, media: &'n Node) -> Result<JsonDraft, String> {
        self.maker().media(media)
    }

    fn json_body(
        &mut self,
        schema: &'n Node,
        media: Option<&'n Node>,
    ) -> Result<BodyDraft, String> {
        let mut maker = self.maker();
        let made = match media {
            Some(media) => maker.media(media)?,
            None => maker.schema(schema, "body")?,
        };
        Ok(BodyDraft::Json(made))
    }

    /// A form: lists repeat their name, and what is nested is JSON, unless `encoding` says otherwise.
    fn form(&mut self, media: &'n Node) -> Result<BodyDraft, String> {
        let JsonDraft::Map(fields) = self.made(media)? else { return Ok(BodyDraft::None) };
        let mut form = vec![];
        for (name, value) in fields {
            let encoding = media.get("encoding").and_then(|all| all.get(&name));
            let style = match (encoding.and_then(|node| field(node, "style")), &value) {
                (Some("deepObject"), _) => ValueStyle::DeepObject,
                (Some(_), _) => encoding.map_or(ValueStyle::Exploded, style_of),
                (None, JsonDraft::Map(_)) => ValueStyle::Json,
                (None, _) => ValueStyle::Exploded,
            };
            form.extend(pairs_of(&name, value, style));
        }
        Ok(BodyDraft::form(form))
    }

    /// Swagger 2 tells the fields of a form among the parameters; a file makes it an upload.
    fn swagger_form(
        &mut self,
        operation: &Operation<'n>,
        fields: &[&Parameter<'n>],
    ) -> Result<BodyDraft, String> {
        let consumes = operation.node.get("consumes").or(self.document.root.get("consumes"));
        let upload = fields.iter().any(|known| field(known.node, "type") == Some("file"))
            || items(consumes).iter().filter_map(text).any(|kind| kind.starts_with("multipart/"));
        let (mut form, mut parts): (NamedTexts, Vec<(String, UploadPartDraft)>) = (vec![], vec![]);
        for known in fields {
            if !flag(known.node, "required")
                && !ExampleMaker::has_example(known.node)
                && fields.len() > 20
            {
                continue;
            }
            if field(known.node, "type") == Some("file") {
                let filename = format!("{}.bin", snake(known.name));
                let file = UploadPartDraft::File { filename, media_type: None, size: 1_024 };
                parts.push((known.name.to_owned(), file));
                continue;
            }
            let pairs = self.pairs(known)?;
            form.extend(pairs);
        }
        if !upload {
            return Ok(BodyDraft::form(form));
        }
        for (name, value) in form {
            if parts.iter().all(|(known, _)| *known != name) {
                parts.push((name, UploadPartDraft::Text(value)));
            }
        }
        Ok(BodyDraft::Multipart(parts))
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

/// How a parameter's lists and objects are written.
fn style_of(node: &Node) -> ValueStyle {
    if node.get("content").is_some() {
        return ValueStyle::Json;
    }
    let explode = field(node, "explode").map(|explode| explode == "true");
    let swagger = field(node, "collectionFormat").or_else(|| {
        // Swagger 2 has the type in the parameter itself.
        (node.get("schema").is_none() && node.get("style").is_none() && node.get("in").is_some())
            .then_some("csv")
    });
    match (field(node, "style"), swagger) {
        (Some("deepObject"), _) => ValueStyle::DeepObject,
        (Some("spaceDelimited"), _) | (_, Some("ssv")) => ValueStyle::Joined(" "),
        (Some("pipeDelimited"), _) | (_, Some("pipes")) => ValueStyle::Joined("|"),
        (_, Some("tsv")) => ValueStyle::Joined("\t"),
        (_, Some("csv")) => ValueStyle::Joined(","),
        _ if explode == Some(false) => ValueStyle::Joined(","),
        _ => ValueStyle::Exploded,
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect::<String>().trim().to_owned()
}

fn before(sign: &str, text: DraftText) -> DraftText {
    let mut pieces = vec![TextPiece::Literal(sign.to_owned())];
    pieces.extend(text.0);
    DraftText(pieces).merged()
}

/// All cookies go into one header.
fn add_cookie(step: &mut RequestDraft, name: &str, value: DraftText) {
    let at = step.headers.iter().position(|(known, _)| known == "cookie");
    let at = at.unwrap_or_else(|| {
        step.headers.push(("cookie".to_owned(), DraftText::default()));
        step.headers.len() - 1
    });
    let text = &mut step.headers[at].1;
    let sign = if text.0.is_empty() { "" } else { "; " };
    text.0.push(TextPiece::Literal(format!("{sign}{name}=")));
    text.0.extend(value.0);
    *text = std::mem::take(text).merged();
}

/// A header that is a parameter and a credential is the credential: those stand behind the first `described` ones.
fn keep_each_once(step: &mut RequestDraft, described: usize) {
    let mut kept: Vec<(String, DraftText)> = vec![];
    let authorized = step.bearer.is_some() || step.basic.is_some();
    for (at, (name, text)) in std::mem::take(&mut step.headers).into_iter().enumerate() {
        if authorized && name == "authorization" {
            continue;
        }
        match kept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if name == "cookie" => {
                known.0.push(TextPiece::Literal("; ".to_owned()));
                known.0.extend(text.0);
            }
            Some((_, known)) if at >= described => *known = text,
            Some(_) => {}
            None => kept.push((name, text)),
        }
    }
    step.headers = kept;
}

/// `a{b}c` → `a`, `b`, `c`
pub(super) fn blank(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
