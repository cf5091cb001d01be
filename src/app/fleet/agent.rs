//! `plimsoll agent`: waits for work, plays its shard of it, and sends its log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::{AgentArgs, Cli, CliCommand, LoadArgs, RunArgs};
use crate::fleet::{
    AgentCall, AgentReady, AgentTold, Broadcast, Carrier, CarrierError, ClockEstimate, ClockFilter,
    FileRequest, JoinReply, JoinRequest, RunSubjects, SteeringOrder, Work, digest,
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
use super::clocks;
use super::connection::{broken, build, connect};
use super::observer::{AgentObserver, UNSENT, send_live};
use super::search::prepare_step;
use super::upload::LogUpload;

/// After it has joined, an agent waits so long for each next word of the leader.
const WAIT: Duration = Duration::from_mins(5);
/// What must be heard is told again for so long.
const TELL: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(500);
/// Between two comparisons of clocks during the run.
const CLOCKS_EVERY: Duration = Duration::from_secs(10);
/// Words of the leader that were not read yet.
const INBOX: usize = 64;

/// Plays shards until it is ended, or one with `--once`.
pub(in crate::app) fn agent(args: &AgentArgs) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let mut patience = args.wait.map(|wait| (wait, Instant::now() + Duration::from(wait)));
    let carrier = runtime.block_on(connect(&args.nats, &args.login, args.wait))?;
    let me = identity(args, &carrier)?;
    say(&format!("agent {} waits for work", me.host));
    let mut known = vec![];
    loop {
        let Some(place) = runtime.block_on(wait_for_work(&carrier, &me, &mut known, patience))?
        else {
            return Ok(Exit::Interrupted);
        };
        let exit = AgentPlace::play(place, &runtime, args)?;
        if args.once || exit == Exit::Interrupted {
            return Ok(exit);
        }
        patience = None;
        say(&format!("agent {} waits for work", me.host));
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

/// A place in a run.
struct AgentPlace {
    carrier: Carrier,
    subjects: RunSubjects,
    work: Work,
    leader: mpsc::Receiver<Broadcast>,
    /// Hear the leader.
    _tasks: JoinSet<()>,
}

/// Waits for a run that takes this agent on. `None` where a signal came first.
async fn wait_for_work(
    carrier: &Carrier,
    me: &JoinRequest,
    known: &mut Vec<String>,
    patience: Option<(Nanos, Instant)>,
) -> Result<Option<AgentPlace>, Failure> {
    let mut signals = StopSignals::new()?;
    let failed = |error: CarrierError| broken(&error);
    let mut calls = carrier.subscribe(RunSubjects::call().to_owned()).await.map_err(failed)?;
    loop {
        let call = tokio::select! {
            call = calls.next() => call,
            () = signals.next() => return Ok(None),
            wait = given_up(patience) => {
                let why = format!("error: no run took this agent on within {wait}");
                return Err(Failure::new(Exit::Judged(97), why));
            }
        };
        let Some(message) = call else {
            return Err(Failure::new(Exit::Error, "error: the NATS server let go of this agent"));
        };
        let Ok(call) = serde_json::from_slice::<AgentCall>(&message.payload) else { continue };
        if known.contains(&call.run) {
            continue;
        }
        tokio::select! {
            place = join(carrier, me, &call, known) => {
                if let Some(place) = place.map_err(failed)? {
                    return Ok(Some(place));
                }
            }
            () = signals.next() => return Ok(None),
        }
    }
}

/// Returns once patience is at an end.
async fn given_up(patience: Option<(Nanos, Instant)>) -> Nanos {
    match patience {
        Some((wait, deadline)) => {
            tokio::time::sleep_until(deadline).await;
            wait
        }
        None => std::future::pending().await,
    }
}

/// Offers itself for a run, and waits for its part of it.
async fn join(
    carrier: &Carrier,
    me: &JoinRequest,
    call: &AgentCall,
    known: &mut Vec<String>,
) -> Result<Option<AgentPlace>, CarrierError> {
    let subjects = RunSubjects::new(call.run.clone());
    let mut tasks = JoinSet::new();
    // Before it joins: the work comes at once.
    let (outbox, mut leader) = mpsc::channel(INBOX);
    for subject in [subjects.to_agent(&me.agent), subjects.to_all()] {
        let mut words = carrier.subscribe(subject).await?;
        let outbox = outbox.clone();
        tasks.spawn(async move {
            while let Some(message) = words.next().await {
                let Ok(word) = serde_json::from_slice(&message.payload) else { continue };
                if outbox.send(word).await.is_err() {
                    return;
                }
            }
        });
    }
    match carrier.ask::<JoinReply>(subjects.join(), me).await {
        Ok(JoinReply::Joined) => {}
        Ok(JoinReply::Refused(why)) => {
            known.push(call.run.clone());
            say(&format!("refused by the run of {}: {why}", call.system));
            return Ok(None);
        }
        // The leader calls again.
        Err(_) => return Ok(None),
    }
    known.push(call.run.clone());
    say(&format!("joined the run of {}", call.system));
    let work = async {
        loop {
            match leader.recv().await {
                Some(Broadcast::Work(work)) => return Ok(*work),
                Some(Broadcast::Cancel(why)) => return Err(why),
                Some(Broadcast::Start(_) | Broadcast::Order(_)) => {}
                None => return Err("the NATS server let go of this agent".to_owned()),
            }
        }
    };
    let why = match tokio::time::timeout(WAIT, work).await {
        Ok(Ok(work)) => {
            let carrier = carrier.clone();
            return Ok(Some(AgentPlace { carrier, subjects, work, leader, _tasks: tasks }));
        }
        Ok(Err(why)) => why,
        Err(_) => "the leader fell silent".to_owned(),
    };
    say(&format!("the run does not take place: {why}"));
    Ok(None)
}

/// An agent that could start.
struct ReadyShard {
    prepared: PreparedRun,
    clock: ClockEstimate,
    filter: ClockFilter,
}

impl AgentPlace {
    /// Plays the shard. Whatever keeps it from that is told to the leader, and ends no agent.
    fn play(mut self, runtime: &Runtime, args: &AgentArgs) -> Result<Exit, Failure> {
        let (number, of) = (self.work.number, self.work.of);
        let mut ready = match self.ready(runtime, args) {
            Ok(ready) => ready,
            Err(failure) => {
                say(&failure.message);
                let (exit, why) = (failure.exit.number(), failure.message);
                runtime.block_on(self.tell(&AgentTold::Failed { number, exit, why }));
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
        let sent = runtime.block_on(self.play_to_the_end(ready, &folder))?;
        say(&format!("log: {}", folder.display()));
        if let Err(why) = sent {
            say(&format!(
                "warning: not all of it was sent: {why}\nhint: `plimsoll merge` takes it from here"
            ));
        }
        Ok(Exit::Pass)
    }

    /// Fetches the files, compares clocks, compiles the plan, reaches the target and opens the log.
    fn ready(&self, runtime: &Runtime, args: &AgentArgs) -> Result<ReadyShard, Failure> {
        let failed = |error: CarrierError| broken(&error);
        let shipped = runtime.block_on(self.fetch()).map_err(failed)?;
        let mut filter = ClockFilter::default();
        let compared = clocks::compare(&self.carrier, &self.subjects, &mut filter);
        let clock = runtime
            .block_on(compared)
            .ok_or_else(|| Failure::new(Exit::Error, "error: the leader's clock cannot be read"))?;
        let work = AgentWork {
            files: shipped,
            started: self.work.started_utc.parse().unwrap_or_default(),
            clock_error: clock.error,
            given: self.work.given.clone(),
        };
        let shard = Shard { index: self.work.number.saturating_sub(1), count: self.work.of };
        let prepared = match &self.work.step {
            Some(step) => prepare_step(runtime, step, (&work, shard), args)?,
            None => self.prepare_run(runtime, (&work, shard), args)?,
        };
        // Whatever the leader leaves out, this machine's owner has the last word.
        refuse_strangers(&prepared.plan, &prepared.options)?;
        Ok(ReadyShard { prepared, clock, filter })
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

    /// The files of the scenario, each as the leader has read it.
    async fn fetch(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>, CarrierError> {
        let mut files = BTreeMap::new();
        for (file, about) in self.work.files.iter().enumerate() {
            let mut bytes = vec![];
            while (bytes.len() as u64) < about.size {
                let request = FileRequest { file, offset: bytes.len() as u64 };
                let question = serde_json::to_vec(&request)?;
                let part = self.carrier.ask_bytes(self.subjects.file(), question).await?;
                if part.is_empty() {
                    break;
                }
                bytes.extend_from_slice(&part);
            }
            if digest(&bytes) != about.sha256 {
                let why = format!("`{}` did not come as the leader has it", about.path);
                return Err(CarrierError::Failed { doing: "cannot fetch a file", why });
            }
            files.insert(PathBuf::from(&about.path), bytes);
        }
        Ok(files)
    }

    /// Tells the leader until it has heard; gives up after a minute.
    async fn tell(&self, what: &AgentTold) {
        let telling = async {
            while self.carrier.ask::<bool>(self.subjects.told(), what).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let _ = tokio::time::timeout(TELL, telling).await;
    }

    /// Says that it is ready. Returns when the run begins, by the leader's clock, or why it does not.
    async fn wait_for_start(&mut self, ready: &ReadyShard) -> Result<Nanos, String> {
        let number = self.work.number;
        let facts = facts(&ready.prepared.header)
            .into_iter()
            .chain([("plan", ready.prepared.plan_hash.clone())])
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.tell(&AgentTold::Ready(AgentReady { number, facts, clock: ready.clock })).await;
        let waiting = async {
            loop {
                match self.leader.recv().await {
                    Some(Broadcast::Start(at)) => return Ok(at),
                    Some(Broadcast::Cancel(why)) => return Err(why),
                    Some(Broadcast::Work(_) | Broadcast::Order(_)) => {}
                    None => return Err("the NATS server let go of this agent".to_owned()),
                }
            }
        };
        let mut signals = StopSignals::new().map_err(|failure| failure.message)?;
        let started = tokio::select! {
            started = tokio::time::timeout(WAIT, waiting) => started,
            () = signals.next() => return Err("it was interrupted".to_owned()),
        };
        let at = started.map_err(|_| "the leader fell silent".to_owned())??;
        self.tell(&AgentTold::Starting { number }).await;
        Ok(at)
    }

    /// Plays, and sends what it measures. Returns why not all of the log was sent, if so.
    async fn play_to_the_end(
        self,
        ready: ReadyShard,
        folder: &Path,
    ) -> Result<Result<(), String>, Failure> {
        let ReadyShard { mut prepared, filter, .. } = ready;
        let number = self.work.number;
        let clock = Clock::beginning_at(prepared.start.unwrap_or_else(monotonic));
        let is_over = CancellationToken::new();
        let (live, seconds) = mpsc::channel(UNSENT);
        let (outbox, orders) = mpsc::channel(INBOX);
        let Self { carrier, subjects, leader, _tasks: hearing, .. } = self;
        let link = LeaderLink { carrier: carrier.clone(), subjects: subjects.clone(), number };
        let mut tasks = JoinSet::new();
        tasks.spawn(send_live(carrier.clone(), subjects.live(number), seconds));
        tasks.spawn(link.clone().follow(leader, outbox, clock));
        tasks.spawn(link.watch_clock(filter));
        let log = folder.join(LOG);
        let subject = subjects.log(number);
        let uploading = LogUpload { carrier, subject, is_over: is_over.clone() };
        let uploading = tokio::spawn(async move { uploading.send(&log).await });
        let mut observer = AgentObserver { live, orders, lost: 0 };
        let played = drive(&mut prepared, &mut observer).await;
        is_over.cancel();
        if observer.lost > 0 {
            say(&format!("{} seconds were not shown live; the log has them", observer.lost));
        }
        let sent = uploading.await.unwrap_or_else(|error| Err(error.to_string()));
        drop((tasks, hearing));
        played.map(|_| sent)
    }
}

/// How an agent speaks to its leader while it plays.
#[derive(Clone)]
struct LeaderLink {
    carrier: Carrier,
    subjects: RunSubjects,
    number: u32,
}

impl LeaderLink {
    /// Hands orders on to the run, each once, and says that they were heard.
    async fn follow(
        self,
        mut leader: mpsc::Receiver<Broadcast>,
        outbox: mpsc::Sender<SteeringOrder>,
        clock: Clock,
    ) {
        let mut done = 0;
        while let Some(word) = leader.recv().await {
            let Broadcast::Order(order) = word else { continue };
            let (revision, late) = (order.revision, order.at < clock.now());
            if revision > done {
                done = revision;
                if outbox.send(order).await.is_err() {
                    return;
                }
            }
            let acknowledged = AgentTold::Acknowledged { number: self.number, revision, late };
            // The leader sends the order again where it does not know that it was heard.
            let _ = self.carrier.ask::<bool>(self.subjects.told(), &acknowledged).await;
        }
    }

    /// Compares clocks again and again, and tells the leader how well this one is known.
    async fn watch_clock(self, mut filter: ClockFilter) {
        loop {
            tokio::time::sleep(CLOCKS_EVERY).await;
            clocks::compare(&self.carrier, &self.subjects, &mut filter).await;
            if let Some(error) = filter.error_at(monotonic()) {
                let told = AgentTold::Clock { number: self.number, error };
                let _ = self.carrier.ask::<bool>(self.subjects.told(), &told).await;
            }
        }
    }
}
