//! A run that is pushed past what its generator can send says so, and what would have been valid.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::harness::{plimsoll, run, scenario};

/// A list whose last element takes the generator far longer to find than the server takes to send it.
fn list() -> String {
    let items: Vec<String> = (0..500).map(|id| format!(r#"{{"id":{id},"name":"item"}}"#)).collect();
    format!(r#"{{"items":[{}]}}"#, items.join(","))
}

/// A server that answers at once. It ends with the test's process.
fn server() -> String {
    let body = list();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer: std::sync::Arc<[u8]> = answer.into_bytes().into();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut room = [0; 4096];
                while stream.read(&mut room).is_ok_and(|read| read > 0) {
                    if stream.write_all(&answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// Goal: prove that such a run never passes, and that its reports name a rate that would have been valid.
/// Method: 400,000 requests a second from one worker, many times what a core can send, with answers that are more work
/// to read than to write: the generator gives out before the server.
#[test]
fn run_beyond_the_generator_is_not_valid_and_names_the_highest_rate() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = scenario(folder.path(), "http: { version: 1.1 }", "400000 req/s", "3s");
    let text = std::fs::read_to_string(&file).expect("a scenario");
    let searched = text.replace("url: / }", "url: /, capture: { id: '$.items[499].id' } }");
    assert_ne!(text, searched);
    std::fs::write(&file, searched).expect("written");
    let mut command = plimsoll();
    command.arg("run").arg(&file).args(["--target", &server(), "--workers", "1"]);
    let ran = run(&mut command, &folder.path().join("reports"));
    assert_eq!(ran.code, 97, "{}", ran.stdout);
    let result = ran.result();
    let highest = &result["validity"]["highest_valid_rate"];
    let rate = highest["requests_per_s"].as_f64().unwrap_or_default();
    assert!(rate > 100.0 && rate < 400_000.0, "{highest:#}\n{}", ran.stdout);
    assert!(highest["basis"] == "measured" || highest["basis"] == "estimated", "{highest:#}");
    let report = ran.folder.expect("a run").join("report.md");
    let report = std::fs::read_to_string(report).expect("a report");
    let told = "The highest rate that would have been valid here: ";
    assert!(report.contains(told) && ran.stdout.contains("highest rate"), "{report}");
}
