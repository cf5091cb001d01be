//! The thread that plays users with a real browser beside a run.
//!
//! It has a runtime of its own and hands each page load on; the load itself never waits for it.

mod meter;
mod trust;
mod users;

use std::cell::Cell;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::browser::{Browser, BrowserError, BrowserOptions, WorstPages, find_program};
use crate::engine::RunEvent;
use crate::metrics::{BrowserUse, Event, EventKind, PageLoad, PagePicture, RunLine};
use crate::plan::Plan;
use crate::transport::Clock;
use crate::units::{Nanos, RunTime};

use super::asked::{FleetRole, RunRequest};
use super::cores::{CoreSplit, OnCores};
use super::exit::{Exit, Failure};
use meter::BrowserMeter;
use users::BrowserUserSlot;

pub(super) use users::idle_context;

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
        workers: u32,
    ) -> Result<Self, Failure> {
        let Some(hosts) = hosts else { return Ok(Self(None)) };
        BrowserThread::start(plan, hosts, workers).await.map(Some).map(Self)
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
        let trouble = ended.error.map(|error| {
            let kind =
                EventKind::Warning(format!("browsers: {error}; pages were loaded until then"));
            RunLine::Event(Event { at, kind })
        });
        let used = ended.used.map(RunLine::Browsers);
        let pictures = ended.pictures.into_iter().map(RunLine::Picture);
        loads.into_iter().map(RunLine::Page).chain(pictures).chain(used).chain(trouble).collect()
    }
}

/// The browsers of a run. Dropped, they end at once.
struct BrowserThread {
    loads: mpsc::UnboundedReceiver<PageLoad>,
    begin: Option<oneshot::Sender<Clock>>,
    idle_done: Option<oneshot::Receiver<()>>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<BrowsersEnd>>,
    /// Where this process stays while browsers have cores of their own.
    _kept: Option<OnCores>,
}

/// How the browsers of a run ended.
#[derive(Default)]
struct BrowsersEnd {
    /// What they took; none where none has started.
    used: Option<BrowserUse>,
    /// What ended them before the run did.
    error: Option<BrowserError>,
    /// What pages looked like at their worst.
    pictures: Vec<PagePicture>,
}

