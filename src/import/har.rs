//! A browser's recording (HAR) → one journey.

mod correlate;
mod file;
mod journey;
mod multipart;
mod pages;
mod request;
mod select;
mod site;
mod writer;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use plimsoll_scenario::{Problem, SourceId, Span};
use plimsoll_units::Nanos;

use self::correlate::RecordedValues;
use self::file::{HarFile, HarPage};
use self::select::{RecordedExchange, RedirectEnd, RequestClass, host_of};
pub(super) use self::select::{is_asset, origin_of};
use self::writer::StepWriter;
use super::draft::{JourneyDraft, RequestDraft, ScenarioDraft, StepDraft, stages};
use super::names::{UniqueNames, candidates, is_id, snake};
use super::note::ImportNotes;
use super::secrets::FoundSecrets;
use super::text::{DraftText, TextPiece};
use super::yaml::{YamlEntry, YamlValue};
use super::{ImportOptions, Imported, problem};

/// Imports a recording: its text, which is `source` in problems.
///
/// # Errors
/// Where it is no HAR, or nothing in it can be repeated.
pub fn har(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
) -> Result<Imported, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: HarFile = file::read(text).map_err(|error| {
        let span = Span {
            source,
            line: error.line() as u32,
            column: (error.column() as u32).max(1),
            length: 1,
        };
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let hint = "an HTTP Archive is saved by a browser's developer tools: Network, Export HAR";
        vec![problem(span, format!("not an HTTP Archive: {message}"), Some(hint))]
    })?;
    let mut notes = ImportNotes::default();
    let Some((exchanges, target)) = select::select(&file.log.entries, &options.hosts, &mut notes)
    else {
        let message = format!("nothing in it can be repeated\n{notes}");
        return Err(vec![problem(Span::file(source), message.trim_end(), None)]);
    };
    if options.browser && file.log.pages.is_empty() {
        let hint =
            "browsers' developer tools write `pages`; “Preserve log” keeps more than the last";
        let message = "it tells no pages, which `--browser` opens".to_owned();
        return Err(vec![problem(Span::file(source), message, Some(hint))]);
    }
    let mut importer = HarImporter {
        options,
        target: &target,
        pages: &file.log.pages,
        notes,
        names: UniqueNames::default(),
    };
    let (journey, browsers) = importer.journey(exchanges);
    let mut draft = ScenarioDraft { browsers, ..importer.draft(journey) };
    hoist_headers(&mut draft);
    let files = vec![("scenario.yaml".to_owned(), draft.written())];
    Ok(Imported { files, notes: importer.notes })
}

/// What a step stands for: requests of one method to one kind of path are counted together.
type StepSubject = (String, String, RequestClass);

struct HarImporter<'a> {
    options: &'a ImportOptions,
    target: &'a str,
    pages: &'a [HarPage],
    notes: ImportNotes,
    names: UniqueNames<(String, String, u8)>,
}

