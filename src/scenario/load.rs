//! Reading all files of a scenario, through a reader that is passed in.

use std::io;
use std::path::{Path, PathBuf};

use super::encoding::Encoding;
use super::environment::{self, EnvironmentExpansion, EnvironmentUse, Lookup};
use super::{
    Node, NodeValue, Problem, ProblemKind, Problems, Scenario, SourceFiles, SourceId, Span,
    Spanned, Stack, yaml,
};

/// Reads a file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// The largest file that is read, in bytes.
const FILE_LIMIT: usize = 1 << 30;

/// What reading a scenario came to. It may become a plan only if there are no problems.
#[derive(Debug, Default)]
pub struct Loaded {
    /// As much of the scenario as could be understood.
    pub scenario: Option<Scenario>,
    /// What is wrong, by place.
    pub problems: Vec<Problem>,
    /// Where `<<` takes over entries, which YAML 1.1 has and 1.2 has not.
    pub merges: Vec<Span>,
    /// All files, and the secrets that came from the environment.
    pub sources: SourceFiles,
}

/// Reads the scenario at `path`, a folder with `scenario.yaml` or the file itself, with its stack and data.
///
/// `settings` are `--set` values: a dotted path into the file and a value, `("http.timeout", "5s")`.
pub fn load(
    path: &Path,
    settings: &[(String, String)],
    read: ReadFile<'_>,
    lookup: Lookup<'_>,
) -> Loaded {
    let mut loader =
        Loader { read, lookup, sources: SourceFiles::default(), problems: Problems::default() };
    let scenario = loader.scenario(&scenario_file(path), settings);
    environment::tidy_secrets(&mut loader.sources.secrets);
    let merges = loader.problems.merges().to_vec();
    Loaded { scenario, problems: loader.problems.into_sorted(), merges, sources: loader.sources }
}

/// Reads a stack file on its own.
pub fn load_stack(
    path: &Path,
    read: ReadFile<'_>,
    lookup: Lookup<'_>,
) -> (Option<Stack>, Vec<Problem>, SourceFiles) {
    let mut loader =
        Loader { read, lookup, sources: SourceFiles::default(), problems: Problems::default() };
    let node = loader.tree(path, &on_command_line(path), LoadedFile::Stack);
    let stack = node
        .and_then(|node| Stack::read(&node, &mut loader.problems))
        .map(|stack| Stack { folder: folder_of(path), ..stack });
    environment::tidy_secrets(&mut loader.sources.secrets);
    (stack, loader.problems.into_sorted(), loader.sources)
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// The file that `path` means.
pub fn scenario_file(path: &Path) -> PathBuf {
    if is_yaml(path) { path.to_owned() } else { path.join("scenario.yaml") }
}

fn on_command_line(path: &Path) -> Spanned<String> {
    Spanned::new(path.display().to_string(), Span::COMMAND_LINE)
}

/// The kind of a file, which says where secrets are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoadedFile {
    Scenario,
    Stack,
}

struct Loader<'a> {
    read: ReadFile<'a>,
    lookup: Lookup<'a>,
    sources: SourceFiles,
    problems: Problems,
}

