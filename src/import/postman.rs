//! A Postman collection → a scenario for each of its folders, in the order of the collection.

mod file;
mod request;
mod script;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::file::{list, pairs, text};
use self::request::{CollectionItem, PostmanWriter};
use super::draft::{JourneyDraft, RequestDraft, ScenarioDraft, StepDraft, stages};
use super::names::{UniqueNames, snake};
use super::note::ImportNotes;
use super::secrets::FoundSecrets;
use super::text::{DraftText, TextPiece};
use super::variables::{PlanVariables, VariableSigns};
use super::{ImportOptions, Imported, problem};
use plimsoll_scenario::{Problem, SourceId, Span};
use plimsoll_units::Nanos;

/// Where requests go if nothing tells it.
const TARGET: &str = "http://127.0.0.1:8080";

/// Imports a collection: its text, which is `source` in problems, with the variables of an environment that was
/// exported beside it.
///
/// # Errors
/// Where it is no collection, or no request is in it.
pub fn postman(
    text: &str,
    environment: Option<&str>,
    source: SourceId,
    options: &ImportOptions,
) -> Result<Imported, Vec<Problem>> {
    let collection = read(text, source)?;
    let mut notes = ImportNotes::default();
    let mut values: BTreeMap<String, String> =
        pairs(collection.get("variable")).into_iter().collect();
    if let Some(environment) = environment {
        let environment = read_json(environment, source)?;
        values.extend(pairs(environment.get("values")));
    }
    let mut items = vec![];
    let inherited = vec![collection.get("auth").cloned().unwrap_or_default()];
    request::collect(list(&collection, "item"), (&inherited, ""), &mut items);
    if items.is_empty() {
        return Err(vec![problem(Span::file(source), "no request is in the collection", None)]);
    }
    let prefix = options.name.to_ascii_uppercase();
    let variables = PlanVariables {
        signs: VariableSigns::Braces,
        values,
        captured: request::captured(&items),
        texts: BTreeSet::new(),
        columns: BTreeMap::new(),
        function: request::dynamic,
        secrets: FoundSecrets::new(&options.name),
        prefix,
    };
    let target = request::target(&items, &variables).unwrap_or_else(|| {
        notes
            .change("its base URL is a variable without a value: this one is used instead", TARGET);
        TARGET.to_owned()
    });
    let mut scripts = vec![];
    request::with_scripts(&collection, &mut scripts);
    for place in scripts {
        notes.drop("scripts of a folder: none is played", place);
    }
    let mut writer = PostmanWriter {
        variables,
        target: &target,
        notes: &mut notes,
        names: UniqueNames::default(),
    };
    let steps: Vec<(&CollectionItem<'_>, RequestDraft)> = items
        .iter()
        .filter_map(|item| {
            let step = writer.step(item)?;
            Some((item, step))
        })
        .collect();
    let replacer = writer.variables.secrets.replacer();
    if steps.is_empty() {
        let message = format!("none of its requests can be sent\n{notes}");
        return Err(vec![problem(Span::file(source), message.trim_end(), None)]);
    }
    let mut journeys = journeys(&steps, &options.name);
    for request in
        journeys.iter_mut().flat_map(|journey| &mut journey.steps).flat_map(StepDraft::requests_mut)
    {
        request.texts_mut().into_iter().for_each(|text| replacer.replace(text));
    }
    replacer.redact(&mut notes);
    let count = steps.len();
    let draft = ScenarioDraft {
        head: head(options, count),
        name: options.name.clone(),
        target: target.clone(),
        workloads: workloads(journeys.len()),
        journeys,
        ..ScenarioDraft::default()
    };
    Ok(Imported { files: vec![("scenario.yaml".to_owned(), draft.written())], notes })
}

fn head(options: &ImportOptions, count: usize) -> Vec<String> {
    vec![
        format!("Imported from {} by `plimsoll import postman`: {count} requests.", options.file),
        String::new(),
        format!(
            "  plimsoll check {} --once      each of them once, every exchange printed",
            options.folder
        ),
    ]
}

fn workloads(journeys: usize) -> Vec<super::yaml::YamlEntry> {
    let smoke = Nanos::from_secs((3 * journeys as u64).max(30));
    vec![
        stages("smoke", &[("1 iter/s".to_owned(), smoke)]),
        stages("load", &[("10 iter/s".to_owned(), Nanos::from_secs(300))]),
    ]
}

fn read_json(text: &str, source: SourceId) -> Result<Value, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| {
        let span = Span {
            source,
            line: error.line() as u32,
            column: (error.column() as u32).max(1),
            length: 1,
        };
        vec![problem(span, format!("not JSON: {error}"), None)]
    })
}

/// A collection, whose schema says its version.
fn read(json: &str, source: SourceId) -> Result<Value, Vec<Problem>> {
    let mut root = read_json(json, source)?;
    // Postman's API wraps it.
    if let Some(inner) = root.get_mut("collection").map(Value::take) {
        root = inner;
    }
    let schema = root.get("info").map(|info| text(info, "schema")).unwrap_or_default();
    let hint = Some("Postman exports it as Collection v2.1: … → Export");
    if root.get("requests").is_some() && schema.is_empty() {
        let message = "a collection of version 1, which Postman no longer writes";
        return Err(vec![problem(Span::file(source), message, hint)]);
    }
    if root.get("item").and_then(Value::as_array).is_none() {
        return Err(vec![problem(Span::file(source), "not a Postman collection", hint)]);
    }
    Ok(root)
}

/// A journey for each folder at the top, and one for what stands beside them. A journey that uses what a request of
/// another one captures begins with that request.
fn journeys(steps: &[(&CollectionItem<'_>, RequestDraft)], system: &str) -> Vec<JourneyDraft> {
    let mut names = UniqueNames::default();
    let mut folders: Vec<&str> = vec![];
    for (item, _) in steps {
        if !folders.contains(&item.folder) {
            folders.push(item.folder);
        }
    }
    folders
        .iter()
        .map(|folder| {
            let name = if folder.is_empty() { system.to_owned() } else { snake(folder) };
            let mut own: Vec<RequestDraft> = vec![];
            for (_, step) in steps.iter().filter(|(item, _)| item.folder == *folder) {
                for needed in needs(step) {
                    provide(&needed, steps, &mut own);
                }
                own.push(step.clone());
            }
            JourneyDraft {
                name: names.give(folder, &[name]),
                weight: None,
                steps: own.into_iter().map(|step| StepDraft::Request(Box::new(step))).collect(),
                comment: (!folder.is_empty()).then(|| format!("Folder: {folder}")),
            }
        })
        .collect()
}

/// Puts the request that captures `needed` into a journey, if it is not there yet, behind what that needs itself.
fn provide(
    needed: &str,
    steps: &[(&CollectionItem<'_>, RequestDraft)],
    own: &mut Vec<RequestDraft>,
) {
    let captures = |step: &RequestDraft| step.captures.iter().any(|capture| capture.name == needed);
    if own.iter().any(captures) || own.len() > steps.len() {
        return;
    }
    let Some((_, step)) = steps.iter().find(|(_, step)| captures(step)) else { return };
    let step = step.clone();
    for further in needs(&step).iter().filter(|further| *further != needed) {
        provide(further, steps, own);
    }
    own.push(step);
}

/// The captured values that a step uses.
fn needs(step: &RequestDraft) -> Vec<String> {
    let mut step = step.clone();
    let expressions = |text: &DraftText| {
        text.0
            .iter()
            .filter_map(|piece| match piece {
                TextPiece::Expression(name) => Some(name.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    step.texts_mut().into_iter().flat_map(|text| expressions(text)).collect()
}
