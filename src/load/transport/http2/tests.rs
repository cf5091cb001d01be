//! The state machine against a peer of frames written by hand, within the rules and against them.

mod differential;
mod generated;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::super::TransportError;
use super::super::body::RequestBody;
use super::super::parser::ResponseParser;
use super::frame::{self, FrameHeader, HEAD, MAX_PAYLOAD, flag, kind};
use super::hpack::{Decoder, Encoder};
use super::machine::ConnectionMachine;
use super::send::OutgoingRequest;
use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;
use plimsoll_user::ResponseHeaders as _;

const NOW: RunTime = RunTime::ZERO;

/// Begins a request on `connection`.
fn begin(connection: &mut ConnectionMachine, method: &Method, body: &'static [u8]) -> u32 {
    let mut parser = ResponseParser::new();
    parser.start(*method == Method::HEAD, true, 2_000_000);
    let (headers, body) = (HeaderMap::new(), RequestBody::new(Bytes::from_static(body), &[]));
    let (headers, body) = (&headers, &body);
    let (path, authority, cookies) = ("/x", "host", "");
    let request = OutgoingRequest { method, path, is_tls: true, authority, headers, cookies, body };
    connection.begin(request, parser)
}

/// A machine with one request on stream 1, greeted by its server; what it wrote so far is read.
fn asked(method: &Method) -> ConnectionMachine {
    let mut connection = ConnectionMachine::new(65_536);
    begin(&mut connection, method, b"");
    connection.feed(&settings(&[]), NOW);
    connection.flushed(NOW);
    connection
}

fn framed(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, kind, flags, stream, payload);
    out
}

fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
        .collect();
    framed(kind::SETTINGS, 0, 0, &payload)
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::default(), Vec::new());
    for (name, value) in fields {
        encoder.field(name.as_bytes(), value.as_bytes(), &mut out);
    }
    out
}

fn headers(fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    framed(kind::HEADERS, flags | flag::END_HEADERS, 1, &block(fields))
}

fn data(text: &[u8], flags: u8) -> Vec<u8> {
    framed(kind::DATA, flags, 1, text)
}

/// The frames that a machine wants to write.
fn frames(connection: &ConnectionMachine) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut rest = connection.out.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let mut rest = rest.take().unwrap_or(&connection.out);
    let mut frames = Vec::new();
    while let Some(head) = FrameHeader::parse(rest) {
        let (frame, others) = rest.split_at(HEAD + head.length);
        frames.push((head, frame[HEAD..].to_vec()));
        rest = others;
    }
    assert!(rest.is_empty(), "half a frame");
    frames
}

/// The outcome of stream 1, if it is over.
fn outcome(connection: &mut ConnectionMachine) -> Option<Result<RunTime, TransportError>> {
    connection.stream(1).and_then(|stream| stream.outcome.clone())
}

fn failure(connection: &mut ConnectionMachine) -> TransportError {
    outcome(connection).expect("it is over").expect_err("it failed")
}

/// The error code of the connection's GOAWAY frame.
fn goaway(connection: &ConnectionMachine) -> Option<u32> {
    let said = frames(connection).into_iter().find(|(head, _)| head.kind == kind::GOAWAY);
    said.map(|(_, payload)| frame::number(&payload[4..]))
}

/// A response with all that a server may do: settings, an interim response, padding, a priority, headers
/// in pieces, padded data, an unknown frame in between, trailers.
fn whole_response() -> Vec<u8> {
    let fields = block(&[(":status", "200"), ("x-a", "1"), ("content-length", "11")]);
    let mut first = vec![2, 0, 0, 0, 0, 16];
    first.extend_from_slice(&fields[..4]);
    first.extend_from_slice(&[0, 0]);
    let padded = flag::PADDED | flag::PRIORITY;
    [
        settings(&[(3, 100), (4, 70_000), (99, 1)]),
        framed(kind::HEADERS, flag::END_HEADERS, 1, &[0x08, 3, b'1', b'0', b'3']),
        framed(kind::HEADERS, padded, 1, &first),
        framed(kind::CONTINUATION, 0, 1, &fields[4..6]),
        framed(kind::CONTINUATION, flag::END_HEADERS, 1, &fields[6..]),
        framed(kind::DATA, flag::PADDED, 1, b"\x03hello\0\0\0"),
        framed(0xfa, 0xff, 1, b"what is this"),
        framed(kind::PRIORITY, 0, 1, &[0; 5]),
        data(b" world", 0),
        framed(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[0, 1, b't', 1, b'1']),
    ]
    .concat()
}