impl Loader<'_> {
    fn scenario(&mut self, path: &Path, settings: &[(String, String)]) -> Option<Scenario> {
        let mut node = self.tree(path, &on_command_line(path), LoadedFile::Scenario)?;
        for (key, value) in settings {
            self.set(&mut node, key, value);
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut scenario = Scenario::read(&node, folder.clone(), &mut self.problems)?;
        if let Some(file) = &scenario.stack_file {
            let path = folder.join(&file.value);
            scenario.stack = self
                .stack_tree(&path, file)
                .and_then(|node| Stack::read(&node, &mut self.problems))
                .map(|stack| Stack { folder: folder_of(&path), ..stack });
        }
        for data in &mut scenario.data {
            if let (Some(_), false) = (data.format, data.file.value.is_empty()) {
                data.source = self.data(&folder.join(&data.file.value), &data.file, data.encoding);
            }
        }
        self.require_tls_files(&scenario, &folder);
        Some(scenario)
    }

    /// The tree of a stack's file. No other file is opened by this name, for what is wrong in it would be shown.
    fn stack_tree(&mut self, path: &Path, named: &Spanned<String>) -> Option<Node> {
        if !is_yaml(path) {
            let kind = ProblemKind::FileNotYaml { path: named.value.clone() };
            self.problems.report(named.span, kind);
            return None;
        }
        self.tree(path, named, LoadedFile::Stack)
    }

    /// The tree of a file, with the environment's values in it.
    fn tree(&mut self, path: &Path, named: &Spanned<String>, kind: LoadedFile) -> Option<Node> {
        let source = self.text(path, named)?;
        let text = self.sources.get(source)?.text.clone();
        let mut node = yaml::parse(&text, source, &mut self.problems)?;
        self.expand(&mut node, kind);
        Some(node)
    }

    fn expand(&mut self, root: &mut Node, kind: LoadedFile) {
        match &mut root.value {
            NodeValue::Mapping(entries) if kind == LoadedFile::Scenario => {
                for (key, node) in entries {
                    self.expand_part(&key.text, node);
                }
            }
            _ => self.expand_value(root, EnvironmentUse::Service),
        }
    }

    /// Expands what stands under a key of a scenario file.
    fn expand_part(&mut self, key: &str, node: &mut Node) {
        match (key, &mut node.value) {
            ("target" | "green", _) => self.expand_value(node, EnvironmentUse::Address),
            ("scenarios" | "flows" | "sessions", _) => {
                self.expand_value(node, EnvironmentUse::Request);
            }
            ("http", NodeValue::Mapping(entries)) => {
                for (key, node) in entries {
                    let used = match key.text.as_str() {
                        "headers" => EnvironmentUse::Request,
                        "proxy" => EnvironmentUse::Address,
                        _ => EnvironmentUse::Setting,
                    };
                    self.expand_value(node, used);
                }
            }
            _ => self.expand_value(node, EnvironmentUse::Setting),
        }
    }

    fn expand_value(&mut self, node: &mut Node, used: EnvironmentUse) {
        let mut expansion = EnvironmentExpansion {
            lookup: self.lookup,
            sources: &mut self.sources,
            problems: &mut self.problems,
        };
        expansion.expand(node, used);
    }

    /// The text of a file that is named at a place of another.
    fn text(&mut self, path: &Path, named: &Spanned<String>) -> Option<SourceId> {
        let bytes = self.bytes(path, named)?;
        let Ok(text) = String::from_utf8(bytes) else {
            let kind = ProblemKind::FileNotText { path: named.value.clone() };
            self.problems.report(named.span, kind);
            return None;
        };
        // Editors on Windows begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Some(self.sources.add(path.display().to_string(), text))
    }

    /// The text of a data file.
    fn data(
        &mut self,
        path: &Path,
        named: &Spanned<String>,
        encoding: Encoding,
    ) -> Option<SourceId> {
        let bytes = self.bytes(path, named)?;
        let Some(text) = encoding.decode(bytes) else {
            let kind =
                ProblemKind::DataNotText { path: named.value.clone(), encoding: encoding.name() };
            self.problems.report(named.span, kind);
            return None;
        };
        Some(self.sources.add_data(path.display().to_string(), text))
    }

    fn bytes(&mut self, path: &Path, named: &Spanned<String>) -> Option<Vec<u8>> {
        let reason = match (self.read)(path) {
            Ok(bytes) if bytes.len() <= FILE_LIMIT => return Some(bytes),
            Ok(_) => "it is larger than 1 GiB".to_owned(),
            Err(error) => plain_reason(&error),
        };
        let kind = ProblemKind::FileUnreadable { path: named.value.clone(), reason };
        self.problems.report(named.span, kind);
        None
    }

    /// Certificates are the transport's to read, but a missing file is a mistake of the scenario.
    fn require_tls_files(&mut self, scenario: &Scenario, folder: &Path) {
        let tls = &scenario.http.tls;
        for file in tls.ca.iter().chain(&tls.cert).chain(&tls.key) {
            self.bytes(&folder.join(&file.value), file);
        }
    }

    /// Expands a `--set` value for the place that it is put in.
    fn expand_setting(&mut self, node: &mut Node, key: &str) {
        let mut parts = key.split('.');
        let part = parts.next().unwrap_or_default();
        let last = parts.next_back().unwrap_or_default();
        match (part, last) {
            ("scenarios" | "flows" | "sessions", last) => {
                self.expand_value(node, EnvironmentUse::Request.of_key(last));
            }
            ("http", _) if key.starts_with("http.headers") => {
                self.expand_value(node, EnvironmentUse::Request);
            }
            (part, _) => self.expand_part(part, node),
        }
    }

    /// Puts a `--set` value into the tree.
    fn set(&mut self, root: &mut Node, key: &str, value: &str) {
        let text = format!("{key}={value}");
        let source = self.sources.add("--set", text);
        let Some(mut new) = yaml::parse(value, source, &mut self.problems) else { return };
        let length = key.chars().count() as u32;
        let span = Span { source, line: 1, column: 1, length };
        shift(&mut new, length + 1);
        self.expand_setting(&mut new, key);
        let mut node = root;
        for part in key.split('.') {
            if node.is_null() {
                node.value = NodeValue::Mapping(vec![]);
            }
            let found = node.kind();
            let NodeValue::Mapping(entries) = &mut node.value else {
                let kind = ProblemKind::WrongShape { expected: "a mapping", found };
                self.problems.report(span, kind);
                return;
            };
            let index = entries.iter().position(|(known, _)| known.text == part);
            let index = index.unwrap_or_else(|| {
                let nothing = yaml::Scalar { text: String::new(), plain: true };
                let nothing = Node { span, value: NodeValue::Scalar(nothing) };
                entries.push((yaml::KeyNode { text: part.to_owned(), span }, nothing));
                entries.len() - 1
            });
            node = &mut entries[index].1;
        }
        *node = new;
    }
}

/// Moves everything on the first line by `columns`, because the value stands behind its key.
fn shift(node: &mut Node, columns: u32) {
    if node.span.line == 1 {
        node.span.column += columns;
    }
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Sequence(items) => items.iter_mut().for_each(|item| shift(item, columns)),
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                if key.span.line == 1 {
                    key.span.column += columns;
                }
                shift(value, columns);
            }
        }
    }
}

/// The system's reason without its number.
fn plain_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
