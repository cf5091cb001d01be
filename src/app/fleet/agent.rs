//! `plimsoll agent`: waits for work, plays its shard of it, and sends its log.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cli::{AgentArgs, Cli, CliCommand, LoadArgs, RunArgs};
use crate::fleet::{
    AgentReady, AgentTold, Broadcast, Carrier, ClockEstimate, ClockFilter, JoinRequest, LeaderLoss,
};
use crate::plan::Shard;
use crate::transport::{Clock, monotonic};
use crate::units::Nanos;

use super::super::asked::{AgentWork, FleetRole, RunRequest};
use super::super::drive::drive;
use super::super::exit::{Exit, Failure};
use super::super::files::{self, LOG};
use super::super::merge::facts;
use super::super::output::say;
use super::super::preflight::refuse_strangers;
use super::super::prepare::{PreparedRun, prepare};
use super::super::runtime::runtime;
use super::super::signals::StopSignals;
use super::connection::{broken, build, connect};
use super::link::LeaderLink;
use super::observer::{AgentObserver, UNSENT, send_live};
use super::search::prepare_step;
use super::upload::LogUpload;
use super::waiting::{AgentPlace, INBOX, NextWork, WaitingAgent, while_led};

/// That it starts is told again for so long: later than that, the run has begun, with it or without it.
const TELL: Duration = Duration::from_secs(10);

/// Plays shards until it is ended, or one with `--once`; all steps of a search are one.
pub(in crate::app) fn agent(args: &AgentArgs) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let carrier = runtime.block_on(connect(&args.nats, &args.login, args.wait))?;
    let me = identity(args, &carrier)?;
    let mut waiting = runtime.block_on(async { WaitingAgent::new(carrier, me, args.wait) });
    loop {
        say(&format!("agent {} waits for work", waiting.host()));
        let (exit, is_more) = match runtime.block_on(waiting.next())? {
            NextWork::Place(place) => (place.play(&runtime, args)?, waiting.is_in_search()),
            NextWork::SearchOver(loss) => {
                say(&format!("the search is over: {loss}"));
                let is_through = loss == LeaderLoss::Over;
                (if is_through { Exit::Pass } else { Exit::Judged(97) }, false)
            }
            NextWork::Interrupted => return Ok(Exit::Interrupted),
        };
        let is_last = args.once && !(is_more && exit == Exit::Pass);
        if is_last || exit == Exit::Interrupted {
            return Ok(exit);
        }
    }
}

