//! A leader of many agents: its memory, its CPU, and how late its live view is.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt as _;
use plimsoll::fleet::{
    AgentCall, AgentTold, Broadcast, Carrier, CarrierLogin, JoinReply, JoinRequest, RunSubjects,
    digest, pack, unpack,
};
use plimsoll::transport::monotonic;
use plimsoll::units::Nanos;
use tokio::task::JoinSet;

use super::parts::{Part, free_port, nats, plimsoll, target};

/// Synthetic agents share so many connections.
const LANES: u32 = 32;
const STEPS: u32 = 8;
/// Iterations of one agent in a second; each makes a request of every step.
const RATE: u32 = 25;

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) fn measure(agents: u32, seconds: u32) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let (_target, url) = target(folder.path(), None)?;
    let port = free_port()?;
    let _nats = nats(port, folder.path())?;
    let nats_url = format!("nats://127.0.0.1:{port}");
    fs::write(folder.path().join("scenario.yaml"), scenario(agents, seconds))?;
    let _real = Part(
        plimsoll()
            .args([
                "agent", "--once", "--number", "1", "--wait", "1m", "--nats", &nats_url, "--out",
            ])
            .arg(folder.path().join("agent"))
            .spawn()?,
    );
    let mut leading = plimsoll();
    leading.arg("run").arg(folder.path().join("scenario.yaml")).args(["--target", &url, "--quiet"]);
    leading.args(["--agents", &agents.to_string(), "--nats", &nats_url, "--wait", "3m"]);
    leading.args(["--workers", "1", "--events=/dev/stdout", "--out"]);
    leading.arg(folder.path().join("led")).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut leader = Part(leading.spawn()?);
    let events = BufReader::new(leader.0.stdout.take().ok_or("piped")?);
    let (outbox, started) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let played = runtime
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(repeat(&nats_url, agents, &outbox)));
        if let Err(error) = played {
            println!("the synthetic agents failed: {error}");
        }
    });
    let watch = Watch { pid: leader.0.id(), agents };
    watch.until_the_end(events, &started)?;
    println!("exit code              {:>8}", leader.0.wait()?.code().unwrap_or(-1));
    Ok(())
}

fn scenario(agents: u32, seconds: u32) -> String {
    let steps = (0..STEPS).map(|step| format!("      - get: {{ name: step{step}, url: / }}\n"));
    let steps: String = steps.collect::<Vec<String>>().concat();
    let rate = agents * RATE;
    format!(
        "name: fleet\ntarget: http://127.0.0.1:1\nworkloads:\n  main:\n    max_vus: {}\n    stages: [{{ rate: {rate} iter/s, \
         duration: {seconds}s }}]\nscenarios:\n  all:\n    flow:\n{steps}",
        agents * 20
    )
}

/// Looks at the leader.
struct Watch {
    pid: u32,
    agents: u32,
}

impl Watch {
    fn until_the_end(
        &self,
        events: BufReader<std::process::ChildStdout>,
        started: &mpsc::Receiver<Nanos>,
    ) -> Outcome<()> {
        println!("{} agents, {STEPS} steps, {RATE} iterations/s each", self.agents);
        let (mut start, mut second) = (None, 0_u64);
        let (mut lates, mut cpu_before) = (vec![], Duration::ZERO);
        for line in events.lines() {
            if !line?.contains("\"event\":\"second\"") {
                continue;
            }
            second += 1;
            let begin = match start {
                Some(begin) => begin,
                None => *start.insert(started.recv_timeout(Duration::from_mins(1))?),
            };
            let due = begin.get() + second * 1_000_000_000;
            let late = Duration::from_nanos(monotonic().get().saturating_sub(due));
            if second == 2 {
                cpu_before = self.cpu()?;
            }
            lates.push(late);
            if second % 10 == 0 {
                let memory = self.memory("VmRSS:")? / 1e6;
                println!("after {second:>4} s: {memory:>6.0} MB, live view {late:.1?} late");
            }
        }
        let cpu = self.cpu().unwrap_or_default().saturating_sub(cpu_before);
        lates.sort();
        let at = |share: f64| lates.get((lates.len() as f64 * share) as usize).copied();
        println!("live view late, p50    {:>8.2?}   (bar 2 s)", at(0.5).unwrap_or_default());
        println!("live view late, most   {:>8.2?}", lates.last().copied().unwrap_or_default());
        println!("CPU while it led       {cpu:>8.2?} in {second} s   (bar one core)");
        Ok(())
    }

    fn memory(&self, of: &str) -> Outcome<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = text.lines().find_map(|line| line.strip_prefix(of)).ok_or("no memory")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
    }

    /// User and system time, in hundredths of a second (`proc(5)`).
    fn cpu(&self) -> Outcome<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let behind = text.rsplit_once(')').ok_or("no name")?.1;
        let ticks = behind.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|it| it.parse::<u64>().unwrap_or(0)).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

/// The run of which all synthetic agents are a part.
#[derive(Clone)]
struct Chorus {
    lanes: Vec<Carrier>,
    subjects: RunSubjects,
    agents: u32,
}

