//! Requests through a proxy, as the proxy sees them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use super::harness::{Ran, Stack, checkout, plimsoll, run};
use super::nginx::Nginx;

/// `ada` with the password `h4rdToGuess` (RFC 7617).
const CREDENTIALS: &str = "Basic YWRhOmg0cmRUb0d1ZXNz";

/// A proxy that opens tunnels for those who prove who they are, and answers all else itself.
struct Proxy {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                thread::spawn(move || serve(stream, &told));
            }
        });
        Self { address, seen }
    }

    /// The heads of all requests so far.
    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn serve(mut stream: TcpStream, told: &Mutex<Vec<String>>) -> Option<()> {
    loop {
        let head = read_head(&mut stream)?;
        told.lock().ok()?.push(head.clone());
        let mut words = head.split(' ');
        let (method, place) = (words.next()?, words.next()?);
        if !head.contains(CREDENTIALS) {
            let refusal = "HTTP/1.1 407 Prove it\r\ncontent-length: 4\r\n\r\nwho?";
            stream.write_all(refusal.as_bytes()).ok()?;
        } else if method == "CONNECT" {
            let origin = TcpStream::connect(place).ok()?;
            let established =
                "HTTP/1.1 103 Wait\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n";
            stream.write_all(established.as_bytes()).ok()?;
            let pair = (stream.try_clone().ok()?, origin.try_clone().ok()?);
            thread::spawn(move || relay(pair.0, pair.1));
            return relay(origin, stream);
        } else {
            let moved = place.ends_with("/old");
            let more = "location: /new\r\nset-cookie: seat=12; path=/\r\n";
            let (status, more) = if moved { ("302 Found", more) } else { ("200 OK", "") };
            let answer = format!("HTTP/1.1 {status}\r\n{more}content-length: 2\r\n\r\nok");
            stream.write_all(answer.as_bytes()).ok()?;
        }
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream) -> Option<()> {
    let _ = std::io::copy(&mut from, &mut to);
    to.shutdown(Shutdown::Write).ok()
}

/// One second of one iteration a second through `proxy`; `more` stands in `http`.
fn through(folder: &Path, proxy: &str, (target, more): (&str, &str), flow: &str) -> Ran {
    let file = folder.join("scenario.yaml");
    let text = format!(
        "name: test\ntarget: {target}\nallow_hosts: [shop.invalid]\nhttp: {{ proxy: 'http://ada:h4rdToGuess@{proxy}', {more} }}\n\
         workloads: {{ main: {{ arrivals: constant, stages: [{{ rate: 1 iter/s, duration: 1s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [ {flow} ] }} }}\nslo: {{ error_rate: {{ max: 1% }} }}\n"
    );
    fs::write(&file, text).expect("written");
    let ran = run(plimsoll().arg("run").arg(&file), &folder.join("reports"));
    nowhere_a_password(&ran);
    ran
}

fn nowhere_a_password(ran: &Ran) {
    let mut shown = vec![ran.stdout.clone(), ran.stderr.clone()];
    for entry in ran.folder.iter().flat_map(|folder| fs::read_dir(folder).expect("a run")) {
        let bytes = fs::read(entry.expect("a file").path()).expect("read");
        shown.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for text in shown {
        assert!(!text.contains("h4rdToGuess") && !text.contains(&CREDENTIALS[6..]), "{text}");
    }
}

fn first_lines(heads: &[String]) -> Vec<&str> {
    heads.iter().filter_map(|head| head.lines().next()).collect()
}

/// Goal: prove that requests to `http` name their whole URL to the proxy, redirects, cookies and drawn values included.
/// Method: a target where nobody listens, so that only the proxy can have answered.
#[test]
fn proxy_is_asked_for_whole_urls() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let flow = "{ get: { name: old, url: /old } }, \
                { post: { name: send, url: '/x?n={{ iteration }}', json: { a: 1 } } }";
    let ran = through(folder.path(), &proxy.address, ("http://127.0.0.1:1/base", ""), flow);
    assert!(ran.number("/errors/rate") <= 0.0, "{}{}", ran.stdout, ran.stderr);
    let seen = proxy.seen();
    assert_eq!(
        first_lines(&seen),
        [
            "GET http://127.0.0.1:1/base/old HTTP/1.1",
            "GET http://127.0.0.1:1/new HTTP/1.1",
            "POST http://127.0.0.1:1/base/x?n=0 HTTP/1.1",
        ]
    );
    for head in &seen {
        assert!(head.contains("\r\nhost: 127.0.0.1:1\r\n"), "{head}");
        assert_eq!(head.matches("\r\nproxy-authorization: ").count(), 1, "{head}");
    }
    assert!(seen[1].contains("\r\ncookie: seat=12\r\n"), "{}", seen[1]);
    let reached = ran.result()["load"]["opened_connections"].to_string();
    assert!(reached.contains("HTTP/1.1 through the proxy"), "{reached}");
    let log = fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    assert!(log.contains(&format!("http://{}", proxy.address)), "the header names the proxy");
}

/// Goal: prove that `https` and `WebSockets` go through a tunnel, over both versions of HTTP.
#[test]
fn tunnels_carry_tls_and_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let target = format!("https://localhost:{}", nginx.tls_port);
    for version in ["1.1", "2"] {
        let proxy = Proxy::start();
        let out = tempfile::tempdir().expect("a folder");
        let more = format!("version: '{version}', tls: {{ ca: {} }}", nginx.ca.display());
        let flow = "{ get: { name: get, url: / } }";
        let ran = through(out.path(), &proxy.address, (&target, &more), flow);
        assert!(ran.number("/errors/rate") <= 0.0, "{version}: {}{}", ran.stdout, ran.stderr);
        let tunnel = format!("CONNECT localhost:{} HTTP/1.1", nginx.tls_port);
        let seen = proxy.seen();
        assert!(first_lines(&seen).iter().all(|line| *line == tunnel), "{seen:?}");
    }
    let stack = Stack::start("tests/data/streams", &[]);
    let proxy = Proxy::start();
    let out = tempfile::tempdir().expect("a folder");
    let ran = run(
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/streams"))
            .args(["--target", &stack.url, "--set"])
            .arg(format!("http.proxy='http://ada:h4rdToGuess@{}'", proxy.address)),
        out.path(),
    );
    nowhere_a_password(&ran);
    // Events and pages are asked for by their whole URL, which this proxy answers itself.
    assert!(ran.number("/whole_run/steps/live/errors/rate") <= 0.0, "{}", ran.stdout);
    assert!(ran.number("/whole_run/steps/live.messages/messages") > 0.0, "{}", ran.stdout);
}