fn identity(args: &AgentArgs, carrier: &Carrier) -> Result<JoinRequest, Failure> {
    let host = files::read("/proc/sys/kernel/hostname".as_ref()).unwrap_or_default();
    let host = String::from_utf8_lossy(&host).trim().to_owned();
    let index = files::variable("JOB_COMPLETION_INDEX").and_then(|text| text.parse::<u32>().ok());
    Ok(JoinRequest {
        agent: carrier.unique(),
        host: format!("{host}:{}", std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: build()?,
        number: args.number.or(index.map(|index| index.saturating_add(1))),
    })
}

/// An agent that could start.
struct ReadyShard {
    prepared: PreparedRun,
    clock: ClockEstimate,
    filter: ClockFilter,
}

/// What became of a shard that was to begin.
enum ShardEnd {
    /// It was played. Says why not all of the log was sent, if so.
    Played(Result<(), String>),
    /// Another agent did not hear when to begin.
    CalledOff,
}

impl AgentPlace {
    /// Plays the shard. Whatever keeps it from that is told to the leader, and ends no agent.
    fn play(mut self: Box<Self>, runtime: &Runtime, args: &AgentArgs) -> Result<Exit, Failure> {
        let (number, of) = (self.work.number, self.work.of);
        let mut ready = match self.ready(runtime, args) {
            Ok(ready) => ready,
            Err(failure) => {
                say(&failure.message);
                let (exit, why) = (failure.exit.number(), failure.message);
                let told = AgentTold::Failed { number, exit, why };
                let telling =
                    while_led(&mut self.presence, &self.link.carrier, self.link.tell(&told));
                // A leader that is gone needs no answer.
                let _ = runtime.block_on(telling);
                return Ok(failure.exit);
            }
        };
        let folder = ready.prepared.folder.path().to_owned();
        match runtime.block_on(self.wait_for_start(&ready)) {
            Ok(start) => ready.prepared.start = Some(ready.clock.here(start)),
            Err(why) => {
                say(&format!("the run does not take place: {why}"));
                // It holds one line, of a run that never was.
                let _ = std::fs::remove_dir_all(&folder);
                return Ok(Exit::Judged(97));
            }
        }
        say(&format!("playing shard {number} of {of}"));
        let sent = match runtime.block_on(self.play_to_the_end(ready, &folder))? {
            ShardEnd::CalledOff => {
                let _ = std::fs::remove_dir_all(&folder);
                return Ok(Exit::Judged(97));
            }
            ShardEnd::Played(sent) => sent,
        };
        say(&format!("log: {}", folder.display()));
        if let Err(why) = sent {
            say(&format!(
                "warning: not all of it was sent: {why}\nhint: `plimsoll merge` takes it from here"
            ));
        }
        Ok(Exit::Pass)
    }

    /// Fetches the files, compares clocks, compiles the plan, reaches the target and opens the log.
    fn ready(&mut self, runtime: &Runtime, args: &AgentArgs) -> Result<ReadyShard, Failure> {
        let mut filter = ClockFilter::default();
        let Self { link, presence, work, .. } = self;
        let getting = async { (link.fetch(&work.files).await, link.compare(&mut filter).await) };
        let (shipped, clock) = runtime
            .block_on(while_led(presence, &link.carrier, getting))
            .map_err(|loss| Failure::new(Exit::Judged(97), format!("error: {loss}")))?;
        let work = AgentWork {
            files: shipped.map_err(|error| broken(&error))?,
            started: work.started_utc.parse().unwrap_or_default(),
            clock_error: clock.error,
            given: work.given.clone(),
        };
        let prepared = self.prepare(runtime, &work, args);
        // Nobody has listened meanwhile.
        self.presence.count_anew();
        let prepared = prepared?;
        // Whatever the leader leaves out, this machine's owner has the last word.
        refuse_strangers(&prepared.plan, &prepared.options)?;
        Ok(ReadyShard { prepared, clock, filter })
    }

    /// Prepares the step of a search, or a run.
    fn prepare(
        &self,
        runtime: &Runtime,
        work: &AgentWork,
        args: &AgentArgs,
    ) -> Result<PreparedRun, Failure> {
        let shard = Shard { index: self.work.number.saturating_sub(1), count: self.work.of };
        match &self.work.step {
            Some(step) => prepare_step(runtime, step, (work, shard), args),
            None => self.prepare_run(runtime, (work, shard), args),
        }
    }

    /// A run as the leader's command line asks for it.
    fn prepare_run(
        &self,
        runtime: &Runtime,
        (work, shard): (&AgentWork, Shard),
        args: &AgentArgs,
    ) -> Result<PreparedRun, Failure> {
        let run = self.run_args()?;
        let asked = RunRequest {
            target: run.target.clone(),
            green: run.green.clone(),
            settings: &run.set,
            shard: Some(shard),
            tags: &run.tag,
            preflight: !run.no_preflight,
            may_load: &args.i_may_load,
            simulated: false,
            of_url: None,
            browsers: false,
            role: FleetRole::Agent(work),
        };
        let workers = args.workers.or(run.load.workers);
        let load = LoadArgs { seed: Some(self.work.seed), workers, ..run.load.clone() };
        prepare(runtime, &run.path, &asked, &load, &args.out)
    }

    /// The leader's command line, as the same program reads it.
    fn run_args(&self) -> Result<RunArgs, Failure> {
        let words =
            std::iter::once("plimsoll").chain(self.work.arguments.iter().map(String::as_str));
        match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Some(CliCommand::Run(run))) => Ok(*run),
            _ => Err(Failure::new(Exit::Usage, "error: the leader's command is no `run`")),
        }
    }

    /// Says that it is ready. Returns when the run begins, by the leader's clock, or why it does not.
    async fn wait_for_start(&mut self, ready: &ReadyShard) -> Result<Nanos, String> {
        let facts = facts(&ready.prepared.header)
            .into_iter()
            .chain([("plan", ready.prepared.plan_hash.clone())])
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let Self { link, words, presence, .. } = self;
        let told = AgentTold::Ready(AgentReady { number: link.number, facts, clock: ready.clock });
        let telling = async {
            link.tell(&told).await;
            std::future::pending::<Infallible>().await
        };
        // Where the beginning is announced, the leader has heard, whether its answer came or not.
        let waiting = async {
            tokio::select! {
                start = start_of(words) => start,
                never = telling => match never {},
            }
        };
        let mut signals = StopSignals::new().map_err(|failure| failure.message)?;
        let start = tokio::select! {
            start = while_led(presence, &link.carrier, waiting) => start,
            () = signals.next() => return Err("it was interrupted".to_owned()),
        };
        let start = start.map_err(|loss| loss.to_string())??;
        // Beside everything else: who has heard when to begin plays, whatever becomes of the leader.
        let (link, told) = (link.clone(), AgentTold::Starting { number: link.number });
        self.hearing.spawn(async move {
            let _ = timeout(TELL, link.tell(&told)).await;
        });
        Ok(start)
    }

    /// Plays, and sends what it measures.
    async fn play_to_the_end(
        self: Box<Self>,
        ready: ReadyShard,
        folder: &Path,
    ) -> Result<ShardEnd, Failure> {
        let ReadyShard { mut prepared, filter, .. } = ready;
        let clock = Clock::beginning_at(prepared.start.unwrap_or_else(monotonic));
        let is_over = CancellationToken::new();
        let (live, seconds) = mpsc::channel(UNSENT);
        let (outbox, orders) = mpsc::channel(INBOX);
        let Self { link, words, hearing, .. } = *self;
        let LeaderLink { carrier, subjects, number } = link.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(send_live(carrier.clone(), subjects.live(number), seconds));
        let called_off = CancellationToken::new();
        tasks.spawn(link.clone().follow(words, outbox, clock, called_off.clone()));
        tasks.spawn(link.watch_clock(filter));
        let log = folder.join(LOG);
        let subject = subjects.log(number);
        let uploading = LogUpload { carrier, subject, is_over: is_over.clone() };
        let uploading = tokio::spawn(async move { uploading.send(&log).await });
        let mut observer = AgentObserver { live, orders, lost: 0 };
        let played = drive(&mut prepared, &mut observer).await;
        is_over.cancel();
        if called_off.is_cancelled() {
            uploading.abort();
            return played.map(|_| ShardEnd::CalledOff);
        }
        if observer.lost > 0 {
            say(&format!("{} seconds were not shown live; the log has them", observer.lost));
        }
        let sent = uploading.await.unwrap_or_else(|error| Err(error.to_string()));
        drop((tasks, hearing));
        played.map(|_| ShardEnd::Played(sent))
    }
}

/// When the run begins, or why it does not.
async fn start_of(words: &mut mpsc::Receiver<Broadcast>) -> Result<Nanos, String> {
    loop {
        match words.recv().await {
            Some(Broadcast::Start(at)) => return Ok(at),
            Some(Broadcast::Cancel(why)) => return Err(why),
            Some(Broadcast::Work(_) | Broadcast::Order(_)) => {}
            None => return Err("the NATS server let go of this agent".to_owned()),
        }
    }
}
