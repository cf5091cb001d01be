//! `plimsoll simulate` as a process: another deployment, timelines of faults, and answers over plain sockets.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

const SIMULATION: &str = "
name: small
tiers:
  api: { kind: api, replicas: 2, cores: 1 }
tokens: { access: { ttl: 1h } }
faults:
  burst: [ { at: 0s, errors: { tier: api, share: 100%, status: 500 } } ]
  dead:
    - { at: 0s, kill: { tier: api, replica: 1 } }
    - { at: 0s, kill: { tier: api, replica: 2 } }
routes:
  - { get: /, visits: [ { api: 1ms } ], answer: { text: ok } }
  - { get: /old, answer: { redirect: /new } }
  - { get: /login, issue: { token: access }, answer: { json: { token: '{{ token }}', lives: '{{ expires_in }}' } } }
";

struct Playing {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

fn command(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let file = folder.path().join("simulation.yaml");
    fs::write(&file, SIMULATION).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("simulate").arg(file).args(arguments);
    command.args(["--listen", "127.0.0.1:0", "--stop-after", "1m"]);
    command
}

impl Playing {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command(&folder, arguments);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut url = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut url).expect("an address");
        let address = url.trim().trim_start_matches("http://").to_owned();
        Self { child, address, _folder: folder }
    }

    /// The whole answer to a request.
    fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).expect("connected");
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        socket.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let Output { status, stderr, .. } = command(&folder, arguments).output().expect("started");
    assert_eq!(status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&stderr).into_owned()
}

#[test]
fn timelines_of_faults_happen_only_when_they_are_chosen() {
    assert!(Playing::start(&[]).get("/").starts_with("HTTP/1.1 200"));
    assert!(Playing::start(&["--faults", "burst"]).get("/").starts_with("HTTP/1.1 500"));
    assert!(Playing::start(&["--faults", "dead"]).get("/").starts_with("HTTP/1.1 503"));
}

#[test]
fn replicas_cores_and_lifetimes_are_changed_from_the_command_line() {
    let changed = ["--replicas", "api=3", "--cores", "api=8", "--token-ttl", "access=5s"];
    let playing = Playing::start(&changed);
    let metrics = playing.get("/__sim/metrics");
    for replica in 1..=3 {
        let line = format!("sim_cores{{tier=\"api\",kind=\"api\",replica=\"{replica}\"}} 8");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    let login = playing.get("/login");
    assert!(login.contains("\"lives\":5") || login.contains("\"lives\":\"5\""), "{login}");
}

#[test]
fn redirect_is_answered_with_its_location() {
    let answer = Playing::start(&[]).get("/old").to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 301") && answer.contains("location: /new"), "{answer}");
}

#[test]
fn what_a_stack_does_not_have_is_refused_with_what_it_has() {
    assert!(
        refused(&["--faults", "flood"])
            .contains("no timeline of faults `flood`; there are burst, dead")
    );
    assert!(refused(&["--cores", "db=2"]).contains("no tier `db`; there is only api"));
    assert!(refused(&["--token-ttl", "x=2s"]).contains("there is only access"));
    let message = refused(&["--replicas", "api=1", "--faults", "dead"]);
    assert!(
        message.contains("replica 2 of `api`") && message.contains("--replicas api=2"),
        "{message}"
    );
}
