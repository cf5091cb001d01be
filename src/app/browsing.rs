//! The thread that plays users with a real browser beside a run.
//!
//! It has a runtime of its own and hands each page load on; the load itself never waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::browser::{
    Browser, BrowserError, BrowserOptions, BrowserUser, VisitContext, find_program,
};
use crate::engine::RunEvent;
use crate::metrics::{Event, EventKind, Measure, PageFigure, PageLoad, RunLine};
use crate::plan::{BrowserPlan, Load, Plan};
use crate::transport::Clock;
use crate::units::{Nanos, RunTime};
use crate::user::RowPicker;

use super::asked::{FleetRole, RunRequest};
use super::exit::{Exit, Failure};

/// A browser that is gone is started again so many times in a run.
const RESTARTS: usize = 3;
/// At the end of a run, an iteration under way gets so long to take its figures.
const LAST_FIGURES: Duration = Duration::from_secs(2);

/// Page loads on their way into the log; none of a run without browsers.
pub(super) struct PageFeed(Option<BrowserThread>);

impl PageFeed {
    /// Starts the browsers of a run, if it has some, and begins to load what is to be loaded before the first arrival.
    ///
    /// # Errors
    /// Where the browser cannot be started.
    pub(super) async fn start(
        plan: Arc<Plan>,
        hosts: Option<Vec<String>>,
    ) -> Result<Self, Failure> {
        let Some(hosts) = hosts else { return Ok(Self(None)) };
        BrowserThread::start(plan, hosts).await.map(Some).map(Self)
    }

    /// Waits until the pages that are loaded before the first arrival have been.
    pub(super) async fn idle(&mut self) {
        let waiting = self.0.as_mut().and_then(|thread| thread.idle_done.as_mut());
        if let Some(done) = waiting {
            // Where the browser is gone there is nothing to wait for.
            let _ = done.await;
        }
    }

    /// From now on, pages are loaded at times of this clock.
    pub(super) fn begin(&mut self, clock: Clock) {
        if let Some(begin) = self.0.as_mut().and_then(|thread| thread.begin.take()) {
            let _ = begin.send(clock);
        }
    }

    /// Awaits the next page load. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> PageLoad {
        let load = match &mut self.0 {
            Some(thread) => thread.loads.recv().await,
            None => None,
        };
        match load {
            Some(load) => load,
            None => std::future::pending().await,
        }
    }

    /// The loads that nobody has taken yet, once `events` end the run, and the browsers with it; and what went wrong
    /// with these.
    pub(super) fn last(&mut self, events: &[RunEvent]) -> Vec<RunLine> {
        let end = events.iter().find_map(|event| match event {
            RunEvent::End(end) => Some(end.at),
            _ => None,
        });
        let Some((at, thread)) = end.zip(self.0.take_if(|_| end.is_some())) else { return vec![] };
        let (loads, ended) = thread.finish();
        let trouble = ended.err().map(|error| {
            let kind =
                EventKind::Warning(format!("browsers: {error}; pages were loaded until then"));
            RunLine::Event(Event { at, kind })
        });
        loads.into_iter().map(RunLine::Page).chain(trouble).collect()
    }
}

/// The browsers of a run. Dropped, they end at once.
struct BrowserThread {
    loads: mpsc::UnboundedReceiver<PageLoad>,
    begin: Option<oneshot::Sender<Clock>>,
    idle_done: Option<oneshot::Receiver<()>>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<Result<(), BrowserError>>>,
}

/// What the thread works with.
struct BrowserWork {
    plan: Arc<Plan>,
    options: BrowserOptions,
    loads: mpsc::UnboundedSender<PageLoad>,
    stop: CancellationToken,
}

/// The hosts that users with a real browser may reach: the target's, and those that the file allows and this run may
/// load. None where no such users play.
///
/// # Errors
/// Where they should, and there is no browser on this machine.
pub(super) fn hosts(plan: &Plan, asked: &RunRequest<'_>) -> Result<Option<Vec<String>>, Failure> {
    // One of many agents has no cores to spare for them.
    let plays = plan.browsers.iter().any(|browser| browser.plays);
    if !plays || !asked.browsers || !matches!(asked.role, FleetRole::Alone) {
        return Ok(None);
    }
    program().map_err(|error| {
        let hint = "or leave the browsers out: --no-browsers";
        Failure::new(Exit::Usage, format!("error: {error}\nhint: {hint}"))
    })?;
    Ok(Some(allowed_hosts(plan, asked.may_load)))
}

