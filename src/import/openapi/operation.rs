//! One operation → a step: parameters, body, credentials, and the status it promises.

use std::collections::HashMap;

use crate::draft::{CaptureDraft, CaptureOrigin, RequestDraft};
use crate::names::{is_reserved, singular, snake};
use crate::note::ImportNotes;
use crate::secrets::{FoundSecrets, shown_without_secrets};
use crate::text::DraftText;
use plimsoll_scenario::Node;

use super::document::{OpenApiDocument, field, flag, items, pairs};
use super::generate::ExampleMaker;

/// An operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'n> {
    pub(super) path: &'n str,
    /// `get`, `post`, …
    pub(super) kind: &'static str,
    pub(super) node: &'n Node,
    /// What all operations of the path share.
    pub(super) shared: &'n Node,
}

/// A parameter, resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'n> {
    pub(super) name: &'n str,
    pub(super) place: &'n str,
    pub(super) node: &'n Node,
}

impl<'n> Operation<'n> {
    /// Where the first GET of each path stands among `all`.
    pub(super) fn lists(all: &[Self]) -> HashMap<&'n str, usize> {
        let gets = all.iter().enumerate().filter(|(_, operation)| operation.kind == "get");
        gets.rev().map(|(at, operation)| (operation.path, at)).collect()
    }

    /// All operations that can be asked for.
    pub(super) fn all(document: &OpenApiDocument<'n>, notes: &mut ImportNotes) -> Vec<Self> {
        const KINDS: [&str; 6] = ["get", "post", "put", "patch", "delete", "head"];
        const NO_OPERATIONS: [&str; 5] =
            ["parameters", "servers", "summary", "description", "$ref"];
        let mut found = vec![];
        for (path, shared) in pairs(document.root.get("paths")) {
            if path.starts_with("x-") {
                continue;
            }
            let shared = match document.resolve(shared) {
                Ok(shared) => shared,
                Err(reason) => {
                    notes.drop(reason, path.to_owned());
                    continue;
                }
            };
            for (verb, node) in pairs(Some(shared)) {
                let kind = KINDS.into_iter().find(|kind| *kind == verb);
                let Some(kind) = kind else {
                    if !NO_OPERATIONS.contains(&verb) && !verb.starts_with("x-") {
                        notes.drop(
                            "no step sends it",
                            format!("{} {path}", verb.to_ascii_uppercase()),
                        );
                    }
                    continue;
                };
                let node = match document.resolve(node) {
                    Ok(node) => node,
                    Err(reason) => {
                        notes.drop(reason, format!("{} {path}", verb.to_ascii_uppercase()));
                        continue;
                    }
                };
                let operation = Self { path, kind, node, shared };
                if flag(node, "deprecated") {
                    notes.drop("deprecated", operation.shown());
                } else if !path.starts_with('/') {
                    notes.drop("its path does not begin with `/`", operation.shown());
                } else {
                    found.push(operation);
                }
            }
        }
        for (name, _) in pairs(document.root.get("webhooks")) {
            notes.drop("a webhook: the API calls, and is not called", name.to_owned());
        }
        found
    }

    /// `GET /flights/{id}`
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.verb(), self.path)
    }

    pub(super) fn verb(&self) -> &'static str {
        match self.kind {
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            "delete" => "DELETE",
            "head" => "HEAD",
            _ => "GET",
        }
    }

    pub(super) fn id(&self) -> Option<&'n str> {
        field(self.node, "operationId")
    }

    /// Its summary, as a comment of one line.
    pub(super) fn summary(&self) -> Option<String> {
        let summary = field(self.node, "summary")?.trim();
        let line = summary.lines().next().filter(|line| !line.is_empty())?;
        Some(shown_without_secrets(line).chars().take(100).collect())
    }

    /// Parameters of the path and of the operation, which replace the path's.
    pub(super) fn parameters(
        &self,
        document: &OpenApiDocument<'n>,
    ) -> Result<Vec<Parameter<'n>>, String> {
        let mut found: Vec<Parameter<'n>> = vec![];
        for node in [self.shared, self.node] {
            for node in items(node.get("parameters")) {
                let node = document.resolve(node)?;
                let (Some(name), Some(place)) = (field(node, "name"), field(node, "in")) else {
                    return Err(format!(
                        "the parameter on line {} has no name or place",
                        node.span.line
                    ));
                };
                found.retain(|known| (known.name, known.place) != (name, place));
                found.push(Parameter { name, place, node });
            }
        }
        Ok(found)
    }

    /// The list whose items have the id that this path ends with, what to capture there, and for which parameter:
    /// `GET /pets` for `/pets/{petId}`. `lists` knows by its path where each GET stands among `all`.
    pub(super) fn list_before(
        &self,
        (all, lists): (&[Self], &HashMap<&str, usize>),
        document: &OpenApiDocument<'n>,
    ) -> Option<(usize, CaptureDraft, String)> {
        let (before, rest) = self.path.split_once("/{")?;
        let (parameter, rest) = rest.split_once('}')?;
        if rest.contains('{') || before.is_empty() {
            return None;
        }
        let given = self.parameters(document).ok()?;
        let described = given.iter().find(|known| known.name == parameter && known.place == "path");
        if described.is_some_and(|known| ExampleMaker::has_example(known.node)) {
            return None;
        }
        let at = *lists.get(before)?;
        let owner = singular(&snake(before.rsplit('/').next().unwrap_or_default()));
        let path = all[at].path_to_id(parameter, document)?;
        let hint = snake(parameter);
        let mut name = if hint == "id" { format!("{owner}_id") } else { hint };
        if is_reserved(&name) {
            name.push_str("_value");
        }
        Some((at, CaptureDraft { name, from: CaptureOrigin::Json(path) }, parameter.to_owned()))
    }

    /// Where the first item's id stands in the answer: `$[0].id`, `$.pets[0].id`.
    fn path_to_id(&self, parameter: &str, document: &OpenApiDocument<'n>) -> Option<String> {
        let schema = self.answer_schema(document)?;
        let id_of = |list: &'n Node| {
            let item = document.resolve(list.get("items")?).ok()?;
            let names = [parameter, "id"];
            let found = names.iter().find(|name| {
                let properties = item.get("properties");
                properties.is_some_and(|properties| properties.get(name).is_some())
            })?;
            let plain = found.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && found.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            plain.then(|| (*found).to_owned())
        };
        if let Some(id) = id_of(schema) {
            return Some(format!("$[0].{id}"));
        }
        pairs(schema.get("properties")).find_map(|(key, node)| {
            let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let id = id_of(document.resolve(node).ok()?).filter(|_| plain)?;
            Some(format!("$.{key}[0].{id}"))
        })
    }

    /// The schema of its good answer.
    fn answer_schema(&self, document: &OpenApiDocument<'n>) -> Option<&'n Node> {
        let (_, answer) =
            pairs(self.node.get("responses")).find(|(status, _)| status.starts_with('2'))?;
        let answer = document.resolve(answer).ok()?;
        let of_content = || {
            let (_, media) =
                pairs(answer.get("content")).find(|(kind, _)| kind.contains("json"))?;
            media.get("schema")
        };
        document.resolve(answer.get("schema").or_else(of_content)?).ok()
    }

    /// The statuses that it promises where all is well.
    pub(super) fn status(&self) -> Option<String> {
        let statuses: Vec<&str> = pairs(self.node.get("responses"))
            .map(|(status, _)| status)
            .filter(|status| status.starts_with('2') && status.len() == 3)
            .collect();
        let exact = |status: &&str| status.bytes().all(|b| b.is_ascii_digit());
        match statuses[..] {
            [] => None,
            [only] if exact(&only) => Some(only.to_owned()),
            _ if statuses.iter().all(exact) => Some(format!("[{}]", statuses.join(", "))),
            _ => Some("2xx".to_owned()),
        }
    }
}

