//! Which requests of a recording a journey repeats, and why the others are left out.

use jiff::Timestamp;
use url::Url;

use super::file::{HarEntry, HarResponse};
use crate::import::note::ImportNotes;

/// The most requests that one journey is made of.
const REQUESTS_MAX: usize = 2_000;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestClass {
    /// A page.
    Document,
    /// What a page is dressed with.
    Asset,
    /// Data.
    Call,
    Socket,
    Events,
}

/// A request that is kept, with the answer at the end of its redirects.
#[derive(Debug)]
pub(super) struct RecordedExchange<'f> {
    pub(super) entry: &'f HarEntry,
    pub(super) response: &'f HarResponse,
    pub(super) url: Url,
    pub(super) class: RequestClass,
    /// Microseconds since 1970.
    pub(super) start: i64,
    pub(super) end: i64,
    /// Whether its redirect leads to a host that is not kept.
    pub(super) leads_away: bool,
}

/// `host` or `host:port`, where the port is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `METHOD https://host/path`, without the query, which may hold secrets.
fn shown(entry: &HarEntry, url: &Url) -> String {
    format!("{} {}{}", entry.request.method, origin_of(url), url.path())
}

/// `https://host:port`.
pub(crate) fn origin_of(url: &Url) -> String {
    format!("{}://{}", url.scheme(), host_of(url))
}

struct Candidate<'f> {
    entry: &'f HarEntry,
    url: Url,
    start: i64,
    folded: bool,
}

impl Candidate<'_> {
    fn end(&self) -> i64 {
        let time = if self.entry.time.is_finite() { self.entry.time.clamp(0.0, 1e9) } else { 0.0 };
        self.start + (time * 1e3) as i64
    }
}

/// The requests that are kept, in the order in which they began, and the target's origin.
pub(super) fn select<'f>(
    entries: &'f [HarEntry],
    hosts: &[String],
    notes: &mut ImportNotes,
) -> Option<(Vec<RecordedExchange<'f>>, String)> {
    let mut candidates = candidates(entries, notes);
    let target = target(&candidates, hosts)?;
    let target_host = target.split_once("://").map_or("", |(_, host)| host).to_owned();
    let is_kept = |url: &Url| {
        let host = host_of(url);
        let named = |given: &String| *given == host || Some(given.as_str()) == url.host_str();
        origin_of(url) == target || (host != target_host && hosts.iter().any(named))
    };
    let mut kept = vec![];
    for index in 0..candidates.len() {
        let candidate = &candidates[index];
        if candidate.folded {
            notes.drop(
                "asked for by a redirect, which the request before it follows",
                shown(candidate.entry, &candidate.url),
            );
            continue;
        }
        if !is_kept(&candidate.url) {
            // Of other hosts the name is enough, with how many requests there were.
            let what = origin_of(&candidate.url);
            notes.drop("another host; `--host NAME` keeps one", what);
            continue;
        }
        if kept.len() >= REQUESTS_MAX {
            let reason = format!("beyond the first {REQUESTS_MAX} requests");
            notes.drop(reason, shown(candidate.entry, &candidate.url));
            continue;
        }
        let (last, leads_away) = follow(&mut candidates, index, &is_kept);
        let (candidate, last) = (&candidates[index], &candidates[last]);
        kept.push(RecordedExchange {
            entry: candidate.entry,
            response: &last.entry.response,
            url: candidate.url.clone(),
            class: class(candidate.entry, &candidate.url),
            start: candidate.start,
            end: last.end(),
            leads_away,
        });
    }
    (!kept.is_empty()).then_some((kept, target))
}

fn candidates<'f>(entries: &'f [HarEntry], notes: &mut ImportNotes) -> Vec<Candidate<'f>> {
    let mut found = vec![];
    for entry in entries {
        let Ok(url) = Url::parse(&entry.request.url) else {
            notes.drop("not a URL", brief(&entry.request.url));
            continue;
        };
        if let Some(reason) = unfit(entry, &url) {
            let what = if url.has_host() { shown(entry, &url) } else { brief(url.as_str()) };
            notes.drop(reason, what);
            continue;
        }
        let Ok(at) = entry.started_date_time.parse::<Timestamp>() else {
            notes.drop("its `startedDateTime` is not a time", shown(entry, &url));
            continue;
        };
        found.push(Candidate { entry, url, start: at.as_microsecond(), folded: false });
    }
    found.sort_by_key(|candidate| candidate.start);
    found
}

