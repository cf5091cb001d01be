//! Servers of `WebSockets` (RFC 6455).

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{Cage, Visitor, visit};

/// Shakes hands, with `more` headers.
fn accept(visitor: &mut Visitor, more: &str) -> std::io::Result<()> {
    let answer = agreement(visitor, more);
    visitor.send(answer.as_bytes())
}

fn agreement(visitor: &Visitor, more: &str) -> String {
    let accept = derive_accept_key(visitor.header("sec-websocket-key").as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n{more}\r\n"
    )
}

/// A short frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

/// Shakes hands, sends these frames, and waits until the visitor leaves.
fn say(visitor: &mut Visitor, frames: &[Vec<u8>]) -> std::io::Result<()> {
    accept(visitor, "")?;
    visitor.send(&frames.concat())?;
    visitor.wait()
}

/// Is ready, and says `last` while it is held.
fn ready_then(visitor: &mut Visitor, last: &[u8]) -> std::io::Result<()> {
    accept(visitor, "")?;
    visitor.send(&frame(0x81, b"ready"))?;
    thread::park_timeout(Duration::from_millis(20));
    visitor.send(last)?;
    visitor.wait()
}

fn answer(visitor: &mut Visitor, text: &str) -> std::io::Result<()> {
    visitor.send(text.as_bytes())
}

/// More of one character than `max_body` allows, in a thousandth of its bytes (RFC 7692 §8).
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut payload = Vec::with_capacity(1 << 20);
        let mut stream = flate2::Compress::new(flate2::Compression::best(), false);
        let text = vec![b'a'; 20_000_000];
        stream.compress_vec(&text, &mut payload, flate2::FlushCompress::Sync).expect("compresses");
        payload
    })
}

const HELD: &str = "{ websocket: { name: NAME, url: URL/, expect: { body: ready }, hold: 100ms } }";

const SAID: &[Cage] = &[
    ok("hears_binary", |v| say(v, &[frame(0x82, b"ready")])),
    ok("hears_fragments_between_pings", |v| {
        say(v, &[frame(0x01, b"rea"), frame(0x89, b"?"), frame(0x80, b"dy")])
    }),
    ok("hears_what_came_with_the_handshake", |v| {
        let answer = agreement(v, "");
        v.send(&[answer.as_bytes(), &frame(0x81, b"ready")].concat())?;
        v.wait()
    }),
    ok("hears_byte_after_byte", |v| {
        let answer = agreement(v, "").into_bytes();
        for byte in [answer, frame(0x81, b"ready")].concat() {
            v.send(&[byte])?;
        }
        v.wait()
    }),
    ok("hears_what_is_compressed", |v| {
        accept(v, "sec-websocket-extensions: permessage-deflate; server_no_context_takeover\r\n")?;
        let mut stream = flate2::Compress::new(flate2::Compression::fast(), false);
        let mut payload = Vec::with_capacity(64);
        let sync = flate2::FlushCompress::Sync;
        stream.compress_vec(b"ready", &mut payload, sync).map_err(std::io::Error::other)?;
        payload.truncate(payload.len() - 4);
        v.send(&[frame(0x41, &payload[..2]), frame(0x80, &payload[2..])].concat())?;
        v.wait()
    }),
    ended("leaves_normally", "", "", |v| ready_then(v, &close(1000, "bye"))),
    ended("leaves_without_a_code", "", "", |v| ready_then(v, &frame(0x88, b""))),
    ended("goes_away", "reset", "1001 (going away): restart", |v| {
        ready_then(v, &close(1001, "restart"))
    }),
    ended("fails_inside", "reset", "1011 (internal error)", |v| ready_then(v, &close(1011, ""))),
    ended("is_busy", "throttled", "1013 (try again later): full", |v| {
        ready_then(v, &close(1013, "full"))
    }),
    ended("ends_the_session", "check_failed", "4001 (private use): expired", |v| {
        ready_then(v, &close(4001, "expired"))
    }),
    ended("vanishes", "reset", "1006 (no close frame came)", |v| {
        accept(v, "")?;
        v.send(&frame(0x81, b"ready"))?;
        v.stream.shutdown(std::net::Shutdown::Both)
    }),
    failed("leaves_too_soon", "check_failed", "1000 (normal closure)", |v| {
        say(v, &[close(1000, "")])
    }),
];

