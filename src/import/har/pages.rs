//! The pages of a recording → a flow of a real browser.
//!
//! A recording tells which pages were loaded and when, but not how somebody came from one to the next: each is opened by its
//! address. What was typed, and what an answer gave, is not there for a browser, and pages that need it are left out.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::file::HarPage;
use super::journey::{PAUSE_MIN, pause};
use super::select::{RecordedExchange, RequestClass, time};
use crate::draft::RequestDraft;
use crate::note::ImportNotes;
use crate::text::TextPiece;
use crate::yaml::{YamlEntry, YamlValue};

/// The one flow of a browser that opens the pages of a recording in their order, with pauses between them; none where no
/// page can be opened by its address.
pub(super) fn browser(
    pages: &[HarPage],
    requests: &[(RecordedExchange<'_>, RequestDraft)],
    notes: &mut ImportNotes,
) -> Option<YamlEntry> {
    let captured: BTreeSet<&str> = requests
        .iter()
        .flat_map(|(_, request)| &request.captures)
        .map(|capture| capture.name.as_str())
        .collect();
    let mut steps: Vec<YamlValue> = vec![];
    // When the page before had loaded, in microseconds.
    let mut loaded: Option<i64> = None;
    for page in pages {
        let of_page = |(exchange, _): &&(RecordedExchange<'_>, RequestDraft)| {
            exchange.entry.page_ref == page.id
        };
        let mut documents = requests
            .iter()
            .filter(of_page)
            .filter(|(exchange, _)| exchange.class == RequestClass::Document);
        let Some((exchange, request)) = documents.next() else {
            notes.drop("a page without a document that is kept: no browser opens it", &page.id);
            continue;
        };
        if let Some(reason) = unfit(request, &captured) {
            notes.drop(reason, &request.name);
            continue;
        }
        let start = time(&page.started).map_or(exchange.start, Timestamp::as_microsecond);
        if let Some(since) = loaded.filter(|since| start - since >= PAUSE_MIN) {
            let span = pause(start - since, notes).to_string();
            steps.push(YamlValue::only("think", YamlValue::plain(span)));
        }
        let last = requests.iter().filter(of_page).map(|(exchange, _)| exchange.end).max();
        let on_load = Some(page.timings.on_load).filter(|ms| ms.is_finite() && *ms > 0.0);
        loaded = on_load.map(|ms| start + (ms.min(1e9) * 1e3) as i64).or(last);
        let open = YamlValue::Map(vec![
            YamlEntry::new("name", YamlValue::text(&request.name)),
            YamlEntry::new("url", YamlValue::text(request.url(true))),
        ]);
        steps.push(YamlValue::only("open", open));
    }
    if steps.is_empty() {
        return None;
    }
    let fields = vec![
        YamlEntry::new("vus", YamlValue::plain("1")),
        YamlEntry::new("baseline", YamlValue::plain("30s")),
        YamlEntry::block("flow", YamlValue::List(steps)),
    ];
    Some(YamlEntry::block("visitor", YamlValue::Map(fields)))
}

/// Why no browser can open the page of a request.
fn unfit(request: &RequestDraft, captured: &BTreeSet<&str>) -> Option<&'static str> {
    if request.kind != "get" {
        return Some(
            "a page that a form leads to: `click` what sends it (the browser opens no page of it)",
        );
    }
    if request.origin.is_some() {
        return Some("a page of another host: no browser opens it");
    }
    let texts =
        request.path.iter().chain(request.query.iter().filter_map(|(_, text)| text.as_ref()));
    let is_given = |piece: &TextPiece| match piece {
        TextPiece::Expression(expression) => expression
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| captured.contains(word)),
        TextPiece::Literal(_) | TextPiece::Environment { .. } => false,
    };
    texts.flat_map(|text| &text.0).any(is_given).then_some(
        "a page whose address holds what an answer gave: `click` what leads to it (the browser opens no page of it)",
    )
}
