//! Which requests of a recording a journey repeats, and why the others are left out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use super::file::{HarEntry, HarResponse};
use super::site::{same_site, watches_users};
use crate::draft::is_sent;
use crate::names::is_opaque;
use crate::note::ImportNotes;
use crate::secrets::secret_shape;

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
    /// How its redirects end.
    pub(super) redirect: RedirectEnd,
}

/// How the redirects of a request end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RedirectEnd {
    /// With an answer, or where the recording does.
    Answered,
    /// At a host that is not kept.
    LeadsAway,
    /// At once: a later request uses what its URL holds.
    ReadFirst,
}

/// `host` or `host:port`, where the port is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `METHOD https://host/path`, without the query and without segments that may be secrets.
fn shown(entry: &HarEntry, url: &Url) -> String {
    let segments = url.path().split('/').map(|segment| {
        if secret_shape("", segment) || segment.contains(['=', '@']) { "…" } else { segment }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    format!("{} {}{path}", entry.request.method, origin_of(url))
}

/// `https://host:port`; a WebSocket's is that of the HTTP that opens it.
pub(crate) fn origin_of(url: &Url) -> String {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    format!("{scheme}://{}", host_of(url))
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
    let kept_hosts = KeptHosts { target: &target, hosts };
    let is_kept = |entry: &HarEntry, url: &Url| kept_hosts.keeps(class(entry, url), url);
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
        // Of other hosts the name is enough, with how many requests there were.
        let origin = origin_of(&candidate.url);
        if !is_kept(candidate.entry, &candidate.url) {
            notes.drop("another host; `--host NAME` keeps one", origin);
            continue;
        }
        if origin != target && hosts.is_empty() {
            notes.change("another host of the same site: kept; variables say where it is", origin);
        }
        if kept.len() >= REQUESTS_MAX {
            let reason = format!("beyond the first {REQUESTS_MAX} requests");
            notes.drop(reason, shown(candidate.entry, &candidate.url));
            continue;
        }
        let (last, redirect) = follow(&mut candidates, index, &is_kept);
        let (candidate, last) = (&candidates[index], &candidates[last]);
        kept.push(RecordedExchange {
            entry: candidate.entry,
            response: &last.entry.response,
            url: candidate.url.clone(),
            class: class(candidate.entry, &candidate.url),
            start: candidate.start,
            end: last.end(),
            redirect,
        });
    }
    (!kept.is_empty()).then_some((kept, target))
}

/// The hosts that a journey keeps.
struct KeptHosts<'h> {
    target: &'h str,
    /// Those that were named; where there are none, the target's site is kept.
    hosts: &'h [String],
}

impl KeptHosts<'_> {
    fn keeps(&self, class: RequestClass, url: &Url) -> bool {
        let host = host_of(url);
        let named = |given: &String| *given == host || Some(given.as_str()) == url.host_str();
        let target = self.target.split_once("://").map_or("", |(_, host)| host);
        if origin_of(url) == self.target {
            return true;
        }
        if !self.hosts.is_empty() {
            return host != target && self.hosts.iter().any(named);
        }
        // Static files of another host are a delivery network's, and what counts users is not the system.
        class != RequestClass::Asset
            && same_site(target, &host)
            && !watches_users(url.host_str().unwrap_or_default())
    }
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
        let Some(at) = time(&entry.started_date_time) else {
            notes.drop("its `startedDateTime` is not a time", shown(entry, &url));
            continue;
        };
        found.push(Candidate { entry, url, start: at.as_microsecond(), folded: false });
    }
    found.sort_by_key(|candidate| candidate.start);
    found
}

/// A time; without an offset it is taken for UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| local().map(|at| at.timestamp()))
}

