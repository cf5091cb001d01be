//! Bodies as templates: JSON keeps its shape, and values in it are escaped for their place.

use percent_encoding::utf8_percent_encode;

use super::template::TemplateCompiler;
use crate::template::{ENCODED, part_name};
use crate::{Body, BodySource, Escape, Template, UploadPiece};
use plimsoll_scenario::schema::{BodySpec, GraphqlSpec, UploadContent, UploadPartSpec};
use plimsoll_scenario::{Node, NodeValue, Problems, Scalar, Spanned, json_of_scalar};

/// JSON. A text that is one whole `{{ … }}` becomes a value of its type; any other text stays a text.
pub(super) fn json(
    node: &Node,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let mut template = Template::default();
    match &node.value {
        NodeValue::Scalar(scalar) => return json_scalar(node, scalar, templates, problems),
        NodeValue::Sequence(items) => {
            template.push_literal(b"[");
            for (index, item) in items.iter().enumerate() {
                template.push_literal(if index == 0 { b"" } else { b"," });
                template.append(&json(item, templates, problems));
            }
            template.push_literal(b"]");
        }
        NodeValue::Mapping(entries) => {
            template.push_literal(b"{");
            for (index, (key, value)) in entries.iter().enumerate() {
                template.push_literal(if index == 0 { b"" } else { b"," });
                let key = Spanned::new(key.text.clone(), key.span);
                template.append(&json_text(&key, templates, problems));
                template.push_literal(b":");
                template.append(&json(value, templates, problems));
            }
            template.push_literal(b"}");
        }
    }
    template
}

fn json_scalar(
    node: &Node,
    scalar: &Scalar,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    if !scalar.text.contains("{{") && !scalar.text.contains("{%") {
        return Template::constant(json_of_scalar(scalar).to_string());
    }
    let text = Spanned::new(scalar.text.clone(), node.span);
    if is_one_expression(&scalar.text) {
        let trimmed = text.map(|text| text.trim().to_owned());
        return templates.compile(&trimmed, Escape::Json, problems);
    }
    json_text(&text, templates, problems)
}

/// A GraphQL operation as JSON (GraphQL over HTTP, §5.4).
pub(super) fn graphql(
    graphql: &GraphqlSpec,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let mut template = Template::constant(format!("{{\"query\":{}", quoted(&graphql.document)));
    if let Some(operation) = &graphql.operation {
        template.push_literal(format!(",\"operationName\":{}", quoted(operation)).as_bytes());
    }
    if let Some(variables) = &graphql.variables {
        template.push_literal(b",\"variables\":");
        template.append(&json(variables, templates, problems));
    }
    template.push_literal(b"}");
    template
}

/// A text of JSON, which may hold expressions.
fn json_text(
    text: &Spanned<String>,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let inner = |literal: &str| {
        let quoted = quoted(literal);
        quoted.as_bytes()[1..quoted.len() - 1].to_vec()
    };
    let mut template = Template::constant("\"");
    template.append(&templates.compile_with(text, Escape::JsonText, &inner, problems));
    template.push_literal(b"\"");
    template
}

/// Whether the text is a single `{{ … }}` and nothing else.
pub(super) fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `name=value&…`, encoded: a form, or a query.
pub(super) fn pairs(
    pairs: &[(Spanned<String>, Spanned<String>)],
    escape: Escape,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    let mut template = Template::default();
    for (index, (name, value)) in pairs.iter().enumerate() {
        template.push_literal(if index == 0 { b"" } else { b"&" });
        template.append(&templates.compile_with(name, escape, &encoded, problems));
        template.push_literal(b"=");
        template.append(&templates.compile_with(value, escape, &encoded, problems));
    }
    template
}

/// What separates the parts of a body, if it has parts: long enough never to be in one by chance, and in no file and no
/// text of it on purpose, such as a recorded upload.
pub(super) fn boundary(body: &BodySpec, templates: TemplateCompiler<'_>) -> Option<String> {
    let BodySpec::Multipart(parts) = body else { return None };
    let holds = |part: &UploadPartSpec, boundary: &str| match &part.content {
        UploadContent::Text(text) => text.value.contains(boundary),
        UploadContent::Bytes(_) => false,
        UploadContent::File(file) => match templates.content(file) {
            // A file that cannot be read to its end fails where it is sent.
            Some(BodySource::File(content)) => content.holds(boundary.as_bytes()).unwrap_or(false),
            _ => false,
        },
    };
    let mut boundary = "plimsoll-7f3c9a51d0e84b62".to_owned();
    while parts.iter().any(|part| holds(part, &boundary)) {
        boundary.push('x');
    }
    Some(boundary)
}

/// `multipart/form-data` (RFC 7578).
pub(super) fn multipart(
    (parts, boundary): (&[UploadPartSpec], &str),
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Body {
    let (mut pieces, mut template) = (vec![], Template::default());
    for part in parts {
        let literal = |text: &str| part_name(text).into_bytes();
        let head = format!("--{boundary}\r\ncontent-disposition: form-data");
        template.push_literal(head.as_bytes());
        for (parameter, text) in [("name", Some(&part.name)), ("filename", part.filename.as_ref())]
        {
            let Some(text) = text else { continue };
            template.push_literal(format!("; {parameter}=\"").as_bytes());
            let escape = Escape::PartName;
            template.append(&templates.compile_with(text, escape, &literal, problems));
            template.push_literal(b"\"");
        }
        if let Some(media_type) = &part.media_type {
            template.push_literal(b"\r\ncontent-type: ");
            template.append(&templates.compile(media_type, Escape::Header, problems));
        }
        template.push_literal(b"\r\n\r\n");
        let source = match &part.content {
            UploadContent::Text(text) => {
                let value = templates.compile(text, Escape::None, problems);
                if value.as_constant().is_some() {
                    template.append(&value);
                } else {
                    pieces.push(UploadPiece::Text(std::mem::take(&mut template)));
                    pieces.push(UploadPiece::Part(value, boundary.into()));
                }
                None
            }
            UploadContent::Bytes(size) => Some(BodySource::Noise(size.get())),
            UploadContent::File(file) => templates.content(file),
        };
        if let Some(source) = source.filter(|source| source.size() > 0) {
            pieces.push(UploadPiece::Text(std::mem::take(&mut template)));
            pieces.push(UploadPiece::File(source));
        }
        template.push_literal(b"\r\n");
    }
    template.push_literal(format!("--{boundary}--\r\n").as_bytes());
    if pieces.is_empty() {
        return Body::Text(template);
    }
    pieces.push(UploadPiece::Text(template));
    Body::Upload(pieces)
}

fn encoded(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}
