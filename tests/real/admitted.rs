//! Who gets in: to the NATS server, and what an agent's own command line lets a leader have it do.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::fleet::{Agent, Leader, Nats};
use super::harness::{Stack, plimsoll, run, terminate};
use super::values::{SeenRequest, listening, written};

/// A certificate authority of its own.
struct Authority(Issuer<'static, KeyPair>, PathBuf);

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        let path = folder.join(format!("{name}.pem"));
        fs::write(&path, certificate.pem()).expect("written");
        Self(Issuer::new(params, key), path)
    }

    /// A certificate for 127.0.0.1, and its key.
    fn certificate(&self, folder: &Path, name: &str) -> [String; 2] {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        let places = [folder.join(format!("{name}.crt")), folder.join(format!("{name}.key"))];
        fs::write(&places[0], certificate.pem()).expect("written");
        fs::write(&places[1], key.serialize_pem()).expect("written");
        places.map(|place| place.display().to_string())
    }

    fn path(&self) -> String {
        self.1.display().to_string()
    }
}

/// A NATS server with this configuration.
fn configured(folder: &Path, configuration: &str) -> Nats {
    let file = folder.join("nats.conf");
    fs::write(&file, configuration).expect("written");
    Nats::start_with(folder, &["-c", &file.display().to_string()])
}

/// Plays a run of one agent where both have `entry` on their command lines.
fn play(nats: &Nats, folder: &Path, entry: &[&str]) {
    let stack = Stack::start("tests/data/blue_green", &[]);
    let agent = Agent::start(nats, &folder.join("agent"), entry);
    let mut command = Leader::command(nats, "1");
    command.args(["--target", &stack.url, "--duration", "2s"]).args(entry);
    let led = run(&mut command, &folder.join("led"));
    agent.end();
    assert_eq!(led.count("/load/intended_iterations"), 300, "{}", led.stderr);
}

/// An agent that is not let in.
#[track_caller]
fn is_refused(nats: &Nats, entry: &[&str], why: &str) {
    let agent = plimsoll().args(["agent", "--nats", &nats.url()]).args(entry).output();
    let agent = agent.expect("it runs");
    let said = String::from_utf8_lossy(&agent.stderr).into_owned();
    assert_eq!(agent.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot connect to the NATS server") && said.contains(why), "{said}");
}

/// Goal: prove that a server which speaks TLS and asks for a certificate lets in who has one, and only them, and that a
/// server which another authority has signed is none of ours.
#[test]
fn server_with_tls_lets_in_who_has_a_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (ours, theirs) = (Authority::new(folder, "ours"), Authority::new(folder, "theirs"));
    let [certificate, key] = ours.certificate(folder, "server");
    let ca = ours.path();
    let nats = configured(
        folder,
        &format!(
            "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}\n"
        ),
    );
    let [certificate, key] = ours.certificate(folder, "client");
    let mine = ["--nats-ca", &ca, "--nats-cert", &certificate, "--nats-key", &key];
    play(&nats, folder, &mine);
    is_refused(&nats, &[], "");
    is_refused(&nats, &["--nats-ca", &ca], "");
    let other = theirs.path();
    let stranger = ["--nats-ca", &other, "--nats-cert", &certificate, "--nats-key", &key];
    is_refused(&nats, &stranger, "certificate");
    let [certificate, key] = theirs.certificate(folder, "stranger");
    is_refused(&nats, &["--nats-ca", &ca, "--nats-cert", &certificate, "--nats-key", &key], "");
}

/// Goal: prove that a server which knows an NKEY lets in who has its seed in a file, and nobody else.
#[test]
fn server_with_nkeys_lets_in_who_has_the_seed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let seed = |name: &str| {
        let pair = nkeys::KeyPair::new_user();
        let place = folder.join(name);
        fs::write(&place, pair.seed().expect("a seed") + "\n").expect("written");
        (pair.public_key(), place.display().to_string())
    };
    let ((known, mine), (_, other)) = (seed("mine"), seed("other"));
    let nats =
        configured(folder, &format!("authorization {{ users: [ {{ nkey: \"{known}\" }} ] }}\n"));
    play(&nats, folder, &["--nats-nkey", &mine]);
    is_refused(&nats, &[], "authorization");
    is_refused(&nats, &["--nats-nkey", &other], "authorization");
    let missing = folder.join("missing").display().to_string();
    let agent = plimsoll().args(["agent", "--nats", &nats.url(), "--nats-nkey", &missing]).output();
    let said = String::from_utf8_lossy(&agent.expect("it runs").stderr).into_owned();
    assert!(said.contains(&format!("cannot read `{missing}`")), "{said}");
}

/// Goal: prove that no leader has an agent load a host beyond its own ranges, whatever the leader's command line and file
/// allow, and that nothing is sent then.
/// Method: TEST-NET-1 (RFC 5737), which is routed nowhere; without a preflight, so that only the agent's own rule is left.
#[test]
fn agent_loads_strange_hosts_only_by_its_own_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(folder.path());
    let load = "allow_hosts: [192.0.2.1]\nworkloads: { a: { stages: [{ rate: 10 iter/s, duration: 2s }] } }";
    let scenario = written(folder.path(), load, "      - get: { name: get, url: / }");
    let agent = Agent::start(&nats, &folder.path().join("agent"), &[]);
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", "http://192.0.2.1", "--quiet"]);
    command.args(["--i-may-load", "192.0.2.1", "--no-preflight"]);
    command.args(["--agents", "1", "--nats", &nats.url(), "--wait", "60s"]);
    let led = run(&mut command, &folder.path().join("led"));
    assert_eq!(led.code, 96, "{}", led.stderr);
    assert!(led.stderr.contains("cannot play:\nrefused: 192.0.2.1 is outside"), "{}", led.stderr);
    assert!(led.folder.is_none(), "something was written");
    terminate(&agent.process);
}

/// Goal: prove that what a scenario has done to the stack is done once, by the leader, and by no agent.
#[test]
fn hooks_run_once_and_on_no_agent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_: &SeenRequest| (200, String::new()));
    let nats = Nats::start(folder.path());
    let who = folder.path().join("who");
    let load = format!(
        "workloads: {{ a: {{ stages: [{{ rate: 20 iter/s, duration: 3s }}], \
         hooks: [{{ at: 1s, run: \"echo $PPID >> {}\", mark: done }}] }} }}",
        who.display()
    );
    let scenario = written(folder.path(), &load, "      - get: { name: get, url: / }");
    let agents =
        ["1", "2"].map(|at| Agent::start(&nats, &folder.path().join(at), &["--number", at]));
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "--quiet"]);
    command.args(["--agents", "2", "--nats", &nats.url(), "--wait", "60s"]);
    let led = run(&mut command, &folder.path().join("led"));
    let pids = agents.each_ref().map(|agent| agent.process.0.id().to_string());
    for agent in agents {
        agent.end();
    }
    let ran_by = fs::read_to_string(&who).expect("it ran");
    let ran_by: Vec<&str> = ran_by.lines().collect();
    assert!(ran_by.len() == 1 && !pids.iter().any(|pid| pid == ran_by[0]), "{ran_by:?} {pids:?}");
    let result = led.result();
    let marks = result["events"].as_array().expect("events").iter();
    assert_eq!(marks.filter(|event| event["kind"] == "mark").count(), 1, "{result:#}");
}
