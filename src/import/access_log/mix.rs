//! The mix: a scenario for each kind of request, weighted as in the log, with the values of the log as data.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::tally::RouteTally;
use crate::ImportOptions;
use crate::draft::{JourneyDraft, RequestDraft, ScenarioDraft, StepDraft};
use crate::names::{candidates, is_reserved, singular, snake};
use crate::note::ImportNotes;
use crate::text::{DraftText, TextPiece};
use crate::yaml::YamlEntry;

/// The most rows of a data file: enough for a spread, few enough to read.
const ROWS_MAX: usize = 2_000;

/// What the mix is written from.
pub(super) struct MixContext<'a> {
    pub(super) named: &'a [(String, RouteTally)],
    pub(super) options: &'a ImportOptions,
    /// The virtual host that is the target; empty where the log tells none.
    pub(super) main_host: &'a str,
    /// The name of the log's format.
    pub(super) format: &'a str,
}

/// `scenario.yaml` and its data files.
pub(super) fn files(
    context: &MixContext<'_>,
    workloads: Vec<YamlEntry>,
    notes: &mut ImportNotes,
) -> Vec<(String, String)> {
    let options = context.options;
    let mut draft = ScenarioDraft {
        head: vec![
            format!("Imported from {} by `plimsoll import access-log`, read as", options.file),
            format!("{}.", context.format),
            "Weights are how often each request stands in the log; data files hold its values as often as the log"
                .to_owned(),
            "does, so that what is popular stays popular.".to_owned(),
        ],
        name: options.name.clone(),
        target: target(options),
        workloads,
        ..ScenarioDraft::default()
    };
    let mut files = vec![];
    for (name, route) in context.named {
        let mut step = step(name, route);
        let origin = context.origin(&route.host);
        let set = if is_reserved(name) { format!("{name}_data") } else { name.clone() };
        if let Some((columns, rows)) = fill(&mut step, (&set, origin), route) {
            let shown = thin(&rows);
            if shown.len() < rows.len() || !route.sample.is_whole() {
                notes.change(
                    format!("more than {ROWS_MAX} rows of data: every so many is kept"),
                    format!("{set}.csv has {} of {}", shown.len(), route.count),
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
            weight: Some(route.count),
            steps: vec![StepDraft::Request(Box::new(step))],
            comment: None,
        });
    }
    files.insert(0, ("scenario.yaml".to_owned(), draft.written()));
    files
}

impl MixContext<'_> {
    /// Where a virtual host is, if it is not the target: a variable with a default.
    fn origin(&self, host: &str) -> Option<TextPiece> {
        if host == self.main_host || host.is_empty() {
            return None;
        }
        let name = variable(&self.options.name, host);
        Some(TextPiece::Environment { name, default: format!("http://{host}") })
    }
}

/// The variable that says where a virtual host is.
pub(super) fn variable(system: &str, host: &str) -> String {
    format!("{}_{}_URL", system.to_ascii_uppercase(), snake(host).to_ascii_uppercase())
}

/// The target, as a draft has it.
pub(super) fn target(options: &ImportOptions) -> String {
    options.hosts.first().cloned().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned())
}

/// Candidates for the name of a kind of requests.
pub(super) fn names(route: &RouteTally, main_host: &str) -> Vec<String> {
    let decoded: Vec<String> = route.segments.iter().map(|segment| decode(segment)).collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let mut found = if route.is_static {
        vec!["static_files".to_owned()]
    } else {
        candidates(route.method, &segments)
    };
    if route.host != main_host
        && let Some(first) = found.first()
    {
        let label = snake(route.host.split('.').next().unwrap_or_default());
        found.insert(1, format!("{label}_{first}"));
    }
    found
}

/// The step without its URL.
pub(super) fn step(name: &str, route: &RouteTally) -> RequestDraft {
    let mut step = RequestDraft::of_method(route.method, name);
    step.status = status(route);
    if route.is_static {
        step.tag = Some("static");
    }
    if !matches!(route.method, "GET" | "HEAD" | "DELETE") {
        step.comment = Some("The log has no bodies: write here what it carries.".to_owned());
    }
    step
}

/// What was answered mostly, where it says how the next answer should be: the others are the stack's
/// failures, or redirects, which are followed.
fn status(route: &RouteTally) -> Option<String> {
    let all = || route.statuses.iter().map(|(status, _)| *status);
    let good: BTreeSet<u16> = all().filter(|s| (200..300).contains(s) || *s == 304).collect();
    let redirects = all().any(|status| (300..304).contains(&status));
    match good.into_iter().collect::<Vec<_>>()[..] {
        _ if redirects => None,
        [] => None,
        [only] if only != 304 && only != 206 => Some(only.to_string()),
        _ => Some("2xx".to_owned()),
    }
}

/// Takes the value of a column out of a request.
type CellReader = Box<dyn Fn(&UrlParts<'_>) -> String>;
type RouteTable = (Vec<String>, Vec<Vec<String>>);

/// Gives a step its URL. What varies comes from a data file of the step's name, whose columns and rows these are.
fn fill(
    step: &mut RequestDraft,
    (name, origin): (&str, Option<TextPiece>),
    route: &RouteTally,
) -> Option<RouteTable> {
    let urls = route.sample.urls();
    let parts: Vec<UrlParts<'_>> = urls.iter().map(|url| UrlParts::of(url)).collect();
    let first = parts.first()?;
    let alike = |other: &UrlParts<'_>| {
        other.path.len() == first.path.len()
            && other.query.len() == first.query.len()
            && other.query.iter().zip(&first.query).all(|(a, b)| a.0 == b.0)
    };
    // A column is encoded anew, as UTF-8: whatever is not UTF-8 stays as the log has it, in a whole URL.
    let text = |url: &&str| !url.contains('%') || percent_decode_str(url).decode_utf8().is_ok();
    if route.is_static || !parts.iter().all(alike) || !urls.iter().all(text) {
        let url = format!("{name}.url");
        step.origin = Some(match origin {
            Some(TextPiece::Environment { name, default }) => {
                DraftText::expression(format!("'${{{name}:-{default}}}' ~ {url}"))
            }
            _ => DraftText::expression(url),
        });
        let rows = urls.iter().map(|url| vec![(*url).to_owned()]).collect();
        return Some((vec!["url".to_owned()], rows));
    }
    step.origin = origin.map(|origin| DraftText(vec![origin]));
    let (columns, cells) = columns(step, name, &parts);
    if columns.is_empty() {
        return None;
    }
    let rows = parts.iter().map(|parts| cells.iter().map(|cell| cell(parts)).collect()).collect();
    Some((columns, rows))
}

/// The columns of what varies; what does not is written into the step.
fn columns(
    step: &mut RequestDraft,
    name: &str,
    parts: &[UrlParts<'_>],
) -> (Vec<String>, Vec<CellReader>) {
    let mut columns: Vec<String> = vec![];
    let mut taken = BTreeSet::new();
    let mut cells: Vec<CellReader> = vec![];
    let Some(first) = parts.first() else { return (columns, cells) };
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
    (columns, cells)
}

/// A path and query in their parts, still encoded.
struct UrlParts<'h> {
    path: Vec<&'h str>,
    query: Vec<(&'h str, Option<&'h str>)>,
}

impl<'h> UrlParts<'h> {
    fn of(url: &'h str) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let path = path.strip_prefix('/').unwrap_or(path).split('/').collect();
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
