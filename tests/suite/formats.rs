//! A file format is declared once: the readers, the JSON Schema and the pages of `docs/reference/` come from it.
//!
//! `UPDATE_GOLDENS=1 cargo test --test suite formats` writes the pages anew.

mod defaults;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use plimsoll::plan::{Overrides, compile};
use plimsoll::scenario::format::json_schema::json_schema;
use plimsoll::scenario::format::reference::reference_page;
use plimsoll::scenario::format::{Declaration, FileFormat, Grammar, Presence};
use plimsoll::scenario::{
    Node, NodeValue, Problem, ProblemKind, Problems, SCENARIO_FILE, STACK_FILE, SourceId, Span,
    json_of_node, load, load_stack, yaml,
};
use plimsoll::simulator::{SIMULATION_FILE, Simulation};
use serde_json::Value;

const FORMATS: [&FileFormat; 3] = [&SCENARIO_FILE, &STACK_FILE, &SIMULATION_FILE];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn tree(text: &str) -> Node {
    let mut problems = Problems::default();
    let node = yaml::parse(text, SourceId(0), &mut problems);
    assert!(problems.is_empty(), "{text}\n{:?}", problems.into_sorted());
    node.expect("a document")
}

fn json(text: &str) -> Value {
    json_of_node(&tree(text))
}

/// A schema that files are held against.
struct Schema {
    compiler: Compiler,
    schemas: Schemas,
    url: String,
}

impl Schema {
    fn of(format: &FileFormat) -> Self {
        let mut compiler = Compiler::new();
        let url = format!("http://plimsoll/{}", format.file);
        compiler.add_resource(&url, json_schema(format)).expect("a schema");
        Self { compiler, schemas: Schemas::new(), url }
    }

    /// Whether a file fits.
    fn verdict(&mut self, value: &Value) -> Result<(), String> {
        self.verdict_at("", value)
    }

    /// Whether a value fits the part of the schema at a JSON pointer.
    fn verdict_at(&mut self, pointer: &str, value: &Value) -> Result<(), String> {
        let part = self.compiler.compile(&format!("{}#{pointer}", self.url), &mut self.schemas);
        let part =
            part.map_err(|error| format!("{pointer}: {error:#}")).expect("a part of the schema");
        self.schemas.validate(value, part).map_err(|error| format!("{error:#}"))
    }
}

/// Reads a file of a format by the program's own reader.
fn read(format: &FileFormat, text: &str) -> Vec<Problem> {
    let files = |path: &Path| {
        let text = match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => "at,scenario\n0,browse\n",
            Some("yaml") => text,
            _ => "the bytes of some file",
        };
        Ok(text.as_bytes().to_vec())
    };
    match format.file {
        "scenario.yaml" => load(Path::new("scenario.yaml"), &[], &files, &|_| None).problems,
        "stack.yaml" => load_stack(Path::new("stack.yaml"), &files, &|_| None).1,
        _ => Simulation::parse(text, SourceId(0)).err().unwrap_or_default(),
    }
}

