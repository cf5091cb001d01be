//! An access log → the mix of its requests, its rates over time, and a replay at the recorded times.

mod line;
mod mix;
mod route;
mod stages;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::scenario::{Problem, SourceId, Span};

use self::line::{LogLineReader, LoggedRequest};
use self::route::{LoggedRoute, routes};
use super::draft::{JourneyDraft, ScenarioDraft};
use super::names::UniqueNames;
use super::note::ImportNotes;
use super::yaml::{YamlEntry, YamlValue};
use super::{ImportOptions, Imported, problem};

/// The most kinds of requests that get a scenario of their own.
const ROUTES_MAX: usize = 60;

/// Imports a log in nginx's combined format, or Apache's combined or common one: its text, which is `source` in
/// problems. The first of `options.hosts` is the target.
///
/// # Errors
/// Where no line of it is one, or none of its requests can be repeated.
pub fn access_log(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
) -> Result<Imported, Vec<Problem>> {
    let mut notes = ImportNotes::default();
    let mut hits = LogLineReader::new(&mut notes).read(text);
    if hits.is_empty() {
        let span = Span { source, line: 1, column: 1, length: 1 };
        let message = format!("no line of it is a request that can be repeated\n{notes}");
        let hint = "expected lines like `192.0.2.7 - - [31/Jan/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 512 …`";
        return Err(vec![problem(span, message.trim_end(), Some(hint))]);
    }
    hits.sort_by_key(|hit| hit.at);
    spread_within_seconds(&mut hits);
    let mut routes = routes(&hits);
    leave_out_the_rare(&mut routes, &mut notes);
    let mut kept: Vec<(&LoggedRequest, usize)> = routes
        .iter()
        .enumerate()
        .flat_map(|(index, route)| route.hits.iter().map(move |hit| (*hit, index)))
        .collect();
    kept.sort_by_key(|(hit, _)| (hit.at, hit.line));
    let mut names = UniqueNames::default();
    let named: Vec<(String, &LoggedRoute<'_>)> = routes
        .iter()
        .enumerate()
        .map(|(index, route)| (names.give(&index, &route.candidates()), route))
        .collect();
    let mut files = mix::files(&named, &kept, options, &mut notes);
    if let Some(speed) = options.replay {
        files.extend(replay(&named, &kept, (options, speed.get())));
    }
    Ok(Imported { files, notes })
}

/// Logs tell whole seconds. Requests of one second are spread over it evenly, in the order of the log; where
/// a log tells more, it is believed.
fn spread_within_seconds(hits: &mut [LoggedRequest]) {
    if hits.iter().any(|hit| hit.at.subsec_nanosecond() != 0) {
        return;
    }
    let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
    for hit in hits.iter() {
        *counts.entry(hit.at.as_second()).or_default() += 1;
    }
    let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
    for hit in hits.iter_mut() {
        let second = hit.at.as_second();
        let before = seen.entry(second).or_default();
        let micros = (f64::from(*before) + 0.5) / f64::from(counts[&second]) * 1e6;
        *before += 1;
        let micros = second.saturating_mul(1_000_000).saturating_add(micros as i64);
        hit.at = Timestamp::from_microsecond(micros).unwrap_or(hit.at);
    }
}

fn leave_out_the_rare(routes: &mut Vec<LoggedRoute<'_>>, notes: &mut ImportNotes) {
    for route in routes.iter().skip(ROUTES_MAX) {
        let reason = format!("rare: not among the {ROUTES_MAX} most frequent kinds of requests");
        notes.drop(reason, format!("{} {} ({})", route.method, route.shape(), route.hits.len()));
    }
    routes.truncate(ROUTES_MAX);
}

/// A second scenario file beside the first: the same requests, each at its time.
fn replay(
    named: &[(String, &LoggedRoute<'_>)],
    kept: &[(&LoggedRequest, usize)],
    (options, speed): (&ImportOptions, f64),
) -> [(String, String); 2] {
    let first = kept.first().map_or(0, |(hit, _)| hit.at.as_microsecond());
    let mut rows = "at,scenario,url\n".to_owned();
    for (hit, route) in kept {
        let seconds = (hit.at.as_microsecond() - first) as f64 / 1e6;
        let row = [format!("{seconds:.6}"), named[*route].0.clone(), hit.url.clone()];
        rows.push_str(&mix::csv_row(&row));
    }
    let journeys = named.iter().map(|(name, route)| {
        let mut step = route.step(name);
        step.path = vec![];
        step.query = vec![];
        step.origin = Some(super::text::DraftText::expression("requests.url"));
        JourneyDraft {
            name: name.clone(),
            weight: Some(route.hits.len() as u64),
            steps: vec![super::draft::StepDraft::Request(Box::new(step))],
            comment: None,
        }
    });
    let mut fields = vec![YamlEntry::new("recorded", YamlValue::text("requests"))];
    fields.push(YamlEntry::new("speed", YamlValue::plain(format!("{speed}"))));
    let draft = ScenarioDraft {
        head: vec![
            format!(
                "Replays the {} requests of {} at their recorded times.",
                kept.len(),
                options.file
            ),
            String::new(),
            format!("  plimsoll run scenarios/{}/replay.yaml", options.name),
            format!(
                "  plimsoll run scenarios/{}/replay.yaml --duration 1m     as quickly as that",
                options.name
            ),
        ],
        name: options.name.clone(),
        target: mix::target(options),
        data: vec![("requests".to_owned(), "requests.csv".to_owned(), "sequential")],
        workloads: vec![YamlEntry::new("replay", YamlValue::Map(fields))],
        journeys: journeys.collect(),
        ..ScenarioDraft::default()
    };
    [("replay.yaml".to_owned(), draft.written()), ("requests.csv".to_owned(), rows)]
}
