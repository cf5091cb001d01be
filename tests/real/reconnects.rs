//! Servers that close idle connections, as all do after a while: the request goes on a new one, and that is counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use super::harness::{Ran, plimsoll, run};

/// What a server has done.
#[derive(Default)]
struct Deeds {
    /// Connections on which a request came.
    used: AtomicUsize,
    /// Requests that it answered.
    answered: AtomicUsize,
    /// Requests that it took and closed the connection instead of answering, its patience being over.
    hung_up: AtomicUsize,
}

/// When a server closes a connection.
#[derive(Clone, Copy)]
enum Closing {
    /// As soon as it has answered, without a word: what a client meets behind a `keepalive_timeout`.
    BehindAnAnswer,
    /// Just as the second request comes: it and the close meet on the way.
    AtTheSecondRequest,
}

/// A server. It ends with the test's process.
fn server(closing: Closing) -> (String, Arc<Deeds>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let deeds = Arc::new(Deeds::default());
    let known = deeds.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let deeds = known.clone();
            thread::spawn(move || converse(stream, closing, &deeds));
        }
    });
    (url, deeds)
}

fn converse(stream: TcpStream, closing: Closing, deeds: &Deeds) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    for number in 1.. {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        if number == 1 {
            deeds.used.fetch_add(1, Ordering::SeqCst);
        } else if matches!(closing, Closing::AtTheSecondRequest) {
            deeds.hung_up.fetch_add(1, Ordering::SeqCst);
            return None;
        }
        deeds.answered.fetch_add(1, Ordering::SeqCst);
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").ok()?;
        if matches!(closing, Closing::BehindAnAnswer) {
            return None;
        }
    }
    None
}

fn played(url: &str, folder: &Path, flow: &str) -> Ran {
    let file = folder.join("scenario.yaml");
    let text = format!(
        "name: test\ntarget: {url}\nworkloads: {{ main: {{ arrivals: constant, stages: [{{ rate: 10 iter/s, \
         duration: 2s }}] }} }}\nscenarios: {{ visit: {{ flow: [ {flow} ] }} }}\n"
    );
    std::fs::write(&file, text).expect("written");
    let ran = run(plimsoll().arg("run").arg(&file), &folder.join("reports"));
    assert!(ran.folder.is_some(), "{}", ran.stderr);
    ran
}

/// Goal: prove that a connection closed while it was idle costs no request, whatever the method.
/// Method: users rest between two posts, and the server closes the connection behind the first.
#[test]
fn request_on_a_connection_that_was_closed_while_idle_goes_on_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, deeds) = server(Closing::BehindAnAnswer);
    let flow = "{ post: { name: a, url: /, body: x } }, { think: 300ms }, \
                { post: { name: b, url: /, body: x } }";
    let ran = played(&url, folder.path(), flow);
    assert_eq!(ran.result()["whole_run"]["errors"]["by_class"], json!({}), "{}", ran.stdout);
    let reconnects = ran.count("/load/reconnects");
    assert!(reconnects >= 20, "each second post at least: {reconnects}");
    let users = ran.count("/load/peak_vus");
    assert_eq!(deeds.used.load(Ordering::SeqCst), reconnects + users, "{}", ran.stdout);
    assert!(ran.stdout.contains("reconnects"), "{}", ran.stdout);
}

/// Goal: prove that a GET that meets the server's close is sent again, once, and that the repeat is counted.
/// Method: every connection is closed instead of its second answer.
#[test]
fn idempotent_request_that_meets_the_close_is_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, deeds) = server(Closing::AtTheSecondRequest);
    let ran = played(&url, folder.path(), "{ get: { name: a, url: / } }");
    assert_eq!(ran.result()["whole_run"]["errors"]["by_class"], json!({}), "{}", ran.stdout);
    assert_eq!(ran.count("/load/reconnects"), deeds.hung_up.load(Ordering::SeqCst));
    assert_eq!(ran.count("/load/requests"), deeds.answered.load(Ordering::SeqCst));
    assert!(ran.count("/load/reconnects") >= 5, "{}", ran.stdout);
}

/// Goal: prove that what may have been done is not done twice.
/// Method: the same server, which has read each post whole before it hangs up.
#[test]
fn request_that_may_have_been_carried_out_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, deeds) = server(Closing::AtTheSecondRequest);
    let ran = played(&url, folder.path(), "{ post: { name: a, url: /, body: x } }");
    let hung_up = deeds.hung_up.load(Ordering::SeqCst);
    assert_eq!(ran.count("/whole_run/errors/by_class/reset"), hung_up, "{}", ran.stdout);
    assert!(hung_up >= 5 && ran.count("/load/reconnects") == 0, "{hung_up}");
    let log = ran.folder.expect("a run").join("run.jsonl");
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("a POST is not retried"), "{log}");
}