/// Goal: prove that a proxy that refuses is named with its answer, before anything is sent and during a run.
#[test]
fn proxy_that_refuses_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let file = folder.path().join("scenario.yaml");
    let text = format!(
        "name: test\ntarget: https://127.0.0.1:1\nhttp: {{ proxy: '{}' }}\n\
         workloads: {{ main: {{ stages: [{{ rate: 5 iter/s, duration: 1s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [ {{ get: {{ name: get, url: / }} }} ] }} }}\n",
        proxy.address
    );
    fs::write(&file, text).expect("written");
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file), &out);
    assert_eq!(ran.code, 1);
    let why = format!(
        "the proxy http://{} opens no tunnel to 127.0.0.1:1: status 407 (it wants other credentials)",
        proxy.address
    );
    assert!(ran.stderr.contains(&why), "{}", ran.stderr);
    let ran = run(plimsoll().arg("run").arg(&file).arg("--no-preflight"), &out);
    assert!(ran.number("/errors/by_class/refused") > 0.0, "{}", ran.stdout);
}

/// Goal: prove that a host that only the proxy knows needs a permit, and that hosts can be exempt from the proxy.
#[test]
fn proxy_opens_no_way_to_hosts_without_a_permit() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let flow = "{ get: { name: get, url: / } }";
    let ran = through(folder.path(), &proxy.address, ("http://shop.invalid", ""), flow);
    assert_eq!(ran.code, 96, "{}", ran.stderr);
    assert!(ran.stderr.contains("only the proxy knows where `shop.invalid` is"), "{}", ran.stderr);
    let file = folder.path().join("scenario.yaml");
    let mut command = plimsoll();
    command.arg("run").arg(&file).args(["--i-may-load", "shop.invalid"]);
    let ran = run(&mut command, &folder.path().join("reports"));
    assert!(ran.number("/errors/rate") <= 0.0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(first_lines(&proxy.seen())[0], "GET http://shop.invalid/ HTTP/1.1");
    let before = proxy.seen().len();
    let nginx = Nginx::start(folder.path());
    let target = format!("http://127.0.0.1:{}", nginx.port);
    let out = tempfile::tempdir().expect("a folder");
    let exempt = "no_proxy: 'localhost, 127.0.0.0/8'";
    let ran = through(out.path(), &proxy.address, (&target, exempt), flow);
    assert!(ran.number("/errors/rate") <= 0.0, "{}", ran.stdout);
    assert_eq!(proxy.seen().len(), before, "nobody asked the proxy");
}

/// Goal: prove that a proxy of the environment is not passed by in silence, and is used where the file names it.
#[test]
fn proxy_of_the_environment_is_told_or_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start();
    let nginx = Nginx::start(folder.path());
    let file = folder.path().join("scenario.yaml");
    let text = |http: &str| {
        format!(
            "name: test\ntarget: http://127.0.0.1:{}\n{http}\n\
             workloads: {{ main: {{ stages: [{{ rate: 5 iter/s, duration: 1s }}] }} }}\n\
             scenarios: {{ s: {{ flow: [ {{ get: {{ name: get, url: / }} }} ] }} }}\n",
            nginx.port
        )
    };
    let with_proxy = |command: &str| {
        let mut started = plimsoll();
        started.arg(command).arg(&file);
        started.env("HTTP_PROXY", format!("http://ada:h4rdToGuess@{}", proxy.address));
        started
    };
    let out = folder.path().join("reports");
    fs::write(&file, text("")).expect("written");
    let ran = run(&mut with_proxy("run"), &out);
    assert!(ran.stderr.contains("`HTTP_PROXY` is not used"), "{}", ran.stderr);
    nowhere_a_password(&ran);
    assert!(proxy.seen().is_empty());
    fs::remove_dir_all(&out).expect("removed");
    let checked = with_proxy("check").output().expect("runs");
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(told.contains("`HTTP_PROXY` is not used"), "{told}");
    let http = "http: { proxy: \"${HTTP_PROXY}\", no_proxy: \"${NO_PROXY:-}\" }";
    fs::write(&file, text(http)).expect("written");
    let ran = run(&mut with_proxy("run"), &out);
    assert!(!ran.stderr.contains("is not used"), "{}", ran.stderr);
    nowhere_a_password(&ran);
    assert!(!proxy.seen().is_empty());
}