/// What an example leaves out because it says nothing about it.
fn completed(format: &FileFormat, example: &str) -> String {
    let skeleton = match format.file {
        "scenario.yaml" => vec![
            ("name", "name: shop"),
            ("target", "target: http://127.0.0.1:8080"),
            ("workloads", "workloads: { load: { stages: [{ rate: 1 iter/s, duration: 1m }] } }"),
            ("scenarios", "scenarios: { browse: { flow: [{ get: { name: home, url: / } }] } }"),
        ],
        "stack.yaml" => vec![("tiers", "tiers: { api: { kind: api } }")],
        _ => vec![
            ("name", "name: shop"),
            ("tiers", "tiers: { api: { kind: api } }"),
            ("routes", "routes: []"),
        ],
    };
    let given = tree(example);
    let missing = skeleton.into_iter().filter(|(key, _)| given.get(key).is_none());
    missing.fold(example.to_owned(), |text, (_, line)| format!("{text}\n{line}\n"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says whether to write the pages")]
fn reference_pages_are_what_the_declarations_say() {
    let update = std::env::var("UPDATE_GOLDENS").is_ok();
    for format in FORMATS {
        let name = format.file.replace(".yaml", ".md");
        let path = root().join("docs/reference").join(&name);
        let page = reference_page(format);
        if update {
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(&path, &page).expect("writable");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "docs/reference/{name} is not what the declarations say");
    }
}

#[test]
fn every_declaration_is_described_and_has_an_example() {
    let mut described = 0;
    for format in FORMATS {
        let mut names = BTreeSet::new();
        for mapping in format.mappings() {
            let place = format!("{}: {}", format.file, mapping.name);
            assert!(names.insert(mapping.name), "{place} is declared twice");
            assert!(mapping.about.ends_with('.'), "{place}");
            let keys: BTreeSet<&str> = mapping.names().into_iter().collect();
            assert_eq!(keys.len(), mapping.names().len(), "{place} has a key twice");
            for property in mapping.properties() {
                let place = format!("{place}.{}", property.name);
                assert!(property.about.ends_with('.') && property.about.len() > 3, "{place}");
                assert!(!property.about.contains('\n'), "{place}: one line");
                described += 1;
            }
        }
    }
    assert!(described >= 250, "only {described} properties");
}

#[test]
fn every_property_of_every_schema_has_a_description() {
    fn visit(value: &Value, path: &str, silent: &mut Vec<String>) {
        if let Some(properties) =
            value["properties"].as_object().filter(|_| value["type"] == "object")
        {
            let without =
                |(_, schema): &(&String, &Value)| schema["description"].as_str().is_none();
            silent.extend(
                properties.iter().filter(without).map(|(name, _)| format!("{path}.{name}")),
            );
        }
        let parts: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
            _ => vec![],
        };
        for (key, part) in parts {
            visit(part, &format!("{path}/{key}"), silent);
        }
    }
    for format in FORMATS {
        let mut silent = vec![];
        visit(&json_schema(format), format.file, &mut silent);
        assert_eq!(silent, Vec::<String>::new());
    }
}

#[test]
fn every_example_is_read_without_a_problem_and_fits_the_schema() {
    let mut wrong = vec![];
    for format in FORMATS {
        let mut schema = Schema::of(format);
        for mapping in format.mappings() {
            let text = completed(format, mapping.example);
            let problems = read(format, &text);
            if !problems.is_empty() {
                let told: Vec<String> =
                    problems.iter().map(|problem| problem.kind.to_string()).collect();
                wrong.push(format!("{} {}: {told:?}\n{text}", format.file, mapping.name));
            }
            if let Err(error) = schema.verdict(&json(&text)) {
                wrong.push(format!("{} {}: {error}\n{text}", format.file, mapping.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_default_and_example_of_a_key_fits_its_own_schema() {
    let mut wrong = vec![];
    let mut seen = 0;
    for format in FORMATS {
        let mut schema = Schema::of(format);
        for (at, mapping) in format.mappings().into_iter().enumerate() {
            let object = if at == 0 { String::new() } else { format!("/$defs/{}", mapping.name) };
            for property in mapping.properties() {
                let pointer = format!("{object}/properties/{}", property.name);
                let default = match property.presence {
                    Presence::Default(default) => Some(default),
                    Presence::Required | Presence::Optional => None,
                };
                for text in default.into_iter().chain(property.example) {
                    seen += 1;
                    if let Err(error) = schema.verdict_at(&pointer, &json(text)) {
                        let place = format!("{}.{}", mapping.name, property.name);
                        wrong.push(format!("{} {place}: `{text}`: {error}", format.file));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 150, "only {seen} defaults and examples");
}

#[test]
fn shipped_files_fit_their_schemas() {
    let mut seen = 0;
    for format in FORMATS {
        let mut schema = Schema::of(format);
        for system in fs::read_dir(root().join("scenarios")).expect("a folder") {
            let path = system.expect("an entry").path().join(format.file);
            let text = fs::read_to_string(&path).expect("a file");
            assert_eq!(schema.verdict(&json(&text)), Ok(()), "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

/// Cases of `tests/invalid` that a schema takes: what is wrong lies between values, in other files, in texts with a
/// grammar of their own, or in YAML itself.
const BEYOND_A_SCHEMA: &[&str] = &[
    "bad_graphql",
    "bad_header",
    "bad_json_path",
    "bad_regex",
    "bad_url",
    "bad_abort",
    "beyond_users",
    "body_unfit",
    "browser_workload",
    "captured_at_once",
    "data_empty",
    "data_not_text",
    "data_row",
    "data_syntax",
    "data_too_small",
    "duplicate_field",
    "empty",
    "empty_parts",
    "environment_missing",
    "environment_syntax",
    "file_not_text",
    "file_not_yaml",
    "file_unreadable",
    "flow_cycle",
    "flow_too_long",
    "given_once",
    "goodput_of_nothing",
    "green_too_short",
    "include_cycle",
    "included",
    "key_not_text",
    "loops_too_deep",
    "merge_unfit",
    "metric_needs_unit",
    "metric_of_step",
    "mixed_units",
    "name_twice",
    "never_lives",
    "never_used_up",
    "no_requests",
    "no_response_times",
    "not_parallel",
    "not_positive",
    "override_unfit",
    "range_reversed",
    "rate_of_nothing",
    "recorded_columns",
    "retry_in_parallel",
    "session_cycle",
    "session_of_part",
    "stack",
    "step_twice",
    "tag_not_known",
    "target_beyond_limit",
    "target_template",
    "template_statement",
    "template_syntax",
    "template_unclosed",
    "too_many_includes",
    "unknown_column",
    "unknown_metric",
    "unknown_name",
    "used_before_capture",
    "variable_cycle",
    "variable_unfit",
    "weights_zero",
    "wrong_side",
];

/// Goal: what is wrong in the shape of a file is told by an editor as one types.
/// Method: each case that is YAML must be refused by the schema, unless it is listed as beyond it; a list that names
/// too much fails as well.
#[test]
fn files_with_a_wrong_shape_do_not_fit_the_schema() {
    let mut schema = Schema::of(&SCENARIO_FILE);
    let mut fitting = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/invalid")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let mut problems = Problems::default();
        let Some(node) = yaml::parse(&text, SourceId(0), &mut problems) else { continue };
        if schema.verdict(&json_of_node(&node)).is_ok() {
            fitting.insert(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    let listed: BTreeSet<String> = BEYOND_A_SCHEMA.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(fitting, listed);
}

/// The declared mapping that a grammar can be at `node`; of several, the one whose required keys are there.
fn mapping_at(grammar: &'static Grammar, node: &Node) -> Option<&'static Declaration> {
    match grammar {
        Grammar::Mapping(declared) => Some(declared),
        Grammar::AnyOf(choices) => {
            let fits = |declared: &&Declaration| {
                declared.properties().all(|key| !key.is_required() || node.get(key.name).is_some())
            };
            let candidates = choices.iter().filter_map(|choice| mapping_at(choice, node));
            let candidates: Vec<_> = candidates.collect();
            candidates.iter().copied().find(fits).or(candidates.first().copied())
        }
        Grammar::OneOrMany(item) => mapping_at(item, node),
        _ => None,
    }
}

/// Walks a file beside its declarations; notes each mapping that has the key `zzz`, and where that is.
fn unknown_keys(
    grammar: &'static Grammar,
    node: &Node,
    found: &mut Vec<(Span, &'static Declaration)>,
) {
    match (&node.value, grammar) {
        (NodeValue::Sequence(items), Grammar::List(item) | Grammar::OneOrMany(item)) => {
            for node in items {
                unknown_keys(item, node, found);
            }
        }
        (NodeValue::Sequence(_), Grammar::AnyOf(choices)) => {
            choices.iter().for_each(|choice| unknown_keys(choice, node, found));
        }
        (NodeValue::Mapping(entries), Grammar::Names(item) | Grammar::Texts(_, item)) => {
            for (_, node) in entries {
                unknown_keys(item, node, found);
            }
        }
        (NodeValue::Mapping(entries), _) => {
            let Some(declared) = mapping_at(grammar, node) else { return };
            for (key, node) in entries {
                match (declared.property(&key.text), &declared.others) {
                    (Some((_, property)), _) => unknown_keys(&property.value, node, found),
                    (None, Some(others)) => unknown_keys(&others.value, node, found),
                    (None, None) => found.push((key.span, declared)),
                }
            }
        }
        _ => {}
    }
}

/// Goal: prove that readers open each mapping with the declaration that stands at its place.
/// Method: files with an unknown key in every mapping; the reader must answer each with the keys declared there.
#[test]
fn readers_know_at_each_place_what_is_declared_there() {
    for format in FORMATS {
        let path = root().join("tests/schema/every_place").join(format.file);
        let text = fs::read_to_string(&path).expect("a file");
        let root = Box::leak(Box::new(Grammar::Mapping(format.root)));
        let mut expected = vec![];
        unknown_keys(root, &tree(&text), &mut expected);
        let problems = read(format, &text);
        for (span, declared) in &expected {
            let told = problems.iter().find_map(|problem| match &problem.kind {
                ProblemKind::UnknownField { known, .. } if problem.span == *span => Some(known),
                ProblemKind::UnknownStep { known, .. } if problem.span == *span => Some(known),
                _ => None,
            });
            let place = format!("{} line {}: {}", format.file, span.line, declared.name);
            assert_eq!(told, Some(&declared.names()), "{place}");
        }
        let unknown = |problem: &&Problem| matches!(problem.kind, ProblemKind::UnknownField { .. });
        let told: BTreeSet<Span> = problems.iter().filter(unknown).map(|told| told.span).collect();
        let walked: BTreeSet<Span> = expected.iter().map(|(span, _)| *span).collect();
        assert_eq!(told.difference(&walked).collect::<Vec<_>>(), Vec::<&Span>::new());
        let reached = |mapping: &Declaration| {
            expected.iter().any(|(_, declared)| std::ptr::eq(*declared, mapping))
        };
        // A mapping with names of the author's own has no unknown keys.
        let missing: Vec<&str> = format
            .mappings()
            .into_iter()
            .filter(|mapping| mapping.others.is_none() && !reached(mapping))
            .map(|mapping| mapping.name)
            .collect();
        assert_eq!(missing, Vec::<&str>::new(), "without an unknown key in {}", path.display());
    }
}
