//! What a run exports while it goes on: a page for Prometheus, a live page, OTLP, lines of JSON.
//!
//! None of it may hold the load up, nor the thread that writes the run log. Sums go out through a watch that
//! only keeps the newest, lines through a queue with an end; what a slow reader misses is counted and told.

mod lines;
mod live;
mod otlp;
mod page;
mod server;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use crate::cli;
use crate::engine::{Steering, SteeringCommand};
use crate::metrics::{Event, EventKind, Interval, PageLoad, RunEnd, RunHeader};
use crate::report::Report;
use crate::report::live::{LiveTotals, events, page as live_page};
use crate::units::RunTime;

use super::audience::RunObserver;
use super::exit::{Exit, Failure};

use lines::LineExport;
use live::{LiveLine, LiveServer};

/// How long the last sums may take to go out when the run is over.
const FAREWELL: Duration = Duration::from_secs(3);

/// All exports of a run. Without any, it does nothing.
#[derive(Debug)]
pub(super) struct RunExports {
    header: RunHeader,
    live: LiveTotals,
    /// Where the page for Prometheus is served.
    page: Option<SocketAddr>,
    /// Where the live page is served.
    served: Option<SocketAddr>,
    sums: Option<TotalsThread>,
    lines: Option<LineExport>,
    /// Lines for the live page.
    watched: Option<Sender<LiveLine>>,
    /// Whether it was told that pushes fail.
    told: bool,
}

/// The thread that serves and pushes sums.
#[derive(Debug)]
struct TotalsThread {
    newest: watch::Sender<Arc<LiveTotals>>,
    /// Closed when the thread has ended.
    done: Receiver<()>,
    lost: Arc<AtomicU64>,
    pushes: bool,
}

/// What the thread of the sums is to do.
#[derive(Debug)]
struct TotalsTasks {
    page: Option<std::net::TcpListener>,
    push: Option<otlp::OtlpPush>,
    live: Option<LiveServer>,
}

impl RunExports {
    /// Opens what was asked for; nothing of it may fail once the load is on.
    pub(super) fn open(
        asked: &cli::ExportArgs,
        header: &RunHeader,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let live = LiveTotals::new(header);
        let (listener, page) = asked.metrics_listen.map(server::listen).transpose()?.unzip();
        let (watched_at, served) = asked.serve.map(server::listen).transpose()?.unzip();
        let live_page = |listener| {
            let page = live_page::page(header);
            let page =
                page.map_err(|error| Failure::while_doing("cannot make the live page", &error))?;
            Ok::<_, Failure>(LiveServer::new(listener, page))
        };
        let (server, watched) = watched_at.map(live_page).transpose()?.unzip();
        let duties = TotalsTasks {
            page: listener,
            live: server,
            push: asked
                .otlp
                .as_deref()
                .map(|url| otlp::OtlpPush::to(url, asked.otlp_every))
                .transpose()?,
        };
        let wanted = duties.page.is_some() || duties.push.is_some() || duties.live.is_some();
        let sums = wanted.then(|| TotalsThread::start(duties, &live)).transpose()?;
        let lines = asked
            .events
            .as_deref()
            .map(|path| LineExport::open(Path::new(path), folder))
            .transpose()?;
        let header = header.clone();
        let mut exports = Self { header, live, page, served, sums, lines, watched, told: false };
        exports.send(events::start);
        Ok(exports)
    }

    /// Where what is served can be read, as printed before the load begins.
    pub(super) fn announcements(&self) -> Vec<String> {
        let page = self.page.map(|address| format!("metrics: http://{address}/metrics"));
        let served = self.served.map(|address| format!("live page: http://{address}/"));
        let open = self.served.filter(|address| !address.ip().is_loopback()).map(|_| {
            "warning: whoever reaches this address can read the live page; it asks for no password"
                .to_owned()
        });
        page.into_iter().chain(served).chain(open).collect()
    }

    fn send(&mut self, line: impl FnOnce(&RunHeader) -> String) {
        self.send_with(line, BTreeMap::new);
    }

    fn send_with(
        &mut self,
        line: impl FnOnce(&RunHeader) -> String,
        units: impl FnOnce() -> BTreeMap<String, &'static str>,
    ) {
        if self.lines.is_none() && self.watched.is_none() {
            return;
        }
        let text = line(&self.header);
        if let Some(watched) = &self.watched {
            // One that finds no room is missed by a page, and by nobody else.
            let _ = watched.try_send(LiveLine { text: text.clone(), units: units() });
        }
        if let Some(lines) = &mut self.lines {
            lines.send(text);
        }
    }

    fn publish(&mut self) {
        let Some(sums) = &self.sums else { return };
        let mut lost = vec![];
        if sums.pushes {
            lost.push(("otlp", sums.lost.load(Ordering::Relaxed)));
        }
        if let Some(lines) = &self.lines {
            lost.push(("events", lines.lost()));
        }
        self.live.set_lost(lost);
        sums.newest.send_replace(Arc::new(self.live.clone()));
    }