/// The beginning of something that may be long, up to where secrets could stand.
fn brief(text: &str) -> String {
    let text = text.split(['?', '#', ';', ',', '@']).next().unwrap_or_default();
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
    if method == "OPTIONS" && is_preflight(entry) {
        return Some("asked by the browser itself, for CORS".to_owned());
    }
    if !is_sent(method) {
        return Some(format!("no step sends {}", brief(method)));
    }
    match entry.from_cache.as_str() {
        "" | "false" => {}
        "true" => return Some("answered by the browser's cache, no request was sent".to_owned()),
        cache => {
            return Some(format!("answered by the browser's {cache} cache, no request was sent"));
        }
    }
    let is_socket = socket || entry.resource_type == "websocket";
    if entry.response.status() <= 0 && !is_socket {
        return Some("has no answer: it was cancelled, blocked or failed".to_owned());
    }
    None
}

/// Whether a browser asks what it may ask for (Fetch, §4.8).
fn is_preflight(entry: &HarEntry) -> bool {
    let asks = "access-control-request-method";
    entry.resource_type == "preflight"
        || entry.request.headers.iter().any(|header| header.name.eq_ignore_ascii_case(asks))
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
                let answered = (200..300).contains(&candidate.entry.response.status());
                answered && class(candidate.entry, &candidate.url) == RequestClass::Document
            })
            .or_else(|| candidates.iter().find(http)),
    };
    chosen.map(|candidate| origin_of(&candidate.url))
}

/// Follows the redirects of a request through the recording. Returns the last of them, and how they end.
fn follow(
    candidates: &mut [Candidate<'_>],
    first: usize,
    is_kept: &dyn Fn(&HarEntry, &Url) -> bool,
) -> (usize, RedirectEnd) {
    let mut last = first;
    while (300..400).contains(&candidates[last].entry.response.status()) {
        let location = candidates[last].entry.response.location();
        let Some(mut wanted) = Some(location)
            .filter(|location| !location.is_empty())
            .and_then(|location| candidates[last].url.join(location).ok())
        else {
            break;
        };
        wanted.set_fragment(None);
        let next = (last + 1..candidates.len()).find(|&at| {
            let mut url = candidates[at].url.clone();
            url.set_fragment(None);
            !candidates[at].folded && url == wanted
        });
        let entry = next.map_or(candidates[last].entry, |next| candidates[next].entry);
        if !is_kept(entry, &wanted) {
            return (last, RedirectEnd::LeadsAway);
        }
        if is_used_later(candidates, next.unwrap_or(last), &wanted) {
            // Only the first answer of a chain can be read.
            if last == first {
                return (last, RedirectEnd::ReadFirst);
            }
            break;
        }
        let Some(next) = next else { break };
        candidates[next].folded = true;
        last = next;
    }
    (last, RedirectEnd::Answered)
}

/// Values of a redirect's URL that a later request may send: its last segment, and what stands in its query.
fn values_of(url: &Url) -> Vec<String> {
    let last = url.path_segments().into_iter().flatten().next_back().map(str::to_owned);
    let query = url.query_pairs().map(|(_, value)| value.into_owned());
    last.into_iter().chain(query).filter(|value| value.len() >= 8 && is_opaque(value)).collect()
}

/// Whether a request after number `at` sends something random that the URL of a redirect holds.
fn is_used_later(candidates: &[Candidate<'_>], at: usize, url: &Url) -> bool {
    let values = values_of(url);
    let sends = |candidate: &Candidate<'_>| {
        let request = &candidate.entry.request;
        let body = request.post_data.as_ref();
        values.iter().any(|value| {
            request.url.contains(value)
                || request.headers.iter().any(|header| {
                    !header.name.eq_ignore_ascii_case("referer")
                        && !header.name.eq_ignore_ascii_case("cookie")
                        && header.value.contains(value)
                })
                || body.is_some_and(|body| {
                    body.text.contains(value) || body.params.iter().any(|p| p.value == *value)
                })
        })
    };
    !values.is_empty() && candidates[at + 1..].iter().any(sends)
}

fn class(entry: &HarEntry, url: &Url) -> RequestClass {
    let mime = entry.response.content.mime_type.as_str();
    let upgraded = entry.response.status() == 101;
    let kind = Some(entry.resource_type.as_str()).filter(|kind| !kind.is_empty());
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
