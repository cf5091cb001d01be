//! The same frames of a server, read by our client and by that of the `h2` crate: what one takes for a whole response,
//! the other does as well, and what one refuses, the other refuses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{LocalSet, spawn_local};

use super::*;

/// Fields, within the rules and against them.
const FIELDS: [(&str, &str); 14] = [
    (":status", "200"),
    (":status", "404"),
    (":status", "100"),
    ("x-a", "1"),
    ("content-length", "0"),
    ("content-length", "8"),
    ("content-length", "x"),
    ("set-cookie", "a=1"),
    ("X-A", "1"),
    ("connection", "close"),
    ("transfer-encoding", "chunked"),
    (":path", "/"),
    ("x-long", "0123456789012345678901234567890123456789"),
    ("x-a", "2"),
];

/// Something that a server sends.
#[derive(Debug, Clone)]
enum Sent {
    Headers { fields: Vec<usize>, cut: Option<usize>, padding: Option<u8>, ends: bool },
    Data { size: usize, padding: Option<u8>, ends: bool },
    Reset(u32),
    Goaway(u32),
    WindowUpdate { stream: u32, more: u32 },
    Settings(u16, u32),
    Other { kind: u8, flags: u8, stream: u32, size: usize },
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Headers { fields, cut, padding, ends } => {
                let fields: Vec<(&str, &str)> = fields.iter().map(|at| FIELDS[*at]).collect();
                let block = block(&fields);
                let ends = if *ends { flag::END_STREAM } else { 0 };
                let Some(cut) = cut else {
                    let (flags, payload) = padded(&block, *padding);
                    return framed(kind::HEADERS, flags | flag::END_HEADERS | ends, 1, &payload);
                };
                let (first, rest) = block.split_at(cut % (block.len() + 1));
                let (flags, payload) = padded(first, *padding);
                let first = framed(kind::HEADERS, flags | ends, 1, &payload);
                [first, framed(kind::CONTINUATION, flag::END_HEADERS, 1, rest)].concat()
            }
            Self::Data { size, padding, ends } => {
                let (flags, payload) = padded(&vec![b'x'; *size], *padding);
                let ends = if *ends { flag::END_STREAM } else { 0 };
                framed(kind::DATA, flags | ends, 1, &payload)
            }
            Self::Reset(code) => framed(kind::RST_STREAM, 0, 1, &code.to_be_bytes()),
            Self::Goaway(last) => {
                framed(kind::GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat())
            }
            Self::WindowUpdate { stream, more } => {
                framed(kind::WINDOW_UPDATE, 0, *stream, &more.to_be_bytes())
            }
            Self::Settings(id, value) => settings(&[(*id, *value)]),
            Self::Other { kind, flags, stream, size } => {
                framed(*kind, *flags, *stream, &vec![0; *size])
            }
        }
    }
}

/// A payload with so much padding, and the flag that says so.
fn padded(payload: &[u8], padding: Option<u8>) -> (u8, Vec<u8>) {
    let Some(padding) = padding else { return (0, payload.to_vec()) };
    (flag::PADDED, [&[padding], payload, &vec![0; padding.into()]].concat())
}

/// Mostly what makes a response.
fn sent() -> impl Strategy<Value = Sent> {
    let status = prop_oneof![8 => Just(0), 2 => Just(1), 2 => Just(2)];
    let fields = prop_oneof![
        6 => (status, prop::collection::vec(prop_oneof![6 => Just(3), 2 => Just(5), 1 => 4_usize..14], 0..3))
            .prop_map(|(status, rest)| [vec![status], rest].concat()),
        1 => prop::collection::vec(0_usize..14, 0..4),
    ];
    let padding = || prop_oneof![3 => Just(None), 1 => any::<u8>().prop_map(Some)];
    let cut = prop_oneof![2 => Just(None), 1 => (0_usize..90).prop_map(Some)];
    prop_oneof![
        6 => (fields, cut, padding(), any::<bool>())
            .prop_map(|(fields, cut, padding, ends)| Sent::Headers { fields, cut, padding, ends }),
        6 => (prop_oneof![Just(0_usize), Just(4), Just(8), Just(16_000)], padding(), any::<bool>())
            .prop_map(|(size, padding, ends)| Sent::Data { size, padding, ends }),
        1 => (0_u32..14).prop_map(Sent::Reset),
        1 => (0_u32..4).prop_map(Sent::Goaway),
        1 => (0_u32..2, prop_oneof![Just(0), 1_u32..9, Just(u32::MAX >> 1)])
            .prop_map(|(stream, more)| Sent::WindowUpdate { stream, more }),
        1 => (0_u16..9, prop_oneof![Just(0), Just(20_000), any::<u32>()])
            .prop_map(|(id, value)| Sent::Settings(id, value)),
        2 => (0_u8..12, any::<u8>(), 0_u32..3, 0_usize..10)
            .prop_map(|(kind, flags, stream, size)| Sent::Other { kind, flags, stream, size }),
    ]
}

/// Status and size of a response that was taken as whole.
type Taken = (u16, u64);

