//! One run of several processes: a real NATS server, real agents, a real leader, and all that can happen to them.

use std::fs;
use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use super::harness::{
    Guarded, Ran, Stack, checkout, free_port, only_run, plimsoll, ran, run, terminate,
};

const DATA: &str = "tests/data/blue_green";

/// A NATS server that keeps streams in a folder.
pub(crate) struct Nats {
    port: u16,
    folder: PathBuf,
    more: Vec<String>,
    /// With what it says: nobody to say it to would end it.
    process: Option<(Guarded, BufReader<std::process::ChildStderr>)>,
}

impl Nats {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Path, more: &[&str]) -> Self {
        let more = more.iter().map(|&word| word.to_owned()).collect();
        let folder = folder.join("nats");
        let mut nats = Self { port: free_port(), folder, more, process: None };
        nats.run();
        nats
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn run(&mut self) {
        let mut child = Command::new(nats_server())
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(&self.folder)
            .args(&self.more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        wait_for(&mut said, "Server is ready");
        self.process = Some((Guarded(child), said));
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }
}

/// The program.
pub(crate) fn nats_server() -> PathBuf {
    let places = ["/usr/sbin/nats-server", "/usr/bin/nats-server"];
    places.into_iter().map(PathBuf::from).find(|it| it.exists()).expect("nats-server is installed")
}

/// Reads lines until one holds `text`, and returns it.
pub(crate) fn wait_for(lines: &mut impl std::io::BufRead, text: &str) -> String {
    let mut said = String::new();
    loop {
        let begin = said.len();
        let read = lines.read_line(&mut said).expect("text");
        assert!(read > 0, "it ended before it said {text:?}:\n{said}");
        if said[begin..].contains(text) {
            return said[begin..].to_owned();
        }
    }
}

/// An agent that plays one run.
pub(crate) struct Agent {
    pub(crate) process: Guarded,
    pub(crate) said: BufReader<std::process::ChildStderr>,
    out: PathBuf,
}

impl Agent {
    pub(crate) fn start(nats: &Nats, out: &Path, more: &[&str]) -> Self {
        Self::start_as(&mut plimsoll(), nats, out, more)
    }

    pub(crate) fn start_as(program: &mut Command, nats: &Nats, out: &Path, more: &[&str]) -> Self {
        Self::start_at(program, &nats.url(), out, more)
    }

    pub(crate) fn start_at(program: &mut Command, nats: &str, out: &Path, more: &[&str]) -> Self {
        Self::start_by(program.args(["agent", "--once"]), nats, out, more)
    }

    /// One that plays one run after the other.
    pub(crate) fn waiting(nats: &Nats, out: &Path, more: &[&str]) -> Self {
        Self::start_by(plimsoll().arg("agent"), &nats.url(), out, more)
    }

    fn start_by(command: &mut Command, nats: &str, out: &Path, more: &[&str]) -> Self {
        let mut child = command
            .args(["--nats", nats, "--out"])
            .arg(out)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        wait_for(&mut said, "waits for work");
        Self { process: Guarded(child), said, out: out.to_owned() }
    }

    /// Waits for its end. Returns the folder of its run.
    pub(crate) fn end(mut self) -> PathBuf {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut rest).expect("text");
        let status = self.process.0.wait().expect("it ends");
        assert!(status.success(), "{status}: {rest}");
        only_run(&self.out).expect("a run")
    }
}

/// A leader that tells of its seconds.
pub(crate) struct Leader {
    pub(crate) process: Child,
    said: BufReader<std::process::ChildStderr>,
    out: PathBuf,
}

impl Leader {
    pub(crate) fn command(nats: &Nats, agents: &str) -> Command {
        let mut command = plimsoll();
        command.arg("run").arg(checkout(DATA));
        command.args(["--agents", agents, "--nats", &nats.url(), "--quiet"]);
        command
    }