impl HarImporter<'_> {
    /// The journey, and browsers that open its pages where they are asked for.
    fn journey(&mut self, exchanges: Vec<RecordedExchange<'_>>) -> (JourneyDraft, Vec<YamlEntry>) {
        let mut values = RecordedValues::default();
        let mut secrets = FoundSecrets::new(&self.options.name);
        let today = exchanges
            .first()
            .and_then(|exchange| jiff::Timestamp::from_microsecond(exchange.start).ok())
            .map_or_else(Default::default, |at| at.to_zoned(TimeZone::UTC).date());
        let public = public_segments(&exchanges);
        let mut requests = vec![];
        for (number, exchange) in exchanges.into_iter().enumerate() {
            let step = self.blank(&exchange);
            let notes = &mut self.notes;
            let mut writer = StepWriter {
                values: &mut values,
                secrets: &mut secrets,
                notes,
                today,
                public: &public,
            };
            let request = request::write(&mut writer, &exchange, step);
            values.answered(number, &exchange);
            requests.push((exchange, request));
        }
        let replacer = secrets.replacer();
        for (number, (_, request)) in requests.iter_mut().enumerate() {
            request.captures = values.captures_of(number);
            request.texts_mut().into_iter().for_each(|text| replacer.replace(text));
        }
        for use_of_number in values.doubtful() {
            self.notes.change(
                "may be an id that an answer gave, or the same number by chance: it is sent as recorded",
                use_of_number.clone(),
            );
        }
        replacer.redact(&mut self.notes);
        let browser = self
            .options
            .browser
            .then(|| pages::browser(self.pages, &requests, &mut self.notes))
            .flatten();
        let steps = journey::steps(requests, &mut self.notes);
        let name = self.options.name.clone();
        (JourneyDraft { name, weight: None, steps, comment: None }, browser.into_iter().collect())
    }

    /// A step with everything but what the request itself says.
    fn blank(&mut self, exchange: &RecordedExchange<'_>) -> RequestDraft {
        let name = self.name(exchange);
        let mut step = match exchange.class {
            RequestClass::Socket => RequestDraft::new("websocket", name),
            RequestClass::Events => RequestDraft::new("sse", name),
            _ => RequestDraft::of_method(&exchange.entry.request.method, name),
        };
        let origin = origin_of(&exchange.url);
        if origin != self.target {
            let host = snake(&host_of(&exchange.url)).to_ascii_uppercase();
            let name = format!("{}_{host}_URL", self.options.name.to_ascii_uppercase());
            step.origin = Some(DraftText(vec![TextPiece::Environment { name, default: origin }]));
        }
        match exchange.class {
            RequestClass::Asset => step.tag = Some("static"),
            RequestClass::Document => step.tag = Some("page"),
            RequestClass::Socket => step.extra = vec![hold(exchange)],
            RequestClass::Call | RequestClass::Events => {}
        }
        if exchange.redirect != RedirectEnd::Answered {
            step.extra.push(YamlEntry::new("follow_redirects", YamlValue::plain("false")));
        }
        if exchange.redirect == RedirectEnd::LeadsAway {
            self.notes.change("its redirect leads to a host that is not kept", step.name.clone());
        }
        if step.kind == "sse" && exchange.entry.request.method != "GET" {
            let method = exchange.entry.request.method.to_ascii_lowercase();
            step.extra.push(YamlEntry::new("method", YamlValue::text(method)));
        }
        step
    }

    fn name(&mut self, exchange: &RecordedExchange<'_>) -> String {
        // What may be a secret is no part of a name.
        let segments = exchange.url.path_segments().into_iter().flatten();
        let segments: Vec<&str> = request::without_secrets(segments.collect());
        let method = exchange.entry.request.method.as_str();
        let shape: Vec<&str> =
            segments.iter().map(|segment| if is_id(segment) { "{}" } else { segment }).collect();
        let operation = operation_name(exchange);
        let mut names = candidates(method, &segments);
        if exchange.class == RequestClass::Asset
            && let Some(file) = segments.last()
        {
            names = vec![asset_name(file)];
        }
        names.splice(0..0, operation.iter().map(|name| snake(name)));
        let shape = format!("{}/{}", host_of(&exchange.url), shape.join("/"));
        let shape = operation.map_or(shape.clone(), |operation| format!("{shape} {operation}"));
        let thing: StepSubject = (method.to_owned(), shape, exchange.class);
        self.names.give(&(thing.0, thing.1, thing.2 as u8), &names)
    }

    fn draft(&self, journey: JourneyDraft) -> ScenarioDraft {
        let mut head = vec![
            format!("Imported from {} by `plimsoll import har`.", self.options.file),
            String::new(),
            format!(
                "  plimsoll check {} --once      one visit, every exchange printed",
                self.options.folder
            ),
        ];
        head.push(format!("  plimsoll run {} --workload load", self.options.folder));
        ScenarioDraft {
            head,
            name: self.options.name.clone(),
            target: self.target.to_owned(),
            workloads: vec![
                stages("smoke", &[("1 iter/s".to_owned(), Nanos::from_secs(30))]),
                stages("load", &[("10 iter/s".to_owned(), Nanos::from_secs(300))]),
            ],
            journeys: vec![journey],
            ..ScenarioDraft::default()
        }
    }
}

/// The operation of a GraphQL request: all of them go to one URL.
fn operation_name(exchange: &RecordedExchange<'_>) -> Option<String> {
    let post = exchange.entry.request.post_data.as_ref()?;
    let body: serde_json::Value = serde_json::from_str(&post.text).ok()?;
    let name = body.get("operationName")?.as_str()?;
    body.get("query")?;
    Some(name.to_owned()).filter(|name| !snake(name).is_empty())
}

/// `main.4f3a2b91.js` → `main_js`: builds change the hash.
fn asset_name(file: &str) -> String {
    let parts: Vec<&str> = file
        .split(['.', '-', '_'])
        .filter(|part| !super::names::is_opaque(part) && !part.is_empty())
        .collect();
    snake(&parts.join("_"))
}

/// How long a WebSocket stays open.
fn hold(exchange: &RecordedExchange<'_>) -> YamlEntry {
    let messages = &exchange.entry.messages;
    let times = messages.iter().map(|message| message.time).filter(|time| time.is_finite());
    let (first, last) = times.fold((f64::MAX, f64::MIN), |(a, b), t| (a.min(t), b.max(t)));
    let open = if last > first { (last - first).min(3_600.0) } else { 0.0 };
    let hold = Nanos::from_millis((open * 10.0).round().max(1.0) as u64 * 100);
    YamlEntry::new("hold", YamlValue::plain(hold.to_string()))
}

/// Segments of the paths of static files: what stands there is no secret, however random it is.
fn public_segments(exchanges: &[RecordedExchange<'_>]) -> BTreeSet<String> {
    let assets = exchanges.iter().filter(|exchange| exchange.class == RequestClass::Asset);
    let segments = assets.flat_map(|exchange| exchange.url.path_segments().into_iter().flatten());
    segments.map(str::to_owned).collect()
}

/// Headers that all calls send the same are said once.
fn hoist_headers(draft: &mut ScenarioDraft) {
    let steps = draft.journeys.iter_mut().flat_map(|journey| &mut journey.steps);
    let mut calls: Vec<&mut RequestDraft> = steps.flat_map(StepDraft::requests_mut).collect();
    calls.retain(|request| request.tag.is_none());
    let Some((first, rest)) = calls.split_first() else { return };
    if rest.is_empty() {
        return;
    }
    let shared: Vec<(String, DraftText)> = first
        .headers
        .iter()
        .filter(|(_, text)| text.0.iter().all(|piece| !matches!(piece, TextPiece::Expression(_))))
        .filter(|header| rest.iter().all(|request| request.headers.contains(header)))
        .cloned()
        .collect();
    for request in calls {
        request.headers.retain(|header| !shared.contains(header));
    }
    draft.headers = shared;
}
