//! The schema agrees with the reader: on every field, and on the repository's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::scenario::{ProblemKind, Problems, SourceId, json_of_node, load, load_stack, yaml};

/// Whether `value` fits; enough of JSON Schema for our own.
fn fits(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        let target = root.pointer(path.trim_start_matches('#')).ok_or(format!("no {path}"))?;
        return fits(value, target, root);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let tried: Vec<_> = choices.iter().map(|choice| fits(value, choice, root)).collect();
        return if tried.iter().any(Result::is_ok) { Ok(()) } else { Err(format!("{tried:?}")) };
    }
    if let Some(known) = schema["enum"].as_array() {
        return if known.contains(value) { Ok(()) } else { Err(format!("{value} not in enum")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![kind],
    };
    let is_number = kind == "integer" && kinds.contains(&"number");
    if !is_number && !kinds.contains(&kind) {
        return Err(format!("{value} is {kind}, not {kinds:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        let regex = regex::Regex::new(pattern).map_err(|error| error.to_string())?;
        if !regex.is_match(text) {
            return Err(format!("`{text}` does not match {pattern}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fits(item, &schema["items"], root)?;
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        let schema = match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => return Err(format!("unknown field {key}")),
            (Value::Null, any) => any,
            (known, _) => known,
        };
        fits(field, schema, root).map_err(|error| format!("{key}: {error}"))?;
    }
    Ok(())
}

#[test]
fn files_of_the_repository_fit_their_schemas() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut seen = 0;
    for system in std::fs::read_dir(folder).expect("a folder") {
        for (file, schema) in [("scenario.yaml", scenario_schema()), ("stack.yaml", stack_schema())]
        {
            let path = system.as_ref().expect("an entry").path().join(file);
            let text = std::fs::read_to_string(&path).expect("a file");
            let mut problems = Problems::default();
            let tree = yaml::parse(&text, SourceId(0), &mut problems).expect("a tree");
            let checked = fits(&json_of_node(&tree), &schema, &schema);
            assert_eq!(checked, Ok(()), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2);
}

/// The fields that the reader knows at each place, found by giving it one that it does not know.
fn known_to_reader() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let read = |path: &Path| {
        let text = match path.to_str() {
            Some("s.yaml") => include_str!("../../../tests/schema/every_place.yaml"),
            _ => include_str!("../../../tests/schema/every_place_of_a_stack.yaml"),
        };
        Ok(text.as_bytes().to_vec())
    };
    let loaded = load(Path::new("s.yaml"), &[], &read, &|_| None);
    let (_, stack, _) = load_stack(Path::new("stack.yaml"), &read, &|_| None);
    let mut places: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for problem in loaded.problems.into_iter().chain(stack) {
        if let ProblemKind::UnknownField { place, known, .. } = problem.kind {
            places.entry(place).or_default().extend(known);
        }
    }
    places
}

fn known_to_schema(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let node = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    let properties = node["properties"].as_object().unwrap_or_else(|| panic!("{pointer}: {node}"));
    properties.keys().cloned().collect()
}

#[test]
fn reader_and_schema_know_the_same_fields() {
    let (scenario, stack) = (scenario_schema(), stack_schema());
    let reader = known_to_reader();
    let places = [
        ("a scenario file", &scenario, ""),
        ("a data set", &scenario, "/definitions/data_set"),
        ("a pick", &scenario, "/definitions/data_set/properties/pick/anyOf/1"),
        ("`http`", &scenario, "/definitions/http"),
        ("`tls`", &scenario, "/definitions/tls"),
        ("a workload", &scenario, "/definitions/workload"),
        ("a stage", &scenario, "/definitions/stage"),
        ("a hook", &scenario, "/definitions/hook"),
        ("a scenario", &scenario, "/definitions/scenario"),
        ("a request", &scenario, "/definitions/request"),
        (
            "an uploaded file",
            &scenario,
            "/definitions/request/properties/multipart/additionalProperties/anyOf/1",
        ),
        ("`poll`", &scenario, "/definitions/poll"),
        ("`sse`", &scenario, "/definitions/sse"),
        ("`websocket`", &scenario, "/definitions/websocket"),
        ("`hls`", &scenario, "/definitions/hls"),
        ("a manifest", &scenario, "/definitions/request"),
        ("a segment", &scenario, "/definitions/segment"),
        ("a session", &scenario, "/definitions/session"),
        ("`basic` with `user` and `password`", &scenario, "/definitions/request/properties/basic"),
        ("`check`", &scenario, "/definitions/check"),
        ("a condition", &scenario, "/definitions/matcher/anyOf/1"),
        ("a capture", &scenario, "/definitions/capture/anyOf/1"),
        ("`repeat`", &scenario, "/definitions/repeat"),
        ("`if`", &scenario, "/definitions/if"),
        ("a branch", &scenario, "/definitions/branch"),
        ("a law of delays", &scenario, "/definitions/law/anyOf/1"),
        ("a row with `target` and `max`", &scenario, "/definitions/objective"),
        ("a stack file", &stack, ""),
        ("a quota", &stack, "/definitions/quota"),
        ("the quota's `requests`", &stack, "/definitions/replica_size"),
        ("the quota's `limits`", &stack, "/definitions/replica_size"),
        ("a forecast", &stack, "/properties/forecast"),
        ("`health`", &stack, "/definitions/health"),
        ("`observe`", &stack, "/definitions/observe"),
        ("a tier", &stack, "/definitions/tier"),
        ("a size", &stack, "/definitions/replica_size"),
        ("a rate limit", &stack, "/definitions/rate_limit"),
        ("`scale`", &stack, "/definitions/tier/properties/scale"),
        ("`scale.up`", &stack, "/definitions/tier/properties/scale/properties/up"),
        ("`scale.out`", &stack, "/definitions/tier/properties/scale/properties/out"),
        (
            "a size to choose",
            &stack,
            "/definitions/tier/properties/scale/properties/up/properties/sizes/items",
        ),
        ("a tier's `observe`", &stack, "/definitions/tier_observe"),
        ("an exporter", &stack, "/definitions/exporter"),
    ];
    for (place, schema, pointer) in places {
        let known = reader.get(place).unwrap_or_else(|| panic!("nothing unknown in {place}"));
        let known: BTreeSet<String> = known.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(known, known_to_schema(schema, pointer), "{place}");
    }
    let listed: BTreeSet<&str> = places.iter().map(|(place, ..)| *place).collect();
    let all: BTreeSet<&str> = reader.keys().copied().collect();
    assert_eq!(all, listed, "a place is not compared with the schema");
}