fn ours(bytes: &[u8]) -> Result<Taken, String> {
    let mut connection = asked(&Method::GET);
    connection.feed(bytes, NOW);
    connection.end();
    let stream = connection.take(1).expect("the stream");
    let taken = stream.outcome.expect("over, as the connection is");
    taken.map(|_| (stream.parser.status(), stream.parser.body_size())).map_err(|why| why.message)
}

fn theirs(bytes: &[u8]) -> Option<Taken> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let bytes = [settings(&[]), bytes.to_vec()].concat();
    LocalSet::new().block_on(&runtime, async move {
        let (near, far) = tokio::io::duplex(1 << 20);
        let mut builder = h2::client::Builder::new();
        builder.enable_push(false).initial_window_size(1 << 20);
        let handshake = builder.initial_connection_window_size(1 << 22).handshake::<_, Bytes>(near);
        let (mut sender, connection) = handshake.await.expect("it begins by itself");
        spawn_local(async move {
            // What it ends with shows in the response.
            let _ended = connection.await;
        });
        let request = http::Request::get("https://host/x").body(()).expect("a request");
        let (response, _) = sender.send_request(request, true).expect("a first stream");
        spawn_local(answer(far, bytes));
        let response = response.await.ok()?;
        let (status, mut body, mut size) = (response.status().as_u16(), response.into_body(), 0);
        while let Some(part) = body.data().await {
            size += part.ok()?.len() as u64;
        }
        body.trailers().await.ok()?;
        Some((status, size))
    })
}

/// Sends `bytes` once something is asked for, and leaves.
async fn answer(mut far: tokio::io::DuplexStream, bytes: Vec<u8>) {
    let mut asked = vec![];
    while !asked.windows(5).any(|part| part == [kind::HEADERS, 5, 0, 0, 0]) {
        if far.read_buf(&mut asked).await.unwrap_or(0) == 0 {
            return;
        }
    }
    // It may have gone: then it has judged already.
    let _sent = far.write_all(&bytes).await;
    let _closed = far.shutdown().await;
    let _rest = far.read_to_end(&mut asked).await;
}

/// Where RFC 9113 refuses what `h2` takes, by our words for it.
const STRICTER: [&str; 2] = [
    // §6.9.1: a window beyond 2^31-1 ends its stream, also where nothing more is to be sent on it.
    "a WINDOW_UPDATE is zero, or makes the window too large",
    // §8.1: "Trailers MUST NOT include pseudo-header fields".
    "a pseudo-header has no place where it stands",
];

/// Where `h2` refuses what RFC 9113 takes: it counts the length that an interim response names, which has no content
/// (RFC 9110 §15.2), as that of the response; and a PRIORITY frame of the wrong size, which is an error of its stream
/// alone (§6.3), ends the connection.
fn is_refused_by_h2_alone(frame: &Sent) -> bool {
    match frame {
        Sent::Headers { fields, .. } => {
            let has = |wanted: &str| fields.iter().any(|at| FIELDS[*at].0 == wanted);
            fields.iter().any(|at| FIELDS[*at].1 == "100") && has("content-length")
        }
        Sent::Other { kind: kind::PRIORITY, size, .. } => *size != 5,
        _ => false,
    }
}

/// How the two differ about `frames`, if they do.
fn difference(frames: &[Sent]) -> Option<String> {
    let bytes: Vec<u8> = frames.iter().flat_map(Sent::bytes).collect();
    match (ours(&bytes), theirs(&bytes)) {
        (Ok(ours), Some(theirs)) if ours == theirs => None,
        (Err(_), None) => None,
        (Err(why), Some(_)) if STRICTER.contains(&why.as_str()) => None,
        (Err(why), Some(_)) => Some(format!("only h2 takes it: {why}")),
        (Ok(_), None) if frames.iter().any(is_refused_by_h2_alone) => None,
        (Ok(_), None) => Some("only we take it".to_owned()),
        (Ok(ours), Some(theirs)) => Some(format!("taken as {ours:?} and {theirs:?}")),
    }
}

#[test]
fn plain_response_is_taken_by_both() {
    let headers = Sent::Headers { fields: vec![0, 5], cut: Some(3), padding: Some(7), ends: false };
    let data = |ends| Sent::Data { size: 4, padding: Some(9), ends };
    let frames = [headers, data(false), Sent::Settings(4, 70_000), data(true)];
    let bytes: Vec<u8> = frames.iter().flat_map(Sent::bytes).collect();
    assert_eq!((ours(&bytes), theirs(&bytes)), (Ok((200, 8)), Some((200, 8))));
    let bytes: Vec<u8> = frames[..3].iter().flat_map(Sent::bytes).collect();
    assert_eq!((ours(&bytes).is_err(), theirs(&bytes)), (true, None));
}

/// Goal: prove that both judge any frames alike; of each kind of difference, the shortest example is told.
#[test]
fn any_frames_are_judged_alike() {
    let mut runner = TestRunner::deterministic();
    let all = prop::collection::vec(sent(), 1..7);
    let mut differences: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
    for _ in 0..3_000 {
        let frames = all.new_tree(&mut runner).expect("frames").current();
        let Some(kind) = difference(&frames) else { continue };
        let known = differences.entry(kind).or_insert_with(|| frames.clone());
        if frames.len() < known.len() {
            *known = frames;
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
