//! What a stream of bytes is heard as, in whatever pieces it comes.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;
use crate::transport::parser::ParseProgress;
use plimsoll_plan::Matcher;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";

fn at(millis: u64) -> RunTime {
    RunTime::ZERO + Nanos::from_millis(millis)
}

fn awaited() -> AwaitedEvents {
    AwaitedEvents { until: vec![], kind: String::new(), hold: None, keeps_last: true }
}

fn until(text: &str) -> Vec<Check> {
    vec![Check::Body(Matcher::Contains(text.to_owned()))]
}

/// A stream whose first event has to come within a second.
fn stream(awaited: AwaitedEvents) -> EventStream {
    let times = (RunTime::ZERO, Nanos::from_secs(1));
    EventStream::new(awaited, times, 1_000, &MemoryBudget::default())
}

/// Feeds pieces one after the other, all at the same time. Returns whether that was enough.
fn feed(
    events: &mut EventStream,
    pieces: &[&[u8]],
    now: RunTime,
) -> Result<(bool, ResponseParser), TransportError> {
    let mut parser = ResponseParser::new();
    parser.start(false, true, u64::MAX);
    for piece in pieces {
        let fed = parser.feed(piece)?;
        if events.look(&mut parser, (now, &|_, _| {}))? {
            return Ok((true, parser));
        }
        assert_eq!(fed, ParseProgress::More);
    }
    Ok((false, parser))
}

/// What is heard of `text`: how many events, and the last.
fn heard(text: &str) -> (u64, Option<String>) {
    let mut events = stream(awaited());
    feed(&mut events, &[HEAD.as_bytes(), text.as_bytes()], at(1)).expect("valid");
    let last = events.last().map(|last| String::from_utf8_lossy(last).into_owned());
    (events.count(), last)
}

/// The examples of the standard (§9.2.6), and every line end, field and mark of it.
#[test]
fn stream_is_read_as_the_standard_has_it() {
    let cases = [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", 1, Some("YHOO\n+2\n10")),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            3,
            Some(" third event"),
        ),
        ("data\n\ndata\ndata\n\ndata:", 2, Some("\n")),
        ("data:test\n\ndata: test\n\n", 2, Some("test")),
        ("data: a\r\rdata: b\r\n\r\ndata: c\n\r", 3, Some("c")),
        ("\u{feff}data: marked\n\n", 1, Some("marked")),
        ("data: \u{feff}inside\n\n", 1, Some("\u{feff}inside")),
        ("event: x\nretry: 10\nid: 7\n\n", 0, None),
        ("DATA: a\ndatax: b\n data: c\ndata : d\n\n", 0, None),
        ("data: unfinished\n", 0, None),
        ("data: a:b: c\n\n", 1, Some("a:b: c")),
        ("\n\n\r\r\ndata: after blanks\n\n", 1, Some("after blanks")),
    ];
    for (text, count, last) in cases {
        assert_eq!(heard(text), (count, last.map(str::to_owned)), "{text:?}");
    }
}

#[test]
fn stream_is_enough_with_the_event_that_meets_until() {
    let mut events = stream(AwaitedEvents { until: until("done"), ..awaited() });
    let text = b"data: a\n\ndata: done\n\ndata: z\n\n";
    assert!(feed(&mut events, &[HEAD.as_bytes(), text], at(2)).expect("valid").0);
    assert_eq!((events.count(), events.last()), (2, Some(b"done".as_slice())));
    assert_eq!(events.missing(), None);
    let mut events = stream(AwaitedEvents { until: until("done"), ..awaited() });
    feed(&mut events, &[HEAD.as_bytes(), b"data: a\n\n"], at(2)).expect("valid");
    assert!(events.missing().is_some_and(|why| why.ends_with("the last was `a`")));
}

#[test]
fn only_events_of_the_type_are_heard() {
    let text = "event: price\ndata: 1\n\ndata: 2\n\nevent:news\nevent: price\ndata: 3\n\nevent: priced\ndata: 4\n\n";
    let listen = |kind: &str| {
        let mut events = stream(AwaitedEvents { kind: kind.to_owned(), ..awaited() });
        feed(&mut events, &[HEAD.as_bytes(), text.as_bytes()], at(1)).expect("valid");
        (events.count(), events.last().map(<[u8]>::to_vec))
    };
    assert_eq!(listen("price"), (2, Some(b"3".to_vec())));
    assert_eq!(listen("message"), (1, Some(b"2".to_vec())));
    assert_eq!(listen(""), (4, Some(b"4".to_vec())));
}

/// Goal: what the stream's end by time is, for each thing that may be awaited of it.
#[test]
fn stream_that_does_not_end_is_left_by_its_time() {
    let late = |awaited: AwaitedEvents, text: &str, now: u64| {
        let mut events = stream(awaited);
        match feed(&mut events, &[HEAD.as_bytes(), text.as_bytes()], at(1)) {
            Ok((enough, _)) => assert!(!enough),
            Err(error) => return Err(error.message),
        }
        if at(now) < events.deadline() {
            Ok(false)
        } else {
            events.on_deadline().map_or_else(|e| Err(e.message), |()| Ok(true))
        }
    };
    let held = |millis| AwaitedEvents { hold: Some(Nanos::from_millis(millis)), ..awaited() };
    assert_eq!(late(awaited(), "data: a\n\n", 999), Ok(false));
    assert_eq!(late(awaited(), "data: a\n\n", 1_000), Ok(true));
    assert_eq!(late(held(5_000), "data: a\n\n", 4_999), Ok(false));
    assert_eq!(late(held(5_000), "data: a\n\n", 5_000), Ok(true));
    let silent = Err("no event came within `timeout`".to_owned());
    assert_eq!(late(awaited(), ": hello\n\n", 1_000), silent);
    assert_eq!(late(held(5_000), ": hello\n\n", 1_000), silent);
    let unmet = AwaitedEvents { until: until("done"), ..awaited() };
    let message = "no event met `until` within `timeout`".to_owned();
    assert_eq!(late(unmet, "data: a\n\n", 1_000), Err(message));
}

