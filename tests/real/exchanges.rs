//! What goes over the wire when a request takes more than one exchange, as the server sees it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::harness::{plimsoll, run};

/// A request as it came: its first line, its `cookie` header, its body.
type Seen = (String, String, String);

/// A server of few answers, and what it was asked. It ends with the test's process.
fn server() -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = told.clone();
            thread::spawn(move || converse(stream, &told));
        }
    });
    (url, seen)
}

/// Answers what comes over one connection until it is closed.
fn converse(stream: TcpStream, told: &Mutex<Vec<Seen>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            let values = lines.iter().filter_map(|line| line.strip_prefix(name));
            values.map(str::trim).collect::<Vec<_>>().join("|")
        };
        if lines[0].starts_with("POST /large ") {
            // Refused by its length, and closed with most of it unread.
            writer.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").ok()?;
            return None;
        }
        let mut body = vec![0; header("content-length:").parse().unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        writer.write_all(answer(&lines[0]).as_bytes()).ok()?;
        told.lock().ok()?.push((lines[0].clone(), header("cookie:"), body));
    }
}

fn answer(request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = "moved\n".repeat(3);
    let (head, body) = match path {
        "/order" => ("307 Temporary Redirect\r\nlocation: /order/new?a=1", page.as_str()),
        "/stream" => ("302 Found\r\nlocation: /events", page.as_str()),
        "/events" => {
            ("200 OK\r\ncontent-type: text/event-stream", "data: first\n\ndata: second\n\n")
        }
        _ if path.ends_with("/enter") => ("200 OK\r\nset-cookie: seat=12", "in"),
        _ => ("200 OK", "ok"),
    };
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Goal: prove that a redirect repeats what was sent, and that cookies keep to the path that was asked for.
/// Method: one user's iteration, whose texts are drawn, against a server that writes down what it sees.
#[test]
fn exchanges_of_a_request_belong_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, seen) = server();
    let file = folder.path().join("scenario.yaml");
    let text = "name: test\ntarget: http://127.0.0.1:1
workloads: { main: { arrivals: constant, stages: [{ rate: 1 iter/s, duration: 1s }] } }
data: { users: { file: users.csv, pick: sequential } }
scenarios:
  visit:
    weight: 1
    flow:
      - post: { name: order, url: /order, json: { id: \"{{ uuid() }}\" }, headers: { x-id: \"{{ uuid() }}\" } }
      - get: { name: enter, url: \"/rooms/{{ users.room }}/enter\" }
      - get: { name: inside, url: \"/rooms/{{ users.room }}/table\" }
      - get: { name: outside, url: /rooms/99/table }
      - post: { name: large, url: /large, body: \"{{ hex(4000000) }}\", check: { status: 413 } }
      - sse: { name: events, url: /stream, until: { body: second } }
slo: { error_rate: { max: 1% } }
";
    fs::write(&file, text).expect("written");
    fs::write(folder.path().join("users.csv"), "room\n7\n").expect("written");
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &url]), &out);
    assert!(ran.folder.is_some(), "{}", ran.stderr);
    let seen = seen.lock().expect("no panic").clone();
    assert_eq!(ran.count("/whole_run/errors/rate"), 0, "{seen:#?}\n{}", ran.stdout);

    let of = |line: &str| -> Seen {
        let found = seen.iter().find(|seen| seen.0.starts_with(line));
        found.unwrap_or_else(|| unreachable!("no {line} in {seen:#?}")).clone()
    };
    let (sent, repeated) = (of("POST /order HTTP"), of("POST /order/new?a=1 "));
    assert!(sent.2.len() > 40, "{sent:?}");
    assert_eq!(sent.2, repeated.2, "a 307 repeats the body that was sent");
    assert_eq!(of("GET /rooms/7/table ").1, "seat=12");
    assert_eq!(of("GET /rooms/99/table ").1, "", "the cookie's path is /rooms/7");
}
