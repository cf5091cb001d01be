//! Agents whose leader is gone before the run begins, or between the steps of a search.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use plimsoll::fleet::{
    AgentCall, AgentReady, AgentTold, Broadcast, Carrier, CarrierLogin, JoinReply, JoinRequest,
    RunSubjects, digest,
};

use super::fleet::{Agent, Leader, Nats, requests_in, wait_for};
use super::harness::{Guarded, Stack, checkout, plimsoll, terminate};

/// An agent takes a leader for dead after ten seconds without a sign; a busy machine may take as long again.
const FREE_WITHIN: Duration = Duration::from_secs(20);

/// Goal: prove that a leader that is killed while it gathers does not keep its agents: they say so, and play the next run.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long agents wait is what is measured")]
fn leader_that_is_killed_while_it_gathers_sets_its_agents_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/blue_green", &[]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let mut agents = ["1", "2"].map(|at| Agent::waiting(&nats, &out(at), &["--number", at]));
    let mut dead = Leader::start(&stack, &nats, ("3", "2s"), &out("dead"));
    for agent in &mut agents {
        wait_for(&mut agent.said, "joined the run");
    }
    dead.process.kill().expect("killed");
    dead.process.wait().expect("ended");
    let killed = Instant::now();
    for agent in &mut agents {
        wait_for(&mut agent.said, "the run does not take place: the leader gave no sign for 10 s");
    }
    let waited = killed.elapsed();
    println!("free after {waited:.1?}");
    assert!(waited < FREE_WITHIN, "{waited:?}");
    let led = Leader::start(&stack, &nats, ("2", "2s"), &out("led")).end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
    for agent in &agents {
        terminate(&agent.process);
    }
}

/// Goal: prove that a NATS server that crashes and comes back while agents are awaited ends nothing.
#[test]
fn server_that_crashes_while_the_leader_gathers_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/blue_green", &[]);
    let mut nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let mut one = Agent::start(&nats, &out("1"), &["--number", "1"]);
    let leader = Leader::start(&stack, &nats, ("2", "2s"), &out("led"));
    wait_for(&mut one.said, "joined the run");
    nats.kill();
    nats.run();
    let two = Agent::start(&nats, &out("2"), &["--number", "2"]);
    let led = leader.end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
    one.end();
    two.end();
}

/// Takes part in the next run as agent 2, says that it is ready, and never that it knows when to begin. Returns why the run
/// does not take place.
async fn deaf_agent(url: String) -> String {
    let carrier = Carrier::connect(&url, &CarrierLogin::default()).await.expect("connected");
    let mut calls = carrier.subscribe(RunSubjects::call().to_owned()).await.expect("subscribed");
    let call = calls.next().await.expect("a call");
    let call: AgentCall = serde_json::from_slice(&call.payload).expect("a call");
    let subjects = RunSubjects::new(call.run);
    let mut told = carrier.subscribe(subjects.told()).await.expect("subscribed");
    let mut words = carrier.subscribe(subjects.to_all()).await.expect("subscribed");
    let program = fs::read(env!("CARGO_BIN_EXE_plimsoll")).expect("the program");
    let request = JoinRequest {
        agent: "deaf".to_owned(),
        host: "deaf".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: digest(&program),
        number: Some(2),
    };
    let reply = carrier.ask::<JoinReply>(subjects.join(), &request).await.expect("an answer");
    assert_eq!(reply, JoinReply::Joined);
    loop {
        let message = told.next().await.expect("agent 1 tells");
        if let AgentTold::Ready(ready) = serde_json::from_slice(&message.payload).expect("JSON") {
            let ready = AgentTold::Ready(AgentReady { number: 2, ..ready });
            carrier.tell(subjects.told(), &ready).await.expect("told");
            break;
        }
    }
    loop {
        let message = words.next().await.expect("the leader tells");
        if let Broadcast::Cancel(why) = serde_json::from_slice(&message.payload).expect("JSON") {
            return why;
        }
    }
}

/// Goal: prove that no agent begins where another did not hear when to.
#[test]
fn run_of_which_an_agent_does_not_hear_is_called_off_before_anybody_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start("tests/data/blue_green", &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let mut one = Agent::waiting(&nats, &folder.path().join("1"), &["--number", "1"]);
    let url = nats.url();
    let deaf = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(deaf_agent(url))
    });
    let led = Leader::start(&stack, &nats, ("2", "2s"), &folder.path().join("led")).end();
    let why = deaf.join().expect("it is told");
    assert_eq!(why, "agents did not hear when to start: 2");
    assert_eq!(led.code, 97, "{}", led.stderr);
    assert!(led.stderr.contains(&why), "{}", led.stderr);
    wait_for(&mut one.said, &format!("the run does not take place: {why}"));
    wait_for(&mut one.said, "waits for work");
    terminate(&one.process);
    stack.stop();
    assert_eq!(fs::read_to_string(&seen).map_or(0, |text| text.lines().count()), 0);
}

/// Goal: prove that agents of a search finish their step where its leader is killed, and do not wait for a next one.
#[test]
fn leader_of_a_search_that_is_killed_sets_its_agents_free_after_their_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start("tests/data/search", &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let mut agents = ["1", "2"].map(|at| Agent::start(&nats, &out(at), &["--number", at]));
    let mut leader = plimsoll();
    leader.arg("capacity").arg(checkout("tests/data/search")).args(["--target", &stack.url]);
    leader.args(["--hold", "4s", "--start", "20 req/s", "--within", "2m", "--agents", "2"]);
    leader.args(["--quiet", "--nats", &nats.url(), "--out"]).arg(out("led"));
    let leader = leader.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let leader = Guarded(leader.expect("it starts"));
    for agent in &mut agents {
        wait_for(&mut agent.said, "playing shard");
    }
    drop(leader);
    for agent in &mut agents {
        wait_for(&mut agent.said, "log: ");
        wait_for(&mut agent.said, "the search is over: the leader gave no sign for 10 s");
        let status = agent.process.0.wait().expect("it ends");
        assert_eq!(status.code(), Some(97));
    }
    stack.stop();
    let logged: usize = ["1", "2"].iter().map(|at| requests_below(&out(at))).sum();
    assert_eq!(logged, requests_in(&seen));
}

/// Requests in the log of the only run of an agent of a search.
fn requests_below(out: &std::path::Path) -> usize {
    let run: Vec<PathBuf> = fs::read_dir(out.join("search"))
        .expect("a run")
        .map(|entry| entry.expect("a run").path())
        .collect();
    assert_eq!(run.len(), 1, "{run:?}");
    super::searched::requests_logged(&run[0])
}