    pub(crate) fn start(
        stack: &Stack,
        nats: &Nats,
        (agents, duration): (&str, &str),
        out: &Path,
    ) -> Self {
        let mut process = Self::command(nats, agents)
            .args(["--target", &stack.url, "--duration", duration, "--wait", "60s"])
            .args(["--events=/dev/stderr", "--out"])
            .arg(out)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the leader starts");
        let said = BufReader::new(process.stderr.take().expect("piped"));
        Self { process, said, out: out.to_owned() }
    }

    /// Waits until so many seconds were told.
    pub(crate) fn seconds(&mut self, count: usize) {
        for _ in 0..count {
            wait_for(&mut self.said, "\"event\":\"second\"");
        }
    }

    /// Waits until it says `text`; returns that line.
    pub(crate) fn hears(&mut self, text: &str) -> String {
        wait_for(&mut self.said, text)
    }

    pub(crate) fn end(mut self) -> Ran {
        let mut stderr = vec![];
        std::io::Read::read_to_end(&mut self.said, &mut stderr).expect("text");
        let mut stdout = vec![];
        let out = self.process.stdout.as_mut().expect("piped");
        std::io::Read::read_to_end(out, &mut stdout).expect("text");
        let status = self.process.wait().expect("it ends");
        ran(&Output { status, stdout, stderr }, &self.out)
    }
}

pub(crate) fn requests_in(log: &Path) -> usize {
    fs::read_to_string(log).expect("a log").lines().count()
}

pub(crate) fn merge(runs: &[PathBuf], out: &Path) -> Ran {
    let mut command = plimsoll();
    command.arg("merge").args(runs);
    run(&mut command, out)
}

/// Goal: prove that agents and a leader make one run: nothing lost, nothing twice, one beginning, one log.
/// Method: 300 req/s for 4 s by three agents; the server's own log has every request, and the logs on the agents' disks,
/// merged by hand, come to the same.
#[test]
fn agents_play_one_run_and_the_leader_has_all_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let agents: Vec<Agent> = (1..=3)
        .map(|at| Agent::start(&nats, &folder.path().join(format!("agent{at}")), &[]))
        .collect();
    let led = Leader::start(&stack, &nats, ("3", "4s"), &folder.path().join("led")).end();
    let folders: Vec<PathBuf> = agents.into_iter().map(Agent::end).collect();
    stack.stop();
    assert!(led.folder.is_some(), "{}", led.stderr);
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    assert_eq!(led.count("/load/intended_iterations"), 600);
    let result = led.result();
    let agents = result["agents"].as_array().expect("agents");
    assert_eq!(agents.len(), 3);
    for agent in agents {
        let error = agent["clock_error_ms"].as_f64().expect("a comparison");
        assert!(error > 0.0 && error < 50.0, "{agent}");
    }
    let told = led.stderr.matches("\"event\":\"second\"").count();
    assert!(told >= 4, "{told} seconds in the live view: {}", led.stderr);
    let merged = merge(&folders, &folder.path().join("merged"));
    for figure in ["/whole_run/requests", "/response_time_ms/p99", "/service_time_ms/p50"] {
        let (by_hand, by_leader) = (merged.number(figure), led.number(figure));
        assert!((by_hand - by_leader).abs() < 1e-9, "{figure}: {by_hand}, {by_leader}");
    }
}

#[test]
fn too_few_agents_are_no_run_and_the_missing_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(folder.path());
    let mut agent = Agent::start(&nats, &folder.path().join("agent"), &["--number", "2"]);
    let mut command = Leader::command(&nats, "3");
    command.args(["--no-preflight", "--wait", "2s"]);
    let led = run(&mut command, &folder.path().join("led"));
    assert_eq!(led.code, 97, "{}", led.stderr);
    assert!(led.stderr.contains("2 of 3 agents did not come within 2s: 1, 3"), "{}", led.stderr);
    assert!(led.folder.is_none(), "something was written");
    wait_for(&mut agent.said, "the run does not take place: 2 of 3 agents did not come within 2s");
    terminate(&agent.process);
}

#[test]
fn fewer_agents_play_the_whole_where_that_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start(folder.path());
    let agent = Agent::start(&nats, &folder.path().join("agent"), &["--number", "3"]);
    let mut command = Leader::command(&nats, "3");
    command.args(["--target", &stack.url, "--duration", "2s", "--wait", "2s", "--min-agents", "1"]);
    let led = run(&mut command, &folder.path().join("led"));
    agent.end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
}