/// Plays agents 2 and up, which say what agent 1 says.
async fn repeat(url: &str, agents: u32, started: &mpsc::Sender<Nanos>) -> Outcome<()> {
    let mut lanes = vec![];
    for _ in 0..LANES {
        lanes.push(Carrier::connect(url, &CarrierLogin::default()).await?);
    }
    let first = lanes[0].clone();
    let mut calls = first.subscribe(RunSubjects::call().to_owned()).await?;
    let call = calls.next().await.ok_or("no call")?;
    let call: AgentCall = serde_json::from_slice(&call.payload)?;
    let chorus = Chorus { lanes, subjects: RunSubjects::new(call.run), agents };
    let subjects = &chorus.subjects;
    let mut to_all = first.subscribe(subjects.to_all()).await?;
    let mut told = first.subscribe(subjects.told()).await?;
    let mut live = first.subscribe(subjects.live(1)).await?;
    let mut log = first.subscribe(subjects.log(1)).await?;
    chorus.join().await?;
    while let Some(message) = told.next().await {
        if let AgentTold::Ready(ready) = serde_json::from_slice(&message.payload)? {
            let says =
                |number| AgentTold::Ready(plimsoll::fleet::AgentReady { number, ..ready.clone() });
            chorus.say(says).await?;
            break;
        }
    }
    while let Some(message) = to_all.next().await {
        match serde_json::from_slice(&message.payload)? {
            Broadcast::Start(at) => {
                let _ = started.send(at);
                break;
            }
            Broadcast::Cancel(why) => return Err(why.into()),
            Broadcast::Work(_) | Broadcast::Order(_) => {}
        }
    }
    chorus.say(|number| AgentTold::Starting { number }).await?;
    let mut uploads = chorus.uploads();
    loop {
        tokio::select! {
            Some(second) = live.next() => {
                for (number, carrier) in chorus.others() {
                    carrier.publish(subjects.live(number), second.payload.to_vec()).await?;
                }
            }
            Some(piece) = log.next() => {
                let is_end = piece.headers.is_some_and(|it| it.get("Plimsoll-End").is_some());
                let piece = SharedPiece { bytes: unpack(&piece.payload)?, packed: piece.payload, is_end };
                for outbox in &uploads.outboxes {
                    outbox.send(piece.clone()).await?;
                }
                if is_end {
                    uploads.outboxes.clear();
                    while uploads.tasks.join_next().await.is_some() {}
                    return Ok(());
                }
            }
            else => return Ok(()),
        }
    }
}

/// A piece of the real log.
#[derive(Clone)]
struct SharedPiece {
    bytes: Vec<u8>,
    packed: bytes::Bytes,
    is_end: bool,
}

/// Where pieces of the real log go, and who keeps them.
struct Uploads {
    outboxes: Vec<tokio::sync::mpsc::Sender<SharedPiece>>,
    tasks: JoinSet<()>,
}

impl Chorus {
    /// The synthetic agents, each with its connection.
    fn others(&self) -> impl Iterator<Item = (u32, &Carrier)> {
        (2..=self.agents).map(|number| (number, &self.lanes[(number % LANES) as usize]))
    }

    async fn join(&self) -> Outcome<()> {
        let program = fs::read(env!("CARGO_BIN_EXE_plimsoll"))?;
        let build = digest(&program);
        for (number, carrier) in self.others() {
            let request = JoinRequest {
                agent: format!("synthetic-{number}"),
                host: format!("synthetic-{number}"),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                build: build.clone(),
                number: Some(number),
            };
            match carrier.ask::<JoinReply>(self.subjects.join(), &request).await? {
                JoinReply::Joined => {}
                JoinReply::Refused(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Each says something that the leader must hear.
    async fn say(&self, what: impl Fn(u32) -> AgentTold) -> Outcome<()> {
        for (number, carrier) in self.others() {
            carrier.tell(self.subjects.told(), &what(number)).await?;
        }
        for carrier in &self.lanes {
            carrier.flush().await?;
        }
        Ok(())
    }

    /// Tasks that keep the log of each agent, a share of them each.
    fn uploads(&self) -> Uploads {
        let mut uploads = Uploads { outboxes: vec![], tasks: JoinSet::new() };
        for lane in 0..LANES {
            // As many seconds as a server may be behind.
            let (outbox, mut pieces) = tokio::sync::mpsc::channel::<SharedPiece>(64);
            uploads.outboxes.push(outbox);
            let chorus = self.clone();
            uploads.tasks.spawn(async move {
                let mut offsets = vec![0_u64; chorus.agents as usize + 1];
                while let Some(SharedPiece { bytes, packed, is_end }) = pieces.recv().await {
                    for (number, carrier) in chorus.others().filter(|(it, _)| it % LANES == lane) {
                        let own = of_shard(&bytes, number, chorus.agents);
                        let length = own.as_ref().map_or(bytes.len(), Vec::len);
                        // Only the first piece names the shard; the others cost the synthetic agents nothing.
                        let packed = own.map_or_else(|| packed.to_vec(), |own| pack(&own));
                        let offset = &mut offsets[number as usize];
                        let (subject, place) = (chorus.subjects.log(number), (*offset, is_end));
                        *offset += length as u64;
                        while carrier.keep(subject.clone(), place, packed.clone()).await.is_err() {}
                    }
                }
            });
        }
        uploads
    }
}

/// A piece of the first shard's log as another shard's, where it names the shard.
fn of_shard(bytes: &[u8], number: u32, agents: u32) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (first, own) =
        (format!("\"shard\":[0,{agents}]"), format!("\"shard\":[{},{agents}]", number - 1));
    text.contains(&first).then(|| text.replacen(&first, &own, 1).into_bytes())
}
