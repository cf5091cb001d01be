//! The live page of a run: who opens it sees the charts of the report as they come.
//!
//! The run only hands lines to a queue with an end; this thread keeps the last of them and hands them out. It takes no
//! order from anybody.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use crate::report::live::page::LivePage;

use super::server::{response, serve};

/// Lines that may wait for the thread.
const QUEUE: usize = 1_024;
/// Lines that a page opened late still gets: an hour of seconds.
const KEPT: usize = 3_600;
/// Whoever has asked within this time is still there to be told the verdict.
const ATTENTION: Duration = Duration::from_secs(3);
/// How long the last lines wait for being asked for; a page asks every second.
const FAREWELL: Duration = Duration::from_secs(2);

/// A line of the events, and the units of the stack's metrics in it.
#[derive(Debug)]
pub(super) struct LiveLine {
    pub(super) text: String,
    pub(super) units: BTreeMap<String, &'static str>,
}

/// Where the live page is served, and from what.
#[derive(Debug)]
pub(super) struct LiveServer {
    listener: TcpListener,
    page: LivePage,
    lines: Receiver<LiveLine>,
}

/// The lines so far.
#[derive(Debug, Default)]
struct LiveLines {
    /// The number of the first that is kept.
    first: usize,
    kept: VecDeque<String>,
    units: BTreeMap<String, &'static str>,
    /// When somebody asked last, and up to which line.
    asked: Option<(Instant, usize)>,
}

impl LiveLines {
    fn push(&mut self, line: LiveLine) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(line.text);
        self.units.extend(line.units);
    }

    fn next(&self) -> usize {
        self.first + self.kept.len()
    }

    /// All from line `from` on, as the page wants them.
    fn since(&mut self, from: usize) -> String {
        self.asked = Some((Instant::now(), self.next()));
        let lines: Vec<&str> = self
            .kept
            .iter()
            .skip(from.saturating_sub(self.first))
            .map(|line| line.trim_end())
            .collect();
        let units = serde_json::json!(self.units);
        format!(r#"{{"next":{},"units":{units},"lines":[{}]}}"#, self.next(), lines.join(","))
    }

    /// Whether somebody looks on who does not know all lines.
    fn is_awaited(&self) -> bool {
        self.asked.is_some_and(|(at, next)| at.elapsed() < ATTENTION && next < self.next())
    }
}

/// What is shared by those who ask.
#[derive(Debug, Default)]
struct LiveState {
    lines: Mutex<LiveLines>,
    asked: Notify,
}

impl LiveState {
    /// Held for no longer than it takes to copy lines, and by no thread of the run.
    fn lines(&self) -> MutexGuard<'_, LiveLines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveServer {
    /// A server, and where its lines go in.
    pub(super) fn new(listener: TcpListener, page: LivePage) -> (Self, Sender<LiveLine>) {
        let (queue, lines) = channel(QUEUE);
        (Self { listener, page, lines }, queue)
    }

    /// Serves until the run has let go of the lines and whoever looks on has them all.
    pub(super) async fn run(mut self) {
        let state = Arc::new(LiveState::default());
        let answering = serve(self.listener, {
            let (state, page) = (state.clone(), self.page);
            move |request| answer(request, &state, &page)
        });
        let ending = async {
            while let Some(line) = self.lines.recv().await {
                state.lines().push(line);
            }
            let told = async {
                while state.lines().is_awaited() {
                    state.asked.notified().await;
                }
            };
            let _ = tokio::time::timeout(FAREWELL, told).await;
        };
        tokio::pin!(ending);
        tokio::select! {
            () = answering => ending.await,
            () = &mut ending => {}
        }
    }
}

fn answer<B>(request: &Request<B>, state: &LiveState, page: &LivePage) -> Response<Full<Bytes>> {
    if !is_by_address(request) {
        let why = "open this page by its IP address, or as localhost\n";
        return response(StatusCode::MISDIRECTED_REQUEST, "text/plain", why);
    }
    let uri = request.uri();
    let mut response = match (request.method(), uri.path()) {
        (&Method::GET | &Method::HEAD, "/") => {
            response(StatusCode::OK, "text/html; charset=utf-8", page.html.clone())
        }
        (&Method::GET, "/lines") => {
            let from = uri.query().and_then(|query| query.strip_prefix("from="));
            let from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
            let lines = state.lines().since(from);
            state.asked.notify_one();
            response(StatusCode::OK, "application/json", lines)
        }
        _ => response(StatusCode::NOT_FOUND, "text/plain", "the live page is at /\n"),
    };
    let heads = response.headers_mut();
    heads.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    heads.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    if let Ok(policy) = header::HeaderValue::from_str(&page.policy) {
        heads.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Whether it was asked for by address. A name may be anybody's: by one that points here, a foreign page could read what
/// is served to this machine alone (DNS rebinding).
fn is_by_address<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(header::HOST) else { return true };
    let Some(authority) =
        host.to_str().ok().and_then(|host| host.parse::<http::uri::Authority>().ok())
    else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LiveLine {
        LiveLine { text: format!("{text}\n"), units: BTreeMap::new() }
    }

    #[test]
    fn page_that_comes_late_gets_the_last_hour_and_each_line_once() {
        let mut lines = LiveLines::default();
        (0..KEPT + 5).for_each(|n| lines.push(line(&n.to_string())));
        let all: serde_json::Value = serde_json::from_str(&lines.since(0)).expect("JSON");
        assert_eq!((all["next"].as_u64(), all["lines"][0].as_u64()), (Some(3_605), Some(5)));
        assert_eq!(lines.since(3_603), r#"{"next":3605,"units":{},"lines":[3603,3604]}"#);
        assert_eq!(lines.since(9_999), r#"{"next":3605,"units":{},"lines":[]}"#);
        assert!(!lines.is_awaited());
        lines.push(line("1"));
        assert!(lines.is_awaited(), "the one who asked does not know the last line");
    }

    #[test]
    fn page_answers_to_addresses_and_not_to_names() {
        let is = |host: &str| {
            let request = Request::builder().header("host", host).body(()).expect("a request");
            is_by_address(&request)
        };
        assert!(["127.0.0.1:8080", "[::1]:8080", "localhost:1", "LOCALHOST"].into_iter().all(is));
        assert!(!["evil.example", "127.0.0.1.evil.example:80", ""].into_iter().any(is));
    }
}
