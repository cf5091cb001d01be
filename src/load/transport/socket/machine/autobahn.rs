//! The cases of the Autobahn test suite for clients that echo what they hear (sections 1 to 7, 9 and 10), by its numbers:
//! what its server sends, and what it must hear for it. Each is played whole, frame by frame, in pieces of 997 bytes and
//! byte by byte, which are the ways in which the suite chops it.
//!
//! <https://github.com/crossbario/autobahn-testsuite>

use super::*;
use crate::transport::memory::MemoryBudget;
use plimsoll_units::{RandomStream, Seed};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Behind an opcode that is not final.
const MORE: u8 = 0x7f;

/// A frame: its first byte and its payload.
type Said = (u8, Vec<u8>);

/// A case: its number, what the server sends, and what it must hear: frames, and the code by which the client fails the
/// connection. Where there is none, the server ends it normally.
struct EchoCase {
    number: String,
    sends: Vec<Said>,
    hears: Vec<Said>,
    fails: Option<u16>,
}

fn said(first: u8, payload: impl AsRef<[u8]>) -> Said {
    (first, payload.as_ref().to_vec())
}

fn close(code: u16, reason: &[u8]) -> Said {
    (CLOSE, [&code.to_be_bytes()[..], reason].concat())
}

/// All goes well.
fn well(number: impl Into<String>, sends: Vec<Said>, hears: Vec<Said>) -> EchoCase {
    EchoCase { number: number.into(), sends, hears, fails: None }
}

/// The client fails the connection by `code`, after it has said `hears`.
fn fails(number: impl Into<String>, code: u16, sends: Vec<Said>, hears: Vec<Said>) -> EchoCase {
    EchoCase { number: number.into(), sends, hears, fails: Some(code) }
}

/// The frame as the server sends it: not masked.
fn bytes((first, payload): &Said) -> Vec<u8> {
    let mut out = vec![*first];
    match payload.len() {
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// What the client wrote, without its masks.
fn unmasked(mut out: &[u8]) -> Vec<Said> {
    let mut frames = vec![];
    while let [first, second, rest @ ..] = out {
        assert!(second & 0x80 > 0, "a client masks");
        let (length, rest) = match second & 0x7f {
            126 => (u16::from_be_bytes([rest[0], rest[1]]) as usize, &rest[2..]),
            127 => {
                let length: [u8; 8] = rest[..8].try_into().expect("eight bytes");
                (u64::from_be_bytes(length) as usize, &rest[8..])
            }
            length => (usize::from(length), rest),
        };
        let (mask, rest) = rest.split_at(4);
        let payload = rest[..length].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        frames.push((*first, payload.collect()));
        out = &rest[length..];
    }
    frames
}

/// Plays pieces to a client that echoes, texts or else bytes; returns what the server hears.
fn play(pieces: &[&[u8]], is_text: bool) -> Vec<Said> {
    let masks = Seed::new(1).stream(RandomStream::WebSocket, 0);
    let mut machine = WebSocketMachine::new(MemoryBudget::default().buffer(8 << 20), masks, None);
    let mut out = Vec::new();
    'all: for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let Ok((taken, event)) = machine.feed(rest) else { break 'all };
            rest = &rest[taken..];
            match event {
                Some(SocketEvent::Message) => {
                    let message = machine.message().0.to_vec();
                    if is_text {
                        machine.send_text(std::str::from_utf8(&message).expect("checked"));
                    } else {
                        machine.send_binary(&message);
                    }
                }
                Some(SocketEvent::Close(_)) => break 'all,
                None => {}
            }
            out.extend_from_slice(&machine.out);
            machine.flushed();
        }
    }
    out.extend_from_slice(&machine.out);
    unmasked(&out)
}

fn assert_holds(case: &EchoCase) {
    let is_text = case.sends.iter().any(|(first, _)| first & 0x0f == 1);
    let (mut sends, mut hears) = (case.sends.clone(), case.hears.clone());
    if let Some(code) = case.fails {
        hears.push(close(code, b""));
    } else if sends.iter().all(|(first, _)| *first != CLOSE) {
        sends.push(close(NORMAL, b""));
        hears.push(close(NORMAL, b""));
    }
    let frames: Vec<Vec<u8>> = sends.iter().map(bytes).collect();
    let whole = frames.concat();
    let ways = [
        vec![whole.as_slice()],
        frames.iter().map(Vec::as_slice).collect(),
        whole.chunks(997).collect(),
        whole.chunks(1).collect(),
    ];
    for (way, pieces) in ways.iter().enumerate() {
        let received = play(pieces, is_text);
        let shown = |frames: &[Said]| {
            let start = |(first, payload): &Said| {
                (*first, payload.len(), payload[..payload.len().min(20)].to_vec())
            };
            frames.iter().map(start).collect::<Vec<_>>()
        };
        assert!(
            received == hears,
            "{} way {way}: {:x?}",
            case.number,
            (shown(&received), shown(&hears))
        );
    }
}

