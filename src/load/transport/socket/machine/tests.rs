//! The machine against what servers send, in whatever pieces it comes.

use proptest::prelude::*;

use super::*;
use crate::transport::memory::MemoryBudget;
use plimsoll_metrics::ErrorClass;
use plimsoll_units::{RandomStream, Seed};

fn machine() -> WebSocketMachine {
    machine_for(1_000)
}

/// A machine whose messages may have so many bytes.
fn machine_for(max: u64) -> WebSocketMachine {
    let masks = Seed::new(1).stream(RandomStream::WebSocket, 0);
    WebSocketMachine::new(MemoryBudget::default().buffer(max), masks, None)
}

/// A frame as a server sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length => {
            bytes.push(126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// What came of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    messages: Vec<Vec<u8>>,
    close: Option<CloseFrame>,
    failure: Option<u16>,
}

fn hear(machine: &mut WebSocketMachine, pieces: &[&[u8]]) -> Heard {
    let mut heard = Heard::default();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            match machine.feed(rest) {
                Ok((taken, event)) => {
                    rest = &rest[taken..];
                    match event {
                        Some(SocketEvent::Message) => {
                            heard.messages.push(machine.message().0.to_vec());
                        }
                        Some(SocketEvent::Close(close)) => {
                            heard.close = Some(close);
                            return heard;
                        }
                        None => {}
                    }
                }
                Err(failure) => {
                    heard.failure = Some(failure.code);
                    return heard;
                }
            }
        }
    }
    heard
}

/// The frames that the machine wrote: opcode and payload.
fn written(machine: &WebSocketMachine) -> Vec<(u8, Vec<u8>)> {
    let mut rest = machine.out.as_slice();
    let mut frames = vec![];
    while let [first, second, behind @ ..] = rest {
        let length = usize::from(second & 0x7f);
        assert!(second & 0x80 != 0 && length <= 125, "short and masked");
        let (mask, behind) = behind.split_at(4);
        let payload = behind[..length].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m);
        frames.push((first & 0x0f, payload.collect()));
        rest = &behind[length..];
    }
    frames
}

#[test]
fn control_frames_stand_between_fragments() {
    let bytes = [
        frame(0x01, b"a"),
        frame(0x89, b"p"),
        frame(0x00, b"b"),
        frame(0x8a, b"pong"),
        frame(0x80, b"c"),
        frame(0x82, &[0xff]),
    ]
    .concat();
    let mut machine = machine();
    let heard = hear(&mut machine, &[&bytes]);
    assert_eq!(heard.messages, [b"abc".to_vec(), vec![0xff]]);
    assert_eq!(written(&machine), [(0xa, b"p".to_vec())]);
}

/// What a server may not send, and the code of the close frame that it is told.
#[test]
fn violation_fails_the_connection_with_its_code() {
    let cases: [(&str, Vec<Vec<u8>>, u16); 12] = [
        ("nothing to continue", vec![frame(0x80, b"a")], 1002),
        ("text within text", vec![frame(0x01, b"a"), frame(0x81, b"b")], 1002),
        ("binary within text", vec![frame(0x01, b"a"), frame(0x82, b"b")], 1002),
        ("reserved bit", vec![frame(0xc1, b"a")], 1002),
        ("reserved opcode", vec![frame(0x83, b"")], 1002),
        ("fragmented ping", vec![frame(0x09, b"")], 1002),
        ("oversize ping", vec![frame(0x89, &[0; 126])], 1002),
        ("half a code", vec![frame(0x88, &[3])], 1002),
        ("forbidden code", vec![frame(0x88, &1006_u16.to_be_bytes())], 1002),
        ("no text", vec![frame(0x81, &[0xff])], 1007),
        ("half a character", vec![frame(0x01, &[0xe2]), frame(0x80, &[0x82])], 1007),
        ("too large", vec![frame(0x02, &[0; 900]), frame(0x80, &[0; 101])], 1009),
    ];
    for (name, frames, code) in cases {
        let mut machine = machine();
        let heard = hear(&mut machine, &[&frames.concat()]);
        assert_eq!(heard.failure, Some(code), "{name}");
        assert_eq!(written(&machine), [(8, code.to_be_bytes().to_vec())], "{name}");
    }
}

#[test]
fn message_that_does_not_fit_has_its_class() {
    let mut machine = machine();
    let failure = machine.feed(&frame(0x82, &[0; 1_001])).expect_err("too large");
    assert_eq!(failure.error.class, ErrorClass::BodyTooLarge);
}

/// Goal: what nobody looks into is counted at any size, and still has to be valid.
#[test]
fn messages_that_are_not_kept_may_be_of_any_size() {
    let mut machine = machine();
    machine.count_only();
    let large = [frame(0x01, &vec![b'x'; 60_000]), frame(0x80, &vec![b'y'; 60_000])].concat();
    assert_eq!(hear(&mut machine, &[&large]).messages, [b"".to_vec()]);
    assert_eq!(hear(&mut machine, &[&frame(0x81, &[0xff])]).failure, Some(1007));
}

/// Goal: prove that pings which come faster than answers are read take no memory.
/// Method: 100,000 pings without one write; then the server reads again.
#[test]
fn ping_flood_is_answered_with_bounded_memory() {
    let mut machine = machine();
    for number in 0..100_000_u32 {
        let (_, event) = machine.feed(&frame(0x89, &number.to_be_bytes())).expect("valid");
        assert_eq!(event, None);
    }
    assert!(machine.out.len() < ANSWERS_MAX + 200, "{}", machine.out.len());
    let answers = written(&machine);
    assert_eq!(answers[0], (0xa, 0_u32.to_be_bytes().to_vec()));
    machine.flushed();
    assert_eq!(written(&machine), [(0xa, 99_999_u32.to_be_bytes().to_vec())]);
    machine.flushed();
    assert!(machine.out.is_empty());
}

#[test]
fn close_is_answered_once_and_nothing_said_after_it() {
    let mut machine = machine();
    let close = frame(0x88, &[&1001_u16.to_be_bytes()[..], b"bye"].concat());
    let heard = hear(&mut machine, &[&close]);
    assert_eq!(heard.close, Some(CloseFrame { code: 1001, reason: "bye".to_owned() }));
    machine.send_text("late");
    machine.close_normally();
    assert_eq!(written(&machine), [(8, 1001_u16.to_be_bytes().to_vec())]);
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        "[a-zä€😀]{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
        (1000_u16..5_000).prop_map(|code| code.to_be_bytes().to_vec()),
    ];
    let first = prop_oneof![
        prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88]),
        any::<u8>(),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

proptest! {
    /// Goal: whatever frames come, in whatever pieces, the same is heard, and little is kept or said.
    #[test]
    fn any_frames_are_heard_the_same_in_any_pieces(
        frames in prop::collection::vec(any_frame(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (mut whole, mut cut) = (machine_for(10_000), machine_for(10_000));
        prop_assert_eq!(hear(&mut whole, &[&bytes]), hear(&mut cut, &pieces));
        prop_assert_eq!(&whole.out, &cut.out);
        prop_assert!(whole.out.len() < ANSWERS_MAX + 200);
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut machine = machine();
        hear(&mut machine, &[&bytes]);
        prop_assert!(machine.out.len() <= ANSWERS_MAX);
    }
}
