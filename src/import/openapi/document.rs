//! The tree of a description: references, servers and operations.

use url::Url;

use crate::import::note::ImportNotes;
use crate::import::problem;
use crate::scenario::{Node, NodeValue, Problem};

/// References may lead to references; this many are followed.
const REFERENCES_MAX: usize = 32;
/// Where a target stands that the description does not tell.
const TARGET: &str = "http://127.0.0.1:8080";

/// A description.
#[derive(Debug)]
pub(super) struct OpenApiDocument<'n> {
    pub(super) root: &'n Node,
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
    pub(super) fn new(root: &'n Node) -> Result<Self, Vec<Problem>> {
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
            Some(paths) if matches!(paths.value, NodeValue::Mapping(_)) => Ok(Self { root }),
            Some(paths) => Err(vec![problem(paths.span, "`paths` is no mapping of paths", None)]),
            None => Err(vec![problem(root.span, "the description has no `paths`", None)]),
        }
    }

    /// What a reference leads to; anything else is itself.
    pub(super) fn resolve(&self, node: &'n Node) -> Result<&'n Node, String> {
        let mut node = node;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = field(node, "$ref") else { return Ok(node) };
            let line = node.span.line;
            let Some(pointer) = reference.strip_prefix("#/") else {
                return Err(format!("`{reference}` (line {line}) is in another file"));
            };
            let mut found = self.root;
            for part in pointer.split('/') {
                let part = part.replace("~1", "/").replace("~0", "~");
                let index = part.parse::<usize>().ok();
                let item = index.and_then(|index| items(Some(found)).get(index));
                found = found
                    .get(&part)
                    .or(item)
                    .ok_or_else(|| format!("`{reference}` (line {line}) leads nowhere"))?;
            }
            node = found;
        }
        Err(format!("references from line {} lead in a circle", node.span.line))
    }

    /// The first server.
    pub(super) fn target(&self, notes: &mut ImportNotes) -> String {
        let servers = items(self.root.get("servers"));
        let mut urls = servers.iter().filter_map(|server| {
            let mut url = field(server, "url")?.to_owned();
            for (name, variable) in pairs(server.get("variables")) {
                let default = field(variable, "default").unwrap_or_default();
                url = url.replace(&format!("{{{name}}}"), default);
            }
            Some(url)
        });
        let first = urls.next().or_else(|| self.swagger_server());
        for other in urls {
            notes.drop("servers beyond the first", other);
        }
        let Some(first) = first else {
            notes.change("it names no server: this one is used instead", TARGET);
            return TARGET.to_owned();
        };
        let joined = Url::parse(TARGET).and_then(|base| base.join(&first));
        match joined {
            Ok(url) if url.scheme().starts_with("http") && url.has_host() => {
                let origin = crate::import::har::origin_of(&url);
                if !first.starts_with("http") {
                    notes.change("its server has no host: this one is used instead", TARGET);
                }
                format!("{origin}{}", url.path().trim_end_matches('/'))
            }
            _ => {
                notes.change("its server is not a URL: this one is used instead", TARGET);
                TARGET.to_owned()
            }
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
