//! A GraphQL operation.

use http::Method;

use super::request::{BodySpec, GraphqlSpec, RequestSpec};
use crate::declared::graphql::GRAPHQL;
use crate::graphql::{GraphqlOperation, operations};
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Spanned};

/// Reads the value of a `graphql` step.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<RequestSpec> {
    let mut fields = Fields::of(node, &GRAPHQL, problems)?;
    let before = problems.len();
    let document: Option<Spanned<String>> = fields.read("query", problems);
    let operation: Option<Spanned<String>> = fields.read("operation", problems);
    let variables = fields.node("variables", problems);
    let allow_errors = fields.or("allow_errors", false, problems);
    let url = Spanned::new("/graphql".to_owned(), fields.span());
    let url = fields.or("url", url, problems);
    let chosen =
        document.as_ref().and_then(|document| chosen(document, operation.as_ref(), problems));
    if let Some(variables) = variables.filter(|node| !matches!(node.value, NodeValue::Mapping(_))) {
        let expected = "a mapping of variables";
        let kind = ProblemKind::WrongShape { expected, found: variables.kind() };
        problems.report(variables.span, kind);
    }
    let name = chosen.as_ref().and_then(|chosen| chosen.name.clone());
    let request = RequestSpec::bare(Method::POST, &mut fields, problems);
    let mut request = request.ended(&mut fields, problems);
    if request.name.value.is_empty() {
        match &name {
            Some(name) => request.name = Spanned::new(name.clone(), fields.span()),
            None if problems.len() == before => {
                let kind = ProblemKind::MissingField { field: "name", place: GRAPHQL.place };
                problems.report(fields.span(), kind);
            }
            None => {}
        }
    }
    fields.finish(problems);
    let document = document?.value;
    let variables = variables.cloned();
    request.url = url;
    request.body = BodySpec::Graphql(Box::new(GraphqlSpec {
        document,
        operation: name,
        variables,
        allow_errors,
    }));
    Some(request)
}

/// The operation of a document that is meant.
fn chosen(
    document: &Spanned<String>,
    wanted: Option<&Spanned<String>>,
    problems: &mut Problems,
) -> Option<GraphqlOperation> {
    if problems.any_at(document.span) {
        // The file that it stands in could not be read.
        return None;
    }
    let mut refuse = |message: &'static str| {
        problems.report(document.span, ProblemKind::BadGraphql { message });
        None
    };
    if document.value.contains("{{") {
        return refuse("templates mean nothing in it");
    }
    let mut found = match operations(&document.value) {
        Ok(found) => found,
        Err(message) => return refuse(message),
    };
    let chosen = match wanted {
        Some(wanted) => {
            let is_meant = |known: &GraphqlOperation| known.name.as_ref() == Some(&wanted.value);
            let Some(at) = found.iter().position(is_meant) else {
                let known = found.into_iter().filter_map(|known| known.name).collect();
                let name = wanted.value.clone();
                let kind = ProblemKind::UnknownName { what: "operation", name, known };
                problems.report(wanted.span, kind);
                return None;
            };
            found.swap_remove(at)
        }
        None if found.len() > 1 => return refuse("it has several operations, and none is chosen"),
        None => found.pop()?,
    };
    if chosen.is_subscription {
        return refuse("one request does not answer a subscription");
    }
    Some(chosen)
}