#[test]
fn request_is_a_preface_and_one_frame() {
    let mut connection = ConnectionMachine::new(65_536);
    assert_eq!(begin(&mut connection, &Method::POST, b"abc"), 1);
    let kinds: Vec<u8> = frames(&connection).iter().map(|(head, _)| head.kind).collect();
    assert_eq!(kinds, [kind::SETTINGS, kind::WINDOW_UPDATE, kind::HEADERS, kind::DATA]);
    let (head, payload) = &frames(&connection)[2];
    let mut fields = Vec::new();
    let keep = |name: &[u8], value: &[u8]| {
        fields.push(String::from_utf8_lossy(&[name, b"=", value].concat()).into_owned());
    };
    Decoder::default().decode(payload, keep).expect("valid");
    assert_eq!(
        fields,
        [":method=POST", ":scheme=https", ":path=/x", ":authority=host", "content-length=3"]
    );
    assert!(!head.has(flag::END_STREAM) && frames(&connection)[3].0.has(flag::END_STREAM));
}

#[test]
fn interim_responses_padding_pieces_and_trailers_are_understood() {
    let mut connection = asked(&Method::GET);
    connection.feed(&whole_response(), NOW);
    assert_eq!(outcome(&mut connection), Some(Ok(NOW)));
    let stream = connection.take(1).expect("there");
    assert_eq!((stream.parser.status(), stream.parser.body()), (200, &b"hello world"[..]));
    assert_eq!(stream.parser.headers().first("x-a").as_deref(), Some("1"));
    assert!(connection.closed().is_none());
}

#[test]
fn settings_and_pings_are_answered_once() {
    let mut connection = asked(&Method::GET);
    connection.feed(&settings(&[]), NOW);
    connection.feed(&framed(kind::PING, 0, 0, b"12345678"), NOW);
    connection.feed(&framed(kind::PING, flag::ACK, 0, b"12345678"), NOW);
    connection.feed(&framed(kind::SETTINGS, flag::ACK, 0, b""), NOW);
    let answers = frames(&connection);
    let kinds: Vec<(u8, u8)> = answers.iter().map(|(head, _)| (head.kind, head.flags)).collect();
    assert_eq!(kinds, [(kind::SETTINGS, flag::ACK), (kind::PING, flag::ACK)]);
    assert_eq!(answers[1].1, b"12345678");
}

