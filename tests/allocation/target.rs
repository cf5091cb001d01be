//! A server that answers from fixed memory, and notes the counter of allocations as requests come.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{WARM_UP, WINDOW, WINDOWS, allocations};

pub(super) const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nserver: fixed\r\ncontent-type: application/json\r\n\
    content-length: 25\r\n\r\n{\"id\":7,\"token\":\"abcdef\"}";

/// A listening server. Its threads end with the connections they serve.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
}

/// The counter at the end of each window.
pub(super) struct Ledger {
    requests: AtomicUsize,
    marks: [AtomicUsize; WARM_UP + WINDOWS + 1],
}

impl Target {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ledger = Arc::new(Ledger::default());
        let known = ledger.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, ledger) = (stream.expect("a connection"), known.clone());
                thread::spawn(move || serve(stream, &ledger));
            }
        });
        Self { address, ledger }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        let marks = std::array::from_fn(|_| AtomicUsize::new(0));
        Self { requests: AtomicUsize::new(0), marks }
    }
}

impl Ledger {
    /// Whether all windows are through.
    pub(super) fn is_full(&self) -> bool {
        self.requests.load(Ordering::SeqCst) > (WARM_UP + WINDOWS) * WINDOW
    }

    /// Allocations in each window behind the warm-up.
    pub(super) fn windows(&self) -> Vec<usize> {
        let marks: Vec<usize> =
            self.marks[WARM_UP..].iter().map(|mark| mark.load(Ordering::SeqCst)).collect();
        marks.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    pub(super) fn count_request(&self) {
        let before = self.requests.fetch_add(1, Ordering::SeqCst);
        if before.is_multiple_of(WINDOW)
            && let Some(mark) = self.marks.get(before / WINDOW)
        {
            mark.store(allocations(), Ordering::SeqCst);
        }
    }
}

/// Answers every request. The client writes a request at once, so a read that ends with the blank line or
/// with a body is a whole one.
fn serve(mut stream: TcpStream, ledger: &Ledger) {
    let mut room = [0; 4096];
    while let Ok(read) = stream.read(&mut room)
        && read > 0
    {
        let served = match room[..read].strip_prefix(PREFACE) {
            Some(frames) => serve_frames(&mut stream, frames, ledger),
            None if room[3] < 10 => serve_frames(&mut stream, &room[..read], ledger),
            None => {
                ledger.count_request();
                stream.write_all(ANSWER)
            }
        };
        if served.is_err() {
            return;
        }
    }
}

/// How a client of HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Empty settings, as the first frame has to be.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Answers every frame of headers in `frames`, which are whole: status 200, a length, and a body.
fn serve_frames(stream: &mut TcpStream, frames: &[u8], ledger: &Ledger) -> std::io::Result<()> {
    let mut rest = frames;
    while let Some(&[_, high, low, kind, _, a, b, c, d]) = rest.first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = &rest[9 + length..];
        match kind {
            4 => stream.write_all(SETTINGS)?,
            1 => {
                ledger.count_request();
                let mut answer = *b"\0\0\x06\x01\x04....\x88\x0f\x0d\x0225\0\0\x19\0\x01....{\"id\":7,\"token\":\"abcdef\"}";
                answer[5..9].copy_from_slice(&[a, b, c, d]);
                answer[20..24].copy_from_slice(&[a, b, c, d]);
                stream.write_all(&answer)?;
            }
            _ => {}
        }
    }
    Ok(())
}
