//! A zoo of servers: what each does, what that has to be called, and what it may cost.
//!
//! One run visits all cages of a table. Each server is one thread a connection, and ends with the test's process.

mod bodies;
mod events;
mod playlists;
mod sockets;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::harness::{plimsoll, run};

/// What a server does with a connection.
pub(crate) type Deed = fn(&mut Visitor) -> std::io::Result<()>;

/// A server, and what is to be said of it.
pub(crate) struct Cage {
    /// The name of the step, and of the scenario.
    pub name: &'static str,
    /// The step; `NAME` and `URL` stand for the cage's name and the server's address.
    pub step: &'static str,
    pub deed: Deed,
    /// The part of the step in which it is counted, such as `.messages`; empty for the step itself.
    pub row: &'static str,
    /// The class of every request; empty where all is well.
    pub class: &'static str,
    /// A part of the message.
    pub message: &'static str,
}

/// A connection, as its server sees it.
pub(crate) struct Visitor {
    pub stream: TcpStream,
    /// The head of the request.
    pub head: String,
}

impl Visitor {
    /// The value of the header `name`, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends `bytes` again and again until the visitor leaves, or for 20 s.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        loop {
            self.stream.write_all(bytes)?;
        }
    }

    /// Reads and throws away until the visitor leaves.
    pub(crate) fn wait(&mut self) -> std::io::Result<()> {
        self.stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut room = [0; 4096];
        while self.stream.read(&mut room)? > 0 {}
        Ok(())
    }
}

/// Starts the server of a cage; counts its visits.
fn server(deed: Deed) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                while let Some(head) = read_head(&mut stream) {
                    let Ok(copy) = stream.try_clone() else { return };
                    // A visitor who leaves ends the deed.
                    if deed(&mut Visitor { stream: copy, head }).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, visits)
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = vec![];
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A run of three seconds that visits every cage `each` times a second, with what has to be said of each. Returns `result.json`.
pub(crate) fn visit(cages: &[Cage], http: &str, each: usize) -> Value {
    let (result, visits) = play(cages, http, each);
    let told: Vec<String> = cages.iter().filter_map(|cage| misjudged(cage, &result)).collect();
    assert!(told.is_empty(), "{}\n{:#}", told.join("\n"), result["error_examples"]);
    for (cage, visits) in cages.iter().zip(&visits) {
        assert!(*visits > 0, "nobody came to {}", cage.name);
    }
    print_table(cages, &result);
    result
}

/// The run: its `result.json`, and how often each cage was visited.
pub(crate) fn play(cages: &[Cage], http: &str, each: usize) -> (Value, Vec<usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    let servers: Vec<_> = cages.iter().map(|cage| server(cage.deed)).collect();
    let scenarios = cages.iter().zip(&servers).map(|(cage, (address, _))| {
        format!(
            "  {}: {{ flow: [ {} ] }}\n",
            cage.name,
            cage.step.replace("URL", address).replace("NAME", cage.name)
        )
    });
    let rate = each * cages.len();
    let text = format!(
        "name: zoo\ntarget: {}\nhttp: {http}\nworkloads: {{ main: {{ arrivals: constant, max_vus: 400, \
         stages: [ {{ rate: {rate} iter/s, duration: 3s }} ] }} }}\nscenarios:\n{}slo: {{ error_rate: {{ max: 100% }} }}\n",
        servers[0].0,
        scenarios.collect::<String>(),
    );
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, text).expect("written");
    let mut command = plimsoll();
    command.arg("run").arg(&file).args(["--no-preflight", "--seed", "1", "--format", "json"]);
    let ran = run(&mut command, &folder.path().join("reports"));
    assert!(ran.folder.is_some(), "{}{}", ran.stdout, ran.stderr);
    let result = ran.result();
    let visits = servers.iter().map(|(_, visits)| visits.load(Ordering::Relaxed));
    (result, visits.collect())
}

/// What was said of a cage, where it is wrong.
fn misjudged(cage: &Cage, result: &Value) -> Option<String> {
    let row = format!("{}{}", cage.name, cage.row);
    let step = &result["whole_run"]["steps"][&row];
    let requests = step["requests"].as_u64().unwrap_or(0);
    let errors = step["errors"]["by_class"].as_object().cloned().unwrap_or_default();
    let expected = if cage.class.is_empty() { 0 } else { requests };
    let same = errors.values().filter_map(Value::as_u64).sum::<u64>() == expected
        && errors.keys().all(|class| class == cage.class);
    if requests == 0 || !same {
        return Some(format!("{}: {errors:?} of {requests}, expected {:?}", cage.name, cage.class));
    }
    let examples = result["error_examples"].as_array().cloned().unwrap_or_default();
    let of_row = |example: &&Value| example["step"] == row.as_str();
    let messages: Vec<&str> =
        examples.iter().filter(of_row).filter_map(|example| example["message"].as_str()).collect();
    let told = cage.class.is_empty() || messages.iter().all(|text| text.contains(cage.message));
    (!told).then(|| format!("{}: {messages:?}, expected {:?}", cage.name, cage.message))
}

/// Proves what a table with a timeout of 500 ms may cost: every user leaves by then, and the run with the last of them.
pub(crate) fn cost_little(cages: &[Cage], result: &Value) {
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).expect("a number");
    let memory = number("/generator/memory_max_bytes");
    assert!(memory < 100e6, "{memory} bytes");
    // How late the machine wakes this generator, besides what the generator itself takes.
    let late = number("/schedule_lag_ms/max");
    // 3 s, the timeout, and the closing handshake that nobody answers.
    assert!(number("/duration_s") < 5.5 + late / 1e3, "{}", number("/duration_s"));
    for cage in cages.iter().filter(|cage| cage.class == "response_timeout") {
        let name = cage.name;
        let longest = number(&format!("/whole_run/steps/{name}/service_time_ms/max"));
        assert!((500.0..750.0 + late).contains(&longest), "{name}: {longest} ms");
    }
}

fn print_table(cages: &[Cage], result: &Value) {
    for cage in cages {
        let row = format!("{}{}", cage.name, cage.row);
        let step = &result["whole_run"]["steps"][&row];
        let class = if cage.class.is_empty() { "ok" } else { cage.class };
        let time = &step["service_time_ms"]["max"];
        println!("{:<28} {:>4} × {class:<18} max {time} ms", cage.name, step["requests"]);
    }
    println!("memory {} bytes", result["generator"]["memory_max_bytes"]);
}