#[test]
fn body_waits_for_the_windows() {
    static BODY: [u8; 100_000] = [b'x'; 100_000];
    let mut connection = ConnectionMachine::new(65_536);
    begin(&mut connection, &Method::POST, &BODY);
    let sent = |connection: &ConnectionMachine| -> usize {
        let frames = frames(connection).into_iter().filter(|(head, _)| head.kind == kind::DATA);
        frames.map(|(head, _)| head.length).sum()
    };
    assert_eq!(sent(&connection), 65_535, "as much as everybody may send unasked");
    connection.flushed(NOW);
    let update = |stream, more: u32| framed(kind::WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    connection.feed(&settings(&[(4, 60_000)]), NOW);
    connection.feed(&update(0, 50_000), NOW);
    assert_eq!(sent(&connection), 0, "the stream's window is below zero now");
    connection.feed(&update(1, 6_535), NOW);
    assert_eq!(sent(&connection), 1_000);
    connection.feed(&update(1, 100_000), NOW);
    assert_eq!(sent(&connection), 34_465);
    let last = frames(&connection).pop().expect("frames").0;
    assert!(last.has(flag::END_STREAM));
}

#[test]
fn windows_are_opened_again_before_they_are_empty() {
    let mut connection = asked(&Method::GET);
    connection.feed(&headers(&[(":status", "200")], 0), NOW);
    for _ in 0..40 {
        connection.feed(&data(&[0; MAX_PAYLOAD], 0), NOW);
    }
    let updates: Vec<(u32, u32)> = frames(&connection)
        .iter()
        .filter(|(head, _)| head.kind == kind::WINDOW_UPDATE)
        .map(|(head, payload)| (head.stream, frame::number(payload)))
        .collect();
    assert_eq!(updates, [(1, 32 * MAX_PAYLOAD as u32)]);
}

/// Goal: what comes on an abandoned stream does not eat up the connection's window for the others.
#[test]
fn data_that_nobody_waits_for_counts_for_the_connection() {
    let mut connection = asked(&Method::GET);
    connection.take(1);
    connection.flushed(NOW);
    for _ in 0..300 {
        connection.feed(&data(&[0; MAX_PAYLOAD], 0), NOW);
    }
    let updates: Vec<(u32, u32)> =
        frames(&connection).iter().map(|(head, more)| (head.stream, frame::number(more))).collect();
    assert_eq!(updates, [(0, 129 * MAX_PAYLOAD as u32), (0, 129 * MAX_PAYLOAD as u32)]);
}

#[test]
fn responses_against_the_rules_end_their_stream_only() {
    let field = |name, value| headers(&[(":status", "200"), (name, value)], flag::END_STREAM);
    let stream_error: [&[Vec<u8>]; 27] = [
        &[headers(&[("x-a", "1")], flag::END_STREAM)],
        &[headers(&[("x-a", "1"), (":status", "200")], flag::END_STREAM)],
        &[headers(&[(":status", "20")], flag::END_STREAM)],
        &[headers(&[(":status", "101")], 0)],
        &[headers(&[(":status", "103")], flag::END_STREAM)],
        &[headers(&[(":status", "200"), ("X-A", "1")], flag::END_STREAM)],
        &[headers(&[(":status", "200"), ("a", "1\r\nb: 2")], flag::END_STREAM)],
        &[headers(&[(":status", "200"), ("content-length", "4")], 0), data(b"abc", 1)],
        &[headers(&[(":status", "200")], 0), headers(&[("t", "1")], 0)],
        &[data(b"abc", flag::END_STREAM)],
        &[field("connection", "close")],
        &[field("transfer-encoding", "chunked")],
        &[field("keep-alive", "timeout=5")],
        &[field("upgrade", "h2c")],
        &[field("proxy-connection", "close")],
        &[field(":status", "200")],
        &[field(":path", "/")],
        &[field("content-length", "+3")],
        &[field("content-length", "")],
        &[field("x a", "1")],
        &[field("x-\u{e9}", "1")],
        &[field("", "1")],
        &[field("a", " 1")],
        &[field("a", "1\t")],
        &[headers(&[(":status", "+20")], flag::END_STREAM)],
        &[headers(&[(":status", "204")], 0), data(b"abc", 1)],
        &[headers(&[(":status", "200")], 0), headers(&[(":status", "200")], flag::END_STREAM)],
    ];
    for response in stream_error {
        let mut connection = asked(&Method::GET);
        connection.feed(&response.concat(), NOW);
        assert_eq!(failure(&mut connection).class, ErrorClass::Protocol, "{response:?}");
        assert!(connection.closed().is_none(), "{response:?}");
        assert_eq!(frames(&connection)[0].0.kind, kind::RST_STREAM);
    }
}

#[test]
fn frames_against_the_rules_end_the_connection_with_their_code() {
    let (long, short) = (vec![0; MAX_PAYLOAD + 1], block(&[(":status", "200")]));
    let goaway_of = |last: u8| framed(kind::GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, 0]);
    let cases: [(u32, Vec<u8>); 19] = [
        (1, [goaway_of(1), goaway_of(3)].concat()),
        (6, framed(kind::DATA, 0, 1, &long)),
        (1, framed(kind::DATA, 0, 0, b"x")),
        (1, framed(kind::DATA, 0, 3, b"x")),
        (1, framed(kind::DATA, flag::PADDED, 1, &[5, 0])),
        (1, framed(kind::HEADERS, flag::END_HEADERS, 2, &short)),
        (1, framed(kind::HEADERS, flag::END_HEADERS | flag::PRIORITY, 1, &[0; 4])),
        (9, framed(kind::HEADERS, flag::END_HEADERS, 1, &[0xff])),
        (1, [framed(kind::HEADERS, 0, 1, &short), data(b"", 0)].concat()),
        (1, framed(kind::CONTINUATION, flag::END_HEADERS, 1, &short)),
        (6, framed(kind::RST_STREAM, 0, 1, &[0; 3])),
        (6, framed(kind::SETTINGS, 0, 0, &[0; 5])),
        (1, settings(&[(2, 1)])),
        (1, settings(&[(5, 100)])),
        (3, settings(&[(4, 1 << 31)])),
        (6, framed(kind::PING, 0, 0, &[0; 7])),
        (1, framed(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0; 8])),
        (1, framed(kind::WINDOW_UPDATE, 0, 0, &[0; 4])),
        (1, framed(kind::WINDOW_UPDATE, 0, 9, &1_u32.to_be_bytes())),
    ];
    for (code, bytes) in cases {
        let mut connection = asked(&Method::GET);
        connection.feed(&bytes, NOW);
        assert_eq!(goaway(&connection), Some(code), "{bytes:?}");
        assert!(connection.closed().is_some());
        assert_eq!(failure(&mut connection).class, ErrorClass::Protocol);
    }
}

