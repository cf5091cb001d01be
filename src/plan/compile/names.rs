//! The names of a scenario's templates: data sets, what steps capture, and what only the program itself knows.

use std::collections::BTreeMap;

use crate::{CaptureSlot, Dataset, TemplateNames};
use plimsoll_scenario::schema::{RequestSpec, Scenario, StepKind, StepSpec};
use plimsoll_scenario::{ProblemKind, Problems, Spanned};

/// The name, that no template can write, of the address that a user is forwarded for.
pub(super) const ADDRESS: &str = "\u{0}address";

/// How many captured values a plan tells apart: [`CaptureSlot`] has 16 bits.
const SLOTS: usize = 1 << 16;

/// The names that templates may use: data sets, and everything that any step captures.
pub(super) fn of(scenario: &Scenario, data: &[Dataset], problems: &mut Problems) -> TemplateNames {
    let datasets: BTreeMap<String, (u16, Vec<String>)> = data
        .iter()
        .enumerate()
        .map(|(position, set)| (set.name.clone(), (position as u16, set.columns.clone())))
        .collect();
    let mut slots = BTreeMap::new();
    for name in captured_names(scenario) {
        let reserved = TemplateNames::BUILT_IN.contains(&name.value.as_str());
        if reserved || datasets.contains_key(&name.value) {
            problems.report(name.span, ProblemKind::NameTwice { name: name.value.clone() });
        }
        let next = CaptureSlot(slots.len() as u16);
        slots.entry(name.value.clone()).or_insert(next);
    }
    let address = (!scenario.http.forwarded_for.is_empty()).then(|| ADDRESS.to_owned());
    for name in hidden_names(scenario).into_iter().chain(address) {
        let next = CaptureSlot(slots.len() as u16);
        slots.entry(name).or_insert(next);
    }
    if slots.len() > SLOTS {
        let kind = ProblemKind::TooMany { what: "captured values", limit: SLOTS };
        problems.report(scenario.name.span, kind);
    }
    TemplateNames { datasets, slots }
}

/// The names that any step of any flow captures, in the order of the file.
fn captured_names(scenario: &Scenario) -> Vec<&Spanned<String>> {
    let mut names = vec![];
    scenario.all_flows().for_each(|flow| collect_captured(flow, &mut names));
    names
}

fn collect_captured<'a>(steps: &'a [StepSpec], names: &mut Vec<&'a Spanned<String>>) {
    for step in steps {
        match &step.kind {
            StepKind::Request(request) => collect_of(request, names),
            StepKind::Parallel(requests) => requests.iter().for_each(|r| collect_of(r, names)),
            StepKind::Stream(stream) => collect_of(&stream.request, names),
            StepKind::Playback(playback) => {
                collect_of(&playback.manifest, names);
                collect_of(&playback.segment, names);
            }
            StepKind::ForEach(each) => names.push(&each.item),
            _ => {}
        }
        step.inner().into_iter().for_each(|flow| collect_captured(flow, names));
    }
}

fn collect_of<'a>(request: &'a RequestSpec, names: &mut Vec<&'a Spanned<String>>) {
    names.extend(request.captures.iter().map(|capture| &capture.name));
}

/// The name under which a playback keeps what no template asks for.
pub(super) fn hidden_name(step: &str, what: &str) -> String {
    format!("\u{0}{step}.{what}")
}

/// All those names.
fn hidden_names(scenario: &Scenario) -> Vec<String> {
    let mut names = vec![];
    scenario.all_flows().for_each(|flow| collect_hidden(flow, &mut names));
    names
}

fn collect_hidden(steps: &[StepSpec], names: &mut Vec<String>) {
    for step in steps {
        if let StepKind::Playback(playback) = &step.kind {
            names.extend(["range", "url"].map(|what| hidden_name(&playback.name.value, what)));
        }
        step.inner().into_iter().for_each(|flow| collect_hidden(flow, names));
    }
}
