//! What is no problem of a file, and yet may not be what its author meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{Measure, PageFigure};
use crate::plan::Plan;
use crate::scenario::schema::{RequestSpec, Scenario, StepKind, StepSpec, Workload, WorkloadShape};
use crate::scenario::{Loaded, Span, Spanned};

/// What is to be noted of a scenario's files.
pub(super) fn of_files(loaded: &Loaded, plan: &Plan) -> Vec<String> {
    let mut notes = merges(loaded);
    if let Some(scenario) = &loaded.scenario {
        notes.extend(unlike_steps(scenario, loaded));
        notes.extend(unplayed_fields(scenario, loaded));
        notes.extend(unmeasured_tiers(scenario, plan));
    }
    notes
}

/// `file:line:column`
fn place(span: Span, loaded: &Loaded) -> String {
    let file = loaded.sources.get(span.source).map_or("--set", |file| &file.path);
    format!("{file}:{}:{}", span.line, span.column)
}

/// Other readers of YAML may not know `<<`: where it stands, once for each file.
fn merges(loaded: &Loaded) -> Vec<String> {
    let mut told = BTreeSet::new();
    let first = loaded.merges.iter().filter(|span| told.insert(span.source));
    let note = |span: &Span| {
        let more = loaded.merges.iter().filter(|other| other.source == span.source).count() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let place = place(*span, loaded);
        format!("{place}{more}: `<<` is merged, as in YAML 1.1; YAML 1.2 has no such key")
    };
    first.map(note).collect()
}

/// Steps of one name that ask for different things, once for each name.
fn unlike_steps(scenario: &Scenario, loaded: &Loaded) -> Vec<String> {
    let mut requests = vec![];
    for flow in scenario.all_flows() {
        add_requests(flow, &mut requests);
    }
    requests.sort_by_key(|request| request.name.span);
    let mut first: BTreeMap<&str, (String, &RequestSpec)> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut notes = vec![];
    for request in requests {
        let Some(shape) = shape_of(&request.url.value) else { continue };
        let name = request.name.value.as_str();
        let (known, other) = first.entry(name).or_insert_with(|| (shape.clone(), request));
        if *known == shape || !told.insert(name) {
            continue;
        }
        notes.push(format!(
            "{}: the step `{name}` asks for `{}` here and for `{}` in line {}; requests of one name are counted together",
            place(request.name.span, loaded),
            request.url.value,
            other.url.value,
            other.name.span.line
        ));
    }
    notes
}

fn add_requests<'s>(flow: &'s [StepSpec], requests: &mut Vec<&'s RequestSpec>) {
    for step in flow {
        match &step.kind {
            StepKind::Request(request) => requests.push(request),
            StepKind::Parallel(all) => requests.extend(all),
            _ => step.inner().into_iter().for_each(|flow| add_requests(flow, requests)),
        }
    }
}

/// A URL without its query, with a `*` for each segment that names one thing among many; nothing where all of it is filled
/// in.
fn shape_of(url: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = url;
    while let Some((before, behind)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push('*');
        rest = behind.split_once("}}").map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let path = plain.split(['?', '#']).next().unwrap_or_default();
    let varies =
        |segment: &str| segment.contains('*') || segment.contains(|c: char| c.is_ascii_digit());
    let segments = path.split('/').map(|segment| if varies(segment) { "*" } else { segment });
    (!path.starts_with('*')).then(|| segments.collect::<Vec<_>>().join("/"))
}

/// What workloads say for themselves alone, where others play them beside each other.
fn unplayed_fields(scenario: &Scenario, loaded: &Loaded) -> Vec<String> {
    let note = |whole: &Workload, part: &Spanned<String>| {
        let part_of = |known: &&Workload| known.name.value == part.value;
        let found = scenario.workloads.iter().find(part_of)?;
        let said: Vec<&str> = [
            ("`graceful_stop`", found.graceful_stop.is_some()),
            ("`hooks`", !found.hooks.is_empty()),
        ]
        .into_iter()
        .filter_map(|(field, is_said)| is_said.then_some(field))
        .collect();
        (!said.is_empty()).then(|| {
            format!(
                "{}: `{}` is played without its own {}; what `{}` says counts",
                place(part.span, loaded),
                part.value,
                said.join(" and "),
                whole.name.value
            )
        })
    };
    let mut notes = vec![];
    for whole in &scenario.workloads {
        if let WorkloadShape::Parallel(parts) = &whole.shape {
            notes.extend(parts.iter().filter_map(|part| note(whole, part)));
        }
    }
    notes
}

/// Rows on tiers of which nothing tells anything, because no stack file is named.
fn unmeasured_tiers(scenario: &Scenario, plan: &Plan) -> Vec<String> {
    if scenario.stack_file.is_some() {
        return vec![];
    }
    let rows = plan.objectives.iter().filter_map(|row| match &row.measure {
        Measure::Observed(tier, metric) => {
            // Browsers tell the front end's figures.
            let is_browsed = tier == PageFigure::TIER && !scenario.browsers.is_empty();
            (!is_browsed).then(|| format!("`{tier}.{metric}`"))
        }
        _ => None,
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return vec![];
    }
    vec![format!("nothing measures {}: the scenario names no `stack` file", rows.join(", "))]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::{Overrides, compile};
    use crate::scenario::load;

    fn notes_of(text: &str) -> Vec<String> {
        let read = |_: &Path| Ok(text.as_bytes().to_vec());
        let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
        let plan = compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31));
        of_files(&loaded, &plan.expect("a plan"))
    }

    #[test]
    fn what_may_not_be_meant_is_told_with_its_place() {
        let found = notes_of(
            "name: x
target: http://127.0.0.1:1
workloads:
  a: { stages: [{ rate: 1 iter/s, duration: 1s }], graceful_stop: 5s, hooks: [{ at: 0s, mark: x }] }
  b: { stages: [{ rate: 1 iter/s, duration: 1s }] }
  both: { parallel: [a, b] }
scenarios:
  s:
    flow:
      - get: { name: login, url: /login }
      - parallel:
          - get: { name: item, url: '/items/{{ vu }}' }
          - get: { name: item, url: /items/7?x=1 }
          - get: { name: login, url: /logout }
      - get: { name: login, url: /session }
slo: { api.cpu: { max: 70% }, p95: { max: 1s } }
",
        );
        assert_eq!(
            found,
            [
                "a.yaml:14:26: the step `login` asks for `/logout` here and for `/login` in line 10; requests of one name \
                 are counted together",
                "a.yaml:6:22: `a` is played without its own `graceful_stop` and `hooks`; what `both` says counts",
                "nothing measures `api.cpu`: the scenario names no `stack` file",
            ]
        );
    }

    #[test]
    fn urls_are_alike_where_only_ids_and_queries_differ() {
        let alike = |a: &str, b: &str| shape_of(a) == shape_of(b);
        assert!(alike("/items/7?x=1", "/items/{{ item.id }}"));
        assert!(alike("/items/{{ a }}-{{ b }}/parts", "/items/sku-7/parts"));
        assert!(!alike("/items", "/items/7"));
        assert!(!alike("/login", "/logout"));
        assert_eq!(shape_of("{{ next }}/x"), None);
    }
}
