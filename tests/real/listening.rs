//! A server that remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct SeenRequest {
    /// `GET /path HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl SeenRequest {
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A server on loopback that answers by path and remembers what it was asked. It ends with the test's process.
pub(crate) struct Listening {
    pub url: String,
    seen: Arc<Mutex<Vec<SeenRequest>>>,
}

pub(crate) type Answer = fn(&SeenRequest) -> (u16, String);

pub(crate) fn listening(answer: Answer) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = told.clone();
            thread::spawn(move || converse(stream, &told, answer));
        }
    });
    Listening { url, seen }
}

fn converse(stream: TcpStream, told: &Mutex<Vec<SeenRequest>>, answer: Answer) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = reader.by_ref().lines().map_while(Result::ok);
        let line = lines.next()?;
        let headers: Vec<(String, String)> = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect();
        let mut request = SeenRequest { line, headers, body: String::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8_lossy(&body).into_owned();
        let (status, body) = answer(&request);
        told.lock().ok()?.push(request);
        let length = body.len();
        let kind = match body.get(..4) {
            Some("<svg") => "image/svg+xml",
            Some(text) if text.starts_with('<') => "text/html",
            _ => "application/json",
        };
        let more = match status {
            401 => "www-authenticate: Basic realm=\"here\"\r\n",
            429 => "retry-after: 1\r\n",
            _ => "",
        };
        let head = format!("HTTP/1.1 {status} x\r\n{more}content-length: {length}\r\n");
        writer.write_all(format!("{head}content-type: {kind}\r\n\r\n{body}").as_bytes()).ok()?;
    }
}

impl Listening {
    pub(crate) fn seen(&self) -> Vec<SeenRequest> {
        self.seen.lock().expect("not poisoned").clone()
    }
}
