//! A `JMeter` test plan → scenarios for its thread groups, and workloads of their users.

mod controller;
mod data;
mod function;
mod load;
mod plan;
mod sampler;
mod scope;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

pub use self::data::ReadPlanFile;
use self::plan::{PlanWalker, WalkedPlan};
use self::sampler::SamplerWriter;
use self::tree::XmlElement;
use super::draft::{ScenarioDraft, StepDraft, stages};
use super::names::UniqueNames;
use super::note::ImportNotes;
use super::secrets::FoundSecrets;
use super::variables::{PlanVariables, VariableSigns, asked_too_early, capture_name};
use super::{ImportOptions, Imported, problem};
use plimsoll_scenario::{Problem, SourceId, Span};
use plimsoll_units::Nanos;

/// Imports a test plan: its text, which is `source` in problems.
///
/// # Errors
/// Where it is no test plan, or no thread group of it sends HTTP requests.
pub fn jmx(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
    read: &mut ReadPlanFile<'_>,
) -> Result<Imported, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = XmlElement::read(text).map_err(|fault| {
        let before = &text[..text.floor_char_boundary(fault.at.min(text.len()))];
        let line = before.matches('\n').count() as u32 + 1;
        let span = Span { source, line, column: 1, length: 1 };
        vec![problem(span, format!("not well-formed XML: {}", fault.message), None)]
    })?;
    if root.name != "jmeterTestPlan" {
        let hint = "JMeter saves test plans as .jmx files, whose root is `jmeterTestPlan`";
        return Err(vec![problem(Span::file(source), "not a test plan of JMeter", Some(hint))]);
    }
    let captured = plan::captured(&root);
    let (mut found, mut notes) = walked(&root, captured.clone(), &options.name, read);
    // What no step can capture in time is the environment's to give.
    let early = asked_too_early(&mut found.journeys, &captured);
    if !early.is_empty() {
        let captured = captured.difference(&early).cloned().collect();
        (found, notes) = walked(&root, captured, &options.name, read);
    }
    if found.journeys.is_empty() {
        let message = format!("none of its thread groups sends HTTP requests\n{notes}");
        return Err(vec![problem(Span::file(source), message.trim_end(), None)]);
    }
    let replacer = found.secrets.replacer();
    for request in found
        .journeys
        .iter_mut()
        .flat_map(|journey| &mut journey.steps)
        .flat_map(StepDraft::requests_mut)
    {
        request.texts_mut().into_iter().for_each(|text| replacer.replace(text));
    }
    replacer.redact(&mut notes);
    let mut workloads = vec![stages("smoke", &[("1 iter/s".to_owned(), Nanos::from_secs(30))])];
    workloads.extend(found.workloads);
    let draft = ScenarioDraft {
        head: vec![
            format!("Imported from {} by `plimsoll import jmx`.", options.file),
            String::new(),
            format!(
                "  plimsoll check {} --once      each scenario once, every exchange printed",
                options.folder
            ),
            format!("  plimsoll run {} --workload users", options.folder),
        ],
        name: options.name.clone(),
        target: found.target,
        data: found
            .data
            .iter()
            .map(|rows| (rows.name.clone(), format!("{}.csv", rows.name), rows.pick))
            .collect(),
        workloads,
        journeys: found.journeys,
        ..ScenarioDraft::default()
    };
    let mut files = vec![("scenario.yaml".to_owned(), draft.written())];
    files.extend(found.data.into_iter().map(|rows| (format!("{}.csv", rows.name), rows.text)));
    Ok(Imported { files, notes })
}

/// The plan as it is written where steps capture the variables `captured`, and what was left out of it.
fn walked(
    root: &XmlElement,
    captured: BTreeSet<String>,
    name: &str,
    read: &mut ReadPlanFile<'_>,
) -> (WalkedPlan, ImportNotes) {
    let mut notes = ImportNotes::default();
    let variables = PlanVariables {
        signs: VariableSigns::Dollar,
        values: BTreeMap::new(),
        captured,
        texts: plan::captured_texts(root).iter().map(|name| capture_name(name)).collect(),
        columns: BTreeMap::new(),
        function: function::function,
        secrets: FoundSecrets::new(name),
        prefix: name.to_ascii_uppercase(),
    };
    let writer = SamplerWriter {
        variables,
        target: String::new(),
        notes: &mut notes,
        names: UniqueNames::default(),
    };
    let mut walker = PlanWalker::new(writer, read);
    walker.plan(root);
    (walker.finish(), notes)
}
