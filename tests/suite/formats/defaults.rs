//! Defaults that schema and reference tell are those of the program.

use super::*;

/// Mappings whose defaults the observer knows, a layer above the reader.
const OF_THE_OBSERVER: [&str; 3] = ["health", "observe", "queries"];

/// What holds by default only of some of the mappings that may have it: `of`, of rows on response times.
const OF_SOME: [(&str, &str); 1] = [("objective", "of")];

/// The file as JSON with every default written out that it leaves to the program.
fn with_defaults(grammar: &'static Grammar, node: &Node, written: &mut usize) -> Value {
    match (&node.value, grammar) {
        (NodeValue::Sequence(items), Grammar::List(item) | Grammar::OneOrMany(item)) => {
            items.iter().map(|node| with_defaults(item, node, written)).collect()
        }
        (NodeValue::Mapping(entries), Grammar::Names(item) | Grammar::Texts(_, item)) => entries
            .iter()
            .map(|(key, node)| (key.text.clone(), with_defaults(item, node, written)))
            .collect(),
        (NodeValue::Mapping(entries), _) => {
            let Some(declared) = mapping_at(grammar, node) else { return json_of_node(node) };
            let mut object = serde_json::Map::new();
            for (key, node) in entries {
                let value = match declared.property(&key.text) {
                    Some((_, property)) => with_defaults(&property.value, node, written),
                    None => json_of_node(node),
                };
                object.insert(key.text.clone(), value);
            }
            for property in declared.properties() {
                if let Presence::Default(default) = property.presence
                    && !object.contains_key(property.name)
                    && !OF_THE_OBSERVER.contains(&declared.name)
                    && !OF_SOME.contains(&(declared.name, property.name))
                {
                    object.insert(property.name.to_owned(), json(default));
                    *written += 1;
                }
            }
            Value::Object(object)
        }
        _ => json_of_node(node),
    }
}

/// What a file comes to, without places.
fn meaning(format: &FileFormat, text: &str) -> String {
    let files = |path: &Path| {
        let data = path.extension().is_some_and(|end| end == "csv");
        let text = if data { "at,scenario\n0,browse\n" } else { text };
        Ok(text.as_bytes().to_vec())
    };
    let debug = match format.file {
        "scenario.yaml" => {
            let loaded = load(Path::new("scenario.yaml"), &[], &files, &|_| None);
            let today = jiff::civil::date(2026, 1, 31);
            match compile(&loaded, &Overrides::default(), today) {
                Ok(mut plan) => {
                    // It is over the bytes of the file.
                    plan.fingerprint.clear();
                    format!("{plan:#?}")
                }
                // Some pieces need more around them than an example has.
                Err(problems) => return format!("{problems:?}"),
            }
        }
        "stack.yaml" => format!("{:#?}", load_stack(Path::new("stack.yaml"), &files, &|_| None).0),
        _ => format!("{:#?}", Simulation::parse(text, SourceId(0)).expect("valid")),
    };
    let places = regex::Regex::new(r"(?s)span: Span \{.*?\}").expect("a pattern");
    let debug = places.replace_all(&debug, "span");
    // Tables by hash print in any order.
    let mut lines: Vec<&str> = debug.lines().collect();
    // A plan holds the bytes of its files, this one among them.
    lines.retain(|line| !line.trim_start().starts_with("b\"{"));
    lines.sort_unstable();
    lines.join("\n")
}

/// Goal: the defaults that schema and reference tell are those of the program.
/// Method: the examples with every default written out mean what they mean without.
#[test]
fn defaults_written_out_change_nothing() {
    for format in FORMATS {
        let root: &'static Grammar = Box::leak(Box::new(Grammar::Mapping(format.root)));
        let (mut written, mut compared, mut wrong) = (0, 0, vec![]);
        for mapping in format.mappings() {
            let text = completed(format, mapping.example);
            let explicit = with_defaults(root, &tree(&text), &mut written).to_string();
            // As JSON too, so that keys keep their order.
            let plain = json(&text).to_string();
            let (left, right) = (meaning(format, &plain), meaning(format, &explicit));
            if left != right {
                let ours: BTreeSet<&str> = left.lines().collect();
                let theirs: BTreeSet<&str> = right.lines().collect();
                let unlike: Vec<&&str> = ours.symmetric_difference(&theirs).collect();
                wrong.push(format!("{}: {}: {unlike:#?}\n{explicit}", format.file, mapping.name));
            }
            compared += usize::from(!left.contains("ProblemKind") && !left.starts_with('['));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(written > 10, "{}: only {written} defaults", format.file);
        assert!(compared > 10, "{}: only {compared} examples compiled", format.file);
    }
}