/// The beginning of something that may be long.
fn brief(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

/// Why a request cannot be repeated, or need not be.
fn unfit(entry: &HarEntry, url: &Url) -> Option<String> {
    let method = entry.request.method.as_str();
    let socket = matches!(url.scheme(), "ws" | "wss");
    if !socket && !matches!(url.scheme(), "http" | "https") {
        return Some(format!("`{}:` is not fetched over the network", url.scheme()));
    }
    if method == "OPTIONS" {
        return Some("asked by the browser itself, for CORS".to_owned());
    }
    if !["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"].contains(&method) {
        return Some(format!("no step sends {}", brief(method)));
    }
    if let Some(cache) = &entry.from_cache {
        return Some(format!("answered by the browser's {cache} cache, no request was sent"));
    }
    let is_socket = socket || entry.resource_type.as_deref() == Some("websocket");
    if entry.response.status <= 0 && !is_socket {
        return Some("has no answer: it was cancelled, blocked or failed".to_owned());
    }
    None
}

/// The origin of the system: of the first page that was really answered, or of the hosts that were named.
fn target(candidates: &[Candidate<'_>], hosts: &[String]) -> Option<String> {
    let http = |candidate: &&Candidate<'_>| candidate.url.scheme().starts_with("http");
    let chosen = match hosts.first() {
        Some(host) => candidates.iter().filter(http).find(|candidate| {
            host_of(&candidate.url) == *host || candidate.url.host_str() == Some(host)
        }),
        None => candidates
            .iter()
            .filter(http)
            .find(|candidate| {
                let answered = (200..300).contains(&candidate.entry.response.status);
                answered && class(candidate.entry, &candidate.url) == RequestClass::Document
            })
            .or_else(|| candidates.iter().find(http)),
    };
    chosen.map(|candidate| origin_of(&candidate.url))
}

/// Follows the redirects of a request through the recording. Returns the last of them, and whether the chain
/// leaves the hosts that are kept.
fn follow(
    candidates: &mut [Candidate<'_>],
    first: usize,
    is_kept: &dyn Fn(&Url) -> bool,
) -> (usize, bool) {
    let mut last = first;
    while (300..400).contains(&candidates[last].entry.response.status) {
        let response = &candidates[last].entry.response;
        let location = match response.redirect_url.as_str() {
            "" => response.header("location").unwrap_or_default(),
            location => location,
        };
        let Some(mut wanted) = Some(location)
            .filter(|location| !location.is_empty())
            .and_then(|location| candidates[last].url.join(location).ok())
        else {
            break;
        };
        if !is_kept(&wanted) {
            return (last, true);
        }
        wanted.set_fragment(None);
        let next = (last + 1..candidates.len()).find(|&at| {
            let mut url = candidates[at].url.clone();
            url.set_fragment(None);
            !candidates[at].folded && url == wanted
        });
        let Some(next) = next else { break };
        candidates[next].folded = true;
        last = next;
    }
    (last, false)
}

fn class(entry: &HarEntry, url: &Url) -> RequestClass {
    let mime = entry.response.content.mime_type.as_str();
    let upgraded = entry.response.status == 101;
    let kind = entry.resource_type.as_deref();
    let method = entry.request.method.as_str();
    let socket = matches!(url.scheme(), "ws" | "wss") || upgraded || kind == Some("websocket");
    if socket && method == "GET" {
        return RequestClass::Socket;
    }
    let events = mime.starts_with("text/event-stream") || kind == Some("eventsource");
    if events && matches!(method, "GET" | "POST" | "PUT") {
        return RequestClass::Events;
    }
    match kind {
        Some("document") => RequestClass::Document,
        Some("script" | "stylesheet" | "image" | "font" | "media" | "manifest" | "texttrack") => {
            RequestClass::Asset
        }
        None if method == "GET" && mime.starts_with("text/html") => RequestClass::Document,
        None if method == "GET" && is_asset(url.path()) => RequestClass::Asset,
        Some(_) | None => RequestClass::Call,
    }
}

/// Whether a path is that of a static file by its ending.
pub(crate) fn is_asset(path: &str) -> bool {
    const ENDINGS: [&str; 24] = [
        "js",
        "mjs",
        "css",
        "map",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "ico",
        "woff",
        "woff2",
        "ttf",
        "otf",
        "eot",
        "mp4",
        "webm",
        "mp3",
        "wasm",
        "webmanifest",
        "bmp",
        "pdf",
    ];
    let ending = path.rsplit('/').next().and_then(|file| file.rsplit_once('.'));
    ending.is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}
