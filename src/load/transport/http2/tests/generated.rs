//! What holds for any frames.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_split_reads_the_same(cuts in prop::collection::vec(0_usize..200, 0..8)) {
        let text = whole_response();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut connection = ConnectionMachine::new(65_536);
        begin(&mut connection, &Method::GET, b"");
        let mut from = 0;
        for to in cuts {
            connection.feed(&text[from..to], NOW);
            from = to;
        }
        let stream = connection.take(1).expect("there");
        prop_assert_eq!(stream.outcome, Some(Ok(NOW)));
        prop_assert_eq!(stream.parser.body(), b"hello world");
        prop_assert!(connection.closed().is_none());
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        asked(&Method::GET).feed(&bytes, NOW);
    }

    /// Frames that are whole but hold anything, on streams that exist and that do not.
    #[test]
    fn any_frames_do_not_panic(
        frames in prop::collection::vec(
            (0_u8..12, any::<u8>(), 0_u32..6, prop::collection::vec(any::<u8>(), 0..20)), 0..12,
        ),
    ) {
        let mut connection = asked(&Method::POST);
        for (kind, flags, stream, payload) in frames {
            connection.feed(&framed(kind, flags, stream, &payload), NOW);
        }
        connection.take(1);
    }

    /// A valid response with one byte changed is a response or an error, never a panic or an endless wait
    /// for what has already come.
    #[test]
    fn one_wrong_byte_does_not_panic(at in 0_usize..200, byte in any::<u8>()) {
        let mut text = whole_response();
        let at = at % text.len();
        text[at] = byte;
        let mut connection = asked(&Method::GET);
        connection.feed(&text, NOW);
        connection.end();
        prop_assert!(outcome(&mut connection).is_some());
    }
}