/// The target's host, and those that the file allows and somebody says may be loaded.
pub(super) fn allowed_hosts(plan: &Plan, may_load: &[String]) -> Vec<String> {
    let is_named = |host: &&String| may_load.iter().any(|named| named.eq_ignore_ascii_case(host));
    let allowed = plan.allow_hosts.iter().filter(is_named);
    std::iter::once(&plan.target.host).chain(allowed).cloned().collect()
}

fn program() -> Result<PathBuf, BrowserError> {
    find_program(std::env::var_os("PLIMSOLL_CHROMIUM"), std::env::var_os("PATH").as_deref())
}

/// How a browser is started, but for its profile.
fn options(plan: &Plan, hosts: Vec<String>) -> Result<BrowserOptions, BrowserError> {
    Ok(BrowserOptions {
        program: program()?,
        profile: PathBuf::new(),
        hosts,
        insecure: plan.http.tls.insecure,
    })
}

/// A browser outside a run, and its profile, which must outlive it.
///
/// # Errors
/// There is none on this machine, or it does not start.
pub(super) async fn launched(
    plan: &Plan,
    hosts: Vec<String>,
) -> Result<(Browser, ProfileFolder), BrowserError> {
    let profile = ProfileFolder::new().map_err(|error| BrowserError::Start(error.to_string()))?;
    let options = BrowserOptions { profile: profile.0.clone(), ..options(plan, hosts)? };
    Ok((Browser::start(&options).await?, profile))
}

impl BrowserThread {
    async fn start(plan: Arc<Plan>, hosts: Vec<String>) -> Result<Self, Failure> {
        // Until the first arrival, it is as late as it is.
        plan.templates.begin_at(Clock::starting_in(Nanos::ZERO).unix_start());
        let not_started =
            |error: &BrowserError| Failure::new(Exit::Error, format!("error: {error}"));
        let options = options(&plan, hosts).map_err(|error| not_started(&error))?;
        let (sender, loads) = mpsc::unbounded_channel();
        let (begin, begun) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let (idle, idle_done) = oneshot::channel();
        let stop = CancellationToken::new();
        let work = BrowserWork { plan, options, loads: sender, stop: stop.clone() };
        let thread = std::thread::Builder::new()
            .name("browsers".to_owned())
            .spawn(move || play(&work, ready, idle, begun))
            .map_err(|error| Failure::while_doing("cannot start a thread", &error))?;
        let thread = Some(thread);
        let mut this = Self { loads, begin: Some(begin), idle_done: Some(idle_done), stop, thread };
        if is_ready.await.is_err() {
            let error = this.join().err().unwrap_or(BrowserError::Gone);
            return Err(not_started(&error));
        }
        Ok(this)
    }

    /// Ends the browsers with the run. Returns the loads that nobody has taken yet, and how the browsers ended.
    fn finish(mut self) -> (Vec<PageLoad>, Result<(), BrowserError>) {
        self.stop.cancel();
        let ended = self.join();
        (std::iter::from_fn(|| self.loads.try_recv().ok()).collect(), ended)
    }

    fn join(&mut self) -> Result<(), BrowserError> {
        let thread = self.thread.take();
        thread.and_then(|thread| thread.join().ok()).unwrap_or(Err(BrowserError::Gone))
    }
}

impl Drop for BrowserThread {
    fn drop(&mut self) {
        self.stop.cancel();
        self.begin = None;
        let _ = self.join();
    }
}