/// Goal: nothing is said on a stream behind our reset of it: a `WINDOW_UPDATE` there is an error of the connection.
#[test]
fn no_room_is_made_on_a_stream_that_failed() {
    let mut connection = asked(&Method::GET);
    connection.feed(&headers(&[(":status", "200")], 0), NOW);
    for _ in 0..130 {
        connection.feed(&data(&[0; MAX_PAYLOAD], 0), NOW);
    }
    assert_eq!(failure(&mut connection).class, ErrorClass::BodyTooLarge);
    let written = frames(&connection);
    let reset = written.iter().position(|(head, _)| head.kind == kind::RST_STREAM);
    let behind = &written[reset.expect("reset") + 1..];
    assert!(behind.iter().all(|(head, _)| head.stream == 0), "{behind:?}");
}

/// RFC 9113 §6.9: who sends more than there was room for is told so.
#[test]
fn server_that_sends_beyond_its_windows_is_refused() {
    let mut connection = asked(&Method::GET);
    connection.feed(&headers(&[(":status", "200")], 0), NOW);
    let beyond = data(&[0; MAX_PAYLOAD], 0).repeat(65);
    let mut stream = connection.take(1).expect("there");
    let mut taken = Ok(());
    for frame in beyond.chunks(HEAD + MAX_PAYLOAD) {
        let size = i64::try_from(frame.len() - HEAD).expect("a frame");
        taken = taken.and_then(|()| stream.on_data(&frame[HEAD..], size, (false, NOW)));
    }
    let error = taken.expect_err("too much");
    assert_eq!(error.0, frame::ErrorCode::FlowControl);
}

/// RFC 9113 §5.1: nothing comes behind the end of a response.
#[test]
fn frames_behind_the_end_of_a_response_end_the_connection() {
    for late in [data(b"x", 0), headers(&[("t", "1")], flag::END_STREAM)] {
        let mut connection = asked(&Method::GET);
        connection.feed(&headers(&[(":status", "204")], flag::END_STREAM), NOW);
        connection.feed(&late, NOW);
        assert_eq!(goaway(&connection), Some(5));
        assert_eq!(outcome(&mut connection), Some(Ok(NOW)), "the response was complete");
    }
}

#[test]
fn stream_that_was_refused_may_be_sent_again() {
    let refused = |before: Vec<u8>, code: u32| {
        let mut connection = asked(&Method::POST);
        connection.feed(&before, NOW);
        connection.feed(&framed(kind::RST_STREAM, 0, 1, &code.to_be_bytes()), NOW);
        failure(&mut connection).unseen
    };
    assert!(refused(vec![], 7));
    assert!(!refused(vec![], 2), "an internal error: it may have acted");
    assert!(!refused(headers(&[(":status", "200")], 0), 7), "it has answered");
}

/// Goal: a body of any size waits in its stream, not in the buffer, and streams take turns.
#[test]
fn bodies_go_out_in_helpings_and_in_turn() {
    static BODY: [u8; 3_000_000] = [b'x'; 3_000_000];
    let mut connection = ConnectionMachine::new(65_536);
    connection.feed(&settings(&[(4, 5_000_000)]), NOW);
    let update = framed(kind::WINDOW_UPDATE, 0, 0, &8_000_000_u32.to_be_bytes());
    connection.feed(&update, NOW);
    for id in [1, 3] {
        assert_eq!(begin(&mut connection, &Method::POST, &BODY), id);
    }
    let (mut sent, mut largest) = ([0_usize; 2], 0);
    while !connection.out.is_empty() {
        largest = largest.max(connection.out.len());
        for (head, _) in frames(&connection).iter().filter(|(head, _)| head.kind == kind::DATA) {
            sent[(head.stream / 2) as usize] += head.length;
        }
        assert!(sent[0].abs_diff(sent[1]) <= 5 * MAX_PAYLOAD, "{sent:?}");
        connection.flushed(NOW);
    }
    assert_eq!(sent, [3_000_000; 2]);
    assert!(largest < 100_000, "{largest} bytes at once");
    assert!(connection.stream(3).is_some_and(|stream| stream.written.is_some()));
}

#[test]
fn server_that_does_not_read_our_answers_is_refused() {
    let mut connection = asked(&Method::GET);
    let pings = framed(kind::PING, 0, 0, b"12345678").repeat(20_000);
    connection.feed(&pings, NOW);
    assert_eq!(goaway(&connection), Some(11));
}

