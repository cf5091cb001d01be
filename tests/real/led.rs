//! What a leader does once for all of its agents, and judges by their numbers together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::fleet::{Agent, Leader, Nats, merge, requests_in, wait_for};
use super::harness::{Ran, Stack, checkout, plimsoll, ran, run, terminate};
use super::lifecycle::{LOAD, ONCE, VISIT, lines, shop};
use super::namespaces::{Machine, Network};
use super::values::{Listening, SeenRequest, listening, written};

/// Two agents and a leader play a scenario against a server.
fn led(nats: &Nats, scenario: &Path, server: &Listening, out: &Path) -> (Ran, Vec<PathBuf>) {
    let agents = ["1", "2"].map(|at| Agent::start(nats, &out.join(at), &["--number", at]));
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "--quiet"]);
    command.args(["--agents", "2", "--nats", &nats.url(), "--wait", "60s"]);
    let led = run(&mut command, &out.join("led"));
    (led, agents.map(Agent::end).into())
}

/// Goal: prove that setup and teardown are played once for all agents, by the leader, and that every agent's users have what
/// the setup captured.
#[test]
fn setup_and_teardown_are_played_once_for_all_agents() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(shop);
    let scenario = written(folder.path(), &format!("{LOAD}{ONCE}"), VISIT);
    let nats = Nats::start(folder.path());
    let (led, agents) = led(&nats, &scenario, &server, &folder.path().join("out"));
    let seen = lines(&server);
    assert_eq!(seen[..2], ["POST /sales", "GET /sales/41"], "{}", led.stderr);
    assert_eq!(seen.last().map(String::as_str), Some("DELETE /sales/41"));
    let count = |line: &str| seen.iter().filter(|it| *it == line).count();
    // 20 iterations/s for 2 s, and the setup's own.
    assert_eq!(
        [count("POST /sales"), count("DELETE /sales/41"), count("GET /sales/41")],
        [1, 1, 41]
    );
    assert_eq!(led.count("/load/requests"), 40);
    let played = led.result()["lifecycle"].as_array().map(Vec::len);
    assert_eq!(played, Some(2), "{}", led.result()["lifecycle"]);
    let all = server.seen();
    let bearer = |seen: &SeenRequest| seen.header("authorization") == Some("Bearer g1ven-c4n4ry");
    assert!(all[2..].iter().all(bearer), "all users have the token");
    for log in agents.iter().chain(&led.folder).map(|run| run.join("run.jsonl")) {
        assert!(!fs::read_to_string(log).expect("a log").contains("c4n4ry"));
    }
}

/// Goal: prove that a rule of `abort` looks at all agents together, and that the logs of the agents say so as well.
/// Method: of 16 requests a second each agent has 8: in the two seconds of the rule too few to tell anything by itself.
#[test]
fn rule_of_abort_is_held_against_all_agents_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_: &SeenRequest| (503, String::new()));
    let load = "workloads: { a: { arrivals: constant, stages: [{ rate: 16 iter/s, duration: 30s }] } }\n\
        abort: [error_rate > 20% for 2s]";
    let scenario = written(folder.path(), load, "      - get: { name: get, url: / }");
    let nats = Nats::start(folder.path());
    let (led, agents) = led(&nats, &scenario, &server, &folder.path().join("out"));
    assert_eq!(led.code, 99, "{}", led.stderr);
    let later = merge(&agents, &folder.path().join("merged"));
    for run in [&led, &later] {
        let result = run.result();
        assert_eq!(result["completion"]["how"], "aborted", "{result:#}");
        let events = result["events"].as_array().expect("events").iter();
        assert_eq!(events.filter(|event| event["kind"] == "aborted").count(), 1, "{result:#}");
        assert!(run.count("/whole_run/requests") < 16 * 15, "{}", run.stderr);
    }
    assert_eq!(led.count("/whole_run/requests"), later.count("/whole_run/requests"));
}

/// Goal: prove that Ctrl-C while agents are awaited tells those that have come.
#[test]
fn leader_that_is_interrupted_while_it_waits_lets_its_agents_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/blue_green", &[]);
    let nats = Nats::start(folder.path());
    let mut agent = Agent::start(&nats, &folder.path().join("agent"), &[]);
    let leader = Leader::start(&stack, &nats, ("2", "2s"), &folder.path().join("led"));
    wait_for(&mut agent.said, "joined the run");
    let pid = leader.process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let led = leader.end();
    assert_eq!(led.code, 130, "{}", led.stderr);
    assert!(led.stderr.contains("interrupted; nothing was sent"), "{}", led.stderr);
    wait_for(&mut agent.said, "the run does not take place: interrupted; nothing was sent");
    terminate(&agent.process);
}

/// Goal: prove that nobody waits for ever: not for a server that never comes, nor for a run.
#[test]
fn agent_gives_up_after_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(folder.path());
    for (url, why) in [
        ("nats://127.0.0.1:1", "cannot connect to the NATS server"),
        (&nats.url(), "no run took this agent on within 1s"),
    ] {
        let agent = plimsoll().args(["agent", "--wait", "1s", "--nats", url]).output();
        let agent = agent.expect("it runs");
        let said = String::from_utf8_lossy(&agent.stderr).into_owned();
        assert!(!agent.status.success() && said.contains(why), "{said}");
    }
}