/// The thread's work.
fn play(
    work: &BrowserWork,
    ready: oneshot::Sender<()>,
    idle: oneshot::Sender<()>,
    begun: oneshot::Receiver<Clock>,
) -> Result<(), BrowserError> {
    let start = |error: &dyn std::fmt::Display| BrowserError::Start(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| start(&error))?;
    let profile = ProfileFolder::new().map_err(|error| start(&error))?;
    let options = BrowserOptions { profile: profile.0.clone(), ..work.options.clone() };
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let mut browser = Browser::start(&options).await?;
        let _ = ready.send(());
        let mut users = users(&work.plan);
        // One user of each browser, one after the other: idle is without each other, too.
        for user in &mut users {
            let until = Instant::now() + user.baseline;
            work.rounds(user, &browser, until, true).await?;
        }
        let _ = idle.send(());
        let Ok(clock) = begun.await else {
            browser.close().await;
            return Ok(());
        };
        for slot in &mut users {
            slot.user.begin(clock);
        }
        let mut starts = 0;
        loop {
            let all = users.iter_mut().map(|user| work.until_stopped(user, &browser));
            let ended = futures_util::future::join_all(all).await;
            for slot in &mut users {
                slot.user.leave().await;
            }
            browser.close().await;
            let ended: Result<(), BrowserError> = ended.into_iter().collect();
            if work.stop.is_cancelled() || ended.is_ok() || starts == RESTARTS {
                return if work.stop.is_cancelled() { Ok(()) } else { ended };
            }
            starts += 1;
            browser = Browser::start(&options).await?;
        }
    })
}

/// A user and what its plan says of idle times.
struct BrowserUserSlot {
    user: BrowserUser,
    baseline: Duration,
}

/// What users share before the first arrival, or where there is none.
pub(super) fn idle_context(plan: &Arc<Plan>) -> VisitContext {
    VisitContext {
        plan: plan.clone(),
        rows: Arc::new(RowPicker::new(plan)),
        clock: None,
        waits_for_quiet: asks_for_tti(plan),
    }
}

fn users(plan: &Arc<Plan>) -> Vec<BrowserUserSlot> {
    let shared = idle_context(plan);
    // Their rows and numbers come behind those of all other users.
    let mut number = match &plan.load {
        Load::Open(open) => u64::from(open.max_vus),
        Load::Closed(closed) => u64::from(closed.vus),
    };
    let each = |browser: &BrowserPlan| {
        let first = Duration::from(browser.baseline);
        let others = std::iter::repeat(Duration::ZERO);
        let baselines = std::iter::once(first).chain(others).take(browser.vus as usize);
        baselines.map(|baseline| (browser.clone(), baseline)).collect::<Vec<_>>()
    };
    let all = plan.browsers.iter().filter(|browser| browser.plays).flat_map(each);
    let slot_of = |(browser, baseline): (BrowserPlan, Duration)| {
        let user = BrowserUser::new(shared.clone(), browser, number);
        number += 1;
        BrowserUserSlot { user, baseline }
    };
    all.map(slot_of).collect()
}

/// Whether the SLO table has a row on time to interactive.
fn asks_for_tti(plan: &Plan) -> bool {
    plan.objectives.iter().any(|objective| match &objective.measure {
        Measure::Page(figure, _) => *figure == PageFigure::Tti,
        Measure::Observed(tier, metric) => {
            tier == "frontend" && PageFigure::of_row(metric) == Some(PageFigure::Tti)
        }
        _ => false,
    })
}

impl BrowserWork {
    /// Plays until the run ends.
    async fn until_stopped(
        &self,
        slot: &mut BrowserUserSlot,
        browser: &Browser,
    ) -> Result<(), BrowserError> {
        let far = Instant::now() + Duration::from_secs(1 << 32);
        self.rounds(slot, browser, far, false).await
    }

    /// Plays until a moment, or until the run ends; what was loaded then is measured and handed on.
    async fn rounds(
        &self,
        slot: &mut BrowserUserSlot,
        browser: &Browser,
        until: Instant,
        idle: bool,
    ) -> Result<(), BrowserError> {
        while Instant::now() < until && !self.stop.is_cancelled() {
            let mut loads = Vec::new();
            let played = async { slot.user.play(browser, until, &mut loads).await };
            let ended = tokio::select! {
                ended = played => ended,
                () = self.late() => Ok(()),
            };
            for load in loads {
                let at = if idle { RunTime::ZERO } else { load.at };
                // Nobody listens once the run has ended, and then nobody wants to know.
                let _ = self.loads.send(PageLoad { at, idle, ..load });
            }
            ended?;
        }
        Ok(())
    }

    /// A while after the run has ended.
    async fn late(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(LAST_FIGURES).await;
    }
}

/// A folder for a browser's profile, removed with all that is in it.
pub(super) struct ProfileFolder(PathBuf);

impl ProfileFolder {
    fn new() -> std::io::Result<Self> {
        let name = format!("plimsoll-browser-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for ProfileFolder {
    fn drop(&mut self) {
        // The browser may still be writing its last; what is left is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