#[test]
fn headers_without_end_are_refused() {
    let mut connection = asked(&Method::GET);
    connection.feed(&framed(kind::HEADERS, 0, 1, &block(&[(":status", "200")])), NOW);
    for _ in 0..100 {
        connection.feed(&framed(kind::CONTINUATION, 0, 1, b""), NOW);
    }
    assert_eq!(goaway(&connection), Some(11));
}

#[test]
fn server_that_speaks_http1_is_told_apart() {
    let mut connection = ConnectionMachine::new(65_536);
    begin(&mut connection, &Method::GET, b"");
    connection.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n", NOW);
    let message = failure(&mut connection).message;
    assert!(message.contains("does the server speak HTTP/2?"), "{message}");
}

#[test]
fn reset_is_told_by_its_name() {
    let mut connection = asked(&Method::GET);
    connection.feed(&framed(kind::RST_STREAM, 0, 1, &7_u32.to_be_bytes()), NOW);
    let error = failure(&mut connection);
    assert_eq!(error.class, ErrorClass::Reset);
    assert!(error.message.ends_with("REFUSED_STREAM"), "{error}");
    assert!(connection.closed().is_none());
}

#[test]
fn goodbye_fails_only_what_the_server_has_not_looked_at() {
    let mut connection = asked(&Method::GET);
    assert_eq!(begin(&mut connection, &Method::GET, b""), 3);
    connection.feed(&framed(kind::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), NOW);
    let late = connection.stream(3).and_then(|stream| stream.outcome.clone());
    assert_eq!(late.expect("over").expect_err("failed").class, ErrorClass::Reset);
    assert!(outcome(&mut connection).is_none() && connection.closed().is_some());
    connection.feed(&headers(&[(":status", "204")], flag::END_STREAM), NOW);
    assert_eq!(outcome(&mut connection), Some(Ok(NOW)));
}

/// Goal: a stream that nobody waits for any more is told so, and what still comes on it does no harm: its
/// headers are in the table that later ones refer to.
#[test]
fn abandoned_stream_is_cancelled_and_its_headers_still_count() {
    let mut connection = asked(&Method::GET);
    connection.take(1);
    let (head, payload) = &frames(&connection)[0];
    assert_eq!((head.kind, head.stream), (kind::RST_STREAM, 1));
    assert_eq!(frame::code_name(frame::number(payload)), "CANCEL");
    begin(&mut connection, &Method::GET, b"");
    connection.feed(&headers(&[(":status", "200"), ("x-a", "1")], 0), NOW);
    connection.feed(&data(b"late", 0), NOW);
    let indexed = framed(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 3, &[0x88, 0xbe]);
    connection.feed(&indexed, NOW);
    let stream = connection.take(3).expect("there");
    assert_eq!(stream.outcome, Some(Ok(NOW)));
    assert_eq!(stream.parser.headers().first("x-a").as_deref(), Some("1"));
}

#[test]
fn answer_to_head_may_tell_a_length() {
    let mut connection = asked(&Method::HEAD);
    let fields = [(":status", "200"), ("content-length", "99")];
    connection.feed(&headers(&fields, flag::END_STREAM), NOW);
    assert_eq!(outcome(&mut connection), Some(Ok(NOW)));
}

#[test]
fn long_headers_go_out_in_pieces() {
    let mut connection = ConnectionMachine::new(65_536);
    let mut headers = HeaderMap::new();
    let long = "v".repeat(2 * MAX_PAYLOAD);
    headers.insert("x-long", long.parse().expect("a value"));
    let (method, body) = (&Method::GET, &RequestBody::default());
    let (path, authority, cookies) = ("/", "host", "a=1");
    let headers = &headers;
    let request =
        OutgoingRequest { method, path, is_tls: false, authority, headers, cookies, body };
    connection.begin(request, ResponseParser::new());
    let written = frames(&connection);
    let kinds: Vec<u8> = written[2..].iter().map(|(head, _)| head.kind).collect();
    assert_eq!(kinds, [kind::HEADERS, kind::CONTINUATION, kind::CONTINUATION]);
    let whole: Vec<u8> = written[2..].iter().flat_map(|(_, part)| part.clone()).collect();
    let mut last = Vec::new();
    let keep = |name: &[u8], value: &[u8]| last = [name, b"=", value].concat();
    Decoder::default().decode(&whole, keep).expect("valid");
    assert_eq!(last, b"cookie=a=1");
    assert!(written[4].0.has(flag::END_HEADERS) && written[2].0.has(flag::END_STREAM));
}