    fn on_interval(&mut self, interval: &Interval) {
        if self.sums.is_some() {
            self.live.absorb(interval);
            self.publish();
        }
        let units = || live_page::units(interval);
        self.send_with(|header| events::second(header, interval), units);
    }

    fn on_page(&mut self, load: &PageLoad) {
        if self.sums.is_some() {
            // It goes out with the next second.
            self.live.absorb_page(load);
        }
        self.send(|_| events::page(load));
    }

    /// That a collector does not take what is pushed, told once and as soon as it is known: to find it out at the end of
    /// an hour helps nobody.
    fn trouble(&mut self, at: RunTime) -> Option<Event> {
        let sums = self.sums.as_ref().filter(|sums| sums.pushes)?;
        if self.told || sums.lost.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.told = true;
        let text = "OTLP: the collector does not take what is pushed; it is tried again, and the load does not wait";
        Some(Event { at, kind: EventKind::Warning(text.to_owned()) })
    }

    fn on_end(&mut self, end: &RunEnd) {
        self.live.end();
        self.publish();
        let lost = self.lines.as_ref().map_or(0, LineExport::lost);
        self.send(|_| events::end(end, lost));
    }

    /// Tells the verdict, lets the last of everything go out, and returns warnings of what was lost.
    pub(super) fn close(mut self, report: &Report, exit: Exit) -> Vec<String> {
        self.send(|_| events::verdict(report, exit.number()));
        drop(self.watched);
        let of_sums = self.sums.and_then(TotalsThread::close);
        let of_lines = self.lines.and_then(|lines| lines.close(FAREWELL));
        of_sums.into_iter().chain(of_lines).collect()
    }
}

impl TotalsThread {
    fn start(duties: TotalsTasks, live: &LiveTotals) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::while_doing("cannot start the exports", &error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (newest, reader) = watch::channel(Arc::new(live.clone()));
        let (ended, done) = channel::<()>();
        let lost = Arc::new(AtomicU64::new(0));
        let pushes = duties.push.is_some();
        let count = lost.clone();
        std::thread::Builder::new()
            .name("exports".to_owned())
            .spawn(move || {
                runtime.block_on(work(duties, reader, &count));
                drop(ended);
            })
            .map_err(failed)?;
        Ok(Self { newest, done, lost, pushes })
    }

    /// Returns a warning where something was lost.
    fn close(self) -> Option<String> {
        // The thread ends when it has sent what came last; one that hangs is left behind.
        drop(self.newest);
        let _ = self.done.recv_timeout(FAREWELL);
        let lost = self.lost.load(Ordering::Relaxed);
        (lost > 0).then(|| {
            format!("warning: OTLP: {lost} pushes failed or came too late; the load did not wait")
        })
    }
}

/// Serves and pushes until the run lets go of the sums.
async fn work(duties: TotalsTasks, newest: watch::Receiver<Arc<LiveTotals>>, lost: &AtomicU64) {
    let page = async {
        if let Some(listener) = duties.page {
            page::serve_metrics(listener, newest.clone()).await;
        }
        std::future::pending::<()>().await;
    };
    let push = async {
        if let Some(push) = duties.push {
            push.run(newest.clone(), lost).await;
        } else {
            let mut newest = newest.clone();
            while newest.changed().await.is_ok() {}
        }
    };
    let live = async {
        if let Some(live) = duties.live {
            live.run().await;
        }
    };
    // All ends with the run; a page that could not be served any more ends nothing else.
    tokio::select! {
        () = page => {}
        _ = async { tokio::join!(push, live) } => {}
    }
}

/// An observer that also feeds the exports.
#[derive(Debug)]
pub(super) struct ExportingObserver<'a, A> {
    pub(super) observer: &'a mut A,
    pub(super) exports: &'a mut RunExports,
}

impl<A: RunObserver> RunObserver for ExportingObserver<'_, A> {
    fn on_interval(&mut self, interval: Interval) {
        self.exports.on_interval(&interval);
        // Told to who watches alone: it is nothing that happened to the run.
        if let Some(event) = self.exports.trouble(interval.end) {
            self.observer.on_event(event);
        }
        self.observer.on_interval(interval);
    }

    fn on_page(&mut self, load: PageLoad) {
        self.exports.on_page(&load);
        self.observer.on_page(load);
    }

    fn on_event(&mut self, event: Event) {
        self.exports.send(|header| events::note(header, &event));
        self.observer.on_event(event);
    }

    fn on_steering(&mut self, steering: Steering) {
        self.observer.on_steering(steering);
    }

    fn on_signal(&mut self) {
        self.observer.on_signal();
    }

    fn on_end(&mut self, end: &RunEnd) {
        self.exports.on_end(end);
        self.observer.on_end(end);
    }

    async fn next_steering(&mut self) -> SteeringCommand {
        self.observer.next_steering().await
    }
}
