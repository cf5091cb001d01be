//! The mix: a scenario for each kind of request, weighted as in the log, with the values of the log as data.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::line::LoggedRequest;
use super::route::LoggedRoute;
use super::stages::recorded_stages;
use super::stages::rounded;
use crate::import::ImportOptions;
use crate::import::draft::{JourneyDraft, RequestDraft, ScenarioDraft, StepDraft, stages};
use crate::import::names::{is_reserved, singular, snake};
use crate::import::note::ImportNotes;
use crate::import::text::DraftText;
use crate::units::Nanos;

/// The most rows of a data file: enough for a spread, few enough to read.
const ROWS_MAX: usize = 2_000;

/// `scenario.yaml` and its data files.
pub(super) fn files(
    named: &[(String, &LoggedRoute<'_>)],
    kept: &[(&LoggedRequest, usize)],
    options: &ImportOptions,
    notes: &mut ImportNotes,
) -> Vec<(String, String)> {
    let (recorded, peak) = recorded_stages(kept);
    let mut draft = ScenarioDraft {
        head: vec![
            format!("Imported from {} by `plimsoll import access-log`.", options.file),
            "Weights are how often each request stands in the log; data files hold its values as often as the log".to_owned(),
            "does, so that what is popular stays popular.".to_owned(),
        ],
        name: options.name.clone(),
        target: target(options),
        workloads: vec![
            stages("smoke", &[("1 req/s".to_owned(), Nanos::from_secs(30))]),
            recorded.with_comment("The rates of the log, over its whole time."),
            stages("peak", &[(format!("{} req/s", rounded(peak)), Nanos::from_secs(300))])
                .with_comment("Its busiest time, held."),
        ],
        ..ScenarioDraft::default()
    };
    let mut files = vec![];
    for (name, route) in named {
        let mut step = route.step(name);
        let set = if is_reserved(name) { format!("{name}_data") } else { name.clone() };
        if let Some((columns, rows)) = fill(&mut step, &set, route) {
            let shown = thin(&rows);
            if shown.len() < rows.len() {
                notes.change(
                    format!("more than {ROWS_MAX} rows of data: every so many is kept"),
                    format!("{set}.csv has {} of {}", shown.len(), rows.len()),
                );
            }
            let mut text = csv_row(&columns);
            for row in shown {
                text.push_str(&csv_row(row));
            }
            files.push((format!("{set}.csv"), text));
            draft.data.push((set.clone(), format!("{set}.csv"), "uniform"));
        }
        if step.comment.is_some() {
            notes.change("a log has no bodies: write what these carry", name.clone());
        }
        draft.journeys.push(JourneyDraft {
            name: name.clone(),
            weight: Some(route.hits.len() as u64),
            steps: vec![StepDraft::Request(Box::new(step))],
            comment: None,
        });
    }
    files.insert(0, ("scenario.yaml".to_owned(), draft.written()));
    files
}

/// The target, as a draft has it.
pub(super) fn target(options: &ImportOptions) -> String {
    options.hosts.first().cloned().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned())
}

/// Takes the value of a column out of a request.
type CellReader = Box<dyn Fn(&UrlParts<'_>) -> String>;
type RouteTable = (Vec<String>, Vec<Vec<String>>);

/// Gives a step its URL. What varies comes from a data file of the step's name, whose columns and rows these are.
fn fill(step: &mut RequestDraft, name: &str, route: &LoggedRoute<'_>) -> Option<RouteTable> {
    let parts: Vec<UrlParts<'_>> = route.hits.iter().map(|hit| UrlParts::of(hit)).collect();
    let first = parts.first()?;
    let alike = |other: &UrlParts<'_>| {
        other.path.len() == first.path.len()
            && other.query.len() == first.query.len()
            && other.query.iter().zip(&first.query).all(|(a, b)| a.0 == b.0)
    };
    if route.is_static || !parts.iter().all(alike) {
        step.origin = Some(DraftText::expression(format!("{name}.url")));
        let rows = route.hits.iter().map(|hit| vec![hit.url.clone()]).collect();
        return Some((vec!["url".to_owned()], rows));
    }
    let mut columns: Vec<String> = vec![];
    let mut taken = BTreeSet::new();
    let mut cells: Vec<CellReader> = vec![];
    for (at, segment) in first.path.iter().enumerate() {
        if parts.iter().all(|other| other.path[at] == *segment) {
            step.path.push(DraftText::literal(*segment));
            continue;
        }
        let owner = first.path[..at].iter().rev().find(|word| !word.is_empty());
        let hint = owner.map_or("id".to_owned(), |word| format!("{}_id", singular(&snake(word))));
        let column = free(&hint, &mut taken);
        step.path.push(DraftText::expression(format!("{name}.{column}")));
        columns.push(column);
        cells.push(Box::new(move |parts| decode(parts.path[at])));
    }
    for (at, (key, value)) in first.query.iter().enumerate() {
        if parts.iter().all(|other| other.query[at].1 == *value) {
            step.query.push(((*key).to_owned(), value.map(DraftText::literal)));
            continue;
        }
        let column = free(&snake(&decode(key)), &mut taken);
        step.query
            .push(((*key).to_owned(), Some(DraftText::expression(format!("{name}.{column}")))));
        columns.push(column);
        cells.push(Box::new(move |parts| {
            decode(&parts.query[at].1.unwrap_or_default().replace('+', " "))
        }));
    }
    if columns.is_empty() {
        return None;
    }
    let rows = parts.iter().map(|parts| cells.iter().map(|cell| cell(parts)).collect()).collect();
    Some((columns, rows))
}

/// A path and query in their parts, still encoded.
struct UrlParts<'h> {
    path: Vec<&'h str>,
    query: Vec<(&'h str, Option<&'h str>)>,
}

impl<'h> UrlParts<'h> {
    fn of(hit: &'h LoggedRequest) -> Self {
        let path = hit.path.strip_prefix('/').unwrap_or(&hit.path).split('/').collect();
        let query = hit.query.as_deref().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &'h str| match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        Self { path, query: pairs.map(pair).collect() }
    }
}

fn decode(encoded: &str) -> String {
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

/// A name for a column that no other has.
fn free(hint: &str, taken: &mut BTreeSet<String>) -> String {
    let stem = if hint.is_empty() { "value" } else { hint };
    let mut name = stem.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{stem}_{number}");
        number += 1;
    }
    name
}

/// Rows evenly spaced over the log.
fn thin(rows: &[Vec<String>]) -> Vec<&Vec<String>> {
    let shown = rows.len().min(ROWS_MAX);
    (0..shown).map(|index| &rows[index * rows.len() / shown]).collect()
}

/// One line of CSV.
pub(super) fn csv_row(cells: &[String]) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(vec![]);
    let written = writer.write_record(cells).is_ok();
    let bytes = writer.into_inner().unwrap_or_default();
    if written { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}