impl BrowsersEnd {
    /// None has played.
    fn failed(error: BrowserError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

/// A browser, who plays in it, and what it takes.
struct Playing {
    /// None while one that is gone is started again.
    browser: Option<Browser>,
    users: Vec<BrowserUserSlot>,
    meter: BrowserMeter,
}

/// What the thread works with.
struct BrowserWork {
    plan: Arc<Plan>,
    options: BrowserOptions,
    /// The cores that browsers have to themselves; empty where they share all.
    cores: Vec<usize>,
    loads: mpsc::UnboundedSender<PageLoad>,
    /// How many pages were loaded.
    loaded: Cell<u64>,
    stop: CancellationToken,
}

/// Whether users with a real browser play beside the load.
pub(super) fn plays(plan: &Plan, asked: &RunRequest<'_>) -> bool {
    // One of many agents has no cores to spare for them.
    let is_alone = matches!(asked.role, FleetRole::Alone);
    is_alone && asked.browsers && plan.browsers.iter().any(|browser| browser.plays)
}

/// The hosts that users with a real browser may reach: the target's, and those that the file allows and this run may
/// load. None where no such users play.
///
/// # Errors
/// Where they should, and there is no browser on this machine.
pub(super) fn hosts(plan: &Plan, asked: &RunRequest<'_>) -> Result<Option<Vec<String>>, Failure> {
    if !plays(plan, asked) {
        return Ok(None);
    }
    trust::fit(plan).and_then(|()| program()).map_err(|error| {
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
async fn options(plan: &Plan, hosts: Vec<String>) -> Result<BrowserOptions, BrowserError> {
    trust::fit(plan)?;
    Ok(BrowserOptions {
        program: program()?,
        profile: PathBuf::new(),
        hosts,
        insecure: plan.http.tls.insecure,
        vouched_keys: trust::vouched_keys(plan).await,
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
    let options = BrowserOptions { profile: profile.0.clone(), ..options(plan, hosts).await? };
    Ok((Browser::start(&options).await?, profile))
}

impl BrowserThread {
    async fn start(plan: Arc<Plan>, hosts: Vec<String>, workers: u32) -> Result<Self, Failure> {
        // Until the first arrival, it is as late as it is.
        plan.templates.begin_at(Clock::starting_in(Nanos::ZERO).unix_start());
        let not_started =
            |error: &BrowserError| Failure::new(Exit::Error, format!("error: {error}"));
        let options = options(&plan, hosts).await.map_err(|error| not_started(&error))?;
        let (sender, loads) = mpsc::unbounded_channel();
        let (begin, begun) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let (idle, idle_done) = oneshot::channel();
        let stop = CancellationToken::new();
        let split = CoreSplit::of_machine(workers);
        let cores = split.as_ref().map_or_else(Vec::new, |split| split.browsers.clone());
        let stopped = stop.clone();
        let loaded = Cell::new(0);
        let work = BrowserWork { plan, options, cores, loads: sender, loaded, stop: stopped };
        let thread = std::thread::Builder::new()
            .name("browsers".to_owned())
            .spawn(move || work.play(ready, idle, begun))
            .map_err(|error| Failure::while_doing("cannot start a thread", &error))?;
        let kept = split.and_then(|split| OnCores::only(&split.generator));
        let (begin, idle_done, thread) = (Some(begin), Some(idle_done), Some(thread));
        let mut this = Self { loads, begin, idle_done, stop, thread, _kept: kept };
        if is_ready.await.is_err() {
            return Err(not_started(&this.join().error.unwrap_or(BrowserError::Gone)));
        }
        Ok(this)
    }

    /// Ends the browsers with the run. Returns the loads that nobody has taken yet, and how the browsers ended.
    fn finish(mut self) -> (Vec<PageLoad>, BrowsersEnd) {
        self.stop.cancel();
        let ended = self.join();
        (std::iter::from_fn(|| self.loads.try_recv().ok()).collect(), ended)
    }

    fn join(&mut self) -> BrowsersEnd {
        let ended = self.thread.take().and_then(|thread| thread.join().ok());
        ended.unwrap_or_else(|| BrowsersEnd::failed(BrowserError::Gone))
    }
}

impl Drop for BrowserThread {
    fn drop(&mut self) {
        self.stop.cancel();
        self.begin = None;
        let _ = self.join();
    }
}

impl BrowserWork {
    /// The thread's work.
    fn play(
        &self,
        ready: oneshot::Sender<()>,
        idle: oneshot::Sender<()>,
        begun: oneshot::Receiver<Clock>,
    ) -> BrowsersEnd {
        // Threads and processes that it starts stay there as well.
        let _kept = OnCores::only(&self.cores);
        let not_started = |error: &dyn std::fmt::Display| {
            BrowsersEnd::failed(BrowserError::Start(error.to_string()))
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return not_started(&error),
        };
        let profile = match ProfileFolder::new() {
            Ok(profile) => profile,
            Err(error) => return not_started(&error),
        };
        let options = BrowserOptions { profile: profile.0.clone(), ..self.options.clone() };
        LocalSet::new().block_on(&runtime, async {
            let browser = match Browser::start(&options).await {
                Ok(browser) => browser,
                Err(error) => return BrowsersEnd::failed(error),
            };
            let _ = ready.send(());
            let worst = WorstPages::default();
            let mut playing = Playing {
                browser: Some(browser),
                users: users::all(&self.plan, &worst),
                meter: BrowserMeter::new(&self.cores),
            };
            let ended = self.run(&mut playing, &options, idle, begun).await;
            if let Some(browser) = playing.browser {
                browser.close().await;
            }
            let left_out = users::left_out(&playing.users);
            let used = playing.meter.finish(self.loaded.get(), left_out);
            BrowsersEnd { used: Some(used), error: ended.err(), pictures: worst.take() }
        })
    }

    /// Plays users until the run ends, in this browser, and in others if it fails.
    async fn run(
        &self,
        playing: &mut Playing,
        options: &BrowserOptions,
        idle: oneshot::Sender<()>,
        begun: oneshot::Receiver<Clock>,
    ) -> Result<(), BrowserError> {
        let Playing { browser: slot, users, meter } = playing;
        let browser = slot.as_ref().ok_or(BrowserError::Gone)?;
        meter.begin(browser);
        // One user of each browser, one after the other: idle is without each other, too.
        for user in &mut *users {
            let until = Instant::now() + user.baseline;
            self.rounds(user, browser, until, true).await?;
            meter.look(browser, 1)?;
        }
        let _ = idle.send(());
        let Ok(clock) = begun.await else { return Ok(()) };
        for slot in &mut *users {
            slot.user.begin(clock);
        }
        meter.load_begins();
        for starts in 0.. {
            let browser = slot.as_ref().ok_or(BrowserError::Gone)?;
            let ended = self.until_stopped(users, browser, meter).await;
            for user in &mut *users {
                user.user.leave().await;
            }
            if self.stop.is_cancelled() {
                return Ok(());
            }
            if ended.is_ok() || starts == RESTARTS {
                return ended;
            }
            if let Some(browser) = slot.take() {
                browser.close().await;
            }
            meter.begin_again(slot.insert(Browser::start(options).await?));
        }
        Ok(())
    }

    /// Plays all users until the run ends, or the browser.
    async fn until_stopped(
        &self,
        users: &mut [BrowserUserSlot],
        browser: &Browser,
        meter: &mut BrowserMeter,
    ) -> Result<(), BrowserError> {
        let far = Instant::now() + Duration::from_secs(1 << 32);
        let number = users.len();
        let all = users.iter_mut().map(|user| self.rounds(user, browser, far, false));
        let mut all = std::pin::pin!(futures_util::future::join_all(all));
        let ended = loop {
            tokio::select! {
                ended = &mut all => break ended,
                () = tokio::time::sleep(meter::EVERY) => meter.look(browser, number)?,
            }
        };
        meter.look(browser, number)?;
        ended.into_iter().collect()
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
            if !idle && !self.is_due(slot).await {
                break;
            }
            let mut loads = Vec::new();
            let played = async { slot.user.play(browser, until, &mut loads).await };
            let ended = tokio::select! {
                ended = played => ended,
                () = self.late() => Ok(()),
            };
            self.loaded.set(self.loaded.get() + loads.len() as u64);
            for load in loads {
                let at = if idle { RunTime::ZERO } else { load.at };
                // Nobody listens once the run has ended, and then nobody wants to know.
                let _ = self.loads.send(PageLoad { at, idle, ..load });
            }
            ended?;
        }
        Ok(())
    }

    /// Waits until a user's next flow is due; false where the run ends before.
    async fn is_due(&self, slot: &BrowserUserSlot) -> bool {
        let Some(start) = slot.next_start() else { return true };
        tokio::select! {
            () = tokio::time::sleep_until(start) => true,
            () = self.stop.cancelled() => false,
        }
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
    /// One that nobody has made before, and nobody else reads.
    fn new() -> std::io::Result<Self> {
        let base = std::env::temp_dir();
        let mut failed = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        for number in 0..100 {
            let folder = base.join(format!("plimsoll-browser-{}-{number}", std::process::id()));
            match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }
}

impl Drop for ProfileFolder {
    fn drop(&mut self) {
        // The browser may still be writing its last; what is left is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