/// Goal: prove that an agent that does not belong is refused, and told why: a number that is taken, another program,
/// another plan.
#[test]
fn agents_that_do_not_belong_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let other = out("other-plimsoll");
    let mut program = fs::read(env!("CARGO_BIN_EXE_plimsoll")).expect("the program");
    program.push(0);
    fs::write(&other, program).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&other, executable).expect("executable");
    let first = Agent::start(&nats, &out("first"), &["--number", "1"]);
    let mut second = Agent::start(&nats, &out("second"), &["--number", "1"]);
    let mut another = Agent::start_as(&mut Command::new(&other), &nats, &out("another"), &[]);
    let mut leader = Leader::start(&stack, &nats, ("2", "2s"), &out("led"));
    let refused =
        [wait_for(&mut leader.said, "refused agent"), wait_for(&mut leader.said, "refused agent")]
            .concat();
    assert!(refused.contains("shard 1 is taken by agent"), "{refused}");
    assert!(refused.contains("its program is another one"), "{refused}");
    wait_for(&mut another.said, "its program is another one than the leader's");
    let told = "shard 1 is taken by agent";
    // Which of both came first is chance; the other one is told.
    let mut first = first;
    let is_first_taken = wait_for(&mut first.said, "run of shop").contains("joined");
    if is_first_taken {
        wait_for(&mut second.said, told);
    }
    let third = Agent::start(&nats, &out("third"), &[]);
    let led = leader.end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
    drop((first, second, another, third));

    let unlike =
        Agent::start_as(plimsoll().env("BLUE", "http://127.0.0.1:9"), &nats, &out("unlike"), &[]);
    let mut command = Leader::command(&nats, "1");
    command.env("BLUE", &stack.url).arg("--no-preflight");
    let led = run(&mut command, &out("unlike-led"));
    assert_eq!(led.code, 2, "{}", led.stderr);
    assert!(led.stderr.contains("has another plan: "), "{}", led.stderr);
    drop(unlike);
}

/// Goal: prove that an agent that is killed is named, holds nobody up, and makes the run not valid.
#[test]
fn killed_agent_is_named_and_the_run_is_not_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let agents = ["1", "2"].map(|number| Agent::start(&nats, &out(number), &["--number", number]));
    let mut leader = Leader::start(&stack, &nats, ("2", "8s"), &out("led"));
    leader.seconds(2);
    let [one, two] = agents;
    drop(two);
    let led = leader.end();
    one.end();
    assert_eq!(led.code, 97, "{}", led.stderr);
    let result = led.result();
    assert_eq!(result["validity"]["status"], "not_valid", "{result:#}");
    assert!(result.to_string().contains("shard 2: its log was cut off after"), "{result:#}");
    assert!(led.stderr.contains("has been silent since"), "{}", led.stderr);
    assert!(led.stderr.contains("the logs of agents 2 are not complete"), "{}", led.stderr);
}

/// Goal: prove that agents finish by the plan when their leader is killed, and that `merge` gives the whole run later.
#[test]
fn killed_leader_takes_nothing_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let agents = ["1", "2"].map(|number| Agent::start(&nats, &out(number), &["--number", number]));
    let mut leader = Leader::start(&stack, &nats, ("2", "5s"), &out("led"));
    leader.seconds(1);
    leader.process.kill().expect("killed");
    leader.process.wait().expect("ended");
    let folders = agents.map(Agent::end);
    stack.stop();
    let merged = merge(&folders, &out("merged"));
    assert_eq!(merged.count("/whole_run/requests"), requests_in(&seen), "{}", merged.stderr);
    assert_eq!(merged.count("/load/intended_iterations"), 750);
}