/// A plimsoll of its own on a machine.
fn on(machine: &Machine) -> Command {
    let mut command = machine.command(env!("CARGO_BIN_EXE_plimsoll").as_ref());
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Goal: prove that a slow and lossy network between eight machines changes nothing in what is counted, and that the error of
/// each clock comparison is told as no less than the way allows.
/// Method: each agent's packets take 5 ± 2 ms, and one in a hundred is lost; the target's own log has every request.
#[test]
fn eight_machines_on_a_bad_network_make_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), open).expect("anybody's");
    let network = Network::new();
    let middle = network.machine();
    let seen = folder.path().join("seen.log");
    let server = middle.nats(folder.path());
    let stack = Stack::start_by(
        &mut on(&middle),
        &format!("{}:0", middle.address),
        "tests/data/blue_green",
        &["--log", &seen.display().to_string()],
    );
    let mut is_impaired = true;
    let agents: Vec<Agent> = (1..=8)
        .map(|at| {
            let machine = network.machine();
            is_impaired &= machine.impair("delay 5ms 2ms loss 1%");
            let out = folder.path().join(format!("agent{at}"));
            Agent::start_at(&mut on(&machine), &server.url, &out, &[])
        })
        .collect();
    let out = folder.path().join("led");
    let output = on(&middle)
        .arg("run")
        .arg(checkout("tests/data/blue_green"))
        .args(["--agents", "8", "--nats", &server.url, "--target", &stack.url])
        .args(["--duration", "8s", "--quiet", "--wait", "60s", "--out"])
        .arg(&out)
        .output()
        .expect("it runs");
    let led = ran(&output, &out);
    let folders: Vec<PathBuf> = agents.into_iter().map(Agent::end).collect();
    stack.stop();
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    assert_eq!(led.count("/load/intended_iterations"), 1_200);
    let result = led.result();
    let agents = result["agents"].as_array().expect("agents");
    let error = |agent: &serde_json::Value| agent["clock_error_ms"].as_f64().expect("a comparison");
    let errors: Vec<f64> = agents.iter().map(error).collect();
    println!("clock errors: {errors:?} ms");
    assert_eq!(errors.len(), 8);
    assert!(errors.iter().all(|error| (0.0..100.0).contains(error)), "{errors:?}");
    if is_impaired {
        // There and back takes 3 ms at the least, and half of that is not known.
        assert!(errors.iter().all(|error| *error >= 1.5), "{errors:?}");
    }
    let merged = merge(&folders, &folder.path().join("merged"));
    for figure in ["/whole_run/requests", "/response_time_ms/p99"] {
        let (by_hand, by_leader) = (merged.number(figure), led.number(figure));
        assert!((by_hand - by_leader).abs() < 1e-9, "{figure}: {by_hand}, {by_leader}");
    }
}

/// Goal: prove that a clock on the wall that is wrong, and that is set meanwhile, changes no figure.
/// Method: the first agent's clock is ten seconds fast, and ten slow from the third second on (libfaketime).
#[test]
fn clock_on_the_wall_that_is_set_changes_no_figure() {
    let library = std::env::consts::ARCH;
    let library = format!("/usr/lib/{library}-linux-gnu/faketime/libfaketime.so.1");
    assert!(Path::new(&library).exists(), "libfaketime is installed");
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start("tests/data/blue_green", &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let clock = folder.path().join("clock");
    fs::write(&clock, "+10s").expect("written");
    let mut faked = plimsoll();
    faked.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock);
    faked.envs([("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("FAKETIME_NO_CACHE", "1")]);
    let out = |name: &str| folder.path().join(name);
    let one = Agent::start_as(&mut faked, &nats, &out("one"), &["--number", "1"]);
    let two = Agent::start(&nats, &out("two"), &["--number", "2"]);
    let mut leader = Leader::start(&stack, &nats, ("2", "6s"), &out("led"));
    leader.seconds(3);
    fs::write(&clock, "-10s").expect("written");
    let led = leader.end();
    let folders = [one.end(), two.end()];
    stack.stop();
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    assert_eq!(led.count("/load/intended_iterations"), 900);
    let result = led.result();
    let agents = result["agents"].as_array().expect("agents");
    assert_eq!(agents[0]["started_utc"], agents[1]["started_utc"], "the leader's clock is told");
    assert!(led.number("/response_time_ms/max") < 5_000.0, "{result:#}");
    let error = agents[0]["clock_error_ms"].as_f64().expect("a comparison");
    assert!(error < 50.0, "{error}");
    assert!(!result.to_string().contains("by their own clocks"), "{result:#}");
    let merged = merge(&folders, &out("merged"));
    assert_eq!(merged.count("/whole_run/requests"), led.count("/whole_run/requests"));
}
