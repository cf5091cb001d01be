//! A second scenario file beside the first: the same requests, each at its time.

use std::collections::{BTreeMap, HashMap};

use super::mix::{self, MixContext};
use super::request::LoggedRequest;
use super::tally::RouteTally;
use crate::ImportNotes;
use crate::draft::{JourneyDraft, ScenarioDraft, StepDraft};
use crate::text::DraftText;
use crate::yaml::{YamlEntry, YamlValue};

/// A replay lasts no longer, in microseconds: a year. What is later has a date that is wrong.
const LONGEST: i64 = 366 * 86_400 * 1_000_000;

/// The times of all requests, each with its URL; every distinct URL is held once.
#[derive(Debug, Default)]
pub(super) struct RecordedTimes {
    urls: Vec<LoggedRequest>,
    known: HashMap<(&'static str, String, String), u32>,
    /// Microseconds since 1970, and the number of the URL.
    hits: Vec<(i64, u32)>,
}

impl RecordedTimes {
    pub(super) fn add(&mut self, at: i64, request: &LoggedRequest) {
        let key = (request.method, request.host.clone(), request.url.clone());
        let next = self.urls.len() as u32;
        let number = *self.known.entry(key).or_insert(next);
        if number == next {
            self.urls.push(request.clone());
        }
        self.hits.push((at, number));
    }

    /// `replay.yaml` and `requests.csv`.
    pub(super) fn files(
        mut self,
        context: &MixContext<'_>,
        speed: f64,
        notes: &mut ImportNotes,
    ) -> [(String, String); 2] {
        // The order of the log decides among requests of one moment.
        self.hits.sort_by_key(|(at, _)| *at);
        spread_within_seconds(&mut self.hits);
        let routes: Vec<Option<usize>> =
            self.urls.iter().map(|request| route_of(request, context.named)).collect();
        let kept = self.hits.iter().filter_map(|(at, url)| Some((at, url, routes[*url as usize]?)));
        let first = kept.clone().next().map_or(0, |(at, ..)| *at);
        let is_late = |at: i64| at.saturating_sub(first) > LONGEST;
        let late = kept.clone().filter(|(at, ..)| is_late(**at)).count();
        if late > 0 {
            let reason = "more than a year after the first request: not replayed";
            notes.drop(reason, format!("{late} requests"));
        }
        let kept = kept.filter(|(at, ..)| !is_late(**at));
        let mut rows = "at,scenario,url\n".to_owned();
        for (at, url, route) in kept.clone() {
            let seconds = (at - first) as f64 / 1e6;
            let request = &self.urls[*url as usize];
            let url = if request.host == context.main_host {
                request.url.clone()
            } else {
                format!("http://{}{}", request.host, request.url)
            };
            rows.push_str(&mix::csv_row(&[
                format!("{seconds:.6}"),
                context.named[route].0.clone(),
                url,
            ]));
        }
        let count = kept.count();
        let draft = draft(context, speed, count);
        [("replay.yaml".to_owned(), draft.written()), ("requests.csv".to_owned(), rows)]
    }
}

fn draft(context: &MixContext<'_>, speed: f64, count: usize) -> ScenarioDraft {
    let options = context.options;
    let journeys = context.named.iter().map(|(name, route)| {
        let mut step = mix::step(name, route);
        step.origin = Some(DraftText::expression("requests.url"));
        JourneyDraft {
            name: name.clone(),
            weight: Some(route.count),
            steps: vec![StepDraft::Request(Box::new(step))],
            comment: None,
        }
    });
    let fields = vec![
        YamlEntry::new("recorded", YamlValue::text("requests")),
        YamlEntry::new("speed", YamlValue::plain(format!("{speed}"))),
    ];
    let folder = &options.folder;
    ScenarioDraft {
        head: vec![
            format!("Replays the {count} requests of {} at their recorded times.", options.file),
            String::new(),
            format!("  plimsoll run {folder}/replay.yaml"),
            format!("  plimsoll run {folder}/replay.yaml --duration 1m     as quickly as that"),
        ],
        name: options.name.clone(),
        target: mix::target(options),
        data: vec![("requests".to_owned(), "requests.csv".to_owned(), "sequential")],
        workloads: vec![YamlEntry::new("replay", YamlValue::Map(fields))],
        journeys: journeys.collect(),
        ..ScenarioDraft::default()
    }
}

/// The kind that a request is of, if it is among those that are kept.
fn route_of(request: &LoggedRequest, named: &[(String, RouteTally)]) -> Option<usize> {
    let fitting = |route: &RouteTally| route.fits(request);
    named.iter().position(|(_, route)| fitting(route))
}

/// Logs tell whole seconds. Requests of one second are spread over it evenly, in the order of the log; where
/// a log tells more, it is believed.
fn spread_within_seconds(hits: &mut [(i64, u32)]) {
    if hits.iter().any(|(at, _)| at % 1_000_000 != 0) {
        return;
    }
    let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
    for (at, _) in hits.iter() {
        *counts.entry(*at).or_default() += 1;
    }
    let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
    for (at, _) in hits.iter_mut() {
        let second = *at;
        let before = seen.entry(second).or_default();
        let micros = (f64::from(*before) + 0.5) / f64::from(counts[&second]) * 1e6;
        *before += 1;
        *at = second + micros as i64;
    }
}
