//! Servers of event streams (WHATWG HTML §9.2).

use super::{Cage, Deed, Visitor, visit};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Sends `text` as a stream, and ends it.
fn say(visitor: &mut Visitor, text: &str) -> std::io::Result<()> {
    visitor.send(&[HEAD, text.as_bytes()].concat())?;
    visitor.stream.shutdown(std::net::Shutdown::Both)
}

/// Sends `text` as a stream, and nothing more.
fn say_and_wait(visitor: &mut Visitor, text: &str) -> std::io::Result<()> {
    visitor.send(&[HEAD, text.as_bytes()].concat())?;
    visitor.wait()
}

const UNTIL: &str = "{ sse: { name: NAME, url: URL/, until: { body: done } } }";
const WHOLE: &str = "{ sse: { name: NAME, url: URL/ } }";
const HELD: &str = "{ sse: { name: NAME, url: URL/, hold: 100ms } }";
const PRICES: &str = "{ sse: { name: NAME, url: URL/, event: price, until: { body: done } } }";

const fn cage(
    name: &'static str,
    step: &'static str,
    (class, message): (&'static str, &'static str),
    deed: Deed,
) -> Cage {
    Cage { name, step, deed, row: "", class, message }
}

const WELL: (&str, &str) = ("", "");

const SAID: &[Cage] = &[
    cage("ends_lines_in_lf", UNTIL, WELL, |v| say(v, "data: a\n\ndata: done\n\n")),
    cage("ends_lines_in_cr", UNTIL, WELL, |v| say_and_wait(v, "data: a\r\rdata: done\r\r")),
    cage("ends_lines_in_cr_lf", UNTIL, WELL, |v| say_and_wait(v, "data: done\r\n\r\n")),
    cage("begins_with_a_mark", UNTIL, WELL, |v| say_and_wait(v, "\u{feff}data: done\n\n")),
    cage("names_its_events", PRICES, WELL, |v| {
        say_and_wait(v, "data: done\n\nevent: price\ndata: 1\n\nevent: price\ndata: done\n\n")
    }),
    cage("asks_for_its_type", UNTIL, WELL, |v| match v.header("accept") {
        "text/event-stream" => say_and_wait(v, "data: done\n\n"),
        _ => v.send(b"HTTP/1.1 406 Not Acceptable\r\ncontent-length: 0\r\n\r\n"),
    }),
    cage("ticks_until_it_is_left", HELD, WELL, |v| say_and_wait(v, "data: tick\n\n")),
    cage("ticks_until_its_time_is_over", WHOLE, WELL, |v| say_and_wait(v, "data: tick\n\n")),
    cage("never_ticks", HELD, ("response_timeout", "no event came"), |v| {
        say_and_wait(v, ": hello\n\n")
    }),
    cage("never_is_done", UNTIL, ("response_timeout", "no event met `until`"), |v| {
        say_and_wait(v, "data: tick\n\n")
    }),
    cage("ends_too_soon", UNTIL, ("check_failed", "the last was `tick`"), |v| {
        say(v, "data: tick\n\ndata: done\n")
    }),
    cage("is_a_web_page", UNTIL, ("check_failed", "`text/html`, not `text/event-stream`"), |v| {
        v.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\ndata: done\n\n\n")
    }),
    cage("is_not_there", UNTIL, ("http_4xx", "status 404"), |v| {
        v.send(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
    }),
    cage("never_answers", WHOLE, ("response_timeout", "no answer"), Visitor::wait),
];

const ENDLESS: &[Cage] = &[
    cage("floods_events", UNTIL, ("response_timeout", "no event met `until`"), |v| {
        v.send(HEAD)?;
        v.flood(b"data: tick\n\n".repeat(700).as_slice())
    }),
    cage("floods_while_held", HELD, WELL, |v| {
        v.send(HEAD)?;
        v.flood(b"data: tick\n\n".repeat(700).as_slice())
    }),
    cage("floods_comments", UNTIL, ("response_timeout", "no event came"), |v| {
        v.send(HEAD)?;
        v.flood(b":\n".repeat(4_000).as_slice())
    }),
    cage("has_an_endless_comment", UNTIL, ("response_timeout", "no event came"), |v| {
        v.send(&[HEAD, b":"].concat())?;
        v.flood(&[b'c'; 8_192])
    }),
    cage("has_an_endless_line", UNTIL, ("body_too_large", "an event is larger"), |v| {
        v.send(&[HEAD, b"data: "].concat())?;
        v.flood(&[b'd'; 8_192])
    }),
    cage("has_an_endless_event", UNTIL, ("body_too_large", "an event is larger"), |v| {
        v.send(HEAD)?;
        v.flood(format!("data: {}\n", "d".repeat(4_000)).as_bytes())
    }),
    cage("has_an_endless_type", UNTIL, ("body_too_large", "type is larger"), |v| {
        v.send(&[HEAD, b"event: "].concat())?;
        v.flood(&[b'e'; 8_192])
    }),
    cage("has_an_endless_name", UNTIL, ("response_timeout", "no event came"), |v| {
        v.send(HEAD)?;
        v.flood(&[b'n'; 8_192])
    }),
    cage("has_an_endless_page", UNTIL, ("body_too_large", "the body is larger"), |v| {
        v.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")?;
        v.flood(&[b'x'; 8_192])
    }),
];

#[test]
fn event_streams_are_heard_as_browsers_hear_them() {
    let result = visit(SAID, "{ timeout: 500ms }", 4);
    let received = |step: &str| result["whole_run"]["steps"][step]["bytes_received"].as_f64();
    assert!(received("ticks_until_its_time_is_over") > Some(0.0), "what came is counted");
}

/// Goal: prove that a stream without an end ends neither memory nor time.
#[test]
fn endless_streams_cost_neither_memory_nor_time() {
    let result = visit(ENDLESS, "{ timeout: 500ms, max_body: 16KiB }", 1);
    super::cost_little(ENDLESS, &result);
}
