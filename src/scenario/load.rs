//! Reading all files of a scenario, through a reader that is passed in.

mod calls;
mod paths;
mod reason;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use self::calls::note_files;
use self::paths::normal;
use self::reason::{hint_of_missing, plain_reason};
use super::access::{FILE_LIMIT, FileAccess, ReadFile};
use super::encoding::{Encoding, text_of_yaml};
use super::environment::{self, EnvironmentExpansion, EnvironmentUse, Lookup};
use super::source::SETTING;
use super::variables::ScenarioVariables;
use super::{
    Decode, FileContent, Node, NodeValue, Problem, ProblemKind, Problems, Scenario, SourceFiles,
    SourceId, Span, Spanned, Stack, one_or_many, yaml,
};

/// The most files that a scenario is made of, included ones counted as often as they are.
const INCLUDE_LIMIT: usize = 32;
/// The largest file whose content is held to be sent, in bytes.
const CONTENT_LIMIT: usize = 64 << 20;

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
    load_from(path, settings, FileAccess::whole(read), lookup)
}

/// [`load`] that leaves large files which are sent where they are.
pub fn load_from(
    path: &Path,
    settings: &[(String, String)],
    files: FileAccess<'_>,
    lookup: Lookup<'_>,
) -> Loaded {
    let mut loader = Loader::new(files, lookup);
    let scenario = loader.scenario(&scenario_file(path), settings);
    environment::tidy_secrets(&mut loader.sources.secrets);
    let merges = loader.problems.merges().to_vec();
    let mut problems = loader.problems.into_sorted();
    if loader.lacks_included {
        problems.retain(|problem| !may_be_included(&problem.kind));
    }
    Loaded { scenario, problems, merges, sources: loader.sources }
}

/// Whether what is missing may stand in a file that could not be read, which has been told.
const fn may_be_included(kind: &ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::MissingField { .. }
            | ProblemKind::NeedsOneOf { .. }
            | ProblemKind::UnknownName { .. }
    )
}

/// Reads a stack file on its own.
pub fn load_stack(
    path: &Path,
    read: ReadFile<'_>,
    lookup: Lookup<'_>,
) -> (Option<Stack>, Vec<Problem>, SourceFiles) {
    let mut loader = Loader::new(FileAccess::whole(read), lookup);
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
    files: FileAccess<'a>,
    lookup: Lookup<'a>,
    sources: SourceFiles,
    problems: Problems,
    /// The folder of the scenario's file.
    folder: PathBuf,
    /// How many files of the scenario were read, included ones among them.
    included: usize,
    /// Whether one of them could not be read.
    lacks_included: bool,
    variables: ScenarioVariables,
}

impl<'a> Loader<'a> {
    fn new(files: FileAccess<'a>, lookup: Lookup<'a>) -> Self {
        Self {
            files,
            lookup,
            sources: SourceFiles::default(),
            problems: Problems::default(),
            folder: PathBuf::new(),
            included: 0,
            lacks_included: false,
            variables: ScenarioVariables::default(),
        }
    }
}