#[test]
fn flood_does_not_keep_the_stream_beyond_its_time() {
    let mut events = stream(AwaitedEvents { until: until("done"), ..awaited() });
    let error = feed(&mut events, &[HEAD.as_bytes(), b"data: a\n\n"], at(1_000));
    assert_eq!(error.expect_err("too late").class, ErrorClass::ResponseTimeout);
}

#[test]
fn answer_that_is_no_event_stream_is_named() {
    let cases = [
        ("content-type: text/html; charset=x\r\n", "the answer is `text/html`"),
        ("", "the answer has no `content-type"),
    ];
    for (header, why) in cases {
        let mut events = stream(awaited());
        let text = format!("HTTP/1.1 200 OK\r\n{header}\r\n<html>\n\n");
        let (_, parser) = feed(&mut events, &[text.as_bytes()], at(1)).expect("valid");
        assert!(events.missing().is_some_and(|told| told.starts_with(why)), "{header}");
        assert_eq!(parser.body(), b"<html>\n\n", "it is kept for checks");
        let large = feed(&mut events, &[text.as_bytes(), &[b'x'; 1_001]], at(1));
        assert_eq!(large.expect_err("too large").class, ErrorClass::BodyTooLarge);
    }
}

/// Goal: prove that a stream takes no memory, however long it is, and that an event is bounded.
#[test]
fn stream_is_not_kept_and_an_event_is_bounded() {
    let budget = MemoryBudget::default();
    let times = (RunTime::ZERO, Nanos::from_secs(1));
    let mut events = EventStream::new(awaited(), times, 1_000, &budget);
    let mut parser = ResponseParser::new();
    parser.start(false, true, u64::MAX);
    parser.feed(HEAD.as_bytes()).expect("valid");
    let event = format!(": {}\ndata: {}\n\n", "c".repeat(5_000), "d".repeat(900));
    for _ in 0..2_000 {
        parser.feed(event.as_bytes()).expect("valid");
        assert_eq!(events.look(&mut parser, (at(1), &|_, _| {})), Ok(false));
        assert_eq!(parser.body(), b"");
        assert!(budget.held() < 4_000, "{}", budget.held());
    }
    assert_eq!(events.count(), 2_000);
    parser.feed(&[b"data: ", [b'd'; 1_001].as_slice()].concat()).expect("valid");
    let error = events.look(&mut parser, (at(1), &|_, _| {})).expect_err("too large");
    assert_eq!(error.class, ErrorClass::BodyTooLarge);
}

#[test]
fn gaps_are_those_between_events_that_are_listened_to() {
    let mut events = stream(AwaitedEvents { kind: "price".to_owned(), ..awaited() });
    let mut parser = ResponseParser::new();
    parser.start(false, true, u64::MAX);
    let gaps = RefCell::new(vec![]);
    let on_gap = |before: RunTime, now: RunTime| gaps.borrow_mut().push((before, now));
    let pieces = [
        (0, HEAD),
        (1, ": hello\n\nevent: price\ndata: 1\n\n"),
        (3, "event: other\ndata: 0\n\nevent: price\nda"),
        (6, "ta: 2\n\nevent: price\n\n"),
        (10, "event: price\ndata: 3\n\nevent: price\ndata: 4\n\n"),
    ];
    for (millis, text) in pieces {
        parser.feed(text.as_bytes()).expect("valid");
        assert_eq!(events.look(&mut parser, (at(millis), &on_gap)), Ok(false));
    }
    assert_eq!(*gaps.borrow(), [(at(1), at(6)), (at(6), at(10)), (at(10), at(10))]);
}

#[test]
fn events_that_nobody_looks_into_are_only_counted() {
    let mut events = stream(AwaitedEvents { keeps_last: false, ..awaited() });
    let text = format!("data: {}\n\n", "d".repeat(2_000));
    feed(&mut events, &[HEAD.as_bytes(), text.as_bytes()], at(1)).expect("of any size");
    assert_eq!((events.count(), events.last(), events.missing()), (1, None, None));
}

proptest! {
    #[test]
    fn any_pieces_are_heard_the_same(
        text in "(data|event|id|retry|x|:|\u{feff}| |a|\r|\n|\r\n|€){0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut pieces = vec![HEAD.as_bytes()];
        pieces.extend(cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).filter(|p| !p.is_empty()));
        let mut events = stream(awaited());
        feed(&mut events, &pieces, at(1)).expect("valid");
        let last = events.last().map(|last| String::from_utf8_lossy(last).into_owned());
        prop_assert_eq!((events.count(), last), heard(&text));
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut events = stream(awaited());
        let _ = feed(&mut events, &[HEAD.as_bytes(), &bytes], at(1));
    }
}
