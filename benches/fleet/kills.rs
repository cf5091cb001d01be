//! Parts of a fleet that are killed at random moments.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::parts::{Part, free_port, nats, plimsoll, target};

const AGENTS: u32 = 3;
/// So many runs are played at the same time; each has a server, agents and a target of its own.
const AT_ONCE: u32 = 4;
/// The load lasts so long, in seconds.
const LOAD_S: u64 = 5;
/// A run that lasts longer hangs: the load, what is waited for a silent agent, and a busy machine.
const LONGEST: Duration = Duration::from_mins(2);
const SCENARIO: &str = "name: fleet\ntarget: http://127.0.0.1:1\nworkloads:\n  main:\n    max_vus: 200\n    \
    stages: [{ rate: 150 req/s, duration: 5s }]\nscenarios: { all: { flow: [{ get: { name: get, url: / } }] } }\n";

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Agent,
    Leader,
    Server,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Agent => "agent",
            Self::Leader => "leader",
            Self::Server => "nats-server",
        })
    }
}

/// What a run came to of which a part was killed.
struct KilledRun {
    /// What the target has answered.
    seen: u64,
    /// What the merged run says; none where there is none.
    merged: Option<u64>,
    status: String,
    took: Duration,
}

impl KilledRun {
    /// Nothing is lost, or it is told.
    fn is_right(&self, victim: Victim) -> bool {
        let is_whole = self.merged == Some(self.seen);
        match victim {
            // What it had not written down died with it; nobody may take the rest for the whole.
            Victim::Agent => {
                is_whole || (self.merged.is_none_or(|it| it <= self.seen) && self.status != "valid")
            }
            Victim::Leader | Victim::Server => is_whole,
        }
    }
}

/// Kills each kind of part at so many moments from `seed`, and prints what came of it. Returns the runs that were not as
/// they should be, in words.
pub(crate) fn play(moments: u32, seed: u64) -> Vec<String> {
    let mut chance = Pcg64::seed_from_u64(seed);
    let victims = [Victim::Agent, Victim::Leader, Victim::Server];
    // From the first words to beyond the last request.
    let mut moment = || Duration::from_millis(chance.random_range(0..(LOAD_S + 3) * 1_000));
    let all = victims.into_iter().flat_map(|victim| (0..moments).map(move |_| victim));
    let all: Vec<(Victim, Duration)> = all.map(|victim| (victim, moment())).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(&(victim, at)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = killed(victim, at).map_err(|error| error.to_string());
                    if let Ok(mut found) = found.lock() {
                        found.push((victim, at, run));
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_default();
    let mut wrong = vec![];
    for victim in victims {
        let of = || found.iter().filter(|(killed, ..)| *killed == victim);
        let longest = of().filter_map(|(.., run)| Some(run.as_ref().ok()?.took)).max();
        let bad = of().filter_map(|(_, at, run)| {
            Some(format!("{victim} killed after {at:.1?}: {}", told(victim, run)?))
        });
        let before = wrong.len();
        wrong.extend(bad);
        let (right, longest) = (of().count() - (wrong.len() - before), longest.unwrap_or_default());
        println!("{victim:<12} {right:>3} of {moments} as told, the longest run {longest:.0?}");
    }
    for wrong in &wrong {
        println!("{wrong}");
    }
    wrong
}

/// What is wrong with a run; none where it is as it should be.
fn told(victim: Victim, run: &Result<KilledRun, String>) -> Option<String> {
    match run {
        Ok(run) if run.is_right(victim) => None,
        Ok(run) => {
            let merged = run.merged.map_or("none".to_owned(), |it| it.to_string());
            Some(format!("{merged} of {} requests, {}", run.seen, run.status))
        }
        Err(error) => Some(error.clone()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn killed(victim: Victim, at: Duration) -> Outcome<KilledRun> {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name);
    let log = place("seen.log");
    let (mut stack, url) = target(folder.path(), Some(&log))?;
    let port = free_port()?;
    let mut server = nats(port, folder.path())?;
    let nats_url = format!("nats://127.0.0.1:{port}");
    fs::write(place("scenario.yaml"), SCENARIO)?;
    let mut agents = vec![];
    for number in 1..=AGENTS {
        let mut agent = plimsoll();
        agent.args(["agent", "--once", "--wait", "20s", "--nats", &nats_url, "--number"]);
        agent.args([&number.to_string(), "--out"]).arg(place(&format!("agent{number}")));
        agents.push(Part(agent.spawn()?));
    }
    let mut leading = plimsoll();
    leading.arg("run").arg(place("scenario.yaml")).args(["--target", &url, "--quiet", "--out"]);
    leading.arg(place("led")).args(["--agents", &AGENTS.to_string(), "--nats", &nats_url]);
    let mut leader = Part(leading.args(["--wait", "20s"]).spawn()?);
    let begin = Instant::now();
    std::thread::park_timeout(at);
    match victim {
        Victim::Agent => agents[1].0.kill()?,
        Victim::Leader => leader.0.kill()?,
        Victim::Server => {
            drop(server);
            server = nats(port, folder.path())?;
        }
    }
    for part in agents.iter_mut().chain(std::iter::once(&mut leader)) {
        while part.0.try_wait()?.is_none() {
            if begin.elapsed() > LONGEST {
                return Err(format!("{victim} killed after {at:?}: it hangs").into());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    let took = begin.elapsed();
    drop(server);
    // Ended as a user would, so that its log is complete.
    let stopped = Command::new("kill").args(["-TERM", &stack.0.id().to_string()]).status()?;
    if stopped.success() {
        stack.0.wait()?;
    }
    let seen = fs::read_to_string(&log).map_or(0, |text| text.lines().count() as u64);
    let run =
        if victim == Victim::Leader { merged(folder.path())? } else { only_run(&place("led")) };
    let result = run.and_then(|run| fs::read_to_string(run.join("result.json")).ok());
    let result: serde_json::Value =
        result.map_or(Ok(serde_json::Value::Null), |text| serde_json::from_str(&text))?;
    let status = result["validity"]["status"].as_str().unwrap_or("no run").to_owned();
    let merged = result.pointer("/whole_run/requests").and_then(serde_json::Value::as_u64);
    // A run that never began has nothing to lose.
    let merged = if seen == 0 { merged.or(Some(0)) } else { merged };
    Ok(KilledRun { seen, merged, status, took })
}

/// What `plimsoll merge` makes of the logs on the agents' disks.
fn merged(folder: &Path) -> Outcome<Option<PathBuf>> {
    let logs: Vec<PathBuf> =
        (1..=AGENTS).filter_map(|at| only_run(&folder.join(format!("agent{at}")))).collect();
    let out = folder.join("merged");
    if !logs.is_empty() {
        let mut merge = plimsoll();
        merge.arg("merge").args(&logs).arg("--out").arg(&out);
        merge.status()?;
    }
    Ok(only_run(&out))
}

fn only_run(out: &Path) -> Option<PathBuf> {
    let system = fs::read_dir(out).ok()?.next()?.ok()?.path();
    Some(fs::read_dir(system).ok()?.next()?.ok()?.path())
}
