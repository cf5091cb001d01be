//! Parts of a fleet that are killed at random moments.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::parts::{Part, free_port, nats, plimsoll, target};

const AGENTS: u32 = 3;
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
            Victim::Agent => self.merged.is_none_or(|it| it <= self.seen) && self.status != "valid",
            Victim::Leader | Victim::Server => is_whole,
        }
    }
}

/// Kills each kind of part at so many moments.
pub(crate) fn play(moments: u32) -> Outcome<()> {
    let mut chance = Pcg64::seed_from_u64(18);
    for victim in [Victim::Agent, Victim::Leader, Victim::Server] {
        let (mut right, mut longest) = (0, Duration::ZERO);
        for _ in 0..moments {
            // From the first words to beyond the last request.
            let at = Duration::from_millis(chance.random_range(0..(LOAD_S + 3) * 1_000));
            let run = killed(victim, at)?;
            longest = longest.max(run.took);
            if run.is_right(victim) {
                right += 1;
            } else {
                let merged = run.merged.map_or("none".to_owned(), |it| it.to_string());
                println!(
                    "{victim} killed after {at:.1?}: {merged} of {} requests, {}",
                    run.seen, run.status
                );
            }
        }
        println!("{victim:<12} {right:>3} of {moments} as told, the longest run {longest:.0?}");
    }
    Ok(())
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