const VIOLATIONS: &[Cage] = &[
    failed("masks", "protocol", "masked", |v| say(v, &[vec![0x81, 0x81, 0, 0, 0, 0, b'a']])),
    failed("compresses", "protocol", "reserved bit", |v| say(v, &[frame(0xc1, b"ready")])),
    failed("invents_an_opcode", "protocol", "opcode", |v| say(v, &[frame(0x83, b"")])),
    failed("pings_too_much", "protocol", "longer than 125", |v| {
        say(v, &[[&[0x89, 126, 0, 126][..], &[0; 126]].concat()])
    }),
    failed("pings_in_pieces", "protocol", "fragmented", |v| say(v, &[frame(0x09, b"")])),
    failed("speaks_no_text", "protocol", "not UTF-8", |v| say(v, &[frame(0x81, &[0xc0, 0xaf])])),
    failed("continues_nothing", "protocol", "continues no message", |v| {
        say(v, &[frame(0x80, b"a")])
    }),
    failed("interrupts_itself", "protocol", "within another", |v| {
        say(v, &[frame(0x01, b"a"), frame(0x81, b"ready")])
    }),
    failed("closes_with_a_forbidden_code", "protocol", "1006, which must not be sent", |v| {
        say(v, &[close(1006, "")])
    }),
    failed("counts_in_long_numbers", "protocol", "shortest form", |v| {
        say(v, &[vec![0x81, 126, 0, 1, b'a']])
    }),
    failed("takes_another_key", "protocol", "does not accept its key", |v| {
        let answer = agreement(v, "").replace("accept: ", "accept: x");
        v.send(answer.as_bytes())?;
        v.wait()
    }),
    failed("upgrades_to_nothing", "protocol", "no `upgrade: websocket`", |v| {
        let answer = agreement(v, "").replace("upgrade: websocket\r\n", "");
        v.send(answer.as_bytes())?;
        v.wait()
    }),
    failed("chooses_a_protocol", "protocol", "`chat`, which nobody asked for", |v| {
        accept(v, "sec-websocket-protocol: chat\r\n")?;
        v.wait()
    }),
    failed("deflates_as_nobody_offered", "protocol", "client_max_window_bits=10", |v| {
        accept(v, "sec-websocket-extensions: permessage-deflate; client_max_window_bits=10\r\n")?;
        v.wait()
    }),
    failed("deflates_nonsense", "protocol", "cannot be decompressed", |v| {
        accept(v, "sec-websocket-extensions: permessage-deflate\r\n")?;
        v.send(&frame(0xc1, &[0x07, 0xff]))?;
        v.wait()
    }),
    failed("bombs", "body_too_large", "max_body", |v| {
        accept(v, "sec-websocket-extensions: permessage-deflate\r\n")?;
        let length = u16::try_from(bomb().len()).map_err(std::io::Error::other)?;
        v.send(&[&[0xc1, 126][..], &length.to_be_bytes(), bomb()].concat())?;
        v.wait()
    }),
    failed("is_a_web_site", "check_failed", "status 200, expected 101", |v| {
        answer(v, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    }),
    failed("is_down", "http_5xx", "status 502", |v| {
        answer(v, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
    }),
];

const ENDLESS: &[Cage] = &[
    failed("never_shakes_hands", "response_timeout", "handshake", Visitor::wait),
    failed("has_an_endless_head", "protocol", "head is larger", |v| {
        v.send(b"HTTP/1.1 101 Switching Protocols\r\n")?;
        v.flood(b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")
    }),
    failed("has_an_endless_body", "body_too_large", "max_body", |v| {
        v.send(b"HTTP/1.1 200 OK\r\n\r\n")?;
        v.flood(&[b'x'; 8_192])
    }),
    failed("says_nothing", "response_timeout", "expected message", |v| say(v, &[])),
    failed("pings_without_end", "response_timeout", "expected message", |v| {
        accept(v, "")?;
        v.flood(&frame(0x89, &[b'p'; 125]).repeat(60))
    }),
    failed("chatters_without_end", "response_timeout", "expected message", |v| {
        accept(v, "")?;
        v.flood(&frame(0x81, b"a").repeat(2_000))
    }),
    failed("fragments_without_end", "body_too_large", "max_body", |v| {
        accept(v, "")?;
        v.send(&frame(0x01, b"a"))?;
        v.flood(&frame(0x00, &[b'a'; 125]).repeat(60))
    }),
    failed("has_an_endless_frame", "body_too_large", "max_body", |v| {
        accept(v, "")?;
        v.send(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])?;
        v.flood(&[b'a'; 8_192])
    }),
    failed("promises_a_frame", "response_timeout", "expected message", |v| {
        say(v, &[vec![0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]])
    }),
    ended("talks_on_behind_the_end", "", "", |v| {
        accept(v, "")?;
        v.flood(&frame(0x81, b"ready").repeat(1_000))
    }),
];

/// A WebSocket that is held for 100 ms once it is ready.
const fn cage(name: &'static str, deed: super::Deed) -> Cage {
    Cage { name, step: HELD, deed, row: "", class: "", message: "" }
}

const fn ok(name: &'static str, deed: super::Deed) -> Cage {
    cage(name, deed)
}

/// The request fails.
const fn failed(
    name: &'static str,
    class: &'static str,
    message: &'static str,
    deed: super::Deed,
) -> Cage {
    Cage { class, message, ..cage(name, deed) }
}

/// The request goes well; this comes of it while it is held.
const fn ended(
    name: &'static str,
    class: &'static str,
    message: &'static str,
    deed: super::Deed,
) -> Cage {
    Cage { class, message, row: ".messages", ..cage(name, deed) }
}

/// Goal: prove that a WebSocket is heard as RFC 6455 has it, and that every end has its class and its reason.
#[test]
fn sockets_are_heard_and_closed_by_the_protocol() {
    visit(SAID, "{ timeout: 1s }", 4);
}

#[test]
fn servers_that_violate_the_protocol_are_told_apart() {
    visit(VIOLATIONS, "{ timeout: 1s }", 4);
}

/// Goal: prove that a server without an end ends neither memory nor time: every user leaves by its timeout, and the run
/// with the last of them.
#[test]
fn endless_servers_cost_neither_memory_nor_time() {
    let result = visit(ENDLESS, "{ timeout: 500ms, max_body: 16KiB }", 1);
    super::cost_little(ENDLESS, &result);
}