impl Loader<'_> {
    fn scenario(&mut self, path: &Path, settings: &[(String, String)]) -> Option<Scenario> {
        path.parent().unwrap_or(Path::new("")).clone_into(&mut self.folder);
        let mut node = self.with_included(path, &on_command_line(path), &mut vec![])?;
        for (key, value) in settings {
            self.set(&mut node, key, value);
        }
        self.variables = ScenarioVariables::of(&node, &mut self.problems);
        self.finish_tree(&mut node, LoadedFile::Scenario);
        let mut scenario = Scenario::read(&node, self.folder.clone(), &mut self.problems)?;
        if let Some(file) = &scenario.stack_file {
            let path = self.folder_of(file).join(&file.value);
            scenario.stack = self
                .stack_tree(&path, file)
                .and_then(|node| Stack::read(&node, &mut self.problems))
                .map(|stack| Stack { folder: folder_of(&path), ..stack });
        }
        for data in &mut scenario.data {
            if let (Some(_), false) = (data.format, data.file.value.is_empty()) {
                let path = self.folder_of(&data.file).join(&data.file.value);
                data.source = self.data(&path, &data.file, data.encoding);
            }
        }
        self.read_contents();
        self.require_tls_files(&scenario);
        Some(scenario)
    }

    /// The tree of a scenario's file, with what the files that it includes say. `chain` are the files that include it.
    fn with_included(
        &mut self,
        path: &Path,
        named: &Spanned<String>,
        chain: &mut Vec<PathBuf>,
    ) -> Option<Node> {
        self.included += 1;
        if self.included > INCLUDE_LIMIT {
            let kind = ProblemKind::TooManyIncludes { limit: INCLUDE_LIMIT };
            // Once is enough: every further file would say the same.
            if self.included == INCLUDE_LIMIT + 1 {
                self.problems.report(named.span, kind);
            }
            return None;
        }
        let source = self.text(path, named)?;
        let text = self.sources.get(source)?.text.clone();
        let own = yaml::parse(&text, source, &mut self.problems)?;
        let Some(include) = own.get("include") else { return Some(own) };
        chain.push(normal(path));
        let files: Vec<Spanned<String>> = one_or_many(include)
            .iter()
            .filter_map(|item| Spanned::<String>::decode(item, &mut self.problems))
            .collect();
        let mut whole: Option<Node> = None;
        for file in files {
            let path = self.folder_of(&file).join(&file.value);
            let may = self.may_include(&path, &file, chain);
            let included = may.then(|| self.with_included(&path, &file, chain)).flatten();
            let Some(included) = included else {
                self.lacks_included = true;
                continue;
            };
            whole = Some(match whole {
                Some(before) => before.overlaid(included),
                None => included,
            });
        }
        chain.pop();
        Some(match whole {
            Some(before) => before.overlaid(own),
            None => own,
        })
    }

    /// Whether a file may be included; if not, that is reported.
    fn may_include(&mut self, path: &Path, file: &Spanned<String>, chain: &[PathBuf]) -> bool {
        if !is_yaml(path) {
            let kind = ProblemKind::FileNotYaml { path: file.value.clone() };
            self.problems.report(file.span, kind);
            return false;
        }
        let path = normal(path);
        let Some(at) = chain.iter().position(|known| *known == path) else { return true };
        let name = |path: &PathBuf| {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        };
        let mut cycle: Vec<String> = chain[at..].iter().map(name).collect();
        cycle.push(name(&path));
        let kind =
            ProblemKind::IncludeCycle { path: file.value.clone(), cycle: cycle.join(" → ") };
        self.problems.report(file.span, kind);
        false
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

    /// The tree of a file, with variables and the environment's values in it.
    fn tree(&mut self, path: &Path, named: &Spanned<String>, kind: LoadedFile) -> Option<Node> {
        let source = self.text(path, named)?;
        let text = self.sources.get(source)?.text.clone();
        let mut node = yaml::parse(&text, source, &mut self.problems)?;
        self.finish_tree(&mut node, kind);
        Some(node)
    }

    /// Puts in the place of references what they mean.
    fn finish_tree(&mut self, node: &mut Node, kind: LoadedFile) {
        self.variables.place(node, &self.sources, &mut self.problems);
        self.expand(node, kind);
        if kind == LoadedFile::Scenario {
            self.place_documents(node);
            note_files(node, &mut self.problems);
        }
    }

    /// Puts GraphQL documents in the place of the paths that name them.
    fn place_documents(&mut self, node: &mut Node) {
        match &mut node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Sequence(items) => {
                for item in items {
                    self.place_documents(item);
                }
            }
            NodeValue::Mapping(entries) => {
                for (key, value) in entries {
                    let query = (key.text == "graphql").then(|| value.get_mut("query")).flatten();
                    match query {
                        Some(query) => self.place_document(query),
                        None if key.text == "json" => {}
                        None => self.place_documents(value),
                    }
                }
            }
        }
    }

    fn place_document(&mut self, query: &mut Node) {
        let NodeValue::Scalar(scalar) = &mut query.value else { return };
        let is_path = [".graphql", ".gql"].iter().any(|end| scalar.text.ends_with(end));
        if !is_path || scalar.text.contains(['{', '\n']) {
            return;
        }
        let named = Spanned::new(scalar.text.clone(), query.span);
        let path = self.folder_of(&named).join(&named.value);
        let document = self.text(&path, &named).and_then(|source| self.sources.get(source));
        scalar.text = document.map_or_else(String::new, |document| document.text.to_string());
        scalar.plain = false;
    }

    /// The folder of the file that names something.
    fn folder_of(&self, named: &Spanned<String>) -> PathBuf {
        self.sources.folder_of(named.span, &self.folder)
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
        let Some(text) = text_of_yaml(bytes) else {
            let kind = ProblemKind::FileNotText { path: named.value.clone() };
            self.problems.report(named.span, kind);
            return None;
        };
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
        let (reason, hint) = match (self.files.read)(path) {
            Ok(bytes) if bytes.len() <= FILE_LIMIT => return Some(bytes),
            Ok(_) => ("it is larger than 1 GiB".to_owned(), None),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (plain_reason(&error), Some(hint_of_missing(named)))
            }
            Err(error) => (plain_reason(&error), None),
        };
        let kind = ProblemKind::FileUnreadable { path: named.value.clone(), reason, hint };
        self.problems.report(named.span, kind);
        None
    }

    /// Reads the files whose content is sent, each once.
    fn read_contents(&mut self) {
        let named: Vec<Spanned<String>> = self.problems.contents().to_vec();
        for file in named {
            if self.sources.content(&file).is_some() {
                continue;
            }
            let path = self.folder_of(&file).join(&file.value);
            if let Some(large) = (self.files.large)(&path) {
                self.sources.add_content(&file, FileContent::OnDisk(large));
                continue;
            }
            let Some(content) = self.bytes(&path, &file) else { continue };
            if content.len() > CONTENT_LIMIT {
                let reason = "agents hold what they send in memory, and it is larger than 64 MiB; \
                              shards read it from their own disk (`--shard`)"
                    .to_owned();
                let kind =
                    ProblemKind::FileUnreadable { path: file.value.clone(), reason, hint: None };
                self.problems.report(file.span, kind);
                continue;
            }
            self.sources.add_content(&file, FileContent::Held(content.into()));
        }
    }

    /// Certificates are the transport's to read, but a missing file is a mistake of the scenario.
    fn require_tls_files(&mut self, scenario: &Scenario) {
        let tls = &scenario.http.tls;
        for file in tls.ca.iter().chain(&tls.cert).chain(&tls.key) {
            let path = self.folder_of(file).join(&file.value);
            self.bytes(&path, file);
        }
    }

    /// Puts a `--set` value into the tree.
    fn set(&mut self, root: &mut Node, key: &str, value: &str) {
        let text = format!("{key}={value}");
        let source = self.sources.add(SETTING, text);
        let Some(mut new) = yaml::parse(value, source, &mut self.problems) else { return };
        let length = key.chars().count() as u32;
        let span = Span { source, line: 1, column: 1, length };
        shift(&mut new, length + 1);
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

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "\
name: shop
target: http://127.0.0.1:1
stack: stack.yaml
vars: { rate: 10 req/s, region: eu, users: users.csv, stages: [] }
data: { users: { file: '${vars.users}' } }
http: { timeout: 5s, headers: { x-region: '${vars.region}-1' } }
workloads:
  smoke: { stages: [{ rate: '${vars.rate}', duration: 10s }] }
  load: { stages: '${vars.stages}' }
scenarios: { visit: { flow: [{ get: { name: home, url: '/{{ users.id }}' } }] } }
";

    /// Files of a project: an environment's small one in a folder beside the one that it includes.
    fn loaded(staging: &str, settings: &[(&str, &str)]) -> (Loaded, Vec<PathBuf>) {
        let read_paths = std::cell::RefCell::new(vec![]);
        let read = |path: &Path| {
            let path = normal(path);
            read_paths.borrow_mut().push(path.clone());
            let text = match path.to_str() {
                Some("env/staging.yaml") => staging,
                Some("shop/scenario.yaml") => BASE,
                Some("shop/stack.yaml") => {
                    "tiers: { api: { kind: api, cost: '${vars.cost:-$5}' } }"
                }
                Some("shop/users.csv" | "env/few.csv") => "id\n1\n",
                _ => return Err(std::io::ErrorKind::NotFound.into()),
            };
            Ok(text.as_bytes().to_vec())
        };
        let settings: Vec<(String, String)> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let loaded = load(Path::new("env/staging.yaml"), &settings, &read, &|_| None);
        (loaded, read_paths.into_inner())
    }

    const STAGING: &str = "\
include: ../shop/scenario.yaml
target: https://staging.example
vars: { rate: 50 req/s }
workloads: { soak: { stages: [{ rate: 1 iter/s, duration: 1h }] } }
http: { headers: { x-env: '${vars.region}' } }
";

    #[test]
    fn environment_says_in_a_small_file_what_differs() {
        let (loaded, read) = loaded(
            &format!("{STAGING}# end\n"),
            &[("vars.stages", "[{ rate: 7 req/s, duration: 1s }]")],
        );
        assert_eq!(loaded.problems, []);
        let scenario = loaded.scenario.expect("a scenario");
        assert_eq!(scenario.target.value, "https://staging.example");
        let names: Vec<&str> =
            scenario.workloads.iter().map(|known| known.name.value.as_str()).collect();
        assert_eq!(names, ["smoke", "load", "soak"]);
        let shown = format!("{:?}", scenario.workloads);
        assert!(
            shown.contains("50") && shown.contains('7') && !shown.contains("Rate(10"),
            "{shown}"
        );
        // Of `http` each entry is taken as a whole.
        assert!(scenario.http.timeout.is_some());
        assert_eq!(scenario.http.headers[0].1.value, "eu");
        // Paths are relative to the file that names them.
        let expected =
            ["env/staging.yaml", "shop/scenario.yaml", "shop/stack.yaml", "shop/users.csv"];
        assert_eq!(read, expected.map(PathBuf::from));
    }

    #[test]
    fn wrong_value_is_told_in_the_file_and_line_where_it_stands() {
        let wrong = STAGING.replace("50 req/s", "fast, users: ../env/few.csv");
        let (loaded, _) = loaded(&wrong, &[("vars.stages", "[{ rate: 7 req/s, duration: 1s }]")]);
        let [problem] = loaded.problems.as_slice() else { panic!("{:?}", loaded.problems) };
        let file = loaded.sources.get(problem.span.source).expect("a file");
        assert!(file.path.ends_with("staging.yaml"), "{}", file.path);
        assert_eq!((problem.span.line, problem.span.column), (3, 15));
    }
}