/// Goal: prove that nothing is lost when the NATS server crashes during the run and comes back.
#[test]
fn nats_server_that_crashes_and_comes_back_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let mut nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let agents = ["1", "2"].map(|number| Agent::start(&nats, &out(number), &["--number", number]));
    let mut leader = Leader::start(&stack, &nats, ("2", "8s"), &out("led"));
    leader.seconds(2);
    nats.kill();
    nats.run();
    let led = leader.end();
    for agent in agents {
        agent.end();
    }
    stack.stop();
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    assert_eq!(led.count("/load/intended_iterations"), 1_200);
    assert_eq!(led.result()["completion"]["how"], "finished", "{}", led.stderr);
}

/// Goal: prove that who has no token gets no agent and no leader in, and who has one from a file does.
#[test]
fn token_from_a_file_opens_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start_with(folder.path(), &["--auth", "open-sesame"]);
    let out = |name: &str| folder.path().join(name);
    let token = out("token");
    fs::write(&token, "open-sesame\n").expect("written");
    let token = token.display().to_string();
    let refused = plimsoll().args(["agent", "--nats", &nats.url()]).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("cannot connect to the NATS server at nats://127.0.0.1"), "{why}");
    let agent = Agent::start(&nats, &out("agent"), &["--nats-token", &token]);
    let mut command = Leader::command(&nats, "1");
    command.args(["--target", &stack.url, "--duration", "2s", "--nats-token", &token]);
    let led = run(&mut command, &out("led"));
    agent.end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
}

/// Goal: prove that Ctrl-C at the leader stops all agents, and what was measured until then is kept.
#[test]
fn interrupted_leader_stops_its_agents() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let agents = ["1", "2"].map(|number| Agent::start(&nats, &out(number), &["--number", number]));
    let mut leader = Leader::start(&stack, &nats, ("2", "60s"), &out("led"));
    leader.seconds(2);
    let pid = leader.process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let led = leader.end();
    for agent in agents {
        agent.end();
    }
    assert_eq!(led.code, 130, "{}", led.stderr);
    let result = led.result();
    assert_eq!(result["completion"]["how"], "interrupted", "{result:#}");
    let steered = result["events"].as_array().expect("events").iter();
    let steered = steered.filter(|event| event["kind"] == "steered").count();
    assert_eq!(steered, 1, "the order stands in the log once: {result:#}");
}

/// A way to the NATS server that can be cut.
struct Link {
    port: u16,
    /// The sockets of both ends, while it is not cut.
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Link {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let open = Arc::new(Mutex::new(Some(vec![])));
        let link =
            Self { port: listener.local_addr().expect("an address").port(), open: open.clone() };
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                let mut open = open.lock().expect("a lock");
                // While it is cut, whoever comes is turned away.
                let Some(sockets) = open.as_mut() else { continue };
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for socket in [&near, &far] {
                    sockets.push(socket.try_clone().expect("a socket"));
                }
                for (mut from, mut to) in [
                    (near.try_clone().expect("a socket"), far.try_clone().expect("a socket")),
                    (far, near),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        link
    }

    fn cut(&self) {
        for socket in self.open.lock().expect("a lock").take().into_iter().flatten() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        *self.open.lock().expect("a lock") = Some(vec![]);
    }
}

/// Goal: prove that an agent that was cut off is named while it is, plays on, and that nothing of it is lost.
#[test]
fn agent_that_was_cut_off_comes_back_with_all_of_its_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let link = Link::to(nats.port);
    let out = |name: &str| folder.path().join(name);
    let one = Agent::start(&nats, &out("one"), &["--number", "1"]);
    let far = format!("nats://127.0.0.1:{}", link.port);
    let two = Agent::start_at(&mut plimsoll(), &far, &out("two"), &["--number", "2"]);
    let mut leader = Leader::start(&stack, &nats, ("2", "12s"), &out("led"));
    leader.seconds(2);
    link.cut();
    let told = wait_for(&mut leader.said, "has been silent since");
    assert!(told.contains("agent 2 "), "{told}");
    link.mend();
    let led = leader.end();
    one.end();
    two.end();
    stack.stop();
    assert!(led.stderr.contains("is heard of again"), "{}", led.stderr);
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    assert_eq!(led.count("/load/intended_iterations"), 1_800);
    assert_eq!(led.result()["completion"]["how"], "finished", "{}", led.stderr);
}