/// Credentials by the schemes of the description.
#[derive(Debug)]
pub(super) struct Security<'n> {
    schemes: Vec<(&'n str, &'n Node)>,
    everywhere: Option<&'n Node>,
    pub(super) secrets: FoundSecrets,
}

impl<'n> Security<'n> {
    pub(super) fn new(document: &OpenApiDocument<'n>, secrets: FoundSecrets) -> Self {
        let components = document.root.get("components");
        let schemes = components
            .and_then(|components| components.get("securitySchemes"))
            .or_else(|| document.root.get("securityDefinitions"));
        let schemes = pairs(schemes)
            .filter_map(|(name, node)| Some((name, document.resolve(node).ok()?)))
            .collect();
        Self { schemes, everywhere: document.root.get("security"), secrets }
    }

    /// Puts credentials into a step: those of the first way that the operation offers.
    pub(super) fn apply(
        &mut self,
        operation: &Operation<'n>,
        step: &mut RequestDraft,
        notes: &mut ImportNotes,
    ) {
        let ways = items(operation.node.get("security").or(self.everywhere));
        // An empty way means that nothing is needed.
        if ways.iter().any(|way| pairs(Some(way)).next().is_none()) {
            return;
        }
        let Some(way) = ways.first() else { return };
        for (name, _) in pairs(Some(way)) {
            let Some((_, scheme)) = self.schemes.iter().find(|(known, _)| *known == name) else {
                notes.drop("a security scheme that is not described", name.to_owned());
                continue;
            };
            let scheme = *scheme;
            let mut hide = |key: &str| {
                let value = format!("{name} {key}");
                DraftText(vec![self.secrets.hide(key, &value, &step.name, notes)])
            };
            match (field(scheme, "type"), field(scheme, "in"), field(scheme, "name")) {
                (Some("apiKey"), Some("header"), Some(key)) => {
                    let value = hide(key);
                    step.headers.push((key.to_ascii_lowercase(), value));
                }
                (Some("apiKey"), Some("query"), Some(key)) => {
                    let value = hide(key);
                    step.query.push((encoded(key), Some(value)));
                }
                (Some("apiKey"), Some("cookie"), Some(key)) => {
                    let mut value = DraftText::literal(format!("{key}="));
                    value.0.extend(hide(key).0);
                    step.headers.push(("cookie".to_owned(), value));
                }
                (Some("basic"), ..) => {
                    step.basic = Some((hide("user"), hide("password")));
                }
                (Some("http"), ..) => {
                    let scheme = field(scheme, "scheme").unwrap_or("bearer").to_ascii_lowercase();
                    match scheme.as_str() {
                        "basic" => step.basic = Some((hide("user"), hide("password"))),
                        "bearer" => step.bearer = Some(hide("token")),
                        "digest" => {
                            let reason = "a digest authorization: each request needs an answer to a new challenge";
                            notes.drop(reason, step.name.clone());
                        }
                        _ => step.headers.push(("authorization".to_owned(), hide("authorization"))),
                    }
                }
                (Some("oauth2" | "openIdConnect"), ..) => {
                    step.bearer = Some(hide("token"));
                }
                _ => notes.drop("a security scheme that no step knows", name.to_owned()),
            }
        }
        if step.bearer.is_some() && step.basic.is_some() {
            step.basic = None;
        }
    }
}

/// Percent-encoded, as a part of a path or query.
pub(super) fn encoded(text: impl AsRef<str>) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'@')
        .remove(b'[')
        .remove(b']')
        .remove(b',');
    utf8_percent_encode(text.as_ref(), KEPT).to_string()
}
