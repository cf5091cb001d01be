//! A user of a flooding server beside 49 of a good one: how much longer the good answers take (bar: p99 within 2 ×).
//!
//! Both servers run in this process, so that they take the machine's time as they would beside a test. Each pair of runs
//! is made in turns, three times; the median of the ratios counts.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// What a server sends again and again behind its head.
struct Flood {
    name: &'static str,
    head: &'static [u8],
    again: &'static [u8],
}

const FLOODS: [Flood; 3] = [
    Flood {
        name: "interim responses",
        head: b"",
        again: b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    },
    Flood { name: "a body without end", head: b"HTTP/1.1 200 OK\r\n\r\n", again: &[b'x'; 4096] },
    Flood {
        name: "small chunks",
        head: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        again: b"1\r\nx\r\n1\r\ny\r\n",
    },
];

/// Answers each request by `answer`, each connection on a thread of its own; ends with the process.
fn serve(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut room = [0; 4096];
                // A visitor who leaves ends it.
                while stream.read(&mut room).is_ok_and(|count| count > 0) {
                    if answer(&mut stream).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// p99 of the good answers in milliseconds, and how much of the flood came, in MB.
fn run(good: u16, flood: Option<u16>) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a folder");
    let evil = flood.unwrap_or(good);
    let text = format!(
        "name: flood\ntarget: http://127.0.0.1:{good}\nhttp: {{ timeout: 2s }}\nworkloads: {{ main: {{ max_vus: 100, \
         stages: [{{ rate: 500 iter/s, duration: 8s }}] }} }}\nscenarios:\n  good: {{ weight: 499, flow: [ {{ get: {{ name: \
         good, url: / }} }} ] }}\n  other: {{ weight: 1, flow: [ {{ get: {{ name: other, url: 'http://127.0.0.1:{evil}/' \
         }} }} ] }}\nslo: {{ error_rate: {{ max: 100% }} }}\n"
    );
    fs::write(folder.path().join("scenario.yaml"), text).expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", "--quiet", "--workers", "1", "--seed", "1", "--format", "json", "--out"])
        .arg(folder.path().join("reports"))
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("plimsoll runs");
    let result: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).expect(pointer);
    let received = number("/whole_run/bytes_received");
    (number("/whole_run/steps/good/service_time_ms/p99"), received / 1e6)
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let good = serve(|stream| stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
    println!("service time p99 of 499 good users of 500, one worker (bar: within 2 ×)");
    for flood in &FLOODS {
        let evil = serve(|stream| {
            stream.write_all(flood.head)?;
            loop {
                stream.write_all(flood.again)?;
            }
        });
        let mut ratios = vec![];
        for round in 1..=3 {
            let ((quiet, _), (loud, came)) = (run(good, None), run(good, Some(evil)));
            ratios.push(loud / quiet);
            println!(
                "  {}, round {round}: {loud:.2} ms beside {came:.0} MB of it, {quiet:.2} ms without: {:.2} ×",
                flood.name,
                loud / quiet
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!("  {}: {:.2} ×", flood.name, ratios[1]);
    }
}
