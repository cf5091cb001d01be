//! The tree of a description: references and servers.

use std::cell::RefCell;
use std::collections::HashMap;

use url::Url;

use super::files::{DescriptionFile, file_of};
use crate::note::ImportNotes;
use crate::problem;
use crate::secrets::shown_without_secrets;
use plimsoll_scenario::{Node, NodeValue, Problem, SourceId};

/// References may lead to references; this many are followed.
const REFERENCES_MAX: usize = 32;
/// Where a target stands that the description does not tell.
const TARGET: &str = "http://127.0.0.1:8080";

/// A description.
#[derive(Debug)]
pub(super) struct OpenApiDocument<'n> {
    pub(super) root: &'n Node,
    files: &'n [DescriptionFile],
    /// What references lead to, by the file that they stand in.
    known: RefCell<HashMap<(SourceId, &'n str), &'n Node>>,
}

/// The text of a scalar.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        NodeValue::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// The text of a field.
pub(super) fn field<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    text(node.get(name)?)
}

/// Whether a field says `true`.
pub(super) fn flag(node: &Node, name: &str) -> bool {
    field(node, name) == Some("true")
}

/// The items of a list; none where there is none.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(NodeValue::Sequence(items)) => items,
        _ => &[],
    }
}

/// The entries of a mapping; none where there is none.
pub(super) fn pairs(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match node.map(|node| &node.value) {
        Some(NodeValue::Mapping(entries)) => &entries[..],
        _ => &[],
    };
    entries.iter().map(|(key, node)| (key.text.as_str(), node))
}

impl<'n> OpenApiDocument<'n> {
    /// Checks that it is one.
    pub(super) fn new(files: &'n [DescriptionFile]) -> Result<Self, Vec<Problem>> {
        let Some(root) = files.first().map(|file| &file.root) else { return Err(vec![]) };
        let version = field(root, "openapi").or_else(|| field(root, "swagger"));
        let hint = Some("`openapi: 3.x` or `swagger: \"2.0\"` stands at its top");
        match version {
            None => return Err(vec![problem(root.span, "not an OpenAPI description", hint)]),
            Some(version) if version.starts_with("3.") || version.starts_with("2.") => {}
            Some(version) => {
                let message = format!("version {version} of OpenAPI is not known here");
                return Err(vec![problem(root.span, message, hint)]);
            }
        }
        match root.get("paths") {
            Some(paths) if matches!(paths.value, NodeValue::Mapping(_)) => {
                Ok(Self { root, files, known: RefCell::default() })
            }
            Some(paths) => Err(vec![problem(paths.span, "`paths` is no mapping of paths", None)]),
            None => Err(vec![problem(root.span, "the description has no `paths`", None)]),
        }
    }

    /// What a reference leads to; anything else is itself.
    pub(super) fn resolve(&self, node: &'n Node) -> Result<&'n Node, String> {
        let mut node = node;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = field(node, "$ref") else { return Ok(node) };
            let key = (node.span.source, reference);
            let known = self.known.borrow().get(&key).copied();
            let found = match known {
                Some(found) => found,
                None => self.find(reference, node)?,
            };
            self.known.borrow_mut().insert(key, found);
            node = found;
        }
        Err(format!("references from line {} lead in a circle", node.span.line))
    }

    fn find(&self, reference: &str, from: &Node) -> Result<&'n Node, String> {
        let line = from.span.line;
        let here = self.files.iter().find(|file| file.source == from.span.source);
        let here = here.or(self.files.first()).ok_or("there is no file")?;
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let file = match file {
            "" => here,
            file if file.contains("://") => {
                return Err(format!(
                    "`{reference}` (line {line}) is in another file, on the network: save it beside this one"
                ));
            }
            _ => {
                let path = file_of(&here.path, reference);
                let found = self.files.iter().find(|file| Some(&file.path) == path.as_ref());
                found.ok_or_else(|| {
                    format!("`{reference}` (line {line}) is in another file, which cannot be read")
                })?
            }
        };
        let mut found = &file.root;
        for part in pointer.split('/').filter(|part| !part.is_empty()) {
            let part = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
            let part = part.replace("~1", "/").replace("~0", "~");
            let index = part.parse::<usize>().ok();
            let item = index.and_then(|index| items(Some(found)).get(index));
            // A reference may lead through another.
            let node =
                if found.get(&part).is_none() && item.is_none() && found.get("$ref").is_some() {
                    self.resolve(found)?
                } else {
                    found
                };
            found = node
                .get(&part)
                .or(item)
                .ok_or_else(|| format!("`{reference}` (line {line}) leads nowhere"))?;
        }
        Ok(found)
    }

    /// The first server; where none is named for all, the first that a path or operation names.
    pub(super) fn target(&self, notes: &mut ImportNotes) -> String {
        let mut urls = server_urls(self.root).into_iter();
        let first = urls.next().or_else(|| self.swagger_server());
        for other in urls {
            notes.drop("servers beyond the first", shown_without_secrets(&other));
        }
        let below = || {
            let paths =
                pairs(self.root.get("paths")).filter_map(|(_, path)| self.resolve(path).ok());
            paths
                .flat_map(|path| {
                    std::iter::once(path).chain(pairs(Some(path)).map(|(_, node)| node))
                })
                .find_map(|node| server_urls(node).into_iter().next())
        };
        let Some(first) = first.or_else(below) else {
            notes.change("it names no server: this one is used instead", TARGET);
            return TARGET.to_owned();
        };
        if let Some(url) = absolute(&first) {
            if !first.starts_with("http") {
                notes.change("its server has no host: this one is used instead", TARGET);
            }
            url
        } else {
            notes.change("its server is not a URL: this one is used instead", TARGET);
            TARGET.to_owned()
        }
    }

    fn swagger_server(&self) -> Option<String> {
        let path = field(self.root, "basePath").unwrap_or_default();
        let Some(host) = field(self.root, "host") else {
            return (!path.is_empty()).then(|| path.to_owned());
        };
        let scheme = items(self.root.get("schemes")).first().and_then(text).unwrap_or("https");
        Some(format!("{scheme}://{host}{path}"))
    }
}

/// The URLs of the servers that a description, path or operation names, with defaults for their variables.
fn server_urls(node: &Node) -> Vec<String> {
    let url = |server: &Node| {
        let mut url = field(server, "url")?.to_owned();
        for (name, variable) in pairs(server.get("variables")) {
            let default = field(variable, "default").unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        Some(url)
    };
    items(node.get("servers")).iter().filter_map(url).collect()
}

/// A server's URL without a slash at its end; without a host, on [`TARGET`].
fn absolute(server: &str) -> Option<String> {
    let url = Url::parse(TARGET).and_then(|base| base.join(server)).ok()?;
    let fits = url.scheme().starts_with("http") && url.has_host();
    let origin = crate::har::origin_of(&url);
    fits.then(|| format!("{origin}{}", url.path().trim_end_matches('/')))
}

/// The server that a path or operation has for itself.
pub(super) fn own_server(nodes: [&Node; 2]) -> Option<String> {
    nodes
        .iter()
        .find_map(|node| server_urls(node).into_iter().next())
        .and_then(|url| absolute(&url))
}