/// 1: messages of every form of length.
fn lengths() -> Vec<EchoCase> {
    let mut cases = vec![];
    for (section, first, byte) in [(1, TEXT, b'*'), (2, BINARY, 0xfe)] {
        for (number, size) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
            let message = said(first, vec![byte; size]);
            let number = format!("1.{section}.{}", number + 1);
            cases.push(well(number, vec![message.clone()], vec![message]));
        }
    }
    cases
}

/// 2: pings and pongs.
fn pings() -> Vec<EchoCase> {
    let pinged = |number: &str, payload: &[u8]| {
        well(number, vec![said(PING, payload)], vec![said(PONG, payload)])
    };
    let unasked = said(PONG, "unsolicited pong payload");
    let ten = |first| (0..10).map(|n| said(first, format!("payload-{n}"))).collect::<Vec<_>>();
    vec![
        pinged("2.1", b""),
        pinged("2.2", b"Hello, world!"),
        pinged("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        pinged("2.4", &[0xfe; 125]),
        fails("2.5", 1002, vec![said(PING, [0xfe; 126])], vec![]),
        well("2.7", vec![said(PONG, "")], vec![]),
        well("2.8", vec![unasked.clone()], vec![]),
        well("2.9", vec![unasked, said(PING, "ping payload")], vec![said(PONG, "ping payload")]),
        well("2.10", ten(PING), ten(PONG)),
    ]
}

/// 3 and 4: reserved bits and opcodes.
fn reserved() -> Vec<EchoCase> {
    let greeting = said(TEXT, "Hello, world!");
    let behind_greeting = |number: &str, wrong: Said| {
        let sends = vec![greeting.clone(), wrong, said(PING, "")];
        fails(number, 1002, sends, vec![greeting.clone()])
    };
    let alone = |number: &str, wrong: Said| fails(number, 1002, vec![wrong], vec![]);
    vec![
        alone("3.1", said(TEXT | 0x10, "Hello, world!")),
        behind_greeting("3.2", said(TEXT | 0x20, "Hello, world!")),
        behind_greeting("3.3", said(TEXT | 0x30, "Hello, world!")),
        behind_greeting("3.4", said(TEXT | 0x40, "Hello, world!")),
        alone("3.5", said(BINARY | 0x50, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
        alone("3.6", said(BINARY | 0x60, "Hello, world!")),
        alone("3.7", said(CLOSE | 0x70, "")),
        alone("4.1.1", said(0x83, "")),
        alone("4.1.2", said(0x84, "reserved opcode payload")),
        behind_greeting("4.1.3", said(0x85, "")),
        behind_greeting("4.1.4", said(0x86, "Hello, world!")),
        behind_greeting("4.1.5", said(0x87, "Hello, world!")),
        alone("4.2.1", said(0x8b, "")),
        alone("4.2.2", said(0x8c, "reserved opcode payload")),
        behind_greeting("4.2.3", said(0x8d, "")),
        behind_greeting("4.2.4", said(0x8e, "Hello, world!")),
        behind_greeting("4.2.5", said(0x8f, "Hello, world!")),
    ]
}

/// 5: fragments, and control frames between them.
fn fragments() -> Vec<EchoCase> {
    let (first, last) = (said(TEXT & MORE, "fragment1"), said(0x80, "fragment2"));
    let (ping, pong) = (said(PING, "ping payload"), said(PONG, "ping payload"));
    let both = said(TEXT, "fragment1fragment2");
    let greeting = said(TEXT, "Hello, world!");
    let wrong = |number: &str, sends: Vec<Said>| fails(number, 1002, sends, vec![]);
    let four = vec![first.clone(), last.clone(), said(0x00, "fragment3"), said(TEXT, "fragment4")];
    let twice = |begin: u8| {
        let turn = [said(begin, "fragment1"), said(0x01, "fragment2"), said(0x80, "fragment3")];
        [turn.clone(), turn].concat()
    };
    let (ping1, ping2) = (said(PING, "pongme 1!"), said(PING, "pongme 2!"));
    let more = |text: &str| said(0x00, text);
    vec![
        wrong("5.1", vec![said(PING & MORE, "fragment1"), last.clone()]),
        wrong("5.2", vec![said(PONG & MORE, "fragment1"), last.clone()]),
        well("5.3", vec![first.clone(), last.clone()], vec![both.clone()]),
        well("5.6", vec![first.clone(), ping, last], vec![pong, both.clone()]),
        wrong("5.9", vec![said(0x80, "non-continuation payload"), greeting.clone()]),
        wrong("5.12", vec![said(0x00, "non-continuation payload"), greeting]),
        fails("5.15", 1002, four, vec![both]),
        wrong("5.16", twice(0x00)),
        wrong("5.17", twice(0x80)),
        wrong("5.18", vec![first.clone(), said(TEXT, "fragment2")]),
        well(
            "5.19",
            vec![
                first,
                more("fragment2"),
                ping1,
                more("fragment3"),
                more("fragment4"),
                ping2,
                said(0x80, "fragment5"),
            ],
            vec![
                said(PONG, "pongme 1!"),
                said(PONG, "pongme 2!"),
                said(TEXT, "fragment1fragment2fragment3fragment4fragment5"),
            ],
        ),
    ]
}

/// Kuhn's UTF-8 stress test, as the suite has it: what is valid, and what is not.
const VALID: &[&[u8]] = &[
    b"greeting\x24world",
    b"greeting\xc2\xa2world",
    b"greeting\xe2\x82\xacworld",
    b"greeting\xf0\xa4\xad\xa2world",
    KOSME,
    b"\x00",
    b"\xc2\x80",
    b"\xe0\xa0\x80",
    b"\xf0\x90\x80\x80",
    b"\x7f",
    b"\xdf\xbf",
    b"\xef\xbf\xbf",
    b"\xf4\x8f\xbf\xbf",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    b"\xef\xbf\xbe",
    b"\xf0\x9f\xbf\xbe",
    b"\xf1\x8f\xbf\xbf",
    b"\xf2\xaf\xbf\xbe",
    b"\xf3\xbf\xbf\xbf",
    b"\xef\xbf\xb9",
    b"\xef\xbf\xba",
    b"\xef\xbf\xbb",
    b"\xef\xbf\xbc",
];
/// "κόσμε".
const KOSME: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
const INVALID: &[&[u8]] = &[
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\x80",
    b"\xbf",
    b"\x80\xbf",
    b"\x80\xbf\x80",
    b"\x80\xbf\x80\xbf",
    b"\x80\xbf\x80\xbf\x80",
    b"\x80\xbf\x80\xbf\x80\xbf",
    b"\xc0 \xc1 \xdf ",
    b"\xe0 \xe1 \xee ",
    b"\xf0 \xf6 ",
    b"\xf8 \xfa ",
    b"\xfc ",
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfb\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf",
    b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf8\x87\xbf\xbf\xbf",
    b"\xfc\x83\xbf\xbf\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xf8\x80\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xed\xa0\x80\xed\xbf\xbf",
    b"\xed\xad\xbf\xed\xb0\x80",
    b"\xed\xad\xbf\xed\xbf\xbf",
    b"\xed\xae\x80\xed\xb0\x80",
    b"\xed\xae\x80\xed\xbf\xbf",
    b"\xed\xaf\xbf\xed\xb0\x80",
    b"\xed\xaf\xbf\xed\xbf\xbf",
];

/// 6: texts.
fn texts() -> Vec<EchoCase> {
    let greeting = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    // Each byte a fragment.
    let split = |text: &[u8]| {
        let last = text.len() - 1;
        let fragment = |(at, byte): (usize, &u8)| {
            said(u8::from(at == 0) | if at == last { 0x80 } else { 0 }, [*byte])
        };
        text.iter().enumerate().map(fragment).collect::<Vec<_>>()
    };
    let cut = [KOSME, b"\xed\xa0\x80edited"].concat();
    let mut cases = vec![
        well("6.1.1", vec![said(TEXT, "")], vec![said(TEXT, "")]),
        well("6.1.2", vec![said(1, ""), said(0, ""), said(0x80, "")], vec![said(TEXT, "")]),
        well(
            "6.1.3",
            vec![said(1, ""), said(0, "middle"), said(0x80, "")],
            vec![said(TEXT, "middle")],
        ),
        well("6.2.1", vec![said(TEXT, greeting)], vec![said(TEXT, greeting)]),
        well(
            "6.2.2",
            vec![said(1, &greeting[..12]), said(0x80, &greeting[12..])],
            vec![said(TEXT, greeting)],
        ),
        well("6.2.3", split(greeting), vec![said(TEXT, greeting)]),
        well("6.2.4", split(KOSME), vec![said(TEXT, KOSME)]),
        fails("6.3.1", 1007, vec![said(TEXT, &cut)], vec![]),
        fails("6.3.2", 1007, split(&cut), vec![]),
    ];
    for (number, text) in VALID.iter().enumerate() {
        cases.push(well(
            format!("6.5+ valid {number}"),
            vec![said(TEXT, text)],
            vec![said(TEXT, text)],
        ));
    }
    for (number, text) in INVALID.iter().enumerate() {
        cases.push(fails(format!("6.5+ invalid {number}"), 1007, vec![said(TEXT, text)], vec![]));
    }
    // All prefixes of a text are valid where they end between two characters.
    for length in 1..=KOSME.len() {
        let (number, sends) = (format!("6.6.{length}"), vec![said(TEXT, &KOSME[..length])]);
        cases.push(match std::str::from_utf8(&KOSME[..length]) {
            Ok(_) => well(number, sends.clone(), sends),
            Err(_) => fails(number, 1007, sends, vec![]),
        });
    }
    cases
}

/// 7: how it ends.
fn ends() -> Vec<EchoCase> {
    let greeting = said(TEXT, "Hello World!");
    let normal = close(NORMAL, b"");
    let answered = |number: &str, sends: Vec<Said>, answer: Said| well(number, sends, vec![answer]);
    let large = said(TEXT, b"BAsd7&jh23".repeat(26_215));
    let no_text = [KOSME, b"\xed\xa0\x80edited"].concat();
    let mut cases = vec![
        well("7.1.1", vec![greeting.clone()], vec![greeting.clone()]),
        answered("7.1.2", vec![normal.clone(), said(CLOSE, "")], normal.clone()),
        answered("7.1.3", vec![normal.clone(), said(PING, "")], normal.clone()),
        answered("7.1.4", vec![normal.clone(), greeting.clone()], normal.clone()),
        answered("7.1.5", vec![said(1, "a"), normal.clone(), said(0x80, "b")], normal.clone()),
        well(
            "7.1.6",
            vec![large.clone(), greeting.clone(), normal.clone(), said(PING, "")],
            vec![large, greeting, normal.clone()],
        ),
        answered("7.3.1", vec![said(CLOSE, "")], said(CLOSE, "")),
        fails("7.3.2", 1002, vec![said(CLOSE, "a")], vec![]),
        answered("7.3.3", vec![normal.clone()], normal.clone()),
        answered("7.3.4", vec![close(NORMAL, b"Hello World!")], normal.clone()),
        answered("7.3.5", vec![close(NORMAL, &[b'*'; 123])], normal),
        fails("7.3.6", 1002, vec![close(NORMAL, &[b'*'; 124])], vec![]),
        fails("7.5.1", 1007, vec![close(NORMAL, &no_text)], vec![]),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        cases.push(answered(&format!("7.7 {code}"), vec![close(code, b"")], close(code, b"")));
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(fails(format!("7.9, 7.13 {code}"), 1002, vec![close(code, b"")], vec![]));
    }
    cases
}

/// 9 and 10: long messages, whole and in many fragments.
fn long() -> Vec<EchoCase> {
    let mut cases = vec![];
    for (section, first, byte) in [(1, TEXT, b'*'), (2, BINARY, 0xfe)] {
        for size in [64 << 10, 256 << 10, 1 << 20] {
            let message = said(first, vec![byte; size]);
            cases.push(well(format!("9.{section} {size}"), vec![message.clone()], vec![message]));
        }
        for step in [64, 256, 1_024, 1_300, 4_096, 16_384, 65_536] {
            let message = vec![byte; 256 << 10];
            let mut sends: Vec<Said> = message.chunks(step).map(|part| said(0, part)).collect();
            sends[0].0 = first & MORE;
            sends.last_mut().expect("some").0 |= 0x80;
            cases.push(well(
                format!("9.{} {step}", section + 2),
                sends,
                vec![said(first, message)],
            ));
        }
    }
    cases
}

#[test]
fn cases_of_the_autobahn_suite_hold() {
    let cases: Vec<EchoCase> =
        [lengths(), pings(), reserved(), fragments(), texts(), ends(), long()]
            .into_iter()
            .flatten()
            .collect();
    assert!(cases.len() > 190, "{}", cases.len());
    cases.iter().for_each(assert_holds);
}

/// 6.4: a text is refused at the byte that makes it none, in a later fragment and in the middle of a frame.
#[test]
fn text_is_refused_as_soon_as_it_is_none() {
    let (start, wrong, rest) = (KOSME, b"\xf4\x90\x80\x80", b"edited");
    let frame = bytes(&said(TEXT, [start, wrong, rest].concat()));
    let in_fragments = [bytes(&said(1, [start, b"\xf4"].concat())), bytes(&said(0, b"\x90"))];
    for (before, at_once) in [
        (frame[..2 + 12].to_vec(), frame[14..15].to_vec()),
        (in_fragments[0].clone(), in_fragments[1].clone()),
    ] {
        assert_eq!(play(&[&before], true), vec![]);
        assert_eq!(play(&[&before, &at_once], true), vec![close(1007, b"")]);
    }
}
