//! The files of a description: the one that is imported, and those that its references lead to.

use percent_encoding::percent_decode_str;

use super::json;
use plimsoll_scenario::{Node, NodeValue, Problem, Problems, SourceId, yaml};

/// The most files that one description is made of.
const FILES_MAX: usize = 2_000;
/// The most values of one file: Microsoft Graph's description has a million and a half.
const NODES_MAX: usize = 20_000_000;

/// Reads a file by its path relative to the description's folder, and names it for problems.
pub type ReadReference<'r> = dyn FnMut(&str) -> Option<(SourceId, String)> + 'r;

/// A file of a description.
#[derive(Debug)]
pub(super) struct DescriptionFile {
    /// Relative to the description's folder, with `/` between folders.
    pub(super) path: String,
    pub(super) source: SourceId,
    pub(super) root: Node,
}

/// Reads a description and everything that it refers to. Files that cannot be read are left to the references.
pub(super) fn load(
    (path, text): (&str, &str),
    source: SourceId,
    read: &mut ReadReference<'_>,
) -> Result<Vec<DescriptionFile>, Vec<Problem>> {
    let root = tree(text, source)?;
    let mut files = vec![DescriptionFile { path: path.to_owned(), source, root }];
    let mut tried = vec![path.to_owned()];
    let mut at = 0;
    while at < files.len() {
        let mut found = vec![];
        references(&files[at].root, &mut found);
        let wanted: Vec<String> =
            found.iter().filter_map(|reference| file_of(&files[at].path, reference)).collect();
        for path in wanted {
            if tried.contains(&path) || files.len() >= FILES_MAX {
                continue;
            }
            tried.push(path.clone());
            if let Some((source, text)) = read(&path) {
                files.push(DescriptionFile { root: tree(&text, source)?, path, source });
            }
        }
        at += 1;
    }
    Ok(files)
}

/// A text as a tree: JSON where it is JSON, else YAML.
fn tree(text: &str, source: SourceId) -> Result<Node, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let as_json = text.trim_start().starts_with(['{', '[']).then(|| json::parse(text, source));
    if let Some(Ok(node)) = as_json {
        return Ok(node);
    }
    let yaml = |text: &str| {
        let mut problems = Problems::default();
        let root = yaml::parse_within(text, source, NODES_MAX, &mut problems);
        match root {
            Some(root) if problems.is_empty() => Ok(root),
            _ => Err(problems.into_sorted()),
        }
    };
    // Readers of YAML mostly accept brackets that close further left than the language allows.
    yaml(text).or_else(|problems| {
        yaml(&indented(text)).map_err(|_| match as_json {
            // What begins as JSON and has quotes around its keys was meant to be JSON.
            Some(Err(of_json)) if text.trim_start()[1..].trim_start().starts_with('"') => of_json,
            _ => problems,
        })
    })
}

/// The text with every line that begins inside of brackets moved to the right.
fn indented(text: &str) -> String {
    const SHIFT: usize = 100;
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    // A text below `key: |` holds no brackets: its lines are indented more than this.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let bare = line.trim();
        if depth == 0 && block.is_some_and(|outer| indent > outer || bare.is_empty()) {
            out.push_str(line);
            continue;
        }
        block = None;
        if depth > 0 && quote.is_none() {
            out.push_str(&" ".repeat(SHIFT));
        }
        out.push_str(line);
        let content = if depth == 0 { value_of(bare) } else { bare };
        if depth == 0 && !content.starts_with(['[', '{']) {
            let sign = content.split_whitespace().next().unwrap_or_default();
            if sign.starts_with(['|', '>']) && sign.len() <= 3 {
                block = Some(indent);
            }
            continue;
        }
        let mut before = ' ';
        for c in content.chars() {
            match quote {
                Some(open) if c == open && before != '\\' => quote = None,
                None if c == '#' && before == ' ' => break,
                None if matches!(c, '"' | '\'')
                    && matches!(before, ' ' | '[' | '{' | ',' | ':') =>
                {
                    quote = Some(c);
                }
                None if matches!(c, '[' | '{') => depth += 1,
                None if matches!(c, ']' | '}') => depth = depth.saturating_sub(1),
                Some(_) | None => {}
            }
            before = c;
        }
        if depth == 0 {
            quote = None;
        }
    }
    out
}

/// What stands behind the dashes and the key of a line.
fn value_of(line: &str) -> &str {
    let mut rest = line;
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    rest.split_once(": ").map_or(rest, |(_, value)| value.trim_start())
}

/// All references below a node.
fn references<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Sequence(items) => items.iter().for_each(|item| references(item, found)),
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                match &value.value {
                    NodeValue::Scalar(scalar) if key.text == "$ref" => {
                        if !scalar.text.starts_with('#') && !found.contains(&scalar.text.as_str()) {
                            found.push(&scalar.text);
                        }
                    }
                    _ => references(value, found),
                }
            }
        }
    }
}

/// The path of the file that a reference in the file `base` leads to; none where it stays in it or leaves this machine.
pub(super) fn file_of(base: &str, reference: &str) -> Option<String> {
    let file = reference.split('#').next().unwrap_or_default();
    if file.is_empty() || file.contains("://") || file.starts_with('/') {
        return None;
    }
    let file = percent_decode_str(file).decode_utf8_lossy();
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_from_file_to_file() {
        let mut read = |path: &str| match path {
            "paths/a.yaml" => {
                Some((SourceId(1), "get: { $ref: \"../ops/get.yaml#/x\" }\n".to_owned()))
            }
            "ops/get.yaml" => Some((SourceId(2), "x: { summary: y }\n".to_owned())),
            _ => None,
        };
        let text = "paths:\n  /a: { $ref: \"./paths/a.yaml\" }\n  /b: { $ref: \"missing.yaml\" }\n";
        let files = load(("api.yaml", text), SourceId(0), &mut read).expect("files");
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["api.yaml", "paths/a.yaml", "ops/get.yaml"]);
        assert_eq!(file_of("a/b.yaml", "../../c.yaml").as_deref(), Some("../c.yaml"));
        assert_eq!(file_of("a.yaml", "https://x.test/b.yaml"), None);
    }

    #[test]
    fn brackets_may_close_below_their_key() {
        for text in [
            "a: [\n  { b: 1 }\n]\nc: 2\n",
            "a:\n  b:\n    c: [\n      \"x\"\n    ]\n    d: 1\n",
            "a: {\n\"b\": \"]\",\n\"c\": [\n1\n]\n}\nd: |\n  x: [\n  y\ne: 1\n",
        ] {
            let node =
                tree(text, SourceId(0)).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
            assert!(matches!(&node.value, NodeValue::Mapping(_)));
        }
        let node = tree("a: [\n1\n]\nd: |\n  x: [\n  y\n", SourceId(0)).expect("a tree");
        assert_eq!(plimsoll_scenario::json_of_node(&node)["d"], "x: [\ny\n");
    }
}
